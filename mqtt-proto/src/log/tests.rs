//! The log against collections of the standard library, and stories of its memory.
//!
//! A failing run prints its seed; `MQTT_AS_LOG_SEED` runs that one alone.

use std::vec;
use std::vec::Vec;

use super::model::{Model, walk};
use super::{HEADER, Log, LogMemory, Record};
use crate::random::Random;

/// Plays a seed, or the one that is set; a failing one says which it was.
fn play(seeds: core::ops::RangeInclusive<u64>, run: impl Fn(u64)) {
    let set = std::env::var("MQTT_AS_LOG_SEED").ok();
    let set = set.map(|seed| seed.parse().unwrap());
    for seed in set.map_or(seeds, |seed| seed..=seed) {
        let caught = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| run(seed)));
        if let Err(panic) = caught {
            std::eprintln!("MQTT_AS_LOG_SEED={seed} runs this one alone");
            std::panic::resume_unwind(panic);
        }
    }
}

/// Steps of a model, each with a seed of its own.
fn random_steps(seed: u64) -> impl Iterator<Item = Random> {
    let mut random = Random::new(seed);
    core::iter::repeat_with(move || Random::new(random.below(1 << 31) as u64)).take(1500)
}

fn record(id: u16) -> Record {
    Record { id, state: 1, ..Record::default() }
}

fn ids(log: &Log<'_>) -> Vec<u16> {
    walk(log).iter().map(|record| record.id).collect()
}

fn lent(bytes: usize) -> LogMemory<'static> {
    LogMemory::borrowed(vec![0; bytes].leak())
}

#[test]
fn random_operations_agree_with_std_in_lent_memory() {
    play(1..=24, |seed| {
        let mut memory = vec![0xaa; [64, 300, 1000, 5000][seed as usize % 4]];
        Model::new(LogMemory::borrowed(&mut memory)).play(random_steps(seed));
    });
}

#[cfg(feature = "alloc")]
#[test]
fn random_operations_agree_with_std_on_the_heap() {
    play(1..=24, |seed| {
        let limit = [64, 300, 1000, 5000][seed as usize % 4];
        Model::new(LogMemory::owned(limit)).play(random_steps(seed));
    });
}

#[test]
fn the_front_moves_on_over_dead_records() {
    let mut log = Log::new(lent(200));
    let records: Vec<Record> =
        (1..=4).map(|id| log.push_bytes(record(id), &[id as u8; 4]).unwrap()).collect();
    log.end_record(&records[1]);
    assert_eq!(log.start, 0);
    assert_eq!(ids(&log), [1, 3, 4], "one that ended in the middle is passed over");
    assert_eq!(log.find(2), None);
    log.end_record(&records[0]);
    assert_eq!(log.start, records[2].at, "the front moves on past both");
    log.end_record(&records[3]);
    log.end_record(&records[2]);
    assert_eq!((log.start, log.end, log.live()), (0, 0, 0), "what is empty begins anew");
}

#[test]
fn positions_hold_while_records_end_and_change() {
    let mut log = Log::new(lent(400));
    let records: Vec<Record> =
        (1..=6).map(|id| log.push_bytes(record(id), &[id as u8; 20]).unwrap()).collect();
    log.end_record(&records[0]);
    log.drop_data(&mut records[2].clone());
    log.renumber(&mut records[3].clone(), 9);
    for known in &records[1..] {
        assert_eq!(log.at(known.at).map(|record| record.at), Some(known.at));
    }
    assert_eq!(log.data(&records[5]), [6; 20]);
    assert_eq!(log.at(records[0].at).map(|record| record.id), Some(2), "or the next one behind");
    assert_eq!(log.at(log.end), None);
}

#[test]
fn compaction_keeps_order_bytes_and_cursors() {
    let mut log = Log::new(lent(5 * 36));
    let records: Vec<Record> =
        (1..=5).map(|id| log.push_bytes(record(id), &[id as u8; 20]).unwrap()).collect();
    log.set_cursor(0, records[2].at);
    log.set_cursor(1, records[3].end());
    log.set_cursor(2, records[4].end());
    log.end_record(&records[1]);
    log.end_record(&records[2]);
    assert!(!log.has_room(60, 0));
    log.push_bytes(record(6), &[6; 40]).unwrap();
    assert_eq!(ids(&log), [1, 4, 5, 6]);
    let data: Vec<u8> = walk(&log).iter().map(|record| log.data(record)[0]).collect();
    assert_eq!(data, [1, 4, 5, 6]);
    let at = |cursor| log.at_cursor(cursor).map(|record| record.id);
    assert_eq!([at(0), at(1), at(2)], [Some(4), Some(5), Some(6)]);
}

#[test]
fn a_record_without_its_bytes_keeps_its_place() {
    let mut log = Log::new(lent(100));
    let mut first = log.push_bytes(record(1), &[1; 40]).unwrap();
    log.push_bytes(record(2), &[2; 20]).unwrap();
    log.drop_data(&mut first);
    assert_eq!(log.live(), HEADER + 36, "its header alone is left");
    log.push_bytes(record(3), &[3; 20]).unwrap();
    assert_eq!(ids(&log), [1, 2, 3]);
    assert_eq!(log.push(record(4)), None, "there is no more room");
    log.drop_data(&mut walk(&log)[2]);
    assert_eq!(log.live(), HEADER + 36 + HEADER);
    let mut few = log.push_bytes(record(4), &[4; 15]).unwrap();
    log.drop_data(&mut few);
    assert_eq!(log.live(), 4 * HEADER + 20 + 15, "too few bytes for a header stay");
}

#[cfg(feature = "bytes")]
#[test]
fn what_is_held_by_reference_counts_and_is_let_go_of() {
    let mut log = Log::new(lent(200));
    let shared = |len: usize| crate::Shared(bytes::Bytes::from(vec![7; len]));
    let first = log.push_shared(record(1), shared(1000)).unwrap();
    assert_eq!(log.live(), HEADER + super::KEY + 1000);
    assert!(!log.has_room(0, 1), "one larger than the room, and no second one");
    let mut second = log.push_shared(record(2), shared(50)).unwrap();
    log.end_record(&first);
    assert_eq!(log.take_released().map(|shared| shared.as_slice().len()), Some(1000));
    log.drop_data(&mut second);
    assert_eq!(log.take_released().map(|shared| shared.as_slice().len()), Some(50));
    assert_eq!(log.live(), HEADER + super::KEY);
    assert!(log.shared(&walk(&log)[0]).is_none());
    assert!(log.has_room(0, 1000), "one may again be larger than all the room");
    assert!(log.take_released().is_none());
}

/// Rounds of pushing and ending that leave holes everywhere.
#[cfg(feature = "alloc")]
#[test]
fn the_heap_never_holds_more_than_twice_the_limit() {
    play(1..=10, |seed| {
        let (limit, mut random) = (10_000, Random::new(seed));
        let mut log = Log::new(LogMemory::owned(limit));
        let mut peak = 0;
        for _ in 0..20_000 {
            let len = 1 + random.below(300);
            if !log.has_room(len, 0) {
                let all = walk(&log);
                log.end_record(&all[random.below(all.len())]);
                continue;
            }
            log.push_bytes(record(0), &vec![1; len]).unwrap();
            peak = peak.max(log.bytes.as_slice().len());
        }
        assert!(peak <= 2 * limit, "{peak}");
        assert!(log.index.places().len() <= 1 << 16);
    });
}

#[cfg(feature = "alloc")]
#[test]
fn heap_memory_is_given_back() {
    let mut log = Log::new(LogMemory::owned(1 << 20));
    assert_eq!((log.bytes.as_slice().len(), log.index.places().len()), (0, 0));
    for id in 1..=1000 {
        log.push_bytes(record(id), &[id as u8; 100]).unwrap();
    }
    assert!(log.bytes.as_slice().len() >= 116_000);
    let keep = log.find(500).unwrap();
    for known in walk(&log) {
        if known != keep {
            log.end_record(&known);
        }
    }
    log.release();
    assert_eq!(log.bytes.as_slice().len(), 116, "what is in use stays");
    let kept = log.find(500).unwrap();
    assert_eq!(log.data(&kept), [500_u16 as u8; 100]);
    log.end_record(&kept);
    log.release();
    assert_eq!((log.bytes.as_slice().len(), log.index.places().len()), (0, 0));
    assert!(log.push_bytes(record(1), &[1; 10]).is_some(), "and is taken again");
}

/// All identifiers at once, found and ended in that order.
#[cfg(feature = "alloc")]
fn all_identifiers(order: impl Fn(&mut Vec<u16>)) {
    let mut log = Log::new(LogMemory::owned(1 << 21));
    for id in 1..=u16::MAX {
        log.push(Record { who: u32::from(id) * 3, ..record(id) }).unwrap();
    }
    let mut ids: Vec<u16> = (1..=u16::MAX).collect();
    order(&mut ids);
    for (n, id) in ids.iter().enumerate() {
        let found = log.find(*id).unwrap();
        assert_eq!((found.id, found.who), (*id, u32::from(*id) * 3));
        log.end_record(&found);
        assert_eq!(log.find(*id), None);
        let still = ids.get(n + 1 + n % 7).filter(|_| n % 101 == 0);
        assert!(still.is_none_or(|id| log.find(*id).is_some()));
    }
    assert_eq!((log.count(), log.live()), (0, 0));
}

#[cfg(feature = "alloc")]
#[test]
fn every_identifier_is_found_in_order() {
    all_identifiers(|_| {});
}

#[cfg(feature = "alloc")]
#[test]
fn every_identifier_is_found_in_reverse() {
    all_identifiers(|ids| ids.reverse());
}

#[cfg(feature = "alloc")]
#[test]
fn every_identifier_is_found_at_random() {
    play(1..=3, |seed| {
        all_identifiers(|ids| {
            let mut random = Random::new(seed);
            ids.sort_by_cached_key(|_| random.below(1 << 30));
        });
    });
}

#[cfg(feature = "alloc")]
#[test]
fn identifiers_that_collide_are_found() {
    let mut log = Log::new(LogMemory::owned(1 << 20));
    let ids: Vec<u16> = (0..200).map(|n| 5 + n * 256).chain([1, 2, 3]).collect();
    for id in &ids {
        log.push(record(*id)).unwrap();
    }
    for id in ids.iter().rev() {
        assert_eq!(log.find(*id).map(|found| found.id), Some(*id));
        assert_eq!(log.find(id ^ 8), None);
    }
    assert!(log.index.places().len() <= 1 << 16);
}

/// Without an index records are found by walking.
#[test]
fn lent_memory_has_no_index_and_finds_all() {
    let mut log = Log::new(lent(100 * HEADER));
    for id in 1..=100 {
        log.push(record(id * 600)).unwrap();
    }
    assert!(log.index.places().is_empty());
    for id in (1..=100).rev() {
        let found = log.find(id * 600).unwrap();
        assert_eq!(found.id, id * 600);
        log.end_record(&found);
    }
    assert_eq!(log.count(), 0);
}
