//! What a client does by itself when its link is lost: a policy, as data.

use core::error::Error;
use core::fmt;
use core::time::Duration;

use mqtt_as_proto::ReasonCode;
use mqtt_as_proto::client::ConnectionError;

use crate::credentials::{Credentials, Renew, RenewLater};
use crate::deadline::{LONGEST, NEVER};
use crate::error::{ConnectError, DownReason, Step};
use crate::held::{Held, Text};
use crate::servers::MoreServers;

/// The options of a policy, which may be used for a static.
macro_rules! options {
    ($($(#[$about:meta])* $name:ident($this:ident, $part:ident: $type:ty) $set:block)+) => {$(
        $(#[$about])*
        pub const fn $name(mut $this, $part: $type) -> Self {
            $set
            $this
        }
    )+};
}

/// When and where a client connects again by itself, given to
/// [`Config::reconnect`](crate::Config::reconnect).
///
/// A link that was up and is lost is opened again, after a delay that grows with each attempt in a
/// row and has a part of chance, so that the clients of a server that restarts do not come all at
/// once. The session is resumed as the last [`connect`](crate::Client::connect) wanted it: after
/// `connect(false)`, and in 5.0 where a session expiry is set, it goes on; else each connection has
/// a new one, in which the policy subscribes again to what the program had subscribed to since it called
/// `connect(true)`. [`disconnect`](crate::Client::disconnect) ends it, and so does the last handle that is
/// dropped; the next `connect` begins anew.
///
/// Each attempt that is to come is told by [`event::Reconnecting`](crate::event::Reconnecting), and
/// so is the end of trying.
///
/// What another attempt cannot mend ends the policy:
///
/// * another client has taken the session over (0x8E): with two clients of one identifier each would
///   cut the other off for ever;
/// * the server does not take the version, the client identifier or the will;
/// * the settings cannot be sent.
///
/// One 0x8E is forgiven for each attempt that was given up before the server answered: it may have been
/// this client's own CONNECT, which the server has read late.
///
/// Refused credentials have a [delay of their own](Self::refused_delay). A message that seems to
/// break every connection ([`DownReason::Poison`]) does not end the policy: each attempt sends it again,
/// until it arrives, or the program calls [`give_up`](crate::Client::give_up).
///
/// ```
/// use core::time::Duration;
/// use mqtt_as_tokio::{Config, Reconnect};
///
/// let policy = Reconnect::new().first_delay(Duration::from_millis(500)).attempts(100);
/// # #[cfg(feature = "alloc")]
/// let config = Config::new("broker.example").client_id("pump-7").reconnect(policy);
/// ```
///
/// Without a heap the policy is lent for ever, and lies where constants lie:
///
/// ```
/// use mqtt_as_tokio::{Config, Reconnect};
///
/// static POLICY: Reconnect = Reconnect::new().servers(&[("spare.example", 1883)]);
/// let config = Config::new("broker.example").client_id("pump-7").reconnect(&POLICY);
/// # let _ = config;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Reconnect {
    /// Times in milliseconds.
    pub(crate) first_delay: u32,
    pub(crate) longest_delay: u32,
    pub(crate) refused_delay: u32,
    pub(crate) stable_after: u32,
    /// 0 for as many as it takes.
    pub(crate) attempts: u32,
    pub(crate) factor: u8,
    /// In percent.
    pub(crate) jitter: u8,
    pub(crate) first_connect: bool,
    /// The next two want a heap.
    pub(crate) restore: bool,
    pub(crate) follow: bool,
    servers: &'static [(&'static str, u16)],
    more_servers: MoreServers,
    pub(crate) renew: Option<Renew>,
    pub(crate) renew_later: RenewLater,
}

impl Reconnect {
    /// Returns the policy with the defaults named at each option.
    ///
    /// ```
    /// # use mqtt_as_tokio::Reconnect;
    /// let policy = Reconnect::new();
    /// # let _ = policy;
    /// ```
    pub const fn new() -> Self {
        Self {
            first_delay: 1000,
            longest_delay: 60_000,
            refused_delay: 300_000,
            stable_after: 30_000,
            attempts: 0,
            factor: 2,
            jitter: 50,
            first_connect: false,
            restore: true,
            follow: false,
            servers: &[],
            more_servers: MoreServers::NONE,
            renew: None,
            renew_later: RenewLater::NONE,
        }
    }

    options! {
        /// Sets the delay before the first attempt, 1 ms at least. Default: 1 s.
        ///
        /// ```
        /// # use mqtt_as_tokio::Reconnect;
        /// # use core::time::Duration;
        /// let policy = Reconnect::new().first_delay(Duration::from_millis(200));
        /// # let _ = policy;
        /// ```
        first_delay(self, delay: Duration) { self.first_delay = millis(delay); }

        /// Sets how many times longer each delay is than the one before. Default: 2.
        ///
        /// ```
        /// # use mqtt_as_tokio::Reconnect;
        /// // With the other defaults about 1, 3, 9, 27, 60, 60, … seconds.
        /// let policy = Reconnect::new().factor(3);
        /// # let _ = policy;
        /// ```
        factor(self, factor: u8) { self.factor = factor; }

        /// Sets the longest delay, 24 days at most. Default: 60 s.
        ///
        /// ```
        /// # use mqtt_as_tokio::Reconnect;
        /// # use core::time::Duration;
        /// let policy = Reconnect::new().longest_delay(Duration::from_secs(300));
        /// # let _ = policy;
        /// ```
        longest_delay(self, delay: Duration) { self.longest_delay = millis(delay); }

        /// Sets the part of a delay that is left to chance, in percent: 100 lets it lie anywhere
        /// between 0 and the whole, 0 makes it exact. Default: 50.
        ///
        /// ```
        /// # use mqtt_as_tokio::Reconnect;
        /// // A fleet of thousands comes back evenly spread.
        /// let policy = Reconnect::new().jitter(100);
        /// # let _ = policy;
        /// ```
        jitter(self, percent: u8) { self.jitter = percent; }

        /// Sets how long a link has to stand for the delays to begin with the first one again.
        /// Default: 30 s.
        ///
        /// ```
        /// # use mqtt_as_tokio::Reconnect;
        /// # use core::time::Duration;
        /// let policy = Reconnect::new().stable_after(Duration::from_secs(120));
        /// # let _ = policy;
        /// ```
        stable_after(self, time: Duration) { self.stable_after = millis(time); }

        /// Sets how many attempts in a row may fail before the policy ends. Default: 0, there is no
        /// end.
        ///
        /// ```
        /// # use mqtt_as_tokio::Reconnect;
        /// let policy = Reconnect::new().attempts(100);
        /// # let _ = policy;
        /// ```
        attempts(self, attempts: u32) { self.attempts = attempts; }

        /// Sets the delay after a refusal that somebody has to mend: bad user name or password, not
        /// authorized, banned, an administrative action, an authentication that the program refused to
        /// go on with, or a certificate that is not trusted or that the server does not take. 0 ends
        /// the policy there. Default: 5 min.
        ///
        /// ```
        /// # use mqtt_as_tokio::Reconnect;
        /// # use core::time::Duration;
        /// // A wrong password ends it at once.
        /// let policy = Reconnect::new().refused_delay(Duration::ZERO);
        /// # let _ = policy;
        /// ```
        refused_delay(self, delay: Duration) { self.refused_delay = millis(delay); }

        /// Sets whether the first connection is tried again, too: `connect` then waits until there
        /// is one, or the policy ends. Default: no, the program learns at once that it does not
        /// work.
        ///
        /// ```
        /// # use mqtt_as_tokio::Reconnect;
        /// // A machine that boots before its server.
        /// let policy = Reconnect::new().first_connect(true);
        /// # let _ = policy;
        /// ```
        first_connect(self, retry: bool) { self.first_connect = retry; }

        /// Sets servers to try when the one of the settings fails, in that order, each with its
        /// port. A round of all of them has no delay in between. Default: none.
        ///
        /// ```
        /// # use mqtt_as_tokio::Reconnect;
        /// static POLICY: Reconnect = Reconnect::new().servers(&[("spare.example", 1883)]);
        /// ```
        servers(self, servers: &'static [(&'static str, u16)]) {
            self.servers = servers;
        }

        /// Asks the program before each connection attempt what to say in CONNECT. The function gets
        /// what was said last, at first what the settings say, and changes what it likes. The driver
        /// waits for it meanwhile. Default: the settings stay.
        ///
        /// ```
        /// use mqtt_as_tokio::{Credentials, Reconnect};
        ///
        /// fn renew(credentials: &mut Credentials) {
        ///     credentials.password = Some("a new one".into());
        /// }
        ///
        /// static POLICY: Reconnect = Reconnect::new().credentials(renew);
        /// ```
        credentials(self, renew: fn(&mut Credentials)) {
            self.renew = Some(renew);
        }
    }
}

#[cfg(feature = "alloc")]
impl Reconnect {
    /// Adds a server to try, behind those of [`servers`](Self::servers).
    ///
    /// ```
    /// # use mqtt_as_tokio::Reconnect;
    /// let policy = Reconnect::new().server_also("spare.example", 1883);
    /// # let _ = policy;
    /// ```
    pub fn server_also(mut self, host: impl Into<Text>, port: u16) -> Self {
        self.more_servers.push(host.into(), port);
        self
    }

    /// As [`credentials`](Self::credentials), where it takes time to come by them: a token from
    /// another service, for example. An attempt that has none within the connect time-out fails, and
    /// the next one asks again. On every runtime the future has to be `Send`.
    ///
    /// ```
    /// use mqtt_as_tokio::{Credentials, Reconnect};
    ///
    /// # async fn token() -> String { String::new() }
    ///
    /// let policy = Reconnect::new().async_credentials(|mut credentials: Credentials| async move {
    ///     credentials.password = Some(token().await.as_str().into());
    ///     credentials
    /// });
    /// # let _ = policy;
    /// ```
    pub fn async_credentials<F, Fut>(mut self, renew: F) -> Self
    where
        F: Fn(Credentials) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Credentials> + Send + 'static,
    {
        self.renew_later = RenewLater::new(renew);
        self
    }

    /// What the program has subscribed to is subscribed to again when the server has lost the
    /// session: with the same options and subscription identifiers, before anything else is sent.
    /// That is every filter that the server granted and that was not unsubscribed from, until a
    /// `connect(true)`. It is done, too, where the session [may lack
    /// them](crate::event::Session::may_lack_subscriptions), because a CONNECT was not answered. Default:
    /// yes. Without a heap there is no such option: the program subscribes when what
    /// [`up`](crate::Client::up) returns [has no subscriptions](crate::event::Session::has_subscriptions).
    ///
    /// ```
    /// # use mqtt_as_tokio::Reconnect;
    /// let policy = Reconnect::new().restore_subscriptions(false);
    /// # let _ = policy;
    /// ```
    pub const fn restore_subscriptions(mut self, restore: bool) -> Self {
        self.restore = restore;
        self
    }

    /// A server that names another one (5.0, 4.11) is believed: with 0x9C the next attempt goes
    /// there, with 0x9D all that follow. It learns user name and password there. Default: no, such a
    /// server counts as one that refuses.
    ///
    /// ```
    /// # use mqtt_as_tokio::Reconnect;
    /// let policy = Reconnect::new().follow_server_reference(true);
    /// # let _ = policy;
    /// ```
    pub const fn follow_server_reference(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }
}

impl Reconnect {
    /// Servers beside the one of the settings.
    pub(crate) fn server_count(&self) -> usize {
        self.servers.len().saturating_add(self.more_servers.len())
    }

    pub(crate) fn server(&self, index: usize) -> Option<(Text, u16)> {
        let fixed = self.servers.get(index);
        let fixed = fixed.map(|(host, port)| (Text::from_static(host), *port));
        fixed.or_else(|| self.more_servers.get(index.checked_sub(self.servers.len())?))
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self::new()
    }
}

/// A policy, as a client keeps it: lent for ever, or with a heap owned.
#[derive(Clone, Debug)]
pub struct ReconnectPolicy(pub(crate) Held<Reconnect>);

impl fmt::Debug for Held<Reconnect> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl From<&'static Reconnect> for ReconnectPolicy {
    fn from(policy: &'static Reconnect) -> Self {
        Self(Held::from_static(policy))
    }
}

#[cfg(feature = "alloc")]
impl From<Reconnect> for ReconnectPolicy {
    fn from(policy: Reconnect) -> Self {
        Self(Held::owned(policy))
    }
}

/// Milliseconds, rounded up, as many as a deadline takes.
const fn millis(time: Duration) -> u32 {
    const MOST: u64 = u32::MAX as u64 / 1000;
    let rest = time.subsec_nanos().div_ceil(1_000_000);
    let seconds = if time.as_secs() > MOST { MOST } else { time.as_secs() };
    let all = (seconds as u32 * 1000).saturating_add(rest);
    if all > LONGEST { LONGEST } else { all }
}

/// An attempt to connect that is to come, or the end of trying: what
/// [`event::Reconnecting`](crate::event::Reconnecting) tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Attempt {
    number: u32,
    delay: u32,
    reason: RetryReason,
}

impl Attempt {
    pub(crate) fn new(number: u32, delay: Option<u32>, reason: RetryReason) -> Self {
        Self { number, delay: delay.unwrap_or(NEVER), reason }
    }

    /// Returns which attempt it is since the link was last up, from 1. It begins with 1 again after
    /// each loss; the delay begins with the first one again only after a link that stood for
    /// [`stable_after`](Reconnect::stable_after).
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::event;
    ///
    /// client.set_cb_on_event(event::Reconnecting, |attempt| async move {
    ///     eprintln!("attempt {}", attempt.number());
    /// });
    /// # });
    /// ```
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns the time until it begins; `None` if there will be none: the policy has ended, and it
    /// is the program's turn.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::event;
    ///
    /// client.set_cb_on_event(event::Reconnecting, |attempt| async move {
    ///     match attempt.delay() {
    ///         Some(delay) => eprintln!("again in {delay:?}"),
    ///         None => eprintln!("it is over"),
    ///     }
    /// });
    /// # });
    /// ```
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        (self.delay != NEVER).then(|| Duration::from_millis(u64::from(self.delay)))
    }

    /// Returns what it is for.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::{RetryReason, event};
    ///
    /// client.set_cb_on_event(event::Reconnecting, |attempt| async move {
    ///     if let RetryReason::Failed(error) = attempt.reason() {
    ///         eprintln!("no connection: {error}");
    ///     }
    /// });
    /// # });
    /// ```
    #[must_use]
    pub fn reason(&self) -> &RetryReason {
        &self.reason
    }

    pub(crate) fn into_reason(self) -> RetryReason {
        self.reason
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, delay, reason } = self;
        if *delay == NEVER {
            return write!(f, "gives up before attempt {number}: {reason}");
        }
        write!(f, "attempt {number} in {delay} ms: {reason}")
    }
}

mqtt_as_proto::reasons! {
    /// Why a client connects again, or does not any more.
    #[non_exhaustive]
    RetryReason owns error {
        /// The link was lost.
        Down(reason: DownReason) => "{reason}";
        /// The attempt before did not make a connection.
        Failed(error: ConnectError) => "{error}";
    }
}

/// What follows from a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The usual delay.
    Usual,
    /// The delay after a refusal.
    Refused,
    /// The server says who is to be asked instead, from now on or this time.
    Elsewhere(ReasonCode),
    /// Another attempt would be of no use.
    End,
}

impl Rule {
    pub(crate) fn new(reason: &RetryReason) -> Self {
        match reason {
            RetryReason::Down(DownReason::Server(code)) => Self::ended(*code),
            RetryReason::Failed(ConnectError::Refused(code)) => Self::refused(*code),
            RetryReason::Down(DownReason::NotAuthenticated)
            | RetryReason::Failed(ConnectError::Lost(DownReason::NotAuthenticated)) => {
                Self::Refused
            }
            RetryReason::Down(_) => Self::Usual,
            RetryReason::Failed(
                ConnectError::Unreachable(Step::Tls, error)
                | ConnectError::Lost(DownReason::Transport(error)),
            ) if !error.is_retryable() => Self::Refused, // A certificate.
            RetryReason::Failed(error) => match error {
                ConnectError::Unreachable(..)
                | ConnectError::HostNotFound { .. }
                | ConnectError::TimedOut(_)
                | ConnectError::Lost(_) => Self::Usual,
                ConnectError::Protocol(error) if *error != ConnectionError::SessionUnknown => {
                    Self::Usual
                }
                _ => Self::End,
            },
        }
    }

    /// The server ended the connection.
    fn ended(code: ReasonCode) -> Self {
        match code {
            ReasonCode::SESSION_TAKEN_OVER => Self::End,
            ReasonCode::NOT_AUTHORIZED | ReasonCode::ADMINISTRATIVE_ACTION => Self::Refused,
            ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED => Self::Elsewhere(code),
            _ => Self::Usual,
        }
    }

    /// CONNACK refused the connection.
    fn refused(code: ReasonCode) -> Self {
        match code {
            ReasonCode::BAD_USER_NAME_OR_PASSWORD
            | ReasonCode::NOT_AUTHORIZED
            | ReasonCode::BANNED => Self::Refused,
            ReasonCode::USE_ANOTHER_SERVER | ReasonCode::SERVER_MOVED => Self::Elsewhere(code),
            ReasonCode::MALFORMED_PACKET
            | ReasonCode::PROTOCOL_ERROR
            | ReasonCode::UNSUPPORTED_PROTOCOL_VERSION
            | ReasonCode::CLIENT_IDENTIFIER_NOT_VALID
            | ReasonCode::BAD_AUTHENTICATION_METHOD
            | ReasonCode::TOPIC_NAME_INVALID
            | ReasonCode::PACKET_TOO_LARGE
            | ReasonCode::PAYLOAD_FORMAT_INVALID
            | ReasonCode::RETAIN_NOT_SUPPORTED
            | ReasonCode::QOS_NOT_SUPPORTED => Self::End,
            _ => Self::Usual,
        }
    }
}

impl Error for RetryReason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Down(reason) => reason.source(),
            Self::Failed(error) => error.source(),
        }
    }
}
