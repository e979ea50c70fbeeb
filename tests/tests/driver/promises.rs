//! What a random life was promised: which messages went out and came in, and how calls ended.

use std::collections::BTreeMap;

use mqtt_as_client::{
    ConnectError, ConnectionError, Message, NotSent, OperationError, SubscribeError,
};
use mqtt_as_client::{PublishError, QoS};
use mqtt_as_tests::broker::Accepted;

/// All that was said and done.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    pub(crate) sent: BTreeMap<u64, Sent>,
    pub(crate) fed: BTreeMap<u64, Fed>,
    /// The driver is gone.
    pub(crate) is_over: bool,
}

/// A message of the client's.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) qos: QoS,
    pub(crate) end: Option<Result<(), PublishError>>,
    /// It was accepted, though nobody waits for its end.
    pub(crate) accepted: bool,
}

/// A message for the client.
#[derive(Debug)]
pub(crate) struct Fed {
    pub(crate) qos: QoS,
    /// The client has to get it, if the session lives.
    pub(crate) owed: bool,
    /// How often the queue and the callbacks got it.
    pub(crate) arrivals: [u32; 2],
}

/// Payloads say who they are and are easy to check.
pub(crate) fn payload(number: u64, len: usize) -> Vec<u8> {
    let mut payload = format!("{number} ").into_bytes();
    payload.resize(len.max(payload.len()), number as u8);
    payload
}

fn number(bytes: &[u8]) -> u64 {
    let end = bytes.iter().position(|byte| *byte == b' ').expect("a number");
    let number = std::str::from_utf8(&bytes[..end]).unwrap().parse().expect("a number");
    assert_eq!(bytes, payload(number, bytes.len()), "the payload of message {number}");
    number
}

impl Promises {
    pub(crate) fn arrived(&mut self, message: &Message, consumer: usize) {
        let number = number(message.payload());
        let fed = self.fed.get_mut(&number).expect("a message that was fed");
        assert_eq!(message.topic(), topic(fed.qos), "the topic of message {number}");
        fed.arrivals[consumer] += 1;
    }

    /// Messages that the client has still to get.
    pub(crate) fn owed(&self) -> Vec<u64> {
        let missing = |fed: &Fed| fed.owed && fed.arrivals == [0, 0];
        self.fed.iter().filter(|(_, fed)| missing(fed)).map(|(number, _)| *number).collect()
    }

    /// At the end. `kept`: one session all the time; `manual`: the program acknowledges itself.
    pub(crate) fn judge(&self, accepted: &[Accepted], kept: bool, manual: bool) {
        let mut times: BTreeMap<u64, u32> = BTreeMap::new();
        for one in accepted.iter().filter(|one| one.client_id == "ours") {
            *times.entry(number(&one.payload)).or_default() += 1;
        }
        for (number, sent) in &self.sent {
            let times = times.get(number).copied().unwrap_or_default();
            sent.judge(*number, times, kept);
        }
        for (number, fed) in &self.fed {
            let twice = fed.arrivals.into_iter().any(|times| times > 1);
            let may_be_twice = fed.qos == QoS::AtLeastOnce || manual || !kept;
            assert!(!twice || may_be_twice, "message {number} came twice: {fed:?}");
        }
        assert!(!kept || self.owed().is_empty(), "never came: {:?}", self.owed());
    }
}

impl Sent {
    fn judge(&self, number: u64, times: u32, kept: bool) {
        let told = format!("message {number}, {times} times at the broker: {self:?}");
        let reliable = self.qos != QoS::AtMostOnce;
        // A session that was begun anew, without the client's knowing, may get it again.
        assert!(times <= 1 || self.qos == QoS::AtLeastOnce || !kept, "{told}");
        match self.end {
            Some(Ok(())) => assert!(times >= 1 || !reliable, "{told}"),
            Some(Err(PublishError::TimedOut { .. } | PublishError::Kept)) => {
                assert!(times >= 1 || !reliable || !kept, "{told}");
            }
            Some(Err(PublishError::Unknown { .. })) => assert!(!kept, "{told}"),
            Some(Err(PublishError::NeverSent(why))) => {
                assert!(times == 0 && why == NotSent::Disconnected, "{told}");
            }
            Some(Err(PublishError::Invalid(_) | PublishError::NotConnected)) => {
                assert_eq!(times, 0, "{told}");
            }
            Some(Err(_)) => panic!("{told}"),
            None => assert!(times >= 1 || !reliable || !kept || !self.accepted, "{told}"),
        }
    }
}

/// Where messages of that QoS go to the client.
pub(crate) fn topic(qos: QoS) -> &'static str {
    ["in/0", "in/1", "in/2"][qos as usize]
}

impl Promises {
    pub(crate) fn judge_connect<T>(&self, end: &Result<T, ConnectError>) {
        match end {
            Err(ConnectError::Closed) if self.is_over => {}
            Err(
                error @ (ConnectError::NoWaiter | ConnectError::Closed | ConnectError::Invalid(_)),
            ) => panic!("connect: {error:?}"),
            Err(ConnectError::Protocol(error)) => {
                assert!(matches!(error, ConnectionError::TimedOut(_)), "connect: {error:?}");
            }
            _ => {}
        }
    }

    pub(crate) fn judge_request<T>(&self, end: &Result<T, SubscribeError>) {
        match end {
            Ok(_)
            | Err(
                SubscribeError::NotConnected
                | SubscribeError::Unknown
                | SubscribeError::TimedOut
                | SubscribeError::Invalid(OperationError::NoRoom),
            ) => {}
            Err(SubscribeError::Closed) if self.is_over => {}
            Err(SubscribeError::Refused(reason)) if reason.as_u8() == 0x11 => {} // No such filter.
            Err(error) => panic!("a request: {error:?}"),
        }
    }
}
