//! Programs whose broker is not to be reached by TCP alone: stand-ins for those of the cloud.

use std::fs;

use mqtt_as_tests::mosquitto::{
    Mosquitto, Options, Sub, TempDir, broker_or_skip, free_port, publish,
};
use mqtt_as_tests::process::Program;
use mqtt_as_tests::proxies::{RealProxy, USER, proxies_or_skip};

use crate::certificates::{Authority, Identity};
use crate::front::{Clients, Front, config};
use crate::{BOTH, SOON, output, start_with};

/// A certificate, its key and the authority of it, in files as a program gets them.
struct Files {
    dir: TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let (dir, authority) = (TempDir::new("cloud"), Authority::new("the cloud"));
        let files = Self { dir, authority };
        files.place("ca.pem", &files.authority.pem);
        files.place_identity("server", &files.authority.server(&["localhost"]));
        files.place_identity("my", &files.authority.client("pump-7"));
        files
    }

    fn place(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(name), text).expect("write a file");
    }

    fn place_identity(&self, name: &str, identity: &Identity) {
        self.place(&format!("{name}.pem"), &identity.certificate);
        self.place(&format!("{name}.key"), &identity.key);
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Lines for a listener of mosquitto that knows every client by its certificate.
    fn listener(&self, port: u16) -> [String; 5] {
        [
            format!("listener {port}"),
            format!("cafile {}", self.path("ca.pem")),
            format!("certfile {}", self.path("server.pem")),
            format!("keyfile {}", self.path("server.key")),
            "allow_anonymous true".to_owned(),
        ]
    }
}

/// Whoever is told that the pump runs tells it to stop.
fn stops_it(broker: &Mosquitto, sub: &Sub, program: &mut Program) {
    assert_eq!(sub.next_line(SOON).as_deref(), Some("running"), "{}", broker.log());
    publish(broker, &["-t", "plant/7/cmd", "-q", "1", "-m", "stop"]);
    assert_eq!(output(program), ["stop"]);
}

fn watch(broker: &Mosquitto) -> Sub {
    Sub::start(broker, &["-t", "plant/7/state", "-q", "1", "-F", "%p"])
}

#[test]
fn a_pump_reaches_its_cloud_broker_by_mutual_tls() {
    if !broker_or_skip("a_pump_reaches_its_cloud_broker_by_mutual_tls") {
        return;
    }
    let (files, port) = (Files::new(), free_port());
    let options = files.listener(port).into_iter().fold(Options::new(), Options::line);
    let broker = Mosquitto::start(options.line("require_certificate true"));
    let sub = watch(&broker);
    for adapter in BOTH {
        let files = ["ca.pem", "my.pem", "my.key"].map(|name| files.path(name));
        let arguments = [&[format!("localhost:{port}")][..], &files].concat();
        stops_it(&broker, &sub, &mut start_with(adapter, "cloud_broker", &arguments));
    }
}

#[test]
fn a_pump_leaves_its_factory_over_websocket_through_the_proxy() {
    const NAME: &str = "a_pump_leaves_its_factory_over_websocket_through_the_proxy";
    if !broker_or_skip(NAME) || !proxies_or_skip(NAME) {
        return;
    }
    let (files, port) = (Files::new(), free_port());
    let options = files.listener(port).into_iter().fold(Options::new(), Options::line);
    let broker = Mosquitto::start(options.line("protocol websockets"));
    let proxy = RealProxy::http(true, &[port]);
    let sub = watch(&broker);
    for adapter in BOTH {
        let arguments = [
            format!("wss://localhost:{port}/mqtt"),
            proxy.addr().to_string(),
            USER.0.to_owned(),
            USER.1.to_owned(),
            files.path("ca.pem"),
        ];
        stops_it(&broker, &sub, &mut start_with(adapter, "websocket_proxy", &arguments));
    }
}

#[test]
fn a_pump_is_told_apart_from_the_web_on_its_port() {
    if !broker_or_skip("a_pump_is_told_apart_from_the_web_on_its_port") {
        return;
    }
    let (files, broker) = (Files::new(), Mosquitto::start(Options::new()));
    let server = files.authority.server(&["localhost"]);
    let mut settings = config(&server, &Clients::Of(&files.authority));
    settings.alpn_protocols = [&b"http/1.1"[..], b"x-amzn-mqtt-ca"].map(<[u8]>::to_vec).into();
    let front = Front::with_config(broker.addr(), settings);
    let sub = watch(&broker);
    for adapter in BOTH {
        let files = ["ca.pem", "my.pem", "my.key"].map(|name| files.path(name));
        let port = front.port.to_string();
        let arguments = [&["localhost".to_owned()][..], &files, &[port]].concat();
        assert_eq!(output(&mut start_with(adapter, "alpn_443", &arguments)), ["acknowledged"]);
        assert_eq!(sub.next_line(SOON).as_deref(), Some("running"));
    }
    let told = front.hellos().into_iter().map(|hello| (hello.protocol, hello.has_certificate));
    let wanted = (Some("x-amzn-mqtt-ca".to_owned()), true);
    assert_eq!(told.collect::<Vec<_>>(), [wanted.clone(), wanted]);
}
