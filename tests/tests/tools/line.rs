//! A command line, and what becomes of it with one program or the other.

use std::process::Command;

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, publish, wait_until};

use crate::run::{Run, SOON, ours};
use crate::ways::{self, Around};

/// A command line that both programs are to understand in the same way. `~` in it, and in what is
/// published for it, is a place of its own among the topics.
pub(crate) struct Line {
    pub(crate) shows: &'static str,
    program: &'static str,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) code: i32,
    input: &'static [u8],
    before: Vec<&'static [&'static str]>,
    during: Vec<&'static [&'static str]>,
    told_to_end: bool,
    broker: &'static str,
}

/// Publishes; the messages are looked at as they come.
pub(crate) fn publishes(shows: &'static str, arguments: &'static [&'static str]) -> Line {
    Line::new("pub", shows, arguments)
}

/// Subscribes and prints.
pub(crate) fn subscribes(shows: &'static str, arguments: &'static [&'static str]) -> Line {
    Line::new("sub", shows, arguments)
}

impl Line {
    fn new(program: &'static str, shows: &'static str, arguments: &'static [&'static str]) -> Self {
        let (before, during) = (Vec::new(), Vec::new());
        let (code, told_to_end, broker) = (0, false, OPEN);
        Self { shows, program, arguments, code, input: b"", before, during, told_to_end, broker }
    }

    /// The exit code, if it is not 0.
    pub(crate) fn ends_with(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    /// What stands on its standard input.
    pub(crate) fn input(mut self, input: &'static [u8]) -> Self {
        self.input = input;
        self
    }

    /// Published before it begins.
    pub(crate) fn after(mut self, message: &'static [&'static str]) -> Self {
        self.before.push(message);
        self
    }

    /// Published when it has subscribed.
    pub(crate) fn gets(mut self, message: &'static [&'static str]) -> Self {
        self.during.push(message);
        self
    }

    /// SIGTERM, when it has subscribed and got all that.
    pub(crate) fn told_to_end(mut self) -> Self {
        self.told_to_end = true;
        self
    }

    /// Against a broker of that kind.
    pub(crate) fn at(mut self, broker: &'static str) -> Self {
        self.broker = broker;
        self
    }
}

/// Lets everybody in.
const OPEN: &str = "log_type all";
/// Lets nobody in but who starts it.
pub(crate) const CLOSED: &str = "clientid_prefixes probe";
/// Takes no QoS 2.
pub(crate) const QOS_1: &str = "max_qos 1";

/// Listens in all ways.
pub(crate) const ALL_WAYS: &str = "";

/// A broker of each kind.
pub(crate) struct Brokers(Vec<(&'static str, Place)>);

/// A broker, and the words that stand for what is around it in command lines.
pub(crate) struct Place {
    pub(crate) broker: Mosquitto,
    pub(crate) words: Vec<(&'static str, String)>,
    /// It goes when the broker has gone.
    pub(crate) _around: Option<Around>,
}

impl Brokers {
    /// Starts those that the lines need.
    pub(crate) fn start(lines: &[Line]) -> Self {
        let mut all: Vec<(&str, Place)> = Vec::new();
        for line in lines {
            if all.iter().all(|(kind, _)| *kind != line.broker) {
                all.push((line.broker, Place::start(line.broker)));
            }
        }
        Self(all)
    }

    fn of(&self, line: &Line) -> &Place {
        let found = self.0.iter().find(|(kind, _)| *kind == line.broker);
        &found.expect("it was started").1
    }
}

impl Place {
    fn start(kind: &'static str) -> Self {
        if kind == ALL_WAYS {
            return ways::start();
        }
        let broker = Mosquitto::start(Options::new().verbose().line(kind));
        Self { broker, words: Vec::new(), _around: None }
    }
}

/// Whose programs.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Theirs,
    Ours,
}

impl Kind {
    fn command(self, program: &str) -> Command {
        match self {
            Self::Theirs => Command::new(format!("mosquitto_{program}")),
            Self::Ours => Command::new(ours(&format!("mqtt-{program}"))),
        }
    }
}

/// What is compared.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) code: Option<i32>,
    stdout: String,
    /// The messages that somebody else got, as lines.
    messages: Vec<String>,
    /// What it said beside: not compared, but good to know when something differs.
    #[allow(dead_code)]
    stderr: String,
}

impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        (self.code, &self.stdout, &self.messages) == (other.code, &other.stdout, &other.messages)
    }
}

/// How somebody else shows a message: properties and all.
const ALL: &str = "%t %q %r %x %A|%C|%D|%F|%P|%R";

/// Runs the line with one program.
pub(crate) fn run_line(
    line: &Line,
    kind: Kind,
    brokers: &Brokers,
    version: &str,
    place: &str,
) -> Seen {
    let Place { broker, words, .. } = brokers.of(line);
    let here = |line: &[&str]| -> Vec<String> {
        let put = |word: String, (name, value): &(&str, String)| word.replace(name, value);
        line.iter().map(|word| words.iter().fold(word.replace('~', place), put)).collect()
    };
    let witness = (line.broker != CLOSED).then(|| {
        let all = format!("{place}/#");
        Sub::start(broker, &["-V", "5", "-t", &all, "-q", "2", "-F", ALL])
    });
    line.before.iter().for_each(|message| say(broker, &here(message)));

    let id = format!("{}-{place}", line.program);
    let mut command = kind.command(line.program);
    command.args(["-h", "127.0.0.1", "-p", &broker.port().to_string()]);
    command.args(["-V", version, "-i", &id]).args(here(line.arguments));
    let mut run = Run::start(&mut command);
    run.write(line.input);
    run.close_input();
    if !line.during.is_empty() || line.told_to_end {
        await_subscription(broker, &id, &mut run);
        line.during.iter().for_each(|message| say(broker, &here(message)));
    }
    if line.told_to_end {
        run.signal("TERM");
    }
    let ended = run.end();
    // The witness prints a message at QoS 2 when its flow has ended: one at QoS 1 would overtake it.
    let flows = line.program == "pub" && line.broker != QOS_1;
    let last = if flows { "2" } else { "1" };
    let messages = witness.map(|witness| all_messages(broker, &witness, place, last));
    let stdout = without_time(&String::from_utf8_lossy(&ended.stdout)).escape_debug().to_string();
    let messages = messages.unwrap_or_default();
    Seen { code: ended.code, stdout, messages, stderr: ended.stderr }
}

/// JSON says when it was printed.
fn without_time(stdout: &str) -> String {
    let mut parts = stdout.split("\"tst\":\"");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest.push_str(part.split_once('"').map_or(part, |(_, after)| after));
    }
    rest
}

fn say(broker: &Mosquitto, message: &[String]) {
    let words: Vec<_> = message.iter().map(String::as_str).collect();
    publish(broker, &words);
}

/// Or for an end before it, which the comparison shows then.
fn await_subscription(broker: &Mosquitto, id: &str, run: &mut Run) {
    let subscribed = format!("Sending SUBACK to {id}\n");
    let subscribed = || broker.log().contains(&subscribed) || run.has_ended();
    assert!(wait_until(SOON, subscribed), "{id} does not subscribe:\n{}", broker.log());
}

/// What the witness got up to a last message of ours.
fn all_messages(broker: &Mosquitto, witness: &Sub, place: &str, qos: &str) -> Vec<String> {
    let end = format!("{place}/the/end");
    publish(broker, &["-t", &end, "-q", qos, "-m", "end"]);
    let next = || witness.next_line(SOON);
    std::iter::from_fn(next).take_while(|line| !line.starts_with(&end)).collect()
}
