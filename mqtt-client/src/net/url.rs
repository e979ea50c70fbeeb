//! Settings from a URL.

use std::borrow::ToOwned;
use std::string::String;

use fluent_uri::Uri;
use fluent_uri::component::{Authority, Host};
use fluent_uri::pct_enc::EStr;
use fluent_uri::pct_enc::encoder::Userinfo;

use crate::config::Config;
use crate::error::{ConfigError, UrlError};

impl Config {
    /// Returns the settings that a URL says, to which all others can be added:
    /// `scheme://user:password@host:port`, where only the scheme and the host have to be.
    ///
    /// | scheme | means | default port | needs the feature |
    /// |---|---|---|---|
    /// | `mqtt`, `tcp` | TCP | 1883 | |
    /// | `mqtts`, `ssl` | TLS | 8883 | `tls` |
    /// | `ws` | WebSocket | 80 | `websocket` |
    /// | `wss` | WebSocket over TLS | 443 | `tls`, `websocket` |
    /// | `unix` | a unix socket of this machine: `unix:///run/mosquitto.sock` | | |
    ///
    /// A host is a name, an IPv4 address, or an IPv6 address in brackets. What is special in a URL
    /// stands percent-encoded in user name and password: `p%40ss` is the password `p@ss`. The path of
    /// `ws` and `wss`, with its query, is what the server is asked for; without one it is `/mqtt`.
    ///
    /// TLS has its default settings: [`tls`](Self::tls) after it sets others.
    ///
    /// ```
    /// # use mqtt_as_tokio::Config;
    /// let config = Config::url("mqtt://pump:secret@broker.example:1884")?.client_id("pump-7");
    /// let v6 = Config::url("mqtt://[2001:db8::7]")?;
    /// assert!(Config::url("http://broker.example").is_err());
    /// # let _ = (config, v6);
    /// # Ok::<_, mqtt_as_client::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError::InvalidUrl`] says what cannot be. It does not show the URL, in which a password
    /// may stand.
    pub fn url(url: &str) -> Result<Self, ConfigError> {
        read(url).map_err(ConfigError::InvalidUrl)
    }
}

fn read(url: &str) -> Result<Config, UrlError> {
    let url = Uri::parse(url).map_err(|error| UrlError::Syntax { at: error.index() })?;
    let scheme = Scheme::of(url.scheme().as_str()).ok_or(UrlError::Scheme)?;
    if url.has_fragment() {
        return Err(UrlError::Fragment);
    }
    let authority = url.authority();
    let config = match scheme {
        Scheme::Unix => unix(&url)?,
        _ => scheme.lay(host(authority)?, &request(&url))?,
    };
    if scheme.has_path() || !says_more(&url) {
        say_user(config, authority.and_then(|authority| authority.userinfo()))
    } else {
        Err(UrlError::Path)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Mqtt,
    Mqtts,
    Ws,
    Wss,
    Unix,
}

impl Scheme {
    fn of(name: &str) -> Option<Self> {
        const NAMES: [(&str, Scheme); 7] = [
            ("mqtt", Scheme::Mqtt),
            ("tcp", Scheme::Mqtt),
            ("mqtts", Scheme::Mqtts),
            ("ssl", Scheme::Mqtts),
            ("ws", Scheme::Ws),
            ("wss", Scheme::Wss),
            ("unix", Scheme::Unix),
        ];
        let known = NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        known.map(|(_, scheme)| *scheme)
    }

    fn has_path(self) -> bool {
        matches!(self, Self::Ws | Self::Wss | Self::Unix)
    }

    /// Lays on the connection what the scheme says.
    fn lay(self, config: Config, request: &str) -> Result<Config, UrlError> {
        match self {
            Self::Mqtt | Self::Unix => Ok(config),
            Self::Mqtts => tls::lay(config, "mqtts"),
            Self::Ws => websocket::lay(config, "ws", request),
            Self::Wss => tls::lay(websocket::lay(config, "wss", request)?, "wss"),
        }
    }
}

/// The host and the port.
fn host(authority: Option<Authority<'_>>) -> Result<Config, UrlError> {
    let authority = authority.ok_or(UrlError::NoHost)?;
    let config = Config::new(match authority.host_parsed() {
        Host::RegName(name) if name.as_str().contains('%') => return Err(UrlError::Host),
        Host::RegName(name) if name.is_empty() => return Err(UrlError::NoHost),
        Host::IpvFuture { .. } => return Err(UrlError::Host),
        _ => authority.host().trim_matches(['[', ']']),
    });
    if !authority.has_port() {
        return Ok(config);
    }
    let port = authority.port_to_u16().ok().flatten().filter(|port| *port != 0);
    port.map(|port| config.port(port)).ok_or(UrlError::Port)
}

/// A unix socket, which is a path alone.
fn unix(url: &Uri<&str>) -> Result<Config, UrlError> {
    let has_host = |authority: Authority<'_>| !authority.host().is_empty() || authority.has_port();
    if url.authority().is_some_and(has_host) {
        return Err(UrlError::UnixHost);
    }
    let path = url.path().decode().to_string().ok().filter(|path| is_path(path));
    match path {
        Some(path) if !url.has_query() => Ok(Config::unix(path.into_owned())),
        _ => Err(UrlError::UnixPath),
    }
}

fn is_path(path: &str) -> bool {
    path.len() > 1 && path.starts_with('/') && !path.contains('\0')
}

/// What a WebSocket server is asked for: nothing if the URL does not say.
fn request(url: &Uri<&str>) -> String {
    let path = url.path().as_str();
    match url.query() {
        None => path.to_owned(),
        Some(query) => {
            std::format!("{}?{}", if path.is_empty() { "/" } else { path }, query.as_str())
        }
    }
}

/// Whether there is anything behind the host; a slash says nothing.
fn says_more(url: &Uri<&str>) -> bool {
    url.has_query() || !matches!(url.path().as_str(), "" | "/")
}

fn say_user(config: Config, said: Option<&EStr<Userinfo>>) -> Result<Config, UrlError> {
    let Some(said) = said else { return Ok(config) };
    let (name, password) = match said.split_once(':') {
        Some((name, password)) => (name, Some(password)),
        None => (said, None),
    };
    let config = match password {
        Some(password) => config.password(password.decode().to_bytes().into_owned()),
        None => config,
    };
    if name.is_empty() {
        return Ok(config);
    }
    let name = name.decode().to_string().map_err(|_| UrlError::UserName)?;
    Ok(config.user_name(name.into_owned()))
}

#[cfg(feature = "tls")]
mod tls {
    use super::{Config, UrlError};
    use crate::net::Tls;

    #[allow(clippy::unnecessary_wraps)] // Without the feature it cannot be.
    pub(super) fn lay(config: Config, _scheme: &'static str) -> Result<Config, UrlError> {
        Ok(config.tls(Tls::new()))
    }
}

#[cfg(not(feature = "tls"))]
mod tls {
    use super::{Config, UrlError};

    pub(super) fn lay(_: Config, scheme: &'static str) -> Result<Config, UrlError> {
        Err(UrlError::Feature { scheme, feature: "tls" })
    }
}

#[cfg(feature = "websocket")]
mod websocket {
    use super::{Config, UrlError};
    use crate::net::WebSocket;

    #[allow(clippy::unnecessary_wraps)] // Without the feature it cannot be.
    pub(super) fn lay(
        config: Config,
        _scheme: &'static str,
        request: &str,
    ) -> Result<Config, UrlError> {
        let websocket = WebSocket::new();
        Ok(config.websocket(if request.is_empty() { websocket } else { websocket.path(request) }))
    }
}

#[cfg(not(feature = "websocket"))]
mod websocket {
    use super::{Config, UrlError};

    pub(super) fn lay(_: Config, scheme: &'static str, _: &str) -> Result<Config, UrlError> {
        Err(UrlError::Feature { scheme, feature: "websocket" })
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    /// Server, port (0 for that of the scheme), user name, password.
    fn plain(url: &str) -> (String, u16, Option<String>, Option<std::vec::Vec<u8>>) {
        let config = read(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        let kept = &config.kept;
        let user = kept.user.as_ref().map(|user| user.as_str().to_owned());
        let password = kept.password.as_ref().map(|password| password.as_slice().to_vec());
        assert!(!config.between.is_some(), "{url}");
        (kept.server.as_str().to_owned(), kept.port, user, password)
    }

    #[test]
    fn host_and_port_are_what_they_say() {
        let known = [
            ("mqtt://broker.example", "broker.example", 0),
            ("MQTT://broker.example/", "broker.example", 0),
            ("tcp://broker.example:1884", "broker.example", 1884),
            ("mqtt://192.0.2.1:1884/", "192.0.2.1", 1884),
            ("mqtt://[2001:db8::7]", "2001:db8::7", 0),
            ("mqtt://[::1]:65535", "::1", 65_535),
            ("mqtt://my_broker", "my_broker", 0),
        ];
        for (url, server, port) in known {
            assert_eq!(plain(url), (server.into(), port, None, None), "{url}");
        }
    }

    #[test]
    fn users_and_passwords_are_decoded() {
        let known = [
            ("mqtt://pump:secret@h", Some("pump"), Some("secret")),
            ("mqtt://pump@h", Some("pump"), None),
            ("mqtt://pump:@h", Some("pump"), Some("")),
            ("mqtt://:token@h", None, Some("token")),
            ("mqtt://@h", None, None),
            ("mqtt://p%40s:a%3Ab%2Fc%25@h", Some("p@s"), Some("a:b/c%")),
            ("mqtt://a:b:c@h", Some("a"), Some("b:c")),
            ("mqtt://j%C3%BCrgen:gr%c3%bc%c3%9fe+!@h", Some("jürgen"), Some("grüße+!")),
        ];
        for (url, user, password) in known {
            let password = password.map(|text| text.as_bytes().to_vec());
            assert_eq!(plain(url), ("h".into(), 0, user.map(Into::into), password), "{url}");
        }
        assert_eq!(plain("mqtt://a:%FF%00@h").3, Some(std::vec![0xff, 0]));
    }

    #[test]
    fn unix_sockets_are_paths() {
        let known = [
            ("unix:///run/mosquitto.sock", "/run/mosquitto.sock", None),
            ("unix:/run/a%20b", "/run/a b", None),
            ("unix://pump:secret@/run/m", "/run/m", Some("pump")),
        ];
        for (url, path, user) in known {
            let config = read(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(config.between.unix.as_deref(), Some(std::path::Path::new(path)), "{url}");
            assert_eq!(config.kept.user.as_deref(), user, "{url}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let refused = [
            ("", UrlError::Syntax { at: 0 }),
            ("broker.example", UrlError::Syntax { at: 14 }),
            ("broker.example:1883", UrlError::Scheme),
            ("mqtt://a b", UrlError::Syntax { at: 8 }),
            ("mqtt://münchen.example", UrlError::Syntax { at: 8 }),
            ("mqtt://user:p%zz@h", UrlError::Syntax { at: 13 }),
            ("mqtt://user:p#ss@h", UrlError::Syntax { at: 12 }),
            ("mqtt://user:pa/ss@h", UrlError::Syntax { at: 12 }),
            ("mqtt://[::1", UrlError::Syntax { at: 11 }),
            ("mqtt://[fe80::1%25eth0]", UrlError::Syntax { at: 15 }),
            ("http://h", UrlError::Scheme),
            ("mqttt://h", UrlError::Scheme),
            ("mqtt:h", UrlError::NoHost),
            ("mqtt://", UrlError::NoHost),
            ("mqtt://:1883", UrlError::NoHost),
            ("mqtt://user@:1883", UrlError::NoHost),
            ("mqtt://a%2Fb", UrlError::Host),
            ("mqtt://[v1.a]", UrlError::Host),
            ("mqtt://h:", UrlError::Port),
            ("mqtt://h:0", UrlError::Port),
            ("mqtt://h:65536", UrlError::Port),
            ("mqtt://%FF@h", UrlError::UserName),
            ("mqtt://h/topic", UrlError::Path),
            ("mqtt://h?clientId=a", UrlError::Path),
            ("mqtt://h#a", UrlError::Fragment),
            ("unix://", UrlError::UnixPath),
            ("unix:///", UrlError::UnixPath),
            ("unix:run/m", UrlError::UnixPath),
            ("unix:///a?b", UrlError::UnixPath),
            ("unix:///a%00b", UrlError::UnixPath),
            ("unix:///a%FF", UrlError::UnixPath),
            ("unix://run/m", UrlError::UnixHost),
            ("unix://:1/m", UrlError::UnixHost),
        ];
        for (url, wanted) in refused {
            assert_eq!(read(url).err(), Some(wanted), "{url}");
            let secret = ConfigError::InvalidUrl(wanted).to_string();
            assert!(!secret.contains("ss@h"), "{secret}");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_needs_its_feature() {
        for (url, scheme) in [("mqtts://h", "mqtts"), ("ssl://h:1", "mqtts")] {
            assert_eq!(read(url).err(), Some(UrlError::Feature { scheme, feature: "tls" }));
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_is_laid_on() {
        for url in ["mqtts://h", "SSL://u:p@h:8884/"] {
            let config = read(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert!(config.between.tls.is_some() && config.between.port() == 8883, "{url}");
        }
        assert_eq!(read("mqtts://h/a").err(), Some(UrlError::Path));
    }

    #[cfg(not(feature = "websocket"))]
    #[test]
    fn websocket_needs_its_feature() {
        for (url, scheme) in [("ws://h", "ws"), ("wss://h/mqtt", "wss")] {
            let wanted = UrlError::Feature { scheme, feature: "websocket" };
            assert_eq!(read(url).err(), Some(wanted), "{url}");
        }
    }
}
