//! A policy in virtual time: when its attempts come, to the millisecond. Driven by hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mqtt_as_client::{Attempt, Config, ConnectError, Memory, Reconnect, Runtime, event};
use mqtt_as_proto::Storage;

use crate::BOTH;
use crate::calls::Call;
use crate::hand::{Bench, Dial, Hand, begin};

/// Attempts, and when they were told.
type Told = Arc<Mutex<Vec<(u64, Attempt)>>>;

/// A client with that policy, connected for that many milliseconds.
fn connected(config: Config, policy: Reconnect, stands: usize) -> (Bench, Told) {
    begin();
    let mut bench = Bench::with_callbacks(config.reconnect(policy));
    let (client, told) = (bench.client(), Told::default());
    let telling = told.clone();
    client.set_cb_on_event(event::Reconnecting, move |attempt| {
        telling.lock().expect("no panic").push((Hand::now().as_millis(), attempt));
        async {}
    });
    bench.complete(client.connect(false)).expect("a connection");
    bench.turns(stands);
    (bench, told)
}

/// The delays that were told, in milliseconds.
fn delays(told: &Told) -> Vec<u128> {
    let told = told.lock().expect("no panic");
    told.iter().filter_map(|(_, attempt)| Some(attempt.delay()?.as_millis())).collect()
}

/// Lets attempts fail until there were so many.
fn fail(bench: &mut Bench, told: &Told, count: usize) {
    bench.dial(Dial::Fails);
    bench.lose();
    for _ in 0..1_000_000 {
        if told.lock().expect("no panic").len() >= count {
            return;
        }
        bench.turn();
    }
    panic!("{count} attempts: {told:?}");
}

#[test]
fn delays_grow_to_the_longest_and_are_kept() {
    for version in BOTH {
        let config = Config::new("by hand").version(version).client_id("ours");
        let policy = Reconnect::new().longest_delay(Duration::from_secs(10)).factor(3).jitter(0);
        let (mut bench, told) = connected(config, policy, 100);
        fail(&mut bench, &told, 6);
        assert_eq!(delays(&told), [1000, 3000, 9000, 10_000, 10_000, 10_000]);
        let told = told.lock().expect("no panic");
        for pair in told.windows(2) {
            let [(before, attempt), (after, _)] = pair else { unreachable!("two") };
            let delay = attempt.delay().expect("another attempt").as_millis();
            let took = u128::from(after - before);
            assert!((delay..=delay + 3).contains(&took), "{attempt}: {took} ms");
        }
    }
}

#[test]
fn chance_takes_its_part_and_is_the_same_each_time() {
    let of = |name: &'static str, jitter| {
        let config = Config::new("by hand").client_id(name);
        let policy = Reconnect::new().factor(1).jitter(jitter);
        let (mut bench, told) = connected(config, policy, 0);
        fail(&mut bench, &told, 40);
        delays(&told)
    };
    for (jitter, least) in [(50, 500), (100, 0), (10, 900)] {
        let all = of("ours", jitter);
        assert!(all.iter().all(|delay| (least..=1000).contains(delay)), "{jitter} %: {all:?}");
        let (first, last) = (all.iter().min(), all.iter().max());
        let wide = u128::from(jitter) * 10 / 2;
        assert!(last.zip(first).is_some_and(|(last, first)| last - first > wide), "{all:?}");
        assert_eq!(all, of("ours", jitter));
        assert_ne!(all, of("theirs", jitter));
    }
}

#[test]
fn delays_begin_anew_after_a_link_that_stood() {
    let policy = || Reconnect::new().stable_after(Duration::from_secs(5)).jitter(0);
    let config = || Config::new("by hand").client_id("ours");
    for (stands, wanted) in [(4900, [1000, 2000, 4000]), (5100, [1000, 2000, 1000])] {
        let (mut bench, told) = connected(config(), policy(), 0);
        fail(&mut bench, &told, 2);
        bench.dial(Dial::Opens);
        let client = bench.client();
        while !client.is_connected() {
            bench.turn();
        }
        bench.turns(stands);
        fail(&mut bench, &told, 3);
        assert_eq!(delays(&told), wanted, "after {stands} ms");
        let numbers: Vec<_> =
            told.lock().expect("no panic").iter().map(|(_, attempt)| attempt.number()).collect();
        assert_eq!(numbers, [1, 2, 1]);
    }
}

#[test]
fn a_driver_that_waits_for_its_attempt_rests() {
    let config = Config::new("by hand").client_id("ours");
    let policy =
        Reconnect::new().first_delay(Duration::from_secs(600)).longest_delay(Duration::MAX);
    let (mut bench, told) = connected(config, policy.jitter(0), 0);
    bench.lose();
    bench.turns(20);
    assert_eq!(delays(&told), [600_000]);
    let polls = bench.polls();
    bench.turns(599_000);
    assert_eq!(bench.polls(), polls, "nothing happens before");
    bench.turns(2000);
    assert!(bench.client().is_connected());
}

#[test]
fn credentials_that_do_not_come_in_time_fail_the_attempt() {
    for version in BOTH {
        let count = Arc::new(Mutex::new(0));
        let counting = count.clone();
        let policy = Reconnect::new().jitter(0).first_delay(Duration::from_millis(50));
        let policy = policy.async_credentials(move |mut credentials| {
            let number = {
                let mut count = counting.lock().expect("no panic");
                *count += 1;
                *count
            };
            async move {
                match number {
                    1 => {}
                    2 => std::future::pending().await,
                    _ => credentials.user = Some("fresh".into()),
                }
                credentials
            }
        });
        let config = Config::new("by hand").version(version).client_id("ours").user("u", "p");
        let config = config.connect_timeout(Duration::from_secs(2));
        let (mut bench, told) = connected(config, policy, 100);
        bench.lose();
        bench.turns(2100);
        assert_eq!(delays(&told), [50, 100]);
        assert!(told.lock().expect("no panic")[1].1.to_string().contains("credentials"));
        bench.turns(200);
        assert!(bench.client().is_connected());
        assert_eq!(*count.lock().expect("no panic"), 3);
        let written = bench.written();
        assert!(written.windows(5).any(|bytes| bytes == b"fresh"), "{written:?}");
    }
}

#[test]
fn an_assigned_identifier_is_kept_as_far_as_there_is_memory() {
    for (room, is_kept) in [(6, true), (5, false)] {
        let config = Config::new("by hand").client_id("");
        let client_id = Storage::borrowed(Box::leak(vec![0; room].into_boxed_slice()));
        let memory = Memory { client_id, ..Memory::heap(&config) };
        let mut bench = Bench::with_memory(config, memory, 1000);
        let client = bench.client();
        bench.complete(client.connect(false)).expect("a connection");
        bench.lose();
        bench.complete(client.down()).expect("a loss");
        let session = bench.complete(client.connect(false)).expect("a second connection");
        let written = bench.written();
        assert_eq!(written.windows(6).any(|bytes| bytes == b"auto-1"), is_kept, "{room} bytes");
        assert_eq!(session.session_present, is_kept);
    }
}

/// It is longer than a deadline can be, and none the less one that is to come.
#[test]
fn the_longest_delay_is_told_as_one() {
    let config = Config::new("by hand").client_id("ours");
    let policy = Reconnect::new().first_delay(Duration::MAX).longest_delay(Duration::MAX);
    let (mut bench, told) = connected(config, policy.jitter(0), 0);
    bench.lose();
    bench.turns(20);
    assert_eq!(delays(&told), [u128::from(u32::MAX / 2)]);
}

/// The process was stopped while the link broke, as when a lid is closed: there is nothing to judge any
/// more, and no reason to look again and again.
#[test]
fn a_driver_that_was_stopped_rests_until_its_attempt() {
    let config = Config::new("by hand").client_id("ours").keepalive(Duration::from_secs(60));
    let policy =
        Reconnect::new().first_delay(Duration::from_secs(600)).longest_delay(Duration::MAX);
    let (mut bench, told) = connected(config, policy.jitter(0), 0);
    bench.turns(20);
    bench.freeze(200_000);
    bench.lose();
    bench.turns(20);
    assert_eq!(delays(&told), [600_000]);
    let polls = bench.polls();
    bench.turns(500_000);
    assert_eq!(bench.polls(), polls, "nothing happens before");
}

/// The program names another server while the first one is looked up.
#[test]
fn an_unknown_host_is_the_one_that_was_looked_up() {
    begin();
    let mut bench = Bench::new(Config::new("by hand").client_id("ours"), 1000);
    let client = bench.client();
    bench.dial(Dial::Unknown);
    let mut call = Call::begun(client.connect(false));
    bench.turn();
    client.reconfigure(|next| next.server("another"));
    match call.end_within(&mut bench, 100) {
        Err(ConnectError::HostNotFound { host, .. }) => assert_eq!(host.as_str(), "by hand"),
        other => panic!("{other:?}"),
    }
}
