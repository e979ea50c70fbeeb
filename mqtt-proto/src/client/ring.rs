//! The window of a message that comes piece by piece: a ring of bytes, and where it stands.

use crate::wire::{Writer, copy};

/// What stands before the header of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ring {
    /// The state that it has when it is finished, if it was acknowledged before.
    pub(super) early: u8,
    /// Why it cannot be read on.
    pub(super) cut: u8,
    /// Bytes of the payload, and how many of them have to come.
    pub(super) len: u32,
    pub(super) left: u32,
    /// Where in the window the unread bytes begin, and how many they are.
    pub(super) at: u32,
    pub(super) unread: u32,
}

impl Ring {
    /// Bytes that it takes.
    pub(super) const LEN: usize = 18;

    /// Bytes of the smallest window.
    pub(super) const SMALLEST: usize = 16;

    /// Bytes that a header leaves free at least of what is taken at once.
    pub(super) const LEAST: usize = Self::LEN + Self::SMALLEST;

    pub(super) fn get(data: &[u8]) -> Self {
        let Some([early, cut, numbers @ ..]) = data.first_chunk::<{ Self::LEN }>() else {
            return Self::default();
        };
        let mut numbers = numbers
            .chunks_exact(4)
            .map(|number| number.first_chunk().map_or(0, |number| u32::from_le_bytes(*number)));
        let mut next = || numbers.next().unwrap_or_default();
        let (len, left, at, unread) = (next(), next(), next(), next());
        Self { early: *early, cut: *cut, len, left, at, unread }
    }

    pub(super) fn put(self, data: &mut [u8]) {
        let mut out = Writer::new(data);
        out.put(&[self.early, self.cut]);
        for number in [self.len, self.left, self.at, self.unread] {
            out.put(&number.to_le_bytes());
        }
    }

    /// Puts the first bytes of a piece into the window, as far as there is room. Returns how many.
    pub(super) fn fill(&mut self, window: &mut [u8], piece: &[u8]) -> usize {
        let size = window.len();
        let room = size.saturating_sub(self.unread as usize);
        let piece = piece.get(..room).unwrap_or(piece);
        let at = wrapped(self.at.wrapping_add(self.unread) as usize, size);
        let first = piece.len().min(size.saturating_sub(at));
        copy(window.get_mut(at..).unwrap_or_default(), piece);
        copy(window, piece.get(first..).unwrap_or_default());
        let len = piece.len() as u32; // At most that of the window.
        self.unread = self.unread.wrapping_add(len);
        self.left = self.left.saturating_sub(len);
        piece.len()
    }

    /// Takes the next bytes out of the window. Returns how many.
    pub(super) fn drain(&mut self, window: &[u8], buffer: &mut [u8]) -> usize {
        let taken = buffer.len().min(self.unread as usize);
        let buffer = buffer.get_mut(..taken).unwrap_or_default();
        let ahead = window.get(self.at as usize..).unwrap_or_default();
        copy(buffer, ahead);
        copy(buffer.get_mut(ahead.len()..).unwrap_or_default(), window);
        self.unread = self.unread.saturating_sub(taken as u32);
        self.at = wrapped((self.at as usize).wrapping_add(taken), window.len()) as u32;
        taken
    }
}

/// A position in a ring, at most one round ahead.
fn wrapped(at: usize, size: usize) -> usize {
    at.checked_sub(size).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::Ring;

    #[test]
    fn a_ring_gives_what_it_was_given_whatever_the_pieces() {
        let bytes: Vec<u8> = (0..200).map(|byte| byte as u8).collect();
        for size in [1, 7, 16] {
            for (piece, read) in [(1, 1), (3, 2), (16, 5), (50, 50)] {
                let mut data = vec![0; Ring::LEN + size];
                Ring { len: 200, left: 200, ..Ring::default() }.put(&mut data);
                let (mut rest, mut seen) = (&bytes[..], Vec::new());
                while seen.len() < bytes.len() {
                    let mut ring = Ring::get(&data);
                    let window = &mut data[Ring::LEN..];
                    let used = ring.fill(window, &rest[..piece.min(rest.len())]);
                    rest = &rest[used..];
                    let mut buffer = vec![0; read];
                    let taken = ring.drain(window, &mut buffer);
                    seen.extend_from_slice(&buffer[..taken]);
                    assert!(used + taken != 0, "it stands still");
                    ring.put(&mut data);
                }
                assert_eq!(seen, bytes);
                let (left, unread) = (Ring::get(&data).left, Ring::get(&data).unread);
                assert_eq!((left, unread), (0, 0));
            }
        }
    }
}
