//! Exercise: the slope of one step. Chapter 12. Easy, 15 minutes.
//!
//! Every computation is made of small steps: a sum, a product, a power. Whoever makes such a step knows two things right away:
//! the value, and how strongly it reacts to each of the numbers it was made from. The second is its *local slope*. Write both
//! down for six operations.
//!
//! ```text
//! c = a + b         dc/da = 1              dc/db = 1
//! c = a * b         dc/da = b              dc/db = a
//! c = a^n           dc/da = n * a^(n-1)                        n is fixed: it has no slope here
//! c = ln(a)         dc/da = 1 / a
//! c = e^a           dc/da = e^a                                which is c itself
//! c = max(a, 0)     dc/da = 1 if a > 0, else 0                 relu: at its corner, too, it is 0
//! ```
//!
//! A worked example. To see that a slope is right, move the input by a thousandth and look how many thousandths come out.
//!
//! ```text
//!     mul(3, 5)    = 15, slopes 5 and 3        3.001 * 5     = 15.005       five times as far
//!     powf(2, 3)   = 8, slope 3 * 2^2 = 12     2.001^3       = 8.012        twelve times as far
//!     powf(4, 0.5) = 2, slope 0.5 * 4^-0.5 = 0.25                           the square root
//!     ln(4)        = 1.386, slope 0.25         ln(4.001)     = 1.38654      a quarter as far
//!     exp(2)       = 7.389, slope 7.389        e^2.001       = 7.396        7.39 times as far
//!     relu(-2)     = 0, slope 0                max(-1.999, 0) = 0           nothing moves
//! ```
//!
//! | argument | |
//! | --- | --- |
//! | `a`, `b` | any number; above 0 in `ln` |
//! | `n` | any number. Where it is no whole number, or below 1, `a` is above 0 |
//! | result | the value, and the slope in `a`; with two inputs, the slopes in `a` and in `b` |
//!
//! Of use: `f64::powf`, `f64::ln` (the natural logarithm), `f64::exp`, `f64::max`.

use super::not_started;

/// `a + b`, and its slopes in `a` and in `b`.
pub fn add(a: f64, b: f64) -> (f64, [f64; 2]) {
    not_started()
}

/// `a * b`, and its slopes in `a` and in `b`.
pub fn mul(a: f64, b: f64) -> (f64, [f64; 2]) {
    not_started()
}

/// `a` to the power of `n`, and its slope in `a`.
pub fn powf(a: f64, n: f64) -> (f64, f64) {
    not_started()
}

/// The natural logarithm of `a`, and its slope.
pub fn ln(a: f64) -> (f64, f64) {
    not_started()
}

/// `e` to the power of `a`, and its slope.
pub fn exp(a: f64) -> (f64, f64) {
    not_started()
}

/// `a` where it is above 0, else 0; and its slope.
pub fn relu(a: f64) -> (f64, f64) {
    not_started()
}

// Solution: src/tape.rs, Tape::mul
