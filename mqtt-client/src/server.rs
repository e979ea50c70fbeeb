//! The name of the server, taken apart: host, port, and what is none of both.

use crate::error::ConfigError;
use crate::held::Text;

/// Where in a name the host stands, and the port that it names.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    begin: usize,
    end: usize,
    port: Option<u16>,
}

/// Takes the name of a server apart: `host`, `host:port`, an address, an IPv6 address in brackets
/// with or without a port, and each of them behind `mqtt://` or `tcp://`. A port that is set already
/// counts more.
///
/// # Errors
/// Why it is none: nothing is changed.
pub(crate) fn take_apart(server: &mut Text, own: &mut Option<u16>) -> Result<(), NoHost> {
    let Parts { begin, end, port } = parts(server.as_bytes())?;
    if end - begin != server.len() {
        // Parts end at ASCII characters.
        *server = server.part(begin..end).ok_or(NoHost::Url)?;
    }
    *own = own.or(port);
    Ok(())
}

/// Why a name is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHost {
    Empty,
    Url,
    Port,
}

impl From<NoHost> for ConfigError {
    fn from(why: NoHost) -> Self {
        match why {
            NoHost::Empty => Self::EmptyHost,
            NoHost::Url => Self::Url,
            NoHost::Port => Self::Port,
        }
    }
}

fn parts(server: &[u8]) -> Result<Parts, NoHost> {
    let rest = without_scheme(server)?;
    let begin = server.len() - rest.len();
    let rest = rest.strip_suffix(b"/").filter(|_| begin != 0).unwrap_or(rest);
    if rest.iter().any(|byte| matches!(byte, b'/' | b'@' | b'?' | b'#')) {
        return Err(NoHost::Url);
    }
    let first_colon = rest.iter().position(|byte| *byte == b':');
    let (host, end, port) = if let Some(inner) = rest.strip_prefix(b"[") {
        let end = inner.iter().position(|byte| *byte == b']').ok_or(NoHost::Port)?;
        (begin + 1, begin + 1 + end, inner.get(end + 1..).unwrap_or_default())
    } else {
        match first_colon {
            // Several colons are an IPv6 address without a port.
            Some(at) if rest.iter().skip(at + 1).all(|byte| *byte != b':') => {
                (begin, begin + at, rest.get(at..).unwrap_or_default())
            }
            _ => (begin, begin + rest.len(), &[][..]),
        }
    };
    if host == end {
        return Err(NoHost::Empty);
    }
    Ok(Parts { begin: host, end, port: number(port)? })
}

/// What stands behind `mqtt://` or `tcp://`, which mean the same; all of it where there is no scheme.
fn without_scheme(server: &[u8]) -> Result<&[u8], NoHost> {
    let Some(at) = server.windows(3).position(|three| three == b"://") else { return Ok(server) };
    match (server.get(..at), server.get(at + 3..)) {
        (Some(scheme), Some(rest))
            if scheme.eq_ignore_ascii_case(b"mqtt") || scheme.eq_ignore_ascii_case(b"tcp") =>
        {
            Ok(rest)
        }
        _ => Err(NoHost::Url),
    }
}

/// The port in `:1883`, if there is any.
fn number(port: &[u8]) -> Result<Option<u16>, NoHost> {
    if port.is_empty() {
        return Ok(None);
    }
    let digits = port.strip_prefix(b":").filter(|digits| !digits.is_empty());
    let mut number = 0_u16;
    for digit in digits.ok_or(NoHost::Port)? {
        let digit = digit.wrapping_sub(b'0');
        let more = number.checked_mul(10).and_then(|ten| ten.checked_add(u16::from(digit)));
        number = more.filter(|_| digit < 10).ok_or(NoHost::Port)?;
    }
    if number == 0 { Err(NoHost::Port) } else { Ok(Some(number)) }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;

    use super::*;

    fn apart(server: &str) -> Result<(String, Option<u16>), NoHost> {
        let Parts { begin, end, port } = parts(server.as_bytes())?;
        Ok((server[begin..end].into(), port))
    }

    #[test]
    fn names_and_addresses_are_taken_apart() {
        for host in ["a", "broker.example", "192.0.2.1", "münchen.example", "the other end"] {
            for scheme in ["", "mqtt://", "tcp://", "MQTT://"] {
                assert_eq!(apart(&format!("{scheme}{host}")), Ok((host.into(), None)));
                let with_port = apart(&format!("{scheme}{host}:1884"));
                assert_eq!(with_port, Ok((host.into(), Some(1884))));
            }
            assert_eq!(apart(&format!("mqtt://{host}:1/")), Ok((host.into(), Some(1))));
        }
        for host in ["::1", "2001:db8::7", "fe80::1%eth0"] {
            assert_eq!(apart(host), Ok((host.into(), None)));
            for scheme in ["", "mqtt://"] {
                assert_eq!(apart(&format!("{scheme}[{host}]")), Ok((host.into(), None)));
                let with_port = apart(&format!("{scheme}[{host}]:65535"));
                assert_eq!(with_port, Ok((host.into(), Some(65_535))));
            }
        }
    }

    #[test]
    fn what_says_more_is_refused_by_name() {
        for url in [
            "mqtts://a",
            "ssl://a:8883",
            "ws://a",
            "wss://a/mqtt",
            "http://a",
            "://a",
            "a/b",
            "a/",
            "mqtt://user:secret@a",
            "mqtt://a/b",
            "mqtt://a?b",
            "user@a",
            "mqtt://tcp://a",
        ] {
            assert_eq!(apart(url), Err(NoHost::Url), "{url}");
        }
        for empty in ["", ":1883", "mqtt://", "mqtt://:1883", "[]", "[]:1883", "tcp:///"] {
            assert_eq!(apart(empty), Err(NoHost::Empty), "{empty}");
        }
        for port in ["a:", "a:b", "a:0", "a:65536", "a:1883x", "a:-1", "a: 1", "[::1", "[::1]1883"]
        {
            assert_eq!(apart(port), Err(NoHost::Port), "{port}");
        }
    }
}
