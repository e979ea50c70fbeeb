//! When what has to happen, by the documents: a second opinion on the client's timers, which knows only
//! what passes between client and driver.

use mqtt_as_proto::Instant;
use mqtt_as_proto::client::{Config, Waiting};

/// What a connection has waited for, and since when.
#[derive(Debug)]
pub(super) struct Deadlines {
    config: Config,
    phase: Phase,
    /// CONNECT was given to the driver.
    began: Instant,
    /// CONNACK or PINGRESP came: the time without traffic is counted anew.
    counted: Instant,
    /// The transport took bytes, and was given some or took some.
    sent: Instant,
    wrote: Instant,
    /// Bytes came.
    received: Instant,
    /// In milliseconds; 0 for none.
    keep_alive: u64,
    /// PINGREQ that is not answered: since when.
    ping: Option<Instant>,
    /// It was time for one.
    owes_ping: bool,
    /// The transport has not taken all, and has taken nothing since then.
    offered: Option<Instant>,
    /// The transport was given bytes.
    polled: Instant,
    /// Something waits to be acknowledged, and when that is looked at.
    awaits: bool,
    acknowledgements: Option<Acknowledgements>,
    /// Nothing is read, for want of room.
    paused: Option<Instant>,
    /// The transport was stuck, or a message left in parts when it was looked at whether it was
    /// acknowledged: of that the documents say no moment.
    is_vague: bool,
    writes_in_parts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    Connecting,
    Connected,
    Ending,
}

/// Something waits to be acknowledged: that is looked at whenever the response time has passed.
#[derive(Clone, Copy, Debug)]
struct Acknowledgements {
    since: Instant,
    next: Instant,
    /// Times in a row that nothing was acknowledged.
    missed: u32,
    /// Something was, since the last time.
    progress: bool,
}

/// PINGREQ leaves that much before the time: a part of it, and never more than.
const EARLIER: (u64, u64) = (20, 5000);

impl Deadlines {
    pub(super) fn new(config: &Config, writes_in_parts: bool) -> Self {
        let start = Instant::default();
        Self {
            config: config.clone(),
            phase: Phase::Down,
            began: start,
            counted: start,
            sent: start,
            wrote: start,
            received: start,
            keep_alive: 0,
            ping: None,
            owes_ping: false,
            offered: None,
            polled: start,
            awaits: false,
            acknowledgements: None,
            paused: None,
            is_vague: false,
            writes_in_parts,
        }
    }

    /// CONNECT, with that keep-alive in seconds.
    pub(super) fn connect(&mut self, keep_alive: u16, now: Instant) {
        *self = Self {
            phase: Phase::Connecting,
            keep_alive: u64::from(keep_alive) * 1000,
            began: now,
            sent: now,
            received: now,
            ..Self::new(&self.config, self.writes_in_parts)
        };
    }

    /// CONNACK, with the server's keep-alive if it has one [MQTT-3.1.2-21].
    pub(super) fn connected(&mut self, keep_alive: Option<u16>, now: Instant) {
        self.phase = Phase::Connected;
        self.keep_alive = keep_alive.map_or(self.keep_alive, |seconds| u64::from(seconds) * 1000);
        self.counted = now;
    }

    /// The client says its last.
    pub(super) fn ending(&mut self) {
        if self.phase != Phase::Down {
            self.phase = Phase::Ending;
        }
    }

    pub(super) fn lost(&mut self) {
        *self = Self::new(&self.config, self.writes_in_parts);
    }

    /// Bytes came.
    pub(super) fn received(&mut self, now: Instant) {
        self.received = now;
    }

    /// The client stopped reading, for want of room, or did not.
    pub(super) fn read(&mut self, stopped: bool, now: Instant) {
        if stopped {
            self.paused.get_or_insert(now);
        } else if let Some(since) = self.paused.take() {
            self.received = self.received.after(now.since(since)).min(now);
            let stood_still = |from: Instant| now.since(from.max(since));
            self.ping = self.ping.map(|at| at.after(stood_still(at)));
            if let Some(waits) = &mut self.acknowledgements {
                waits.next = waits.next.after(stood_still(waits.since));
            }
        }
    }

    /// Something is there to be written.
    pub(super) fn offer(&mut self, now: Instant) {
        self.offered = Some(now);
        (self.polled, self.wrote) = (now, now);
    }

    /// The transport took bytes, all that it was offered or not.
    pub(super) fn transmitted(&mut self, all: bool, now: Instant) {
        if self.wrote != now {
            self.received = now; // It had to wait, and went on.
            self.is_vague = true;
        }
        (self.sent, self.wrote) = (now, now);
        self.offered = (!all).then_some(now);
    }

    /// PINGREQ left. Whether its time had come: while one is open whose answer is held up, another one
    /// may follow.
    pub(super) fn ping(&mut self, now: Instant) -> bool {
        let owed = std::mem::take(&mut self.owes_ping);
        let before = self.ping.replace(now);
        owed || self.paused.is_some() || before.is_some_and(|at| self.received >= at)
    }

    /// PINGRESP came.
    pub(super) fn pong(&mut self, now: Instant) {
        if self.ping.take().is_some() {
            self.counted = now;
        }
    }

    /// An acknowledgement came that was awaited.
    pub(super) fn progress(&mut self) {
        if let Some(waits) = &mut self.acknowledgements {
            waits.progress = true;
        }
    }

    /// Something waits to be acknowledged, or nothing does.
    pub(super) fn awaits(&mut self, awaits: bool, now: Instant) {
        if !self.awaits && self.paused.is_none() {
            // It was looked at, and nothing was awaited.
            self.acknowledgements.take_if(|waits| waits.next <= now);
        }
        self.awaits = awaits && self.phase == Phase::Connected;
    }

    /// Something leaves: what is awaited from here on is so since it was given to the driver.
    pub(super) fn leaves(&mut self, now: Instant) {
        let looks = self.acknowledgements.is_some() || self.config.response_time == 0;
        if self.awaits && !looks {
            let since = self.polled;
            let next = since.after(self.config.response_time.into());
            self.is_vague |= next <= now; // It was looked at while it was leaving.
            let waits = Acknowledgements { since, next, missed: 0, progress: false };
            self.acknowledgements = Some(waits);
        }
    }

    /// What the client looks at when its time has come, before it does so.
    pub(super) fn look(&mut self, now: Instant) {
        self.owes_ping |= self.ping_due().is_some_and(|at| at <= now);
        let Some(waits) = self.acknowledgements.filter(|waits| waits.next <= now) else { return };
        if !self.awaits_server() {
            return;
        }
        // What has not left cannot have been acknowledged.
        self.is_vague |= self.offered.is_some();
        let quiet = self.awaits && !waits.progress;
        let missed = if quiet { waits.missed + 1 } else { 0 };
        if missed <= u32::from(self.config.max_repubs) {
            let next = now.after(self.config.response_time.into());
            let again = Acknowledgements { since: now, next, missed, progress: false };
            self.acknowledgements = self.awaits.then_some(again);
        }
    }

    /// When PINGREQ has to leave, if none is open: nothing was sent, or nothing was received, for
    /// nearly the keep-alive.
    pub(super) fn ping_due(&self) -> Option<Instant> {
        let interval = u64::from(self.config.ping_interval);
        let interval = [interval, self.keep_alive].into_iter().filter(|time| *time != 0).min()?;
        let (part, most) = EARLIER;
        let after = interval - (interval / part).min(most);
        let due = self.sent.min(self.received).after(after).max(self.counted.after(1));
        Some(due).filter(|_| self.phase == Phase::Connected && self.ping.is_none())
    }

    /// When the connection ends, and for what.
    pub(super) fn ends(&self) -> impl Iterator<Item = (Waiting, Instant)> + '_ {
        let all = [
            (Waiting::ConnAck, self.connack_due()),
            (Waiting::PingResp, self.pong_due()),
            (Waiting::Silence, self.silence_due()),
            (Waiting::Write, self.write_due()),
            (Waiting::Acknowledgement, self.acknowledgement_due()),
        ];
        all.into_iter().filter_map(|(waiting, at)| Some((waiting, at?)))
    }

    /// Whether a moment is promised for that.
    pub(super) fn is_exact(&self, waiting: Waiting) -> bool {
        // What a stuck transport was given may be looked at before it has left.
        let is_stuck = self.offered.is_some();
        !(self.is_vague || self.writes_in_parts || is_stuck) || waiting != Waiting::Acknowledgement
    }

    fn connack_due(&self) -> Option<Instant> {
        let due = after(self.began, self.config.connect_timeout);
        due.filter(|_| self.phase == Phase::Connecting)
    }

    fn pong_due(&self) -> Option<Instant> {
        let due = after(self.ping?.max(self.received), self.config.ping_timeout);
        due.filter(|_| self.awaits_server())
    }

    /// PINGRESP has a time of its own.
    fn silence_due(&self) -> Option<Instant> {
        let by_ping = self.ping.is_some() && self.config.ping_timeout != 0;
        let waits = self.awaits_server() && self.keep_alive != 0 && !by_ping;
        waits.then(|| self.received.after(self.keep_alive * 3 / 2))
    }

    fn write_due(&self) -> Option<Instant> {
        after(self.offered?, self.config.write_timeout)
    }

    fn acknowledgement_due(&self) -> Option<Instant> {
        let Acknowledgements { next, missed, progress, .. } = self.acknowledgements?;
        let most = u32::from(self.config.max_repubs);
        let more = if progress { most + 1 } else { most - missed };
        let due = next.after(u64::from(more) * u64::from(self.config.response_time));
        Some(due).filter(|_| self.awaits_server() && self.awaits)
    }

    /// What is not read is not awaited.
    fn awaits_server(&self) -> bool {
        self.phase == Phase::Connected && self.paused.is_none()
    }
}

/// None if that time-out is turned off.
fn after(moment: Instant, time: u32) -> Option<Instant> {
    (time != 0).then(|| moment.after(u64::from(time)))
}
