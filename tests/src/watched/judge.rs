//! Whose fault it is that a message did not arrive, or arrived twice, by what passed on both links.

use std::collections::{HashMap, HashSet};

use super::{Event, Way, What};

/// What became of numbered messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Messages whose publish was accepted.
    pub sent: usize,
    /// Lost by a client: settled without an acknowledgement, acknowledged and not handed over, or
    /// never settled.
    pub lost: usize,
    /// Arrivals too many that a client is to blame for.
    pub twice: usize,
    /// Lost by the broker, which had acknowledged them.
    pub lost_by_broker: usize,
    /// Arrivals too many that the broker is to blame for.
    pub twice_by_broker: usize,
    /// The messages that a client is to blame for.
    pub blamed: Vec<usize>,
}

/// What one client's link has carried.
#[derive(Default)]
struct Carried {
    /// Under which sessions and identifiers a number was published.
    flows: HashMap<usize, HashSet<(u32, u16)>>,
    /// How often a number was published.
    times: HashMap<usize, usize>,
    /// Numbers that the receiver has acknowledged: PUBACK or PUBREC.
    acknowledged: HashSet<usize>,
    /// Numbers that were published although their flow was past PUBREC.
    reopened: HashSet<usize>,
    /// Numbers that came under the identifier of another one whose flow was still open: the receiver
    /// takes them for the other one.
    hidden: HashSet<usize>,
}

impl Carried {
    /// Reads a record, of messages that go that way.
    fn read(record: &[Event], messages: Way) -> Self {
        let mut carried = Self::default();
        let mut session = 0;
        let (mut open, mut closed) = (HashMap::new(), HashSet::new());
        let mut released = HashSet::new();
        let mut left = HashSet::new();
        for event in record {
            // A server may answer on a link that the client has given up: nobody hears that.
            if event.way == Way::Down && left.contains(&event.link) {
                continue;
            }
            let towards = event.way == messages;
            match event.what {
                What::Accepted { session_present: false } => {
                    session += 1;
                    open.clear();
                    closed.clear();
                    released.clear();
                }
                What::Publish { number, id } if towards => {
                    let other = open.insert(id, number).is_some_and(|other| other != number);
                    if !closed.remove(&id) && other {
                        carried.hidden.insert(number);
                    }
                    carried.flows.entry(number).or_default().insert((session, id));
                    *carried.times.entry(number).or_default() += 1;
                    if released.contains(&number) {
                        carried.reopened.insert(number);
                    }
                }
                What::PubAck(id) | What::PubRec(id) if !towards => {
                    carried.acknowledged.extend(open.get(&id));
                    if matches!(event.what, What::PubAck(_)) {
                        closed.insert(id);
                    }
                }
                What::PubRel(id) if towards => released.extend(open.get(&id).copied()),
                // PUBREL may pass here and not arrive: the receiver's answer is what counts.
                What::PubComp(id) if !towards => drop(closed.insert(id)),
                What::End if event.way == Way::Up => drop(left.insert(event.link)),
                _ => {}
            }
        }
        carried
    }

    /// Whether the sender has published that number in more than one flow.
    fn is_doubled(&self, number: usize) -> bool {
        let flows = self.flows.get(&number).map_or(0, HashSet::len);
        flows > 1 || self.reopened.contains(&number)
    }

    fn times(&self, number: usize) -> usize {
        self.times.get(&number).copied().unwrap_or(0)
    }
}

/// Judges `settled`, the numbers whose publish ended well, `open`, those whose publish never ended,
/// and `taken`, the numbers in the order of their arrival, by what passed between publisher and broker
/// and between broker and reader.
#[must_use]
pub fn judge(
    settled: &[usize],
    open: &[usize],
    taken: &[usize],
    publishing: &[Event],
    reading: &[Event],
    at_most_once: bool,
) -> Score {
    let (out, back) = (Carried::read(publishing, Way::Up), Carried::read(reading, Way::Down));
    let mut score =
        Score { sent: settled.len() + open.len(), lost: open.len(), ..Score::default() };
    score.blamed.extend(open);
    let mut arrived: HashMap<usize, usize> = HashMap::new();
    for number in taken {
        *arrived.entry(*number).or_default() += 1;
    }
    for number in settled.iter().filter(|number| !arrived.contains_key(number)) {
        let taken = back.acknowledged.contains(number) && !back.hidden.contains(number);
        if out.acknowledged.contains(number) && !taken {
            score.lost_by_broker += 1;
        } else {
            score.lost += 1;
            score.blamed.push(*number);
        }
    }
    for (number, times) in arrived {
        let again = times - 1;
        let of_client = out.is_doubled(number) || !back.is_doubled(number);
        let beyond = times.saturating_sub(back.times(number));
        match at_most_once {
            true if of_client => score.blame(number, again),
            true => score.twice_by_broker += again,
            // At QoS 1 what came twice may be taken twice; nothing else.
            false => score.blame(number, beyond),
        }
    }
    score
}

impl Score {
    fn blame(&mut self, number: usize, again: usize) {
        self.twice += again;
        if again != 0 {
            self.blamed.push(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn record(list: &[(Way, What)]) -> Vec<Event> {
        let at = Instant::now();
        list.iter().map(|&(way, what)| Event { at, link: 0, way, what }).collect()
    }

    fn publish(number: usize, id: u16) -> What {
        What::Publish { number, id }
    }

    #[test]
    fn what_was_acknowledged_and_never_sent_on_is_lost_by_the_broker() {
        let out = record(&[(Way::Up, publish(0, 1)), (Way::Down, What::PubAck(1))]);
        let score = judge(&[0], &[], &[], &out, &[], false);
        assert_eq!((score.lost, score.lost_by_broker), (0, 1));
    }

    #[test]
    fn what_was_settled_without_an_acknowledgement_is_lost_by_the_client() {
        let out = record(&[(Way::Up, publish(0, 1))]);
        assert_eq!(judge(&[0], &[], &[], &out, &[], false).lost, 1);
    }

    #[test]
    fn what_was_acknowledged_and_not_handed_over_is_lost_by_the_client() {
        let out = record(&[(Way::Up, publish(0, 1)), (Way::Down, What::PubAck(1))]);
        let back = record(&[(Way::Down, publish(0, 7)), (Way::Up, What::PubAck(7))]);
        assert_eq!(judge(&[0], &[], &[], &out, &back, false).lost, 1);
    }

    #[test]
    fn what_a_link_says_that_was_given_up_counts_for_nothing() {
        let accepted = (Way::Down, What::Accepted { session_present: false });
        let late = [(Way::Up, What::End), accepted, (Way::Down, What::PubAck(2))];
        let late = record(&late).into_iter().map(|event| Event { link: 1, ..event });
        let mut out = record(&[(Way::Up, publish(0, 1)), (Way::Up, publish(1, 2))]);
        out.extend(late);
        out.extend(record(&[(Way::Down, What::PubAck(1))]));
        let score = judge(&[0, 1], &[], &[], &out, &[], false);
        assert_eq!((score.lost_by_broker, score.blamed), (1, vec![1]));
    }

    #[test]
    fn what_comes_under_an_identifier_in_use_is_lost_by_the_broker() {
        let out = record(&[(Way::Up, publish(1, 1)), (Way::Down, What::PubRec(1))]);
        let back = record(&[
            (Way::Down, publish(0, 7)),
            (Way::Up, What::PubRec(7)),
            (Way::Down, publish(1, 7)),
            (Way::Up, What::PubRec(7)),
        ]);
        let score = judge(&[1], &[], &[0], &out, &back, true);
        assert_eq!((score.lost, score.lost_by_broker), (0, 1));
    }

    #[test]
    fn what_never_ends_is_lost_by_the_client() {
        assert_eq!(judge(&[], &[0], &[0], &[], &[], false).lost, 1);
    }

    #[test]
    fn qos_2_in_one_flow_and_taken_twice_is_the_clients_fault() {
        let out = record(&[(Way::Up, publish(0, 1)), (Way::Down, What::PubRec(1))]);
        let back = record(&[(Way::Down, publish(0, 7)), (Way::Down, publish(0, 7))]);
        let score = judge(&[0], &[], &[0, 0], &out, &back, true);
        assert_eq!((score.twice, score.twice_by_broker), (1, 0));
    }

    #[test]
    fn qos_2_that_the_broker_sends_in_a_second_flow_is_its_fault() {
        let out = record(&[(Way::Up, publish(0, 1)), (Way::Down, What::PubRec(1))]);
        for again in [publish(0, 8), publish(0, 7)] {
            let back = record(&[
                (Way::Down, publish(0, 7)),
                (Way::Up, What::PubRec(7)),
                (Way::Down, What::PubRel(7)),
                (Way::Down, again),
            ]);
            let score = judge(&[0], &[], &[0, 0], &out, &back, true);
            assert_eq!((score.twice, score.twice_by_broker), (0, 1));
        }
    }

    #[test]
    fn qos_2_that_the_publisher_sends_in_two_flows_is_the_clients_fault() {
        let out = record(&[(Way::Up, publish(0, 1)), (Way::Up, publish(0, 2))]);
        let back = record(&[(Way::Down, publish(0, 7)), (Way::Down, publish(0, 8))]);
        assert_eq!(judge(&[0], &[], &[0, 0], &out, &back, true).twice, 1);
    }

    #[test]
    fn qos_1_may_be_taken_as_often_as_it_came() {
        let out = record(&[(Way::Up, publish(0, 1)), (Way::Down, What::PubAck(1))]);
        let back = record(&[(Way::Down, publish(0, 7)), (Way::Down, publish(0, 7))]);
        assert_eq!(judge(&[0], &[], &[0, 0], &out, &back, false).twice, 0);
        assert_eq!(judge(&[0], &[], &[0, 0, 0], &out, &back, false).twice, 1);
    }
}
