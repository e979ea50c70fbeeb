//! The network for embassy: what happens on one side of the gateway happens on the other.

#![cfg(feature = "wire")]

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use embassy_net::tcp::{self, ConnectError, TcpSocket};
use futures_lite::future::or;
use mqtt_as_tests::wire::Wire;

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// What a peer on the host does with its connection, and what the client does with its own.
fn story<T: Send + 'static>(
    lose_one_in: u64,
    peer: impl FnOnce(TcpStream) -> T + Send + 'static,
    client: impl AsyncFnOnce(&mut TcpSocket<'_>),
) -> T {
    let (listener, port) = listener();
    let peer = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        peer(stream)
    });
    let wire = Wire::new();
    wire.forward(port);
    wire.lose_one_in(lose_one_in, 7);
    let story = async {
        let (mut rx, mut tx) = (vec![0; 2000], vec![0; 2000]);
        let mut socket = TcpSocket::new(wire.stack(), &mut rx, &mut tx);
        socket.connect((Wire::ADDRESS, port)).await.expect("a connection");
        client(&mut socket).await;
        while !peer.is_finished() {
            async_io::Timer::after(Duration::from_millis(1)).await;
        }
    };
    wire.run(or(story, async {
        async_io::Timer::after(Duration::from_secs(20)).await;
        panic!("it has to happen within twenty seconds");
    }));
    assert_eq!(lose_one_in != 0, wire.lost() != 0);
    peer.join().expect("a peer that does not panic")
}

async fn read_to_end(socket: &mut TcpSocket<'_>) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 700]);
    loop {
        match socket.read(&mut buffer).await.expect("a connection") {
            0 => return all,
            len => all.extend(&buffer[..len]),
        }
    }
}

async fn write_all(socket: &mut TcpSocket<'_>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let len = socket.write(bytes).await.expect("a connection");
        bytes = &bytes[len..];
    }
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[test]
fn bytes_pass_whole_and_in_order_although_frames_are_lost() {
    for (lose_one_in, len) in [(0, 300_000), (25, 8_000)] {
        let begun = std::time::Instant::now();
        let echo = move |mut stream: TcpStream| {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).expect("what the client says");
            stream.write_all(&all).expect("a connection");
        };
        story(lose_one_in, echo, async move |socket| {
            write_all(socket, &bytes(len)).await;
            socket.close();
            assert!(read_to_end(socket).await == bytes(len));
        });
        println!("{len} bytes there and back in {:?}", begun.elapsed());
    }
}

#[test]
fn half_closed_by_the_peer() {
    let peer = |mut stream: TcpStream| {
        stream.write_all(b"all I say").expect("a connection");
        stream.shutdown(Shutdown::Write).expect("a connection");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        answer
    };
    let heard = story(0, peer, async |socket| {
        assert_eq!(read_to_end(socket).await, b"all I say");
        write_all(socket, b"an answer").await;
        socket.close();
    });
    assert_eq!(heard, b"an answer");
}

#[test]
fn reset_by_the_peer() {
    // What was sent and never read makes a close a reset.
    let peer = |stream: TcpStream| {
        let mut one = [0];
        (&stream).read_exact(&mut one).expect("a byte");
    };
    story(0, peer, async |socket| {
        write_all(socket, &[1; 100]).await;
        assert_eq!(socket.read(&mut [0; 10]).await, Err(tcp::Error::ConnectionReset));
    });
}

#[test]
fn reset_by_the_client() {
    let peer = |mut stream: TcpStream| {
        let mut all = Vec::new();
        stream.write_all(b"hello").expect("a connection");
        stream.read_to_end(&mut all).expect_err("a reset").kind()
    };
    let error = story(0, peer, async |socket| {
        socket.read(&mut [0; 10]).await.expect("a connection");
        socket.abort();
        socket.flush().await.expect("a reset that leaves");
    });
    assert_eq!(error, ErrorKind::ConnectionReset);
}

#[test]
fn refused_where_nobody_listens_and_where_nothing_is_forwarded() {
    let (_listener, listens) = listener();
    let (gone, closed) = listener();
    drop(gone);
    let wire = Wire::new();
    wire.forward(closed);
    for port in [listens, closed] {
        wire.run(async {
            let (mut rx, mut tx) = ([0; 100], [0; 100]);
            let mut socket = TcpSocket::new(wire.stack(), &mut rx, &mut tx);
            let result = socket.connect((Wire::ADDRESS, port)).await;
            assert_eq!(result, Err(ConnectError::ConnectionReset));
        });
    }
}

/// More than one gateway listens for at a time would do.
#[test]
fn many_connections_at_a_time_and_many_wires() {
    let (listener, port) = listener();
    thread::spawn(move || {
        let streams: Vec<_> = listener.incoming().take(4 * 10).flatten().collect();
        for mut stream in streams {
            stream.write_all(b"!").expect("a connection");
        }
    });
    let wires: Vec<_> = (0..4).map(|_| thread::spawn(move || ten_connections(port))).collect();
    wires.into_iter().for_each(|wire| wire.join().expect("ten connections"));
}

fn ten_connections(port: u16) {
    let wire = Wire::new();
    wire.forward(port);
    let stack = wire.stack();
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            wire.spawn(async move {
                let (mut rx, mut tx) = ([0; 100], [0; 100]);
                let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
                socket.connect((Wire::ADDRESS, port)).await.expect("a connection");
                assert_eq!(read_to_end(&mut socket).await, b"!");
            })
        })
        .collect();
    wire.run(async {
        for task in tasks {
            task.await;
        }
    });
}

#[test]
fn dropping_the_wire_cuts_its_connections() {
    let (listener, port) = listener();
    let wire = Wire::new();
    wire.forward(port);
    let connected = Cell::new(false);
    wire.run(async {
        let (mut rx, mut tx) = ([0; 100], [0; 100]);
        let mut socket = TcpSocket::new(wire.stack(), &mut rx, &mut tx);
        socket.connect((Wire::ADDRESS, port)).await.expect("a connection");
        connected.set(true);
    });
    assert!(connected.get());
    drop(wire);
    let (mut stream, _) = listener.accept().expect("the connection");
    let mut all = Vec::new();
    assert!(stream.read_to_end(&mut all).is_ok_and(|len| len == 0));
}
