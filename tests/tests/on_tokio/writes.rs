//! How often the driver writes: on a transport that counts.

use crate::counted::{Counts, client as with_runner};
use crate::list::story::{accepted, both, config, server, until};
use crate::runtime::adapter::Version;
use crate::runtime::{spawn, within};

#[test]
fn one_thousand_queued_qos_0_leave_in_a_handful_of_writes() {
    both_on_one_thread(async |version| {
        let server = server();
        let counts = Counts::default();
        let settings = config(version, server.addr().port());
        let (client, runner) = with_runner(settings, counts.clone());
        let driver = spawn(runner.run());
        within(client.connect(true)).await.expect("a connection");
        // Queued without giving the driver a turn in this task.
        let payload = "x".repeat(40);
        let before = counts.writes();
        for _ in 0..1000 {
            client.publish("a/topic", payload.as_str()).try_publish().expect("room");
        }
        until(|| accepted(&server).len() == 1000).await;
        let writes = counts.writes() - before;
        println!("{writes} writes on a live connection, {} reads", counts.reads());
        assert!(writes <= 5, "{writes} writes");
        drop(client);
        driver.end().await;
    });
}

#[test]
fn one_thousand_qos_0_queued_before_the_first_connect_leave_in_at_most_ten_writes() {
    both(async |version| {
        let server = server();
        let counts = Counts::default();
        let (client, runner) = with_runner(config(version, server.addr().port()), counts.clone());
        let payload = "x".repeat(40);
        for _ in 0..1000 {
            client.publish("a/topic", payload.as_str()).try_publish().expect("room");
        }
        let driver = spawn(runner.run());
        within(client.connect(true)).await.expect("a connection");
        until(|| accepted(&server).len() == 1000).await;
        assert!(counts.writes() <= 11, "CONNECT and {} writes", counts.writes() - 1);
        drop(client);
        driver.end().await;
    });
}

/// One waits for room from time to time: the others do not have to queue behind it one by one. All is
/// on one thread: beside it a driver may write as often as it gets to run.
#[test]
fn tasks_that_publish_through_one_client_share_its_writes() {
    for tasks in [1, 2, 4, 16] {
        both_on_one_thread(async |version| {
            let server = server();
            let counts = Counts::default();
            let settings = config(version, server.addr().port());
            let (client, runner) = with_runner(settings, counts.clone());
            let driver = spawn(runner.run());
            within(client.connect(true)).await.expect("a connection");
            let before = counts.writes();
            let each = MESSAGES / tasks;
            let publishers: Vec<_> = (0..tasks)
                .map(|_| {
                    let client = client.clone();
                    spawn(async move {
                        let payload = "x".repeat(40);
                        for _ in 0..each {
                            client.publish("a/topic", payload.as_str()).await.expect("its way out");
                        }
                    })
                })
                .collect();
            for publisher in publishers {
                publisher.end().await;
            }
            until(|| accepted(&server).len() == MESSAGES).await;
            let writes = counts.writes() - before;
            println!("{tasks} tasks: {writes} writes for {MESSAGES} messages");
            assert!(writes <= MESSAGES / 100, "{tasks} tasks: {writes} writes");
            drop(client);
            driver.end().await;
        });
    }
}

const MESSAGES: usize = 16_000;

fn both_on_one_thread(story: impl AsyncFn(Version)) {
    for version in [Version::V311, Version::V5] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(story(version));
    }
}
