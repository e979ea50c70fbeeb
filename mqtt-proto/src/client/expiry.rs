//! Messages that expire (3.3.2.3.3): their time runs while they wait, connected or not.
//!
//! A record of such a message begins with the moment at which it expires; the interval that the
//! server is told is what is left of it. Linked only where a program publishes with properties.

use super::Client;
use super::event::{NotSent, Tell};
use super::message::Message;
use super::outgoing::{flag, state};
use super::timers::{LONGEST, Timer};
use crate::log::Record;
use crate::time::{Instant, seconds};
use crate::wire::{Reader, copy};

/// Bytes before the packet: milliseconds.
pub(super) const PREFIX: usize = 8;

/// Messages expire while they wait.
#[derive(Clone, Copy, Debug)]
pub struct Expiry {
    /// Whether the message expires.
    pub(super) expires: fn(&Message<'_>) -> bool,
    /// Puts the moment at which it does before the packet of its record.
    pub(super) begin: fn(&mut Client<'_>, &Record, &Message<'_>),
    /// Whether that moment has come.
    pub(super) is_over: fn(&Client<'_>, &Record) -> bool,
    /// Ends those whose time has come.
    pub(super) end_expired: fn(&mut Client<'_>, Tell<'_>),
    /// Writes what is left of the interval into the PUBLISH of so many bytes at the end of the outbox.
    pub(super) set_left: fn(&mut Client<'_>, &Record, usize),
}

impl Expiry {
    /// Their time counts.
    pub const COUNTS: Self = Self {
        expires: |message| message.properties.raw(MESSAGE_EXPIRY).is_some(),
        begin: |client, record, message| client.begin_expiry(record, message),
        is_over: |client, record| client.left(record) == 0,
        end_expired: |client, tell| client.end_expired(tell),
        set_left: |client, record, len| {
            let left = client.left(record);
            set_left(client.outbox.last(len), left);
        },
    };
}

const MESSAGE_EXPIRY: u8 = 0x02;

impl Client<'_> {
    /// What is done for the message, if it expires.
    #[inline]
    pub(super) fn expiry_of(&self, message: &Message<'_>) -> Option<&'static Expiry> {
        let counts = self.config.expiry.filter(|_| !message.properties.is_empty());
        counts.filter(|expiry| (expiry.expires)(message))
    }

    /// Whether the message that waits has expired: once sent, a flow ignores it [MQTT-4.3.3-7].
    pub(super) fn has_expired(&self, record: &Record) -> bool {
        let counts = record.has(flag::EXPIRES) && !record.has(flag::BEFORE);
        counts && self.config.expiry.is_some_and(|expiry| (expiry.is_over)(self, record))
    }

    fn begin_expiry(&mut self, record: &Record, message: &Message<'_>) {
        let seconds = message.properties.number(MESSAGE_EXPIRY).unwrap_or(u32::MAX);
        let at = self.now.after(u64::from(seconds).saturating_mul(1000));
        copy(self.outgoing.log.data_mut(record), &at.as_millis().to_le_bytes());
        self.arm_expiry(at);
    }

    /// Looks for expired messages at that moment, or before.
    fn arm_expiry(&mut self, at: Instant) {
        let time = u32::try_from(at.since(self.now)).unwrap_or(LONGEST).clamp(1, LONGEST);
        let now = self.ms();
        let sooner = self.timers.left(Timer::Expiry, now).is_none_or(|left| time < left);
        if sooner {
            self.timers.arm(Timer::Expiry, now, time);
        }
    }

    /// Gives what has expired its fate, and its room to others.
    fn end_expired(&mut self, tell: Tell<'_>) {
        let mut next: Option<Instant> = None;
        let mut at = 0;
        while let Some(record) = self.outgoing.log.next(&mut at) {
            let waits = record.state == state::WAITING && !record.has(flag::BEFORE);
            if !waits || !record.has(flag::EXPIRES) {
                continue;
            }
            let expires = moment(self.outgoing.log.data(&record));
            if expires <= self.now {
                self.end_waiting(&record, NotSent::Expired, tell);
            } else {
                next = Some(next.map_or(expires, |next| next.min(expires)));
            }
        }
        if let Some(next) = next {
            self.arm_expiry(next);
        }
    }

    /// Milliseconds that the message has left; 0 if it has expired.
    fn left(&self, record: &Record) -> u64 {
        moment(self.outgoing.log.data(record)).since(self.now)
    }
}

fn moment(data: &[u8]) -> Instant {
    let bytes = data.first_chunk::<PREFIX>().copied().unwrap_or_default();
    Instant::from_millis(u64::from_le_bytes(bytes))
}

/// The interval has shrunk by the time that the message waited. In the order of writing, the payload
/// format indicator alone can stand before it.
fn set_left(packet: &mut [u8], left: u64) {
    let mut from = Reader::new(packet);
    let qos = from.u8() >> 1 & 3;
    from.varint();
    from.binary();
    if qos != 0 {
        from.u16();
    }
    from.varint();
    if from.rest().first() == Some(&1) {
        from.u16();
    }
    from.u8();
    let at = packet.len().saturating_sub(from.rest().len());
    if let Some(place) = packet.get_mut(at..at.wrapping_add(4)) {
        copy(place, &seconds(left).to_be_bytes());
    }
}
