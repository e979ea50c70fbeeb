//! What `mosquitto_pub` sends.

use crate::line::{Line, publishes};

pub(crate) fn publishing() -> Vec<Line> {
    vec![
        publishes("a message at QoS 0", &["-t", "~/a", "-m", "hello"]),
        publishes("a message at QoS 1, retained", &["-t", "~/a", "-m", "hello", "-q", "1", "-r"]),
        publishes("a message at QoS 2", &["-t", "~/a", "-m", "hello", "-q", "2"]),
        publishes("an empty message", &["-t", "~/a", "-n", "-q", "1"]),
        publishes("an empty message removes a retained one", &["-t", "~/a", "-n", "-r"])
            .after(&["-t", "~/a", "-m", "old", "-r"]),
        publishes("all of the input as one message", &["-t", "~/a", "-s", "-q", "1"])
            .input(b"one\ntwo\n"),
        publishes("each line of the input, the last one without an end", &["-t", "~/a", "-l"])
            .input(b"one\n\ntwo words\r\nthree"),
        publishes("lines at QoS 2", &["-t", "~/a", "-l", "-q", "2", "-M", "3"])
            .input(b"1\n2\n3\n4\n5\n6\n7\n8\n9\n"),
        publishes("no line at all", &["-t", "~/a", "-l"]),
        publishes("a file", &["-t", "~/a", "-f", "Cargo.toml", "-q", "1"]),
        publishes("a file that is empty", &["-t", "~/a", "-f", "/dev/null"]),
        publishes(
            "a message again and again",
            &["-t", "~/a", "-m", "x", "-q", "1", "--repeat", "3", "--repeat-delay", "0.05"],
        ),
        publishes("long names of options", &["--topic", "~/a", "--message", "x", "--qos", "1"]),
        publishes(
            "a client identifier, user name and password that nobody asks for",
            &["-u", "me", "-P", "secret", "-t", "~/a", "-m", "x"],
        ),
        publishes("the short keep-alive", &["-k", "5", "-t", "~/a", "-m", "x", "-q", "1"]),
        publishes(
            "properties of a message",
            &[
                "-t",
                "~/a",
                "-m",
                "x",
                "-q",
                "1",
                "-D",
                "publish",
                "content-type",
                "text/plain",
                "-D",
                "publish",
                "response-topic",
                "answers",
                "-D",
                "publish",
                "correlation-data",
                "7",
                "-D",
                "publish",
                "payload-format-indicator",
                "1",
                "-D",
                "publish",
                "user-property",
                "k",
                "v w",
                "-D",
                "publish",
                "user-property",
                "k",
                "2",
            ],
        ),
        publishes(
            "a topic alias",
            &["-t", "~/a", "-m", "x", "--repeat", "3", "-D", "publish", "topic-alias", "1"],
        ),
        publishes("a session that is kept", &["-c", "-t", "~/a", "-m", "x", "-q", "2"]),
        publishes("an expiry of the session", &["-x", "30", "-t", "~/a", "-m", "x", "-q", "1"]),
        publishes(
            "a will that is not published after an end in order",
            &[
                "--will-topic",
                "~/will",
                "--will-payload",
                "lost",
                "--will-qos",
                "1",
                "--will-retain",
                "-t",
                "~/a",
                "-m",
                "x",
            ],
        ),
        publishes("a payload with all kinds of signs", &["-t", "~/ä/€", "-m", "ü \" \\ %p \t-m"]),
        publishes("a payload that looks like an option", &["-t", "~/a", "-m", "-q"]),
    ]
}
