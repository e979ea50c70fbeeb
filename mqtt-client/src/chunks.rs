//! The memory that small messages are copied to: chunks that are used again when nobody refers to
//! them any more.

use alloc::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Bytes of a chunk: a message that is kept keeps one.
const CHUNK: usize = 4096;

/// Full chunks that are remembered. They are given up when the link is idle.
const REMEMBERED: usize = 16;

/// A chunk that is being filled, and full ones, of which messages may still be there.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    /// Its free end. Nothing is ever in it.
    filling: Option<BytesMut>,
    /// In the order in which they are looked at.
    full: VecDeque<BytesMut>,
}

impl Chunks {
    /// Copies a packet to where there is room for it.
    #[inline(always)] // For each message.
    pub(crate) fn copy(&mut self, packet: &[u8]) -> Bytes {
        match &mut self.filling {
            Some(chunk) if chunk.capacity() >= packet.len() => put(chunk, packet),
            _ if packet.len() > CHUNK => Bytes::copy_from_slice(packet),
            _ => {
                let chunk = self.renew();
                put(self.filling.insert(chunk), packet)
            }
        }
    }

    /// Takes another chunk: one that nobody refers to, if there is one.
    #[cold]
    #[inline(never)]
    fn renew(&mut self) -> BytesMut {
        if let Some(mut last) = self.filling.take() {
            if last.try_reclaim(CHUNK) {
                return last;
            }
            self.full.push_back(last);
        }
        if let Some(mut oldest) = self.full.pop_front() {
            if oldest.try_reclaim(CHUNK) {
                return oldest;
            }
            if self.full.len() < REMEMBERED {
                self.full.push_back(oldest);
            }
        }
        BytesMut::with_capacity(CHUNK)
    }

    /// Forgets all chunks: their messages alone refer to them.
    pub(crate) fn release(&mut self) {
        *self = Self::default();
    }
}

/// Copies a packet to the front of a chunk's free end.
#[inline]
fn put(chunk: &mut BytesMut, packet: &[u8]) -> Bytes {
    chunk.extend_from_slice(packet);
    chunk.split().freeze()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{CHUNK, Chunks};

    #[test]
    fn a_message_is_copied_whole() {
        let mut chunks = Chunks::default();
        for len in [0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let packet: Vec<u8> = (0..len).map(|number| number as u8).collect();
            assert_eq!(chunks.copy(&packet), packet);
        }
    }

    #[test]
    fn a_chunk_is_used_again_when_its_messages_are_gone() {
        let mut chunks = Chunks::default();
        let first = chunks.copy(&[1; 100]).as_ptr();
        let mut seen = 0;
        for _ in 0..1000 {
            seen += usize::from(chunks.copy(&[2; 100]).as_ptr() == first);
        }
        assert_eq!(seen, 1000 / (CHUNK / 100));
    }

    /// Batches that are dropped only when the next one is there.
    #[test]
    fn batches_use_few_chunks() {
        let mut chunks = Chunks::default();
        let (mut kept, mut places) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let batch: Vec<_> = (0..100).map(|_| chunks.copy(&[3; 100])).collect();
            places.extend(batch.iter().map(|message| message.as_ptr()));
            kept = batch;
        }
        assert_eq!(kept.len(), 100);
        places.sort_unstable();
        places.dedup();
        assert!(places.len() < 400, "{} places", places.len());
    }

    #[test]
    fn a_kept_message_is_not_overwritten() {
        let mut chunks = Chunks::default();
        let kept: Vec<_> = (0..100).map(|number| chunks.copy(&[number; 1000])).collect();
        for _ in 0..1000 {
            chunks.copy(&[255; 1000]);
        }
        for (number, message) in kept.iter().enumerate() {
            assert_eq!(message[..], [number as u8; 1000]);
        }
    }
}
