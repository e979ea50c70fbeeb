//! How a link comes and goes: what the program wants of it, what the driver makes of that.

use mqtt_as_proto::client::{ConnectionError, OperationError, Warning};
use mqtt_as_proto::packet::Connect;
use mqtt_as_proto::{Instant, Property, ReasonCode, Version};

use crate::apart::{Apart, take_out};
use crate::deadline::Deadline;
use crate::driver::News;
use crate::error::{ConnectError, DisconnectError, DownReason};
use crate::held::{Binary, Text};
use crate::say_more::say;
use crate::settings::Settings;
use crate::state::State;
use crate::waiters::{Outcome, Slot, Wait};

/// Milliseconds that the server has to close its side of an ended connection.
const LINGER: u32 = 1000;

impl State {
    /// The program wants a connection: `slot` waits for it.
    pub(crate) fn begin_connect(&mut self, clean: bool) -> Result<Slot, ConnectError> {
        if self.closed {
            return Err(ConnectError::Closed);
        }
        self.check_connect(clean)?;
        self.tell_up(); // Of the connection before this one.
        let slot = self.waiters.take().ok_or(ConnectError::NoWaiter)?;
        self.waiters.change(slot, Wait::Connection);
        self.finish_connect(Outcome::Replaced);
        self.link.connecting = Some(slot);
        self.link.wanted = Some(clean);
        self.link.disconnected = false;
        if let Some(retries) = self.settings.retries {
            (retries.begin)(self, clean);
        }
        self.waiters.wake_all(Wait::Down); // Disconnects that wait: this takes their place.
        self.driver.notify(News::LINK);
        Ok(slot)
    }

    /// Whether the link is up, and nothing else is wanted of it.
    pub(crate) fn stands(&self) -> bool {
        let ends = self.link.ending.is_some() || self.link.wanted.is_some();
        self.core.is_connected() && self.link.is_up && !ends
    }

    /// Whoever waits for the link is told that it is up, once what is sent again has left the core.
    pub(crate) fn tell_up(&mut self) {
        if core::mem::take(&mut self.link.is_news) {
            self.link.late.stand(self.now);
            self.finish_connect(Outcome::Connected);
            self.link.connecting = None;
            self.waiters.wake_all(Wait::Up);
            self.waiters.wake_all(Wait::Open);
        }
    }

    /// The call that waits for the connection learns how it went.
    pub(crate) fn finish_connect(&mut self, outcome: Outcome) {
        if let Some(slot) = self.link.connecting {
            self.waiters.finish(slot, outcome);
        }
    }

    /// No connection came to be.
    fn fail_connect(&mut self, error: ConnectError) {
        let old = self.link.failure.replace(Apart::new(error));
        self.kept.discard_failure(old.map(take_out));
        if !self.settings.retries.is_some_and(|retries| (retries.failed)(self)) {
            self.finish_connect(Outcome::Failed);
        }
    }

    /// Where the next attempt goes, or where this one went.
    pub(crate) fn target(&self) -> (Text, u16) {
        let Settings { server, port, retries, .. } = &self.settings;
        let mut target = (server.clone(), *port);
        if let Some(retries) = retries {
            (retries.aim)(self, &mut target);
        }
        target
    }

    /// The program wants no connection any more.
    pub(crate) fn begin_disconnect(&mut self, reason: ReasonCode) -> Result<(), DisconnectError> {
        if self.closed {
            return Err(DisconnectError::Closed);
        }
        self.tell_up(); // A connection that has come is not replaced: its call learns of it.
        let mut wanted = self.link.wanted.take().is_some();
        self.finish_connect(Outcome::Replaced);
        self.link.disconnected = true;
        if let Some(retry) = &mut self.link.retry {
            (retry.is_on, retry.is_over) = (false, false);
        }
        self.end_consumers();
        if !self.link.busy {
            wanted |= self.link.linger.take().is_some(); // Of the attempt that was to come.
            if self.link.is_replaced {
                self.tell_down(DownReason::Disconnected);
            }
            self.end_calls(false);
            if !wanted {
                return Err(DisconnectError::NotConnected);
            }
        }
        self.link.is_unsent = self.link.is_up;
        self.end_link(reason, DownReason::Disconnected);
        Ok(())
    }

    /// Ends the connection properly: DISCONNECT goes out behind what was accepted.
    pub(crate) fn end_link(&mut self, reason: ReasonCode, why: DownReason) {
        if self.link.ending.is_none() && self.link.busy {
            self.link.ending = Some(why);
            let time = self.core.config().write_timeout;
            let now = self.exact_time();
            self.link.linger = (time != 0).then(|| Deadline::after(now, time));
            match self.core.disconnect(reason, None) {
                Ok(()) | Err(OperationError::NotConnected) => {}
                Err(_) => self.link.linger = Some(Deadline::after(now, 0)),
            }
        }
        self.notify_write();
        self.driver.notify(News::LINK);
    }

    /// The driver begins a connection. `None` if none is wanted; true begins a new session.
    pub(crate) fn take_wanted(&mut self) -> Option<bool> {
        // The old session has ended, and the program still wants the new one.
        let prepared = core::mem::take(&mut self.link.prepared) && !self.link.disconnected;
        let wanted = self.link.wanted.take();
        if self.handles == 0 {
            return None;
        }
        let clean =
            wanted.or(prepared.then_some(false)).or_else(|| (self.settings.retries?.due)(self))?;
        self.link.linger = None;
        self.link.preparing = self.needs_clean_session_first(clean);
        self.link.busy = true;
        self.link.ending = None;
        self.link.refused = None;
        Some(clean || self.link.preparing)
    }

    /// 3.1.1 has no way to begin a session that is kept: a clean connection ends the old one first.
    fn needs_clean_session_first(&self, clean: bool) -> bool {
        let v311 = self.core.config().version == Version::V311;
        v311 && self.settings.clean_init && !clean && !self.link.begun
    }

    /// A transport is open: CONNECT goes out, with the first data of an authentication.
    pub(crate) fn open(&mut self, clean: bool, data: Option<&[u8]>) -> Result<(), ConnectError> {
        if self.link.ending.is_some() {
            return Err(ConnectError::Replaced); // By a disconnect, while the transport opened.
        }
        let (now, begun) = (self.exact_time(), self.link.begun);
        let warning = self.say_connect(clean, begun, Some(now), data)?;
        self.link.session.expires_at_once = warning.is_some();
        Ok(())
    }

    /// Judges the CONNECT that the settings ask for, before anything is opened.
    fn check_connect(&mut self, clean: bool) -> Result<(), ConnectError> {
        match self.settings.fault() {
            Some(fault) => Err(fault),
            None => self.say_connect(clean, true, None, None).map(drop),
        }
    }

    /// Sends the CONNECT that the settings ask for; without a time it is judged only.
    fn say_connect(
        &mut self,
        clean: bool,
        begun: bool,
        now: Option<Instant>,
        data: Option<&[u8]>,
    ) -> Result<Option<Warning>, ConnectError> {
        let Self { core, settings, link, .. } = self;
        let settings = &*settings;
        let v5 = core.config().version == Version::V5;
        let first = settings.clean_init && !begun && !clean;
        let expiry = settings.session_expiry.or(first.then_some(u32::MAX)).filter(|_| v5);
        let expiry = expiry.map(Property::SessionExpiryInterval);
        let delay = settings.will.as_ref().map_or(0, |will| will.delay);
        let delay = (v5 && delay != 0).then_some(Property::WillDelayInterval(delay));
        let will = settings.will.as_ref().map(|will| (will.say)(will, delay.as_slice()));
        let own = settings.client_id.as_str();
        let connect = Connect {
            version: core.config().version,
            clean_start: clean || (v5 && first),
            keep_alive: settings.keepalive as u16, // Judged before a connection is begun.
            client_id: if own.is_empty() { link.assigned.id() } else { own },
            will: will.transpose().map_err(ConnectError::WillTopic)?,
            user_name: settings.user.as_ref().map(Text::as_str),
            password: settings.password.as_ref().map(Binary::as_slice),
            properties: (settings.of_list)(expiry.as_slice()),
        };
        match settings.say_more {
            Some(say_more) => say_more(&settings.more(data), &connect, core, now),
            None => say(&connect, core, now),
        }
    }

    /// The connection has to end: the server is told why, and given time to close.
    pub(crate) fn begin_ending(&mut self, error: ConnectionError) -> Option<DownReason> {
        let why = DownReason::from(error);
        if error.reason().is_none() || self.link.ending.is_some() {
            return Some(why);
        }
        self.link.ending = Some(why);
        self.link.linger = Some(Deadline::after(self.now, LINGER));
        self.notify_write();
        None
    }

    /// What the end of the link asks of the driver: whether the connection is over.
    pub(crate) fn watch_link(&mut self, now: Instant) -> Option<DownReason> {
        let said = matches!(self.link.ending, Some(DownReason::Server(_)));
        let late = self.link.linger.is_some_and(|at| at.left(now) == 0);
        if said || late || self.link.refused.is_some() {
            return Some(DownReason::Closed);
        }
        if self.link.ending.is_none() {
            let replaced = self.link.wanted.is_some() || self.link.prepared;
            if replaced || self.handles == 0 {
                let why = if replaced { DownReason::Replaced } else { DownReason::Disconnected };
                self.end_link(ReasonCode::SUCCESS, why);
            }
        }
        None
    }

    /// The transport took bytes: an ending connection has its time as long as it does.
    pub(crate) fn prolong_ending(&mut self) {
        if let Some(at) = &mut self.link.linger {
            let more = Deadline::after(self.now, self.core.config().write_timeout);
            if at.is_before(more) {
                *at = more;
            }
        }
    }

    /// DISCONNECT is out, or there is none: the server has a little time to close.
    pub(crate) fn said_all(&mut self) {
        let now = self.exact_time();
        self.link.ending.get_or_insert(DownReason::Closed);
        self.link.linger = Some(Deadline::after(now, LINGER));
    }

    /// The connection did not come to be.
    pub(crate) fn fail(&mut self, error: ConnectError) {
        let why = self.link.ending.take().unwrap_or(DownReason::Replaced);
        self.go_down(why);
        if self.link.wanted.is_none() {
            self.fail_connect(error);
        } else {
            self.kept.discard_failure(Some(error));
        }
    }

    /// The driver is done with a connection.
    pub(crate) fn end(&mut self, reason: DownReason) {
        let was_up = self.link.is_up || self.link.prepared;
        let reason = match self.link.ending.take() {
            Some(ending) => {
                self.kept.discard(Some(reason));
                ending
            }
            None => reason,
        };
        if !was_up && !matches!(reason, DownReason::Closed | DownReason::Transport(_)) {
            self.link.late.give_up();
        }
        let refused = self.link.refused.take();
        if was_up || self.link.wanted.is_some() {
            self.go_down(reason);
            self.link.begun |= was_up;
            return;
        }
        // Nobody is told of a link that was never up: only whether calls end counts.
        let disconnected = matches!(reason, DownReason::Disconnected);
        self.go_down(if disconnected { DownReason::Disconnected } else { DownReason::Closed });
        let failure = if let Some(code) = refused {
            self.kept.discard(Some(reason));
            ConnectError::Refused(code)
        } else {
            reason.before_connack()
        };
        self.fail_connect(failure);
    }

    /// The connection is gone, for that reason.
    pub(crate) fn go_down(&mut self, reason: DownReason) {
        self.tell_up();
        // The clean connection before a kept session ends the old session, not the program's wish.
        let expires = self.core.session_expires() && !self.link.preparing;
        let (core, mut told) = self.split();
        let lost = core.handle_connection_lost(&mut told.tell());
        self.counts.unsent = self.counts.unsent.saturating_add(lost.qos0);
        let by_program = matches!(reason, DownReason::Disconnected | DownReason::Replaced);
        let reason = match lost.poison.filter(|_| !by_program) {
            Some(id) => {
                self.kept.discard(Some(reason));
                DownReason::Poison(id.get())
            }
            None => reason,
        };
        self.waiters.end_turns();
        self.link.linger = None;
        self.link.stream = None;
        self.link.busy = false;
        self.driver.is_full = false; // There is nothing to read.
        self.link.ends = self.link.ends.wrapping_add(1);
        if matches!(reason, DownReason::Disconnected) || self.link.disconnected {
            self.end_calls(expires);
        }
        self.settle();
        self.link.subscribed.end_connection();
        let is_lost = core::mem::take(&mut self.link.is_up);
        if is_lost {
            let now = self.exact_time();
            self.link.late.go_down(now);
        }
        let was_up = is_lost | self.link.is_replaced;
        // The program's wish took its place: only the new connection is told, if it comes.
        self.link.is_replaced = was_up && self.link.wanted.is_some();
        if was_up && !self.link.is_replaced {
            self.tell_down(reason);
        } else {
            self.kept.discard(Some(reason));
        }
        self.kept.go_down(&mut self.waiters);
        let waits =
            [Wait::Room, Wait::Down, Wait::Pong, Wait::Message, Wait::Piece, Wait::Response];
        for wait in waits {
            self.waiters.wake_all(wait);
        }
        self.core.release_memory();
        if let Some(retries) = self.settings.retries
            && is_lost
            && self.link.wanted.is_none()
        {
            (retries.lost)(self);
        }
    }

    /// Whoever waits for it is told that the link is down.
    fn tell_down(&mut self, reason: DownReason) {
        self.link.is_replaced = false;
        self.link.downs = self.link.downs.wrapping_add(1);
        let old = self.link.down_reason.replace(reason);
        self.kept.discard(old);
        if self.lane.push(&self.link, &mut self.kept) {
            self.driver.notify_callbacks();
        }
        self.waiters.wake_all(Wait::Down);
    }

    /// After a disconnect no call stays pending. Messages of a session that is kept stay for the
    /// next connection, the others meet their fate.
    fn end_calls(&mut self, expires: bool) {
        let (core, mut told) = self.split();
        if expires {
            core.give_up_all(&mut told.tell());
        }
        while let Some(ended) = self.waiters.finish_publish() {
            self.disown(ended);
        }
    }

    /// Whoever waits for messages learns that none will come.
    fn end_consumers(&mut self) {
        self.waiters.wake_all(Wait::Message);
        self.waiters.wake_all(Wait::Received);
    }

    /// Nobody connects again but by the program's wish: as after a disconnect, no call waits for it.
    pub(crate) fn end_waits(&mut self) {
        self.link.disconnected = true;
        self.end_consumers();
        self.end_calls(false);
    }

    /// The driver is gone.
    pub(crate) fn drive_no_more(&mut self) {
        self.link.retry = None;
        if self.link.busy {
            self.go_down(DownReason::Closed);
        }
        self.close();
    }
}
