//! The real broker: starts mosquitto, kills it, brings it back, and looks at it with its own command-line clients.
//!
//! Nothing here knows MQTT beyond one CONNECT, so what a test sees through [`Sub`] and [`publish`] does not rest on
//! this project's own packets. Every wait has a bound. A test opens with
//!
//! ```no_run
//! use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, broker_or_skip, publish};
//! use std::time::Duration;
//!
//! if !broker_or_skip("retained_message") {
//!     return;
//! }
//! let broker = Mosquitto::start(Options::new().persistence());
//! let sub = Sub::start(&broker, &["-t", "a/#", "-q", "1", "-V", "5", "-F", "%t %q %r %p"]);
//! publish(&broker, &["-t", "a/b", "-q", "1", "-m", "hello"]);
//! assert_eq!(sub.next_line(Duration::from_secs(5)).as_deref(), Some("a/b 1 0 hello"));
//! ```

use std::env;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::iter;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use crate::process::wait_until;
use crate::process::{Running, TICK};

/// How long a program may take to start, to subscribe or to be gone: far more than it needs on a loaded machine.
const BOUND: Duration = Duration::from_secs(20);
/// How long one `mosquitto_pub` may run.
const PUBLISH_BOUND: Duration = Duration::from_secs(60);
/// How many ports are tried: somebody else may take a free one between our look and the broker's bind.
const PORTS_TRIED: u32 = 10;
/// What tells a message from the debug lines of `mosquitto_sub -d`.
const MESSAGE: &str = "MSG>";
/// Debian keeps the broker where a user's `PATH` does not lead; the others are for machines at home.
const MORE_PLACES: [&str; 4] =
    ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/sbin"];

/// Is there a broker? If not, says so past the capture of the test harness, and the test returns.
///
/// # Panics
///
/// If there is none and the variable `MQTT_AS_REQUIRE_BROKER` is set, as it is in CI.
#[must_use]
pub fn broker_or_skip(test: &str) -> bool {
    if Mosquitto::available() {
        return true;
    }
    let advice = "no mosquitto found (apt-get install mosquitto mosquitto-clients)";
    let required = env::var_os("MQTT_AS_REQUIRE_BROKER").is_some_and(|value| !value.is_empty());
    assert!(!required, "{test}: {advice}, and MQTT_AS_REQUIRE_BROKER is set");
    // Not `eprintln!`: the test harness swallows what a passing test prints with it.
    // One write, so that lines of tests that run at the same time stay whole.
    let _ = io::stderr().write_all(format!("SKIPPED {test}: {advice}\n").as_bytes());
    false
}

/// What kind of broker to start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    persistence: bool,
    verbose: bool,
    lines: Vec<String>,
}

impl Options {
    /// A broker on loopback that lets everybody in and forgets everything when it ends.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Retained messages, sessions and their queues survive [`Mosquitto::kill`]: saved at once at every change.
    #[must_use]
    pub fn persistence(mut self) -> Self {
        self.persistence = true;
        self
    }

    /// Lets [`Mosquitto::log`] show every packet.
    #[must_use]
    pub fn verbose(mut self) -> Self {
        self.verbose = true;
        self
    }

    /// A line for the end of the configuration, where those of the one TCP listener may stand, too:
    /// `max_inflight_messages 2`, `max_qos 1`.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    fn config(&self, port: u16, dir: &Path) -> String {
        let mut lines = vec![
            // As root it would become the user mosquitto, who may not write to our directory.
            "user root".to_owned(),
            "set_tcp_nodelay true".to_owned(),
            format!("log_type {}", if self.verbose { "all" } else { "information" }),
            "log_type notice".to_owned(),
            "log_type warning".to_owned(),
            "log_type error".to_owned(),
        ];
        if self.persistence {
            lines.extend([
                "persistence true".to_owned(),
                format!("persistence_location {}/", dir.display()),
                "autosave_interval 1".to_owned(),
                "autosave_on_changes true".to_owned(),
            ]);
        }
        lines.push(format!("listener {port} {}", Ipv4Addr::LOCALHOST));
        if !self.lines.iter().any(|line| line.starts_with("allow_anonymous")) {
            lines.push("allow_anonymous true".to_owned());
        }
        lines.extend_from_slice(&self.lines);
        lines.join("\n") + "\n"
    }
}

/// A running mosquitto with one plain listener on loopback. It dies, by its pid, when this is dropped.
#[derive(Debug)]
pub struct Mosquitto {
    process: Option<Running>,
    port: u16,
    options: Options,
    // After the process: the directory goes last.
    dir: TempDir,
}

impl Mosquitto {
    /// Are the broker and its clients installed?
    #[must_use]
    pub fn available() -> bool {
        ["mosquitto", "mosquitto_sub", "mosquitto_pub", "stdbuf"]
            .iter()
            .all(|name| program(name).is_some())
    }

    /// Starts a broker on a free port and waits until it has answered a CONNECT.
    ///
    /// # Panics
    ///
    /// If it does not start; the message holds its log.
    #[must_use]
    pub fn start(options: Options) -> Self {
        let mut broker = Self { process: None, port: 0, options, dir: TempDir::new("mosquitto") };
        for _ in 0..PORTS_TRIED {
            broker.port = free_port();
            if broker.launch() {
                return broker;
            }
        }
        panic!(
            "mosquitto does not start on any of {PORTS_TRIED} ports; its log:\n{}",
            broker.log()
        );
    }

    /// The port on 127.0.0.1, the same over [`restart`](Self::restart).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// SIGKILL: no farewell to anybody, and nothing saved but what was saved before.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// SIGTERM, and waits for the end: it closes its connections and saves what it has to.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal("TERM");
            assert!(
                process.wait(BOUND).is_some(),
                "mosquitto does not end at SIGTERM; its log:\n{}",
                self.log()
            );
        }
    }

    /// Kills it if it runs, and starts it on the same port with the same directory.
    ///
    /// # Panics
    ///
    /// If it does not start again.
    pub fn restart(&mut self) {
        self.kill();
        assert!(
            self.launch(),
            "mosquitto does not start again on {}; its log:\n{}",
            self.addr(),
            self.log()
        );
    }

    /// SIGSTOP: the kernel still accepts connections and bytes for it, but nobody answers.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// SIGCONT: goes on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Its process id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Running::pid)
    }

    /// What it has logged since [`start`](Self::start), over all restarts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("mosquitto.log")
    }

    fn signal(&self, signal: &str) {
        self.process.as_ref().expect("the broker has been killed").signal(signal);
    }

    /// Whether it runs and answers; if not, no process is left.
    fn launch(&mut self) -> bool {
        let config = self.dir.path().join("mosquitto.conf");
        fs::write(&config, self.options.config(self.port, self.dir.path()))
            .expect("write mosquitto.conf");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("open mosquitto.log");
        let mut command = Command::new(installed("mosquitto"));
        command.arg("-c").arg(&config);
        command.stdout(log.try_clone().expect("share the log")).stderr(log);
        self.process = Some(Running::spawn(&mut command));
        let answers = self.await_connack();
        if !answers {
            self.kill();
        }
        answers
    }

    /// TCP alone proves nothing, and a CONNACK might be another broker's: ours has the id of the probe in its log.
    fn await_connack(&mut self) -> bool {
        let id = format!("probe-{}", unique());
        let mut connack = false;
        let end = Instant::now() + BOUND;
        while Instant::now() < end && self.process.as_mut().is_some_and(Running::is_alive) {
            connack = connack || probe(self.addr(), &id).is_ok();
            if connack && self.log().contains(&id) {
                return true;
            }
            thread::sleep(TICK);
        }
        false
    }
}

/// A 3.1.1 CONNECT that has to be answered by a CONNACK, whatever its return code.
fn probe(addr: SocketAddr, id: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let id_len = u8::try_from(id.len()).map_err(io::Error::other)?;
    // Remaining length, "MQTT", level 4, clean session, keep-alive 10 s, the client id.
    let mut connect = vec![0x10, 12 + id_len, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 10, 0, id_len];
    connect.extend_from_slice(id.as_bytes());
    stream.write_all(&connect)?;
    let mut connack = [0; 4];
    stream.read_exact(&mut connack)?;
    if connack[..2] != [0x20, 2] {
        return Err(io::Error::other(format!("not a CONNACK: {connack:02x?}")));
    }
    // DISCONNECT
    stream.write_all(&[0xE0, 0])
}

/// A running `mosquitto_sub`: the other end's view of what our client sends.
#[derive(Debug)]
pub struct Sub {
    process: Running,
    messages: Receiver<Vec<u8>>,
    notes: Arc<Notes>,
}

impl Sub {
    /// Starts `mosquitto_sub` with these arguments (without `-h` and `-p`) and waits until it is subscribed.
    ///
    /// `-F` says what [`next_line`](Self::next_line) gives for a message; the default is `%t %q %r %p`: topic, QoS,
    /// retain flag, payload. A payload that is not one line of text has to be printed as `%x`, hexadecimal, or
    /// counted with `%l`. It must not be given `-N`.
    ///
    /// # Panics
    ///
    /// If it cannot subscribe; the message holds what it said.
    #[must_use]
    pub fn start(broker: &Mosquitto, args: &[&str]) -> Self {
        let (mut args, format) = split_format(args);
        let format = format!("{MESSAGE}{}", format.unwrap_or("%t %q %r %p"));
        args.extend(["-d", "-F", &format]);
        // Into a pipe it would print in blocks; stdbuf becomes mosquitto_sub, with the same pid.
        let mut command = Command::new(installed("stdbuf"));
        command.arg("-oL").arg(installed("mosquitto_sub")).args(address(broker)).args(&args);
        let mut sub = Self::spawn(&mut command);
        wait_until(BOUND, || sub.notes.subscribed() > 0 || !sub.process.is_alive());
        let subscribed = sub.notes.subscribed() > 0;
        assert!(subscribed, "mosquitto_sub {args:?} is not subscribed; it said:\n{}", sub.debug());
        sub
    }

    /// The next message, as `-F` prints it; `None` if none comes within `bound`.
    #[must_use]
    pub fn next_line(&self, bound: Duration) -> Option<String> {
        let line = self.messages.recv_timeout(bound).ok()?;
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    /// All messages until `count` are there or `bound` is over: fewer than `count` only in the second case.
    #[must_use]
    pub fn next_lines(&self, count: usize, bound: Duration) -> Vec<String> {
        let end = Instant::now() + bound;
        let next = || self.next_line(end.saturating_duration_since(Instant::now()));
        std::iter::from_fn(next).take(count).collect()
    }

    /// Waits until it has been subscribed `times` times, the start included: it connects again by itself, a second
    /// after the broker has come back.
    #[must_use]
    pub fn wait_subscribed(&self, times: usize, bound: Duration) -> bool {
        wait_until(bound, || self.notes.subscribed() >= times)
    }

    /// What it has said besides messages: its packets (`-d`) and its complaints.
    #[must_use]
    pub fn debug(&self) -> String {
        self.notes.text()
    }

    fn spawn(command: &mut Command) -> Self {
        let mut process = Running::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let (sender, messages) = mpsc::channel();
        let notes = Arc::new(Notes::default());
        let stdout = process.0.stdout.take().expect("stdout is piped");
        let stderr = process.0.stderr.take().expect("stderr is piped");
        read_lines(stdout, sender.clone(), Arc::clone(&notes));
        read_lines(stderr, sender, Arc::clone(&notes));
        Self { process, messages, notes }
    }
}

/// The format is ours to change: takes it out of the arguments.
fn split_format<'a>(args: &[&'a str]) -> (Vec<&'a str>, Option<&'a str>) {
    let Some(at) = args.iter().position(|arg| *arg == "-F") else {
        return (args.to_vec(), None);
    };
    let (before, from) = args.split_at(at);
    let after = from.get(2..).unwrap_or_default();
    ([before, after].concat(), from.get(1).copied())
}

/// Sorts a program's output into messages and notes, in a thread that ends when the program does.
fn read_lines(from: impl Read + Send + 'static, messages: Sender<Vec<u8>>, notes: Arc<Notes>) {
    thread::spawn(move || {
        // Not `lines()`: a payload need not be text.
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            match line.strip_prefix(MESSAGE.as_bytes()) {
                // Nobody listens any more once the `Sub` is dropped.
                Some(message) => drop(messages.send(message.to_vec())),
                None => notes.add(&String::from_utf8_lossy(&line)),
            }
        }
    });
}

/// What a client said that was no message.
#[derive(Debug, Default)]
struct Notes(Mutex<String>);

impl Notes {
    fn add(&self, line: &str) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
        text.push('\n');
    }

    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn subscribed(&self) -> usize {
        self.text().lines().filter(|line| line.starts_with("Subscribed (mid")).count()
    }
}

/// Runs `mosquitto_pub` with these arguments (without `-h` and `-p`) until the broker has taken the message.
///
/// At QoS 0 too: the program ends before the broker has read what it wrote, so this waits until the broker has seen it go.
///
/// # Panics
///
/// If it fails, or the broker refuses the message, with what it said.
pub fn publish(broker: &Mosquitto, args: &[&str]) {
    let said = TempDir::new("mosquitto_pub");
    let said = said.path().join("stderr");
    let given = args.iter().position(|arg| *arg == "-i").and_then(|at| args.get(at + 1));
    let id = given.map_or_else(|| format!("pub-{}", unique()), |id| (*id).to_owned());
    let gone = || broker.log().matches(&format!("Client {id} disconnected")).count();
    let before = gone();
    let mut command = Command::new(installed("mosquitto_pub"));
    command
        .args(address(broker))
        .args(["-i", &id])
        .args(args)
        .stdout(Stdio::null())
        .stderr(File::create(&said).expect("create a file for stderr"));
    let status = Running::spawn(&mut command).wait(PUBLISH_BOUND);
    let said = fs::read(&said)
        .map_or_else(|error| error.to_string(), |said| String::from_utf8_lossy(&said).into_owned());
    // In 5.0 a refusal is only a warning to it.
    let taken = status.is_some_and(|status| status.success()) && !said.contains("Warning: Publish");
    assert!(taken, "mosquitto_pub {args:?} failed ({status:?}); it said: {said}");
    assert!(wait_until(BOUND, || gone() > before), "{id} is still there:\n{}", broker.log());
}

/// As [`publish`], with a payload that is not for the command line: binary, or large.
///
/// # Panics
///
/// As [`publish`].
pub fn publish_bytes(broker: &Mosquitto, args: &[&str], payload: &[u8]) {
    let dir = TempDir::new("payload");
    let file = dir.path().join("payload");
    fs::write(&file, payload).expect("write the payload");
    let file = file.to_str().expect("a temporary directory with a UTF-8 name");
    publish(broker, &[args, &["-f", file]].concat());
}

/// Where a client finds the broker.
fn address(broker: &Mosquitto) -> [String; 4] {
    ["-h".into(), Ipv4Addr::LOCALHOST.to_string(), "-p".into(), broker.port().to_string()]
}

/// The path of an installed program.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(MORE_PLACES.map(PathBuf::from));
    places.map(|place| place.join(name)).find(|file| file.is_file())
}

fn installed(name: &str) -> PathBuf {
    program(name)
        .unwrap_or_else(|| panic!("{name} is not installed: does the test ask `broker_or_skip`?"))
}

/// Returns a port of loopback that nobody listens on at this moment.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    // Below those that systems give to connections, which come and go; apart from other processes.
    let begin = process::id().wrapping_mul(7919);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    let ports = iter::repeat_with(|| COUNTER.fetch_add(1, Ordering::Relaxed).wrapping_add(begin));
    let mut ports = ports.map(|number| 10_000 + (number % 20_000) as u16).take(20_000);
    ports.find(is_free).expect("a port on loopback")
}

/// A name that no other test of this machine uses now.
fn unique() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// A new directory that is removed, with all that is in it, when this is dropped.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// In the system's place for temporary files, with `what` in its name.
    ///
    /// # Panics
    ///
    /// If it cannot be created.
    #[must_use]
    pub fn new(what: &str) -> Self {
        loop {
            let path = env::temp_dir().join(format!("mqtt-as-{what}-{}", unique()));
            match fs::create_dir(&path) {
                Ok(()) => return Self(path),
                // Left behind by a process that was killed and had our pid: the next name.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("cannot create {}: {error}", path.display()),
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
