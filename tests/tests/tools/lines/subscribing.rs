//! What `mosquitto_sub` prints, and when it ends.

use crate::line::{Line, QOS_1, subscribes};

pub(crate) fn subscribing() -> Vec<Line> {
    vec![
        subscribes("the payload of one message", &["-t", "~/a", "-C", "1"])
            .gets(&["-t", "~/a", "-m", "hello"]),
        subscribes("topic and payload of three", &["-t", "~/#", "-v", "-C", "3", "-q", "2"])
            .gets(&["-t", "~/a", "-m", "one", "-q", "2"])
            .gets(&["-t", "~/b", "-n", "-q", "1"])
            .gets(&["-t", "~/c", "-m", "three"]),
        subscribes("an empty message is no line", &["-t", "~/#", "-C", "2"])
            .gets(&["-t", "~/a", "-n"])
            .gets(&["-t", "~/b", "-m", "x"]),
        subscribes("no new lines", &["-t", "~/#", "-N", "-C", "3"])
            .gets(&["-t", "~/a", "-m", "one"])
            .gets(&["-t", "~/a", "-n"])
            .gets(&["-t", "~/a", "-m", "two"]),
        subscribes("no new lines, with the topic", &["-t", "~/#", "-N", "-v", "-C", "3"])
            .gets(&["-t", "~/a", "-m", "one"])
            .gets(&["-t", "~/a", "-n"])
            .gets(&["-t", "~/a", "-m", "two"]),
        subscribes(
            "several filters, others left out",
            &[
                "-t", "~/a/#", "-t", "~/b/+", "-T", "~/a/no/#", "-T", "~/b/no", "-v", "-C", "2",
                "-q", "1",
            ],
        )
        .gets(&["-t", "~/a/no/x", "-m", "1", "-q", "1"])
        .gets(&["-t", "~/b/no", "-m", "2", "-q", "1"])
        .gets(&["-t", "~/a/x", "-m", "3", "-q", "1"])
        .gets(&["-t", "~/b/x", "-m", "4", "-q", "1"]),
        subscribes("retained messages come first", &["-t", "~/a", "-C", "2", "-F", "%r %p"])
            .after(&["-t", "~/a", "-m", "old", "-r"])
            .gets(&["-t", "~/a", "-m", "new", "-r"]),
        subscribes("no retained messages", &["-t", "~/a", "-R", "-C", "1"])
            .after(&["-t", "~/a", "-m", "old", "-r"])
            .gets(&["-t", "~/a", "-m", "new"]),
        subscribes("retained messages only", &["-t", "~/a/+", "--retained-only", "-v", "-q", "1"])
            .after(&["-t", "~/a/1", "-m", "old", "-r"])
            .gets(&["-t", "~/a/2", "-m", "new"]),
        subscribes("retained messages are removed", &["-t", "~/a", "--remove-retained", "-W", "1"])
            .after(&["-t", "~/a", "-m", "old", "-r"])
            .ends_with(27),
        subscribes("the end of the time", &["-t", "~/a", "-W", "1"]).ends_with(27),
        subscribes("messages before the end of the time", &["-t", "~/a", "-W", "2", "-q", "1"])
            .gets(&["-t", "~/a", "-m", "in time", "-q", "1"])
            .ends_with(27),
        subscribes("the end when it is subscribed", &["-t", "~/a", "-E"]),
        subscribes(
            "an end by a signal, which publishes the will in 5",
            &["-t", "~/a", "--will-topic", "~/will", "--will-payload", "lost", "--will-qos", "1"],
        )
        .gets(&["-t", "~/a", "-m", "x"])
        .told_to_end(),
        subscribes(
            "an end by the time, which publishes the will in 5",
            &["-t", "~/a", "-W", "1", "--will-topic", "~/will"],
        )
        .ends_with(27),
        subscribes(
            "the retain flag of the publisher, in 5",
            &["-V", "5", "-t", "~/a", "--retain-as-published", "-C", "1", "-F", "%r %p"],
        )
        .gets(&["-t", "~/a", "-m", "x", "-r"]),
        subscribes("a session that is kept", &["-c", "-t", "~/a", "-q", "1", "-E"]),
        subscribes(
            "less than the QoS that is asked for",
            &["-t", "~/a", "-q", "2", "-C", "1", "-F", "%q"],
        )
        .gets(&["-t", "~/a", "-m", "x", "-q", "1"])
        .at(QOS_1),
        subscribes("a large message", &["-t", "~/a", "-C", "1", "-F", "%l"]).gets(&[
            "-t",
            "~/a",
            "-f",
            "Cargo.toml",
            "-q",
            "1",
        ]),
        subscribes("an unsubscription", &["-t", "~/a", "-t", "~/b", "-U", "~/a", "-v", "-C", "1"])
            .gets(&["-t", "~/a", "-m", "1"])
            .gets(&["-t", "~/b", "-m", "2"]),
    ]
}
