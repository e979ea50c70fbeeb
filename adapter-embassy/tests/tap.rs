//! The client on an Ethernet of its own: embassy's stack over a TAP device, a real broker behind it.
//!
//! The script `tests/tap` makes device and broker, in a network namespace; that takes root. Where it
//! cannot, the story is left out, unless `MQTT_AS_REQUIRE_BROKER` is set.

use std::env;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use async_io::{Timer, block_on};
use embassy_net::{Config as Network, Ipv4Cidr, StackResources, StaticConfigV4};
use embassy_net_tuntap::TunTapDevice;
use futures_lite::future::{or, zip};
use mqtt_as_embassy::{Client, Config, ConnectError, QoS, Resources, Step, Version};

const BROKER: &str = "10.77.0.1";

#[test]
fn over_ethernet_to_a_real_broker() {
    if let Some(device) = env::var_os("MQTT_AS_TAP") {
        return over(device.to_str().expect("the name of a device"));
    }
    let program = env::current_exe().expect("this program");
    let status = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/tap"))
        .arg(program)
        .args(["over_ethernet_to_a_real_broker", "--exact", "--nocapture"])
        .status()
        .expect("tests/tap");
    if status.code() == Some(77) {
        let required = env::var_os("MQTT_AS_REQUIRE_BROKER").is_some();
        assert!(!required, "the story has to be told: see above what is missing");
        println!("SKIPPED: there is no TAP device, see above");
        return;
    }
    assert!(status.success(), "it failed in its namespace: {status}");
}

fn over(device: &str) {
    let device = TunTapDevice::new(device).expect("a device");
    let config = StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Addr::new(10, 77, 0, 2), 24),
        gateway: None,
        dns_servers: Default::default(),
    };
    let resources = Box::leak(Box::new(StackResources::<8>::new()));
    let (stack, mut network) =
        embassy_net::new(device, Network::ipv4_static(config), resources, 77);
    let stories = async {
        for version in [Version::V311, Version::V5] {
            let config = Config::new(BROKER).version(version).client_id("tap");
            let lent: &mut Resources<512, 512, 2048, 4096, 4> = Box::leak(Box::default());
            let (client, runner) =
                mqtt_as_embassy::new(stack, lent, config).expect("settings that fit");
            zip(talk(client), runner.run()).await;
        }
        // Nobody answers at that address, not even to ARP.
        let config = Config::new("10.77.0.9").connect_timeout(Duration::from_millis(200));
        let lent: &mut Resources<512, 512, 2048, 4096, 4> = Box::leak(Box::default());
        let (client, runner) =
            mqtt_as_embassy::new(stack, lent, config).expect("settings that fit");
        let nobody = async move {
            assert_eq!(client.connect(true).await, Err(ConnectError::TimedOut(Step::Open)));
        };
        zip(nobody, runner.run()).await;
    };
    let too_late = async {
        Timer::after(Duration::from_secs(20)).await;
        panic!("it has to happen within twenty seconds");
    };
    block_on(or(or(stories, too_late), async {
        network.run().await;
    }));
}

async fn talk(client: Client) {
    client.connect(true).await.expect("a connection");
    client.subscribe("tap/#", QoS::ExactlyOnce).await.expect("a subscription");
    let mut buffer = [0; 512];
    for round in 0..60_u8 {
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(round % 3)];
        let payload = [round; 400];
        client.publish("tap/1", payload.as_slice()).qos(qos).await.expect("a publish");
        let message = client.queue().next_into(&mut buffer).await.expect("a large buffer");
        let message = message.expect("a message");
        assert_eq!((message.payload(), message.qos()), (&payload[..], qos));
    }
    client.disconnect().await.expect("a connection to end");
}
