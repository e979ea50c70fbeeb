//! Request and response of 5.0, over a broker that knows nothing of them.

use mqtt_as_tests::mosquitto::{Mosquitto, Options, broker_or_skip};
use mqtt_as_tokio::{QoS, RequestError, Version};

use crate::{EVERY_QOS, connected, next_line, nothing_comes, within};

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_and_mosquitto_says_when_nobody_listens() {
    if !broker_or_skip("requests_are_answered_and_mosquitto_says_when_nobody_listens") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    let client = connected(&broker, Version::V5, "asks").await;
    let nobody = within(client.request("add", "1 + 1")).await.expect_err("nobody answers");
    assert_eq!(nobody, RequestError::NoSubscribers);
    let silent = within(client.publish("add", "1 + 1").qos(QoS::AtLeastOnce)).await;
    assert!(silent.expect("an acknowledgement").has_no_subscribers());

    let service = connected(&broker, Version::V5, "adds").await;
    within(service.subscribe("add", QoS::ExactlyOnce)).await.expect("subscribed");
    let answering = service.clone();
    tokio::spawn(async move {
        while let Some(request) = answering.queue().next().await {
            let numbers = String::from_utf8_lossy(request.payload());
            let sum: u32 = numbers.split(" + ").map(|number| number.parse().unwrap_or(0)).sum();
            answering.respond(&request, sum.to_string()).await.expect("published");
        }
    });
    within(client.subscribe("other", QoS::AtLeastOnce)).await.expect("subscribed");
    for number in 0..100 {
        for qos in EVERY_QOS {
            let question = format!("{number} + 1");
            let answer = within(client.request("add", &*question).qos(qos)).await;
            let answer = answer.expect("an answer");
            assert_eq!(answer.payload(), (number + 1).to_string().as_bytes());
            assert_eq!(answer.topic(), "responses/asks");
        }
    }
    within(client.publish("other", "1").qos(QoS::AtLeastOnce)).await.expect("published");
    assert_eq!(next_line(&client).await, "other 1 0 1");
    nothing_comes(&client).await;
}
