//! What was promised and what became of it: the judge of a life.

use std::collections::BTreeMap;

use mqtt_as_proto::client::{ConnectionError, Fate, Tag, Violation};
use mqtt_as_proto::{QoS, ReasonCode};
use mqtt_as_tests::broker::Accepted;
use mqtt_as_tests::pair::{Delivered, Fault, Happening, Invariant};

use super::kinds::kind;

/// All that went in, against all that came out.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    outward: BTreeMap<Message, Outward>,
    tags: BTreeMap<u32, Pending>,
    inward: BTreeMap<Message, Inward>,
    /// The last first arrival of each topic, at the broker and at the client.
    last_out: BTreeMap<String, u64>,
    last_in: BTreeMap<(String, QoS), u64>,
    /// Sessions that the broker began, and the last one that the client was told of.
    pub(crate) births: u32,
    told: u32,
    /// CONNECTs with Clean Start: after one the client's session is over, or may be.
    pub(crate) clean_connects: u32,
    /// Sessions that began without the client knowing, as CONNACK was lost.
    unknown_births: Vec<u32>,
    /// The client ended the connection as it had left messages to the server.
    overrun: bool,
    pub(crate) policy: Policy,
    /// What was met, to see that the lives are full.
    pub(crate) met: BTreeMap<&'static str, u64>,
}

/// What the settings allow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Policy {
    pub(crate) republish: bool,
    pub(crate) republish_exactly_once: bool,
    /// The program does not read on what comes as a stream.
    pub(crate) dawdles: bool,
    /// Identifiers of received QoS 2 messages gave way to others: those may come twice.
    pub(crate) forgets: bool,
    /// Something was wrong on this connection that may end it: no network, a broker that is silent, a
    /// transport that is stuck, a process that slept.
    pub(crate) disturbed: bool,
    /// The broker sends more than it may, and is told so.
    pub(crate) overrun: bool,
    /// What the broker takes: the highest QoS, and bytes of a packet.
    pub(crate) takes: (QoS, Option<u32>),
}

/// A topic and the number of a message in it.
type Message = (String, u64);

#[derive(Debug)]
struct Outward {
    qos: QoS,
    len: usize,
    births: u32,
    /// In which session the broker accepted it, each time.
    accepted: Vec<u32>,
    /// It may no more arrive.
    never: bool,
    /// A session began without its sender knowing, and it may arrive in that, too.
    excused: bool,
    /// It has a Message Expiry Interval.
    expires: bool,
}

#[derive(Debug)]
struct Pending {
    /// None for a request.
    message: Option<Message>,
    births: u32,
    clean_connects: u32,
    given_up: bool,
    /// Nobody hears of its end.
    left: bool,
    outcomes: u32,
}

#[derive(Debug)]
struct Inward {
    qos: QoS,
    len: usize,
    /// The session that it has to reach the client in, if it matched a subscription.
    session: Option<u32>,
    /// It is larger than the client takes.
    too_large: bool,
    streams: bool,
    arrivals: u32,
    /// The program was done with it, and had not acknowledged it: it may come again.
    returns: bool,
}

/// Payloads say who they are and are easy to check.
pub(crate) fn payload(number: u64, len: usize) -> Vec<u8> {
    let mut payload = format!("{number} ").into_bytes();
    payload.resize(len.max(payload.len()), number as u8);
    payload
}

fn number(payload: &[u8]) -> Option<u64> {
    let end = payload.iter().position(|byte| *byte == b' ')?;
    std::str::from_utf8(&payload[..end]).ok()?.parse().ok()
}

fn fault<T>(invariant: Invariant, text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { invariant, text: text.into() })
}

impl Ledger {
    /// The client accepted a message; with a tag if an outcome will follow.
    pub(crate) fn published(
        &mut self,
        topic: &str,
        (number, len): (u64, usize),
        (qos, expires): (QoS, bool),
        tag: Option<Tag>,
    ) {
        let message = (topic.to_owned(), number);
        let births = self.births;
        let outward = Outward {
            qos,
            len,
            births,
            accepted: Vec::new(),
            never: false,
            excused: false,
            expires,
        };
        self.outward.insert(message.clone(), outward);
        if let Some(tag) = tag {
            self.wait_for(tag, Some(message));
        }
    }

    /// The client accepted a request.
    pub(crate) fn requested(&mut self, tag: Tag) {
        self.wait_for(tag, None);
    }

    fn wait_for(&mut self, tag: Tag, message: Option<Message>) {
        let (births, clean_connects) = (self.births, self.clean_connects);
        let pending =
            Pending { message, births, clean_connects, given_up: false, left: false, outcomes: 0 };
        self.tags.insert(tag.0, pending);
    }

    /// The program gave a publish up: its fate may be anything but a lie.
    pub(crate) fn given_up(&mut self, tag: Tag) {
        if let Some(pending) = self.tags.get_mut(&tag.0) {
            pending.given_up = true;
        }
    }

    /// The owner of a stream is gone.
    pub(crate) fn left(&mut self, tag: Tag) {
        self.given_up(tag);
        if let Some(pending) = self.tags.get_mut(&tag.0) {
            pending.left = true;
        }
    }

    /// The broker was given a message for the client.
    pub(crate) fn fed(
        &mut self,
        topic: &str,
        (number, len): (u64, usize),
        qos: QoS,
        matches: bool,
        (too_large, streams): (bool, bool),
    ) {
        let session = matches.then_some(self.births);
        let inward = Inward { qos, len, session, too_large, streams, arrivals: 0, returns: false };
        self.inward.insert((topic.to_owned(), number), inward);
    }

    pub(crate) fn judge(&mut self, happening: &Happening) -> Result<(), Fault> {
        *self.met.entry(kind(happening)).or_default() += 1;
        match happening {
            Happening::SessionBorn => {
                self.births += 1;
                Ok(())
            }
            Happening::Connected { session_present } => {
                if *session_present && self.told != self.births {
                    self.unknown_births.push(self.births);
                }
                self.told = self.births;
                Ok(())
            }
            Happening::Accepted(accepted) => self.accepted(accepted),
            Happening::Delivered(delivered) => self.delivered(delivered),
            Happening::Settled(tag, reason) => {
                if reason.is_error() {
                    return fault(Invariant::Connection, format!("{tag:?} refused: {reason}"));
                }
                self.ended(*tag, None)
            }
            Happening::Ended(tag, fate) => self.ended(*tag, Some(*fate)),
            Happening::Answered(tag, _) => self.ended(*tag, None),
            Happening::Failed(error) => self.failed(error),
            Happening::Disconnected(ReasonCode::KEEP_ALIVE_TIMEOUT) if self.policy.disturbed => {
                Ok(())
            }
            Happening::Disconnected(reason) => {
                fault(Invariant::Connection, format!("the broker disconnects: {reason}"))
            }
            Happening::Refused(reason) => {
                fault(Invariant::Connection, format!("the broker refuses: {reason}"))
            }
            Happening::Finished(delivered) => {
                let number = number(&delivered.payload).unwrap_or_default();
                if let Some(inward) = self.inward.get_mut(&(delivered.topic.clone(), number)) {
                    inward.returns = true;
                }
                Ok(())
            }
            Happening::Restarted => {
                self.restarted();
                Ok(())
            }
            Happening::Lost(lost) => {
                self.policy.disturbed = false;
                if std::mem::take(&mut self.overrun) && lost.shed == 0 {
                    return fault(Invariant::Connection, "an overrun, and nothing was shed");
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Another process goes on: nobody hears of what the last one began. What it was given may come
    /// again.
    fn restarted(&mut self) {
        for pending in self.tags.values_mut() {
            (pending.given_up, pending.left) = (true, true);
        }
        let hides = !self.knows_session();
        for inward in self.inward.values_mut() {
            inward.returns |= inward.arrivals != 0;
            // Identifiers of an old session may have hidden it from the last one.
            inward.session.take_if(|_| hides);
        }
        // What the last one has sent may still be on its way.
        for outward in self.outward.values_mut() {
            outward.excused |= self.unknown_births.iter().any(|birth| *birth > outward.births);
        }
        self.told = self.births;
        self.unknown_births.retain(|birth| *birth != self.births);
    }

    fn failed(&mut self, error: &ConnectionError) -> Result<(), Fault> {
        match error {
            ConnectionError::TimedOut(_) if self.policy.disturbed => Ok(()),
            // Its owner slept, or found the transport stuck.
            ConnectionError::StreamStopped if self.policy.disturbed => Ok(()),
            ConnectionError::Violation(Violation::ReceiveMaximum) if self.policy.overrun => Ok(()),
            // Its reader slept.
            ConnectionError::StreamNotTaken if self.policy.dawdles || self.policy.disturbed => {
                Ok(())
            }
            ConnectionError::Overrun => {
                self.overrun = true;
                Ok(())
            }
            other => fault(Invariant::Connection, format!("the client fails: {other:?}")),
        }
    }

    fn accepted(&mut self, accepted: &Accepted) -> Result<(), Fault> {
        let Some(number) = number(&accepted.payload) else {
            return fault(Invariant::Content, "a message without a number");
        };
        let message = (accepted.topic.clone(), number);
        let text = format!("{} {number}", accepted.topic);
        let Some(outward) = self.outward.get_mut(&message) else {
            return fault(Invariant::Truth, format!("{text}: the broker has it, we refused it"));
        };
        if *accepted.payload != *payload(number, outward.len) || accepted.qos != outward.qos {
            return fault(Invariant::Content, format!("{text} arrives otherwise than sent"));
        }
        if outward.never {
            return fault(Invariant::Truth, format!("{text} was never sent, and arrives"));
        }
        if accepted.topic.starts_with("s/") {
            *self.met.entry("streamed out").or_default() += 1;
        }
        let first = outward.accepted.is_empty();
        let (births, unknown) = (self.births, &self.unknown_births);
        let excused = outward.excused
            || unknown.iter().any(|birth| *birth > outward.births)
            || (self.policy.republish_exactly_once && births > outward.births);
        let here = outward.accepted.contains(&births);
        outward.accepted.push(births);
        if !first {
            *self.met.entry("sent again").or_default() += 1;
        }
        let once = match outward.qos {
            QoS::AtMostOnce => !first,
            QoS::AtLeastOnce => false,
            QoS::ExactlyOnce => here || (!first && !excused),
        };
        if once {
            return fault(Invariant::ExactlyOnce, format!("{text} reaches the broker again"));
        }
        if first {
            in_order(&mut self.last_out, accepted.topic.clone(), number, &text)?;
        }
        Ok(())
    }

    fn delivered(&mut self, delivered: &Delivered) -> Result<(), Fault> {
        let Delivered { topic, payload: bytes, delivery } = delivered;
        let Some(number) = number(bytes) else {
            return fault(Invariant::Content, "a message without a number");
        };
        let text = format!("{topic} {number}");
        let Some(inward) = self.inward.get_mut(&(topic.clone(), number)) else {
            return fault(Invariant::Truth, format!("{text} arrives, and nobody sent it"));
        };
        if *bytes != payload(number, inward.len) || delivery.qos() != inward.qos {
            return fault(Invariant::Content, format!("{text} arrives otherwise than sent"));
        }
        inward.arrivals += 1;
        if inward.streams {
            *self.met.entry("streamed in").or_default() += 1;
        }
        if inward.arrivals > 1 {
            *self.met.entry("delivered again").or_default() += 1;
        }
        if inward.arrivals > 1
            && inward.qos != QoS::AtLeastOnce
            && !inward.returns
            && !self.policy.forgets
        {
            return fault(Invariant::ExactlyOnce, format!("{text} reaches the client again"));
        }
        // Under old identifiers of a session that it knows nothing of, the client joins what it holds.
        if inward.arrivals == 1 && self.unknown_births.is_empty() {
            in_order(&mut self.last_in, (topic.clone(), inward.qos), number, &text)?;
        }
        Ok(())
    }

    /// An operation has its outcome: none for success.
    fn ended(&mut self, tag: Tag, fate: Option<Fate>) -> Result<(), Fault> {
        let Some(pending) = self.tags.get_mut(&tag.0) else {
            return fault(Invariant::OneOutcome, format!("{tag:?} was not accepted, and ends"));
        };
        if fate == Some(Fate::Interrupted) && pending.outcomes == 0 {
            return Ok(()); // Its owner sends it again.
        }
        pending.outcomes += 1;
        if pending.outcomes > 1 {
            return fault(Invariant::OneOutcome, format!("{tag:?} ends twice"));
        }
        let Some(message) = pending.message.clone() else {
            let honest = matches!(fate, None | Some(Fate::Unknown { received: false }));
            return if honest { Ok(()) } else { fault(Invariant::Truth, format!("{fate:?}")) };
        };
        let Some(outward) = self.outward.get_mut(&message) else { return Ok(()) };
        let text = format!("{} {}: {fate:?}", message.0, message.1);
        let arrived = !outward.accepted.is_empty();
        let broken = self.births > pending.births || self.clean_connects > pending.clean_connects;
        let (most, largest) = self.policy.takes;
        let size = outward.len + 100; // With all that is around the payload.
        let forbidden =
            outward.qos > most || largest.is_some_and(|largest| size > largest as usize);
        let honest = match fate {
            None => arrived && outward.qos != QoS::AtMostOnce,
            Some(Fate::Left) => outward.qos == QoS::AtMostOnce,
            Some(Fate::NeverSent(_)) => !arrived,
            Some(Fate::Interrupted | Fate::Acknowledged(_)) => false, // It had ended.
            Some(Fate::Unknown { received }) => {
                (broken || pending.given_up || forbidden) && (arrived || !received)
            }
        };
        let again = match outward.qos {
            QoS::AtMostOnce => true,
            QoS::AtLeastOnce => self.policy.republish,
            QoS::ExactlyOnce => self.policy.republish_exactly_once,
        };
        let reported = matches!(fate, Some(Fate::Unknown { received: false }));
        let excused = outward.expires || pending.given_up || forbidden;
        if !honest || (reported && again && !excused) {
            return fault(Invariant::Truth, format!("{text}, arrived: {arrived}"));
        }
        outward.never = matches!(fate, Some(Fate::NeverSent(_)));
        Ok(())
    }

    /// Operations without an outcome.
    pub(crate) fn open(&self) -> impl Iterator<Item = u32> + '_ {
        self.tags
            .iter()
            .filter(|(_, pending)| pending.outcomes == 0 && !pending.left)
            .map(|(tag, _)| *tag)
    }

    /// Whether the client knows of the server's session. If not, identifiers of an old one, which it
    /// keeps, hide new messages.
    pub(crate) fn knows_session(&self) -> bool {
        !self.unknown_births.contains(&self.births)
    }

    /// All has come to rest: nothing may be missing.
    pub(crate) fn judge_end(&self) -> Result<(), Fault> {
        if let Some(tag) = self.open().next() {
            return fault(Invariant::OneOutcome, format!("tag {tag} has no outcome"));
        }
        let known = self.knows_session();
        for ((topic, number), inward) in &self.inward {
            let due = inward.session == Some(self.births) && known && !inward.too_large;
            if due && inward.qos != QoS::AtMostOnce && inward.arrivals == 0 {
                return fault(Invariant::AtLeastOnce, format!("{topic} {number} did not arrive"));
            }
        }
        Ok(())
    }
}

/// First arrivals ascend.
fn in_order<K: Ord>(
    last: &mut BTreeMap<K, u64>,
    key: K,
    number: u64,
    text: &str,
) -> Result<(), Fault> {
    let before = last.insert(key, number);
    match before {
        Some(before) if before >= number => {
            fault(Invariant::Order, format!("{text} comes after {before}"))
        }
        _ => Ok(()),
    }
}
