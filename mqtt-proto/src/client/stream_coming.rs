//! Streams on their way in, as they come from the transport: a window of the payload at a time.

use super::Client;
use super::error::ConnectionError;
use super::event::{Event, Tell};
use super::incoming::{Consumer, flag, state};
use super::receive::flags_of;
use super::ring::Ring;
use super::stream_in::{LATE, LOST, window_at};
use super::timers::Timer;
use crate::log::Record;
use crate::packet::Received;
use crate::wire::PacketId;

/// Bytes that it has at most: more would take the room of others.
const WINDOW: usize = 16 * 1024;

/// What the rest of the client calls, by way of [`StreamsIn`].
impl Client<'_> {
    /// What stands before the payload of a message came, and what there is of it behind. False if
    /// there is no room for it now.
    pub(super) fn begin_payload(
        &mut self,
        received: &Received<'_>,
        rest: &[u8],
        payload: usize,
    ) -> Result<bool, ConnectionError> {
        let grows = self.learn_alias(received, rest)?;
        if self.is_known(received)? {
            return Ok(true);
        }
        if self.incoming.active == Consumer::Callbacks.needs() {
            self.counts.too_large = self.counts.too_large.wrapping_add(1);
            self.acknowledge_unseen(received);
            return Ok(true);
        }
        let head = rest.len().saturating_sub(received.payload.len());
        let fixed = head.wrapping_add(grows).wrapping_add(Ring::LEN);
        let least = fixed.wrapping_add(Ring::SMALLEST.min(payload));
        if let Some(over) = self.make_room(least, 0, received.id.is_some())? {
            return Ok(over);
        }
        let free = self.incoming.log.largest().saturating_sub(self.incoming.log.live());
        let window = payload.min(WINDOW).min(free.saturating_sub(fixed));
        let record = Record {
            len: fixed.wrapping_add(window) as u32, // At most the limit of the log.
            id: received.id.map_or(0, PacketId::get),
            state: state::STREAM,
            flags: flags_of(received) | Consumer::Queue.needs(),
            who: self.incoming.next_serial,
            extra: head.wrapping_add(grows) as u32,
            ..Record::default()
        };
        let Some(record) = self.incoming.log.push(record) else {
            return self.without_room(least, received.id.is_some());
        };
        let len = payload as u32; // Below 2²⁸.
        Ring { len, left: len, ..Ring::default() }.put(self.incoming.log.data_mut(&record));
        let head = rest.get(..head).unwrap_or_default();
        self.put_packet(&record, Ring::LEN, received, head, grows);
        self.link.stream_in = Some(self.incoming.take_serial());
        self.incoming.note_stored(&record);
        self.counts.received = self.counts.received.wrapping_add(1);
        if received.id.is_some() {
            self.note_counted(&record);
        }
        Ok(true)
    }

    /// The message of which more has to come.
    pub(super) fn coming(&self) -> Option<Record> {
        let serial = self.link.stream_in?;
        let is_it = |record: &Record| record.state == state::STREAM && record.who == serial;
        self.incoming.log.search(is_it)
    }

    /// The next bytes of the payload that is coming. Returns how many were used: those for which
    /// there is room, or all, if nobody wants them.
    pub(super) fn push_piece(&mut self, piece: &[u8], tell: Tell<'_>) -> usize {
        let Some(record) = self.coming() else {
            self.link.stream_in = None;
            return piece.len();
        };
        let at = window_at(&record);
        let data = self.incoming.log.data_mut(&record);
        let mut ring = Ring::get(data);
        let window = data.get_mut(at..).unwrap_or_default();
        let used = ring.fill(window, piece);
        let full = ring.unread as usize == window.len();
        ring.put(data);
        if ring.left == 0 {
            self.skip_rest(&record);
        } else if full && !self.timers.is_armed(Timer::StreamIn) {
            self.await_reader();
        }
        if used != 0 && record.has(flag::OPEN) {
            tell(Event::Readable);
        }
        used
    }

    /// Somebody has to read within the response time from now on.
    pub(super) fn await_reader(&mut self) {
        let now = self.ms();
        self.timers.arm(Timer::StreamIn, now, self.config.response_time);
    }

    /// The connection is gone: what was not all there comes again.
    pub(super) fn cut_coming(&mut self, tell: Tell<'_>) {
        let log = &self.incoming.log;
        let record = log.search(|record| {
            let ring = Ring::get(log.data(record));
            record.state == state::STREAM && ring.left != 0 && ring.cut == 0
        });
        if let Some(record) = record {
            self.cut(record, LOST, tell);
        }
    }

    /// The message will not come to its end. Its reader, if it has one, learns why.
    pub(super) fn cut(&mut self, mut record: Record, why: u8, tell: Tell<'_>) {
        if !record.has(flag::OPEN) {
            self.drop_stream(&record);
            return;
        }
        self.skip_rest(&record);
        let data = self.incoming.log.data_mut(&record);
        Ring { cut: why, ..Ring::get(data) }.put(data);
        if record.has(flag::LINK) && record.id != 0 {
            self.link.received = self.link.received.saturating_sub(1);
        }
        self.incoming.orphan(&mut record);
        tell(Event::Readable);
    }

    /// Nobody has read the message on for the response time: nothing waits for it any longer.
    pub(super) fn end_stalled(&mut self, tell: Tell<'_>) -> Result<(), ConnectionError> {
        let Some(record) = self.coming() else { return Ok(()) };
        if self.incoming.active == Consumer::Callbacks.needs() && !record.has(flag::OPEN) {
            self.pass_over(record);
            return Ok(());
        }
        let comes_again = record.has(flag::QOS);
        if !comes_again {
            self.counts.discards = self.counts.discards.wrapping_add(1);
        }
        self.cut(record, LATE, tell);
        if comes_again { Err(ConnectionError::StreamNotTaken) } else { Ok(()) }
    }
}
