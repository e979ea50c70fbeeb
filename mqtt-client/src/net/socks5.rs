//! What is said to a SOCKS5 proxy (RFC 1928, and RFC 1929 for user and password).

use std::format;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::vec::Vec;

use super::byte_stream::ByteStream;
use super::exchange::{User, failed, read_exact, write_all};

const VERSION: u8 = 5;
const NO_USER: u8 = 0;
const WITH_USER: u8 = 2;

/// Asks for a connection to that server.
pub(super) async fn ask<S: ByteStream + ?Sized>(
    mut stream: &mut S,
    host: &str,
    port: u16,
    user: Option<&User>,
) -> io::Result<()> {
    let greeting: &[u8] =
        if user.is_some() { &[VERSION, 2, NO_USER, WITH_USER] } else { &[VERSION, 1, NO_USER] };
    write_all(&mut stream, greeting).await?;
    let mut answer = [0; 2];
    read_exact(&mut stream, &mut answer).await?;
    match (answer, user) {
        ([VERSION, NO_USER], _) => {}
        ([VERSION, WITH_USER], Some(user)) => say_user(stream, user).await?,
        ([VERSION, _], None) => {
            return Err(failed("it wants a user name and a password: set Proxy::user"));
        }
        ([VERSION, _], Some(_)) => {
            return Err(failed("it takes neither user name and password nor none of them"));
        }
        _ => return Err(failed("it does not speak SOCKS5: is it the right port?")),
    }
    write_all(&mut stream, &request(host, port)?).await?;
    take_answer(stream).await
}

async fn say_user<S: ByteStream + ?Sized>(mut stream: &mut S, user: &User) -> io::Result<()> {
    let mut packet = Vec::from([1]);
    for part in [&user.name, &user.password] {
        packet.push(part.len() as u8); // At most 255: judged with the settings.
        packet.extend_from_slice(part.as_bytes());
    }
    write_all(&mut stream, &packet).await?;
    let mut answer = [0; 2];
    read_exact(&mut stream, &mut answer).await?;
    match answer {
        [_, 0] => Ok(()),
        _ => Err(failed("it refused the user name or the password")),
    }
}

/// CONNECT: names are looked up by the proxy.
fn request(host: &str, port: u16) -> io::Result<Vec<u8>> {
    let mut packet = Vec::from([VERSION, 1, 0]);
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            packet.push(1);
            packet.extend_from_slice(&Ipv4Addr::octets(&address));
        }
        Ok(IpAddr::V6(address)) => {
            packet.push(4);
            packet.extend_from_slice(&Ipv6Addr::octets(&address));
        }
        Err(_) => {
            let len = u8::try_from(host.len());
            packet.extend_from_slice(&[3, len.map_err(|_| failed(TOO_LONG))?]);
            packet.extend_from_slice(host.as_bytes());
        }
    }
    packet.extend_from_slice(&port.to_be_bytes());
    Ok(packet)
}

const TOO_LONG: &str = "the name of the server is too long for SOCKS5: 255 bytes at most";

/// The answer ends with an address, which nobody needs.
async fn take_answer<S: ByteStream + ?Sized>(mut stream: &mut S) -> io::Result<()> {
    let mut head = [0; 4];
    read_exact(&mut stream, &mut head).await?;
    let [version, code, _, kind] = head;
    if version != VERSION {
        return Err(failed("it does not speak SOCKS5: is it the right port?"));
    }
    if code != 0 {
        return Err(failed(format!("it refused: {}", reason(code))));
    }
    let mut len = [0; 1];
    let address = match kind {
        1 => 4,
        4 => 16,
        3 => {
            read_exact(&mut stream, &mut len).await?;
            usize::from(len[0])
        }
        _ => return Err(failed("it answered with an address of no kind that SOCKS5 has")),
    };
    let mut rest = [0; 255 + 2];
    read_exact(&mut stream, rest.get_mut(..address + 2).unwrap_or_default()).await
}

/// RFC 1928, section 6.
fn reason(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "its rules do not allow this server",
        3 => "the network cannot be reached",
        4 => "the server cannot be reached",
        5 => "the server refused the connection",
        6 => "it took too long",
        7 => "it cannot do CONNECT",
        8 => "it cannot do this kind of address",
        _ => "for a reason that SOCKS5 does not know",
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;
    use std::string::String;

    use super::super::scripted::{Scripted, talk};
    use super::*;

    fn user() -> User {
        User { name: "pump".to_owned(), password: "secret".to_owned() }
    }

    fn asked(
        host: &str,
        user: Option<&User>,
        says: &[u8],
        piece: usize,
    ) -> Result<Scripted, String> {
        talk(says, piece, async |proxy| ask(proxy, host, 1883, user).await)
    }

    #[test]
    fn what_is_said_is_what_the_standard_asks_for_and_no_byte_of_the_server_is_taken() {
        let v4 = [&b"\x05\x00\x05\x00\x00\x01\x7f\0\0\x01\x12\x34"[..], b"MQTT"].concat();
        let v6 = [&b"\x05\x00\x05\x00\x00\x04"[..], &[7; 18], b"MQTT"].concat();
        let name = [&b"\x05\x00\x05\x00\x00\x03\x04here\x12\x34"[..], b"MQTT"].concat();
        for piece in [1, 2, 3, 5, 100] {
            for says in [&v4, &v6, &name] {
                let proxy = asked("broker.example", None, says, piece).expect("a connection");
                assert_eq!(proxy.says, b"MQTT");
                assert_eq!(proxy.heard, b"\x05\x01\x00\x05\x01\x00\x03\x0ebroker.example\x07\x5b");
            }
            let proxy = asked("192.0.2.7", None, &v4, piece).expect("a connection");
            assert_eq!(proxy.heard, b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x07\x07\x5b");
            let proxy = asked("::1", None, &v4, piece).expect("a connection");
            let mut wanted = b"\x05\x01\x00\x05\x01\x00\x04".to_vec();
            wanted.extend([0; 15]);
            wanted.extend(b"\x01\x07\x5b");
            assert_eq!(proxy.heard, wanted);
        }
    }

    #[test]
    fn user_and_password_are_said_where_the_proxy_asks_for_them() {
        let says = b"\x05\x02\x01\x00\x05\x00\x00\x01\x7f\0\0\x01\x12\x34";
        let proxy = asked("a", Some(&user()), says, 2).expect("a connection");
        assert_eq!(&proxy.heard[..18], b"\x05\x02\x00\x02\x01\x04pump\x06secret\x05");
        // One that asks for none gets none.
        let says = b"\x05\x00\x05\x00\x00\x01\x7f\0\0\x01\x12\x34";
        let proxy = asked("a", Some(&user()), says, 2).expect("a connection");
        assert_eq!(&proxy.heard[..6], b"\x05\x02\x00\x02\x05\x01");
    }

    #[test]
    fn each_refusal_says_whose_fault_it_is() {
        let refused = |code| [5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0];
        for (says, user, wanted) in [
            (&b"\x05\xff"[..], None, "wants a user name"),
            (b"\x05\x02", None, "wants a user name"),
            (b"\x05\xff", Some(&user()), "takes neither"),
            (b"\x05\x02\x01\x01", Some(&user()), "refused the user name or the password"),
            (&refused(2), None, "rules do not allow"),
            (&refused(5), None, "the server refused"),
            (&refused(99), None, "does not know"),
            (b"HT", None, "does not speak SOCKS5"),
            (b"\x05\x00HTTP", None, "does not speak SOCKS5"),
            (b"\x05\x00\x05\x00\x00\x09", None, "address of no kind"),
            (b"", None, "without an answer"),
            (b"\x05\x00\x05\x00\x00\x03\xff", None, "without an answer"),
        ] {
            let error = asked("a", user, says, 1).expect_err("a refusal");
            assert!(error.contains(wanted), "{says:?}: {error}");
        }
        let long = "a".repeat(256);
        assert!(asked(&long, None, b"\x05\x00", 1).expect_err("too long").contains("255"));
    }
}
