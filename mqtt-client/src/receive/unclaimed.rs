//! What receivers do not claim, and nobody asks for. It would shut the server's window for those who
//! do ask: so it is not held for ever.

use mqtt_as_proto::Instant;

use crate::deadline::{Deadline, NEVER};

/// QoS 1 and 2 messages that no receiver has claimed, while there is no consumer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unclaimed {
    patience: Patience,
    /// Those that nobody has had.
    count: u64,
}

/// How long they are held.
#[derive(Clone, Copy, Debug, Default)]
enum Patience {
    /// There are none.
    #[default]
    None,
    /// The first one came.
    Came,
    /// Somebody has until then to ask for them.
    Until(Deadline),
    /// Nobody did.
    Over,
}

impl Unclaimed {
    /// One came. Whether it is to be discarded.
    pub(super) fn came(&mut self, has_consumer: bool) -> bool {
        match self.patience {
            _ if has_consumer => self.patience = Patience::None,
            Patience::None => self.patience = Patience::Came,
            Patience::Came | Patience::Until(_) => {}
            Patience::Over => {
                self.discarded(1);
                return true;
            }
        }
        false
    }

    /// There are some whose consumer is gone, or that came before there were receivers.
    pub(super) fn left(&mut self) {
        self.patience = Patience::Came;
    }

    /// So many were discarded.
    pub(super) fn discarded(&mut self, count: u32) {
        self.count = self.count.wrapping_add(u64::from(count));
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The time begins, if there is any.
    pub(super) fn begin(&mut self, time: u32, now: Instant) {
        if matches!(self.patience, Patience::Came) && time != 0 {
            self.patience = Patience::Until(Deadline::after(now, time));
        }
    }

    pub(super) fn time_left(&self, now: Instant) -> u32 {
        match self.patience {
            Patience::Until(at) => at.left(now),
            _ => NEVER,
        }
    }

    /// Whether the time is over, and nobody has asked.
    pub(super) fn expire(&mut self, has_consumer: bool, now: Instant) -> bool {
        if self.time_left(now) != 0 {
            return false;
        }
        self.patience = if has_consumer { Patience::None } else { Patience::Over };
        !has_consumer
    }
}
