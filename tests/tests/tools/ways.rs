//! A broker that is reached in all ways, and what leads to it.

use std::fs;

use mqtt_as_tests::mosquitto::{Mosquitto, Options, TempDir, free_port};
use mqtt_as_tests::proxies::{RealProxy, USER};

use crate::certificates::Authority;
use crate::line::Place;

/// What has to be there as long as the broker.
pub(crate) struct Around {
    _directory: TempDir,
    _proxies: [RealProxy; 2],
}

/// Starts it. In command lines `{tls}` and `{mutual}` stand for ports, `{socket}`, `{ca}`, `{other}`,
/// `{certificate}` and `{key}` for files, `{proxy}`, `{member}`, `{stranger}` and `{nobody}` for proxies.
pub(crate) fn start() -> Place {
    let (directory, authority) = (TempDir::new("ways"), Authority::new("ours"));
    let path = |name: &str| directory.path().join(name).display().to_string();
    let file = |name: &str, text: &str| {
        fs::write(directory.path().join(name), text).expect("write a certificate");
        path(name)
    };
    let (server, client) = (authority.server(&["localhost"]), authority.client("pump-7"));
    let ca = file("ca.pem", &authority.pem);
    let (tls, mutual, socket) = (free_port(), free_port(), path("broker.sock"));
    let options = listeners(&[
        &["listener", &tls.to_string(), "127.0.0.1"],
        &["certfile", &file("server.pem", &server.certificate)],
        &["keyfile", &file("server.key", &server.key)],
        &["listener", &mutual.to_string(), "127.0.0.1"],
        &["certfile", &path("server.pem")],
        &["keyfile", &path("server.key")],
        &["cafile", &ca],
        &["require_certificate", "true"],
        &["listener", "0", &socket],
    ]);
    let broker = Mosquitto::start(options);
    let proxies = [RealProxy::socks5(false), RealProxy::socks5(true)];
    let [open, strict] = proxies.each_ref().map(|proxy| proxy.addr().to_string());
    let words = vec![
        ("{plain}", broker.port().to_string()),
        ("{tls}", tls.to_string()),
        ("{mutual}", mutual.to_string()),
        ("{socket}", socket),
        ("{ca}", ca),
        ("{other}", file("other.pem", &Authority::new("another").pem)),
        ("{certificate}", file("client.pem", &client.certificate)),
        ("{key}", file("client.key", &client.key)),
        ("{proxy}", open),
        ("{member}", format!("{}:{}@{strict}", USER.0, USER.1)),
        ("{stranger}", format!("{}:wrong@{strict}", USER.0)),
        ("{nobody}", strict),
    ];
    Place { broker, words, _around: Some(Around { _directory: directory, _proxies: proxies }) }
}

fn listeners(lines: &[&[&str]]) -> Options {
    lines.iter().fold(Options::new().verbose(), |options, words| options.line(words.join(" ")))
}
