//! Messages that expire (3.3.2.3.3): their time runs while they wait, connected or not.
//!
//! A record of such a message begins with the moment at which it expires; the interval that the
//! server is told is what is left of it. Linked only where a program publishes with properties.

use super::Client;
use super::event::{Fate, NotSent, Tell};
use super::message::Message;
use super::outgoing::{flag, state};
use super::timers::{LONGEST, Timer};
use crate::log::Record;
use crate::time::{Instant, seconds};
use crate::wire::{Reader, copy};

/// Bytes before the packet: milliseconds.
pub(super) const PREFIX: usize = 8;

/// Messages expire while they wait.
#[derive(Clone, Copy)]
pub struct Expiry {
    /// When a message expires.
    at: fn(&Client<'_>, &Message<'_>) -> Option<Instant>,
    /// Looks for expired messages at that moment, or before.
    arm: fn(&mut Client<'_>, Instant),
    /// Ends those whose time has come.
    pub(super) end_expired: fn(&mut Client<'_>, Tell<'_>),
    /// Writes what is left of the interval into a PUBLISH.
    pub(super) set_left: fn(packet: &mut [u8], left: u64),
}

impl Expiry {
    /// Their time counts.
    pub const COUNTS: Self = Self {
        at: |client, message| client.expires_at(message),
        arm: |client, at| client.arm_expiry(at),
        end_expired: |client, tell| client.end_expired(tell),
        set_left,
    };
}

impl core::fmt::Debug for Expiry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Expiry")
    }
}

impl Client<'_> {
    /// When the message expires, if it does.
    #[inline]
    pub(super) fn expires(&self, message: &Message<'_>) -> Option<Instant> {
        let counts = self.config.expiry.filter(|_| !message.properties.is_empty());
        counts.and_then(|expiry| (expiry.at)(self, message))
    }

    /// A message was accepted that expires then.
    pub(super) fn watch_expiry(&mut self, at: Instant) {
        if let Some(expiry) = self.config.expiry {
            (expiry.arm)(self, at);
        }
    }

    fn expires_at(&self, message: &Message<'_>) -> Option<Instant> {
        let seconds = message.properties.number(0x02)?;
        Some(self.now.after(u64::from(seconds).saturating_mul(1000)))
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
                continue; // Once sent, a flow ignores it [MQTT-4.3.3-7].
            }
            let expires = moment(self.outgoing.log.data(&record));
            if expires <= self.now {
                self.free_place(&record);
                self.outgoing.end(&record, Fate::NeverSent(NotSent::Expired), tell);
            } else {
                next = Some(next.map_or(expires, |next| next.min(expires)));
            }
        }
        if let Some(next) = next {
            self.arm_expiry(next);
        }
    }

    /// Milliseconds that the message has left; 0 if it has expired.
    pub(super) fn left(&self, record: &Record) -> u64 {
        moment(self.outgoing.log.data(record)).since(self.now)
    }
}

/// Puts the moment before the packet.
pub(super) fn put(place: &mut [u8], at: Instant) {
    copy(place, &at.as_millis().to_le_bytes());
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
