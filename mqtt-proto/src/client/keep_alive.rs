//! Keep-alive (3.1.2.10) and the other deadlines: what has to happen when one has passed.

use super::Client;
use super::error::{ConnectionError, Waiting};
use super::event::Tell;
use super::link::Ping;
use super::outgoing::state;
use super::timers::{TIMERS, Timer};
use crate::log::Record;
use crate::time::Instant;

impl Client<'_> {
    /// The next moment at which [`handle_timeout`](Self::handle_timeout) has to be called: it may
    /// be a little early, and there may be one without a connection.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let left = self.timers.next(self.ms())?;
        Some(self.now.after(u64::from(left)))
    }

    /// Time has passed: does what is due.
    ///
    /// # Errors
    /// [`ConnectionError`] says why the connection has to end.
    pub fn handle_timeout(&mut self, now: Instant, tell: Tell<'_>) -> Result<(), ConnectionError> {
        self.note_time(now);
        if self.timers.next(self.ms()) != Some(0) {
            return Ok(());
        }
        for timer in TIMERS {
            if self.timers.is_due(timer, self.ms()) {
                self.timers.stop(timer);
                self.handle_timer(timer, tell).map_err(|error| self.fail(error))?;
            }
        }
        self.timers.look(self.ms());
        Ok(())
    }

    fn handle_timer(&mut self, timer: Timer, tell: Tell<'_>) -> Result<(), ConnectionError> {
        match timer {
            Timer::Connect => Err(ConnectionError::TimedOut(Waiting::ConnAck)),
            Timer::Write => Err(ConnectionError::TimedOut(Waiting::Write)),
            Timer::Pong => self.check_received(timer, self.config.ping_timeout, Waiting::PingResp),
            // PINGRESP has its own time, which may be longer; when it comes, this begins again.
            Timer::Silence if self.timers.is_armed(Timer::Pong) => Ok(()),
            Timer::Silence => {
                let time = self.silence();
                self.check_received(timer, time, Waiting::Silence)
            }
            Timer::Acknowledge => self.check_acknowledged(),
            Timer::End => self.handle_end(),
            Timer::Ping => {
                self.check_ping();
                Ok(())
            }
            Timer::StreamOut => match self.hooks.streams_out {
                Some(hook) => Err((hook.stop)(self, tell)),
                None => Ok(()),
            },
            Timer::StreamIn => match self.config.streams_in {
                Some(streams) => (streams.hook.end_stalled)(self, tell),
                None => Ok(()),
            },
            Timer::Expiry => {
                if let Some(expiry) = self.config.expiry {
                    (expiry.end_expired)(self, tell);
                }
                Ok(())
            }
        }
    }

    /// The server was silent for too long, unless something came since the timer was set.
    fn check_received(
        &mut self,
        timer: Timer,
        time: u32,
        waiting: Waiting,
    ) -> Result<(), ConnectionError> {
        let now = self.ms();
        let silent = now.wrapping_sub(self.link.last_received);
        if silent >= time {
            return Err(ConnectionError::TimedOut(waiting));
        }
        self.timers.arm(timer, now, time.wrapping_sub(silent));
        Ok(())
    }

    /// `response_time` has passed: with no acknowledgement in it, one more was missed.
    fn check_acknowledged(&mut self) -> Result<(), ConnectionError> {
        let waits = self.awaits_acknowledgement();
        // What has not left cannot have been acknowledged: that is the write time-out's matter.
        let leaving = self.oldest_is_leaving();
        let progress = core::mem::take(&mut self.link.progress_since) || leaving;
        self.link.missed = if progress || !waits { 0 } else { self.link.missed.saturating_add(1) };
        if self.link.missed > self.config.max_repubs {
            return Err(ConnectionError::TimedOut(Waiting::Acknowledgement));
        }
        if waits {
            let now = self.ms();
            self.timers.arm(Timer::Acknowledge, now, self.config.response_time);
        }
        Ok(())
    }

    /// Whether the server has to acknowledge anything.
    pub(super) fn awaits_acknowledgement(&self) -> bool {
        let interrupted = self.hooks.streams_out.map_or(0, |hook| (hook.interrupted)(self));
        self.link.outstanding > interrupted || self.outgoing.requests != 0 || self.cleared.is_open()
    }

    /// The keep-alive that holds, and with it when PINGREQ is due: a little before the time, by
    /// 5 %, at most 5 s.
    pub(super) fn begin_keep_alive(&mut self) {
        let interval = match (self.link.keep_alive, self.config.ping_interval) {
            (0, time) | (time, 0) => time,
            (keep_alive, interval) => keep_alive.min(interval),
        };
        let early = interval.checked_div(20).unwrap_or(0).min(5000);
        self.link.ping_after = interval.saturating_sub(early);
        let (now, silence) = (self.ms(), self.silence());
        self.timers.arm(Timer::Silence, now, silence);
        self.arm_ping();
    }

    fn silence(&self) -> u32 {
        self.link.keep_alive.saturating_add(self.link.keep_alive >> 1)
    }

    /// When PINGREQ may be due: nothing was sent, or nothing was received, for the interval. While
    /// one is open whose answer is held up, the server wants to hear of us all the same.
    pub(super) fn arm_ping(&mut self) {
        let now = self.ms();
        if self.link.ping_after != 0 && self.is_connected() {
            let left = self.link.ping_after.saturating_sub(self.idle(now));
            self.timers.arm(Timer::Ping, now, left.max(1));
        }
    }

    /// How long there was no traffic that counts.
    fn idle(&self, now: u32) -> u32 {
        let sent = now.wrapping_sub(self.link.last_sent);
        match self.link.ping {
            Ping::None => sent.max(now.wrapping_sub(self.link.last_received)),
            _ => sent,
        }
    }

    fn check_ping(&mut self) {
        let now = self.ms();
        if self.idle(now) >= self.link.ping_after {
            self.owe_ping();
            // Looked at again then; PINGRESP arms it anew.
            self.timers.arm(Timer::Ping, now, self.link.ping_after);
        } else {
            self.arm_ping();
        }
    }

    /// A PINGREQ is to be sent, unless one is open whose answer may come.
    fn owe_ping(&mut self) {
        let may_come = match self.link.ping {
            Ping::None => false,
            Ping::Sent { heard } => !heard && !self.link.is_paused,
            Ping::Owed | Ping::Queued(_) => true,
        };
        if !may_come {
            self.link.ping = Ping::Owed;
        }
    }

    /// Sends PINGREQ, if none is open; [`Event::Pong`](super::Event::Pong) tells the answer. False
    /// if there is no connection.
    pub fn ping(&mut self) -> bool {
        if self.is_connected() && self.link.ping == Ping::None {
            self.link.ping = Ping::Owed;
        }
        self.is_connected()
    }

    /// Ends the connection for that reason.
    pub(super) fn fail(&mut self, error: ConnectionError) -> ConnectionError {
        let resent = matches!(error, ConnectionError::Overrun | ConnectionError::StreamNotTaken);
        if self.link.shed != 0 {
            // What was taken is acknowledged, as far as there is room, before the end.
            let _ = self.fill_acknowledgements();
        }
        if let Some(goodbye) = &mut self.link.goodbye {
            goodbye.flush = false; // It was ending in good order.
        }
        let can_tell = resent || self.v5();
        self.begin_closing(error.reason().filter(|_| can_tell), false);
        if matches!(error, ConnectionError::TimedOut(Waiting::Write)) {
            // The transport is stuck: nothing more is to be written.
            self.link.goodbye = None;
            self.timers.stop(Timer::Write);
            self.clear_outbox();
        }
        error
    }

    /// The oldest unacknowledged PUBLISH has not left whole.
    fn oldest_is_leaving(&self) -> bool {
        let outgoing = &self.outgoing;
        let begun = |record: &Record| matches!(record.state, state::SENT | state::STREAMING);
        outgoing.log.search(begun).is_some_and(|record| {
            let len = outgoing.packet(&record).len();
            let len = len.wrapping_add(outgoing.log.shared_len(&record));
            let last = record.extra.wrapping_add((len as u32).saturating_sub(1));
            record.state == state::STREAMING || !outgoing.is_written(&record, last, &self.link)
        })
    }
}
