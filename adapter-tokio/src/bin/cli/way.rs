//! The way to the server: its name or its socket, and what lies in between.

use std::borrow::Cow;
use std::path::PathBuf;

use fluent_uri::Uri;
use fluent_uri::component::Authority;
use fluent_uri::pct_enc::EStr;
use fluent_uri::pct_enc::encoder::Userinfo;
use mqtt_as_tokio::{Config, Proxy, WebSocket};

use super::arguments::Arguments;
use super::failure::Failure;
use super::tls::TlsArguments;

/// What the command line says of the way to the server.
#[derive(Default)]
pub(crate) struct Way {
    server: Server,
    port: Option<u16>,
    websocket: bool,
    tls: TlsArguments,
    proxy: Option<Proxy>,
    /// What stood behind the server in `-L`.
    topic: Option<String>,
}

enum Server {
    Host(String),
    Unix(PathBuf),
    Url(Box<Config>),
}

impl Default for Server {
    fn default() -> Self {
        Self::Host("localhost".to_owned())
    }
}

/// The port for MQTT over TLS: nothing else is spoken there.
const SECURE: u16 = 8883;

impl Way {
    /// Takes one of these options; false if it is none of them. The last one that names a server
    /// counts.
    pub(crate) fn take(
        &mut self,
        option: &str,
        arguments: &mut Arguments,
    ) -> Result<bool, Failure> {
        match option {
            "-h" | "--host" => self.server = Server::Host(arguments.text()?),
            "-p" | "--port" => self.port = Some(arguments.number(1..=u16::MAX)?),
            "-L" | "--url" => self.take_url(arguments)?,
            "--unix" => self.server = Server::Unix(arguments.value()?.into()),
            "--ws" => self.websocket = true,
            "--proxy" => self.proxy = Some(proxy(arguments)?),
            _ => return self.tls.take(option, arguments),
        }
        Ok(true)
    }

    /// In a URL of mosquitto's programs a topic stands behind the server; behind one of WebSocket or
    /// of a unix socket it is a path.
    fn take_url(&mut self, arguments: &mut Arguments) -> Result<(), Failure> {
        let url = arguments.text()?;
        let (scheme, rest) = url.split_once("://").ok_or_else(|| arguments.wrong("no URL"))?;
        let (server, topic) = match rest.split_once('/') {
            Some((server, topic)) if !["ws", "wss", "unix"].contains(&scheme) => {
                (format!("{scheme}://{server}"), topic)
            }
            _ => (url.clone(), ""),
        };
        let config = Config::url(&server).map_err(|error| arguments.wrong(error))?;
        self.topic = Some(topic.to_owned()).filter(|topic| !topic.is_empty());
        (self.server, self.port) = (Server::Url(Box::new(config)), None);
        Ok(())
    }

    /// Returns the topic of `-L`, once.
    pub(crate) fn take_topic(&mut self) -> Option<String> {
        self.topic.take()
    }

    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.tls.check()
    }

    /// Returns the settings of a client that goes there.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let mut config = match &self.server {
            Server::Host(host) => Config::new(host.as_str()),
            Server::Unix(path) => Config::unix(path),
            Server::Url(config) => Config::clone(config),
        };
        if let Some(port) = self.port {
            config = config.port(port);
        }
        if self.websocket {
            config = config.websocket(WebSocket::new());
        }
        if self.tls.is_wanted() || self.port == Some(SECURE) {
            config = config.tls(self.tls.read()?);
        }
        match &self.proxy {
            Some(proxy) => Ok(config.proxy(proxy.clone())),
            None => Ok(config),
        }
    }
}

/// `socks5h://user:password@host:port`: the proxy looks the name of the server up.
fn proxy(arguments: &mut Arguments) -> Result<Proxy, Failure> {
    let url = arguments.text()?;
    let url = Uri::parse(url.as_str()).map_err(|error| arguments.wrong(error))?;
    let form = "socks5h://[user[:password]@]host[:port] is wanted";
    let authority = url.authority().filter(|_| url.scheme().as_str() == "socks5h");
    let authority = authority.ok_or_else(|| arguments.wrong(form))?;
    let server = authority.as_str().rsplit('@').next().unwrap_or_default();
    let proxy = Proxy::socks5(server);
    match user(authority) {
        None => Ok(proxy),
        Some(Some((name, password))) => Ok(proxy.user(name, password)),
        Some(None) => Err(arguments.wrong(form)),
    }
}

/// User name and password of a URL; inside is none where they are no text.
fn user(authority: Authority<'_>) -> Option<Option<(String, String)>> {
    let said = authority.userinfo()?;
    let (name, password) = said.split_once(':').unwrap_or((said, EStr::EMPTY));
    Some(text(name).zip(text(password)))
}

fn text(encoded: &EStr<Userinfo>) -> Option<String> {
    encoded.decode().to_string().ok().map(Cow::into_owned)
}
