//! The bytes of queued messages: shared with what was read, on the heap, or copied into lent memory.

#[cfg(feature = "alloc")]
use bytes::Bytes;

use mqtt_as_proto::client::Received;
use mqtt_as_proto::wire::copy;
use mqtt_as_proto::{AckToken, Version};

use crate::inbox::{Entry, Inbox};
#[cfg(feature = "alloc")]
use crate::message::{Layout, Message};
use crate::place::Place;
use crate::queue::TooSmall;

impl Inbox {
    /// Keeps the bytes of a message; an alias is replaced by the topic. In lent memory none has to
    /// be: no aliases go with it, see `Memory::fit`.
    pub(crate) fn put_bytes(
        &mut self,
        index: Place,
        received: &Received<'_>,
        packet: &[u8],
        at: usize,
        version: Version,
    ) -> usize {
        #[cfg(feature = "alloc")]
        if self.bytes.limit() == 0 {
            let Some(entry) = self.entries.get_mut(index.at()) else { return 0 };
            if is_aliased(packet, received) {
                let mut whole = alloc::vec::Vec::new();
                let _ = received.publish.encode(version, &mut whole);
                entry.frame = Bytes::from(whole);
                return entry.frame.len();
            }
            entry.pending = Some(at as u32); // A read is shorter than 4 GiB.
            self.unfinished.get_or_insert(index);
            return packet.len();
        }
        let _ = (received, at, version);
        let at = index.at() * self.stride;
        let place = self.bytes.as_mut_slice().get_mut(at..at + self.stride).unwrap_or_default();
        let len = packet.len().min(place.len());
        copy(place, packet);
        len
    }

    /// Gives the messages of a read their bytes.
    #[cfg(feature = "alloc")]
    pub(crate) fn finish(&mut self, read: &Bytes) {
        let mut next = self.unfinished.take();
        while let Some(entry) = next.and_then(|index| self.entries.get_mut(index.at())) {
            if let Some(at) = entry.pending.take() {
                let at = at as usize;
                entry.frame = read.slice(at..at + entry.len as usize);
            }
            next = entry.next;
        }
    }

    /// Whether messages of the last read have to be given their bytes.
    #[cfg(feature = "alloc")]
    pub(crate) fn is_unfinished(&self) -> bool {
        self.unfinished.is_some()
    }

    /// The message as an owned one.
    #[cfg(feature = "alloc")]
    pub(crate) fn message(&self, index: Place, version: Version) -> Message {
        let Some(entry) = self.entries.get(index.at()) else {
            return Message {
                frame: Bytes::new(),
                layout: Layout::default(),
                version,
                token: None,
            };
        };
        let frame = match self.bytes.limit() {
            0 => entry.frame.clone(),
            _ => Bytes::copy_from_slice(self.lent(index, entry)),
        };
        Message { frame, layout: entry.layout, version, token: entry.token }
    }

    /// The message copied into a buffer.
    pub(crate) fn copy(
        &self,
        index: Place,
        buffer: &mut [u8],
        version: Version,
    ) -> Result<(usize, Option<AckToken>, Version), TooSmall> {
        let Some(entry) = self.entries.get(index.at()) else { return Ok((0, None, version)) };
        if let Some(stream) = entry.stream {
            return Err(TooSmall { needed: stream.packet_len(), given: buffer.len() });
        }
        #[cfg(feature = "alloc")]
        let frame = if self.bytes.limit() == 0 { &entry.frame } else { self.lent(index, entry) };
        #[cfg(not(feature = "alloc"))]
        let frame = self.lent(index, entry);
        let (needed, given) = (frame.len(), buffer.len());
        let place = buffer.get_mut(..needed).ok_or(TooSmall { needed, given })?;
        copy(place, frame);
        Ok((needed, entry.token, version))
    }

    pub(crate) fn lent(&self, index: Place, entry: &Entry) -> &[u8] {
        let at = index.at() * self.stride;
        self.bytes.as_slice().get(at..at + entry.len as usize).unwrap_or_default()
    }
}

/// The topic does not lie in the packet: an alias stood for it.
#[cfg(feature = "alloc")]
pub(crate) fn is_aliased(packet: &[u8], received: &Received<'_>) -> bool {
    let topic = received.publish.topic.as_bytes();
    !packet.as_ptr_range().contains(&topic.as_ptr())
}
