//! A test that runs itself once more, in a network and with files of its own: what it breaks there is
//! nobody else's, and is gone with it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mqtt_as_tests::mosquitto::TempDir;

/// Names the directory of files that stand in for those of the system.
const INSIDE: &str = "MQTT_AS_FAULTS_INSIDE";

/// Runs `test` inside, once: there, `story` is told where the files are.
///
/// # Panics
///
/// If it fails there, or there are no namespaces to be had.
pub(super) fn inside(test: &str, story: impl FnOnce(&Path)) {
    if let Some(dir) = env::var_os(INSIDE) {
        return story(&PathBuf::from(dir));
    }
    let dir = TempDir::new("inside");
    let files = [("hosts", "127.0.0.1 localhost\n"), ("resolv.conf", "nameserver 127.0.0.1\n")];
    for (name, text) in files {
        fs::write(dir.path().join(name), text).expect("write a file of its own");
    }
    let enter = "ip link set lo up && mount --bind \"$0/hosts\" /etc/hosts && \
                 mount --bind \"$0/resolv.conf\" /etc/resolv.conf && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--", "sh", "-c", enter]).arg(dir.path());
    command.arg(env::current_exe().expect("this program"));
    command.args(["--ignored", "--exact", test, "--nocapture"]).env(INSIDE, dir.path());
    let status = command.status().expect("unshare starts");
    assert!(status.success(), "{test} inside: {status}");
}

/// Runs a command that changes the network inside.
pub(super) fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status();
    assert!(status.is_ok_and(|status| status.success()), "ip {arguments:?}");
}
