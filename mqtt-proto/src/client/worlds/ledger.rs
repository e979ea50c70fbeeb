//! What was promised and what became of it.

use std::format;
use std::string::String;
use std::vec::Vec;

use crate::client::event::Fate;
use crate::packet::QoS;

#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Ledger {
    /// What the program published, by number.
    pub(super) out: Vec<Sent>,
    /// Requests: how often each came to an end.
    pub(super) requests: Vec<u8>,
    /// What was sent to the program, by number.
    pub(super) inward: Vec<Coming>,
    /// The server's sessions so far that the client knows of.
    told: u8,
    /// A session began without the client knowing: CONNACK was lost, and its identifiers are taken
    /// for those of the old one. Nothing in the standards helps.
    pub(super) is_unknown: bool,
    /// A session of the server's was not known: it may remember more than is to come.
    pub(super) is_adopted: bool,
    /// CONNECTs with Clean Start.
    pub(super) cleans: u8,
    /// Set where a new session may bring a message again.
    republish: [bool; 2],
}

#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Sent {
    pub(super) qos: QoS,
    /// The server's sessions, and clean starts, when it was published.
    births: u8,
    cleans: u8,
    pub(super) given_up: bool,
    accepted: u8,
    fate: Option<Told>,
}

/// What the program was told, in what can be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Told {
    Acknowledged,
    Left,
    NeverSent,
    Unknown { received: bool },
}

#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Coming {
    qos: QoS,
    /// The session that it has to come in, and the clean starts until then.
    birth: u8,
    cleans: u8,
    arrivals: u8,
    /// The program has it, and has not acknowledged it: it may come again.
    returns: bool,
    acknowledged: bool,
}

impl Ledger {
    pub(super) fn new(republish: [bool; 2]) -> Self {
        Self { republish, ..Self::default() }
    }

    pub(super) fn published(&mut self, qos: QoS, births: u8) {
        let cleans = self.cleans;
        self.out.push(Sent { qos, births, cleans, given_up: false, accepted: 0, fate: None });
    }

    /// Whether the fate of a message is still to come.
    pub(super) fn is_open(&self, number: u8) -> bool {
        self.out.get(usize::from(number)).is_some_and(|sent| sent.fate.is_none())
    }

    /// The client may not know what became of what was sent before.
    fn is_broken(&self, sent: &Sent, births: u8) -> bool {
        births > sent.births.max(1) || self.cleans > sent.cleans
    }

    pub(super) fn accepted(&mut self, number: u8, qos: QoS, births: u8) -> Result<(), String> {
        let sent = self.out.get(usize::from(number)).copied();
        let mut sent = sent.ok_or_else(|| format!("nobody published {number}"))?;
        sent.accepted += 1;
        if sent.qos != qos {
            return Err(format!("message {number} arrives at {qos:?}"));
        }
        if sent.fate == Some(Told::NeverSent) {
            return Err(format!("message {number} was never sent, and arrives"));
        }
        let excused = self.is_unknown || (self.republish[1] && self.is_broken(&sent, births));
        if qos == QoS::ExactlyOnce && sent.accepted > 1 && !excused {
            return Err(format!("QoS 2 message {number} arrives twice"));
        }
        self.out[usize::from(number)] = sent;
        Ok(())
    }

    pub(super) fn ended(&mut self, number: u8, fate: Fate, births: u8) -> Result<(), String> {
        let sent = self.out[usize::from(number)];
        if sent.fate.is_some() {
            return Err(format!("message {number} ends twice: {fate:?}, {sent:?}"));
        }
        let (told, is_true) = match fate {
            Fate::Acknowledged(reason) => {
                let acknowledged = !reason.is_error() && sent.qos != QoS::AtMostOnce;
                (Told::Acknowledged, acknowledged && sent.accepted != 0)
            }
            Fate::Left => (Told::Left, sent.qos == QoS::AtMostOnce),
            Fate::NeverSent(_) => (Told::NeverSent, sent.accepted == 0 && sent.given_up),
            Fate::Unknown { received } => {
                let again = match sent.qos {
                    QoS::ExactlyOnce => self.republish[1],
                    _ => self.republish[0],
                };
                let why = sent.given_up || self.is_broken(&sent, births);
                let reported = received || sent.given_up || !again;
                let is_true = why && reported && (sent.accepted != 0 || !received);
                (Told::Unknown { received }, is_true)
            }
            Fate::Interrupted => return Err(format!("message {number} is no stream")),
        };
        self.out[usize::from(number)].fate = Some(told);
        if is_true { Ok(()) } else { Err(format!("message {number}: {fate:?} is a lie: {sent:?}")) }
    }

    /// The server was given a message for the client.
    pub(super) fn fed(&mut self, qos: QoS, birth: u8) {
        let cleans = self.cleans;
        let (arrivals, returns, acknowledged) = (0, false, false);
        self.inward.push(Coming { qos, birth, cleans, arrivals, returns, acknowledged });
    }

    pub(super) fn delivered(
        &mut self,
        number: u8,
        by_hand: bool,
        forgets: bool,
    ) -> Result<(), String> {
        let coming = self.inward.get(usize::from(number)).copied();
        let mut coming = coming.ok_or_else(|| format!("nobody sent {number}"))?;
        coming.arrivals += 1;
        let twice = coming.qos == QoS::ExactlyOnce && coming.arrivals > 1;
        let excused = coming.returns || forgets || self.is_unknown || self.cleans > coming.cleans;
        if twice && !excused {
            return Err(format!("QoS 2 message {number} is delivered twice"));
        }
        coming.returns |= by_hand;
        self.inward[usize::from(number)] = coming;
        Ok(())
    }

    /// The program has acknowledged a message, in time for that to count or not.
    pub(super) fn acknowledged(&mut self, number: u8, counts: bool) {
        let coming = &mut self.inward[usize::from(number)];
        coming.acknowledged = true;
        coming.returns &= !counts;
    }

    /// The server hears an acknowledgement of that message.
    pub(super) fn acknowledgement(&self, number: u8) -> Result<(), String> {
        let known = self.inward.get(usize::from(number));
        if self.is_unknown || known.is_some_and(|coming| coming.acknowledged) {
            return Ok(());
        }
        Err(format!("message {number} is acknowledged, and was not taken"))
    }

    pub(super) fn connected(&mut self, births: u8, present: bool, adopted: bool) {
        self.is_unknown |= present && !adopted && self.told != births;
        self.is_adopted |= adopted;
        self.told = births;
    }

    /// All has come to rest: nothing may be missing.
    pub(super) fn judge_end(&self, births: u8) -> Result<(), String> {
        for (number, sent) in self.out.iter().enumerate() {
            if sent.fate.is_none() {
                return Err(format!("message {number} has no fate: {sent:?}"));
            }
            let whole = !sent.given_up && !self.is_broken(sent, births);
            if whole && sent.qos != QoS::AtMostOnce && sent.accepted == 0 {
                return Err(format!("message {number} is lost: {sent:?}"));
            }
        }
        for (number, coming) in self.inward.iter().enumerate() {
            let due = coming.birth == births && !self.is_unknown;
            if due && coming.qos != QoS::AtMostOnce && coming.arrivals == 0 {
                return Err(format!("message {number} did not come: {coming:?}"));
            }
        }
        match self.requests.iter().position(|ends| *ends != 1) {
            Some(request) => Err(format!("request {request} has not one end")),
            None => Ok(()),
        }
    }
}
