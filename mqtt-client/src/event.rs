//! Events: the link is up, the link is down, a message came. And what is told with them.

use mqtt_as_proto::Properties;
use mqtt_as_proto::client::{Connected, Limits};

use crate::words::Words;

/// The link came up: the server has accepted a connection. Its callbacks get the [`Session`].
///
/// ```
/// # mqtt_as_tests::example!(|client| {
/// use mqtt_as_tokio::event;
///
/// client.set_cb_on_event(event::Up, |session| async move {
///     println!("up; resumed: {}", session.session_present);
/// });
/// # });
/// ```
///
/// Callbacks run beside the connection: messages of a resumed session may be there before it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Up;

/// The link went down. Its callbacks get the [`DownReason`](crate::DownReason).
///
/// ```
/// # mqtt_as_tests::example!(|client| {
/// use mqtt_as_tokio::event;
///
/// client.set_cb_on_event(event::Down, |reason| async move { println!("down: {reason}") });
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Down;

/// A message came. Its callbacks get the `Message`; without a heap a reference to a
/// [`MessageRef`](crate::MessageRef).
///
/// ```
/// # mqtt_as_tests::example!(|client| {
/// use mqtt_as_tokio::event;
///
/// client.set_cb_on_event(event::Msg, |message| async move {
///     println!("{}: {} bytes", message.topic(), message.payload().len());
/// });
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Msg;

/// The policy of [`Config::reconnect`](crate::Config::reconnect) has decided on an attempt to come,
/// or on the end of trying. Its callbacks get an [`Attempt`](crate::Attempt).
///
/// ```
/// # mqtt_as_tests::example!(|client| {
/// use mqtt_as_tokio::event;
///
/// client.set_cb_on_event(event::Reconnecting, |attempt| async move {
///     println!("{attempt}"); // "attempt 3 in 4000 ms: …"
/// });
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconnecting;

/// What the server said when it accepted the connection (3.2).
///
/// ```
/// # use mqtt_as_client::{Client, ConnectError, Runtime};
/// # async fn show<R: Runtime>(client: &Client<R>) -> Result<(), ConnectError> {
/// let session = client.connect(false).await?;
/// println!("resumed: {}", session.session_present);
/// if let Some(id) = session.properties().assigned_client_identifier() {
///     println!("the server calls us {id}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Session {
    /// The server resumed a session.
    pub session_present: bool,
    /// The session was not known here: its state is the server's alone.
    pub adopted: bool,
    /// The session that is present may be without its subscriptions. The server did not answer an
    /// earlier CONNECT of this client: it may have begun the session for that one, or have read it late,
    /// and have ended with it the last connection and the subscriptions of the session.
    ///
    /// Where they are made again the server sends what is retained once more, as in a new session: in 5.0
    /// [`retain_handling`](crate::Subscribe::retain_handling) can forbid that.
    pub may_lack_subscriptions: bool,
    /// The keep-alive that the server wants, in seconds, if not ours.
    pub server_keep_alive: Option<u16>,
    /// Seconds for which the server keeps the session, if not what was asked for.
    pub session_expiry: Option<u32>,
    /// What the server allows.
    pub limits: Limits,
    /// The session is resumed, but ends with this connection: its expiry was set to 0 although it
    /// was to be kept.
    pub expires_at_once: bool,
    words: Words,
}

impl Session {
    pub(crate) fn new(connected: &Connected<'_>, is_unsure: bool) -> Self {
        Self {
            session_present: connected.session_present,
            adopted: connected.adopted,
            may_lack_subscriptions: connected.session_present && is_unsure,
            server_keep_alive: connected.server_keep_alive,
            session_expiry: connected.session_expiry,
            limits: *connected.limits,
            expires_at_once: false,
            words: Words::new(&connected.properties),
        }
    }

    /// Returns whether the server has the subscriptions that this client made in the session: it resumed
    /// one, and [`may_lack_subscriptions`](Self::may_lack_subscriptions) says nothing against it. Where
    /// it has not, a program subscribes. What a policy or a receiver restores comes back by itself.
    ///
    /// ```
    /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// # use mqtt_as_tokio::QoS;
    /// let session = client.connect(false).await?;
    /// if !session.has_subscriptions() {
    ///     client.subscribe("pump/+/state", QoS::AtLeastOnce).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn has_subscriptions(&self) -> bool {
        self.session_present && !self.may_lack_subscriptions
    }

    /// Returns all properties of CONNACK: the assigned client identifier, the Response Information,
    /// a reason string, user properties, data of enhanced authentication and the rest (3.2.2.3).
    /// There are none in 3.1.1. More than 64 KiB of them are not kept, and without a heap nothing is:
    /// then there are none here, and what is a number is in the fields.
    ///
    /// ```
    /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let session = client.connect(true).await?;
    /// if let Some(id) = session.properties().assigned_client_identifier() {
    ///     println!("the server calls us {id}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn properties(&self) -> Properties<'_> {
        self.words.properties()
    }
}

// By hand: what can be copied is copied at once, which is less code than to clone each part.
impl Clone for Session {
    fn clone(&self) -> Self {
        Self {
            session_present: self.session_present,
            adopted: self.adopted,
            may_lack_subscriptions: self.may_lack_subscriptions,
            server_keep_alive: self.server_keep_alive,
            session_expiry: self.session_expiry,
            limits: self.limits,
            expires_at_once: self.expires_at_once,
            words: self.words.clone(),
        }
    }
}

/// Shows the numbers only.
#[cfg(feature = "defmt")]
impl defmt::Format for Session {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Session {{ session_present: {}, adopted: {}, may_lack_subscriptions: {}, \
             server_keep_alive: {}, session_expiry: {}, limits: {} }}",
            self.session_present,
            self.adopted,
            self.may_lack_subscriptions,
            self.server_keep_alive,
            self.session_expiry,
            self.limits
        );
    }
}

/// What the server said, in words, when it refused or ended a connection (5.0).
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerWords {
    /// The reason string.
    pub reason: Option<alloc::string::String>,
    /// Another server to use.
    pub reference: Option<alloc::string::String>,
}

#[cfg(feature = "alloc")]
impl ServerWords {
    /// Those in that packet, if there are any.
    pub(crate) fn of(properties: &Properties<'_>) -> Option<Self> {
        let (reason, reference) = (properties.reason_string(), properties.server_reference());
        let is_any = reason.is_some() || reference.is_some();
        let (reason, reference) = (reason.map(Into::into), reference.map(Into::into));
        is_any.then_some(Self { reason, reference })
    }
}

/// Counts since the client was made, and the memory that it has now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Statistics {
    /// Connections that the server accepted.
    pub connections: u32,
    /// Attempts to connect that the reconnect policy has decided on.
    pub attempts: u32,
    /// Messages received.
    pub received: u64,
    /// Messages accepted for publishing.
    pub published: u64,
    /// QoS 0 messages dropped because the queue was full.
    pub discards: u64,
    /// QoS 1 and 2 messages that no receiver has claimed, and that nobody has asked for in time: they
    /// were acknowledged. Only where there are receivers.
    pub unclaimed: u64,
    /// 3.1.1: QoS 1 and 2 messages left to the server because the queue was full.
    pub shed: u64,
    /// Messages that were skipped: in 3.1.1 those larger than the maximum packet size, and streams that
    /// nobody took.
    pub too_large: u64,
    /// QoS 0 messages accepted for publishing that may not have left when a connection was lost.
    pub unsent: u64,
    /// Bytes of memory for messages and packets that the client has now, in use or not. A heap gets
    /// them back when the link goes down or falls idle.
    pub allocated: usize,
}
