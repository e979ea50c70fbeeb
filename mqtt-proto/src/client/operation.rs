//! What the caller asks for: each operation is judged here, before anything is sent.

use super::error::OperationError;
use super::link::{Goodbye, Link, Method, Phase, Ping, Replies, Timers};
use super::{Acknowledged, Client};
use crate::error::EncodeError;
use crate::limits::Limit;
use crate::packet::{
    Auth, Body, Connect, PacketType, Subscribe, Subscription, Unsubscribe, Version, encode_framed,
    framed_len,
};
use crate::property::{Properties, Property};
use crate::reason::ReasonCode;
use crate::session::AckToken;
use crate::session::Tag;
use crate::session::outgoing::State;
use crate::time::Instant;
use crate::topic::TopicFilter;
use crate::wire::{PacketId, Sink};

/// Something legal that is probably not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A kept session with an expiry of 0 is resumed, but ends with this connection.
    SessionExpiresAtOnce,
}

impl Client<'_> {
    /// The transport is open: sends CONNECT. The version is the client's; the limits that the
    /// client announces, and a session expiry if the session is to be kept, are added.
    ///
    /// # Errors
    /// [`OperationError`] says what to change; nothing is sent.
    pub fn connect(
        &mut self,
        connect: &Connect<'_>,
        now: Instant,
    ) -> Result<Option<Warning>, OperationError> {
        if self.link.is_some() {
            return Err(OperationError::AlreadyConnected);
        }
        self.check_connect(connect)?;
        let (receive_maximum, topic_alias_maximum) = self.announced();
        let expiry = connect.properties.session_expiry_interval();
        let keep = !connect.clean_start && expiry.is_none();
        let announced = [
            keep.then_some(Property::SessionExpiryInterval(u32::MAX)),
            self.announced_packet_size(),
            core::num::NonZeroU16::new(receive_maximum)
                .filter(|maximum| maximum.get() != u16::MAX)
                .map(Property::ReceiveMaximum),
            (topic_alias_maximum != 0).then_some(Property::TopicAliasMaximum(topic_alias_maximum)),
        ];
        let mut own = [Property::TopicAliasMaximum(0); 4];
        let mut count = 0_usize;
        for (place, property) in own.iter_mut().zip(announced.into_iter().flatten()) {
            *place = property;
            count = count.wrapping_add(1);
        }
        let own = own.get(..count).unwrap_or_default();
        let properties = match self.config.version {
            Version::V5 => connect.properties.and(own),
            Version::V311 => connect.properties,
        };
        let whole = Connect { version: self.config.version, properties, ..*connect };
        self.outbox.clear();
        let len = self.encode(PacketType::Connect, &|out| whole.write(out))?;
        self.link = Some(self.new_link(connect, len, now));
        let ends = !connect.clean_start && expiry == Some(0);
        Ok(ends.then_some(Warning::SessionExpiresAtOnce))
    }

    fn announced_packet_size(&self) -> Option<Property<'static>> {
        let size = self.config.maximum_packet_size.max(self.config.largest_stream);
        let unlimited = size > crate::wire::MAX_REMAINING;
        core::num::NonZeroU32::new(size).filter(|_| !unlimited).map(Property::MaximumPacketSize)
    }

    /// Judges a CONNECT, so that nothing need be opened for one that cannot be sent.
    ///
    /// # Errors
    /// [`OperationError`] says what to change.
    pub fn check_connect(&self, connect: &Connect<'_>) -> Result<(), OperationError> {
        let version = self.config.version;
        let connect = &Connect { version, ..*connect };
        let size = framed_len(&|out| connect.write(out))?;
        let room = self.outbox.limit();
        if size > room {
            return Err(OperationError::TooLarge { size, room });
        }
        let v311 = version == Version::V311;
        if v311 && connect.client_id.is_empty() && !connect.clean_start {
            return Err(OperationError::ClientIdMissing);
        }
        if let Some(will) = &connect.will {
            self.limits.check_message(will.qos, will.retain)?;
        }
        Ok(())
    }

    /// The Receive Maximum and the Topic Alias Maximum that the server is told.
    fn announced(&self) -> (u16, u16) {
        let by_memory = self.aliases_in.maximum(self.config.longest_topic());
        (self.config.receive_maximum, self.config.topic_alias_maximum.min(by_memory))
    }

    /// A connection whose CONNECT takes `len` bytes.
    fn new_link(&self, connect: &Connect<'_>, len: usize, now: Instant) -> Link {
        let config = &self.config;
        let time = u64::from(config.connect_timeout);
        let (receive_maximum, topic_alias_maximum) = self.announced();
        let wanted = connect.properties.request_problem_information();
        Link {
            phase: Phase::Connecting,
            clean_start: connect.clean_start,
            accepted: None,
            outstanding: 0,
            receive_maximum,
            topic_alias_maximum,
            enqueued: len as u64,
            written: 0,
            unread: 0,
            unwritten_qos0: 0,
            replies: Replies::default(),
            method: Method::new(connect.properties.authentication_method()),
            re_authenticating: false,
            no_problem_information: wanted == Some(false),
            expiry_zero: expires(connect),
            session_ends: expires(connect),
            skip: 0,
            stream_in: None,
            shed: 0,
            progress: false,
            progress_since: false,
            goodbye: None,
            stream: None,
            timers: Timers {
                connect: (time != 0).then(|| now.after(time)),
                keep_alive: u32::from(connect.keep_alive).saturating_mul(1000),
                ping_after: 0,
                ping_timeout: config.ping_timeout,
                write_timeout: config.write_timeout,
                last_sent: now,
                last_received: now,
                ping: Ping::None,
                behind: false,
                writing: None,
                stream: None,
                acknowledge: None,
                missed: 0,
                overrun: None,
                paused: None,
            },
        }
    }

    /// Subscribes to the filters; [`Event::Subscribed`](super::Event::Subscribed) tells the answer.
    ///
    /// # Errors
    /// [`OperationError`] says what to change, or [`OperationError::NoRoom`] to wait.
    pub fn subscribe(
        &mut self,
        subscriptions: &[Subscription<'_>],
        properties: Properties<'_>,
        tag: Tag,
    ) -> Result<PacketId, OperationError> {
        let limits = self.limits().ok_or(OperationError::NotConnected)?;
        for subscription in subscriptions {
            limits.check_subscription(subscription)?;
        }
        if properties.subscription_identifier().is_some()
            && !limits.subscription_identifier_available
        {
            return Err(Limit::SubscriptionIdentifierNotAvailable.into());
        }
        let state = State::Subscribe(u16::try_from(subscriptions.len()).unwrap_or(u16::MAX));
        let version = self.config.version;
        self.request(PacketType::Subscribe, state, tag, &|id, out| {
            let subscriptions = subscriptions.iter().copied();
            Subscribe::write_with(id, &properties, subscriptions, version, out);
        })
    }

    /// Ends subscriptions; [`Event::Unsubscribed`](super::Event::Unsubscribed) tells the answer.
    ///
    /// # Errors
    /// [`OperationError`] says what to change, or [`OperationError::NoRoom`] to wait.
    pub fn unsubscribe(
        &mut self,
        filters: &[TopicFilter<'_>],
        properties: Properties<'_>,
        tag: Tag,
    ) -> Result<PacketId, OperationError> {
        let state = State::Unsubscribe(u16::try_from(filters.len()).unwrap_or(u16::MAX));
        let version = self.config.version;
        self.request(PacketType::Unsubscribe, state, tag, &|id, out| {
            Unsubscribe::write_with(id, &properties, filters.iter().copied(), version, out);
        })
    }

    fn request(
        &mut self,
        kind: PacketType,
        state: State,
        tag: Tag,
        body: &dyn Fn(PacketId, &mut dyn Sink),
    ) -> Result<PacketId, OperationError> {
        let limits = *self.limits().ok_or(OperationError::NotConnected)?;
        if self.session.outgoing.table.is_full() {
            return Err(OperationError::NoRoom);
        }
        let id = self.session.outgoing.free_id().ok_or(OperationError::NoRoom)?;
        let body: Body<'_> = &|out| body(id, out);
        limits.check_size(framed_len(body)?)?;
        let len = self.encode(kind, body)?;
        if let Some(link) = &mut self.link {
            link.count(len);
        }
        self.session.outgoing.push_request(id, state, tag);
        Ok(id)
    }

    /// Sends PINGREQ, if none is open; [`Event::Pong`](super::Event::Pong) tells the answer. False
    /// if there is no connection.
    pub fn ping(&mut self, _now: Instant) -> bool {
        let Some(link) = self.link.as_mut().filter(|link| link.is_connected()) else {
            return false;
        };
        link.timers.owe_ping();
        true
    }

    /// Ends the connection: what was accepted and may be sent goes out, DISCONNECT follows.
    ///
    /// `reason` is told in 5.0. In 3.1.1 a reason of 0x04, "with will", ends the connection
    /// without DISCONNECT, so that the server publishes the will. `session_expiry` replaces the one
    /// of CONNECT, 5.0 only. Nothing after this is sent or read.
    ///
    /// # Errors
    /// [`OperationError::NotConnected`], [`OperationError::SessionExpiry`], or
    /// [`OperationError::Invalid`].
    pub fn disconnect(
        &mut self,
        reason: ReasonCode,
        session_expiry: Option<u32>,
    ) -> Result<(), OperationError> {
        let v311 = self.config.version == Version::V311;
        let link = self.link.as_mut().ok_or(OperationError::NotConnected)?;
        if link.phase == Phase::Closing {
            return Err(OperationError::NotConnected);
        }
        if session_expiry.is_some_and(|expiry| expiry != 0) && link.expiry_zero {
            return Err(OperationError::SessionExpiry);
        }
        if session_expiry.is_some() && v311 {
            return Err(EncodeError::PropertiesNeedV5.into());
        }
        if !v311 && !reason.is_listed_for(PacketType::Disconnect) {
            return Err(EncodeError::ReasonCode(PacketType::Disconnect, reason.as_u8()).into());
        }
        let silent = v311 && reason == ReasonCode::DISCONNECT_WITH_WILL;
        let flush = link.is_connected();
        link.session_ends = session_expiry.map_or(link.session_ends, |expiry| expiry == 0);
        link.phase = Phase::Closing;
        link.goodbye = (!silent).then_some(Goodbye { reason, session_expiry, flush });
        Ok(())
    }

    /// Ends the connection with DISCONNECT at once: what waits to be sent stays for the next one.
    pub fn disconnect_at_once(&mut self) {
        if let Some(link) = &mut self.link {
            link.fail(Some(ReasonCode::SUCCESS));
        }
    }

    /// Sends AUTH (4.12): the next step with [`ReasonCode::CONTINUE_AUTHENTICATION`], or the first
    /// one of a re-authentication with [`ReasonCode::RE_AUTHENTICATE`].
    ///
    /// # Errors
    /// [`OperationError::Authentication`] if it may not be sent now, or with that method.
    pub fn authenticate(
        &mut self,
        reason: ReasonCode,
        properties: Properties<'_>,
    ) -> Result<(), OperationError> {
        let link = self.link.as_ref().ok_or(OperationError::NotConnected)?;
        let again = reason == ReasonCode::RE_AUTHENTICATE;
        let allowed = match link.phase {
            Phase::Connecting => !again,
            Phase::Connected => again != link.re_authenticating, // [MQTT-4.12.1-1]
            Phase::Closing => return Err(OperationError::NotConnected),
        };
        let same = Method::new(properties.authentication_method()) == link.method;
        if !allowed || !same || !link.method.is_some() || reason == ReasonCode::SUCCESS {
            return Err(OperationError::Authentication);
        }
        let (auth, version) = (Auth { reason, properties }, self.config.version);
        let body: Body<'_> = &|out| auth.write(version, out);
        if let Some(limits) = self.limits() {
            limits.check_size(framed_len(body)?)?;
        }
        let len = self.encode(PacketType::Auth, body)?;
        if let Some(link) = &mut self.link {
            link.count(len);
            link.re_authenticating |= again;
        }
        Ok(())
    }

    /// The program has taken the message: PUBACK or PUBREC goes out in its turn. In 5.0 a `reason`
    /// of 0x80 or more refuses the message.
    pub fn acknowledge(&mut self, token: AckToken, reason: ReasonCode) -> Acknowledged {
        let reason = match self.config.version {
            Version::V311 => ReasonCode::SUCCESS, // Its PUBACK and PUBREC cannot refuse.
            Version::V5 if reason.is_listed_for(PacketType::PubAck) => reason,
            Version::V5 if reason.is_error() => ReasonCode::UNSPECIFIED_ERROR,
            Version::V5 => ReasonCode::SUCCESS,
        };
        let done = self.session.incoming.acknowledge(token, reason);
        self.check_overrun();
        done
    }

    /// Ends the publish with that packet identifier: its fate is told by an event. The identifier
    /// stays out of use until the session ends. False if there is no such publish.
    pub fn give_up(&mut self, id: PacketId) -> bool {
        let Some(index) = self.session.outgoing.table.find(id) else { return false };
        self.free_place(index);
        self.session.outgoing.give_up(index, super::NotSent::Disconnected)
    }

    /// Ends every publish that has not been settled: nobody will connect again. Their fates are
    /// told by events.
    pub fn give_up_all(&mut self) {
        if self.link.as_ref().is_some_and(|link| link.stream.is_some()) {
            self.end_in_stream();
        }
        for index in 0..self.session.outgoing.table.present() {
            self.free_place(index);
        }
        self.session.outgoing.end_all(super::NotSent::Disconnected);
    }

    /// Encodes a control packet into the outbox.
    pub(super) fn encode(
        &mut self,
        kind: PacketType,
        body: Body<'_>,
    ) -> Result<usize, OperationError> {
        let len = framed_len(body)?;
        if self.link.as_ref().is_some_and(|link| link.stream.is_some()) {
            return Err(OperationError::NoRoom);
        }
        if !self.outbox.has_room(len) {
            return Err(no_room(len, self.outbox.limit()));
        }
        Ok(encode_framed(kind, &mut self.outbox, body)?)
    }
}

pub(super) fn no_room(size: usize, room: usize) -> OperationError {
    if size > room { OperationError::TooLarge { size, room } } else { OperationError::NoRoom }
}

/// The session ends with the connection, by what CONNECT said.
fn expires(connect: &Connect<'_>) -> bool {
    match connect.properties.session_expiry_interval() {
        Some(seconds) => seconds == 0,
        None => connect.clean_start,
    }
}
