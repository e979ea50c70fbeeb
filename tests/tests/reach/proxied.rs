//! What proxies and web servers answer that do not lead to a broker: each its own error.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

use async_tungstenite::tungstenite::handshake::derive_accept_key;
use mqtt_as_tests::proxies::{RealProxy, USER, proxies_or_skip};

use super::config;
use crate::runtime::adapter::{
    Config, ConfigError, ConnectError, DownReason, Proxy, Step, WebSocket,
};
use crate::runtime::{client, run, try_client, within};

/// The step that fails, with these words.
async fn fails(settings: Config, step: Step, words: &str) {
    let error = within(client(settings).connect(true)).await.expect_err("an error");
    assert!(matches!(&error, ConnectError::Unreachable(at, _) if *at == step), "{error:?}");
    assert!(error.to_string().contains(words), "{words:?} is missing: {error}");
}

/// A port of this machine on which nobody listens.
fn nobody() -> u16 {
    mqtt_as_tests::mosquitto::free_port()
}

/// A server that reads a request, gives that answer to it, with what it makes of the key for `{accept}`, and says
/// no more. Without an answer it closes at once.
fn answers(head: impl Into<String>, frames: &'static [u8]) -> u16 {
    let head = head.into();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).is_ok_and(|n| n == 1) {
                request.extend(byte);
            } else {
                return;
            }
        }
        let request = String::from_utf8(request).expect("text");
        assert!(request.contains("Sec-WebSocket-Protocol: mqtt\r\n"), "it is asked for");
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = derive_accept_key(key.expect("a key").as_bytes());
        let answer = [head.replace("{accept}", &accept).as_bytes(), frames].concat();
        let _ = stream.write_all(&answer);
        let waits = !answer.is_empty();
        let _ = waits.then(|| stream.read_to_end(&mut Vec::new())); // Until the client has closed.
    });
    port
}

#[test]
fn a_proxy_that_wants_credentials_or_refuses_them_says_so() {
    if !proxies_or_skip("a_proxy_that_wants_credentials_or_refuses_them_says_so") {
        return;
    }
    let (socks, http) = (RealProxy::socks5(true), RealProxy::http(true, &[]));
    let (socks, http) = (socks.addr().to_string(), http.addr().to_string());
    run(async {
        let to = || config(nobody());
        let wants = "wants a user name and a password";
        fails(to().proxy(Proxy::socks5(&socks)), Step::Proxy, wants).await;
        fails(to().proxy(Proxy::http(&http)), Step::Proxy, wants).await;
        let refused = "refused the user name or the password";
        let wrong = Proxy::socks5(&socks).user(USER.0, "wrong");
        fails(to().proxy(wrong), Step::Proxy, refused).await;
        let wrong = Proxy::http(&http).user(USER.0, "wrong");
        fails(to().proxy(wrong), Step::Proxy, refused).await;
    });
}

#[test]
fn a_proxy_that_does_not_lead_there_says_why() {
    if !proxies_or_skip("a_proxy_that_does_not_lead_there_says_why") {
        return;
    }
    let (socks, http) = (RealProxy::socks5(false), RealProxy::http(false, &[1]));
    run(async {
        let way = Proxy::socks5(socks.addr().to_string());
        fails(config(nobody()).proxy(way), Step::Proxy, "it refused: ").await;
        let way = Proxy::http(http.addr().to_string());
        fails(config(nobody()).proxy(way), Step::Proxy, "it refused: HTTP/1.").await;
        // Each is no proxy of the other kind.
        let way = Proxy::http(socks.addr().to_string());
        fails(config(nobody()).proxy(way), Step::Proxy, "does not speak HTTP").await;
        // And there is none here.
        let nowhere = format!("127.0.0.1:{}", nobody());
        let way = Proxy::socks5(&nowhere);
        fails(config(1883).proxy(way), Step::Proxy, &format!("{nowhere}: ")).await;
    });
}

#[test]
fn a_proxy_that_hangs_has_its_time() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let at = listener.local_addr().expect("an address").to_string();
    run(async {
        for proxy in [Proxy::socks5(&at), Proxy::http(&at)] {
            let settings = config(1883).proxy(proxy).connect_timeout(Duration::from_millis(300));
            let error = within(client(settings).connect(true)).await.expect_err("an error");
            assert_eq!(error, ConnectError::TimedOut(Step::Proxy));
        }
        let settings = Config::new(at).websocket(WebSocket::new());
        let settings = settings.connect_timeout(Duration::from_millis(300));
        let error = within(client(settings).connect(true)).await.expect_err("an error");
        assert_eq!(error, ConnectError::TimedOut(Step::WebSocket));
    });
}

#[test]
fn a_web_server_that_opens_no_websocket_says_what_it_answered() {
    run(async {
        let to = |answer| config(answers(answer, b"")).websocket(WebSocket::new().path("/other"));
        let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        fails(to(answer), Step::WebSocket, "404 Not Found instead of opening").await;
        let answer = "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
        fails(to(answer), Step::WebSocket, "301 Moved Permanently").await;
        fails(to(""), Step::WebSocket, "does it speak WebSocket on that port").await;
        fails(to("\x20\x02\0\0"), Step::WebSocket, "does not speak WebSocket on that port").await;
        let answer = "HTTP/1.0 403 Forbidden\r\n\r\n";
        fails(to(answer), Step::WebSocket, "does not speak WebSocket on that port").await;
    });
}

const OPEN: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Accept: {accept}\r\n";

#[test]
fn a_web_server_that_speaks_something_else_in_its_websocket_is_told() {
    let to = |headers: &str, frames| {
        config(answers(format!("{OPEN}{headers}\r\n"), frames)).websocket(WebSocket::new())
    };
    run(async {
        let no_mqtt = "did not take the subprotocol mqtt";
        fails(to("", b""), Step::WebSocket, no_mqtt).await;
        fails(to("Sec-WebSocket-Protocol: chat\r\n", b""), Step::WebSocket, no_mqtt).await;
        // It says that it does, and then speaks in text.
        let texts = to("Sec-WebSocket-Protocol: mqtt\r\n", b"\x81\x02hi");
        let error = within(client(texts).connect(true)).await.expect_err("an error");
        assert!(matches!(error, ConnectError::Lost(DownReason::Transport(_))), "{error:?}");
        assert!(error.to_string().contains("a text frame"), "{error}");
    });
}

#[test]
fn settings_that_cannot_be_are_refused_when_the_client_is_made() {
    run(async {
        let refused = |settings: Config| try_client(settings).expect_err("an error");
        let to = || Config::new("localhost");
        assert_eq!(refused(to().proxy(Proxy::http("http://a/b"))), ConfigError::Proxy);
        assert_eq!(refused(to().proxy(Proxy::socks5(""))), ConfigError::Proxy);
        let nameless = Proxy::socks5("a").user("", "b");
        assert_eq!(refused(to().proxy(nameless)), ConfigError::ProxyUser);
        let colon = Proxy::http("a").user("b:c", "d");
        assert_eq!(refused(to().proxy(colon)), ConfigError::ProxyUser);
        for path in ["", "mqtt", "/a b", "/\r\nX: y"] {
            let websocket = WebSocket::new().path(path);
            assert_eq!(refused(to().websocket(websocket)), ConfigError::WebSocketPath, "{path:?}");
        }
        for (name, value) in
            [("", "a"), ("a b", "c"), ("a", "b\r\nc: d"), ("Host", "b"), ("sec-WebSocket-Key", "b")]
        {
            let websocket = WebSocket::new().header(name, value);
            assert_eq!(refused(to().websocket(websocket)), ConfigError::WebSocketHeader);
        }
        let both = Config::unix("/run/a.sock").proxy(Proxy::http("a"));
        assert_eq!(refused(both), ConfigError::UnixProxy);
        let nowhere = Config::unix("/nonexistent/a.sock");
        fails(nowhere, Step::Open, "No such file").await;
    });
}
