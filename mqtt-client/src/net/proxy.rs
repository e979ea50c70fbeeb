//! Proxies between the client and the server: which one, and who asks it.

use core::fmt;
use std::borrow::ToOwned;
use std::boxed::Box;
use std::string::String;
use std::sync::Arc;

use super::asked::Prepare;
use super::byte_stream::ByteStream;
use super::exchange::User;
use super::hop::Hop;
use super::layer::{Layer, Laying};
use super::{http_connect, socks5};
use crate::address::Server;
use crate::config::Config;
use crate::error::{ConfigError, Step};
use crate::held::Text;
use crate::server;

/// A proxy that leads to the server. It looks the name of the server up itself.
///
/// ```
/// use mqtt_as_tokio::{Config, Proxy};
///
/// let proxy = Proxy::socks5("proxy.example:1080").user("pump", "secret");
/// let config = Config::new("broker.example").proxy(proxy);
/// # let _ = config;
/// ```
#[derive(Clone)]
#[must_use]
pub struct Proxy {
    kind: Kind,
    /// Host and port, until it is judged.
    server: String,
    port: u16,
    user: Option<User>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Socks5,
    Http,
}

impl Proxy {
    /// Returns a SOCKS5 proxy (RFC 1928), as `host` or `host:port`. The default port is 1080.
    ///
    /// ```
    /// # use mqtt_as_tokio::Proxy;
    /// let proxy = Proxy::socks5("proxy.example:1080");
    /// # let _ = proxy;
    /// ```
    pub fn socks5(server: impl Into<String>) -> Self {
        Self { kind: Kind::Socks5, server: server.into(), port: 1080, user: None }
    }

    /// Returns an HTTP proxy that is asked by CONNECT (RFC 9110, 9.3.6), as `host` or `host:port`. The
    /// default port is 8080.
    ///
    /// ```
    /// # use mqtt_as_tokio::Proxy;
    /// let proxy = Proxy::http("proxy.example:3128");
    /// # let _ = proxy;
    /// ```
    pub fn http(server: impl Into<String>) -> Self {
        Self { kind: Kind::Http, server: server.into(), port: 8080, user: None }
    }

    /// User name and password, for proxies that ask for them: at most 255 bytes each for SOCKS5 (RFC
    /// 1929), and no colon in the name for HTTP (Basic, RFC 7617). Default: none.
    ///
    /// ```
    /// # use mqtt_as_tokio::Proxy;
    /// let proxy = Proxy::http("proxy.example:3128").user("pump", "secret");
    /// # let _ = proxy;
    /// ```
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some(User { name: name.into(), password: password.into() });
        self
    }

    fn takes(&self, user: &User) -> bool {
        match self.kind {
            Kind::Socks5 => {
                [&user.name, &user.password].into_iter().all(|part| (1..=255).contains(&part.len()))
            }
            Kind::Http => !user.name.contains(':'),
        }
    }
}

impl Prepare for Proxy {
    fn prepare(&self) -> Result<Box<dyn Layer>, ConfigError> {
        let (mut host, mut port) = (Text::from(self.server.as_str()), None);
        server::take_apart(&mut host, &mut port).map_err(|_| ConfigError::Proxy)?;
        if !self.user.as_ref().is_none_or(|user| self.takes(user)) {
            return Err(ConfigError::ProxyUser);
        }
        let (server, port) = (host.as_str().to_owned(), port.unwrap_or(self.port));
        Ok(Box::new(Self { server, port, ..self.clone() }))
    }
}

impl Layer for Proxy {
    fn step(&self) -> Step {
        Step::Proxy
    }

    fn first_hop(&self) -> Option<Hop<'_>> {
        Some(Hop::to_proxy(&self.server, self.port))
    }

    fn lay<'l>(&'l self, mut stream: Box<dyn ByteStream>, server: Server<'l>) -> Laying<'l> {
        let user = self.user.as_ref();
        Box::pin(async move {
            let asked = match self.kind {
                Kind::Socks5 => socks5::ask(&mut stream, server.host, server.port, user).await,
                Kind::Http => http_connect::ask(&mut stream, server.host, server.port, user).await,
            };
            asked.map(|()| stream)
        })
    }
}

impl Config {
    /// Reaches the server, and those of a reconnect policy, through a proxy.
    ///
    /// ```
    /// # use mqtt_as_tokio::Config;
    /// # use mqtt_as_tokio::Proxy;
    /// let config = Config::new("broker.example").proxy(Proxy::http("proxy.example:3128"));
    /// # let _ = config;
    /// ```
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.between.proxy = Some(Arc::new(proxy));
        self
    }
}

impl fmt::Debug for Proxy {
    // No password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.kind).field(&self.server).field(&self.port).finish()
    }
}
