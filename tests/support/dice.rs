//! Random choices that a seed repeats, and how many seeds a property is tried with.

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers from the same seed, everywhere.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which must not be 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// True in so many of 100 cases.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}

/// The seeds to try: `default` many, or as many as `STREAMGAUGE_TEST_CASES` says.
///
/// # Panics
/// When the variable is no number.
pub fn seeds(default: u64) -> std::ops::Range<u64> {
    match std::env::var("STREAMGAUGE_TEST_CASES") {
        Ok(text) => 0..text.parse().expect("STREAMGAUGE_TEST_CASES is a whole number"),
        Err(_) => 0..default,
    }
}
