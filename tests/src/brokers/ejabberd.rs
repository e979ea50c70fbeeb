//! ejabberd, with nothing but its MQTT module: without its system user, and without Erlang's port mapper.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use super::answers;
use super::erlang::Node;
use crate::mosquitto::{TempDir, free_port};

/// Where Debian keeps Erlang's libraries.
const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu";

/// The newest `ejabberd-*/ebin` that is installed.
pub(super) fn program() -> Option<PathBuf> {
    let places = fs::read_dir(LIBRARIES).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let is_it = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("ejabberd-") && path.join("ebin").join("ejabberd.beam").is_file()
    };
    places.filter(is_it).max().map(|path| path.join("ebin"))
}

/// A running ejabberd.
#[derive(Debug)]
pub struct Ejabberd {
    node: Option<Node>,
    port: u16,
    dir: TempDir,
}

impl Ejabberd {
    pub(super) fn start() -> Self {
        let mut broker = Self { node: None, port: free_port(), dir: TempDir::new("ejabberd") };
        broker.restart();
        broker
    }

    pub(super) fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(super) fn kill(&mut self) {
        self.node = None;
    }

    pub(super) fn restart(&mut self) {
        self.kill();
        let dir = self.dir.path();
        let config = dir.join("ejabberd.yml");
        fs::write(&config, self.config()).expect("write ejabberd.yml");
        let database = format!("{:?}", dir.join("db"));
        let mut command = Command::new("erl");
        command.args(["-noinput", "-noshell", "+S", "2:2", "+sbwt", "none", "-pa"]);
        command.arg(program().expect("ejabberd is installed"));
        command.args(["-mnesia", "dir", &database, "-s", "ejabberd"]);
        command.env("EJABBERD_CONFIG_PATH", config);
        command.env("EJABBERD_LOG_PATH", dir.join("ejabberd.log"));
        command.env("ERL_LIBS", LIBRARIES).env("ERL_CRASH_DUMP", "/dev/null").env("HOME", dir);
        self.node = Some(Node::spawn(&mut command, dir));
        assert!(answers(self.addr()), "ejabberd does not answer:\n{}", self.said());
    }

    pub(super) fn pause(&self) {
        self.node.as_ref().expect("it runs").signal("STOP");
    }

    pub(super) fn resume(&self) {
        self.node.as_ref().expect("it runs").signal("CONT");
    }

    fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join("out")).unwrap_or_default()
    }

    fn config(&self) -> String {
        format!(
            "hosts: [localhost]\nloglevel: warning\nauth_method: [anonymous]\n\
             anonymous_protocol: login_anon\nallow_multiple_connections: true\nlisten:\n  - \
             {{port: {}, ip: 127.0.0.1, module: mod_mqtt}}\nmodules:\n  mod_mqtt:\n    \
             max_queue: 100000\n    session_expiry: 1 hour\n",
            self.port
        )
    }
}
