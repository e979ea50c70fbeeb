//! `Config::reconnect`: a lost link is opened again as the policy says, and not where it must not be

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use mqtt_as_proto::packet::{ConnAck, Disconnect, Packet, PacketType};
use mqtt_as_tests::script::Script;

use super::story::{
    self, MS, Seen, both, client, config, connected, forever, in_5_0, next, peer, poll_once,
    server, until,
};
use crate::runtime::adapter::{
    ConnectError, Credentials, DownReason, QoS, ReasonCode, Reconnect, RetryReason, Version, Will,
};
use crate::runtime::{Client, host, on_attempt, on_down, on_up, sleep, soon, spawn, within};

/// A policy in a hurry, lent as one without a heap is.
pub(crate) fn quick(options: impl FnOnce(Reconnect) -> Reconnect) -> &'static Reconnect {
    let quick = Reconnect::new().first_delay(10 * MS).longest_delay(50 * MS);
    Box::leak(Box::new(options(quick.refused_delay(20 * MS))))
}

/// What a policy tells: the number of each attempt, and whether it is the last word.
pub(crate) fn attempts(client: &Client) -> Seen {
    let seen = Seen::default();
    let told = seen.clone();
    on_attempt(client, move |attempt| {
        let delay = if attempt.delay().is_some() { "" } else { " not" };
        let why = match attempt.reason() {
            RetryReason::Down(DownReason::Closed | DownReason::Transport(_)) => "lost".to_owned(),
            RetryReason::Down(DownReason::Server(code)) => format!("ended {code:?}"),
            RetryReason::Failed(ConnectError::Refused(code)) => format!("refused {code:?}"),
            RetryReason::Failed(ConnectError::Unreachable(..)) => "unreachable".to_owned(),
            other => format!("{other:?}"),
        };
        told.push(format!("{}{delay}: {why}", attempt.number()));
    });
    seen
}

#[test]
fn a_lost_link_is_opened_again_and_the_session_goes_on() {
    both(async |version| {
        let server = server();
        let settings = config(version, server.addr().port()).reconnect(quick(|policy| policy));
        let client = client(settings);
        let (told, seen) = (attempts(&client), Seen::default());
        let (ups, downs) = (seen.clone(), seen.clone());
        on_up(&client, move |session| ups.push(format!("up {}", session.session_present)));
        on_down(&client, move |_| downs.push("down"));
        within(client.connect(false)).await.expect("a connection");
        within(client.subscribe("a", QoS::AtLeastOnce)).await.expect("a subscription");
        for round in 2..5 {
            server.cut();
            until(|| client.statistics().connections == round).await;
            within(client.publish("a", "x").qos(QoS::ExactlyOnce)).await.expect("a publish");
            assert_eq!(next(&client).await.1, "x");
        }
        seen.count(7).await;
        assert_eq!(seen.all()[..3], ["up false", "down", "up true"]);
        assert!(told.all().iter().all(|one| one == "1: lost"), "{:?}", told.all());
        assert_eq!(client.statistics().attempts, 3);
        within(client.disconnect()).await.expect("an end");
        assert_eq!(within(client.up()).await.map(|session| session.session_present), Some(true));
        assert!(soon(100 * MS, client.up()).await.is_none(), "it was disconnected");
        assert_eq!(client.statistics().connections, 4);
    });
}

#[test]
fn disconnect_ends_an_attempt_to_come() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.close();
            script.welcome(); // Only when the program asks.
            script.expect(PacketType::Disconnect);
        });
        let slow = quick(|policy| policy.first_delay(100 * MS).longest_delay(100 * MS).jitter(0));
        let client = connected(config(version, server.port).reconnect(slow)).await;
        within(client.down()).await.expect("a loss");
        within(client.disconnect()).await.expect("there was something to end");
        within(client.disconnect()).await.expect_err("there is nothing any more");
        sleep(200 * MS).await;
        assert_eq!(client.statistics().connections, 1);
        within(client.connect(true)).await.expect("a connection");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

/// As the first one of all, it is not tried again unless that is asked for.
#[test]
fn a_connect_after_a_disconnect_is_a_first_one_again() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Disconnect);
            script.accept();
            script.expect(PacketType::Connect);
            script.close();
        });
        let settings = config(version, server.port).reconnect(quick(|policy| policy));
        let client = connected(settings).await;
        within(client.disconnect()).await.expect("an end");
        within(client.connect(true)).await.expect_err("no retry");
        server.end().await;
        sleep(100 * MS).await;
        assert_eq!(client.statistics().attempts, 0);
    });
}

#[test]
fn the_last_handle_ends_an_attempt_to_come() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            script.close();
        });
        let slow = quick(|policy| policy.first_delay(Duration::from_secs(3600)));
        let settings = config(version, server.port).reconnect(slow);
        let (client, driving) = crate::runtime::parts(settings);
        let driving = spawn(driving);
        within(client.connect(true)).await.expect("a connection");
        within(client.down()).await.expect("a loss");
        drop(client);
        driving.end().await;
        server.end().await;
    });
}

#[test]
fn the_first_connect_is_tried_again_only_if_that_is_asked_for() {
    both(async |version| {
        for asked in [false, true] {
            let server = peer(move |script| {
                script.accept();
                script.close();
                script.accept();
                script.expect(PacketType::Connect);
                script.close();
                script.welcome();
                script.expect(PacketType::Disconnect);
            });
            let policy = quick(|policy| policy.first_connect(asked));
            let client = client(config(version, server.port).reconnect(policy));
            let told = attempts(&client);
            if !asked {
                within(client.connect(true)).await.expect_err("no retry");
                within(client.connect(true)).await.expect_err("no retry");
                sleep(100 * MS).await;
            }
            within(client.connect(true)).await.expect("a connection");
            assert_eq!(client.statistics().attempts, if asked { 2 } else { 0 });
            if asked {
                told.count(2).await;
                assert!(told.all()[1].starts_with("2: "), "{:?}", told.all());
            }
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        }
    });
}

/// The server refuses the connection.
pub(crate) fn refuse(script: &mut Script, reason: ReasonCode) {
    script.accept();
    script.expect(PacketType::Connect);
    script.send(&Packet::ConnAck(ConnAck { reason, ..ConnAck::default() }));
    script.expect_close();
}

#[test]
fn refused_credentials_have_a_delay_of_their_own_or_end_it() {
    both(async |version| {
        let reason = ReasonCode::NOT_AUTHORIZED;
        let server = peer(move |script| {
            script.welcome();
            script.close();
            refuse(script, reason);
            script.welcome();
            script.close();
            refuse(script, reason);
        });
        let never = Duration::from_secs(3600);
        let kind = quick(|policy| policy.first_delay(MS).longest_delay(never).refused_delay(MS));
        let client = story::client(config(version, server.port).reconnect(kind));
        let told = attempts(&client);
        within(client.connect(true)).await.expect("a connection");
        told.count(3).await;
        assert_eq!(told.all()[1], format!("2: refused {reason:?}"));
        server.end().await;

        let server = peer(move |script| {
            script.welcome();
            script.close();
            refuse(script, reason);
        });
        let strict = quick(|policy| policy.refused_delay(Duration::ZERO));
        let client = story::client(config(version, server.port).reconnect(strict));
        let told = attempts(&client);
        within(client.connect(true)).await.expect("a connection");
        told.count(2).await;
        assert_eq!(told.all()[1], format!("2 not: refused {reason:?}"));
        server.end().await;
    });
}

// Decision [taken-over]
#[test]
fn a_session_that_was_taken_over_is_left_to_who_took_it() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            let reason = ReasonCode::SESSION_TAKEN_OVER;
            script.send(&Packet::Disconnect(Disconnect { reason, ..Disconnect::default() }));
            script.close();
        });
        let settings = config(Version::V5, server.port).reconnect(quick(|policy| policy));
        let client = client(settings);
        let told = attempts(&client);
        within(client.connect(false)).await.expect("a connection");
        told.count(1).await;
        let reason = ReasonCode::SESSION_TAKEN_OVER;
        assert_eq!(told.all(), [format!("1 not: ended {reason:?}")]);
        sleep(100 * MS).await;
        assert_eq!(client.statistics().connections, 1);
        server.end().await;
    });
}

/// The client is accepted, and its session taken over.
fn take_over(script: &mut Script) {
    script.welcome();
    let reason = ReasonCode::SESSION_TAKEN_OVER;
    script.send(&Packet::Disconnect(Disconnect { reason, ..Disconnect::default() }));
    script.close();
}

/// A server that was stuck reads the CONNECT of an attempt that was given up when the next one stands: that
/// one may count as stable at once.
// Decision [taken-over]
#[test]
fn a_session_that_its_own_late_connect_took_over_is_opened_again() {
    in_5_0(async {
        let server = peer(|script| {
            script.accept();
            script.expect(PacketType::Connect);
            script.expect_close(); // It is not answered.
            take_over(script);
            take_over(script);
        });
        let policy = quick(|policy| policy.first_connect(true).stable_after(Duration::ZERO));
        let settings = config(Version::V5, server.port).connect_timeout(200 * MS);
        let client = client(settings.reconnect(policy));
        let told = attempts(&client);
        within(client.connect(false)).await.expect("a connection");
        told.count(3).await;
        let reason = ReasonCode::SESSION_TAKEN_OVER;
        let told = told.all();
        assert!(told[0].contains("TimedOut"), "{told:?}");
        assert_eq!(told[1..], [format!("1: ended {reason:?}"), format!("1 not: ended {reason:?}")]);
        server.end().await;
    });
}

/// So it is where the program waits for the attempt no longer.
// Decision [taken-over]
#[test]
fn a_session_that_a_connect_took_over_which_another_one_replaced_is_opened_again() {
    in_5_0(async {
        let (tell, came) = mpsc::channel();
        let server = peer(move |script| {
            script.accept();
            script.expect(PacketType::Connect);
            tell.send(()).expect("it is awaited");
            script.expect(PacketType::Disconnect);
            script.expect_close();
            take_over(script);
            take_over(script);
        });
        let settings = config(Version::V5, server.port);
        let client = client(settings.reconnect(quick(|policy| policy.first_connect(true))));
        let told = attempts(&client);
        let mut first = Box::pin(client.connect(false));
        assert!(poll_once(&mut first).await.is_none());
        until(|| came.try_recv().is_ok()).await;
        within(client.connect(false)).await.expect("a connection");
        told.count(2).await;
        let reason = ReasonCode::SESSION_TAKEN_OVER;
        assert_eq!(
            told.all(),
            [format!("1: ended {reason:?}"), format!("1 not: ended {reason:?}")]
        );
        server.end().await;
    });
}

#[test]
fn servers_are_tried_in_order() {
    both(async |version| {
        let dead = Script::listen().port();
        let spare = peer(|script| {
            script.welcome();
            script.expect(PacketType::Disconnect);
        });
        let first = peer(|script| {
            script.welcome();
            script.close();
            script.accept();
            script.close();
        });
        let list = [dead, spare.port].map(|port| (host(port), port));
        let list: &'static [_] = Box::leak(Box::new(list));
        let policy = quick(|policy| policy.servers(list));
        let client = client(config(version, first.port).reconnect(policy));
        let told = attempts(&client);
        within(client.connect(true)).await.expect("the first");
        until(|| client.statistics().connections == 2).await;
        assert_eq!(client.statistics().attempts, 3);
        assert_eq!(told.all()[0], "1: lost");
        assert_eq!(told.all()[2], "3: unreachable");
        within(client.disconnect()).await.expect("an end");
        first.end().await;
        spare.end().await;
    });
}

/// The client comes with that password, and is accepted.
fn admit(script: &mut Script, wanted: &str) {
    script.accept();
    script.expect_packet(PacketType::Connect, |packet| {
        let Packet::Connect(connect) = packet else { unreachable!("it was looked at") };
        assert_eq!(connect.user_name, Some("u"));
        assert_eq!(connect.password, Some(wanted.as_bytes()));
        assert_eq!(connect.will.map(|will| will.topic.as_str()), Some("gone"));
    });
    script.send(&Packet::ConnAck(ConnAck::default()));
}

#[test]
fn a_function_says_what_is_in_each_connect() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);

    fn renew(credentials: &mut Credentials) {
        let number = ASKED.fetch_add(1, Ordering::Relaxed);
        credentials.password = Some(forever(format!("{number}")).into());
        credentials.will = Some(Will::new("gone", "bye"));
    }

    both(async |version| {
        let first = ASKED.load(Ordering::Relaxed);
        let server = peer(move |script| {
            admit(script, &first.to_string());
            script.close();
            admit(script, &(first + 1).to_string());
            script.expect(PacketType::Disconnect);
        });
        let policy = quick(|policy| policy.credentials(renew));
        let settings = config(version, server.port).user("u", "the first").reconnect(policy);
        let client = connected(settings).await;
        until(|| client.statistics().connections == 2).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn a_clean_session_is_clean_again_and_one_with_an_expiry_goes_on() {
    both(async |version| {
        let expiries = if version == Version::V5 { &[None, Some(60)][..] } else { &[None] };
        for expiry in expiries {
            let (resumes, mut closing) = (expiry.is_some(), vec![()]);
            let server = peer(move |script| {
                for clean in [true, !resumes] {
                    script.accept();
                    script.expect_packet(PacketType::Connect, |packet| {
                        let Packet::Connect(connect) = packet else { unreachable!("looked at") };
                        assert_eq!(connect.clean_start, clean);
                    });
                    script.send(&Packet::ConnAck(ConnAck::default()));
                    if closing.pop().is_some() {
                        script.close();
                    }
                }
                script.expect(PacketType::Disconnect);
            });
            let mut settings = config(version, server.port).reconnect(quick(|policy| policy));
            if let Some(expiry) = expiry {
                settings = settings.session_expiry(*expiry);
            }
            let client = connected(settings).await;
            until(|| client.statistics().connections == 2).await;
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        }
    });
}
