//! What only our programs do, or say in their own words.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, TempDir, broker_or_skip, wait_until};
use mqtt_as_tests::proxies::proxies_or_skip;

use crate::run::{Ended, Run, SOON, build, ours};
use crate::ways;

/// Starts one of our programs against that broker.
fn start(name: &str, broker: &Mosquitto, arguments: &[&str]) -> Run {
    let port = broker.port().to_string();
    Run::start(Command::new(ours(name)).args(["-h", "127.0.0.1", "-p", &port]).args(arguments))
}

/// Runs one without a broker.
fn run(name: &str, arguments: &[&str]) -> Ended {
    build();
    Run::start(Command::new(ours(name)).args(arguments)).end()
}

#[test]
fn help_names_the_options_and_ends_well() {
    for (name, own) in [("mqtt-pub", "--stdin-line"), ("mqtt-sub", "--remove-retained")] {
        let ended = run(name, &["--help"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let help = String::from_utf8(ended.stdout).expect("text");
        for option in [own, "--host", "--will-topic", "--quiet", "-D PACKET"] {
            assert!(help.contains(option), "{name} --help does not name {option}:\n{help}");
        }
        let ended = run(name, &["--version"]);
        assert_eq!(ended.code, Some(0));
        assert!(ended.stdout.starts_with(name.as_bytes()));
    }
}

#[test]
fn what_the_client_cannot_do_is_refused_by_name() {
    let options = ["-A", "-S", "--insecure", "--ciphers", "--tls-engine", "--psk", "--pretty"];
    for name in ["mqtt-pub", "mqtt-sub"] {
        for option in options {
            let ended = run(name, &["-t", "a", option, "x"]);
            assert_eq!(ended.code, Some(1), "{name} {option}");
            let said = format!("{name}: {option} is not supported: ");
            assert!(ended.stderr.starts_with(&said), "{name} {option}: {}", ended.stderr);
        }
        let ended = run(name, &["-t", "a", "-V", "31"]);
        assert!(ended.stderr.contains("-V: 3.1 is not supported"), "{}", ended.stderr);
    }
}

#[test]
fn what_is_wrong_is_said_with_the_option() {
    let wrong: [(&str, &[&str], &str); 6] = [
        ("mqtt-pub", &["-m", "x"], "a topic is missing: -t"),
        ("mqtt-pub", &["-t", "a"], "a message is missing: -m, -f, -s, -l or -n"),
        ("mqtt-pub", &["-t", "a", "-m", "x", "-q", "7"], "-q: \"7\" is not a number from 0 to 2"),
        ("mqtt-pub", &["-t", "a", "-c", "-n"], "a session that is kept needs a client identifier"),
        ("mqtt-sub", &["-t", "a", "-F", "%z"], "-F: there is no %z"),
        ("mqtt-sub", &["-t", "a", "-F", "@v"], "-F: @v: "),
    ];
    for (name, arguments, said) in wrong {
        let ended = run(name, arguments);
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        assert!(ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn lines_survive_a_restart_of_the_broker() {
    if !broker_or_skip("lines_survive_a_restart_of_the_broker") {
        return;
    }
    build();
    let mut broker = Mosquitto::start(Options::new().persistence());
    let kept = ["-t", "lines", "-q", "1", "-c", "-i", "witness", "-F", "%p"];
    let witness = Sub::start(&broker, &kept);
    let mut lines = start("mqtt-pub", &broker, &["-t", "lines", "-q", "1", "-l"]);
    lines.write(b"1\n2\n");
    assert_eq!(witness.next_lines(2, SOON), ["1", "2"]);

    broker.stop();
    lines.write(b"3\n4\n5\n");
    broker.restart();
    lines.write(b"6");
    lines.close_input();
    let ended = lines.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("down: "), "{}", ended.stderr);
    let mut seen = Vec::new();
    while !seen.contains(&"6".to_owned()) {
        let line = witness.next_line(SOON).expect("all lines come");
        // At QoS 1 one may come again.
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    seen.retain(|line| line != "1" && line != "2");
    assert_eq!(seen, ["3", "4", "5", "6"]);
}

#[test]
fn ctrl_c_ends_in_order() {
    if !broker_or_skip("ctrl_c_ends_in_order") {
        return;
    }
    build();
    let broker = Mosquitto::start(Options::new().verbose());
    let witness = Sub::start(&broker, &["-t", "lines", "-q", "2", "-F", "%p"]);
    let arguments = ["-i", "writer", "-t", "lines", "-q", "2", "-l"];
    let mut lines = start("mqtt-pub", &broker, &arguments);
    lines.write(b"1\n2\n");
    assert_eq!(witness.next_lines(2, SOON), ["1", "2"]);
    lines.signal("INT");
    let ended = lines.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    let said = || broker.log().contains("Received DISCONNECT from writer");
    assert!(wait_until(SOON, said), "{}", broker.log());
}

#[test]
fn before_a_connection_a_signal_ends_it_at_once() {
    build();
    // It accepts, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("its address").port().to_string();
    for (name, rest, code) in [("mqtt-pub", "-n", 143), ("mqtt-sub", "-v", 255)] {
        let arguments = ["-h", "127.0.0.1", "-p", &port, "-t", "a", rest];
        let run = Run::start(Command::new(ours(name)).args(arguments));
        let _connection = silent.accept().expect("a connection");
        run.signal("TERM");
        assert_eq!(run.end().code, Some(code), "{name}");
    }
}

/// Writes a file of so many bytes, not all of them the same.
fn large_file(dir: &TempDir, len: usize) -> (String, Vec<u8>) {
    let path = dir.path().join("large");
    let bytes: Vec<_> = (0..len).map(|place| (place / 1000) as u8).collect();
    std::fs::write(&path, &bytes).expect("a file");
    (path.to_str().expect("a name in UTF-8").to_owned(), bytes)
}

#[test]
fn a_large_message_is_streamed_from_a_file_and_from_the_input() {
    if !broker_or_skip("a_large_message_is_streamed_from_a_file_and_from_the_input") {
        return;
    }
    build();
    let broker = Mosquitto::start(Options::new().verbose());
    let dir = TempDir::new("large");
    let (path, bytes) = large_file(&dir, 20_000_000);
    for (version, source) in [("311", "-f"), ("5", "-s")] {
        let id = format!("reader-{version}");
        let arguments = ["-i", &id, "-V", version, "-t", "large", "-q", "1", "-N", "-C", "1"];
        let reader = start("mqtt-sub", &broker, &arguments);
        let subscribed = || broker.log().contains(&format!("Sending SUBACK to {id}"));
        assert!(wait_until(SOON, subscribed), "{}", broker.log());

        let id = format!("writer-{version}");
        let mut arguments = vec!["-i", &id, "-V", version, "-t", "large", "-q", "2", source];
        arguments.extend((source == "-f").then_some(path.as_str()));
        let mut writer = start("mqtt-pub", &broker, &arguments);
        if source == "-s" {
            writer.write(&bytes);
        }
        writer.close_input();
        let wrote = writer.end();
        assert_eq!((wrote.code, wrote.stderr.as_str()), (Some(0), ""), "nobody sees the progress");
        let published = format!("Received PUBLISH from {id} (d0, q2, r0,");
        assert!(wait_until(SOON, || broker.log().contains(&published)), "{}", broker.log());
        let read = reader.end();
        assert_eq!(read.code, Some(0), "{}", read.stderr);
        assert!(read.stdout == bytes, "{} bytes came, {}", read.stdout.len(), read.stderr);
    }
}

#[test]
fn a_terminal_sees_how_far_a_long_send_is() {
    let terminal = Path::new("/usr/bin/script");
    if !broker_or_skip("a_terminal_sees_how_far_a_long_send_is") || !terminal.is_file() {
        return;
    }
    build();
    let broker = Mosquitto::start(Options::new());
    let dir = TempDir::new("large");
    let path = dir.path().join("large");
    File::create(&path).and_then(|file| file.set_len(250_000_000)).expect("a file");
    let send = format!(
        "{} -h 127.0.0.1 -p {} -t large -q 1 -f {}",
        ours("mqtt-pub").display(),
        broker.port(),
        path.display()
    );
    let mut run = Run::start(Command::new(terminal).args(["-qec", &send, "/dev/null"]));
    run.close_input();
    let ended = run.end();
    let screen = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.code, Some(0), "{screen}");
    assert!(screen.contains(" of 238.4 MiB, "), "{screen}");
    assert!(screen.ends_with("\r\x1b[K"), "the line goes at the end: {screen}");
}

#[test]
fn a_way_that_does_not_lead_there_is_named() {
    let test = "a_way_that_does_not_lead_there_is_named";
    if !broker_or_skip(test) || !proxies_or_skip(test) {
        return;
    }
    build();
    let place = ways::start();
    let word =
        |name| place.words.iter().find(|(known, _)| *known == name).expect("a word").1.as_str();
    let proxy = |user| format!("socks5h://{}", word(user));
    let [open, stranger, nobody] = ["{proxy}", "{stranger}", "{nobody}"].map(proxy);
    let wrong = [
        // mosquitto_pub says only that there is an error of TLS, with 1 or 8 as it happens.
        (vec!["-h", "localhost", "--cafile", word("{other}")], "UnknownIssuer"),
        (vec!["-h", "127.0.0.1", "--cafile", word("{ca}")], "127.0.0.1"),
        (vec!["--cafile", word("{key}")], "BEGIN CERTIFICATE is wanted"),
        (
            vec!["--cafile", word("{ca}"), "--cert", word("{ca}"), "--key", word("{ca}")],
            "private key",
        ),
    ];
    let proxied = [
        // The last -p counts: nobody listens there, which the proxy says.
        (vec!["--cafile", word("{ca}"), "--proxy", &open, "-p", "1"], "asking the proxy failed"),
        (vec!["--cafile", word("{ca}"), "--proxy", &stranger], "asking the proxy failed"),
        (vec!["--cafile", word("{ca}"), "--proxy", &nobody], "asking the proxy failed"),
        (
            vec!["--proxy", "socks4://localhost"],
            "--proxy: socks5h://[user[:password]@]host[:port] is wanted",
        ),
        (vec!["-L", "ftp://localhost"], "-L: "),
    ];
    for (arguments, said) in wrong.into_iter().chain(proxied) {
        let mut command = Command::new(ours("mqtt-pub"));
        command.args(["-p", word("{tls}"), "-t", "a", "-m", "x"]).args(&arguments);
        let ended = Run::start(&mut command).end();
        assert_eq!(ended.code, Some(1), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
    }
}
