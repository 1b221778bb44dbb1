//! Random numbers that can be repeated.
//!
//! Three things here need randomness: the first weights of a model, the order of its lessons, and sampling. All of them
//! must be repeatable. The same seed gives the same numbers. A training run that was stopped continues as if nothing
//! had happened, because the generator's whole state is four integers, which are easy to save. The bits are the same on
//! every machine; [`Rng::normal`] may differ in the last digit between systems whose logarithm and cosine do.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021), seeded
//! by splitmix64 as its authors recommend. It is fast and passes the usual statistical tests; it is **not** for
//! secrets. A production program would use the `rand` crate.

/// A seeded random number generator.
///
/// # Example: the same seed, the same numbers
///
/// ```
/// use gpt60::Rng;
///
/// let mut first = Rng::new(42);
/// let mut second = Rng::new(42);
/// assert_eq!(first.next_u64(), second.next_u64());
/// assert!(first.below(6) < 6); // a die, counted from 0
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// A generator that starts from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Rng {
        // splitmix64 turns one number into four that look nothing like it, so even seeds 1 and 2 give unrelated states.
        let mut z = seed;
        let mut next = || {
            z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut x = z;
            x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            x ^ (x >> 31)
        };
        Rng { state: [next(), next(), next(), next()] }
    }

    /// The whole state, for saving.
    pub fn state(&self) -> [u64; 4] {
        self.state
    }

    /// A generator that continues from a saved state. Four zeros are not a valid state (the generator would stay at
    /// zero forever), so they mean the seed 0.
    #[must_use]
    pub fn from_state(state: [u64; 4]) -> Rng {
        if state == [0; 4] { Rng::new(0) } else { Rng { state } }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number in `[0, 1)`: one of 2^53 equally spaced values, all equally likely.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number in `0..n`, all equally likely.
    ///
    /// # Panics
    ///
    /// If `n` is 0, because no number is below it.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "Rng::below(0): no number is below 0");
        // `% n` alone would slightly favour small numbers, so the incomplete last round of n is thrown away.
        let n = n as u64;
        let end_of_last_round = u64::MAX - u64::MAX % n;
        loop {
            let x = self.next_u64();
            if x < end_of_last_round {
                return (x % n) as usize;
            }
        }
    }

    /// A number from the normal distribution with mean 0 and standard deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let u = 1.0 - self.uniform(); // in (0, 1]: the logarithm of 0 does not exist
        let angle = std::f64::consts::TAU * self.uniform();
        (-2.0 * u.ln()).sqrt() * angle.cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_and_xoshiro_give_the_numbers_of_their_authors() {
        // splitmix64 from seed 0 begins with this number (the authors' reference program prints it first).
        assert_eq!(Rng::new(0).state()[0], 0xE220_A839_7B1D_CDAF);
        // From the state 1, 2, 3, 4: rotl(1 + 4, 23) + 1 = 5 * 2^23 + 1 = 41943041.
        assert_eq!(Rng::from_state([1, 2, 3, 4]).next_u64(), 41_943_041);
    }

    #[test]
    fn a_saved_state_continues_where_it_stopped() {
        let mut rng = Rng::new(7);
        rng.next_u64();
        let mut other = Rng::from_state(rng.state());
        for _ in 0..10 {
            assert_eq!(rng.normal().to_bits(), other.normal().to_bits());
        }
    }

    #[test]
    fn below_reaches_every_number_about_equally_often() {
        let mut rng = Rng::new(1);
        let mut counts = [0usize; 7];
        for _ in 0..70_000 {
            counts[rng.below(7)] += 1;
        }
        // 10,000 expected each, standard deviation 93: five of them are a one-in-a-million event.
        assert!(counts.iter().all(|&c| (9_535..=10_465).contains(&c)), "{counts:?}");
    }

    #[test]
    fn normal_has_mean_0_and_deviation_1() {
        let mut rng = Rng::new(2);
        let n = 100_000;
        let draws: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.02, "mean {mean}"); // deviation of the mean: 1/sqrt(n) = 0.003
        assert!((variance - 1.0).abs() < 0.03, "variance {variance}");
    }
}
