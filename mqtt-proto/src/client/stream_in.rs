//! Streams on their way in: messages larger than we take at once, piece by piece.
//!
//! Such a message is a record like any other, from its header on. Behind its header lies a window:
//! a ring of the bytes that came and were not read. While the window is full nothing is read from
//! the transport, so whoever takes such a message up has to read on.

use super::Client;
use super::error::ConnectionError;
use super::event::Tell;
use super::incoming::{Consumer, Incoming, flag, state};
use super::ring::Ring;
use super::stored::AckToken;
use super::timers::Timer;
use crate::log::{Log, Record};
use crate::packet::Received;
use crate::reason::ReasonCode;
use crate::wire::copy;

/// Messages that are taken piece by piece.
#[derive(Clone, Copy, Debug)]
pub struct StreamsIn {
    largest: u32,
    pub(super) hook: &'static Hook,
}

/// What is done with them: linked where there are any.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) begin:
        fn(&mut Client<'_>, &Received<'_>, &[u8], usize) -> Result<bool, ConnectionError>,
    pub(super) push_piece: fn(&mut Client<'_>, &[u8], Tell<'_>) -> usize,
    pub(super) end_connection: fn(&mut Client<'_>, Tell<'_>),
    pub(super) end_stalled: fn(&mut Client<'_>, Tell<'_>) -> Result<(), ConnectionError>,
    is_open: fn(&Client<'_>) -> bool,
}

impl StreamsIn {
    /// Those whose packet takes at most so many bytes.
    #[must_use]
    pub const fn up_to(largest: u32) -> Self {
        const HOOK: Hook = Hook {
            begin: |client, received, rest, payload| client.begin_payload(received, rest, payload),
            push_piece: |client, piece, tell| client.push_piece(piece, tell),
            end_connection: |client, tell| client.cut_coming(tell),
            end_stalled: |client, tell| client.end_stalled(tell),
            is_open: |client| client.coming().is_some_and(|record| record.has(flag::OPEN)),
        };
        Self { largest, hook: &HOOK }
    }

    pub(super) const fn largest(self) -> u32 {
        self.largest
    }
}

/// Names a message that is read as a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamKey {
    serial: u32,
}

/// What a look into a stream found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// So many bytes were read; 0 at the end.
    Bytes(usize),
    /// More has to come.
    Wait,
    /// The connection was lost: the message comes again.
    Lost,
    /// It was not read in time: the message comes again.
    Late,
}

/// Reasons why a stream cannot be read on.
pub(super) const LOST: u8 = 1;
pub(super) const LATE: u8 = 2;

/// The window of a stream's record.
fn window<'l>(log: &'l Log<'_>, record: &Record) -> &'l [u8] {
    log.data(record).get(window_at(record)..).unwrap_or_default()
}

pub(super) fn window_at(record: &Record) -> usize {
    (record.extra as usize).wrapping_add(Ring::LEN)
}

/// For readers.
impl Client<'_> {
    /// A reader takes up the first message of the queue, which comes as a stream or is there whole:
    /// no other consumer gets it any more.
    pub fn begin_stream(&mut self) -> Option<StreamKey> {
        let mut record = self.incoming.next(Consumer::Queue)?;
        if record.state != state::STREAM && !record.has(flag::QOS) {
            record.who = self.incoming.take_serial();
        }
        self.incoming.log.set_cursor(Consumer::Queue.cursor(), record.end());
        record.set_flag(Consumer::Queue.needs(), false);
        record.set_flag(Consumer::Queue.open(), true);
        self.incoming.log.set(&record);
        Some(StreamKey { serial: record.who })
    }

    /// Reads on in a message that was taken up, of whose payload `at` bytes have been read.
    pub fn read_stream(&mut self, key: StreamKey, at: usize, buffer: &mut [u8]) -> Look {
        let Some(record) = self.read_record(key) else { return Look::Lost };
        if record.state != state::STREAM {
            return Look::Bytes(self.read_whole(&record, at, buffer));
        }
        let mut ring = Ring::get(self.incoming.log.data(&record));
        match ring.cut {
            0 => {}
            LATE => return Look::Late,
            _ => return Look::Lost,
        }
        if ring.unread == 0 {
            return if ring.left == 0 { Look::Bytes(0) } else { Look::Wait };
        }
        let taken = ring.drain(window(&self.incoming.log, &record), buffer);
        ring.put(self.incoming.log.data_mut(&record));
        if taken != 0 {
            self.timers.stop(Timer::StreamIn);
            self.link.is_full = false;
        }
        Look::Bytes(taken)
    }

    fn read_whole(&self, record: &Record, at: usize, buffer: &mut [u8]) -> usize {
        let shared = self.incoming.log.shared(record);
        let packet = shared.map_or(self.incoming.log.data(record), |shared| shared.as_slice());
        let rest = packet.get((record.extra as usize).wrapping_add(at)..).unwrap_or_default();
        copy(buffer, rest);
        buffer.len().min(rest.len())
    }

    /// The duty to acknowledge a message that was taken up, which QoS 0 has not.
    #[must_use]
    pub fn stream_token(&self, key: StreamKey) -> Option<AckToken> {
        Incoming::token(&self.read_record(key)?)
    }

    /// The reader has dealt with the message that it took up, as by [`finish`](Self::finish). What
    /// has still to come of it is skipped.
    pub fn finish_stream(&mut self, key: StreamKey) {
        let Some(mut record) = self.read_record(key) else { return };
        record.set_flag(Consumer::Queue.open(), false);
        record.set_flag(flag::HAD, true);
        self.finish_if_last(&record);
    }

    /// The reader goes away, and has not dealt with the message that it took up; `begun` if it has
    /// read any of it. A message that can still be read from its start stays at the front of the
    /// queue. Of another one a part is gone: it has to come again, so the connection ends, as
    /// [`handle_timeout`](Self::handle_timeout) tells also; at QoS 0 it is lost, and counted.
    pub fn leave_stream_in(&mut self, key: StreamKey, begun: bool) -> Option<ConnectionError> {
        let record = self.read_record(key)?;
        if record.state != state::STREAM {
            self.put_back(record);
            return None;
        }
        if Ring::get(self.incoming.log.data(&record)).cut != 0 {
            self.drop_stream(&record);
            return None;
        }
        if !begun {
            self.put_back(record);
            return None;
        }
        let error = self.refuse(record)?;
        if self.is_connected() {
            self.end_soon(error);
        }
        Some(error)
    }

    /// Whether a reader has a message that is not all there: what is awaited of the server may lie
    /// behind it.
    #[must_use]
    #[inline]
    pub fn is_stream_open(&self) -> bool {
        self.config.streams_in.is_some_and(|streams| (streams.hook.is_open)(self))
    }

    /// Messages at the front of the queue that come as streams are passed over: whoever asks takes
    /// whole ones. They are acknowledged, and counted in `too_large`.
    pub fn pass_streams(&mut self) {
        while let Some(record) = self.incoming.next(Consumer::Queue)
            && record.state == state::STREAM
        {
            self.pass_over(record);
        }
    }

    /// The message that a reader has taken up.
    fn read_record(&self, key: StreamKey) -> Option<Record> {
        let is_it =
            |record: &Record| record.who == key.serial && record.has(Consumer::Queue.open());
        self.incoming.log.search(is_it)
    }

    fn put_back(&mut self, mut record: Record) {
        record.set_flag(Consumer::Queue.open(), false);
        record.set_flag(Consumer::Queue.needs(), true);
        self.incoming.log.set(&record);
        self.incoming.go_back_to(&record);
    }

    /// A message of which a part is gone. Returns why the connection has to end, if it comes again
    /// for that.
    fn refuse(&mut self, record: Record) -> Option<ConnectionError> {
        let comes_again = record.id != 0;
        let on_link = record.has(flag::LINK);
        if !comes_again {
            self.counts.discards = self.counts.discards.wrapping_add(1);
            self.drop_stream(&record);
            return None;
        }
        self.leave_behind(&record);
        if on_link {
            self.leave_unacknowledged(record);
        } else {
            self.drop_stream(&record);
        }
        on_link.then_some(ConnectionError::StreamNotTaken)
    }

    /// What lies behind a message that comes again, and nobody has begun with, does so too: so that
    /// they come in order.
    fn leave_behind(&mut self, record: &Record) {
        let mut at = record.end();
        while let Some(behind) = self.incoming.log.at(at) {
            at = behind.end();
            let held = matches!(behind.state, state::HELD | state::STREAM);
            if behind.id == 0 || !held || behind.has(flag::HAD | flag::OPEN) {
                continue;
            }
            if behind.has(flag::LINK) {
                self.leave_unacknowledged(behind);
            } else {
                self.drop_stream(&behind);
            }
        }
    }

    /// Its acknowledgement does not leave, and those behind it do not either; so its record stays
    /// until the connection ends. No token names it any more.
    fn leave_unacknowledged(&mut self, mut record: Record) {
        self.skip_rest(&record);
        self.incoming.held = self.incoming.held.saturating_sub(1);
        record.set_flag(flag::NEEDS | flag::OPEN, false);
        record.state = state::FINISHED;
        record.who = self.incoming.take_serial();
        self.incoming.log.drop_data(&mut record);
    }

    pub(super) fn drop_stream(&mut self, record: &Record) {
        self.skip_rest(record);
        self.incoming.held = self.incoming.held.saturating_sub(1);
        self.remove_incoming(record);
        self.note_room();
    }
}

/// What the rest of the client knows of streams.
impl Client<'_> {
    /// The packet of a record, or of a stream its header and the length of its payload.
    #[inline]
    pub(super) fn stored_packet(&self, record: &Record) -> (&[u8], Option<usize>) {
        let data = self.incoming.log.data(record);
        if record.state != state::STREAM {
            return (data, None);
        }
        let header = data.get(Ring::LEN..window_at(record)).unwrap_or_default();
        (header, Some(Ring::get(data).len as usize))
    }

    /// What has still to come of that message is not kept.
    pub(super) fn skip_rest(&mut self, record: &Record) {
        if self.link.stream_in == Some(record.who) && record.state == state::STREAM {
            self.link.stream_in = None;
            self.timers.stop(Timer::StreamIn);
            self.link.is_full = false; // What is left of it needs no room.
        }
    }

    /// A message was taken: whoever has to read on has time anew.
    pub(super) fn await_reader_anew(&mut self) {
        if self.timers.is_armed(Timer::StreamIn) {
            self.await_reader();
        }
    }

    /// Nobody who is there takes that stream: it is acknowledged unread.
    pub(super) fn pass_over(&mut self, mut record: Record) {
        self.counts.too_large = self.counts.too_large.wrapping_add(1);
        self.skip_rest(&record);
        record.set_flag(flag::NEEDS, false);
        self.finish_with(record, ReasonCode::SUCCESS);
    }
}

#[cfg(test)]
#[path = "stream_in/tests.rs"]
mod tests;
