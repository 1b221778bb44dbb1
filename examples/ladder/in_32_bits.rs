//! Rung (f): the same files once more, for numbers of 32 bits.
//!
//! An instruction works on twice as many of them, and a root or a quotient takes less than half of the time. They have
//! 7 digits instead of 16; and the losses agree in the first 6, after 1,000 steps too. GPT-2 was trained in 32 bits,
//! and so is every model of the library.

use super::one_page;

pub type Number = f32;

#[path = "matrices.rs"]
pub mod matrices;
#[path = "vectors.rs"]
pub mod vectors;
#[path = "weights.rs"]
pub mod weights;
