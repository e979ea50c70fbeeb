//! Changes of the link on their way to callbacks: a lane of their own, past all messages.

use mqtt_as_proto::Storage;

use crate::error::DownReason;
use crate::event::Session;
use crate::keep::Kept;
use crate::link::Link;
use crate::reconnect::{Attempt, RetryReason};

/// A change of the link. Opaque: without a heap the caller makes an array of them.
#[derive(Clone, Debug, Default)]
pub struct LinkEvent(pub(crate) Option<Change>);

impl LinkEvent {
    pub(crate) const NONE: Self = Self(None);
}

// 0 is left for `None`: a static array of no changes is zero, and takes no flash.
#[derive(Clone, Debug)]
#[repr(u8)]
pub(crate) enum Change {
    Up(Session) = 1,
    Down(DownReason) = 2,
    Reconnecting(Attempt) = 3,
}

/// Changes that were not told yet; the oldest is forgotten when there is no room.
#[derive(Debug)]
pub(crate) struct Lane {
    events: Storage<'static, LinkEvent>,
    len: usize,
    /// Whether callbacks want to know when the link comes up, and when it goes down.
    up: bool,
    down: bool,
    /// And what comes of a policy.
    attempts: bool,
    /// Set where callbacks listen, so that others do not link it.
    keep: Option<Keep>,
}

type Keep = fn(&mut Lane, &Link, Option<&Attempt>) -> Option<Change>;

impl Lane {
    pub(crate) fn new(events: Storage<'static, LinkEvent>) -> Self {
        Self { events, len: 0, up: false, down: false, attempts: false, keep: None }
    }

    /// Keeps where the link stands now, if anybody wants to know it. Whether that is so.
    pub(crate) fn push(&mut self, link: &Link, kept: &mut Kept) -> bool {
        let wanted = if link.is_up { self.up } else { self.down };
        if wanted && let Some(keep) = self.keep {
            discard(keep(self, link, None), kept);
        }
        wanted
    }

    /// Keeps what a policy will do, if anybody wants to know it. Whether that is so.
    pub(crate) fn push_attempt(&mut self, link: &Link, attempt: &Attempt, kept: &mut Kept) -> bool {
        if self.attempts
            && let Some(keep) = self.keep
        {
            discard(keep(self, link, Some(attempt)), kept);
        }
        self.attempts
    }

    /// What callbacks want to know from here on.
    pub(crate) fn listen(&mut self, up: bool, down: bool, attempts: bool) {
        (self.up, self.down, self.attempts) = (up, down, attempts);
        self.keep = Some(Self::keep);
    }

    /// Gives the oldest one, if that is forgotten.
    fn keep(&mut self, link: &Link, attempt: Option<&Attempt>) -> Option<Change> {
        let change = match (attempt, &link.down_reason) {
            (Some(attempt), _) => Change::Reconnecting(attempt.clone()),
            (None, Some(reason)) if !link.is_up => Change::Down(reason.clone()),
            _ => Change::Up(link.session.clone()),
        };
        let full = !self.events.grow_to(self.len + 1);
        let oldest = if full { self.pop() } else { None };
        if let Some(place) = self.events.get_mut(self.len) {
            *place = LinkEvent(Some(change));
            self.len += 1;
        }
        oldest
    }

    pub(crate) fn pop(&mut self) -> Option<Change> {
        let events = self.events.as_mut_slice().get_mut(..self.len)?;
        let mut first = None;
        for event in events.iter_mut().rev() {
            core::mem::swap(&mut event.0, &mut first);
        }
        self.len = self.len.saturating_sub(1);
        first
    }
}

/// What is forgotten is dropped when the lock is free.
fn discard(change: Option<Change>, kept: &mut Kept) {
    match change {
        Some(Change::Down(reason)) => kept.discard(Some(reason)),
        Some(Change::Reconnecting(attempt)) => match attempt.into_reason() {
            RetryReason::Down(reason) => kept.discard(Some(reason)),
            RetryReason::Failed(error) => kept.discard_failure(Some(error)),
        },
        Some(Change::Up(_)) | None => {}
    }
}
