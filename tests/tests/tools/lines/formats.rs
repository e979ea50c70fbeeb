//! What `-F` prints.

use crate::line::{Line, subscribes};

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
