//! Byte strings as chains of fixed blocks.
//!
//! Messages of any length come and go in any order. Because all blocks are alike, any free block
//! serves any message: nothing fragments, and nothing is ever moved.

use crate::storage::Storage;
use crate::wire::{Sink, copy};

/// 64 bytes of a session's memory for messages, of which [`BLOCK_BYTES`] hold content.
///
/// It is plain bytes, so that a caller without a heap can lend any (`<[u8]>::as_chunks_mut`).
pub type Block = [u8; NEXT + BLOCK_BYTES];

/// Bytes of content in one [`Block`].
pub const BLOCK_BYTES: usize = 60;

/// A block begins with the number of the next one of its chain, or of the free list. The last one's
/// is never followed.
const NEXT: usize = 4;

#[inline]
fn next(block: &Block) -> u32 {
    block.first_chunk().map_or(NIL, |bytes| u32::from_ne_bytes(*bytes))
}

#[inline]
fn set_next(block: &mut Block, next: u32) {
    if let Some(bytes) = block.first_chunk_mut() {
        *bytes = next.to_ne_bytes();
    }
}

/// A byte string in [`Blocks`]. Who holds it frees it, once; a copy is only for reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chain {
    first: u32,
    len: u32,
}

impl Chain {
    /// No bytes, no blocks: it need not be freed.
    pub(crate) const EMPTY: Self = Self { first: 0, len: 0 };

    /// The number of bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        at(self.len)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn blocks(&self) -> u32 {
        self.len.div_ceil(BYTES)
    }
}

/// A store of byte strings. See the text at the top of this file.
#[derive(Debug)]
pub(crate) struct Blocks<'a> {
    blocks: Storage<'a, Block>,
    /// The first block of the free list: blocks that were used before.
    free: u32,
    /// Blocks from here on have never been used, and are on no list.
    fresh: u32,
    used: u32,
}

impl<'a> Blocks<'a> {
    /// An empty store. Whatever the blocks held before is forgotten.
    pub(crate) fn new(blocks: Storage<'a, Block>) -> Self {
        Self { blocks: blocks.limited_to(at(MOST)), free: NIL, fresh: 0, used: 0 }
    }

    /// The most bytes it may ever hold, if all blocks are filled up.
    pub(crate) fn capacity_bytes(&self) -> usize {
        self.blocks.limit().saturating_mul(BLOCK_BYTES)
    }

    /// The bytes in free blocks, counting those that are yet to be taken from the heap: a byte
    /// string up to this length fits.
    #[inline]
    pub(crate) fn free_bytes(&self) -> usize {
        self.blocks.limit().saturating_sub(at(self.used)).saturating_mul(BLOCK_BYTES)
    }

    /// Starts to write one byte string. End it with [`ChainWriter::finish`].
    #[inline]
    pub(crate) fn begin(&mut self) -> ChainWriter<'_, 'a> {
        ChainWriter { blocks: self, chain: Chain::EMPTY, last: NIL, room: 0, overflow: false }
    }

    /// The pieces of a byte string, in order. None is empty.
    #[inline]
    pub(crate) fn read(&self, chain: Chain) -> Pieces<'_> {
        Pieces { blocks: self.blocks.as_slice(), next: chain.first, left: chain.len() }
    }

    /// Frees a byte string's blocks.
    pub(crate) fn free(&mut self, chain: Chain) {
        let count = chain.blocks();
        if count == 0 {
            return;
        }
        let blocks = self.blocks.as_mut_slice();
        let mut last = chain.first;
        for _ in 1..count {
            let Some(block) = blocks.get(at(last)) else { return };
            last = next(block);
        }
        let Some(block) = blocks.get_mut(at(last)) else { return };
        set_next(block, self.free);
        self.free = chain.first;
        self.used = self.used.saturating_sub(count);
    }

    /// Gives heap memory back if nothing is stored.
    pub(crate) fn release(&mut self) {
        if self.used == 0 {
            self.blocks.release();
            self.free = NIL;
            self.fresh = 0;
        }
    }

    /// A free block: the last one freed, or the next fresh one.
    #[inline]
    fn take_block(&mut self) -> Option<u32> {
        let mut index = self.free;
        if let Some(block) = self.blocks.get(at(index)) {
            self.free = next(block);
        } else {
            index = self.fresh;
            if at(index) >= self.blocks.as_slice().len() {
                let len = at(index).saturating_add(1);
                self.blocks.grow_to_with(len, || [0; 64]).then_some(())?;
            }
            self.fresh = index.wrapping_add(1); // below MOST
        }
        self.used = self.used.wrapping_add(1);
        Some(index)
    }
}

/// Writes one byte string into [`Blocks`].
#[must_use = "its blocks are lost unless it is finished"]
#[derive(Debug)]
pub(crate) struct ChainWriter<'b, 'a> {
    blocks: &'b mut Blocks<'a>,
    chain: Chain,
    last: u32,
    /// Bytes still free in the last block.
    room: usize,
    overflow: bool,
}

impl ChainWriter<'_, '_> {
    /// The byte string; None if it did not fit, and then nothing of it is kept.
    pub(crate) fn finish(self) -> Option<Chain> {
        if self.overflow {
            self.blocks.free(self.chain);
            return None;
        }
        Some(self.chain)
    }

    /// Adds a free block at the end.
    #[inline]
    fn extend(&mut self) -> Option<()> {
        let index = self.blocks.take_block()?;
        if let Some(last) = self.blocks.blocks.get_mut(at(self.last)) {
            set_next(last, index);
        } else {
            self.chain.first = index;
        }
        self.last = index;
        self.room = BLOCK_BYTES;
        Some(())
    }

    /// Puts as much as the last block has room for, and gives back the rest.
    #[inline]
    fn fill<'s>(&mut self, bytes: &'s [u8]) -> Option<&'s [u8]> {
        if self.room == 0 {
            self.extend()?;
        }
        let block = self.blocks.blocks.get_mut(at(self.last))?;
        let room = block.get_mut(size_of::<Block>().wrapping_sub(self.room)..)?;
        copy(room, bytes);
        let taken = bytes.len().min(self.room);
        self.room = self.room.wrapping_sub(taken); // taken <= room
        self.chain.len = self.chain.len.wrapping_add(taken as u32); // up to MOST * BYTES
        bytes.get(taken..)
    }
}

impl Sink for ChainWriter<'_, '_> {
    /// Appends `bytes`. What does not fit is not kept, and [`ChainWriter::finish`] tells.
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() && !self.overflow {
            match self.fill(rest) {
                Some(left) => rest = left,
                None => self.overflow = true,
            }
        }
    }
}

/// The pieces of a byte string, in order.
#[derive(Clone, Debug)]
pub(crate) struct Pieces<'b> {
    blocks: &'b [Block],
    next: u32,
    left: usize,
}

impl<'b> Iterator for Pieces<'b> {
    type Item = &'b [u8];

    #[inline]
    fn next(&mut self) -> Option<&'b [u8]> {
        if self.left == 0 {
            return None;
        }
        let block = self.blocks.get(at(self.next))?;
        let piece = block.get(NEXT..)?.get(..self.left.min(BLOCK_BYTES))?;
        self.next = next(block);
        self.left = self.left.saturating_sub(BLOCK_BYTES);
        Some(piece)
    }
}

/// No block.
const NIL: u32 = u32::MAX;

/// [`BLOCK_BYTES`], in the type of a chain's length.
const BYTES: u32 = BLOCK_BYTES as u32;

/// The most blocks: their bytes can be counted in a `u32`, and looking up [`NIL`] finds nothing.
const MOST: u32 = u32::MAX / BYTES;

/// An index of a block. Where `usize` is narrower than `u32`, there are never as many blocks.
#[inline]
fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    extern crate std;

    use std::collections::HashMap;
    use std::vec::Vec;

    use super::*;

    fn store(blocks: &mut Blocks<'_>, bytes: &[u8]) -> Option<Chain> {
        let mut writer = blocks.begin();
        writer.put(bytes);
        writer.finish()
    }

    fn content(blocks: &Blocks<'_>, chain: Chain) -> Vec<u8> {
        blocks.read(chain).flatten().copied().collect()
    }

    #[test]
    fn a_block_takes_64_bytes() {
        assert_eq!(size_of::<Block>(), 64);
    }

    #[test]
    fn what_was_put_is_read_back_whatever_the_pieces() {
        let bytes: Vec<u8> = (0..=255).collect();
        for len in [1, 59, 60, 61, 119, 120, 121, 256] {
            for piece in [1, 7, 60, 61, 256] {
                let mut memory = [[0; 64]; 5];
                let mut blocks = Blocks::new(Storage::borrowed(&mut memory));
                let mut writer = blocks.begin();
                bytes[..len].chunks(piece).for_each(|piece| writer.put(piece));
                let chain = writer.finish().unwrap();
                assert_eq!(chain.len(), len);
                assert_eq!(content(&blocks, chain), &bytes[..len]);
                assert_eq!(blocks.free_bytes(), (5 - len.div_ceil(60)) * 60);
            }
        }
    }

    #[test]
    fn nothing_costs_nothing() {
        let mut blocks = Blocks::new(Storage::default());
        let chain = store(&mut blocks, b"").unwrap();
        assert!(chain.is_empty());
        assert_eq!(blocks.read(chain).count(), 0);
        blocks.free(chain);
        assert_eq!((blocks.capacity_bytes(), blocks.free_bytes()), (0, 0));
    }

    #[test]
    fn what_does_not_fit_leaves_no_trace() {
        let mut memory = [[0; 64]; 3];
        let mut blocks = Blocks::new(Storage::borrowed(&mut memory));
        let kept = store(&mut blocks, b"kept").unwrap();
        let mut writer = blocks.begin();
        writer.put(&[1; 121]);
        writer.put(b"too late");
        assert!(writer.finish().is_none());
        assert_eq!(blocks.free_bytes(), 120);
        assert_eq!(content(&blocks, kept), b"kept");
        assert!(store(&mut blocks, &[2; 120]).is_some());
        assert_eq!(blocks.free_bytes(), 0);
        assert!(store(&mut blocks, &[3]).is_none());
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn heap_memory_grows_and_is_given_back() {
        let mut blocks = Blocks::new(Storage::owned(100));
        assert_eq!(blocks.free_bytes(), 6000);
        let chain = store(&mut blocks, &[7; 5999]).unwrap();
        assert_eq!(blocks.free_bytes(), 0);
        blocks.release();
        assert_eq!(content(&blocks, chain), [7; 5999]);
        blocks.free(chain);
        blocks.release();
        assert!(blocks.blocks.as_slice().is_empty());
        assert!(store(&mut blocks, &[8; 6000]).is_some());
    }

    fn random(seed: &mut u64, below: usize) -> usize {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        (*seed >> 32) as usize % below
    }

    fn play(mut blocks: Blocks<'_>, mut seed: u64) {
        let mut model: HashMap<usize, (Chain, Vec<u8>)> = HashMap::new();
        for turn in 0..3000 {
            let key = random(&mut seed, 12);
            if let Some((chain, bytes)) = model.remove(&key) {
                assert_eq!(content(&blocks, chain), bytes);
                blocks.free(chain);
            } else {
                let bytes: Vec<u8> =
                    (0..random(&mut seed, 400)).map(|i| (i + turn) as u8).collect();
                let fits = bytes.len() <= blocks.free_bytes();
                let chain = store(&mut blocks, &bytes);
                assert_eq!(chain.is_some(), fits);
                model.extend(chain.map(|chain| (key, (chain, bytes))));
            }
            let used: usize = model.values().map(|(_, bytes)| bytes.len().div_ceil(60) * 60).sum();
            assert_eq!(blocks.capacity_bytes() - blocks.free_bytes(), used);
            assert!(model.values().all(|(chain, bytes)| content(&blocks, *chain) == *bytes));
        }
    }

    #[test]
    fn random_operations_agree_with_std() {
        for seed in 1..=4 {
            play(Blocks::new(Storage::borrowed(&mut [[0; 64]; 23])), seed);
            #[cfg(feature = "alloc")]
            play(Blocks::new(Storage::owned(23)), seed);
        }
    }
}
