//! Lists of slots: one for each kind of wait, and some for deadlines and wakers.

use mqtt_as_proto::Storage;

use super::{Waiter, Waiters, at};
use crate::waiter::{KINDS, Of, Place};

/// Lists of deadlines come behind those of kinds.
pub(super) const TIMES: u8 = KINDS as u8;

/// That of slots with a waker to call.
pub(super) const DUE: u8 = TIMES + 4;

pub(super) const LISTS: usize = DUE as usize;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct List {
    head: u16,
    tail: u16,
}

impl Waiters {
    fn list(&self, list: u8) -> List {
        self.lists.get(usize::from(list).wrapping_sub(1)).copied().unwrap_or_default()
    }

    /// The first slot of a list; 0 if it is empty.
    #[inline]
    pub(super) fn head(&self, list: u8) -> u16 {
        self.list(list).head
    }

    #[inline]
    pub(super) fn tail(&self, list: u8) -> u16 {
        self.list(list).tail
    }

    /// Puts a slot behind `prev` into a list, or to its front.
    pub(super) fn link(&mut self, index: u16, of: Of, list: u8, prev: u16) {
        let Some(ends) = self.lists.get_mut(usize::from(list).wrapping_sub(1)) else { return };
        let front = match place(&mut self.slots, prev, of) {
            Some(prev) => &mut prev.next,
            None => &mut ends.head,
        };
        let next = core::mem::replace(front, index);
        match place(&mut self.slots, next, of) {
            Some(next) => next.prev = index,
            None => ends.tail = index,
        }
        if let Some(place) = place(&mut self.slots, index, of) {
            *place = Place { prev, next, list };
        }
    }

    /// Takes a slot out of its list, if it is in one.
    pub(super) fn unlink(&mut self, index: u16, of: Of) {
        let Some(own) = place(&mut self.slots, index, of) else { return };
        let Place { prev, next, list } = *own;
        own.list = 0;
        let Some(ends) = self.lists.get_mut(usize::from(list).wrapping_sub(1)) else { return };
        match place(&mut self.slots, prev, of) {
            Some(prev) => prev.next = next,
            None => ends.head = next,
        }
        match place(&mut self.slots, next, of) {
            Some(next) => next.prev = prev,
            None => ends.tail = prev,
        }
    }
}

#[inline]
fn place<'s>(slots: &'s mut Storage<'static, Waiter>, index: u16, of: Of) -> Option<&'s mut Place> {
    at(slots, index)?.places.get_mut(of as usize)
}
