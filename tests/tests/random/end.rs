//! The end of a life: all has to come to rest, and nothing may be left.

use mqtt_as_proto::ReasonCode;
use mqtt_as_tests::pair::{Fault, Invariant};

use super::life::{Life, Met};

impl Life<'_> {
    /// A good network, a program that takes its messages: all has to come to an end.
    pub(crate) fn return_to_order(mut self) -> Result<Met, Fault> {
        self.pair.heal();
        self.pair.listen(true);
        for round in 0..600 {
            // What was given up keeps its place as long as the session lives: all may be gone.
            while round == 500 && self.config.client.in_flight < 100 {
                let Some(tag) = self.pair.leave_stream(0) else { break };
                self.ledger.left(tag);
            }
            if !self.pair.has_transport() {
                self.connect(false);
            }
            self.advance(500);
            while self.pair.untaken() != 0 {
                self.pair.take(0, ReasonCode::SUCCESS);
            }
            self.advance(500);
            self.judge()?;
            if self.is_at_rest() {
                return self.end();
            }
        }
        let open: Vec<_> = self.ledger.open().collect();
        let (client, session) = (self.pair.client(), self.pair.session());
        let text = format!("no rest: open {open:?}, {session:?}, {client:?}");
        Err(Fault { invariant: Invariant::Rest, text })
    }

    /// Nothing is left: no promise, no message, no memory.
    fn end(mut self) -> Result<Met, Fault> {
        self.ledger.judge_end()?;
        if self.ledger.policy.forgets && !self.config.lent {
            let text = "an identifier gave way, and takes no room".to_owned();
            return Err(Fault { invariant: Invariant::Memory, text });
        }
        let fault = |text| Err(Fault { invariant: Invariant::Memory, text });
        let held = self.pair.client().held_bytes();
        let none = held == (0, 0) || !self.ledger.knows_session();
        if !none || self.pair.client().pending() != 0 {
            return fault(format!("{held:?} bytes are held of nothing: {:?}", self.pair.client()));
        }
        let (kept, at_start) = self.pair.end();
        self.judge()?;
        if kept != at_start && self.ledger.knows_session() {
            let client = self.pair.client();
            return fault(format!("{kept} bytes are kept, {at_start} were there: {client:?}"));
        }
        for (kind, times) in self.pair.met() {
            *self.ledger.met.entry(kind).or_default() += times;
        }
        Ok(self.ledger.met)
    }

    fn is_at_rest(&mut self) -> bool {
        let session = self.pair.session();
        let quiet = session.is_some_and(|session| {
            session.connected && session.queued == 0 && session.in_flight == 0
        });
        quiet
            && self.pair.client().is_connected()
            && self.pair.is_idle()
            && self.pair.untaken() == 0
            && self.pair.streaming() == 0
    }
}
