//! The machine below: its list of names.

use crate::list::heap::payloads_arrive_whole;
use crate::list::owning::values_arrive_whole;
use crate::list::story::{client, in_5_0};
use crate::runtime::adapter::Config;
use crate::runtime::within;

#[test]
fn every_address_of_a_name_is_tried() {
    in_5_0(async {
        // Of ::1 and 127.0.0.1 only one is served, whichever stands first in the name's list.
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(server) = mqtt_as_tests::server::Server::bind(host, Default::default()) else {
                println!("no {host} here");
                continue;
            };
            let port = server.addr().port();
            let resolved: Vec<_> = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", port))
                .map(Iterator::collect)
                .unwrap_or_default();
            if !resolved.contains(&server.addr()) {
                println!("localhost is not {host} here: {resolved:?}");
                continue;
            }
            let client = client(Config::new("localhost").port(port));
            within(client.connect(true)).await.expect("a connection");
        }
    });
}

// 3.1.1 [MQTT-7.1.2-1]
// 5.0 [MQTT-4.2-1]
#[test]
fn payloads_of_megabytes_arrive_whole() {
    payloads_arrive_whole(2_000_000, |config| config.outbox(4 << 20).store(4 << 20));
}

#[test]
fn payloads_that_are_held_by_reference_arrive_whole_by_value() {
    values_arrive_whole(40_000, |config| config.outbox(128 * 1024));
}
