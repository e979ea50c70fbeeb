//! What is said to an HTTP proxy: CONNECT (RFC 9110, 9.3.6), with Basic credentials (RFC 7617).

use std::format;
use std::io;
use std::string::String;
use std::vec::Vec;

use super::exchange::{failed, read_exact, write_all};
use super::proxy::User;
use super::sockets::ByteStream;

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
        Some(407) if user.is_none() => {
            Err(failed("it wants a user name and a password (407): set Proxy::user"))
        }
        Some(407) => Err(failed("it refused the user name or the password (407)")),
        Some(_) => Err(failed(format!("it refused: {}", first_line(&head)))),
        None => Err(failed("it does not speak HTTP: is it the right port?")),
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
        // What is no HTTP may have no line, either.
        if head.len() == 5 && head != b"HTTP/" {
            return Err(failed("it does not speak HTTP: is it the right port?"));
        }
        read_exact(&mut stream, &mut byte).await?;
        head.extend_from_slice(&byte);
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
