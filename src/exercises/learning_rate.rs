//! Exercise: the learning rate. Chapter 13. Easy, 15 minutes.
//!
//! The learning rate climbs in a straight line to its peak (*warm-up*), then falls along half a cosine wave to a tenth
//! of the peak, and stays there.
//!
//! ```text
//! climb   step < warmup            peak * (step + 1) / warmup
//! fall    warmup <= step < steps   lowest + (peak - lowest) * 0.5 * (1 + cos(pi * done))
//! stay    steps <= step            lowest
//!
//!         lowest = 0.1 * peak      done = (step - warmup) / (steps - warmup): 0 at the peak, 1 at the end
//! ```
//!
//! Steps are counted from 0, and the first one is not wasted on a rate of 0. The warm-up may be 0 steps long, or longer
//! than the whole run: of the three lines the first that fits counts, so the climb comes before all else. Make sure that
//! you never divide by zero, and never subtract the larger from the smaller (a `u64` has no sign).
//!
//! A worked example: `peak` 1, `warmup` 4, `steps` 12, so `lowest` is 0.1.
//!
//! ```text
//!     step    0      1     2      3     4     5       6      ...   8      ...   11      12    13
//!     rate    0.25   0.5   0.75   1     1     0.966   0.868  ...   0.55   ...   0.134   0.1   0.1
//! ```
//!
//! Step 8 is halfway down: `done` is 4/8, the cosine of pi/2 is 0, and `0.1 + 0.9 * 0.5 = 0.55`.
//!
//! | argument | |
//! | --- | --- |
//! | `schedule.peak` | the highest rate |
//! | `schedule.warmup` | how many steps the climb takes |
//! | `schedule.steps` | how many steps there are in all, the climb included |
//! | `step` | which step it is, counted from 0 |
//! | result | its learning rate |
//!
//! Of use: `std::f32::consts::PI`, `f32::cos`, which takes the angle in radians.

use super::not_started;
use gpt60::train::schedule::Schedule;

/// The rate of step `step`, counted from 0.
pub fn rate(schedule: &Schedule, step: u64) -> f32 {
    not_started()
}

// Solution: src/train/schedule.rs, Schedule::rate
