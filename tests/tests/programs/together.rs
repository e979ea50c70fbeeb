//! Programs that run beside a broker which stays.

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, broker_or_skip, publish};
use mqtt_as_tests::process::wait_until;

use crate::{BOTH, SOON, output, publish_all, start};

#[test]
fn three_receivers_get_what_they_asked_for() {
    if !broker_or_skip("three_receivers_get_what_they_asked_for") {
        return;
    }
    for adapter in BOTH {
        let broker = Mosquitto::start(Options::new());
        let lines = output(&mut start(adapter, "receivers", &[&broker]));
        let all = ["all: plant/1/temperature", "all: plant/2/alarm", "all: plant/3/door"];
        assert_eq!(lines, [&["temperature: 21", "alarm: smoke"][..], &all].concat());
    }
}

#[test]
fn a_service_answers_requests() {
    if !broker_or_skip("a_service_answers_requests") {
        return;
    }
    for adapter in BOTH {
        let broker = Mosquitto::start(Options::new());
        let lines = output(&mut start(adapter, "request_response", &[&broker]));
        assert_eq!(lines, ["1 + 1 = 2", "2 + 3 + 4 = 9"]);
    }
}

#[test]
fn five_tasks_share_a_client() {
    if !broker_or_skip("five_tasks_share_a_client") {
        return;
    }
    for adapter in BOTH {
        let broker = Mosquitto::start(Options::new().line("max_queued_messages 0"));
        let sub = Sub::start(&broker, &["-t", "tasks/#", "-q", "1", "-F", "%t %p"]);
        let lines = output(&mut start(adapter, "five_tasks", &[&broker]));
        assert_eq!(lines, ["acknowledged: 1000"]);
        let came = sub.next_lines(1000, SOON);
        for task in 1..=5 {
            let of_task: Vec<_> = came
                .iter()
                .filter_map(|line| line.strip_prefix(&format!("tasks/{task} ")))
                .collect();
            let wanted: Vec<_> = (1..=200).map(|number| number.to_string()).collect();
            assert_eq!(of_task, wanted, "in the order of the task");
        }
    }
}

#[test]
fn a_device_says_that_it_is_there_and_the_broker_that_it_is_gone() {
    if !broker_or_skip("a_device_says_that_it_is_there_and_the_broker_that_it_is_gone") {
        return;
    }
    for adapter in BOTH {
        let broker = Mosquitto::start(Options::new());
        let sub = Sub::start(&broker, &["-t", "devices/+/state", "-q", "1", "-F", "%p"]);
        let killed = start(adapter, "will_and_birth", &[&broker]);
        assert_eq!(sub.next_line(SOON).as_deref(), Some("online"));
        killed.kill();
        assert_eq!(sub.next_line(SOON).as_deref(), Some("offline"));
        output(&mut start(adapter, "will_and_birth", &[&broker]));
        assert_eq!(sub.next_lines(2, SOON), ["online", "switched off"]);
    }
}

#[test]
fn ctrl_c_ends_a_program_in_order() {
    if !broker_or_skip("ctrl_c_ends_a_program_in_order") {
        return;
    }
    let broker = Mosquitto::start(Options::new().line("max_queued_messages 0"));
    let sub = Sub::start(&broker, &["-t", "log", "-q", "1", "-F", "%p"]);
    let mut program = start("", "graceful_shutdown", &[&broker]);
    assert_eq!(sub.next_lines(20, SOON).len(), 20, "it works");
    program.interrupt();
    let lines = output(&mut program);
    let last = lines.last().and_then(|line| line.strip_prefix("accepted: "));
    let accepted = last.and_then(|line| line.strip_suffix(", all acknowledged: true"));
    let accepted: usize = accepted.and_then(|n| n.parse().ok()).expect("what it says at its end");
    assert_eq!(sub.next_lines(accepted - 20, SOON).len(), accepted - 20, "nothing is lost");
    assert!(wait_until(SOON, || broker.log().contains("Client logger disconnected.")));
}

#[test]
fn a_slow_consumer_takes_a_backlog_of_3000_on_one_connection() {
    if !broker_or_skip("a_slow_consumer_takes_a_backlog_of_3000_on_one_connection") {
        return;
    }
    for adapter in BOTH {
        let broker = Mosquitto::start(Options::new().line("max_queued_messages 0"));
        let before = start(adapter, "slow_consumer", &[&broker]);
        assert!(before.prints("up", SOON));
        before.kill();
        publish_all(&broker, "backlog", (1..=3000).map(|number| number.to_string()));
        publish(&broker, &["-t", "backlog", "-q", "1", "-m", "last"]);
        let lines = output(&mut start(adapter, "slow_consumer", &[&broker]));
        assert_eq!(lines, ["up", "taken: 3000, connections: 1"]);
    }
}

#[test]
fn a_burst_of_20000_at_qos_0_is_received_whole() {
    if !broker_or_skip("a_burst_of_20000_at_qos_0_is_received_whole") {
        return;
    }
    for adapter in BOTH {
        let broker = Mosquitto::start(Options::new().line("max_queued_messages 0"));
        let lines = output(&mut start(adapter, "burst", &[&broker]));
        assert_eq!(lines, ["received: 20000, discarded: 0"]);
    }
}
