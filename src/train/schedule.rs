//! The learning rate: small, then large, then slowly smaller.
//!
//! In the first steps AdamW's averages know little, and large steps would do harm, so the rate climbs from near 0 to
//! its peak (*warm-up*). Near the end, large steps would keep the model hopping around the valley that it has found, so
//! the rate falls to a tenth of the peak. It falls along half a cosine wave: slowly at first, fast in the middle,
//! slowly again.
//!
//! Source: Loshchilov and Hutter, "SGDR" (2017), equation 5, for the cosine; Radford et al. (2018), section 4.1.
//!
//! [Chapter 13](crate::book::ch13_training) explains it.

/// The learning rate of a step: warm-up, then half a cosine wave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The highest rate.
    pub peak: f32,
    /// How many steps the climb takes.
    pub warmup: u64,
    /// How many steps there are in all.
    pub steps: u64,
}

impl Schedule {
    /// The rate of step `step`, counted from 0.
    ///
    /// # Example: climb, peak, fall
    ///
    /// ```
    /// use gpt60::train::schedule::Schedule;
    ///
    /// let schedule = Schedule { peak: 1.0, warmup: 10, steps: 110 };
    /// assert_eq!(schedule.rate(0), 0.1); // the first of ten steps up
    /// assert_eq!(schedule.rate(10), 1.0); // the peak
    /// assert!((schedule.rate(60) - 0.55).abs() < 1e-6); // halfway down to 0.1
    /// assert!((schedule.rate(110) - 0.1).abs() < 1e-6); // the end
    /// ```
    pub fn rate(&self, step: u64) -> f32 {
        let lowest = 0.1 * self.peak;
        if step < self.warmup {
            return self.peak * (step + 1) as f32 / self.warmup as f32;
        }
        if step >= self.steps {
            return lowest;
        }
        let done = (step - self.warmup) as f32 / (self.steps - self.warmup) as f32; // 0 at the peak, 1 at the end
        let height = 0.5 * (1.0 + (std::f32::consts::PI * done).cos()); // 1 at the peak, 0 at the end
        lowest + (self.peak - lowest) * height
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn the_rate_stays_between_zero_and_the_peak(warmup in 0u64..50, steps in 0u64..200, step in 0u64..300) {
            let rate = Schedule { peak: 0.5, warmup, steps }.rate(step);
            prop_assert!(rate > 0.0 && rate <= 0.5, "{}", rate);
        }
    }
}
