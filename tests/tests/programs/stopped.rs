//! A program that is stopped for a while, as by a lid that is closed.

use std::thread;
use std::time::Duration;

use mqtt_as_proto::packet::{Packet, PacketType};
use mqtt_as_tests::process::Program;
use mqtt_as_tests::script::Script;

use crate::{build, examples, output};

/// Stopped when its PINGREQ has left, for longer than PINGRESP may take, which is there meanwhile.
#[test]
fn a_link_stands_whose_program_was_stopped_behind_pingreq() {
    build();
    for version in ["4", "5"] {
        let mut script = Script::listen();
        let arguments = [script.addr().to_string(), version.to_owned()];
        let mut program = Program::start(&examples().join("patient"), &arguments);
        script.welcome();
        for _ in 0..3 {
            script.expect(PacketType::PingReq);
            program.pause();
            script.send(&Packet::PingResp);
            thread::sleep(Duration::from_millis(1500));
            program.resume();
        }
        script.expect(PacketType::Disconnect);
        script.expect_close();
        assert_eq!(output(&mut program), ["up: true", "up: true", "up: true", "connections: 1"]);
    }
}
