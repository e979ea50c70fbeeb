//! Where a transport leads to.

/// Where the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server<'a> {
    /// Host name or address.
    pub host: &'a str,
    /// TCP port.
    pub port: u16,
    /// Milliseconds that each step (name resolution, each address) may take; 0 for any time.
    pub timeout: u32,
}

impl<'a> Server<'a> {
    /// Returns that server, for a transport that opens another one beneath itself.
    ///
    /// ```
    /// use mqtt_as_tokio::Server;
    ///
    /// let gateway = Server::new("gateway.example", 1883, 5_000);
    /// assert_eq!(gateway.port, 1883);
    /// ```
    #[must_use]
    pub const fn new(host: &'a str, port: u16, timeout: u32) -> Self {
        Self { host, port, timeout }
    }
}
