//! Records by packet identifier, found without a search, and ordered lists of them.
//!
//! Everything lives in one array of slots. Three structures are threaded through it by index, so
//! that none needs memory of its own: hash chains (a slot also keeps the head of the chain whose
//! number is the slot's index), the free list, and the doubly linked lists of the caller.
//!
//! Peers and clients give out identifiers in sequence, so an identifier's low bits spread them
//! evenly: with `n` records in sequence no chain is longer than two.

use core::fmt;
use core::mem;

use crate::storage::Storage;
use crate::wire::PacketId;

/// Room for one record of a session.
///
/// It is opaque: a caller without a heap makes an array of them and lends it to the session.
pub struct Slot<T> {
    value: T,
    /// None while the slot is free.
    id: Option<PacketId>,
    /// The first slot of the hash chain whose number is this slot's index.
    bucket: u16,
    /// The next slot of the hash chain that this slot is in, or of the free list.
    chain: u16,
    next: u16,
    prev: u16,
}

impl<T> Slot<T> {
    /// A slot to make arrays of, which a session prepares when it takes them. `empty` fills it
    /// until it is used. Its own bytes are zero: then a static array of them takes no flash.
    #[must_use]
    pub const fn new(empty: T) -> Self {
        Self { value: empty, id: None, bucket: 0, chain: 0, next: 0, prev: 0 }
    }
}

/// A free slot.
impl<T: Default> Default for Slot<T> {
    fn default() -> Self {
        let value = T::default();
        Self { value, id: None, bucket: NIL, chain: NIL, next: NIL, prev: NIL }
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An ordered list of slots of one [`Table`]. A slot is in one list at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    head: u16,
    tail: u16,
}

impl List {
    /// No slots.
    pub(crate) const EMPTY: Self = Self { head: NIL, tail: NIL };

    /// The oldest slot.
    #[inline]
    pub(crate) fn head(&self) -> Option<u16> {
        some(self.head)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.head == NIL
    }
}

impl Default for List {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Records by packet identifier. See the text at the top of this file.
#[derive(Debug)]
pub(crate) struct Table<'a, T> {
    slots: Storage<'a, Slot<T>>,
    /// Chain numbers are identifiers under this mask: all are indices of slots that are there.
    mask: u16,
    /// The first slot of the free list: slots that were used before.
    free: u16,
    /// Slots from here on have never been used, and are on no list.
    fresh: u16,
    len: u16,
}

impl<'a, T: Default> Table<'a, T> {
    /// An empty table. Whatever the slots held before is forgotten.
    pub(crate) fn new(slots: Storage<'a, Slot<T>>) -> Self {
        let mut slots = slots.limited_to(usize::from(MOST));
        for slot in slots.as_mut_slice() {
            *slot = Slot::default();
        }
        let mask = mask(slots.as_slice().len());
        Self { slots, mask, free: NIL, fresh: 0, len: 0 }
    }

    /// Adds a record and gives its index, which stays the same until it is removed.
    ///
    /// None if there is no slot left, or the identifier is in the table already.
    pub(crate) fn insert(&mut self, id: PacketId, value: T) -> Option<u16> {
        if self.find(id).is_some() {
            return None;
        }
        let index = self.take_slot()?;
        let bucket = self.bucket(id);
        let slots = self.slots.as_mut_slice();
        let head = mem::replace(&mut slots.get_mut(bucket)?.bucket, index);
        let slot = slots.get_mut(usize::from(index))?;
        slot.value = value;
        slot.id = Some(id);
        slot.chain = head;
        slot.next = NIL;
        slot.prev = NIL;
        self.len = self.len.wrapping_add(1);
        Some(index)
    }

    /// The index of the record with this identifier.
    #[inline]
    pub(crate) fn find(&self, id: PacketId) -> Option<u16> {
        let slots = self.slots.as_slice();
        let mut index = slots.get(self.bucket(id))?.bucket;
        loop {
            let slot = slots.get(usize::from(index))?;
            if slot.id == Some(id) {
                return Some(index);
            }
            index = slot.chain;
        }
    }

    /// Takes a record out and frees its slot. The caller has unlinked it from its list before.
    pub(crate) fn remove(&mut self, index: u16) -> Option<T> {
        let id = self.id(index)?;
        self.leave_chain(id, index)?;
        let free = mem::replace(&mut self.free, index);
        let slot = self.slots.get_mut(usize::from(index))?;
        slot.id = None;
        slot.chain = free;
        self.len = self.len.wrapping_sub(1);
        Some(mem::take(&mut slot.value))
    }

    /// The record at `index`.
    #[inline]
    pub(crate) fn get(&self, index: u16) -> Option<&T> {
        let slot = self.slots.get(usize::from(index))?;
        slot.id.map(|_| &slot.value)
    }

    /// The record at `index`.
    #[inline]
    pub(crate) fn get_mut(&mut self, index: u16) -> Option<&mut T> {
        let slot = self.slots.get_mut(usize::from(index))?;
        slot.id.map(|_| &mut slot.value)
    }

    /// The identifier of the record at `index`.
    #[inline]
    pub(crate) fn id(&self, index: u16) -> Option<PacketId> {
        self.slots.get(usize::from(index))?.id
    }

    /// The number of records.
    #[inline]
    pub(crate) fn len(&self) -> u16 {
        self.len
    }

    /// No further record fits, even after growing to the limit.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.limit()
    }

    /// The most records it may ever hold.
    #[inline]
    pub(crate) fn limit(&self) -> u16 {
        u16::try_from(self.slots.limit()).unwrap_or(MOST)
    }

    /// One more than the highest index in use so far: for walks over all records.
    pub(crate) fn present(&self) -> u16 {
        self.fresh
    }

    /// Gives heap memory back if there are no records.
    pub(crate) fn release(&mut self) {
        if self.len == 0 {
            let mut slots = mem::take(&mut self.slots);
            slots.release();
            *self = Self::new(slots);
        }
    }

    /// Puts the slot at the end of the list. It is in no list before.
    #[inline]
    pub(crate) fn push_back(&mut self, list: &mut List, index: u16) {
        let slots = self.slots.as_mut_slice();
        let Some(slot) = slots.get_mut(usize::from(index)) else { return };
        slot.next = NIL;
        slot.prev = list.tail;
        match slots.get_mut(usize::from(list.tail)) {
            Some(last) => last.next = index,
            None => list.head = index,
        }
        list.tail = index;
    }

    /// Puts the slot at the front of the list. It is in no list before.
    pub(crate) fn push_front(&mut self, list: &mut List, index: u16) {
        let slots = self.slots.as_mut_slice();
        let Some(slot) = slots.get_mut(usize::from(index)) else { return };
        slot.next = list.head;
        slot.prev = NIL;
        match slots.get_mut(usize::from(list.head)) {
            Some(first) => first.prev = index,
            None => list.tail = index,
        }
        list.head = index;
    }

    /// Takes the slot out of the list, which is the list that it is in.
    #[inline]
    pub(crate) fn unlink(&mut self, list: &mut List, index: u16) {
        let slots = self.slots.as_mut_slice();
        let Some(slot) = slots.get_mut(usize::from(index)) else { return };
        let next = mem::replace(&mut slot.next, NIL);
        let prev = mem::replace(&mut slot.prev, NIL);
        match slots.get_mut(usize::from(prev)) {
            Some(before) => before.next = next,
            None => list.head = next,
        }
        match slots.get_mut(usize::from(next)) {
            Some(after) => after.prev = prev,
            None => list.tail = prev,
        }
    }

    /// The slot after this one in its list.
    #[inline]
    pub(crate) fn next(&self, index: u16) -> Option<u16> {
        some(self.slots.get(usize::from(index))?.next)
    }

    /// The slot before this one in its list.
    #[cfg(test)]
    pub(crate) fn prev(&self, index: u16) -> Option<u16> {
        some(self.slots.get(usize::from(index))?.prev)
    }

    #[inline]
    fn bucket(&self, id: PacketId) -> usize {
        usize::from(id.get() & self.mask)
    }

    /// A slot that is in no chain and no list: the last one freed, or the next fresh one.
    #[inline]
    fn take_slot(&mut self) -> Option<u16> {
        let index = self.free;
        if let Some(slot) = self.slots.get(usize::from(index)) {
            self.free = slot.chain;
            return Some(index);
        }
        let index = self.fresh;
        if usize::from(index) >= self.slots.as_slice().len() {
            self.grow()?;
        }
        self.fresh = index.wrapping_add(1); // below MOST
        Some(index)
    }

    /// Makes one more slot present, and spreads the records over the chains that came with it.
    #[cold]
    fn grow(&mut self) -> Option<()> {
        let len = self.slots.as_slice().len();
        if !self.slots.grow_to(len.saturating_add(1)) {
            return None;
        }
        let slots = self.slots.as_mut_slice();
        self.mask = mask(slots.len());
        for slot in &mut *slots {
            slot.bucket = NIL;
        }
        for index in 0..self.fresh {
            let Some(id) = slots.get(usize::from(index))?.id else { continue };
            let bucket = usize::from(id.get() & self.mask);
            let head = mem::replace(&mut slots.get_mut(bucket)?.bucket, index);
            slots.get_mut(usize::from(index))?.chain = head;
        }
        Some(())
    }

    /// Takes the slot out of its identifier's hash chain.
    #[inline]
    fn leave_chain(&mut self, id: PacketId, index: u16) -> Option<()> {
        let bucket = self.bucket(id);
        let slots = self.slots.as_mut_slice();
        let after = slots.get(usize::from(index))?.chain;
        let head = slots.get_mut(bucket)?;
        if head.bucket == index {
            head.bucket = after;
            return Some(());
        }
        let mut before = head.bucket;
        loop {
            let slot = slots.get_mut(usize::from(before))?;
            if slot.chain == index {
                slot.chain = after;
                return Some(());
            }
            before = slot.chain;
        }
    }
}

/// No slot.
const NIL: u16 = u16::MAX;

/// The most slots: all indices are below [`NIL`], so looking up `NIL` finds nothing.
const MOST: u16 = u16::MAX - 1;

#[inline]
fn some(index: u16) -> Option<u16> {
    (index != NIL).then_some(index)
}

/// The mask that gives as many chains as fit in `slots`: a power of two.
fn mask(slots: usize) -> u16 {
    let chains = slots.checked_ilog2().map_or(1, |bits| 1_usize.wrapping_shl(bits));
    u16::try_from(chains.wrapping_sub(1)).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    extern crate std;

    use std::collections::{HashMap, VecDeque};
    use std::vec::Vec;

    use super::*;

    fn pid(id: u16) -> PacketId {
        PacketId::new(id).unwrap()
    }

    fn slots<const N: usize>() -> [Slot<u32>; N] {
        core::array::from_fn(|_| Slot::default())
    }

    fn contents(table: &Table<'_, u32>, list: &List) -> Vec<u16> {
        core::iter::successors(list.head(), |index| table.next(*index)).collect()
    }

    #[test]
    fn a_record_is_found_by_its_id_until_it_is_removed() {
        let mut memory = slots::<3>();
        let mut table = Table::new(Storage::borrowed(&mut memory));
        let index = table.insert(pid(7), 70).unwrap();
        assert_eq!(table.insert(pid(7), 71), None);
        assert_eq!(table.find(pid(7)), Some(index));
        assert_eq!((table.id(index), table.get(index)), (Some(pid(7)), Some(&70)));
        assert_eq!(table.remove(index), Some(70));
        assert_eq!(table.remove(index), None);
        assert_eq!((table.find(pid(7)), table.get(index), table.len()), (None, None, 0));
    }

    #[test]
    fn a_full_table_takes_nothing_until_a_slot_is_free() {
        let mut memory = slots::<3>();
        let mut table = Table::new(Storage::borrowed(&mut memory));
        for id in 1..=3 {
            assert!(!table.is_full());
            table.insert(pid(id), 0).unwrap();
        }
        assert!(table.is_full());
        assert_eq!(table.insert(pid(4), 0), None);
        table.remove(table.find(pid(2)).unwrap()).unwrap();
        assert!(table.insert(pid(4), 0).is_some());
    }

    #[test]
    fn no_memory_holds_nothing() {
        let mut table = Table::<u32>::new(Storage::default());
        assert!(table.is_full());
        assert_eq!((table.insert(pid(1), 1), table.find(pid(1))), (None, None));
        assert_eq!((table.remove(0), table.get(NIL), table.next(NIL)), (None, None, None));
    }

    #[test]
    fn used_memory_starts_a_new_table_empty() {
        let mut memory = slots::<4>();
        let mut table = Table::new(Storage::borrowed(&mut memory));
        for id in 1..=4 {
            table.insert(pid(id), 9).unwrap();
        }
        let table = Table::new(Storage::borrowed(&mut memory));
        assert_eq!(
            (
                table.len(),
                table.find(pid(1)),
                (0..table.present()).filter(|index| table.get(*index).is_some()).count()
            ),
            (0, None, 0)
        );
    }

    #[test]
    fn ids_in_sequence_make_short_chains() {
        let mut memory = slots::<20>();
        let mut table = Table::new(Storage::borrowed(&mut memory));
        for id in 1..=20 {
            table.insert(pid(id), 0).unwrap();
        }
        for slot in table.slots.as_slice() {
            let chain = |index: &u16| some(table.slots.get(usize::from(*index)).unwrap().chain);
            assert!(core::iter::successors(some(slot.bucket), chain).count() <= 2);
        }
    }

    #[test]
    fn too_much_memory_is_not_used() {
        let mut memory: Vec<Slot<u32>> = Vec::new();
        memory.resize_with(70_000, Slot::default);
        let mut table = Table::new(Storage::borrowed(&mut memory));
        let mut list = List::default();
        for id in 1..=MOST {
            let index = table.insert(pid(id), 0).unwrap();
            table.push_back(&mut list, index);
        }
        assert!(table.is_full());
        assert_eq!(table.insert(pid(u16::MAX), 0), None);
        assert_eq!(contents(&table, &list).len(), usize::from(MOST));
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn heap_memory_grows_and_is_given_back() {
        let mut table = Table::new(Storage::owned(100_000));
        assert_eq!(table.limit(), MOST);
        for id in 1..=MOST {
            table.insert(pid(id), u32::from(id)).unwrap();
        }
        assert_eq!(table.insert(pid(u16::MAX), 0), None);
        for id in 1..=MOST {
            let index = table.find(pid(id)).unwrap();
            assert_eq!(table.remove(index), Some(u32::from(id)));
        }
        table.release();
        assert!(table.slots.as_slice().is_empty());
        assert!(table.insert(pid(1), 1).is_some());
        table.release();
        assert!(table.find(pid(1)).is_some());
    }

    /// The same operations on the table and on collections of std.
    struct Model<'a> {
        table: Table<'a, u32>,
        lists: [List; 2],
        records: HashMap<u16, (u16, u32, usize)>,
        orders: [VecDeque<u16>; 2],
        seed: u64,
    }

    impl<'a> Model<'a> {
        fn new(storage: Storage<'a, Slot<u32>>, seed: u64) -> Self {
            let table = Table::new(storage);
            let (lists, orders) = Default::default();
            Self { table, lists, records: HashMap::new(), orders, seed }
        }

        fn random(&mut self, below: u32) -> u32 {
            self.seed ^= self.seed << 13;
            self.seed ^= self.seed >> 7;
            self.seed ^= self.seed << 17;
            (self.seed >> 32) as u32 % below
        }

        fn step(&mut self) {
            let id = 1 + self.random(90) as u16;
            match (self.random(5), self.records.get(&id).copied()) {
                (0..=2, None) => self.insert(id),
                (0, Some(_)) => assert_eq!(self.table.insert(pid(id), 0), None),
                (1, Some((index, _, from))) => self.requeue(index, id, from),
                (3 | 4, Some((index, value, from))) => {
                    self.leave(index, from);
                    assert_eq!(self.table.remove(index), Some(value));
                    self.records.remove(&id);
                }
                (_, known) => assert_eq!(self.table.find(pid(id)), known.map(|known| known.0)),
            }
        }

        fn insert(&mut self, id: u16) {
            let (value, to) = (self.random(1000), self.random(2) as usize);
            let fits = !self.table.is_full();
            let index = self.table.insert(pid(id), value);
            assert_eq!(index.is_some(), fits);
            if let Some(index) = index {
                self.records.insert(id, (index, value, to));
                self.join(index, to);
            }
        }

        fn requeue(&mut self, index: u16, id: u16, from: usize) {
            let value = self.random(1000);
            *self.table.get_mut(index).unwrap() = value;
            self.leave(index, from);
            self.join(index, 1 - from);
            self.records.insert(id, (index, value, 1 - from));
        }

        fn join(&mut self, index: u16, to: usize) {
            self.table.push_back(&mut self.lists[to], index);
            self.orders[to].push_back(index);
        }

        fn leave(&mut self, index: u16, from: usize) {
            self.table.unlink(&mut self.lists[from], index);
            self.orders[from].retain(|other| *other != index);
        }

        fn check(&self) {
            assert_eq!(usize::from(self.table.len()), self.records.len());
            assert_eq!(
                (0..self.table.present()).filter(|i| self.table.get(*i).is_some()).count(),
                self.records.len()
            );
            for (id, (index, value, _)) in &self.records {
                assert_eq!(self.table.find(pid(*id)), Some(*index));
                assert_eq!(self.table.id(*index), Some(pid(*id)));
                assert_eq!(self.table.get(*index), Some(value));
            }
            for (list, order) in self.lists.iter().zip(&self.orders) {
                assert_eq!(*order, contents(&self.table, list));
                assert_eq!(list.is_empty(), order.is_empty());
                let tail = some(list.tail);
                let back: Vec<u16> =
                    core::iter::successors(tail, |index| self.table.prev(*index)).collect();
                assert!(back.iter().eq(order.iter().rev()));
            }
        }
    }

    fn play(mut model: Model<'_>) {
        for _ in 0..3000 {
            model.step();
            model.check();
        }
    }

    #[test]
    fn random_operations_agree_with_std() {
        for seed in 1..=8 {
            play(Model::new(Storage::borrowed(&mut slots::<37>()), seed));
            #[cfg(feature = "alloc")]
            play(Model::new(Storage::owned(50), seed));
        }
    }
}
