//! Messages in the queue that are read piece by piece: larger ones while they come, through a window
//! in their place; and whole ones, out of their place.

use mqtt_as_proto::client::Received;
use mqtt_as_proto::frame::{FixedHeader, Frame};
use mqtt_as_proto::packet::Publish;
use mqtt_as_proto::{AckToken, Version};

#[cfg(feature = "alloc")]
use crate::frames::is_aliased;
use crate::inbox::{Consumer, Entry, Inbox, READING};
use crate::place::Place;
use crate::queue::TooSmall;

/// What is known of a message that comes piece by piece. Its place holds its header, and behind it
/// the window: a ring of the bytes that came and were not read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streamed {
    /// Bytes of the header.
    head: u32,
    /// Bytes of the payload, and how many of them have to come.
    len: u32,
    left: u32,
    /// Where in the window the unread bytes begin, and how many they are.
    at: u32,
    unread: u32,
    /// Why it cannot be read on.
    cut: Option<Cut>,
}

/// Why a message cannot be read to its end.
// 1 and 0 are left for `None` around it, and around what holds it: an entry that nothing was put
// into is all zero, and a static array of them takes no flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cut {
    /// The connection was lost.
    Lost = 2,
    /// It was not read in time.
    Late = 3,
}

/// What a look into a message found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Bytes(usize),
    /// More has to come.
    Wait,
    Cut(Cut),
}

/// The header of a message, copied into a buffer of the program's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) index: Place,
    /// Bytes of the header, and of the payload.
    pub(crate) len: usize,
    pub(crate) payload: usize,
    pub(crate) token: Option<AckToken>,
    pub(crate) version: Version,
}

/// Bytes of a window on the heap.
#[cfg(feature = "alloc")]
const WINDOW: usize = 16 * 1024;

impl Streamed {
    /// Bytes of the whole packet.
    pub(crate) fn packet_len(&self) -> usize {
        self.head as usize + self.len as usize
    }
}

impl Entry {
    /// Callbacks take whole messages only.
    pub(crate) fn may_be_for(&self, consumer: Consumer) -> bool {
        self.stream.is_none() || consumer == Consumer::Queue
    }
}

impl Inbox {
    /// Whether nobody but callbacks takes messages.
    pub(crate) fn has_callbacks_only(&self) -> bool {
        self.active == Consumer::Callbacks as u8
    }

    /// Adds a message whose header lies in `head`, and whose payload of `len` bytes follows. False
    /// if there is no place for it.
    pub(crate) fn push_stream(
        &mut self,
        received: &Received<'_>,
        head: &[u8],
        len: usize,
        version: Version,
    ) -> bool {
        let qos0 = received.token.is_none();
        let size = self.place_len(head.len(), len);
        if self.has_callbacks_only() || !self.make_room(qos0, size) {
            return false;
        }
        let Some(index) = self.take_entry() else { return false };
        let head = self.put_head(index, received, head, len, version);
        let size = self.place_len(head, len); // A topic may have come into it.
        let Some(entry) = self.entries.get_mut(index.at()) else { return false };
        let (head, len) = (head as u32, len as u32); // At most 268,435,455.
        entry.stream = Some(Streamed { head, len, left: len, at: 0, unread: 0, cut: None });
        entry.len = size as u32;
        entry.both = false;
        entry.token = received.token;
        entry.needs = Consumer::Queue as u8;
        entry.qos0 = qos0;
        if qos0 {
            self.qos0_bytes += size;
        }
        self.streaming = Some(index).filter(|_| len != 0);
        self.link(index, Consumer::Queue as u8);
        true
    }

    /// Bytes of the place of such a message.
    #[cfg_attr(not(feature = "alloc"), allow(unused_variables))]
    fn place_len(&self, head: usize, payload: usize) -> usize {
        #[cfg(feature = "alloc")]
        if self.bytes.limit() == 0 {
            return head + payload.min(WINDOW);
        }
        self.stride
    }

    /// Keeps the header; an alias is replaced by the topic. Gives its length.
    fn put_head(
        &mut self,
        index: Place,
        received: &Received<'_>,
        head: &[u8],
        len: usize,
        version: Version,
    ) -> usize {
        #[cfg(feature = "alloc")]
        if self.bytes.limit() == 0 {
            let Some(entry) = self.entries.get_mut(index.at()) else { return 0 };
            entry.place.clear();
            if is_aliased(head, received) {
                let _ = received.publish.encode_head(version, len, &mut entry.place);
            } else {
                entry.place.extend_from_slice(head);
            }
            let head = entry.place.len();
            entry.place.resize(head + len.min(WINDOW), 0);
            return head;
        }
        // With lent memory there are no aliases.
        let _ = (received, len, version);
        let place = self.place_mut(index).get_mut(..head.len()).unwrap_or_default();
        copy(place, head);
        head.len()
    }

    fn place_mut(&mut self, index: Place) -> &mut [u8] {
        #[cfg(feature = "alloc")]
        if self.bytes.limit() == 0 {
            let entry = self.entries.get_mut(index.at());
            return entry.map(|entry| &mut entry.place[..]).unwrap_or_default();
        }
        let at = index.at() * self.stride;
        self.bytes.as_mut_slice().get_mut(at..at + self.stride).unwrap_or_default()
    }

    fn place<'i>(&'i self, index: Place, entry: &'i Entry) -> &'i [u8] {
        let _ = entry; // Without a heap places are not its own.
        #[cfg(feature = "alloc")]
        if self.bytes.limit() == 0 {
            return &entry.place;
        }
        let at = index.at() * self.stride;
        self.bytes.as_slice().get(at..at + self.stride).unwrap_or_default()
    }

    /// Bytes of the window that are free, of the message that is coming.
    fn window_room(&self) -> Option<usize> {
        let entry = self.entries.get(self.streaming?.at())?;
        let stream = entry.stream?;
        Some(entry.len as usize - stream.head as usize - stream.unread as usize)
    }

    /// Whether the payload that is coming has to wait for its reader.
    pub(crate) fn is_window_full(&self) -> bool {
        self.window_room() == Some(0)
    }

    /// What fits of the input into the window.
    pub(crate) fn fitting<'b>(&self, input: &'b [u8]) -> &'b [u8] {
        let room = self.window_room().unwrap_or(input.len());
        input.get(..room).unwrap_or(input)
    }

    /// The next bytes of the payload that is coming: there is room for them.
    pub(crate) fn push_piece(&mut self, piece: &[u8]) {
        let Some(index) = self.streaming else { return };
        let entry = self.entries.get(index.at());
        let Some(stream) = entry.and_then(|entry| entry.stream) else { return };
        let (head, end) = (stream.head as usize, entry.map_or(0, |entry| entry.len as usize));
        let window = self.place_mut(index).get_mut(head..end).unwrap_or_default();
        let size = window.len();
        let at = wrapped(stream.at as usize + stream.unread as usize, size);
        let first = piece.len().min(size.saturating_sub(at));
        copy(window.get_mut(at..).unwrap_or_default(), piece.get(..first).unwrap_or_default());
        copy(window, piece.get(first..).unwrap_or_default());
        let entry = self.entries.get_mut(index.at());
        let Some(stream) = entry.and_then(|entry| entry.stream.as_mut()) else { return };
        let len = piece.len() as u32;
        stream.unread += len;
        stream.left -= len.min(stream.left);
        if stream.left == 0 {
            self.streaming = None;
        }
    }

    /// The header of a message, copied into a buffer.
    pub(crate) fn head(
        &self,
        index: Place,
        buffer: &mut [u8],
        version: Version,
    ) -> Result<Head, TooSmall> {
        let none = Head { index, len: 0, payload: 0, token: None, version };
        let Some(entry) = self.entries.get(index.at()) else { return Ok(none) };
        let (head, payload) = match entry.stream {
            Some(stream) => {
                let place = self.place(index, entry);
                (place.get(..stream.head as usize).unwrap_or_default(), stream.len as usize)
            }
            None => {
                let frame = self.whole(index, entry);
                let publish = decode_head(frame, version);
                let payload = publish.map_or(0, |publish| publish.payload.len());
                (frame.get(..frame.len() - payload).unwrap_or_default(), payload)
            }
        };
        let (needed, given) = (head.len(), buffer.len());
        let place = buffer.get_mut(..needed).ok_or(TooSmall { needed, given })?;
        copy(place, head);
        Ok(Head { len: needed, payload, token: entry.token, ..none })
    }

    fn whole<'i>(&'i self, index: Place, entry: &'i Entry) -> &'i [u8] {
        #[cfg(feature = "alloc")]
        if self.bytes.limit() == 0 {
            return &entry.frame;
        }
        self.lent(index, entry)
    }

    /// A reader takes the message up: no other consumer finds it.
    pub(crate) fn hold(&mut self, index: Place) {
        self.advance(index, Consumer::Queue);
        if let Some(entry) = self.entries.get_mut(index.at()) {
            entry.needs = entry.needs & !(Consumer::Queue as u8) | READING;
        }
    }

    /// The reader puts the message back to where it was.
    pub(crate) fn put_back(&mut self, index: Place) {
        let Some(entry) = self.entries.get_mut(index.at()) else { return };
        entry.needs = entry.needs & !READING | Consumer::Queue as u8;
        let cursor = self.cursors[Consumer::Queue.index()];
        let mut next = self.entries.get(index.at()).and_then(|entry| entry.next);
        while next.is_some() && next != cursor {
            next = next.and_then(|next| self.entries.get(next.at())?.next);
        }
        if next == cursor {
            self.cursors[Consumer::Queue.index()] = Some(index);
        }
    }

    /// The reader is done with the message: the duty to acknowledge, if nobody else needs it.
    pub(crate) fn finish_reading(&mut self, index: Place) -> Option<AckToken> {
        let entry = self.entries.get_mut(index.at())?;
        entry.needs &= !(READING | Consumer::Queue as u8);
        let token = entry.token;
        if entry.needs != 0 {
            return None;
        }
        self.remove(index);
        token
    }

    /// The next bytes of the payload: of a whole message they lie at `at`.
    pub(crate) fn read(&mut self, index: Place, at: usize, buffer: &mut [u8]) -> Look {
        let Some(entry) = self.entries.get(index.at()) else { return Look::Cut(Cut::Lost) };
        let Some(stream) = entry.stream else {
            let frame = self.whole(index, entry);
            return Look::Bytes(copy(buffer, frame.get(at..).unwrap_or_default()));
        };
        if let Some(cut) = stream.cut {
            return Look::Cut(cut);
        }
        if stream.unread == 0 {
            return if stream.left == 0 { Look::Bytes(0) } else { Look::Wait };
        }
        let window = self.place(index, entry);
        let window = window.get(stream.head as usize..entry.len as usize).unwrap_or_default();
        let (size, at) = (window.len(), stream.at as usize);
        let end = size.min(at + stream.unread as usize);
        let first = window.get(at..end).unwrap_or_default();
        let mut taken = copy(buffer, first);
        if taken == first.len() {
            let rest = stream.unread as usize - taken;
            let rest = window.get(..rest).unwrap_or_default();
            taken += copy(buffer.get_mut(taken..).unwrap_or_default(), rest);
        }
        let entry = self.entries.get_mut(index.at());
        if let Some(stream) = entry.and_then(|entry| entry.stream.as_mut()) {
            stream.at = wrapped(at + taken, size) as u32;
            stream.unread -= taken as u32;
        }
        Look::Bytes(taken)
    }

    /// Whether a reader has a message that is not all there.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        let entry = self.streaming.and_then(|index| self.entries.get(index.at()));
        entry.is_some_and(|entry| entry.needs & READING != 0)
    }

    /// The message will not come to its end. Its reader, if it has one, learns why.
    pub(crate) fn cut(&mut self, index: Place, cut: Cut) {
        if self.streaming == Some(index) {
            self.streaming = None;
        }
        let Some(entry) = self.entries.get_mut(index.at()) else { return };
        entry.token = None;
        match &mut entry.stream {
            Some(stream) if entry.needs & READING != 0 => stream.cut = Some(cut),
            _ => self.remove(index),
        }
    }

    /// Whether it comes, or came, piece by piece; and then its duty to acknowledge.
    pub(crate) fn stream(&self, index: Place) -> Option<Option<AckToken>> {
        let entry = self.entries.get(index.at())?;
        entry.stream.map(|_| entry.token)
    }

    /// Whether the reader has nothing more to do with it.
    pub(crate) fn is_cut(&self, index: Place) -> bool {
        let entry = self.entries.get(index.at());
        entry.and_then(|entry| entry.stream).is_some_and(|stream| stream.cut.is_some())
    }
}

/// A position in a ring, at most one round ahead.
fn wrapped(at: usize, size: usize) -> usize {
    if at >= size { at - size } else { at }
}

/// Copies what fits, and gives how much that was.
fn copy(to: &mut [u8], from: &[u8]) -> usize {
    let len = to.len().min(from.len());
    mqtt_as_proto::wire::copy(to, from);
    len
}

/// Decodes the bytes of a message, whose payload need not be there.
pub(crate) fn decode_head(bytes: &[u8], version: Version) -> Option<Publish<'_>> {
    let header = FixedHeader::read(bytes).ok().flatten()?;
    let body = bytes.get(header.len..)?;
    Publish::decode(Frame { first: header.first, body }, version).ok()
}
