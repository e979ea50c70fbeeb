//! What is said to an HTTP proxy: CONNECT (RFC 9110, 9.3.6), with Basic credentials (RFC 7617).

use std::format;
use std::io;
use std::string::String;
use std::vec::Vec;

use super::byte_stream::ByteStream;
use super::exchange::{User, failed, read_exact, write_all};

const NO_HTTP: &str = "it does not speak HTTP: is it the right port?";

/// The longest head of an answer that is read.
const LONGEST: usize = 8 * 1024;

/// Asks for a connection to that server.
pub(super) async fn ask<S: ByteStream + ?Sized>(
    mut stream: &mut S,
    host: &str,
    port: u16,
    user: Option<&User>,
) -> io::Result<()> {
    if host.contains(|c: char| c.is_ascii_control() || c == ' ') {
        return Err(failed("the name of the server cannot be said in HTTP"));
    }
    write_all(&mut stream, request(host, port, user).as_bytes()).await?;
    let head = read_head(stream).await?;
    match status(&head) {
        Some(200..=299) => Ok(()),
        Some(401 | 407) if user.is_none() => {
            Err(failed("it wants a user name and a password: set Proxy::user"))
        }
        // Some say 401, which is for servers.
        Some(401 | 407) => Err(failed("it refused the user name or the password")),
        Some(_) => Err(failed(format!("it refused: {}", first_line(&head)))),
        None => Err(failed(NO_HTTP)),
    }
}

fn request(host: &str, port: u16, user: Option<&User>) -> String {
    let host =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let credentials = user.map_or_else(String::new, |user| {
        let pair = format!("{}:{}", user.name, user.password);
        format!("Proxy-Authorization: Basic {}\r\n", base64(pair.as_bytes()))
    });
    format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{credentials}\r\n")
}

/// Reads up to the empty line, byte by byte: what comes behind it is the server's.
async fn read_head<S: ByteStream + ?Sized>(mut stream: &mut S) -> io::Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0; 1]);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST {
            return Err(failed("its answer has no end"));
        }
        read_exact(&mut stream, &mut byte).await?;
        head.extend_from_slice(&byte);
        // What is no HTTP may have no line, either.
        if !head.iter().zip(b"HTTP/").all(|(byte, wanted)| byte == wanted) {
            return Err(failed(NO_HTTP));
        }
    }
    Ok(head)
}

/// The three digits behind `HTTP/1.1 `.
fn status(head: &[u8]) -> Option<u16> {
    let digits = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// What the proxy said, as far as it is printed.
fn first_line(head: &[u8]) -> String {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let printed = line.iter().take(100).map(|byte| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '?',
    });
    printed.collect()
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut word = 0_u32;
        for place in 0..3 {
            word = word << 8 | u32::from(three.get(place).copied().unwrap_or(0));
        }
        for place in 0..4 {
            let digit = DIGITS.get((word >> (18 - 6 * place) & 63) as usize);
            let digit = digit.filter(|_| place <= three.len()).unwrap_or(&b'=');
            text.push(char::from(*digit));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;

    use super::super::scripted::{Scripted, talk};
    use super::*;

    fn user() -> User {
        User { name: "pump".to_owned(), password: "s:ecret".to_owned() }
    }

    fn asked(
        host: &str,
        user: Option<&User>,
        says: &[u8],
        piece: usize,
    ) -> Result<Scripted, String> {
        talk(says, piece, async |proxy| ask(proxy, host, 8883, user).await)
    }

    #[test]
    fn what_is_said_is_what_the_standard_asks_for_and_no_byte_of_the_server_is_taken() {
        let says = b"HTTP/1.1 200 Connection established\r\nProxy-agent: x\r\n\r\n\x16MQTT";
        for piece in [1, 3, 1000] {
            let proxy = asked("broker.example", None, says, piece).expect("a connection");
            assert_eq!(proxy.says, b"\x16MQTT");
            let wanted =
                "CONNECT broker.example:8883 HTTP/1.1\r\nHost: broker.example:8883\r\n\r\n";
            assert_eq!(proxy.heard, wanted.as_bytes());
            let proxy = asked("::1", Some(&user()), says, piece).expect("a connection");
            let wanted = "CONNECT [::1]:8883 HTTP/1.1\r\nHost: [::1]:8883\r\n\
                          Proxy-Authorization: Basic cHVtcDpzOmVjcmV0\r\n\r\n";
            assert_eq!(proxy.heard, wanted.as_bytes());
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfb]), "//77");
    }

    #[test]
    fn each_refusal_says_whose_fault_it_is() {
        let endless = [&b"HTTP/1.1 200 OK\r\n"[..], &[b'a'; 100_000]].concat();
        for (says, user, wanted) in [
            (&b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..], None, "wants a user name"),
            (b"HTTP/1.1 407 No\r\n\r\n", Some(&user()), "refused the user name"),
            (b"HTTP/1.1 403 Filtered\r\n\r\n", None, "it refused: HTTP/1.1 403 Filtered"),
            (b"HTTP/1.0 502 \x1b[31m\r\n\r\n", None, "it refused: HTTP/1.0 502 ?[31m"),
            (b"SSH-2.0-OpenSSH\r\n", None, "does not speak HTTP"),
            (b"\x05\xff\0\0\0\0", None, "does not speak HTTP"),
            (b"HTTP/2 200\r\n\r\n", None, "does not speak HTTP"),
            (b"", None, "without an answer"),
            (b"HTTP/1.1 200 OK\r\n", None, "without an answer"),
            (&endless, None, "no end"),
        ] {
            let error = asked("a", user, says, 7).expect_err("a refusal");
            assert!(error.contains(wanted), "{says:?}: {error}");
        }
        let error = asked("a\r\nX: y", None, b"", 1).expect_err("no host");
        assert!(error.contains("cannot be said"), "{error}");
    }
}
