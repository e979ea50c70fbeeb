//! How the server acknowledged a message.

use core::fmt;

use mqtt_as_proto::{Properties, ReasonCode};

use crate::words::Words;

/// How the server acknowledged a message: a reason code, and in 5.0 perhaps more (3.4, 3.5, 3.7).
///
/// At QoS 1 it is what PUBACK said, at QoS 2 what PUBREC said. QoS 0 has no acknowledgement: the
/// reason code is success then, and in 3.1.1 it always is.
///
/// ```
/// # mqtt_as_tests::example!(|client| {
/// use mqtt_as_tokio::QoS;
///
/// let acknowledgement = client.publish("plant/7/state", "on").qos(QoS::AtLeastOnce).await?;
/// if acknowledgement.has_no_subscribers() {
///     println!("nobody listens");
/// }
/// # });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acknowledgement {
    reason: ReasonCode,
    words: Words,
}

impl Acknowledgement {
    pub(crate) const SUCCESS: Self = Self::new(ReasonCode::SUCCESS, Words::NONE);

    pub(crate) const fn new(reason: ReasonCode, words: Words) -> Self {
        Self { reason, words }
    }

    /// Returns the reason code. Below 0x80 the server has accepted the message.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::{QoS, ReasonCode};
    ///
    /// let acknowledgement = client.publish("plant/7/state", "on").qos(QoS::AtLeastOnce).await?;
    /// assert!(!acknowledgement.reason_code().is_error());
    /// # });
    /// ```
    #[must_use]
    pub const fn reason_code(&self) -> ReasonCode {
        self.reason
    }

    /// Returns true if the server says that no subscription matches the topic (0x10). A server need
    /// not say so.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let acknowledgement = client.publish("plant/7/state", "on").qos(QoS::AtLeastOnce).await?;
    /// if acknowledgement.has_no_subscribers() {
    ///     println!("nobody listens");
    /// }
    /// # });
    /// ```
    #[must_use]
    pub fn has_no_subscribers(&self) -> bool {
        self.reason == ReasonCode::NO_MATCHING_SUBSCRIBERS
    }

    /// Returns the properties that came with it, a reason string and user properties: at QoS 2 those
    /// of PUBREC, behind them those of PUBCOMP. More than 1 KiB of either is not kept, and without a
    /// heap nothing is: then there are none.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let acknowledgement = client.publish("plant/7/state", "on").qos(QoS::AtLeastOnce).await?;
    /// if let Some(reason) = acknowledgement.properties().reason_string() {
    ///     println!("the server says: {reason}");
    /// }
    /// # });
    /// ```
    #[must_use]
    pub fn properties(&self) -> Properties<'_> {
        self.words.properties()
    }
}

impl From<ReasonCode> for Acknowledgement {
    fn from(reason: ReasonCode) -> Self {
        Self::new(reason, Words::NONE)
    }
}

/// The reason code, and the reason string behind it, if there is one.
impl fmt::Display for Acknowledgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        match self.words.properties().reason_string() {
            Some(words) => write!(f, " ({words:?})"),
            None => Ok(()),
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Acknowledgement {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.reason);
    }
}
