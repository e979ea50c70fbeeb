use core::net::SocketAddr;
use std::io::ErrorKind::{ConnectionRefused, NetworkUnreachable};
use std::string::ToString;
use std::vec::Vec;

use super::{Opened, open};
use crate::address::Server;
use crate::config::Config;
use crate::error::{ConnectError, ErrorKind, Step};
use crate::net::fake::{
    Answer::{Accepts, Refuses},
    Fake, Socket, alive, asked, begin, now, run, run_until,
};
use crate::net::{Layers, Proxy};

/// An address of version 6, and one of version 4.
fn six(last: u16) -> SocketAddr {
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 1883).into()
}

fn four(last: u8) -> SocketAddr {
    ([192, 0, 2, last], 1883).into()
}

async fn opening(layers: &Layers, timeout: u32) -> Result<SocketAddr, ConnectError> {
    let server = Server { host: "broker.example", port: 1883, timeout };
    match open::<Fake>(layers, server).await? {
        Opened::Tcp(Socket(address)) => Ok(address),
        Opened::Stream(_) => panic!("nothing is laid on it"),
    }
}

/// What is opened within ten seconds.
fn opened() -> Result<SocketAddr, ConnectError> {
    run(opening(&Layers::default(), 10_000))
}

#[test]
fn a_dead_route_costs_a_quarter_of_a_second() {
    begin(30, &[(six(1), None), (four(1), Some(Accepts(20)))]);
    assert_eq!(opened(), Ok(four(1)));
    assert_eq!(now(), 30 + 250 + 20);
    assert_eq!(alive(), 0, "who loses is dropped");
}

#[test]
fn a_route_that_is_refused_costs_nothing() {
    begin(0, &[(six(1), Some(Refuses(5, NetworkUnreachable))), (four(1), Some(Accepts(20)))]);
    assert_eq!(opened(), Ok(four(1)));
    assert_eq!(asked(), [(0, six(1)), (5, four(1))]);
    assert_eq!(now(), 25);
}

#[test]
fn an_address_that_is_late_may_win_yet() {
    begin(0, &[(six(1), Some(Accepts(300))), (four(1), Some(Accepts(100)))]);
    assert_eq!(opened(), Ok(six(1)));
    assert_eq!((now(), alive()), (300, 0));
}

#[test]
fn families_take_turns_in_the_order_of_the_system() {
    let all = [six(1), six(2), six(3), four(1), four(2)];
    begin(0, &all.map(|address| (address, None)));
    assert_eq!(opened(), Err(ConnectError::TimedOut(Step::Open)));
    let turns = [six(1), four(1), six(2), four(2), six(3)];
    let wanted: Vec<_> = (0..).step_by(250).zip(turns).collect();
    assert_eq!(asked(), wanted);
    begin(0, &[four(1), four(2), six(1)].map(|address| (address, None)));
    assert_eq!(opened(), Err(ConnectError::TimedOut(Step::Open)));
    assert_eq!(asked(), [(0, four(1)), (250, six(1)), (500, four(2))]);
}

#[test]
fn the_last_failure_is_told_when_all_have_failed() {
    let refuses = |after| Some(Refuses(after, ConnectionRefused));
    begin(0, &[(six(1), Some(Refuses(1, NetworkUnreachable))), (four(1), refuses(2))]);
    let error = ConnectError::Unreachable(Step::Open, ErrorKind::ConnectionRefused.into());
    assert_eq!(opened(), Err(error));
    assert_eq!((now(), alive()), (3, 0));
}

#[test]
fn a_name_without_an_address_is_not_found() {
    begin(0, &[]);
    let error = ConnectError::Unreachable(Step::Resolve, ErrorKind::NotFound.into());
    assert_eq!(opened(), Err(error));
}

#[test]
fn all_steps_share_one_time_out() {
    let plain = Layers::default();
    begin(60, &[(six(1), None), (four(1), Some(Accepts(41)))]);
    // 60 and 250 and 41 are more than 350, though each is less.
    let wanted = Err(ConnectError::TimedOut(Step::Open));
    assert_eq!((run(opening(&plain, 350)), now(), alive()), (wanted, 350, 0));
    begin(101, &[]);
    let wanted = Err(ConnectError::TimedOut(Step::Resolve));
    assert_eq!((run(opening(&plain, 100)), now()), (wanted, 100));
    let proxied = Config::new("broker.example").proxy(Proxy::socks5("proxy.example"));
    let proxied = Layers::of(&proxied).expect("a proxy");
    begin(60, &[(six(1), Some(Accepts(30)))]);
    let wanted = Err(ConnectError::TimedOut(Step::Proxy));
    assert_eq!((run(opening(&proxied, 100)), now(), alive()), (wanted, 100, 0));
    // 0 is any time.
    begin(60, &[(six(1), Some(Accepts(3_600_000)))]);
    assert_eq!(run(opening(&plain, 0)), Ok(six(1)));
}

#[test]
fn a_proxy_that_cannot_be_reached_is_named() {
    let proxied = Config::new("broker.example").proxy(Proxy::socks5("proxy.example:1080"));
    let proxied = Layers::of(&proxied).expect("a proxy");
    let told = || {
        let error = run(opening(&proxied, 100)).expect_err("an error");
        assert!(matches!(error, ConnectError::Unreachable(Step::Proxy, _)), "{error:?}");
        error.to_string()
    };
    begin(0, &[]);
    assert!(told().contains("proxy.example:1080"), "{}", told());
    begin(0, &[(six(1), Some(Refuses(1, ConnectionRefused)))]);
    assert!(told().contains("proxy.example:1080: connection refused"), "{}", told());
}

#[test]
fn dropping_it_at_any_await_leaves_nothing_behind() {
    let world = || begin(10, &[(six(1), None), (six(2), None), (four(1), Some(Accepts(20)))]);
    let (plain, mut looks) = (Layers::default(), 0);
    let done = loop {
        world();
        let done = run_until(looks, opening(&plain, 10_000));
        assert_eq!(alive(), 0, "after {looks} looks");
        if done.is_some() {
            break done;
        }
        looks += 1;
    };
    assert_eq!(done, Some(Ok(four(1))));
    assert!(looks > 3, "{looks} looks");
}
