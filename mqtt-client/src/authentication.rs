//! The method of enhanced authentication (4.12), and the program's part of it.

use core::fmt;

use crate::above::{Above, Ours};
use crate::held::{Held, Text};
use crate::read::ReadMemory;

/// The program's part of a method of enhanced authentication. Closures are one: see
/// [`Config::authentication`](crate::Config::authentication).
///
/// It runs beside the connection, which stands still meanwhile: one that takes long holds it up.
/// What it keeps from one step to the next it guards itself.
pub trait Authenticator: Send + Sync {
    /// Does a step, and gives the data for the server to `reply`. Without any the packet has none.
    /// Returns whether to go on: false ends the connection, or the attempt to make one.
    ///
    /// ```
    /// use mqtt_as_tokio::{Authenticator, Reply, Stage};
    ///
    /// /// A method in which the client answers a challenge with the same bytes.
    /// struct Echo;
    ///
    /// impl Authenticator for Echo {
    ///     fn step(&self, stage: Stage<'_>, reply: &mut Reply<'_>) -> bool {
    ///         if let Stage::Challenge(data) = stage {
    ///             reply.send(data);
    ///         }
    ///         true
    ///     }
    /// }
    /// ```
    fn step(&self, stage: Stage<'_>, reply: &mut Reply<'_>) -> bool;
}

impl<F: Fn(Stage<'_>, &mut Reply<'_>) -> bool + Send + Sync> Authenticator for F {
    fn step(&self, stage: Stage<'_>, reply: &mut Reply<'_>) -> bool {
        self(stage, reply)
    }
}

/// Where an authentication stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage<'a> {
    /// CONNECT goes out: a new exchange, whose first data it takes along.
    Connect,
    /// A re-authentication begins: a new exchange, too.
    Again,
    /// The server asks for another step, with that data.
    Challenge(&'a [u8]),
    /// The server accepts, with that data: the last chance to refuse the server. Nothing is
    /// replied.
    Success(&'a [u8]),
}

/// Takes the data of a step.
pub struct Reply<'r>(pub(crate) &'r mut dyn FnMut(&[u8]));

impl Reply<'_> {
    /// Sends the data to the server at once, so let it be the last thing that a step does: the next
    /// one may begin. Once in a step; what comes later is dropped.
    ///
    /// ```
    /// use mqtt_as_tokio::{Reply, Stage};
    ///
    /// fn step(stage: Stage<'_>, reply: &mut Reply<'_>) -> bool {
    ///     if stage == Stage::Connect {
    ///         reply.send(b"hello");
    ///     }
    ///     true
    /// }
    /// # let _: fn(Stage<'_>, &mut Reply<'_>) -> bool = step;
    /// ```
    pub fn send(&mut self, data: &[u8]) {
        (self.0)(data);
    }
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}

/// The method of the connections, and the program's part of it.
#[derive(Clone)]
pub(crate) struct Authentication {
    pub(crate) method: Text,
    pub(crate) by: Held<dyn Authenticator>,
    /// The program is asked to begin a re-authentication.
    pub(crate) begins: bool,
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.method.fmt(f)
    }
}

type State = <Ours as Above>::State;
type Locked<'l> = <Ours as Above>::Locked<'l>;

/// What is done with a method of authentication: through pointers, so that a program without one
/// links nothing of it.
#[derive(Clone, Copy)]
pub(crate) struct Authenticating {
    /// How many of the packets that were read the core deals with at once, of so many: none if the
    /// program sees the first one before.
    pub(crate) packets: fn(&State, &mut ReadMemory, usize) -> usize,
    /// Has the program begin, and says CONNECT. Whether that is out.
    pub(crate) begin: fn(&Locked<'_>, clean: bool) -> bool,
    /// Shows it the first packet, and says what it answers.
    pub(crate) show: fn(&Locked<'_>, &ReadMemory),
}

impl fmt::Debug for Authenticating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticating")
    }
}
