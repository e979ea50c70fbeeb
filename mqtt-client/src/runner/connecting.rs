//! CONNECT, and how a connection ended.

use mqtt_as_proto::client::{ConnectionError, Waiting, Warning};
use mqtt_as_proto::packet::{Connect, Will};
use mqtt_as_proto::{Instant, Properties, Property, TopicName, Version};

use super::End;
use crate::config::{Binary, Text};
use crate::error::{ConnectError, DownReason, Step};
use crate::shared::State;
use crate::traits::Runtime;

impl<R: Runtime> State<R> {
    /// A transport is open: CONNECT goes out. `begun`: a session was begun before.
    pub(super) fn open(&mut self, clean: bool, begun: bool) -> Result<(), ConnectError> {
        if self.link.ending.is_some() {
            return Err(ConnectError::Replaced); // By a disconnect, while the transport opened.
        }
        let now = R::now();
        self.now = now;
        self.loops.armed = None;
        self.loops.write_idle = false;
        let warning = self.say_connect(clean, begun, Some(now))?;
        self.link.session.expires_at_once = warning.is_some();
        Ok(())
    }

    /// Judges the CONNECT that the settings ask for, before anything is opened.
    pub(crate) fn check_connect(&mut self, clean: bool) -> Result<(), ConnectError> {
        let seconds = self.config.keepalive;
        if seconds > u32::from(u16::MAX) {
            return Err(ConnectError::KeepAlive { seconds });
        }
        self.say_connect(clean, true, None).map(drop)
    }

    /// Sends the CONNECT that the settings ask for; without a time it is judged only.
    fn say_connect(
        &mut self,
        clean: bool,
        begun: bool,
        now: Option<Instant>,
    ) -> Result<Option<Warning>, ConnectError> {
        let Self { core, config, link, .. } = self;
        let v5 = core.config().version == Version::V5;
        let first = config.clean_init && !begun && !clean;
        let expiry = config.session_expiry.or(first.then_some(u32::MAX)).filter(|_| v5);
        let expiry = expiry.map(Property::SessionExpiryInterval);
        let delay = config.will.as_ref().map_or(0, |will| will.delay);
        let delay = (v5 && delay != 0).then_some(Property::WillDelayInterval(delay));
        let will = config.will.as_ref().map(|will| {
            Ok(Will {
                topic: TopicName::new(will.topic.as_str()).map_err(ConnectError::WillTopic)?,
                payload: will.payload.as_slice(),
                qos: will.qos,
                retain: will.retain,
                properties: Properties::new(delay.as_slice()),
            })
        });
        let connect = Connect {
            version: core.config().version,
            clean_start: clean || (v5 && first),
            keep_alive: config.keepalive as u16, // Checked by `check_connect`.
            client_id: link.client_id(config),
            will: will.transpose()?,
            user_name: config.user.as_ref().map(Text::as_str),
            password: config.password.as_ref().map(Binary::as_slice),
            properties: Properties::new(expiry.as_slice()),
        };
        let said = match now {
            Some(now) => core.connect(&connect, now),
            None => core.check_connect(&connect).map(|()| None),
        };
        said.map_err(ConnectError::Invalid)
    }

    /// The loops of a connection have ended. Whether it was up.
    pub(super) fn end(&mut self, end: End) -> bool {
        let was_up = self.link.is_up || self.link.prepared;
        let ending = self.link.ending.take();
        let reason = match (ending, end) {
            (Some(reason), _) => reason,
            (None, End::Eof | End::Done) => DownReason::Closed,
            (None, End::Transport(kind)) => DownReason::Transport(kind),
            (None, End::Protocol(error)) => error.into(),
        };
        if !was_up && self.link.wanted.is_none() {
            let error = match (self.link.refused.take(), reason) {
                (Some(reason), _) => ConnectError::Refused(reason),
                (_, DownReason::Protocol(ConnectionError::TimedOut(Waiting::ConnAck))) => {
                    ConnectError::TimedOut(Step::Connect)
                }
                (_, DownReason::Protocol(error)) => ConnectError::Protocol(error),
                (_, DownReason::Disconnected | DownReason::Replaced) => ConnectError::Replaced,
                (_, reason) => ConnectError::Lost(reason),
            };
            self.finish_connect(Err(error));
        }
        self.link.refused = None;
        self.go_down(reason);
        was_up
    }
}
