//! `$share`: each message goes to one member of the group.

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, broker_or_skip};

use crate::{SOON, connected, next, nothing_comes, rows, within};

const MESSAGES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_two_shares_the_messages() {
    if !broker_or_skip("a_group_of_two_shares_the_messages") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows() {
        // mosquitto also does it for 3.1.1, where `$share` is no rule but a custom.
        let one = connected(&broker, row.version, "one").await;
        let two = connected(&broker, row.version, "two").await;
        for client in [&one, &two] {
            within(client.subscribe("$share/group/job/+", row.qos)).await.expect("subscribed");
        }
        let witness = Sub::start(&broker, &["-V", row.v, "-t", "job/#", "-q", "2"]);
        for number in 0..MESSAGES {
            let number = number.to_string();
            within(one.publish("job/new", &number).qos(row.qos)).await.expect("published");
        }
        assert_eq!(witness.next_lines(MESSAGES, SOON).len(), MESSAGES);
        let mut taken = [0; 2];
        let mut numbers = Vec::new();
        while numbers.len() < MESSAGES {
            let (who, message) = tokio::select! {
                message = next(&one) => (0, message),
                message = next(&two) => (1, message),
            };
            assert_eq!((message.topic(), message.qos()), ("job/new", row.qos), "{row:?}");
            taken[who] += 1;
            let number = String::from_utf8_lossy(message.payload()).parse::<usize>();
            numbers.push(number.expect("a number"));
        }
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..MESSAGES), "{row:?}: not each of them once");
        assert!(taken.iter().all(|taken| *taken > 0), "{row:?}: {taken:?}");
        nothing_comes(&one).await;
        nothing_comes(&two).await;
        for client in [one, two] {
            within(client.disconnect()).await.expect("disconnected");
        }
    }
}
