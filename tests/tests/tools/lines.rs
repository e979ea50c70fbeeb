//! The command lines, each with what it shows.

use crate::line::{ALL_WAYS, CLOSED, Line, QOS_1, publishes, subscribes};

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

pub(crate) fn formats() -> Vec<Line> {
    let all = &["-t", "~/a", "-q", "1", "-m", "hello"];
    vec![
        subscribes(
            "topic, QoS, flag, length, identifier",
            &["-t", "~/a", "-q", "1", "-C", "1", "-F", "%t %q %r %l %m %p%%"],
        )
        .gets(all),
        subscribes("hexadecimal", &["-t", "~/a", "-C", "1", "-F", "%x %X"]).gets(&[
            "-t",
            "~/a",
            "-m",
            "\n jkl\u{7f}ÿ",
        ]),
        subscribes("widths", &["-t", "~/a", "-C", "1", "-F", "[%9p|%-9p|%09p|%2p]"]).gets(all),
        subscribes("widths of numbers", &["-t", "~/a", "-C", "1", "-F", "[%5l|%-5l|%05l]"])
            .gets(all),
        subscribes(
            "widths and precisions of text",
            &["-t", "~/a", "-C", "1", "-F", "[%20t|%-20t|%.3t|%20.3t]"],
        )
        .gets(all),
        subscribes("escapes", &["-t", "~/a", "-C", "1", "-F", "a\\tb\\n\\\\\\a\\e\\r\\v\\0@@."])
            .gets(all),
        subscribes("no new line behind a format", &["-t", "~/a", "-N", "-C", "2", "-F", "%p,"])
            .gets(all)
            .gets(all),
        subscribes(
            "properties, in 5",
            &[
                "-V",
                "5",
                "-t",
                "~/a",
                "-C",
                "1",
                "-F",
                "%A|%C|%D|%E|%F|%P|%R|%S|%5C|%-15C|%3F|%03F|%3A",
            ],
        )
        .gets(&[
            "-V",
            "5",
            "-t",
            "~/a",
            "-m",
            "x",
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
        ]),
        subscribes(
            "properties that are not there",
            &["-t", "~/a", "-C", "1", "-F", "%A|%C|%D|%E|%F|%P|%R|%S|%5C|%-15C|%3F|%03F|%3A|%4R"],
        )
        .gets(all),
        subscribes(
            "a subscription identifier",
            &[
                "-V",
                "5",
                "-t",
                "~/a",
                "-C",
                "1",
                "-F",
                "%S",
                "-D",
                "subscribe",
                "subscription-identifier",
                "42",
            ],
        )
        .gets(all),
        subscribes(
            "the day",
            &["-t", "~/a", "-C", "1", "-F", "@Y-@m-@d @j @a @A @b @B @y @C @x @D @F @p"],
        )
        .gets(all),
        subscribes("JSON with a payload of text", &["-t", "~/a", "-q", "1", "-C", "2", "-F", "%j"])
            .gets(&["-t", "~/a", "-q", "1", "-m", "a \"b\" \\ /\t\u{1}\n€"])
            .gets(&["-t", "~/a", "-n"]),
        subscribes("JSON with a payload of JSON", &["-t", "~/a", "-C", "2", "-F", "%J"])
            .gets(&["-t", "~/a", "-m", "{ \"a b\" : [1, 2.5, true, null],\n \"c\": \"\\\" d\" }"])
            .gets(&["-t", "~/a", "-n"]),
        subscribes("a payload that is no JSON", &["-t", "~/a", "-C", "1", "-F", "%J"])
            .gets(&["-t", "~/a", "-m", "{"]),
        subscribes("a letter that there is not", &["-t", "~/a", "-F", "%z"]).ends_with(1),
        subscribes("an escape that there is not", &["-t", "~/a", "-F", "\\z"]).ends_with(1),
        subscribes("a letter that is missing", &["-t", "~/a", "-F", "%"]).ends_with(1),
    ]
}

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

pub(crate) fn ways() -> Vec<Line> {
    let lines = vec![
        publishes(
            "TLS",
            &["-h", "localhost", "-p", "{tls}", "--cafile", "{ca}", "-t", "~/a", "-m", "x"],
        ),
        subscribes(
            "TLS",
            &["-h", "localhost", "-p", "{tls}", "--cafile", "{ca}", "-t", "~/a", "-C", "1"],
        )
        .gets(&["-t", "~/a", "-m", "x"]),
        publishes(
            "a certificate of the program's",
            &[
                "-h",
                "localhost",
                "-p",
                "{mutual}",
                "--cafile",
                "{ca}",
                "--cert",
                "{certificate}",
                "--key",
                "{key}",
                "-t",
                "~/a",
                "-m",
                "x",
                "-q",
                "1",
            ],
        ),
        publishes(
            "TLS with a protocol",
            &[
                "-h",
                "localhost",
                "-p",
                "{tls}",
                "--cafile",
                "{ca}",
                "--tls-alpn",
                "mqtt",
                "-t",
                "~/a",
                "-m",
                "x",
            ],
        ),
        publishes("a CA that is not there", &["--cafile", "no/such", "-t", "~/a", "-m", "x"])
            .ends_with(1),
        publishes(
            "a certificate without its key",
            &["--cert", "{certificate}", "-t", "~/a", "-m", "x"],
        )
        .ends_with(1),
        publishes("a unix socket", &["--unix", "{socket}", "-t", "~/a", "-m", "x", "-q", "2"]),
        subscribes("a unix socket", &["--unix", "{socket}", "-t", "~/a", "-C", "1"])
            .gets(&["-t", "~/a", "-m", "x"]),
        publishes(
            "a unix socket that is not there",
            &["--unix", "{socket}s", "-t", "~/a", "-m", "x"],
        )
        .ends_with(1),
        publishes("a URL", &["-L", "mqtt://localhost:{plain}/~/a/b", "-m", "x"]),
        publishes(
            "a URL with a user",
            &["-L", "mqtt://me:secret@localhost:{plain}/~/a", "-m", "x"],
        ),
        subscribes(
            "a URL and another topic",
            &["-L", "mqtt://localhost:{plain}/~/a/+", "-t", "~/b", "-v", "-C", "2"],
        )
        .gets(&["-t", "~/a/1", "-m", "x"])
        .gets(&["-t", "~/b", "-m", "y"]),
        publishes(
            "a URL with TLS",
            &["-L", "mqtts://localhost:{tls}/~/a", "--cafile", "{ca}", "-m", "x"],
        ),
        publishes("a URL of another scheme", &["-L", "http://localhost/~/a", "-m", "x"])
            .ends_with(1),
        publishes("a proxy", &["--proxy", "socks5h://{proxy}", "-t", "~/a", "-m", "x", "-q", "1"]),
        subscribes(
            "a proxy that knows the program",
            &["--proxy", "socks5h://{member}", "-t", "~/a", "-C", "1"],
        )
        .gets(&["-t", "~/a", "-m", "x"]),
        publishes(
            "a proxy of another kind",
            &["--proxy", "http://{proxy}", "-t", "~/a", "-m", "x"],
        )
        .ends_with(1),
        publishes(
            "TLS through a proxy",
            &[
                "-h",
                "localhost",
                "-p",
                "{tls}",
                "--cafile",
                "{ca}",
                "--proxy",
                "socks5h://{proxy}",
                "-t",
                "~/a",
                "-m",
                "x",
            ],
        ),
    ];
    lines.into_iter().map(|line| line.at(ALL_WAYS)).collect()
}
