//! What a number looks like in memory.
//!
//! A weight that waits in memory may be stored in fewer bytes: writing a token reads every weight, so half the bytes take half the
//! time. The loops that read weights accept any [`Number`]. Those for a few rows turn it into an `f32` on the way; those for many
//! rows make [words](super::matmul) of it.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use crate::float16::Bf16;

/// What a matrix can be made of.
pub trait Entry: Copy + Default + Send + Sync {}

impl<T: Copy + Default + Send + Sync> Entry for T {}

/// A number as it is kept in memory: `f32` itself, or one of fewer bytes that stands for an `f32`.
pub trait Number: Entry {
    /// The number it stands for.
    fn value(self) -> f32;

    /// The `bf16` nearest to it.
    #[inline(always)]
    fn to_bf16(self) -> Bf16 {
        Bf16::nearest(self.value())
    }

    /// Whether products of many rows with such numbers are always made in [`Arithmetic::F32`](super::arithmetic::Arithmetic::F32).
    const ONLY_F32: bool = false;
    /// Whether they are always made in [`Arithmetic::Bf16`](super::arithmetic::Arithmetic::Bf16).
    const ONLY_BF16: bool = false;
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

    /// A whole number needs no rounding; what it is multiplied with is left alone.
    const ONLY_F32: bool = true;
}

impl Number for Bf16 {
    #[inline(always)]
    fn value(self) -> f32 {
        Bf16::value(self)
    }

    #[inline(always)]
    fn to_bf16(self) -> Bf16 {
        self
    }

    /// What they are multiplied with is rounded too.
    const ONLY_BF16: bool = true;
}
