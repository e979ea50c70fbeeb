//! What a policy does when the link comes and goes: reached through pointers that the settings
//! carry, so that a program without a policy links none of it.

use core::fmt;

use crate::above::{Above, Ours};
use crate::held::{Held, Text};

type State = <Ours as Above>::State;
type Asking = <Ours as Above>::Asking;

/// When and where to connect again.
pub(crate) type Policy = Held<<Ours as Above>::Policy>;

/// What a policy does.
pub(crate) struct Retries {
    /// The program wants a connection, clean or not.
    pub(crate) begin: fn(&mut State, bool),
    /// Names the server that it is for, if that is not the one of the settings.
    pub(crate) aim: fn(&State, &mut (Text, u16)),
    /// Whether an attempt is due, and then to be clean.
    pub(crate) due: fn(&mut State) -> Option<bool>,
    pub(crate) prepare: Prepare,
    /// Something was read.
    pub(crate) after_read: fn(&mut State),
    /// A link that was up is gone, for the reason that was told.
    pub(crate) lost: fn(&mut State),
    /// An attempt failed, as the link says. True if the call that waits for the connection goes on waiting.
    pub(crate) failed: fn(&mut State) -> bool,
}

/// An attempt begins: asks the program, while the state is not locked, what it says in CONNECT. The
/// number is as good as random. What takes time is the driver's to await.
pub(crate) type Prepare = fn(&<Ours as Above>::Locked<'_>, u32) -> Option<Asking>;

impl fmt::Debug for Retries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Retries")
    }
}
