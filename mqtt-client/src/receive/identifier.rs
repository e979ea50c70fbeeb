//! The subscription identifiers of receivers: a filter has the same one in each run of each program, so
//! that what waits in the session of an earlier run finds the receivers that it was for.

use mqtt_as_proto::property::SubscriptionId;

/// They begin here: programs, and other clients, that number their own subscriptions begin with 1.
const FIRST: u32 = 1 << 27;

/// The identifier for that filter, or the next one that is free: that of another filter of this program
/// may happen to be the same.
pub(super) fn identifier(
    filter: &str,
    mut is_free: impl FnMut(SubscriptionId) -> bool,
) -> Option<SubscriptionId> {
    let first = hash(filter);
    (0..FIRST)
        .filter_map(|more| SubscriptionId::new(FIRST | (first.wrapping_add(more) % FIRST)))
        .find(|id| is_free(*id))
}

/// FNV-1a, folded. It may never become another one: sessions outlive programs.
fn hash(filter: &str) -> u32 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = filter.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    (hash ^ hash >> 27 ^ hash >> 54) as u32 % FIRST
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;

    use super::{SubscriptionId, identifier};

    #[test]
    fn a_filter_has_the_same_one_for_ever() {
        let of = |filter| identifier(filter, |_| true).map(SubscriptionId::get);
        for (filter, id) in [
            ("r/1", 225_113_162),
            ("r/#", 223_827_888),
            ("$share/group/job/+", 201_018_371),
            ("", 175_226_010),
        ] {
            assert_eq!(of(filter), Some(id), "{filter}");
        }
    }

    #[test]
    fn filters_that_are_alike_have_different_ones() {
        let mut known = BTreeSet::new();
        for number in 0..2_000 {
            for filter in ["plant/{}/cmd", "{}", "a/b/c/{}/#"] {
                let filter = filter.replace("{}", &format!("{number}"));
                assert!(known.insert(identifier(&filter, |_| true)), "{filter}");
            }
        }
    }

    #[test]
    fn one_that_is_taken_makes_way_even_at_the_end() {
        let first = identifier("a", |_| true).expect("free");
        let second = identifier("a", |id| id != first).expect("free");
        assert_ne!(first, second);
        let last = identifier("a", |id| id.get() < first.get()).expect("free");
        assert_eq!(last.get(), 1 << 27, "behind the last one comes the first");
    }
}
