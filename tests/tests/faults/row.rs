//! A row of the table, and what has to hold in it.

use std::time::{Duration, Instant};

use mqtt_as_tests::watched::Score;

use super::Case;
use super::line::{Line, Outcome};
use crate::runtime;
use crate::runtime::adapter::{QoS, Version};

/// What clients may hold more when all is over than when they had just connected: what a turn of
/// reading takes.
const REST: usize = 64 * 1024;

/// What has to hold of the time until the program is told that the link is lost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told {
    /// It is told within that time.
    Within(Duration),
    /// It is told nothing: the link stands.
    Never,
}

/// FIN and RST are noticed at once.
pub(crate) const AT_ONCE: Told = Told::Within(Duration::from_millis(100));

/// The times from each fault to the first word of it, if that came before the next fault.
pub(crate) fn latencies(faults: &[Instant], downs: &[Instant]) -> Vec<Duration> {
    let next = faults.iter().skip(1).map(Some).chain([None]);
    let of_one = |(fault, next): (&Instant, Option<&Instant>)| {
        let down = downs.iter().find(|down| *down >= fault)?;
        next.is_none_or(|next| down < next).then(|| down.duration_since(*fault))
    };
    faults.iter().zip(next).filter_map(of_one).collect()
}

/// The times from the end of each link, of both clients, until they were told.
pub(crate) fn of_ended_links(line: &Line) -> Vec<Duration> {
    let sides = [&line.publisher, &line.reader];
    let of_side = |side: &super::line::Side| latencies(&side.link.ends(), &side.downs());
    sides.into_iter().flat_map(of_side).collect()
}

/// Prints the row, and fails if something was lost, or doubled, by a client.
pub(crate) fn tell(
    fault: &str,
    case: Case,
    times: usize,
    outcome: &Outcome,
    mut until_down: Vec<Duration>,
    wanted: Told,
) {
    until_down.sort_unstable();
    let Outcome { score, told, memory: [before, after] } = outcome;
    let held = after.saturating_sub(*before) <= REST;
    let verdict = verdict(score, &until_down, held, wanted);
    let Case { make, version, qos } = case;
    let version = if version == Version::V311 { "3.1.1" } else { "5.0" };
    let qos = if qos == QoS::ExactlyOnce { 2 } else { 1 };
    let Score { sent, lost, twice, lost_by_broker, twice_by_broker, .. } = score;
    let (fewest, middle, most) = match until_down[..] {
        [] => ("–".to_owned(), "–".to_owned(), "–".to_owned()),
        [least, ..] => {
            let most = until_down[until_down.len() - 1];
            (ms(least), ms(until_down[until_down.len() / 2]), ms(most))
        }
    };
    println!(
        "row|{fault}|{}|{}|{version}|{qos}|{times}|{sent}|{lost}|{twice}|{}|{lost_by_broker}|\
         {twice_by_broker}|{fewest}|{middle}|{most}|{}|{}|{verdict}",
        runtime::NAME,
        make.name(),
        told.len(),
        before / 1024,
        after / 1024,
    );
    if let Some(first) = told.first() {
        println!("told, the first of {}: {first:?}", told.len());
    }
    // Times are for the command to judge: a machine that does something else beside may be slow.
    assert!(matches!(verdict, "holds" | "slow"), "{fault}: {verdict}");
}

fn verdict(score: &Score, until_down: &[Duration], held: bool, wanted: Told) -> &'static str {
    let slowest = until_down.last().copied();
    match wanted {
        _ if score.lost != 0 => "LOST",
        _ if score.twice != 0 => "TWICE",
        _ if !held => "MEMORY",
        Told::Never if slowest.is_some() => "DOWN",
        Told::Within(_) if slowest.is_none() => "NOT TOLD",
        Told::Within(limit) if slowest > Some(limit) => "slow",
        _ => "holds",
    }
}

fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms < 10.0 { format!("{ms:.2}") } else { format!("{ms:.0}") }
}
