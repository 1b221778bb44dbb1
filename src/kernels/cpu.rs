//! What can this processor do, and how do we make it do it?
//!
//! A modern processor has *vector* instructions: one instruction adds 4, 8 or 16 numbers at once. Which ones it has depends
//! on its age. A program compiled for every x86-64 machine may only use the oldest (SSE2, 4 numbers at once), and would
//! leave three quarters of a new processor unused.
//!
//! So each heavy loop is written once, as a [`Kernel`], and compiled three times: for AVX-512 (16 numbers at once), for AVX2
//! with FMA (8), and for whatever the target has anyway (the *baseline*). At run time [`run`] asks the processor and takes
//! the best version that it can execute. On 64-bit ARM there is only the baseline: NEON, with 4 numbers at once, and FMA.
//!
//! *FMA*, the fused multiply-add, computes `a * b + c` in one instruction with one rounding. Where the processor lacks it,
//! `f32::mul_add` is a slow library call; so the baseline multiplies and adds in two steps.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

#![allow(unsafe_code)] // see `run_at`, the one place that needs it

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

/// The instruction sets for which the loops are compiled, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// The loops in the shape that 64-bit ARM gets, on any machine. For tests alone: where the processor has no FMA of its own,
    /// it is very slow. No environment variable chooses it.
    #[doc(hidden)]
    LikeArm,
    /// What every processor of the target has: SSE2 on x86-64, NEON on 64-bit ARM.
    Baseline,
    /// AVX2 and FMA: 8 numbers at once, x86-64 only.
    Avx2,
    /// AVX-512: 16 numbers at once, x86-64 only.
    Avx512,
}

/// The forced level plus one; 0 means "not forced".
static FORCED: AtomicU8 = AtomicU8::new(0);

/// The best level that this processor has.
pub fn detected() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        // The standard library asks the processor once and remembers the answer.
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        if avx2 && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
            return Level::Avx512;
        }
        if avx2 {
            return Level::Avx2;
        }
    }
    Level::Baseline
}

/// Whether this processor can execute what is compiled for `level`. Each level is named here, because [`run_at`] relies on the
/// answer: an order of the levels is quickly changed.
pub(super) fn is_available(level: Level) -> bool {
    match level {
        Level::LikeArm | Level::Baseline => true,
        Level::Avx2 => matches!(detected(), Level::Avx2 | Level::Avx512),
        Level::Avx512 => matches!(detected(), Level::Avx512),
    }
}

/// The level in use.
///
/// What [`force`] chose; else what the environment variable `GPT60_INSTRUCTIONS` says, `baseline`, `avx2` or `avx512`; else
/// the best that the processor has. If the variable asks for more than the processor has, that is the best too, and so it
/// is with any other word.
pub fn level() -> Level {
    static DEFAULT: OnceLock<Level> = OnceLock::new();
    match FORCED.load(Ordering::Relaxed) {
        1 => Level::LikeArm,
        2 => Level::Baseline,
        3 => Level::Avx2,
        4 => Level::Avx512,
        _ => *DEFAULT.get_or_init(|| {
            let chosen = super::said_by(VARIABLE).and_then(|word| named(&word));
            chosen.unwrap_or(Level::Avx512).min(detected())
        }),
    }
}

/// The environment variable.
const VARIABLE: &str = "GPT60_INSTRUCTIONS";

/// The names of the levels in the environment variable.
const NAMES: [(&str, Level); 3] = [("baseline", Level::Baseline), ("avx2", Level::Avx2), ("avx512", Level::Avx512)];

fn named(word: &str) -> Option<Level> {
    NAMES.iter().find(|(name, _)| *name == word).map(|&(_, level)| level)
}

/// What is wrong with the environment variable `GPT60_INSTRUCTIONS`, and what happens instead; `None` if it is obeyed or
/// not set.
pub(super) fn unheeded() -> Option<String> {
    let word = super::said_by(VARIABLE)?;
    let problem = match named(&word) {
        Some(level) if is_available(level) => return None,
        Some(_) => "which this processor does not have",
        None => "and not baseline, avx2 or avx512",
    };
    let best = NAMES.iter().find(|&&(_, level)| level == detected()).map_or("", |(name, _)| name);
    Some(format!("{VARIABLE} is {word:?}, {problem}: {best} will be used"))
}

/// Sets the level for the whole program; `None` goes back to the default. For tests and measurements.
///
/// Returns whether that is possible: a level that the processor does not have is never used.
pub fn force(level: Option<Level>) -> bool {
    if level.is_some_and(|wanted| !is_available(wanted)) {
        return false;
    }
    FORCED.store(level.map_or(0, |wanted| wanted as u8 + 1), Ordering::Relaxed);
    true
}

/// A heavy loop, written once.
///
/// `run` must be marked `#[inline(always)]`, and so must everything it calls in its inner loops: only code that is copied
/// into the functions below is compiled with their instructions.
///
/// # Example: a sum of squares
///
/// ```
/// use gpt60::kernels::cpu::{Kernel, run};
///
/// struct SumOfSquares<'a>(&'a [f32]);
///
/// impl Kernel for SumOfSquares<'_> {
///     type Output = f32;
///
///     #[inline(always)]
///     fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> f32 {
///         let (runs, rest) = self.0.as_chunks::<LANES>();
///         let mut sums = [0.0; LANES]; // side by side: one instruction adds to all of them
///         for run in runs {
///             for i in 0..LANES {
///                 sums[i] += run[i] * run[i];
///             }
///         }
///         sums.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
///     }
/// }
///
/// let numbers: Vec<f32> = (1..=24).map(|i| i as f32).collect();
/// assert_eq!(run(SumOfSquares(&numbers)), 4900.0); // 24 * 25 * 49 / 6
/// ```
pub trait Kernel {
    /// What the loop computes.
    type Output;

    /// The loop. `FMA`: whether `mul_add` is one fast instruction. `LANES`: how many numbers one instruction works on.
    /// `ROWS`: how many rows of a matrix product to keep in registers.
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> Self::Output;
}

/// Runs the loop with the instructions in use: see [`level`].
pub fn run<K: Kernel>(kernel: K) -> K::Output {
    run_at(level(), kernel)
}

/// Runs the loop with the instructions of a certain level.
///
/// The caller asks for [`level`] once where a loop and its surroundings have to agree, such as the tiles and their packing.
///
/// # Panics
///
/// If the processor does not have them.
#[doc(hidden)]
pub fn run_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    assert!(is_available(level), "this processor does not have {level:?}");
    match level {
        // SAFETY: a function compiled for certain instructions may only be called on a processor that has them, and that
        // was just asserted.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { run_avx512(kernel) },
        level => run_below_avx512(level, kernel),
    }
}

/// [`run_at`] for loops that are compiled for AVX-512 in another way.
pub(super) fn run_below_avx512<K: Kernel>(level: Level, kernel: K) -> K::Output {
    assert!(is_available(level), "this processor does not have {level:?}");
    match level {
        // SAFETY: as in `run_at`.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { run_avx2(kernel) },
        Level::LikeArm => run_like_arm(kernel),
        _ => run_baseline(kernel),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<true, 16, 12>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<true, 8, 6>()
}

// Each version of a loop shall be there once, and not be copied into whatever calls it: that doubled the time of compiling.
#[inline(never)]
fn run_baseline<K: Kernel>(kernel: K) -> K::Output {
    // Every 64-bit ARM processor has FMA, and registers for larger tiles; the oldest x86-64 ones have neither.
    if cfg!(target_arch = "aarch64") { run_like_arm(kernel) } else { kernel.run::<false, 4, 4>() }
}

/// NEON: 4 numbers at once, fused.
#[inline(never)]
fn run_like_arm<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<true, 4, 8>()
}

/// `a * b + c`: in one instruction where the processor has it.
#[doc(hidden)]
#[inline(always)]
pub fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `min` and `<=` on levels say what is available: tests and [`level`] use them so.
    #[test]
    fn a_level_is_available_if_it_is_not_above_the_detected_one() {
        let order = [Level::LikeArm, Level::Baseline, Level::Avx2, Level::Avx512];
        assert!(order.is_sorted() && Level::Baseline <= detected());
        for level in order {
            assert_eq!(is_available(level), level <= detected(), "{level:?}");
        }
    }

    #[test]
    fn like_arm_has_the_shape_of_arm() {
        struct Shape;
        impl Kernel for Shape {
            type Output = (bool, usize, usize);

            #[inline(always)]
            fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> (bool, usize, usize) {
                (FMA, LANES, ROWS)
            }
        }
        assert_eq!(run_at(Level::LikeArm, Shape), (true, 4, 8));
        if cfg!(target_arch = "aarch64") {
            assert_eq!(run_at(Level::Baseline, Shape), (true, 4, 8));
        }
    }
}
