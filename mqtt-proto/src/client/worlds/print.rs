//! A print of a world: two worlds with the same print go on alike.
//!
//! Of the client it takes all that decides what it does, and not where records lie, nor the moment
//! as such. What is left out here makes the search see less, never wrongly more.

use core::fmt::{self, Write};
use core::hash::{Hash, Hasher};
use std::format;
use std::hash::DefaultHasher;
use std::string::String;

use super::world::World;
use crate::client::Client;
use crate::client::incoming;
use crate::client::link::Link;
use crate::client::outgoing::{flag, state};
use crate::client::timers::TIMERS;
use crate::log::Log;

impl World<'_> {
    /// 128 bits: of millions of worlds no two that differ have the same.
    pub(super) fn print(&self) -> u128 {
        let (mut low, mut high) = (DefaultHasher::new(), DefaultHasher::new());
        1_u8.hash(&mut high);
        let mut into = Both(&mut low, &mut high);
        self.hash_around(&mut into);
        self.client.hash_state(&mut into);
        for (token, number) in &self.held {
            let serial = self.client.incoming.next_serial.wrapping_sub(token.serial);
            (token.id, serial, number).hash(&mut into);
        }
        u128::from(high.finish()) << 64 | u128::from(low.finish())
    }
}

struct Both<'h>(&'h mut DefaultHasher, &'h mut DefaultHasher);

impl Hasher for Both<'_> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// Hashes what is shown.
struct Shown<'h, H>(&'h mut H);

impl<H: Hasher> Write for Shown<'_, H> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Client<'_> {
    fn hash_state(&self, into: &mut impl Hasher) {
        (self.exists, self.begun, self.counts.forgotten).hash(into);
        let _ = write!(Shown(into), "{:?}{:?}", self.cleared, self.poison);
        self.hash_link(into);
        for timer in TIMERS {
            (self.timers.is_armed(timer), self.timers.left(timer, self.ms())).hash(into);
        }
        self.hash_outgoing(into);
        self.hash_incoming(into);
    }

    fn hash_link(&self, into: &mut impl Hasher) {
        let (link, now) = (&self.link, self.ms());
        let open = link.enqueued.wrapping_sub(link.written);
        (link.phase as u8, link.clean_start, link.accepted, link.outstanding).hash(into);
        (link.received, link.has_written, open).hash(into);
        (link.session_ends, link.shed, link.acknowledges).hash(into);
        (link.is_full, link.is_paused).hash(into);
        (link.progress, link.progress_since, link.missed, link.end.is_some()).hash(into);
        let goodbye = link.goodbye.map(|goodbye| (goodbye.reason.as_u8(), goodbye.flush));
        (goodbye, link.unwritten_qos0).hash(into);
        let _ = write!(Shown(into), "{:?}", link.ping);
        for moment in [link.last_sent, link.last_write, link.last_received] {
            now.wrapping_sub(moment).hash(into);
        }
    }

    fn hash_outgoing(&self, into: &mut impl Hasher) {
        let outgoing = &self.outgoing;
        let (requests, releases) = (outgoing.requests, outgoing.releases);
        (outgoing.last_id, outgoing.retired, requests, releases).hash(into);
        let mut at = 0;
        while let Some(record) = outgoing.log.next(&mut at) {
            (record.id, record.state, record.flags, record.who).hash(into);
            outgoing.log.data(&record).hash(into);
            let extra = match record.state {
                state::SENT => left_to_write(&self.link, record.extra),
                _ => record.extra,
            };
            extra.hash(into);
        }
        hash_cursors(&outgoing.log, into);
    }

    fn hash_incoming(&self, into: &mut impl Hasher) {
        let incoming = &self.incoming;
        (incoming.active, incoming.is_awaited, incoming.held).hash(into);
        incoming.keeps_ready.hash(into);
        let mut at = 0;
        while let Some(record) = incoming.log.next(&mut at) {
            (record.id, record.state, record.flags, record.extra).hash(into);
            (record.at < self.link.last_at).hash(into);
            incoming.next_serial.wrapping_sub(record.who).hash(into);
            if record.state == incoming::state::HELD {
                incoming.log.data(&record).hash(into);
            }
        }
        hash_cursors(&incoming.log, into);
    }

    /// Whether all that is counted is what is there.
    pub(super) fn judge_counts(&self) -> Result<(), String> {
        let (mut counted, mut retired, mut releases, mut requests) = (0, 0, 0, 0);
        let mut at = 0;
        while let Some(record) = self.outgoing.log.next(&mut at) {
            counted += u16::from(record.has(flag::COUNTED));
            retired += u32::from(record.has(flag::RETIRED));
            releases += u16::from(record.state == state::RELEASE);
            let is_request = matches!(record.state, state::SUBSCRIBE | state::UNSUBSCRIBE);
            requests += u16::from(is_request);
        }
        if !self.is_connected() {
            (counted, releases) = (self.link.outstanding, self.outgoing.releases);
        }
        let outgoing = &self.outgoing;
        let is = (self.link.outstanding, outgoing.retired, outgoing.releases, outgoing.requests);
        let should = (counted, retired, releases, requests);
        if is != should {
            return Err(format!("counted {is:?}, there are {should:?}"));
        }
        let (mut held, mut received) = (0, 0);
        let mut at = 0;
        while let Some(record) = self.incoming.log.next(&mut at) {
            let states = [incoming::state::HELD, incoming::state::ACKNOWLEDGED];
            held += u32::from(states.contains(&record.state));
            received += u16::from(record.has(incoming::flag::LINK));
        }
        let is = (self.incoming.held, self.link.received);
        if is != (held, received) {
            return Err(format!("held and received: {is:?}, there are {held} and {received}"));
        }
        Ok(())
    }
}

/// How many bytes before that position the transport has not taken; 0 if it has taken that one.
fn left_to_write(link: &Link, position: u32) -> u32 {
    if link.is_written(position) { 0 } else { position.wrapping_sub(link.written) + 1 }
}

/// Where the cursors stand among the records.
fn hash_cursors(log: &Log<'_>, into: &mut impl Hasher) {
    for cursor in 0..4 {
        let (position, mut before, mut at) = (log.cursor(cursor), 0, 0);
        while log.next(&mut at).is_some_and(|record| record.at < position) {
            before += 1;
        }
        (before as u32).hash(into);
    }
}
