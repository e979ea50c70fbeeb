//! Randomness for the models of tests, from seeds.

/// Numbers that a seed repeats (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }

    /// So many bytes.
    #[cfg(feature = "alloc")]
    pub(crate) fn bytes(&mut self, len: usize) -> std::vec::Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }
}

/// The seeds of steps: two bytes each, so that a fuzzer can put a step in, or leave one out.
#[cfg(feature = "alloc")]
pub(crate) fn steps(bytes: &[u8]) -> impl Iterator<Item = Random> + '_ {
    let pairs = bytes.chunks_exact(2);
    pairs.map(|pair| Random::new(u64::from(pair[0]) << 8 | u64::from(pair[1])))
}
