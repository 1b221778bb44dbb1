//! What a number looks like in memory.
//!
//! Everything is computed in `f32`. But a weight that waits in memory may be stored in fewer bytes: writing a token reads every
//! weight, so half the bytes take half the time. The loops that read weights accept any [`Number`] and turn it into an `f32` on
//! the way.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

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

/// A *bfloat16*: the upper half of an `f32`. The same range, and two to three decimal digits instead of seven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bf16(pub u16);

impl Bf16 {
    /// The bfloat16 nearest to `x`; of two equally near ones, the one whose last bit is 0. NaN stays NaN.
    pub fn nearest(x: f32) -> Bf16 {
        let bits = x.to_bits();
        if x.is_nan() {
            return Bf16((bits >> 16) as u16 | 0x40); // a NaN whose last bits alone were set must not become infinity
        }
        Bf16(((u64::from(bits) + 0x7fff + u64::from(bits >> 16 & 1)) >> 16) as u16)
    }
}

impl Number for Bf16 {
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}
