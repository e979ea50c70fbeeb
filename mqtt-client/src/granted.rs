//! What the server answers to a request: a reason code per filter, and what it says beside them.

use core::fmt;

use mqtt_as_proto::{QoS, ReasonCode};

use crate::words::Words;

/// Filters that one call takes.
pub(crate) const MOST: usize = 16;

/// The server's answer to a subscription, or to its end.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Granted {
    codes: Codes,
    pub(crate) words: Words,
}

/// A reason code per filter, as they stand on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Codes {
    codes: [ReasonCode; MOST],
    len: u8,
}

impl Codes {
    pub(crate) const NONE: Self = Self { codes: [ReasonCode::SUCCESS; MOST], len: 0 };

    /// The codes that stand on the wire, as far as one call can have asked for them.
    pub(crate) fn new(wire: &[u8]) -> Self {
        let mut codes = Self { len: wire.len().min(MOST) as u8, ..Self::NONE };
        for (place, code) in codes.codes.iter_mut().zip(wire) {
            *place = ReasonCode::from_u8(*code);
        }
        codes
    }

    pub(crate) fn as_slice(&self) -> &[ReasonCode] {
        self.codes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Granted {
    pub(crate) fn new(codes: Codes, words: Words) -> Self {
        Self { codes, words }
    }

    /// Returns the QoS that was granted for the filter; of several, for the first one. QoS 0 if the
    /// server refused it.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let granted = client.subscribe("plant/+/cmd", QoS::ExactlyOnce).await?;
    /// if granted.qos() < QoS::ExactlyOnce {
    ///     println!("the server grants {:?} only", granted.qos());
    /// }
    /// # });
    /// ```
    #[must_use]
    pub fn qos(&self) -> QoS {
        self.results().next().and_then(Result::ok).unwrap_or_default()
    }

    /// Returns the reason codes in the order of the filters; none of UNSUBACK in 3.1.1.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// client.subscribe("plant/+/cmd", QoS::AtLeastOnce).await?;
    /// let ended = client.unsubscribe("plant/+/cmd").await?;
    /// println!("{:?}", ended.reason_codes());
    /// # });
    /// ```
    #[must_use]
    pub fn reason_codes(&self) -> &[ReasonCode] {
        self.codes.as_slice()
    }

    /// Returns per filter the granted QoS, or the reason to refuse it.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::{Properties, QoS, SubscriptionOptions};
    ///
    /// let filters = [("a", SubscriptionOptions::new(QoS::AtLeastOnce))];
    /// let granted = client.subscribe_all(&filters, Properties::NONE).await?;
    /// assert_eq!(granted.results().next(), Some(Ok(QoS::AtLeastOnce)));
    /// # });
    /// ```
    pub fn results(&self) -> impl Iterator<Item = Result<QoS, ReasonCode>> + '_ {
        self.reason_codes().iter().map(|code| QoS::from_bits(code.as_u8()).ok_or(*code))
    }
}

#[cfg(feature = "alloc")]
impl Granted {
    /// Returns the properties of the answer: a reason string and user properties, 5.0 only
    /// (3.9.2.1, 3.11.2.1).
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// let granted = client.subscribe("plant/+/cmd", QoS::AtLeastOnce).await?;
    /// if let Some(reason) = granted.properties().reason_string() {
    ///     println!("the server says: {reason}");
    /// }
    /// # });
    /// ```
    #[must_use]
    pub fn properties(&self) -> mqtt_as_proto::Properties<'_> {
        self.words.properties()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Granted {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.reason_codes());
    }
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.reason_codes()).finish()
    }
}
