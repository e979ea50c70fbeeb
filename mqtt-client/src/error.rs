//! One error type per operation; each says whose fault it is and what to do.

mod retry;
mod source;
#[cfg(feature = "url")]
mod url;

use core::fmt;

use mqtt_as_proto::client::{self, ConnectionError, NotSent, OperationError, Waiting};
use mqtt_as_proto::{ReasonCode, TopicError};

use crate::acknowledgement::Acknowledgement;
use crate::held::Text;
pub use crate::transport::{ErrorKind, TransportError};
#[cfg(feature = "url")]
pub use url::UrlError;

mqtt_as_proto::reasons! {
    /// Why there is no client.
    #[non_exhaustive]
    ConfigError {
        /// A setting that may not be 0.
        Zero {
            /// Its name.
            setting: &'static str,
        } => "{}", client::ConfigError::Zero { setting };
        /// A piece of memory is too small for the settings.
        Memory {
            /// Which one.
            what: &'static str,
            /// Items or bytes needed.
            needed: usize,
            /// Items or bytes given.
            given: usize,
        } => "{}", client::ConfigError::Memory { what, needed: *needed, given: *given };
        /// The name of the server is empty.
        EmptyHost => "the name of the server is empty: give a host name or an address";
        /// The server was given as a URL that says more than host and port of a plain TCP
        /// connection.
        Url => "the server was given as a URL that says more than mqtt://host:port: give it to \
                Config::url where there is one (feature url), or the host alone, or host:port; TLS, \
                WebSocket, user and password are settings of their own";
        /// `Config::url` got a URL that says nothing that a client could do.
        #[cfg(feature = "url")]
        InvalidUrl(error: UrlError) => "the URL of the server cannot be used: {error}";
        /// The port behind the name of the server is none.
        Port => "the port of the server is not a number from 1 to 65,535: give the server as \
                 host:port";
        /// The settings ask for TLS, WebSocket, a proxy or a unix socket, and the program opens the
        /// transport itself.
        OwnTransport => "the settings ask for TLS, WebSocket, a proxy or a unix socket, but the \
                         program opens the transport itself: do all of it there, or none";
        /// A unix socket is on this machine: no proxy leads to it.
        UnixProxy => "no proxy leads to a unix socket: set one of them";
        /// No certificate is trusted.
        NoRoots => "TLS trusts nobody: give a CA (ca_pem), or turn on one of the features \
                    platform-roots and webpki-roots of the adapter";
        /// Something that should hold certificates holds none.
        NoCertificate {
            /// Whose.
            what: &'static str,
        } => "what was given as {what} certificate holds none: PEM with BEGIN CERTIFICATE is wanted";
        /// A certificate is none of X.509, or damaged.
        #[cfg(feature = "tls")]
        DamagedCertificate {
            /// Whose.
            what: &'static str,
        } => "what was given as {what} certificate is damaged, or none of X.509: openssl x509 -text \
              shows what it holds";
        /// What should be PEM is something else.
        #[cfg(feature = "tls")]
        NotPem {
            /// What it should hold.
            what: &'static str,
        } => "what was given as {what} is no PEM, it has no line -----BEGIN: give what the file holds, \
              not its name; openssl makes PEM of DER (x509 or pkey, with -inform DER)";
        /// What should be PEM begins as such, and cannot be read.
        #[cfg(feature = "tls")]
        DamagedPem {
            /// What it should hold.
            what: &'static str,
        } => "what was given as {what} is damaged PEM: each line -----BEGIN stands at the beginning of \
              its line and has its line -----END, and nothing but base64 is between them";
        /// What should be the private key of the client holds none.
        NoKey => "what was given as private key of the client holds none: PEM with BEGIN PRIVATE KEY \
                  (PKCS#8), BEGIN RSA PRIVATE KEY (PKCS#1) or BEGIN EC PRIVATE KEY (SEC1) is wanted";
        /// What should be the private key of the client is a certificate.
        #[cfg(feature = "tls")]
        CertificateAsKey => "what was given as private key of the client is a certificate: give the \
                             key that belongs to it";
        /// The private key of the client is encrypted.
        EncryptedKey => "the private key of the client is encrypted, which is not supported: \
                         decrypt it first, with openssl pkey -in KEY -out PLAIN";
        /// The private key of the client is of a kind that is not supported, or damaged.
        #[cfg(feature = "tls")]
        UnsupportedKey => "the private key of the client is of a kind that is not supported, or \
                           damaged: RSA of 2,048 to 4,096 bits, EC of the curves P-256 and P-384, and \
                           Ed25519 are; openssl pkey -in KEY -text shows what it is";
        /// The private key of the client does not belong to its certificate.
        OtherKey => "the private key of the client does not belong to its certificate, which has to \
                     be the first of those given";
        /// The name set for the server is no name that a certificate can hold.
        ServerName => "the name set for the server (server_name) is no DNS name or address";
        /// TLS cannot be set up.
        Tls => "TLS cannot be set up: its provider of cryptography has neither TLS 1.2 nor 1.3";
        /// What was set as proxy is no host, and no host with a port.
        Proxy => "the proxy is no host name or address, alone or with a port: give it as host:port";
        /// User name or password for the proxy cannot be said to it.
        ProxyUser => "the user name or the password cannot be said to the proxy: 1 to 255 bytes each \
                      for SOCKS5, no colon in the name for HTTP";
        /// The path of the WebSocket is none.
        WebSocketPath => "the path of the WebSocket is none: it begins with /, and has no spaces";
        /// A header for the WebSocket is none.
        WebSocketHeader => "a header for the WebSocket has a name or a value that HTTP does not allow, \
                            or is one of the handshake itself";
        /// There is no runtime to start the client's tasks in.
        NoRuntime => "there is no runtime to start the client's tasks in: make the client inside \
                      of one, in a task or with the runtime entered";
    }

    /// A step of opening a connection.
    #[non_exhaustive]
    Step {
        /// Looking the host name up.
        Resolve => "looking up the host name";
        /// Opening the transport.
        Open => "opening the transport";
        /// Asking a proxy for a connection to the server.
        Proxy => "asking the proxy";
        /// The handshake of TLS.
        Tls => "the TLS handshake";
        /// The handshake of WebSocket.
        WebSocket => "the WebSocket handshake";
        /// CONNECT and CONNACK.
        Connect => "waiting for CONNACK";
        /// Asking the program for fresh credentials.
        Credentials => "asking the program for credentials";
    }

    /// Why a message was not published, or is not known to be.
    #[non_exhaustive]
    PublishError owns words {
        /// The topic is no topic name. Nothing was sent.
        Topic(error: TopicError) => "{error}";
        /// It cannot be said, or the server does not allow it. Nothing was sent.
        Invalid(error: OperationError) => "{error}";
        /// The server got the message and refused it, as its acknowledgement says.
        Refused(acknowledgement: Acknowledgement)
            => "the server refused the message: {acknowledgement}";
        /// It was accepted, but never sent, and will not be.
        NeverSent(why: NotSent) => "{}", NeverSent(*why);
        /// It was sent, and the session is gone: nobody knows whether it arrived.
        Unknown {
            /// The server had received it, but not let go of it.
            received: bool,
        } => "{}", if *received { RECEIVED_AND_LOST } else { SENT_AND_LOST };
        /// There was no acknowledgement in time. The message itself goes on, be it on its way or
        /// waiting for a connection: if it is acknowledged later, nobody is told.
        TimedOut {
            /// It is on its way: it was on a connection. Else it was never sent so far.
            sent: bool,
        } => "{}", if *sent { SENT_AND_LATE } else { WAITS_AND_LATE };
        /// The program disconnected, or its policy ended, before it was acknowledged. The session is
        /// kept, and with it the message: it goes out, or on, with this client's next connection, and
        /// is lost where the program ends before.
        Kept => "the program disconnected, or its policy ended, before the message was acknowledged; \
                 it goes on with the next connection of this client";
        /// There is no connection, and the setting is to refuse then (`while_down`), or none came in time
        /// for a stream. Nothing was sent. A message that waits in the store ends with `TimedOut`.
        NotConnected => "{NOT_CONNECTED}";
        /// All of a stream was sent, and the connection was lost before it was acknowledged:
        /// `restart` sends it again, at QoS 2 still exactly once.
        Interrupted => "the connection was lost before the stream was acknowledged: restart it";
        /// A stream that is open, on its way, or over cannot be restarted.
        NotInterrupted => "the stream is open, on its way, or over: there is nothing to restart";
        /// A stream was given other bytes than were announced. More are not taken; with fewer its
        /// packet cannot be finished, so the link goes down.
        Length {
            /// Bytes announced.
            announced: u32,
            /// Bytes given.
            given: u32,
        } => "{announced} bytes were announced for the stream, {given} were given: announce what \
              is written";
        /// A message is being read as a stream: the answer would lie behind it. Read it to its end
        /// first.
        StreamOpen => "{STREAM_OPEN}";
        /// The driver is gone.
        Closed => "{CLOSED}";
        /// As many calls wait as the client has room for. Nothing was sent.
        NoWaiter => "{NO_WAITER}";
    }

    /// Why a subscription was not made or ended, or is not known to be.
    #[non_exhaustive]
    SubscribeError {
        /// The filter is no topic filter. Nothing was sent.
        Filter(error: TopicError) => "{error}";
        /// It cannot be said, or the server does not allow it. Nothing was sent.
        Invalid(error: OperationError) => "{error}";
        /// More filters than one call takes. Nothing was sent.
        TooManyFilters {
            /// Filters that one call takes.
            most: usize,
        } => "one call takes {most} filters at most: make several calls";
        /// The server refused the filter.
        Refused(reason: ReasonCode) => "the server refused the filter: {reason}";
        /// There is no connection. Nothing was sent.
        NotConnected => "{NOT_CONNECTED}";
        /// The connection was lost before the answer: nobody knows whether the server got it.
        Unknown => "the connection was lost before the answer: call again when it is up";
        /// There was no answer in time.
        TimedOut => "the server did not answer in time";
        /// A message is being read as a stream: the answer would lie behind it. Nothing was sent.
        StreamOpen => "{STREAM_OPEN}";
        /// The driver is gone.
        Closed => "{CLOSED}";
        /// As many calls wait as the client has room for. Nothing was sent.
        NoWaiter => "{NO_WAITER}";
    }

    /// Why a message cannot be read to its end.
    #[non_exhaustive]
    StreamError {
        /// The connection was lost before all of it had come. At QoS 1 and 2 the server sends it
        /// again, if it has kept the session.
        Lost => "the connection was lost in the middle of the message";
        /// It was not read on within the response time. At QoS 1 and 2 the link is closed, and the
        /// server sends it again; at QoS 0 the rest was skipped.
        TimedOut => "the message was not read on within the response time: read faster";
    }

    /// Why a disconnect was refused.
    #[non_exhaustive]
    DisconnectError {
        /// There is no connection.
        NotConnected => "there is no connection";
        /// What was asked for cannot be said, or the server does not take it. Nothing was done.
        Invalid(error: OperationError) => "{error}";
        /// The connection ended before all that was accepted, and DISCONNECT behind it, had been sent: the
        /// server publishes the will. Messages at QoS 1 and 2 stay for the next connection.
        Unsent => "the connection ended before DISCONNECT was sent: the server publishes the will, if there is one";
        /// The driver is gone.
        Closed => "{CLOSED}";
        /// As many calls wait as the client has room for. The disconnect runs all the same.
        NoWaiter => "{NO_WAITER}";
    }
}

mqtt_as_proto::reasons! {
    /// Why there is no connection.
    ///
    /// Its `Display` is a sentence that says all, what the causes say included: print it alone, without a
    /// loop over `source()`. A `main` that returns it prints its `Debug` form, which is less to read:
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// if let Err(error) = client.connect(true).await {
    ///     eprintln!("Error: {error}");
    ///     std::process::exit(1);
    /// }
    /// # });
    /// ```
    #[non_exhaustive]
    ConnectError owns error {
        /// The server refused, for that reason.
        Refused(reason: ReasonCode) => "the server refused the connection: {reason}";
        /// The server cannot be reached.
        Unreachable(step: Step, error: TransportError)
            => "the server cannot be reached: {step} failed: {error}";
        /// The host name was not found, or could not be looked up.
        HostNotFound {
            /// The name.
            host: Text,
            /// What looking it up said.
            error: TransportError,
        } => "the host name {} was not found: {error}", host;
        /// A step took too long.
        TimedOut(step: Step) => "{step} took too long";
        /// The server sent what it may not.
        Protocol(error: ConnectionError) => "{error}";
        /// The connection ended before CONNACK. Servers close it without a word that expect TLS, or
        /// another protocol or version, on that port.
        Lost(reason: DownReason)
            => "the connection ended before CONNACK: {reason}{}", may_want_tls(reason);
        /// What was asked for cannot be said, or the server has said before that it forbids it.
        Invalid(error: OperationError) => "{error}";
        /// The server that was set since the client was made is none.
        Config(error: ConfigError) => "{error}";
        /// The keep-alive is above 65,535 s.
        KeepAlive {
            /// Seconds given.
            seconds: u32,
        } => "the keep-alive is {seconds} s, MQTT allows 65,535 s: lower it";
        /// More properties than CONNECT, or its will, may have.
        TooManyProperties {
            /// Properties that each may have.
            most: usize,
        } => "CONNECT and its will have {most} properties each at most: set fewer";
        /// The will's topic is no topic name.
        WillTopic(error: TopicError) => "the topic of the will: {error}";
        /// Another `connect` or a `disconnect` took its place.
        Replaced => "another connect or disconnect took its place";
        /// The driver is gone.
        Closed => "{CLOSED}";
        /// As many calls wait as the client has room for.
        NoWaiter => "{NO_WAITER}";
    }

    /// Why the link is down.
    #[non_exhaustive]
    DownReason owns error {
        /// The program disconnected.
        Disconnected => "the program disconnected";
        /// The program connected anew, and the new connection did not come to be.
        Replaced => "the program connected anew";
        /// The server ended the connection, for that reason (5.0).
        Server(reason: ReasonCode) => "the server ended the connection: {reason}";
        /// The server closed the transport.
        Closed => "the server closed the transport";
        /// The transport failed.
        Transport(error: TransportError) => "the link is lost: {error}";
        /// The client ended the connection: the server broke a rule, or nothing came for too long.
        Protocol(error: ConnectionError) => "{error}";
        /// The program refused to go on with the authentication.
        NotAuthenticated => "the program refused to go on with the authentication";
        /// Three connections in a row ended with this packet identifier unacknowledged and no
        /// progress: its message may be what breaks them. `Client::give_up` ends it.
        Poison(id: u16) => "three connections in a row ended with the packet identifier {id} \
                            unacknowledged: its message may break them";
        /// The program stopped in the middle of a stream: its packet could not be finished, and
        /// nothing can follow half a packet.
        StreamStopped => "{}", ConnectionError::StreamStopped;
        /// The program did not read a message to its end that came as a stream, or not in time. The
        /// server sends it again.
        StreamNotTaken => "{}", ConnectionError::StreamNotTaken;
    }
}

pub(crate) const CLOSED: &str = "the client's driver has ended";
pub(crate) const NO_WAITER: &str =
    "as many calls wait as the client has room for: let some of them end first";
pub(crate) const NOT_CONNECTED: &str = "there is no connection: connect first";
pub(crate) const STREAM_OPEN: &str =
    "a message is being read as a stream, and the answer would lie behind it: read it to its end";
const SENT_AND_LATE: &str =
    "the message was not acknowledged in time; it was sent, and is still on its way";
const WAITS_AND_LATE: &str =
    "the message was not sent in time; it still waits, and goes out when the connection takes it";
const SENT_AND_LOST: &str =
    "the message was sent and the session is lost: nobody knows whether it arrived";
const RECEIVED_AND_LOST: &str = "the server received the message and the session is lost: nobody \
                                 knows whether it was delivered";

/// What a transport that ends before CONNACK may mean.
fn may_want_tls(reason: &DownReason) -> &'static str {
    match reason {
        DownReason::Transport(error) if !error.is_retryable() => "", // It spoke TLS.
        DownReason::Closed | DownReason::Transport(_) => {
            "; is it the right port, and does the server want TLS there?"
        }
        _ => "",
    }
}

/// Why a message was never sent, as a sentence.
struct NeverSent(NotSent);

impl fmt::Display for NeverSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            NotSent::Forbidden(limit) => return write!(f, "the message was never sent: {limit}"),
            NotSent::Expired => "the message expired before it could be sent",
            NotSent::Interrupted => {
                "the connection was lost in the middle of the stream, so the server has nothing of \
                 it: restart it"
            }
            NotSent::Stopped => {
                "the stream was not written on within the write time-out, so the link had to be \
                 closed: restart it, and write faster"
            }
            _ => "the message was never sent: the client was closed",
        })
    }
}

impl From<client::ConfigError> for ConfigError {
    fn from(error: client::ConfigError) -> Self {
        match error {
            client::ConfigError::Zero { setting } => Self::Zero { setting },
            client::ConfigError::Memory { what, needed, given } => {
                Self::Memory { what, needed, given }
            }
        }
    }
}

impl ConnectError {
    /// The same, which names the host if that was looked up in vain.
    pub(crate) fn of_host(self, host: &Text) -> Self {
        match self {
            Self::Unreachable(Step::Resolve, error) => {
                Self::HostNotFound { host: host.clone(), error }
            }
            error => error,
        }
    }
}

impl DownReason {
    /// Why there is no connection, if it ends before CONNACK.
    pub(crate) fn before_connack(self) -> ConnectError {
        match self {
            Self::Protocol(ConnectionError::TimedOut(Waiting::ConnAck)) => {
                ConnectError::TimedOut(Step::Connect)
            }
            Self::Protocol(error) => ConnectError::Protocol(error),
            Self::Disconnected | Self::Replaced => ConnectError::Replaced,
            reason => ConnectError::Lost(reason),
        }
    }
}

impl From<ConnectionError> for DownReason {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::StreamStopped => Self::StreamStopped,
            ConnectionError::StreamNotTaken => Self::StreamNotTaken,
            error => Self::Protocol(error),
        }
    }
}
