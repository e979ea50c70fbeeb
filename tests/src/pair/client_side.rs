//! The client's driver: carries bytes, events and time, and closes what is over.

use bytes::Bytes;
use mqtt_as_proto::client::{
    Client, ConnectionError, Consumer, Fate, Handled, Input, Stop, StreamKey, Tell, Waiting,
};
use mqtt_as_proto::frame::{FixedHeader, Frame};
use mqtt_as_proto::{AckToken, Instant};

use super::wire::digest;
use super::{Delivered, Direction, Event, Happening, Held, Invariant, Pair, Plant};

/// An event that has let go of the client; and whether it says that the session was adopted, and the
/// name that the server gave the client.
struct Told {
    happening: Happening,
    adopted: bool,
    assigned: Option<String>,
}

impl<'m> Pair<'m> {
    /// What the client's driver does now; false if there was nothing to do.
    pub(super) fn client_turn(&mut self) -> bool {
        // What came before a deadline is given before it.
        let mut moved = self.take_up() | self.read();
        moved |= self.look_at_the_time();
        moved |= self.take_up();
        if self.current.is_none() {
            return moved;
        }
        moved |= self.write_streams();
        moved |= self.write();
        moved |= self.look_at_the_time(); // A driver looks before it waits.
        moved | self.close_if_over()
    }

    fn look_at_the_time(&mut self) -> bool {
        let now = self.now;
        if self.client.poll_timeout().is_none_or(|at| at > now) {
            return false;
        }
        let ends: Vec<_> = self.deadlines.ends().collect();
        self.note_awaited();
        self.deadlines.look(now);
        let done = self.with_events(|client, tell| client.handle_timeout(now, tell));
        if let Err(error) = done {
            self.judge_failure(&error, &ends);
            self.deadlines.ending();
            if matches!(error, ConnectionError::TimedOut(Waiting::Write)) {
                // Nothing more is written, whatever is left.
                self.writable = now;
                self.out.clear();
            }
            self.happen(Happening::Failed(error));
        }
        true
    }

    /// Does what may tell events, and hears them.
    pub(super) fn with_events<T>(&mut self, act: impl FnOnce(&mut Client<'m>, Tell<'_>) -> T) -> T {
        let mut told = Vec::new();
        let done = act(&mut self.client, &mut |event| told.extend(own(event)));
        while self.client.take_released().is_some() {}
        told.into_iter().for_each(|told| self.tell(told));
        done
    }

    fn read(&mut self) -> bool {
        // As a driver does that has no room: what has come stays in the transport.
        if self.client.is_full() {
            return false;
        }
        let Some(connection) = self.current.as_mut().filter(|_| !self.is_dead) else {
            return false;
        };
        let mut moved = false;
        while let Some(piece) = connection.link.receive(Direction::ToClient, self.now) {
            self.input.extend(piece);
            moved = true;
        }
        while self.handle_input() {
            moved = true;
        }
        moved
    }

    /// What is given to the client at a time: where a packet may end the connection, no others behind
    /// it, for nobody knows of those.
    fn next_input(&self) -> usize {
        let unsaid = self.current.as_ref().is_some_and(|current| !current.unsaid.is_empty());
        let judges = unsaid || self.config.client.strict && self.config.broker.overrun != 0;
        match Frame::split(&self.input) {
            Ok(Some((_, rest))) if judges && self.skipped == 0 => self.input.len() - rest.len(),
            _ if judges && self.skipped != 0 => self.skipped.min(self.input.len()),
            _ => self.input.len(),
        }
    }

    fn handle_input(&mut self) -> bool {
        if self.input.is_empty() {
            return false;
        }
        let behind = self.input.split_off(self.next_input());
        let input = Bytes::from(std::mem::replace(&mut self.input, behind));
        let is_read = !self.client.is_closing() && !self.says_goodbye;
        if input.len() > self.was_left {
            self.deadlines.received(self.now);
        }
        let (now, by_reference) = (self.now, self.random.chance(50));
        let mut told = Vec::new();
        let lent = if by_reference { Input::shared(&input) } else { Input::new(&input) };
        let handled = self.client.handle_bytes(lent, now, &mut |event| told.extend(own(event)));
        let used = handled.map_or(input.len(), |handled| handled.used);
        if is_read {
            // The wire has seen the packets before the client has answered any.
            self.note_received(&input[..used]);
        }
        self.judge_news();
        for told in told {
            self.judge_limits(&told.happening);
            self.tell(told);
        }
        match handled {
            Ok(handled) => {
                self.deadlines.read(handled.stop == Some(Stop::Take), now);
                self.check_handled(handled, &input[used..]);
            }
            Err(error) => {
                self.deadlines.ending();
                self.happen(Happening::Failed(error));
            }
        }
        self.was_left = input.len() - used;
        drop(self.input.splice(..0, input[used..].iter().copied()));
        used != 0
    }

    /// What was used, packet by packet. What is larger than the client takes comes in parts.
    fn note_received(&mut self, mut used: &[u8]) {
        while !used.is_empty() {
            let len = match self.skipped {
                0 => match FixedHeader::read(used) {
                    Ok(Some(header)) => header.packet_len(),
                    _ => return, // The end of a connection that failed.
                },
                skipped => skipped,
            };
            if self.skipped == 0 {
                match Frame::split(used) {
                    Ok(Some((frame, _))) if len <= self.client.maximum_packet_size() => {
                        self.wire.received(frame);
                    }
                    _ => self.wire.received_part(used),
                }
            }
            let here = len.min(used.len());
            self.skipped = len - here;
            used = &used[here..];
        }
    }

    /// Nothing is left but what has a reason to be.
    fn check_handled(&mut self, handled: Handled, rest: &[u8]) {
        let whole = self.skipped == 0 && matches!(Frame::split(rest), Ok(Some(_)));
        if whole && handled.stop.is_none() {
            self.fail(Invariant::Rest, "a packet is left, and nobody says why".to_owned());
        }
        if handled.stop == Some(Stop::Take) && self.client.held_bytes().1 == 0 {
            self.fail(Invariant::Rest, "nothing is held, and there is no room".to_owned());
        }
    }

    /// The program asks for the messages that came, if it listens.
    fn take_up(&mut self) -> bool {
        let mut moved = false;
        while self.listens {
            if self.incoming.is_some() {
                if !self.read_on() {
                    break;
                }
                moved = true;
                continue;
            }
            let Some(message) = self.client.next(Consumer::Queue) else { break };
            let Some(publish) = message.publish() else {
                self.fail(Invariant::Content, "a message that is none".to_owned());
                break;
            };
            let (topic, delivery) = (publish.topic.as_str().to_owned(), publish.delivery);
            let delivered = Delivered { topic, payload: publish.payload.to_vec(), delivery };
            let (is_stream, len) = (message.is_stream(), message.payload_len());
            moved = true;
            self.wire.delivered(delivery, Some(&*delivered.payload).filter(|_| !is_stream));
            let at_most_once = delivery.id().is_none() && !is_stream;
            let at_most_once = at_most_once.then(|| digest(&delivered.payload));
            if let Some(content) = at_most_once {
                let came = self.wire.at_most_once.given(content);
                self.check(came);
            }
            if is_stream || self.random.chance(10) {
                self.begin_reading(delivered, len, at_most_once);
                continue;
            }
            let token = self.client.begin(Consumer::Queue);
            self.deliver(delivered, token, None);
        }
        moved
    }

    /// The program has the whole of a message.
    pub(super) fn deliver(
        &mut self,
        message: Delivered,
        token: Option<AckToken>,
        stream: Option<StreamKey>,
    ) {
        let session = self.sessions;
        let held = token.map(|token| Held { token, stream, message: message.clone(), session });
        self.held.extend(held);
        self.happen(Happening::Delivered(message));
    }

    fn tell(&mut self, Told { mut happening, adopted, mut assigned }: Told) {
        self.check(self.wire.replies.judge(&happening));
        let fate = match &happening {
            Happening::Ended(_, fate) => Some(*fate),
            _ => None,
        };
        match &mut happening {
            Happening::Settled(tag, _) | Happening::Ended(tag, _) => {
                let Some(known) = self.stream_ended(*tag, fate) else { return };
                *tag = known;
                self.judge_fate(*tag, fate);
                let content = self.promised.end(*tag).filter(|_| fate == Some(Fate::Left));
                content.into_iter().for_each(|content| self.wire.at_most_once.leaves(content));
                if self.planted.hides(*tag) {
                    return;
                }
            }
            Happening::Connected { session_present } => {
                if adopted || !*session_present {
                    self.sessions += 1;
                    self.promised.end_session();
                }
                if adopted {
                    self.wire.adopt();
                    self.meet("a session that was adopted");
                }
                if let Some(name) = assigned.take() {
                    self.meet("a name that the server gave");
                    self.client_id = Some(name);
                }
                if self.config.plant == Some(Plant::LostMessage)
                    && !*session_present
                    && self.sessions > 1
                {
                    self.planted.hide(self.promised.first());
                }
            }
            _ => {}
        }
        self.happen(happening);
    }

    fn write(&mut self) -> bool {
        let mut moved = false;
        loop {
            if self.out.is_empty() && !self.poll_transmit() {
                self.busy_since = None;
                break;
            }
            if self.writable > self.now {
                break;
            }
            let partial = self.config.partial_writes;
            let chunk = self.out.chunk();
            if chunk.is_empty() {
                self.fail(Invariant::Rest, "an outbox with nothing in it".to_owned());
                break;
            }
            let part = partial && self.random.chance(30);
            let len = if part { 1 + self.random.index(chunk.len()) } else { chunk.len() };
            let bytes = chunk[..len].to_vec();
            self.out.advance(len);
            self.client.handle_transmitted(len, self.now);
            self.deadlines.transmitted(self.out.is_empty(), self.now);
            self.send(&bytes);
            moved = true;
            if partial && self.random.chance(20) {
                self.writable = self.now.after(self.random.between(1..=50));
            }
        }
        moved
    }

    fn poll_transmit(&mut self) -> bool {
        let mut told = Vec::new();
        let mut tell = |event: Event<'_>| told.extend(own(event));
        let some = self.client.poll_transmit(&mut self.out, self.now, &mut tell);
        told.into_iter().for_each(|told| self.tell(told));
        if some {
            self.deadlines.offer(self.now);
            self.offers_stream = self.writes_owed_stream();
            self.note_awaited();
            self.deadlines.leaves(self.now);
            self.busy_since.get_or_insert(self.now);
        }
        some
    }

    fn send(&mut self, bytes: &[u8]) {
        let bytes = self.planted.tamper(bytes, &self.wire);
        let result = self.wire.sent(&bytes);
        self.check(result);
        self.judge_news();
        self.note_awaited();
        self.deadlines.leaves(self.now);
        if let Some(connection) = &mut self.current {
            connection.link.send(Direction::ToBroker, &bytes, self.now);
        }
    }

    /// Closes the transport if the client has said its last, or if the other end has closed it.
    fn close_if_over(&mut self) -> bool {
        let waits = self.writable > self.now;
        let done = self.client.is_closing() && self.out.is_empty() && !waits;
        let ended = self.current.as_ref().is_some_and(|connection| {
            !self.is_dead && connection.link.is_ended(Direction::ToClient)
        });
        if done || ended {
            self.lose(true);
        }
        done || ended
    }

    /// The client's end of the connection is gone; the broker hears of it if it is closed.
    pub(super) fn lose(&mut self, close: bool) {
        let Some(mut connection) = self.current.take() else { return };
        if close {
            connection.link.close(Direction::ToBroker);
        }
        let lost = self.with_events(|client, tell| client.handle_connection_lost(tell));
        let left = self.wire.at_most_once.end_connection(lost.qos0);
        self.check(left);
        self.happen(Happening::Lost(lost));
        self.out.clear();
        self.input.clear();
        (self.skipped, self.was_left) = (0, 0);
        self.says_goodbye = false;
        self.writable = Instant::default();
        (self.is_dead, self.is_stuck) = (false, false);
        (self.busy_since, self.offers_stream) = (None, false);
        self.deadlines.lost();
        self.promised.end_connection(self.wire.is_in_part());
        self.wire.end_connection();
        self.planted.end_connection();
        self.old.push(connection);
    }
}

/// None of one that only asks the program to look again: it does that all the time.
fn own(event: Event<'_>) -> Option<Told> {
    let (mut adopted, mut assigned) = (false, None);
    let happening = match event {
        Event::Connected(connected) => {
            adopted = connected.adopted;
            assigned = connected.properties.assigned_client_identifier().map(str::to_owned);
            Happening::Connected { session_present: connected.session_present }
        }
        Event::Refused(ack) => Happening::Refused(ack.reason),
        Event::TooLarge { .. } => Happening::TooLarge,
        Event::Done { tag, fate: Fate::Acknowledged(reason) } => Happening::Settled(tag, reason),
        Event::Done { tag, fate } => Happening::Ended(tag, fate),
        Event::Answered(answer) => Happening::Answered(answer.tag, answer.codes.to_vec()),
        Event::Disconnected(disconnect) => Happening::Disconnected(disconnect.reason),
        Event::Pong => Happening::Pong,
        Event::Readable => return None,
        other => unreachable!("nobody asked for {other:?}"),
    };
    Some(Told { happening, adopted, assigned })
}
