//! A server of WebSocket in memory: good and bad answers, in pieces of every size, cut at every byte.

use std::string::ToString;
use std::sync::Mutex;
use std::vec;

use async_tungstenite::tungstenite::handshake::derive_accept_key;

use super::super::exchange::write_all;
use super::super::scripted::{Scripted, finish};
use super::*;

/// What a good server answers; `{accept}` stands for what it makes of the key of the client.
const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// It answers once it has heard the whole request, and closes when it has said all.
#[derive(Clone)]
struct Remote(Arc<Mutex<State>>);

struct State {
    peer: Scripted,
    /// What it says to the request: head, and what follows at once.
    answer: Option<(String, Vec<u8>)>,
    /// Says no more than so many bytes of it.
    most: usize,
    /// Bytes of a read. Of the head, seven at least: the library takes it in no crumbs.
    piece: usize,
    /// What is left of the head.
    head: usize,
}

impl Remote {
    fn new(head: &str, rest: &[u8], piece: usize) -> Self {
        let answer = Some((head.to_owned(), rest.to_vec()));
        let peer = Scripted::new(&[], piece);
        Self(Arc::new(Mutex::new(State { peer, answer, most: usize::MAX, piece, head: 0 })))
    }

    fn cut_at(self, most: usize) -> Self {
        self.0.lock().unwrap().most = most;
        self
    }

    fn heard(&self) -> Vec<u8> {
        self.0.lock().unwrap().peer.heard.clone()
    }

    /// What it heard behind the request.
    fn heard_frames(&self) -> Vec<u8> {
        let heard = self.heard();
        let end = heard.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a request");
        heard[end + 4..].to_vec()
    }
}

impl State {
    fn answer(&mut self) {
        if !self.peer.heard.ends_with(b"\r\n\r\n") {
            return;
        }
        let Some((head, rest)) = self.answer.take() else { return };
        let request = String::from_utf8(self.peer.heard.clone()).expect("text");
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = derive_accept_key(key.expect("a key").as_bytes());
        self.peer.says = head.replace("{accept}", &accept).into_bytes();
        self.head = self.peer.says.len();
        self.peer.says.extend_from_slice(&rest);
        self.peer.says.truncate(self.most);
    }
}

impl AsyncRead for Remote {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock().unwrap();
        state.peer.piece = if state.head == 0 { state.piece } else { state.piece.max(7) };
        let n = ready!(Pin::new(&mut state.peer).poll_read(cx, buf))?;
        state.head = state.head.saturating_sub(n);
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for Remote {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock().unwrap();
        let n = ready!(Pin::new(&mut state.peer).poll_write(cx, buf))?;
        state.answer();
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn opened(
    websocket: &WebSocket,
    host: &str,
    remote: &Remote,
) -> Result<Box<dyn ByteStream>, String> {
    let server = Server { host, port: 8080, timeout: 0 };
    finish(websocket.lay(Box::new(remote.clone()), server)).map_err(|error| error.to_string())
}

/// All that comes until the end, or the failure.
fn read_all(stream: &mut Box<dyn ByteStream>, room: usize) -> Result<Vec<u8>, String> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
    loop {
        let read =
            finish(core::future::poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut buffer)));
        match read {
            Ok(0) => return Ok(all),
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn close(stream: &mut Box<dyn ByteStream>) {
    finish(core::future::poll_fn(|cx| Pin::new(&mut *stream).poll_close(cx))).expect("an end");
}

/// A frame of the server's: not masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(payload.len()).expect("a short one")], payload].concat()
}

/// The frames of a client, which has to mask each.
fn unmasked(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, len, a, b, c, d, rest @ ..] = bytes {
        assert!(len & 0x80 != 0, "a client masks its frames");
        let (payload, rest) = rest.split_at(usize::from(len & 0x7f));
        let mask = [a, b, c, d].into_iter().cycle();
        frames.push((*first, payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "a whole frame: {bytes:?}");
    frames
}

// 3.1.1 [MQTT-6.0.0-3]
// 5.0 [MQTT-6.0.0-3]
#[test]
fn the_request_is_what_the_standards_ask_for() {
    let websocket = WebSocket::new().path("/a/b?c=d").header("X-Site", "north");
    let remote = Remote::new(GOOD, b"", 1000);
    drop(opened(&websocket, "broker.example", &remote).expect("a WebSocket"));
    let request = String::from_utf8(remote.heard()).expect("text").to_ascii_lowercase();
    for wanted in [
        "get /a/b?c=d http/1.1\r\n",
        "\r\nhost: broker.example:8080\r\n",
        "\r\nconnection: upgrade\r\n",
        "\r\nupgrade: websocket\r\n",
        "\r\nsec-websocket-version: 13\r\n",
        "\r\nsec-websocket-protocol: mqtt\r\n", // [MQTT-6.0.0-3]
        "\r\nx-site: north\r\n",
    ] {
        assert!(request.contains(wanted), "{wanted:?} is missing: {request}");
    }
    let remote = Remote::new(GOOD, b"", 1000);
    drop(opened(&WebSocket::new(), "::1", &remote).expect("a WebSocket"));
    let request = String::from_utf8(remote.heard()).expect("text");
    assert!(request.starts_with("GET /mqtt HTTP/1.1\r\nHost: [::1]:8080\r\n"), "{request}");
}

/// Packets need not begin where frames do [MQTT-6.0.0-2]; pings are answered; what follows the answer of HTTP
/// at once is not lost.
// 3.1.1 [MQTT-6.0.0-2]
// 5.0 [MQTT-6.0.0-2]
#[test]
fn what_lies_in_frames_comes_in_order_however_it_is_cut() {
    let frames = [
        frame(0x82, b"\x20\x02\0\0\xd0"),
        frame(0x82, b""),
        frame(0x02, b"\0"), // A message in three pieces, with a ping in the middle.
        frame(0x00, b"abc"),
        frame(0x89, b"still there?"),
        frame(0x80, b"def"),
        frame(0x8a, b"a pong that nobody asked for"),
        frame(0x82, b"the end"),
        frame(0x88, &[3, 0xe8]),
    ]
    .concat();
    for (piece, room) in [(1, 1), (2, 1000), (3, 2), (7, 4), (1000, 1), (1000, 1000)] {
        let remote = Remote::new(GOOD, &frames, piece);
        let mut stream = opened(&WebSocket::new(), "a", &remote).expect("a WebSocket");
        let all = read_all(&mut stream, room).expect("bytes");
        assert_eq!(all, b"\x20\x02\0\0\xd0\0abcdefthe end");
        let said = unmasked(&remote.heard_frames());
        assert!(said.contains(&(0x8a, b"still there?".to_vec())), "a pong: {said:?}");
    }
}

// 3.1.1 [MQTT-6.0.0-1]
// 5.0 [MQTT-6.0.0-1]
#[test]
fn what_is_written_leaves_in_binary_frames_and_the_end_is_said() {
    for piece in [1, 3, 1000] {
        let remote = Remote::new(GOOD, b"", piece);
        let mut stream = opened(&WebSocket::new(), "a", &remote).expect("a WebSocket");
        finish(write_all(&mut stream, b"\x10\x0c\0\x04MQTT")).expect("a write");
        finish(write_all(&mut stream, b"\xc0\0")).expect("a write");
        close(&mut stream);
        let said = unmasked(&remote.heard_frames());
        let wanted = [(0x82, b"\x10\x0c\0\x04MQTT".to_vec()), (0x82, b"\xc0\0".to_vec())];
        assert_eq!(said[..2], wanted);
        assert_eq!((said.len(), said[2].0), (3, 0x88), "and a frame Close");
    }
}

/// A server that goes without a frame Close has gone: packets know their own end.
#[test]
fn an_end_is_an_end_with_or_without_a_word() {
    for close_frame in [None, Some(frame(0x88, b"")), Some(frame(0x88, &[3, 0xe9]))] {
        let rest = [frame(0x82, b"abc"), close_frame.clone().unwrap_or_default()].concat();
        let remote = Remote::new(GOOD, &rest, 1000);
        let mut stream = opened(&WebSocket::new(), "a", &remote).expect("a WebSocket");
        assert_eq!(read_all(&mut stream, 1000).as_deref(), Ok(&b"abc"[..]));
        if let Some(close_frame) = close_frame {
            close(&mut stream);
            let said = unmasked(&remote.heard_frames());
            assert_eq!(said, [(0x88, close_frame[2..].to_vec())], "it is answered");
        }
    }
}

// 3.1.1 [MQTT-6.0.0-4]
// 5.0 [MQTT-6.0.0-4]
#[test]
fn each_refusal_says_whose_fault_it_is() {
    let endless = GOOD.replace("\r\n\r\n", &std::format!("\r\nX: {}", "a".repeat(1_000_000)));
    let no_subprotocol = GOOD.replace("Sec-WebSocket-Protocol: mqtt\r\n", "");
    for (answer, words) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", ["404 Not Found", "path"]),
        ("HTTP/1.1 401 Unauthorized\r\n\r\n", ["401 Unauthorized", "instead of opening"]),
        ("HTTP/1.1 301 Moved\r\nLocation: https://a\r\n\r\n", ["301", "instead of opening"]),
        ("HTTP/1.1 200 OK\r\n\r\n", ["200 OK", "instead of opening"]),
        (&no_subprotocol, ["subprotocol mqtt", "path"]),
        (&GOOD.replace(": mqtt", ": chat"), ["subprotocol mqtt", "path"]),
        (&GOOD.replace("{accept}", "AAAA"), ["WebSocket protocol error", "Accept"]),
        (&GOOD.replace("Upgrade: WebSocket\r\n", ""), ["WebSocket protocol error", "Upgrade"]),
        (&GOOD.replace("1.1 101", "1.0 101"), ["does not speak WebSocket", "port"]),
        (&endless, ["without end", "port"]),
        ("", ["closed the connection", "port"]),
        ("\x20\x02\0\0", ["does not speak WebSocket", "port"]),
        ("SSH-2.0-OpenSSH_9.2\r\n", ["does not speak WebSocket", "port"]),
    ] {
        let remote = Remote::new(answer, b"", 1000);
        let error = opened(&WebSocket::new(), "a", &remote).err().expect("a refusal");
        for word in words {
            let begin: String = answer.chars().take(100).collect();
            assert!(error.contains(word), "{word:?} is missing for {begin:?}: {error}");
        }
        assert!(error.len() < 300, "{error}");
    }
}

#[test]
fn an_answer_that_is_cut_is_no_answer() {
    let whole = GOOD.replace("{accept}", &"a".repeat(28)).len();
    for most in 0..whole {
        for piece in [1, 1000] {
            let remote = Remote::new(GOOD, b"", piece).cut_at(most);
            let error = opened(&WebSocket::new(), "a", &remote).err().expect("no WebSocket");
            assert!(error.contains("closed the connection"), "{most}: {error}");
        }
    }
    assert!(opened(&WebSocket::new(), "a", &Remote::new(GOOD, b"", 1).cut_at(whole)).is_ok());
}

// 3.1.1 [MQTT-6.0.0-1]
// 5.0 [MQTT-6.0.0-1]
#[test]
fn frames_that_cannot_be_are_refused() {
    let much = [&[0x82, 127][..], &(1_u64 << 40).to_be_bytes()].concat();
    for (frames, words) in [
        (frame(0x81, b"text"), "text frame"), // [MQTT-6.0.0-1]
        ([frame(0x01, b"te"), frame(0x80, b"xt")].concat(), "text frame"),
        (frame(0xc2, b"a"), "reserved"),
        (frame(0x83, b"a"), "opcode: 3"),
        (frame(0x80, b"a"), "continue frame"),
        (frame(0x09, b"a"), "fragmented control frame"),
        (vec![0x82, 0x81, 0, 0, 0, 0, b'a'], "masked"),
        (much, "too long"),
    ] {
        let remote = Remote::new(GOOD, &frames, 1000);
        let mut stream = opened(&WebSocket::new(), "a", &remote).expect("a WebSocket");
        let error = read_all(&mut stream, 1000).expect_err("a failure");
        assert!(error.to_lowercase().contains(words), "{words:?} is missing: {error}");
    }
}
