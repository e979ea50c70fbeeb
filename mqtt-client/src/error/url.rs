//! What may be wrong with a URL. None of it shows the URL: there may be a password in it.

mqtt_as_proto::reasons! {
    /// Why a URL says nothing that a client could do.
    #[non_exhaustive]
    UrlError {
        /// It is no URL (RFC 3986).
        Syntax {
            /// The byte that has no place there, counted from 0.
            at: usize,
        } => "it is no URL from byte {at} on: write scheme://host, and what is special there in \
              user, password and path as %XX";
        /// Its scheme is none of those that are known.
        Scheme => "its scheme is unknown: write mqtt://, mqtts://, ws://, wss:// or unix://";
        /// Its scheme needs a feature of the crate that is off.
        Feature {
            /// The scheme.
            scheme: &'static str,
            /// What to turn on.
            feature: &'static str,
        } => "{scheme}:// needs the feature `{feature}` of this crate: turn it on";
        /// It names no host.
        NoHost => "it names no host: write scheme://host";
        /// Its host is neither a name nor an address of IPv4 or IPv6.
        Host => "its host is neither a name nor an address: write a name as the DNS knows it";
        /// Its port is none.
        Port => "its port is not a number from 1 to 65,535: write scheme://host:port";
        /// Its user name is no UTF-8, which MQTT asks for (1.5.4).
        UserName => "its user name is not UTF-8: only a password may be bytes of any kind";
        /// It has a path, or a query, where nothing could be done with it.
        Path => "it says more than scheme://user:password@host:port: topics and settings have \
                 methods of their own, only ws:// and wss:// have a path";
        /// It has a fragment, which is never sent.
        Fragment => "a # stands in it: write %23 where it belongs to the user, the password or the \
                     path";
        /// It is to be a unix socket, and names no path, or one that is no UTF-8.
        UnixPath => "it names no unix socket: write unix:///path/of/the/socket";
        /// It is to be a unix socket, and names a host, too.
        UnixHost => "a unix socket has no host and no port: write unix:///path, with three slashes";
    }
}

impl core::error::Error for UrlError {}
