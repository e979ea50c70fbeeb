//! Random lives of a client against the broker over a bad network.
//!
//! `MQTT_AS_SEEDS` says how many (300 unless set), from `MQTT_AS_FIRST_SEED` on. A failing one prints its seed, and the fewest of its
//! steps that break the same rule; `MQTT_AS_SEED` runs that one alone, of its steps those that
//! `MQTT_AS_STEPS` names, and prints what happens in it.

#![allow(missing_docs)]

mod end;
mod kinds;
mod ledger;
mod life;
mod operations;
mod settings;
mod shrink;

use std::env;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use mqtt_as_tests::pair::{Arena, Fault, Invariant, Plant};

use kinds::KINDS;
use life::{Life, Met};
use shrink::shrink;

fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

/// The steps that `MQTT_AS_STEPS` names.
fn steps() -> Option<Vec<u64>> {
    let steps = env::var("MQTT_AS_STEPS").ok()?;
    let number = |step: &str| step.parse().expect("numbers with commas between them");
    Some(steps.split(',').filter(|step| !step.is_empty()).map(number).collect())
}

/// From time to time, how far it is: a long run takes minutes.
fn tell_progress(lives: u64, of: u64, begin: Instant) {
    if lives != 0 && lives.is_multiple_of(10_000) {
        let rate = lives as f64 / begin.elapsed().as_secs_f64().max(0.001);
        let left = (of - lives) as f64 / rate;
        println!("{lives} of {of} lives, {rate:.0} a second, {left:.0} s are left");
    }
}

/// Lives all seeds on all processors: what they met, or the lowest one that fails, and how.
fn live(seeds: Range<u64>, plant: Option<Plant>) -> Result<Met, (u64, Fault)> {
    let (next, begin) = (AtomicU64::new(seeds.start), Instant::now());
    let failed: Mutex<Option<(u64, Fault)>> = Mutex::new(None);
    let met = Mutex::new(Met::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.lock().unwrap().is_some() {
                return;
            }
            tell_progress(seed - seeds.start, seeds.end - seeds.start, begin);
            let fault = match Life::new(seed, plant, &mut Arena::default()).live() {
                Err(fault) => fault,
                Ok(life) => {
                    let mut met = met.lock().unwrap();
                    life.into_iter()
                        .for_each(|(kind, times)| *met.entry(kind).or_default() += times);
                    continue;
                }
            };
            let mut failed = failed.lock().unwrap();
            if failed.as_ref().is_none_or(|(other, _)| seed < *other) {
                *failed = Some((seed, fault));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    failed.into_inner().unwrap().map_or_else(|| Ok(met.into_inner().unwrap()), Err)
}

#[test]
fn random_lives_keep_all_promises() {
    if let Some(seed) = number("MQTT_AS_SEED") {
        let mut arena = Arena::default();
        let mut life = Life::new(seed, None, &mut arena);
        life.trace();
        let steps = steps();
        let keeps = |step| steps.as_ref().is_none_or(|steps| steps.contains(&step));
        if let Err(fault) = life.live_through(keeps) {
            panic!("seed {seed}: {fault}");
        }
        return;
    }
    let seeds = number("MQTT_AS_SEEDS").unwrap_or(300);
    let first = number("MQTT_AS_FIRST_SEED").unwrap_or(0);
    let met = match live(first..first + seeds, None) {
        Ok(met) => met,
        Err((seed, fault)) => {
            let shortest = shrink(seed, None, fault.clone());
            let steps: Vec<String> = shortest.steps.iter().map(u64::to_string).collect();
            let (steps, then) = (steps.join(","), shortest.fault);
            panic!(
                "seed {seed}: {fault}\nwith few steps: {then}\nMQTT_AS_SEED={seed} \
                 MQTT_AS_STEPS={steps} cargo test -p mqtt-as-tests --test random random_lives -- \
                 --nocapture"
            )
        }
    };
    println!("{seeds} lives met {met:#?}");
    // The rarest happens to one of two hundred.
    for kind in KINDS.iter().filter(|_| seeds >= 2000) {
        assert!(met.contains_key(kind), "no life met: {kind}");
    }
}

fn caught(plant: Plant, by: Invariant) {
    let (seed, fault) = live(0..300, Some(plant)).expect_err("some seed finds it");
    println!("{plant:?}: seed {seed} finds it: {fault}");
    assert_eq!(fault.invariant, by, "seed {seed}: {fault}");
}

/// A life of 50 to 300 steps, of which a connection, a publish and another connection are to blame.
#[test]
fn a_life_that_fails_is_told_by_its_fewest_steps() {
    let plant = Some(Plant::NoDup);
    let (seed, fault) = live(0..300, plant).expect_err("some seed finds it");
    let shortest = shrink(seed, plant, fault);
    println!("seed {seed}: {:?}: {}", shortest.steps, shortest.fault);
    assert_eq!(shortest.fault.invariant, Invariant::Dup);
    assert!(shortest.steps.len() <= 20, "{} steps", shortest.steps.len());
    for left_out in &shortest.steps {
        let keeps = |step| step != *left_out && shortest.steps.contains(&step);
        let fault = Life::new(seed, plant, &mut Arena::default()).live_through(keeps).err();
        assert!(
            fault.is_none_or(|fault| fault.invariant != Invariant::Dup),
            "{left_out} is not needed"
        );
    }
}

#[test]
fn random_run_catches_a_missing_dup() {
    caught(Plant::NoDup, Invariant::Dup);
}

#[test]
fn random_run_catches_a_stream_sent_again_without_dup() {
    caught(Plant::StreamNoDup, Invariant::Dup);
}

#[test]
fn random_run_catches_a_qos_2_stream_sent_again_as_new() {
    caught(Plant::NewStream, Invariant::ExactlyOnce);
}

#[test]
fn random_run_catches_messages_sent_again_in_another_order() {
    caught(Plant::Swapped, Invariant::Order);
}

#[test]
fn random_run_catches_an_id_released_early() {
    caught(Plant::EarlyId, Invariant::PacketId);
}

#[test]
fn random_run_catches_a_message_dropped_with_the_session() {
    caught(Plant::LostMessage, Invariant::OneOutcome);
}
