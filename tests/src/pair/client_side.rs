//! The client's driver: carries bytes, events and time, and closes what is over.

use mqtt_as_proto::client::{ConnectionError, Tag};
use mqtt_as_proto::frame::{FixedHeader, Frame};
use mqtt_as_proto::{AckToken, Instant};

use super::streams::Incoming;
use super::{Delivered, Direction, Event, Happening, Invariant, Pair, Plant};

/// An event that has let go of the client, and a message's duty.
type Owned = (Happening, Option<AckToken>);

/// What came, and has let go of the client.
enum Came {
    Event(Owned),
    Stream(Incoming),
    Piece(Vec<u8>),
}

impl Pair {
    /// What the client's driver does now; false if there was nothing to do.
    pub(super) fn client_turn(&mut self) -> bool {
        let mut moved = self.tell_events();
        if self.current.is_none() {
            return moved;
        }
        if self.client.poll_timeout().is_some_and(|at| at <= self.now) {
            moved = true;
            if let Err(error) = self.client.handle_timeout(self.now) {
                self.happen(Happening::Failed(error));
            }
        }
        moved |= self.read();
        moved |= self.tell_events();
        moved |= self.write_streams();
        moved |= self.write();
        moved |= self.tell_events();
        moved | self.close_if_over()
    }

    fn tell_events(&mut self) -> bool {
        let mut moved = false;
        while let Some(event) = self.client.poll_event() {
            moved = true;
            self.tell(own(event));
        }
        moved
    }

    fn read(&mut self) -> bool {
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
        let mut input = std::mem::take(&mut self.input);
        let mut done = 0;
        while done < input.len() {
            match self.handle_packet(&input[done..]) {
                Ok(0) => break,
                Ok(used) => done += used,
                Err(error) => {
                    self.happen(Happening::Failed(error));
                    done = input.len();
                }
            }
        }
        input.drain(..done);
        self.input = input;
        done != 0
    }

    /// Hands bytes to the client; how many it used.
    fn handle_packet(&mut self, input: &[u8]) -> Result<usize, ConnectionError> {
        let is_read = self.skipped == 0 && !self.client.is_closing() && !self.says_goodbye;
        let frame = Some(input).filter(|_| is_read);
        let frame = frame.and_then(|input| Frame::split(input).ok().flatten());
        let whole = frame.map(|(_, rest)| input.len() - rest.len());
        // What is larger comes in pieces, or is skipped.
        let header = Some(input).filter(|_| is_read);
        let header = header.and_then(|input| FixedHeader::read(input).ok().flatten());
        let size = header.map(|header| header.packet_len());
        let size = size.filter(|size| *size > self.client.maximum_packet_size());
        let handled = self.client.handle_bytes(input, self.now);
        // The wire has seen the packet, also if the client did not like it.
        if let (Some((frame, _)), Ok(handled)) = (frame, &handled)
            && whole == Some(handled.used)
        {
            self.wire.received(frame);
        }
        let handled = handled?;
        self.skipped = self.skipped.saturating_sub(handled.used);
        if let Some(size) = size.filter(|_| handled.used != 0) {
            self.skipped = size.saturating_sub(handled.used);
        }
        if let Some(Event::Connected(connected)) = &handled.event {
            self.wire.adopted |= connected.adopted;
            if !connected.session_present {
                self.sessions += 1;
            }
        }
        let used = handled.used;
        let came = handled.event.map(|event| match event {
            Event::StreamBegins { received, len, .. } => {
                Came::Stream(Incoming::new(&received, len))
            }
            Event::Piece(piece) => Came::Piece(piece.to_vec()),
            event => Came::Event(own(event)),
        });
        match came {
            Some(Came::Stream(incoming)) => self.incoming = Some(incoming),
            Some(Came::Piece(piece)) => self.piece(&piece),
            Some(Came::Event(event)) => self.tell(event),
            None => {}
        }
        Ok(used)
    }

    fn tell(&mut self, (mut happening, token): Owned) {
        if let Happening::Delivered(message) = happening {
            return self.deliver(message, token);
        }
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
            Happening::Connected { session_present: false }
                if self.config.plant == Some(Plant::LostMessage) && self.sessions > 1 =>
            {
                self.planted.hide(self.pending.first().copied().map(Tag));
            }
            _ => {}
        }
        self.happen(happening);
    }

    fn write(&mut self) -> bool {
        let mut moved = false;
        while self.writable <= self.now {
            if self.out.is_empty() && !self.client.poll_transmit(&mut self.out, self.now) {
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
        let lost = self.client.handle_connection_lost();
        self.happen(Happening::Lost(lost));
        self.out.clear();
        self.input.clear();
        self.skipped = 0;
        self.incoming = None;
        self.says_goodbye = false;
        self.writable = Instant::default();
        self.is_dead = false;
        self.wire.end_connection();
        self.planted.end_connection();
        self.old.push(connection);
    }
}

fn own(event: Event<'_>) -> Owned {
    let mut token = None;
    let happening = match event {
        Event::Connected(connected) => {
            Happening::Connected { session_present: connected.session_present }
        }
        Event::Refused(ack) => Happening::Refused(ack.reason),
        Event::Message(message) => {
            token = message.token;
            Happening::Delivered(Delivered {
                topic: message.publish.topic.as_str().to_owned(),
                payload: message.publish.payload.to_vec(),
                delivery: message.publish.delivery,
            })
        }
        Event::TooLarge { .. } => Happening::TooLarge,
        Event::Published { tag, reason, .. } => Happening::Settled(tag, reason),
        Event::Ended { tag, fate } => Happening::Ended(tag, fate),
        Event::Subscribed(answer) | Event::Unsubscribed(answer) => {
            Happening::Answered(answer.tag, answer.codes.to_vec())
        }
        Event::Disconnected(disconnect) => Happening::Disconnected(disconnect.reason),
        Event::Pong => Happening::Pong,
        other => unreachable!("nobody asked for {other:?}"),
    };
    (happening, token)
}
