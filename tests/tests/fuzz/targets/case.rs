//! A client in its world: the transport, the time, and what its operations came to.

use std::collections::BTreeSet;

use mqtt_as_proto::client::{
    Aliases, Client, Config, ConnectionError, Consumer, Event, Fate, Input, LogMemory, Memory,
    Stop, Tag, Tell,
};
use mqtt_as_proto::{AckToken, Instant, Outbox, PacketId, Storage, Version};
use mqtt_as_tests::random::Random;

use super::streams::{Streams, assert_all_free, assert_counted};

/// More than any loop turns.
pub(crate) const FOREVER: usize = 10_000;

/// Operations that came to their ends.
pub(crate) type Told = Vec<(Tag, Option<Fate>)>;

/// Bytes for topics that have aliases.
const ALIASES: usize = 1000;

/// Bytes that an outbox takes from the heap to name payloads that it holds by reference.
const CUTS: usize = 4096;

/// More than any of these clients takes from the heap.
const HEAP: usize = 200_000;

pub(crate) struct Case<'a> {
    pub(crate) random: Random,
    pub(crate) version: Version,
    pub(crate) client: Client<'a>,
    out: Outbox<'a>,
    input: Vec<u8>,
    /// Bytes of the server's that are still on their way.
    pub(crate) late: Vec<u8>,
    /// Identifiers that the client used last.
    pub(crate) ids: Vec<PacketId>,
    pub(crate) now: Instant,
    /// Bytes that the outbox may hold, with payloads held by reference.
    outbox: usize,
    flights: usize,
    /// Records of nothing but an identifier, for which there is room.
    places: usize,
    /// Messages that a consumer has begun with, and those that it may still acknowledge.
    pub(crate) begun: Vec<(Consumer, AckToken)>,
    pub(crate) tokens: Vec<AckToken>,
    /// CONNECT had an authentication method.
    pub(crate) method: bool,
    pub(crate) tag: u32,
    pub(crate) open: BTreeSet<u32>,
    pub(crate) streams: Streams,
    pub(crate) events: u64,
    /// Input is lent, so that large messages may be held by reference; as it comes, if nothing is said.
    pub(crate) lends: Option<bool>,
    /// Bytes of memory that the client may have.
    most: usize,
    /// What the client told and wrote, where somebody compares it.
    pub(crate) seen: Option<(Vec<String>, Vec<u8>)>,
}

impl<'a> Case<'a> {
    /// Shows a client of those settings, in memory of random sizes.
    pub(crate) fn with<T>(
        config: Config,
        mut random: Random,
        live: impl FnOnce(Case<'_>) -> T,
    ) -> T {
        let flights = usize::from(config.in_flight);
        let outbox = random.between(128..=700) as usize;
        let outgoing = random.between(0..=1500) as usize;
        let incoming = config.maximum_packet_size as usize + 16 + random.index(600);
        let (mut bytes, mut written) = (vec![0; outbox], vec![0; outbox]);
        let mut logs = [vec![0; outgoing], vec![0; incoming], vec![0; 800], vec![0; 200]];
        let [out, coming, aliases_in, aliases_out] = &mut logs;
        let heap = random.chance(50);
        let topics = [aliases_in, aliases_out].map(|bytes| LogMemory::borrowed(bytes));
        let [theirs, ours] = topics;
        let mut aliases = [Aliases::new(theirs, ours)];
        let aliases = if random.chance(80) { &mut aliases[..] } else { &mut [] };
        let memory = Memory {
            outbox: Storage::borrowed(&mut bytes),
            outgoing: if heap { LogMemory::owned(outgoing) } else { LogMemory::borrowed(out) },
            incoming: if heap { LogMemory::owned(incoming) } else { LogMemory::borrowed(coming) },
            aliases: Storage::borrowed(aliases),
        };
        config.check(&memory).expect("settings that fit");
        let case = Case {
            version: config.version,
            client: Client::new(config, memory),
            out: Outbox::new(Storage::borrowed(&mut written)),
            input: Vec::new(),
            late: Vec::new(),
            ids: Vec::new(),
            now: Instant::from_millis(random.between(0..=1 << 40)),
            outbox: outbox + 60_000,
            flights,
            places: if heap { flights } else { outgoing / 16 },
            begun: Vec::new(),
            tokens: Vec::new(),
            method: false,
            tag: 0,
            open: BTreeSet::new(),
            streams: Streams::default(),
            events: 0,
            lends: None,
            most: if heap { HEAP } else { outbox + outgoing + incoming + ALIASES + CUTS },
            seen: None,
            random,
        };
        live(case)
    }

    /// All that was begun comes to its end.
    pub(crate) fn end(mut self) -> u64 {
        self.lose();
        self.with_events(|client, tell| client.give_up_all(tell));
        self.look();
        assert!(self.open.is_empty(), "no outcome: {:?}", self.open);
        self.streams.assert_over();
        assert_eq!(self.client.pending(), 0);
        self.take_all();
        assert_all_free(self.client, (self.flights, self.places), self.now);
        self.events
    }

    /// Does what may tell events, and hears them.
    pub(crate) fn with_events<T>(&mut self, act: impl FnOnce(&mut Client<'a>, Tell<'_>) -> T) -> T {
        let mut told = Told::new();
        let seen = &mut self.seen;
        let done = act(&mut self.client, &mut |event| {
            seen.iter_mut().for_each(|seen| seen.0.push(format!("{event:?}")));
            told.extend(ended(&event));
        });
        self.hear_told(told);
        done
    }

    pub(crate) fn hear_told(&mut self, told: Told) {
        self.events += told.len() as u64;
        for (tag, fate) in told {
            let known = self.streams.end(tag, fate) || self.open.remove(&tag.0);
            assert!(known, "an outcome too many: {tag:?} {fate:?}");
        }
    }

    pub(crate) fn lose(&mut self) {
        self.with_events(|client, tell| client.handle_connection_lost(tell));
        self.begin_connection();
    }

    pub(crate) fn begin_connection(&mut self) {
        self.out.clear();
        self.input.clear();
        self.late.clear();
        self.streams.end_connection();
    }

    pub(crate) fn pass_time(&mut self) {
        self.now = match self.client.poll_timeout() {
            Some(at) if self.random.chance(50) => self.now.max(at),
            _ => self.now.after(self.random.between(0..=20_000)),
        };
        for _ in 0..FOREVER {
            match self.client.poll_timeout() {
                Some(at) if at <= self.now => {}
                _ => return,
            }
            let now = self.now;
            if self.with_events(|client, tell| client.handle_timeout(now, tell)).is_err() {
                assert!(self.client.is_closing());
            }
            // A PINGREQ that is due is put into the outbox, which may have to be written first.
            self.write();
        }
        panic!("a deadline that does not pass: {:?}", self.client);
    }

    /// The transport takes some of what there is, or all.
    pub(crate) fn write(&mut self) {
        let mut written = 0;
        for _ in 0..FOREVER {
            if self.out.is_empty() && !self.poll_transmit() {
                return;
            }
            let chunk = self.out.chunk().len();
            assert!(chunk != 0, "an outbox with nothing in it");
            let part = if self.random.chance(80) { chunk } else { self.random.index(chunk + 1) };
            self.streams.wrote(&self.out.chunk()[..part], self.version);
            self.seen.iter_mut().for_each(|seen| seen.1.extend(&self.out.chunk()[..part]));
            self.out.advance(part);
            self.client.handle_transmitted(part, self.now);
            written += part;
            assert!(written <= self.outbox * (self.flights + 20), "it writes without an end");
            if part < chunk && self.random.chance(50) {
                return;
            }
        }
        panic!("writing does not end: {:?}", self.client);
    }

    /// Bytes that came, and that the client has not used.
    pub(crate) fn unheard(&self) -> usize {
        self.input.len()
    }

    /// Whether the transport has taken all that there was.
    pub(crate) fn has_written(&self) -> bool {
        self.out.is_empty()
    }

    fn poll_transmit(&mut self) -> bool {
        let mut told = Told::new();
        let seen = &mut self.seen;
        let mut tell = |event: Event<'_>| {
            seen.iter_mut().for_each(|seen| seen.0.push(format!("{event:?}")));
            told.extend(ended(&event));
        };
        let wanted = self.client.wants_transmit();
        let some = self.client.poll_transmit(&mut self.out, self.now, &mut tell);
        assert!(!some || wanted, "it has something to write, and did not want to");
        self.hear_told(told);
        some
    }

    pub(crate) fn used(&mut self, id: PacketId) {
        self.ids.insert(0, id);
        self.ids.truncate(4);
    }

    /// Bytes come. Returns why the client stopped in front of some, or why the connection has to end.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Result<Option<Stop>, ConnectionError> {
        self.input.extend_from_slice(bytes);
        let input = bytes::Bytes::from(std::mem::take(&mut self.input));
        let lends = self.lends.unwrap_or_else(|| self.random.chance(50));
        let lent = if lends { Input::shared(&input) } else { Input::new(&input) };
        let (now, received) = (self.now, self.client.counts().received);
        let handled = self.with_events(|client, tell| client.handle_bytes(lent, now, tell));
        let handled = handled.inspect_err(|error| {
            assert!(self.client.is_closing());
            assert!(!error.to_string().is_empty());
        })?;
        assert!(handled.used <= input.len());
        assert_eq!(handled.messages, self.client.counts().received != received);
        let rest = &input[handled.used..];
        assert!(handled.stop.is_none() || !rest.is_empty());
        assert!(handled.needed.is_none_or(|needed| needed > rest.len()), "{handled:?}");
        self.input = rest.to_vec();
        Ok(handled.stop)
    }

    /// What holds after every step.
    pub(crate) fn look(&mut self) {
        assert!(self.client.pending() as usize <= self.flights);
        assert!(self.client.allocated_bytes() <= self.most, "{}", self.client.allocated_bytes());
        let open = self.open.len() + self.streams.open_ones();
        assert!(open <= self.client.pending() as usize, "{:?}", self.open);
        if self.random.chance(20) {
            assert_counted(&self.client);
        }
        if self.random.chance(50) {
            while self.client.take_released().is_some() {}
        }
    }
}

/// An operation that came to its end.
fn ended(event: &Event<'_>) -> Option<(Tag, Option<Fate>)> {
    match event {
        Event::Done { tag, fate } => Some((*tag, Some(*fate))),
        Event::Answered(answer) => Some((answer.tag, None)),
        _ => None,
    }
}
