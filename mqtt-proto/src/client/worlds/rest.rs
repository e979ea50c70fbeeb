//! How a world comes to rest, and what may be left then.

use std::format;
use std::string::String;

use super::world::{LENT, World};
use crate::client::incoming::Consumer;

/// Steps until the world has to be at rest, if all goes well.
const SOON: usize = 60;

impl World<'_> {
    /// From here on the link is healthy, the program takes all messages, and time goes on.
    pub(super) fn come_to_rest(&mut self) -> Result<(), String> {
        for _ in 0..SOON {
            while self.move_on()? {
                self.judge()?;
            }
            if self.is_at_rest() {
                return self.judge_rest();
            }
            let ended = self.wire.as_ref().is_some_and(|wire| !wire.is_served);
            if self.wire.is_none() {
                self.connect(false);
            } else if ended || self.client.is_closing() {
                self.lose()?;
            } else {
                self.pass_time()?;
            }
        }
        Err(format!("there is no rest: {self:?}"))
    }

    /// Lets what may happen on a healthy link happen. False if there is nothing more.
    fn move_on(&mut self) -> Result<bool, String> {
        let mut moved = self.write(usize::MAX)?;
        if let Some(wire) = &self.wire {
            let (there, here) = (!wire.to_server.is_empty(), wire.to_client.len());
            if there {
                self.arrive_there()?;
            }
            if here != 0 {
                self.arrive_here()?;
            }
            let left = self.wire.as_ref().map_or(0, |wire| wire.to_client.len());
            moved |= there || left < here;
        }
        while self.client.next(Consumer::Queue).is_some() {
            self.take()?;
            moved = true;
        }
        while !self.held.is_empty() {
            self.acknowledge(0);
            moved = true;
        }
        Ok(moved)
    }

    fn is_at_rest(&mut self) -> bool {
        let served = self.wire.as_ref().is_some_and(|wire| wire.is_served);
        let ready = served && self.client.is_connected() && self.client.is_idle();
        let known = !self.ledger.is_unknown && !self.ledger.is_adopted;
        ready && (self.server.is_at_rest() || !known)
    }

    /// Nothing is missing, and nothing is held of what is over.
    fn judge_rest(&mut self) -> Result<(), String> {
        self.ledger.judge_end(self.server.births)?;
        if self.rules.owes_releases() {
            return Err("a message is past PUBREC, and is not released".into());
        }
        let known = !self.ledger.is_unknown;
        let held = self.client.held_bytes();
        if known && held != (0, 0) || self.client.pending() != 0 {
            return Err(format!("{held:?} bytes are held at rest"));
        }
        self.lose()?;
        self.client.release_memory();
        let lent = if self.settings.lent { LENT.iter().sum() } else { 0 };
        let kept = self.client.allocated_bytes();
        if known && kept != lent {
            return Err(format!("{kept} bytes are kept at rest"));
        }
        Ok(())
    }
}
