//! RabbitMQ with its MQTT plug-in, one node or a cluster, on loopback and without its system user.
//!
//! In a cluster sessions that are kept lie in quorum queues: these are on every node, and one node may be
//! away. A node alone keeps them in classic queues: a quorum queue of one that was killed in its first
//! seconds has no leader for ever, and nobody gets what is in it (3.10.8).

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::answers;
use super::erlang::Node;
use crate::mosquitto::{TempDir, free_port};

/// The start script that does not change the user.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

pub(super) fn is_installed() -> bool {
    Path::new(PROGRAM).is_file()
}

/// Erlang's port mapper and the home that nodes share: their cookie lies there.
#[derive(Debug)]
struct Home {
    mapper: u16,
    dir: TempDir,
    _mapper: Node,
}

impl Home {
    fn new() -> Arc<Self> {
        let (mapper, dir) = (free_port(), TempDir::new("rabbitmq"));
        let mut command = Command::new("epmd");
        command.args(["-port", &mapper.to_string(), "-address", "127.0.0.1"]);
        let process = Node::spawn(&mut command, dir.path());
        Arc::new(Self { mapper, dir, _mapper: process })
    }
}

/// A node of RabbitMQ.
#[derive(Debug)]
pub struct RabbitMq {
    node: Option<Node>,
    name: String,
    port: u16,
    distribution: u16,
    dir: PathBuf,
    /// The names of all nodes of its cluster.
    cluster: Vec<String>,
    home: Arc<Home>,
}

/// Starts a cluster of so many nodes, one after the other.
///
/// # Panics
///
/// If they do not start.
#[must_use]
pub fn cluster(count: usize) -> Vec<RabbitMq> {
    let home = Home::new();
    let name = |number| format!("rmq{number}@localhost");
    let names: Vec<_> = (0..count).map(name).collect();
    let node = |name: &String| {
        let mut node = RabbitMq::new(name.clone(), names.clone(), &home);
        node.restart();
        node
    };
    names.iter().map(node).collect()
}

impl RabbitMq {
    pub(super) fn start() -> Self {
        cluster(1).pop().expect("one node")
    }

    fn new(name: String, cluster: Vec<String>, home: &Arc<Home>) -> Self {
        let dir = home.dir.path().join(&name);
        fs::create_dir(&dir).expect("a directory of its own");
        let (port, distribution) = (free_port(), free_port());
        Self { node: None, name, port, distribution, dir, cluster, home: home.clone() }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.node = None;
    }

    /// Kills it if it runs, and starts it with what it has kept.
    ///
    /// # Panics
    ///
    /// If it does not start again.
    pub fn restart(&mut self) {
        self.kill();
        let dir = &self.dir;
        fs::write(dir.join("rabbitmq.conf"), self.config()).expect("write rabbitmq.conf");
        fs::write(dir.join("plugins"), "[rabbitmq_mqtt].").expect("write the list of plug-ins");
        fs::write(dir.join("env"), "").expect("write an empty environment");
        let mut command = Command::new(PROGRAM);
        command.current_dir(dir).env("HOME", self.home.dir.path());
        command.env("ERL_EPMD_PORT", self.home.mapper.to_string());
        command.env("ERL_EPMD_ADDRESS", "127.0.0.1").env("ERL_CRASH_DUMP", "/dev/null");
        command.env("RABBITMQ_NODENAME", &self.name);
        command.env("RABBITMQ_DIST_PORT", self.distribution.to_string());
        command.env("RABBITMQ_MNESIA_BASE", dir.join("db"));
        command.env("RABBITMQ_LOG_BASE", dir.join("log")).env("RABBITMQ_LOGS", "-");
        command.env("RABBITMQ_CONFIG_FILE", dir.join("rabbitmq.conf"));
        command.env("RABBITMQ_ENABLED_PLUGINS_FILE", dir.join("plugins"));
        command.env("RABBITMQ_CONF_ENV_FILE", dir.join("env"));
        let busy = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none";
        command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", busy);
        self.node = Some(Node::spawn(&mut command, dir));
        assert!(answers(self.addr()), "{} does not answer:\n{}", self.name, self.said());
    }

    /// Whether it runs.
    pub fn is_alive(&mut self) -> bool {
        self.node.as_mut().is_some_and(Node::is_alive)
    }

    /// SIGSTOP.
    pub fn pause(&self) {
        self.node.as_ref().expect("it runs").signal("STOP");
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.node.as_ref().expect("it runs").signal("CONT");
    }

    /// What it has said since it was made.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(self.dir.join("out")).unwrap_or_default()
    }

    fn config(&self) -> String {
        let mut lines = vec![
            "listeners.tcp = none".to_owned(),
            format!("mqtt.listeners.tcp.1 = 127.0.0.1:{}", self.port),
            "mqtt.allow_anonymous = true".to_owned(),
            "mqtt.prefetch = 20".to_owned(),
            "loopback_users = none".to_owned(),
            "log.console.level = warning".to_owned(),
        ];
        if self.cluster.len() > 1 {
            let backend = "cluster_formation.peer_discovery_backend = classic_config";
            lines.push(backend.to_owned());
            lines.push("mqtt.durable_queue_type = quorum".to_owned());
            lines.push("cluster_partition_handling = pause_minority".to_owned());
            for (number, name) in (1..).zip(&self.cluster) {
                lines.push(format!("cluster_formation.classic_config.nodes.{number} = {name}"));
            }
        }
        lines.join("\n") + "\n"
    }
}
