//! The client's driver: carries bytes, events and time, and closes what is over.

use bytes::Bytes;
use mqtt_as_proto::client::{Client, Consumer, Fate, Handled, Input, Stop, StreamKey, Tag, Tell};
use mqtt_as_proto::frame::{FixedHeader, Frame};
use mqtt_as_proto::{AckToken, Instant};

use super::{Delivered, Direction, Event, Happening, Held, Invariant, Pair, Plant};

/// An event that has let go of the client; and whether it says that the session was adopted.
struct Told {
    happening: Happening,
    adopted: bool,
}

impl Pair {
    /// What the client's driver does now; false if there was nothing to do.
    pub(super) fn client_turn(&mut self) -> bool {
        let due = self.client.poll_timeout().is_some_and(|at| at <= self.now);
        if due {
            let now = self.now;
            let done = self.with_events(|client, tell| client.handle_timeout(now, tell));
            if let Err(error) = done {
                self.happen(Happening::Failed(error));
            }
        }
        let mut moved = due | self.take_up();
        if self.current.is_none() {
            return moved;
        }
        moved |= self.read();
        moved |= self.take_up();
        moved |= self.write_streams();
        moved |= self.write();
        moved | self.close_if_over()
    }

    /// Does what may tell events, and hears them.
    pub(super) fn with_events<T>(
        &mut self,
        act: impl FnOnce(&mut Client<'static>, Tell<'_>) -> T,
    ) -> T {
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
        self.handle_input() | moved
    }

    fn handle_input(&mut self) -> bool {
        if self.input.is_empty() {
            return false;
        }
        let input = Bytes::from(std::mem::take(&mut self.input));
        let is_read = !self.client.is_closing() && !self.says_goodbye;
        let (now, by_reference) = (self.now, self.random.chance(50));
        let mut told = Vec::new();
        let lent = if by_reference { Input::shared(&input) } else { Input::new(&input) };
        let handled = self.client.handle_bytes(lent, now, &mut |event| told.extend(own(event)));
        let used = handled.map_or(input.len(), |handled| handled.used);
        if is_read {
            // The wire has seen the packets before the client has answered any.
            self.note_received(&input[..used]);
        }
        told.into_iter().for_each(|told| self.tell(told));
        match handled {
            Ok(handled) => self.check_handled(handled, &input[used..]),
            Err(error) => self.happen(Happening::Failed(error)),
        }
        self.input = input[used..].to_vec();
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
            if is_stream || self.random.chance(10) {
                self.begin_reading(delivered, len);
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

    fn tell(&mut self, Told { mut happening, adopted }: Told) {
        let fate = match &happening {
            Happening::Ended(_, fate) => Some(*fate),
            _ => None,
        };
        match &mut happening {
            Happening::Settled(tag, _) | Happening::Ended(tag, _) => {
                let Some(known) = self.stream_ended(*tag, fate) else { return };
                *tag = known;
                self.pending.remove(&tag.0);
                if self.planted.hides(*tag) {
                    return;
                }
            }
            Happening::Connected { session_present } => {
                self.sessions += u32::from(adopted || !*session_present);
                if adopted {
                    self.wire.adopt();
                }
                if self.config.plant == Some(Plant::LostMessage)
                    && !*session_present
                    && self.sessions > 1
                {
                    self.planted.hide(self.pending.first().copied().map(Tag));
                }
            }
            _ => {}
        }
        self.happen(happening);
    }

    fn write(&mut self) -> bool {
        let mut moved = false;
        while self.writable <= self.now {
            if self.out.is_empty() && !self.poll_transmit() {
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
        some
    }

    fn send(&mut self, bytes: &[u8]) {
        let bytes = self.planted.tamper(bytes, &self.wire);
        let result = self.wire.sent(&bytes);
        self.check(result);
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
        self.happen(Happening::Lost(lost));
        self.out.clear();
        self.input.clear();
        self.skipped = 0;
        self.says_goodbye = false;
        self.writable = Instant::default();
        self.is_dead = false;
        self.wire.end_connection();
        self.planted.end_connection();
        self.old.push(connection);
    }
}

/// None of one that only asks the program to look again: it does that all the time.
fn own(event: Event<'_>) -> Option<Told> {
    let mut adopted = false;
    let happening = match event {
        Event::Connected(connected) => {
            adopted = connected.adopted;
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
    Some(Told { happening, adopted })
}
