//! TLS, unix sockets, URLs, proxies.

use crate::line::{ALL_WAYS, Line, publishes, subscribes};

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
