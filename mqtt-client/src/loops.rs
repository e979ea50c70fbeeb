//! The driver's loops, as others see them: who waits, and who has to look again.

use core::task::Waker;

use mqtt_as_proto::Instant;

/// The driver's loops: their wakers, and which of them have to run.
#[derive(Debug, Default)]
pub(crate) struct Loops {
    wakers: [Option<Waker>; 5],
    due: u8,
    /// The write loop has nothing to write.
    pub(crate) write_idle: bool,
    /// The link is idle: the write loop gives its memory back.
    pub(crate) trim: bool,
    /// Times that the control loop was notified.
    pub(crate) controls: u32,
    /// Writes that the transport took.
    pub(crate) writes: u32,
    /// When the control loop looks at the time next.
    pub(crate) armed: Option<Instant>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loop {
    /// Between connections.
    Runner,
    Read,
    Write,
    Control,
    /// The callbacks' task.
    Callbacks,
}

impl Loops {
    /// That loop has to look at the state again, if it waits: else it looks before it does.
    #[inline]
    pub(crate) fn notify(&mut self, which: Loop) {
        self.controls = self.controls.wrapping_add(u32::from(which == Loop::Control));
        if self.wakers[which as usize].is_some() {
            self.due |= 1 << which as u8;
        }
    }

    /// Keeps the waker of a loop that waits. Gives an old one back.
    pub(crate) fn register(&mut self, which: Loop, waker: &Waker) -> Option<Waker> {
        match &mut self.wakers[which as usize] {
            Some(known) if known.will_wake(waker) => None,
            place => place.replace(waker.clone()),
        }
    }

    /// Whether wakers have to be called.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.due != 0
    }

    pub(crate) fn next_due(&mut self) -> Option<Waker> {
        while self.due != 0 {
            let index = self.due.trailing_zeros();
            self.due &= self.due - 1;
            let waker = self.wakers.get_mut(index as usize).and_then(Option::take);
            if waker.is_some() {
                return waker;
            }
        }
        None
    }
}
