//! Real proxies: microsocks for SOCKS5, tinyproxy for HTTP CONNECT.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::mosquitto::{TempDir, free_port};
use crate::process::{Running, wait_until};

/// How long a proxy may take to start.
const BOUND: Duration = Duration::from_secs(20);
/// How many ports are tried: somebody else may take one between our look and the proxy's bind.
const PORTS_TRIED: u32 = 10;

/// Are there proxies? If not, says so past the capture of the test harness, and the test returns.
///
/// # Panics
///
/// If one is missing and the variable `MQTT_AS_REQUIRE_BROKER` is set, as it is in CI.
#[must_use]
pub fn proxies_or_skip(test: &str) -> bool {
    if ["microsocks", "tinyproxy"].iter().all(|name| program(name).is_some()) {
        return true;
    }
    let advice = "no proxies found (apt-get install microsocks tinyproxy-bin)";
    let required = env::var_os("MQTT_AS_REQUIRE_BROKER").is_some_and(|value| !value.is_empty());
    assert!(!required, "{test}: {advice}, and MQTT_AS_REQUIRE_BROKER is set");
    let _ = io::stderr().write_all(format!("SKIPPED {test}: {advice}\n").as_bytes());
    false
}

fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    places.map(|place| place.join(name)).find(|program| program.is_file())
}

/// User name and password that a proxy may want.
pub const USER: (&str, &str) = ("pump", "s3cret");

/// A running proxy on loopback. It dies, by its pid, when this is dropped.
#[derive(Debug)]
pub struct RealProxy {
    port: u16,
    _process: Running,
    // After the process: the directory goes last.
    _dir: TempDir,
}

impl RealProxy {
    /// Starts microsocks, which wants [`USER`] or lets everybody through.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn socks5(wants_user: bool) -> Self {
        Self::start("microsocks", |port, _, command| {
            command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
            if wants_user {
                command.args(["-u", USER.0, "-P", USER.1]);
            }
        })
    }

    /// Starts tinyproxy, which wants [`USER`] or lets everybody through, to these ports only.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn http(wants_user: bool, ports: &[u16]) -> Self {
        Self::start("tinyproxy", |port, dir, command| {
            let mut lines = vec![
                format!("Port {port}"),
                "Listen 127.0.0.1".to_owned(),
                "Timeout 600".to_owned(),
                "MaxClients 20".to_owned(),
            ];
            lines.extend(ports.iter().map(|port| format!("ConnectPort {port}")));
            if wants_user {
                lines.push(format!("BasicAuth {} {}", USER.0, USER.1));
            }
            let path = dir.path().join("tinyproxy.conf");
            fs::write(&path, lines.join("\n") + "\n").expect("write tinyproxy.conf");
            command.arg("-d").arg("-c").arg(path);
        })
    }

    fn start(name: &str, configure: impl Fn(u16, &TempDir, &mut Command)) -> Self {
        let path = program(name).unwrap_or_else(|| panic!("{name} is not installed"));
        for _ in 0..PORTS_TRIED {
            let (port, dir) = (free_port(), TempDir::new(name));
            let mut command = Command::new(&path);
            configure(port, &dir, &mut command);
            let mut process = Running::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
            let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            wait_until(BOUND, || listens() || !process.is_alive());
            if process.is_alive() && listens() {
                return Self { port, _process: process, _dir: dir };
            }
        }
        panic!("{name} does not start on any of {PORTS_TRIED} ports");
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}
