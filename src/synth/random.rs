//! Numbers that look random and are wholly decided by a seed: the same on every machine, for ever.
//!
//! SplitMix64 (Steele, Lea and Flood 2014). Not for secrets; for synthetic people only.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

/// How often something happens, in parts per hundred thousand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rate(u32);

impl Rate {
    pub const NEVER: Rate = Rate(0);

    /// More than always counts as always.
    pub const fn per_100k(parts: u32) -> Rate {
        Rate(parts)
    }

    pub const fn percent(parts: u32) -> Rate {
        Rate(parts * 1_000)
    }

    pub const fn parts_per_100k(self) -> u32 {
        self.0
    }
}

impl Random {
    /// One stream for each (seed, stream number): what one person draws does not move another's.
    pub fn stream(seed: u64, stream: u64) -> Random {
        let mut random = Random { state: seed ^ stream.wrapping_mul(0xD134_2543_DE82_EF95) };
        random.draw();
        random
    }

    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to one less than `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `first` to `last`, both included.
    pub fn between(&mut self, first: i64, last: i64) -> i64 {
        first + self.below((last - first + 1).max(1) as u64) as i64
    }

    pub fn happens(&mut self, rate: Rate) -> bool {
        self.below(100_000) < u64::from(rate.0)
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Picks early items more often than late ones, as names are met.
    pub fn pick_early<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let count = items.len() as u64;
        let (a, b) = (self.below(count), self.below(count));
        &items[(a * b / count) as usize]
    }

    /// Picks by weight. The weights must not all be zero.
    pub fn pick_weighted<'a, T>(&mut self, items: &'a [T], weight: impl Fn(&T) -> u32) -> &'a T {
        let total: u64 = items.iter().map(|item| u64::from(weight(item))).sum();
        let mut left = self.below(total);
        for item in items {
            let weight = u64::from(weight(item));
            if left < weight {
                return item;
            }
            left -= weight;
        }
        &items[items.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_every_number() {
        let draw = |seed, stream| Random::stream(seed, stream).draw();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(2, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        // Pinned, because a changed stream would change every published synthetic month.
        assert_eq!(Random::stream(20_261, 0).draw(), 11_452_787_651_143_516_577);
    }

    #[test]
    fn rates_are_met() {
        let mut random = Random::stream(7, 7);
        let rate = Rate::percent(15);
        let hits = (0..100_000).filter(|_| random.happens(rate)).count();
        assert!((14_500..15_500).contains(&hits), "{hits}");
        assert!(!random.happens(Rate::NEVER));
        assert!((0..1_000).all(|_| (3..=5).contains(&random.between(3, 5))));
    }
}
