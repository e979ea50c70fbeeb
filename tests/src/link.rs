//! A network connection in virtual time: late, in pieces, and cut in the middle of things.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use mqtt_as_proto::Instant;

use crate::random::Random;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client to the broker.
    ToBroker,
    /// From the broker to the client.
    ToClient,
}

/// How bad a link is. The default is perfect: bytes arrive at once, as they were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// Milliseconds that a piece travels, drawn for each. None overtakes another.
    pub latency_ms: RangeInclusive<u64>,
    /// Whether what is sent falls into pieces at random.
    pub chop: bool,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self { latency_ms: 0..=0, chop: false }
    }
}

/// A connection between a client and a broker: a pipe of bytes each way.
///
/// Nothing is lost or reordered, as in TCP, until the link is [`cut`](Self::cut).
#[derive(Clone, Debug)]
pub struct Link {
    random: Random,
    config: LinkConfig,
    pipes: [Pipe; 2],
    is_cut: bool,
}

#[derive(Clone, Debug, Default)]
struct Pipe {
    pieces: VecDeque<(Instant, Vec<u8>)>,
    /// When the last piece arrives: later ones arrive then or after.
    last: Instant,
    is_closed: bool,
}

impl Link {
    /// A new connection. Its accidents repeat with the seed.
    #[must_use]
    pub fn new(seed: u64, config: LinkConfig) -> Self {
        Self { random: Random::new(seed), config, pipes: Default::default(), is_cut: false }
    }

    /// Sends bytes. After the end of that direction they vanish.
    pub fn send(&mut self, direction: Direction, bytes: &[u8], now: Instant) {
        if self.pipe(direction).is_closed {
            return;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let len = if self.config.chop { 1 + self.random.index(rest.len()) } else { rest.len() };
            let (piece, after) = rest.split_at(len);
            let latency = self.random.between(self.config.latency_ms.clone());
            self.pipe(direction).push(piece, now.after(latency));
            rest = after;
        }
    }

    /// The next piece that has arrived by now.
    #[must_use]
    pub fn receive(&mut self, direction: Direction, now: Instant) -> Option<Vec<u8>> {
        let pieces = &mut self.pipe(direction).pieces;
        let (arrival, _) = pieces.front()?;
        if *arrival > now {
            return None;
        }
        pieces.pop_front().map(|(_, piece)| piece)
    }

    /// When the next piece arrives, in either direction.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Instant> {
        self.arrivals().into_iter().flatten().min()
    }

    /// When the next piece arrives at the broker, and at the client.
    #[must_use]
    pub fn arrivals(&self) -> [Option<Instant>; 2] {
        self.pipes.each_ref().map(|pipe| pipe.pieces.front().map(|(at, _)| *at))
    }

    /// Ends one direction in good order: what was sent arrives, then comes the end.
    pub fn close(&mut self, direction: Direction) {
        self.pipe(direction).is_closed = true;
    }

    /// Breaks the link: each way, what is in flight after a random point is lost.
    ///
    /// What lies before that point still arrives, then each side sees the end.
    pub fn cut(&mut self, _now: Instant) {
        for pipe in &mut self.pipes {
            let in_flight: usize = pipe.pieces.iter().map(|(_, piece)| piece.len()).sum();
            pipe.keep(self.random.index(in_flight + 1));
            pipe.is_closed = true;
        }
        self.is_cut = true;
    }

    /// Whether the link was [`cut`](Self::cut).
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether the receiver of that direction sees the end: all has been received, and no more
    /// comes.
    #[must_use]
    pub fn is_ended(&self, direction: Direction) -> bool {
        let pipe = &self.pipes[direction as usize];
        pipe.is_closed && pipe.pieces.is_empty()
    }

    fn pipe(&mut self, direction: Direction) -> &mut Pipe {
        &mut self.pipes[direction as usize]
    }
}

impl Pipe {
    fn push(&mut self, piece: &[u8], arrival: Instant) {
        self.last = self.last.max(arrival);
        self.pieces.push_back((self.last, piece.to_vec()));
    }

    /// Keeps only the first `len` bytes.
    fn keep(&mut self, mut len: usize) {
        self.pieces.retain_mut(|(_, piece)| {
            piece.truncate(len);
            len -= piece.len();
            !piece.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, Link, LinkConfig};
    use mqtt_as_proto::Instant;

    const START: Instant = Instant::from_millis(1000);

    fn bad(seed: u64) -> Link {
        Link::new(seed, LinkConfig { latency_ms: 10..=200, chop: true })
    }

    /// Everything that arrives until nothing is in flight.
    fn drain(link: &mut Link, direction: Direction) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(at) = link.next_arrival() {
            while let Some(piece) = link.receive(direction, at) {
                all.extend(piece);
            }
        }
        all
    }

    #[test]
    fn bytes_arrive_late_in_pieces_and_in_order() {
        let bytes: Vec<u8> = (0..=255).collect();
        for seed in 0..50 {
            let mut link = bad(seed);
            link.send(Direction::ToBroker, &bytes, START);
            assert_eq!(link.receive(Direction::ToBroker, START.after(9)), None, "seed {seed}");
            assert_eq!(link.receive(Direction::ToClient, START.after(999)), None, "seed {seed}");
            assert_eq!(drain(&mut link, Direction::ToBroker), bytes, "seed {seed}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_link() {
        let arrivals = |seed| {
            let mut link = bad(seed);
            link.send(Direction::ToClient, &[0; 1000], START);
            link.pipes[1].pieces.clone()
        };
        assert_eq!(arrivals(3), arrivals(3));
        assert_ne!(arrivals(3), arrivals(4));
    }

    #[test]
    fn a_cut_keeps_a_beginning_and_ends_both_ways() {
        let bytes: Vec<u8> = (0..100).collect();
        let mut kept = Vec::new();
        for seed in 0..200 {
            let mut link = bad(seed);
            link.send(Direction::ToBroker, &bytes, START);
            link.cut(START);
            link.send(Direction::ToBroker, &bytes, START);
            assert!(link.is_cut() && link.is_ended(Direction::ToClient), "seed {seed}");
            let arrived = drain(&mut link, Direction::ToBroker);
            assert!(bytes.starts_with(&arrived), "seed {seed}");
            assert!(link.is_ended(Direction::ToBroker), "seed {seed}");
            kept.push(arrived.len());
        }
        assert_eq!(kept.iter().min(), Some(&0));
        assert_eq!(kept.iter().max(), Some(&100));
    }

    #[test]
    fn close_lets_everything_arrive() {
        let mut link = bad(1);
        link.send(Direction::ToClient, b"farewell", START);
        link.close(Direction::ToClient);
        assert!(!link.is_ended(Direction::ToClient));
        assert_eq!(drain(&mut link, Direction::ToClient), b"farewell");
        assert!(link.is_ended(Direction::ToClient) && !link.is_ended(Direction::ToBroker));
    }
}
