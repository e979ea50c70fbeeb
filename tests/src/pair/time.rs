//! Virtual time: it moves from one moment at which something happens to the next.

use mqtt_as_proto::Instant;

use super::{Invariant, Pair};

impl Pair<'_> {
    /// Lets everything happen that happens now.
    pub fn drive(&mut self) {
        for _ in 0..100_000 {
            let moved = self.client_turn() | self.broker_turn();
            if !moved || self.fault.is_some() {
                return self.judge_rest();
            }
        }
        self.fail(Invariant::Rest, "one moment does not end".to_owned());
    }

    /// Lets everything happen that happens in that time.
    pub fn advance(&mut self, ms: u64) {
        let end = self.now.after(ms);
        for _ in 0..100_000 {
            self.drive();
            match self.next_moment() {
                Some(at) if at <= end => {
                    self.try_before(at);
                    self.now = self.now.max(at);
                }
                _ => return self.now = end,
            }
            if self.fault.is_some() {
                return;
            }
        }
        self.fail(Invariant::Rest, format!("too much happens in {ms} ms"));
    }

    /// The client's process stands still for that time, as in a computer that sleeps; the broker goes
    /// on. What came meanwhile is read before the time is looked at.
    pub fn sleep(&mut self, ms: u64) {
        self.note(|| format!("sleep for {ms} ms"));
        self.drive();
        let end = self.now.after(ms);
        for _ in 0..100_000 {
            while self.broker_turn() {}
            match self.brokers_next_moment().filter(|at| (self.now..=end).contains(at)) {
                Some(at) => self.now = at,
                None => break,
            }
        }
        self.now = end;
        self.meet("a clock that jumped");
        self.drive();
    }

    fn next_moment(&self) -> Option<Instant> {
        let current = self.current.as_ref().filter(|_| !self.is_dead);
        let links = current.into_iter().chain(&self.old);
        // What has arrived and is not read waits for the program.
        let arrivals = links.flat_map(|connection| connection.link.arrivals()).flatten();
        let arrivals = arrivals.filter(|at| *at > self.now);
        let writable = Some(self.writable).filter(|at| *at > self.now);
        let program = [self.streams_go_on(), self.reading_goes_on(), writable];
        let timers = [self.client.poll_timeout(), self.broker.poll_timeout()];
        let timers = timers.into_iter().chain(program);
        arrivals.chain(timers.flatten()).min()
    }

    fn brokers_next_moment(&self) -> Option<Instant> {
        let current = self.current.as_ref().filter(|_| !self.is_dead);
        let links = current.into_iter().chain(&self.old);
        let arrivals = links.filter_map(|connection| connection.link.arrivals()[0]);
        arrivals.filter(|at| *at > self.now).chain(self.broker.poll_timeout()).min()
    }

    /// A moment before the client's next deadline nothing happens, should anybody ask.
    fn try_before(&mut self, at: Instant) {
        let is_clients = self.client.poll_timeout() == Some(at);
        let before = Instant::from_millis(at.as_millis().saturating_sub(1));
        if !is_clients || before <= self.now || !self.random.chance(10) {
            return;
        }
        self.now = before;
        let (told, closing) = (self.log.len(), self.client.is_closing());
        let wants = self.client.wants_transmit();
        let done = self.with_events(|client, tell| client.handle_timeout(before, tell));
        let same = self.log.len() == told
            && self.client.is_closing() == closing
            && self.client.wants_transmit() == wants;
        if done.is_err() || !same {
            let text = format!("a millisecond before {at} something happens: {done:?}");
            self.fail(Invariant::Deadline, text);
        }
        self.meet("a millisecond before a deadline");
    }
}
