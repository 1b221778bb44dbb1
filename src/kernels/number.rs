//! What a number looks like in memory.
//!
//! Everything is computed in `f32`. But a weight that waits in memory may be stored in fewer bytes: writing a token reads every
//! weight, so half the bytes take half the time. The loops that read weights accept any [`Number`] and turn it into an `f32` on
//! the way.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use crate::float16::Bf16;

/// A number as it is kept in memory: `f32` itself, or one of fewer bytes that stands for an `f32`.
pub trait Number: Copy + Send + Sync {
    /// The number it stands for.
    fn value(self) -> f32;
}

impl Number for f32 {
    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
}

impl Number for i8 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from(self)
    }
}

impl Number for Bf16 {
    #[inline(always)]
    fn value(self) -> f32 {
        Bf16::value(self)
    }
}
