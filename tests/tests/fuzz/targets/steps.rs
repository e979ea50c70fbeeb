//! How bytes become steps.

use mqtt_as_tests::random::Random;

/// A source for each step: two bytes, so that a fuzzer can put a step in, or leave one out.
pub(crate) fn steps(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let pairs = bytes.chunks_exact(2);
    pairs.map(|pair| u64::from(u16::from_be_bytes([pair[0], pair[1]])))
}

/// Two bytes off the front, for what is chosen before the steps.
pub(crate) fn first(bytes: &[u8]) -> Option<(Random, &[u8])> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((Random::new(u64::from(u16::from_be_bytes(*first))), rest))
}
