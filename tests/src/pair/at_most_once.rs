//! QoS 0: what was accepted leaves once, and what came is given to the program once or counted as
//! discarded. Of what comes or leaves as a stream nothing is known here.

use std::collections::BTreeMap;

use super::{Fault, Invariant};

/// Digests of payloads, and how often each is there.
type Messages = BTreeMap<u64, u32>;

#[derive(Debug, Default)]
pub(super) struct AtMostOnce {
    /// Handed to the connection, as the client says, and not yet written.
    leaving: Messages,
    /// Came, and the program has not got them.
    came: Messages,
}

impl AtMostOnce {
    /// The client says that a message is on its way.
    pub(super) fn leaves(&mut self, content: u64) {
        *self.leaving.entry(content).or_default() += 1;
    }

    /// PUBLISH has left.
    pub(super) fn left(&mut self, content: u64) -> Result<(), Fault> {
        match take(&mut self.leaving, content) {
            true => Ok(()),
            false => fault(Invariant::ExactlyOnce, "QoS 0 leaves twice, or never was on its way"),
        }
    }

    /// The connection is over, and of so many the client does not know whether they left.
    pub(super) fn end_connection(&mut self, unknown: u32) -> Result<(), Fault> {
        let leaving: u32 = std::mem::take(&mut self.leaving).values().sum();
        match leaving <= unknown {
            true => Ok(()),
            false => fault(Invariant::Truth, "QoS 0 did not leave, and is not told to be lost"),
        }
    }

    /// All that is to be written is: what was on its way has left.
    pub(super) fn judge_written(&self) -> Result<(), Fault> {
        match self.leaving.is_empty() {
            true => Ok(()),
            false => fault(Invariant::Truth, "QoS 0 was on its way, and did not leave"),
        }
    }

    /// A whole message came, or one is left that the program has begun to read.
    pub(super) fn came(&mut self, content: u64) {
        *self.came.entry(content).or_default() += 1;
    }

    /// The program has it, or begins to read it.
    pub(super) fn given(&mut self, content: u64) -> Result<(), Fault> {
        match take(&mut self.came, content) {
            true => Ok(()),
            false => fault(Invariant::ExactlyOnce, "QoS 0 is given twice, or never came"),
        }
    }

    /// The process that had them has ended.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Nobody has more to take, and so many were counted as discarded.
    pub(super) fn judge_end(&self, discarded: u64) -> Result<(), Fault> {
        let gone: u64 = self.came.values().map(|times| u64::from(*times)).sum();
        match gone <= discarded {
            true => Ok(()),
            false => fault(Invariant::Truth, "QoS 0 came, was given to nobody and not counted"),
        }
    }
}

fn take(from: &mut Messages, content: u64) -> bool {
    let Some(times) = from.get_mut(&content) else { return false };
    *times -= 1;
    if *times == 0 {
        from.remove(&content);
    }
    true
}

fn fault(invariant: Invariant, text: &str) -> Result<(), Fault> {
    Err(Fault { invariant, text: text.to_owned() })
}
