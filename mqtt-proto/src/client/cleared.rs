//! An adopted session: the server may hold a message under any identifier.

use super::Client;
use super::outgoing::{flag, qos, state};
use super::transmit::Step;
use crate::packet::{PacketType, QoS};
use crate::reason::ReasonCode;

/// The identifiers of an adopted session that may be used at QoS 2.
///
/// The server may hold a message under any of them. So each is cleared, by PUBREL and PUBCOMP, before
/// its first use: as identifiers come in sequence, many at a time, and ahead of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cleared {
    /// The session is adopted, and not all identifiers are cleared yet.
    adopted: bool,
    /// From this one on so many in sequence are cleared, or are being cleared; it wraps when all are.
    first: u16,
    count: u16,
    /// The last ones of them that were asked for together, and of these a bit each whose PUBCOMP has
    /// not come: with `first` 1, `count` 40 and `batch` 8 those are 33 to 40, and bit 0 is 40.
    batch: u16,
    open: u32,
    /// With these all are cleared.
    is_last: bool,
}

/// Identifiers that are cleared at a time.
const AHEAD: u16 = 32;

impl Cleared {
    pub(super) fn new(adopted: bool) -> Self {
        Self { adopted, first: 1, ..Self::default() }
    }

    /// Whether the identifier may be used at QoS 2.
    #[inline]
    pub(super) fn is_clear(&self, id: u16) -> bool {
        !self.adopted || self.is_done(id)
    }

    fn is_done(&self, id: u16) -> bool {
        let at = id.wrapping_sub(self.first);
        let from_end = self.count.wrapping_sub(at); // 1 for the last one.
        let open = from_end <= AHEAD && self.open >> (from_end.wrapping_sub(1) & 31) & 1 != 0;
        at < self.count && !open
    }

    /// Whether PUBCOMP is awaited.
    pub(super) fn is_open(&self) -> bool {
        self.open != 0
    }

    /// The next ones are cleared, that one among them. Returns the first of them.
    fn begin(&mut self, id: u16) -> u16 {
        if id.wrapping_sub(self.first).wrapping_sub(self.count) >= AHEAD {
            (self.first, self.count) = (id, 0); // Those between were used at another QoS.
        }
        self.first.wrapping_add(self.count)
    }

    /// So many were asked for, of which those with a bit are to be answered.
    fn ask(&mut self, batch: u16, open: u32) {
        (self.count, self.is_last) = self.count.overflowing_add(batch);
        (self.batch, self.open) = (batch, open);
    }

    /// PUBCOMP came: whether it clears an identifier.
    pub(super) fn complete(&mut self, id: u16) -> bool {
        if self.open == 0 {
            return false;
        }
        let from_end = self.count.wrapping_sub(id.wrapping_sub(self.first));
        let bit = 1_u32.wrapping_shl(u32::from(from_end.wrapping_sub(1)));
        let known = (1..=AHEAD).contains(&from_end) && self.open & bit != 0;
        if known {
            self.open &= !bit;
            self.adopted &= !(self.open == 0 && self.is_last);
        }
        known
    }

    /// The connection is gone: what was not answered is not cleared.
    pub(super) fn end_connection(&mut self) {
        if self.open != 0 {
            self.open = 0;
            self.count = self.count.wrapping_sub(self.batch);
        }
    }
}

impl Client<'_> {
    /// In an adopted session the server may hold the identifier: it is cleared before a QoS 2
    /// message uses it, or that might be taken for a duplicate.
    pub(super) fn clear_from(&mut self, id: u16) -> Step {
        if self.cleared.is_open() {
            return Step::Wait;
        }
        let room = usize::from(AHEAD).saturating_mul(4);
        if !self.outbox.has_room(room.min(self.outbox.limit())) {
            return Step::NoRoom;
        }
        let next = self.cleared.begin(id);
        let (mut batch, mut open) = (0_u16, 0_u32);
        while batch < AHEAD {
            let id = next.wrapping_add(batch);
            let asks = id != 0 && !self.is_exactly_once(id);
            if asks && !self.put_ack(PacketType::PubRel, id, ReasonCode::SUCCESS) {
                break;
            }
            open = open << 1 | u32::from(asks);
            batch = batch.wrapping_add(1);
        }
        self.cleared.ask(batch, open);
        Step::Wait
    }

    /// Whether a QoS 2 flow has that identifier: PUBREL would end it.
    fn is_exactly_once(&self, id: u16) -> bool {
        self.outgoing.log.find(id).is_some_and(|record| {
            let waits = record.state == state::WAITING && !record.has(flag::BEFORE);
            qos(&record) == QoS::ExactlyOnce && !waits
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{AHEAD, Cleared};

    /// As the server answers all.
    fn clear(cleared: &mut Cleared, id: u16) {
        let next = cleared.begin(id);
        cleared.ask(AHEAD, u32::MAX);
        for n in 0..AHEAD {
            let next = next.wrapping_add(n);
            assert!(!cleared.is_clear(next), "it is not answered");
            assert!(cleared.complete(next));
        }
        assert!(!cleared.is_open());
    }

    #[test]
    fn in_sequence_all_are_cleared_once() {
        for first in [1, 7, 40_000, u16::MAX] {
            let mut cleared = Cleared { first, ..Cleared::new(true) };
            let mut batches = 0;
            for n in 0..=u16::MAX {
                let id = first.wrapping_add(n);
                if !cleared.is_clear(id) {
                    clear(&mut cleared, id);
                    batches += 1;
                }
                assert!(cleared.is_clear(id));
            }
            assert_eq!(batches, 65_536 / u32::from(AHEAD));
            assert!((0..=u16::MAX).all(|id| cleared.is_clear(id)));
        }
    }

    #[test]
    fn those_between_are_cleared_if_they_are_few_and_never_taken_for_cleared() {
        let mut cleared = Cleared::new(true);
        clear(&mut cleared, 1);
        clear(&mut cleared, 40);
        assert!((1..=64).all(|id| cleared.is_clear(id)));
        clear(&mut cleared, 1000);
        assert!((1000..1032).all(|id| cleared.is_clear(id)));
        assert!((65..1000).all(|id| !cleared.is_clear(id)));
    }

    #[test]
    fn what_was_not_answered_is_not_cleared() {
        let mut cleared = Cleared::new(true);
        clear(&mut cleared, 1);
        let next = cleared.begin(33);
        cleared.ask(AHEAD, u32::MAX);
        assert!(cleared.complete(next));
        assert!(!cleared.complete(next), "once");
        cleared.end_connection();
        assert!(cleared.is_clear(32));
        assert!(!cleared.is_clear(33));
    }
}
