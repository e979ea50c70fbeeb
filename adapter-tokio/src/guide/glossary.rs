//! The words of the standard and of this client.
//!
//! | word | meaning |
//! |---|---|
//! | acknowledgement | PUBACK, PUBREC or PUBCOMP: the receiver has the message and answers for it |
//! | accepted | the client answers for a publish: it goes out, or its call learns why not |
//! | client identifier | the name of a session at the server |
//! | clean start | CONNECT asks for a new session: `connect(true)` |
//! | driver | the one task that owns the transport; `Client::new` spawns it |
//! | fate | how a publish ended: acknowledged, refused, not sent, unknown |
//! | filter | what a subscription names: a topic with `+` and `#` |
//! | handle | [`Client`](crate::Client): cheap to clone, shared by tasks |
//! | in flight | sent, and not acknowledged. The setting [`in_flight`](crate::Config::in_flight) counts what waits for a connection, too |
//! | keep-alive | the longest silence of a client that the server bears |
//! | packet identifier | the number of a message at QoS 1 or 2 until it is acknowledged |
//! | poison | a publish that breaks every connection it is sent on: [`DownReason::Poison`](crate::DownReason::Poison) |
//! | QoS | quality of service: 0 at most once, 1 at least once, 2 exactly once |
//! | receipt | [`Receipt`](crate::Receipt): what becomes of an accepted message |
//! | Receive Maximum | how many messages at QoS 1 and 2 a side takes unacknowledged (5.0) |
//! | retained | the last message of a topic, which the server keeps for later subscribers |
//! | session | what the server remembers of a client: subscriptions and unacknowledged messages |
//! | shed | left to the server, which sends it again: a message for which there was no room (3.1.1) |
//! | taken | handed to the program, by the queue, a receiver or a callback |
//! | topic alias | a number in place of a topic (5.0) |
//! | waiter slot | the place of a call that waits, or of a receipt that is kept. With a heap there are 65,534 of them; without one as many as the `CALLS` of `Resources`. With none free a call ends with `NoWaiter` |
//! | will | what the server publishes when a client is lost |
