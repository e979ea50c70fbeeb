//! What cannot be, and the exit code for it.

use crate::line::{CLOSED, Line, QOS_1, publishes, subscribes};

pub(crate) fn refusals() -> Vec<Line> {
    vec![
        publishes("no credentials, 3.1.1", &["-V", "311", "-t", "~/a", "-m", "x"])
            .at(CLOSED)
            .ends_with(5),
        publishes("no credentials, 5", &["-V", "5", "-t", "~/a", "-m", "x"])
            .at(CLOSED)
            .ends_with(135),
        subscribes("no credentials, 3.1.1", &["-V", "311", "-t", "~/a"]).at(CLOSED).ends_with(5),
        subscribes("no credentials, 5", &["-V", "5", "-t", "~/a"]).at(CLOSED).ends_with(135),
        publishes("lines without credentials", &["-V", "5", "-t", "~/a", "-l"])
            .input(b"x\n")
            .at(CLOSED)
            .ends_with(135),
        publishes(
            "a QoS that the server does not take, 3.1.1",
            &["-V", "311", "-t", "~/a", "-m", "x", "-q", "2"],
        )
        .at(QOS_1)
        .ends_with(7),
        publishes(
            "a QoS that the server does not take, 5",
            &["-V", "5", "-t", "~/a", "-m", "x", "-q", "2"],
        )
        .at(QOS_1),
        publishes("nobody listens there", &["-p", "1", "-t", "~/a", "-m", "x"]).ends_with(1),
        subscribes("nobody listens there", &["-p", "1", "-t", "~/a"]).ends_with(1),
        publishes("no such host", &["-h", "no.such.invalid", "-t", "~/a", "-m", "x"]).ends_with(1),
        subscribes("no topic", &[]).ends_with(1),
        publishes("a wildcard", &["-t", "~/#", "-m", "x"]).ends_with(1),
        subscribes("a wildcard in a word", &["-t", "~/a#"]).ends_with(1),
        publishes("an unknown option", &["-t", "~/a", "-m", "x", "--no-such-option"]).ends_with(1),
        subscribes("an option of the other program", &["-t", "~/a", "-r"]).ends_with(1),
        publishes("a value that is missing", &["-t", "~/a", "-m"]).ends_with(1),
        publishes("QoS 3", &["-t", "~/a", "-m", "x", "-q", "3"]).ends_with(1),
        publishes("two messages", &["-t", "~/a", "-m", "x", "-n"]).ends_with(1),
        publishes("a file that is not there", &["-t", "~/a", "-f", "no/such/file"]).ends_with(1),
        publishes("an input without a byte", &["-t", "~/a", "-s"]).ends_with(1),
        publishes("a will without a topic", &["-t", "~/a", "-m", "x", "--will-payload", "y"])
            .ends_with(1),
        publishes("a keep-alive that is too short", &["-t", "~/a", "-m", "x", "-k", "4"])
            .ends_with(1),
        publishes("two client identifiers", &["-t", "~/a", "-m", "x", "-I", "me"]).ends_with(1),
        publishes("a version that there is not", &["-V", "6", "-t", "~/a", "-m", "x"]).ends_with(1),
        subscribes("no message to count", &["-t", "~/a", "-C", "0"]).ends_with(1),
        subscribes(
            "retained messages only, but none of them",
            &["-t", "~/a", "-R", "--retained-only"],
        )
        .ends_with(1),
        publishes(
            "a property of another packet",
            &["-t", "~/a", "-m", "x", "-D", "publish", "receive-maximum", "1"],
        )
        .ends_with(1),
        publishes(
            "a property that there is not",
            &["-t", "~/a", "-m", "x", "-D", "publish", "colour", "blue"],
        )
        .ends_with(1),
    ]
}
