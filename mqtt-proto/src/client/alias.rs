//! Topic aliases (3.3.2.3.4): numbers that stand for topic names, for one connection, each way.

use core::fmt;

use crate::storage::Storage;
use crate::topic::TopicName;
use crate::wire::copy;

/// Room for one topic alias. Opaque: callers without a heap make an array of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alias {
    at: u32,
    len: u16,
    /// Bytes kept for it: a shorter topic may take the place of a longer one.
    room: u16,
}

impl Alias {
    /// No alias, to make arrays of.
    pub const EMPTY: Self = Self { at: 0, len: 0, room: 0 };
}

/// Memory for the topic aliases of one direction.
#[derive(Debug, Default)]
pub struct AliasMemory<'a> {
    /// One item per alias.
    pub aliases: Storage<'a, Alias>,
    /// The topics, in bytes.
    pub topics: Storage<'a, u8>,
}

/// The topics that the aliases 1 to n stand for.
pub(crate) struct Aliases<'a> {
    memory: AliasMemory<'a>,
    /// Aliases that have stood for a topic on this connection.
    used: usize,
    /// Bytes of `topics` in use, with those that a shorter topic left over.
    len: usize,
}

impl<'a> Aliases<'a> {
    pub(crate) fn new(memory: AliasMemory<'a>) -> Self {
        Self { memory, used: 0, len: 0 }
    }

    /// How many aliases there is memory for, if no topic is longer than `longest`.
    pub(crate) fn maximum(&self, longest: usize) -> u16 {
        let by_bytes = self.memory.topics.limit().checked_div(longest.max(1)).unwrap_or(0);
        u16::try_from(by_bytes.min(self.memory.aliases.limit())).unwrap_or(u16::MAX)
    }

    /// Mappings end with the connection [MQTT-3.3.2-7].
    pub(crate) fn end_connection(&mut self) {
        (self.used, self.len) = (0, 0);
        self.memory.aliases.release();
        self.memory.topics.release();
    }

    /// The topic that `alias` stands for.
    pub(crate) fn get(&self, alias: u16) -> Option<TopicName<'_>> {
        let index = usize::from(alias).checked_sub(1)?;
        let entry = self.entries().get(index).filter(|entry| entry.len != 0)?;
        Some(TopicName::judged(self.topic(*entry)))
    }

    /// The alias of a topic.
    pub(crate) fn find(&self, topic: TopicName<'_>) -> Option<u16> {
        let found = self.entries().iter().position(|e| self.topic(*e) == topic.as_bytes())?;
        u16::try_from(found.saturating_add(1)).ok()
    }

    /// Lets the next alias that stands for nothing, up to `maximum`, stand for the topic.
    pub(crate) fn assign(&mut self, topic: TopicName<'_>, maximum: u16) -> Option<u16> {
        let alias = u16::try_from(self.used.saturating_add(1)).ok()?;
        (alias <= maximum && self.set(alias, topic)).then_some(alias)
    }

    /// Lets `alias` stand for the topic. False if there is no memory for it.
    #[must_use]
    pub(crate) fn set(&mut self, alias: u16, topic: TopicName<'_>) -> bool {
        let Some(index) = usize::from(alias).checked_sub(1) else { return false };
        let Ok(len) = u16::try_from(topic.as_bytes().len()) else { return false };
        if !self.use_up_to(usize::from(alias)) || !self.make_room(index, len) {
            return false;
        }
        let Some(entry) = self.memory.aliases.get_mut(index) else { return false };
        entry.len = len;
        let at = entry.at as usize;
        let end = at.saturating_add(usize::from(len));
        if let Some(room) = self.memory.topics.as_mut_slice().get_mut(at..end) {
            copy(room, topic.as_bytes());
        }
        true
    }

    fn use_up_to(&mut self, count: usize) -> bool {
        if !self.memory.aliases.grow_to(count) {
            return false;
        }
        for index in self.used..count {
            if let Some(entry) = self.memory.aliases.get_mut(index) {
                *entry = Alias::default();
            }
        }
        self.used = self.used.max(count);
        true
    }

    /// Finds room for `len` bytes: the old place, the end, or the end after closing the gaps.
    fn make_room(&mut self, index: usize, len: u16) -> bool {
        let Some(entry) = self.memory.aliases.get_mut(index) else { return false };
        if entry.room >= len {
            return true;
        }
        *entry = Alias::default();
        let wanted = usize::from(len);
        if self.len.saturating_add(wanted) > self.memory.topics.limit() {
            self.close_gaps();
        }
        let end = self.len.saturating_add(wanted);
        if !self.memory.topics.grow_to(end) {
            return false;
        }
        let at = u32::try_from(self.len).unwrap_or(u32::MAX);
        if let Some(entry) = self.memory.aliases.get_mut(index) {
            *entry = Alias { at, len: 0, room: len };
        }
        self.len = end;
        true
    }

    /// Moves all topics to the front, in the order in which they lie.
    fn close_gaps(&mut self) {
        let mut end = 0_usize;
        let mut from = 0;
        while let Some(index) = self.first_from(from) {
            let Some(entry) = self.memory.aliases.get_mut(index) else { break };
            let (at, len) = (entry.at as usize, usize::from(entry.len));
            from = entry.at.saturating_add(1);
            *entry =
                Alias { at: u32::try_from(end).unwrap_or(u32::MAX), room: entry.len, ..*entry };
            for offset in 0..len {
                self.move_byte(at.saturating_add(offset), end.saturating_add(offset));
            }
            end = end.saturating_add(len);
        }
        self.len = end;
    }

    fn move_byte(&mut self, from: usize, to: usize) {
        let byte = self.memory.topics.get(from).copied().unwrap_or_default();
        if let Some(place) = self.memory.topics.get_mut(to) {
            *place = byte;
        }
    }

    /// The alias whose topic lies first at or after `from`.
    fn first_from(&self, from: u32) -> Option<usize> {
        let all = self.entries().iter().enumerate();
        let later = all.filter(|(_, entry)| entry.len != 0 && entry.at >= from);
        later.min_by_key(|(_, entry)| entry.at).map(|(index, _)| index)
    }

    fn entries(&self) -> &[Alias] {
        self.memory.aliases.as_slice().get(..self.used).unwrap_or_default()
    }

    fn topic(&self, entry: Alias) -> &[u8] {
        let at = entry.at as usize;
        let end = at.saturating_add(usize::from(entry.len));
        self.memory.topics.as_slice().get(at..end).unwrap_or_default()
    }
}

impl fmt::Debug for Aliases<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aliases").field("used", &self.used).finish_non_exhaustive()
    }
}
