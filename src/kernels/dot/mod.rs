//! Instructions that multiply several short numbers in one go, and add the products up.
//!
//! A register of 512 bits holds 16 numbers of 32 bits. So does it hold 32 `bf16`, or 64 bytes; and newer processors have
//! instructions that use all of them. In each of the 16 *lanes* they multiply two `bf16` with two others, or four bytes with
//! four others, and add all these products to one sum of 32 bits:
//!
//! ```text
//! one lane      f32                   sum += a * b                                        AVX-512 and older
//!               2 bf16, f32 sum       sum += a[0]*b[0] + a[1]*b[1]                        AVX512_BF16
//!               2 i16, i32 sum        sum += a[0]*b[0] + a[1]*b[1]                        AVX2
//!               4 bytes, i32 sum      sum += a[0]*b[0] + a[1]*b[1] + a[2]*b[2] + a[3]*b[3]      AVX512_VNNI, AVX-VNNI
//! ```
//!
//! So the packed numbers of a product are *words* of 32 bits, whatever is in them, and one loop over words is all that there is
//! ([`matmul`](super::matmul)). This file says what a step of it is with each kind of instruction: a `Dot`. No compiler makes
//! these instructions from plain Rust, so `dot/x86.rs` is the one file of the crate that names instructions. Where a processor has
//! none of them, the same numbers are multiplied as `f32`.
//!
//! The byte instructions want one factor without a sign, and one with. A weight `w` therefore becomes `w + 128`, from 0 to 255,
//! and `128 * sum of a` is taken off the result: see `Row`.
//!
//! [Numbers in fewer bits](crate::book::fewer_bits), a page beside [chapter 16](crate::book::ch16_making_it_fast), explains it.

#![allow(unsafe_code)] // see `Dot` and `Instructions`

use super::cpu::{self, Kernel, Level, multiply_add};
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(target_arch = "x86_64")]
mod x86;

/// Instructions of one kind, or a few kinds of which the processor has one.
///
/// A loop is compiled for each kind that it may meet. That is why these are several types: a long loop should meet no others than
/// those that it needs.
pub(super) trait Instructions: Copy + Send + Sync {
    /// Runs a loop with these instructions.
    fn run<K: DotKernel>(self, kernel: K) -> K::Output;

    /// How many rows and columns a tile has.
    fn tile(self) -> (usize, usize) {
        struct Shape;
        impl DotKernel for Shape {
            type Output = (usize, usize);

            #[inline(always)]
            fn run<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(self, _: D) -> (usize, usize) {
                (ROWS, 2 * LANES)
            }
        }
        self.run(Shape)
    }
}

/// For one `f32` in a lane, with the instructions of a level.
#[derive(Debug, Clone, Copy)]
pub(super) struct F32s(Level);

/// For two `bf16` in each of 16 lanes: AVX512_BF16. Whoever has one of these has asked the processor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bf16Pairs(());

/// For whole numbers. Whoever has one of these has asked the processor, too: the names are for this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ints(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Four bytes, in 16 lanes: AVX512_VNNI.
    #[cfg(target_arch = "x86_64")]
    Bytes512,
    /// Four bytes, in 8 lanes: AVX-VNNI, which some processors without AVX-512 have.
    #[cfg(target_arch = "x86_64")]
    Bytes256,
    /// Two `i16`, in 8 lanes: AVX2. A byte fits into an `i16`.
    #[cfg(target_arch = "x86_64")]
    Shorts256,
}

/// For whole numbers of one byte, where those of `B` are 15 at most. Every processor has something for them: if need be, plain
/// Rust.
#[derive(Debug, Clone, Copy)]
pub(super) struct SmallInts(Option<Ints>);

/// Whether tests pretend that the processor has no instructions for short numbers.
static WITHOUT: AtomicBool = AtomicBool::new(false);

/// Pretends, for the whole program, that the processor has no instructions for short numbers. For tests and measurements.
#[doc(hidden)]
pub fn without(pretend: bool) {
    WITHOUT.store(pretend, Ordering::Relaxed);
}

impl F32s {
    /// The instructions in use.
    pub fn in_use() -> F32s {
        F32s(cpu::level())
    }
}

impl Instructions for F32s {
    fn run<K: DotKernel>(self, kernel: K) -> K::Output {
        match self.0 {
            // SAFETY: a function compiled for certain instructions may only be called on a processor that has them, and
            // `cpu::level` answers with no other level.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { x86::run_f32(kernel) },
            level => cpu::run_below_avx512(level, Plain(kernel)),
        }
    }
}

impl Bf16Pairs {
    /// If the processor has the instruction, and it is in use.
    pub fn in_use() -> Option<Bf16Pairs> {
        #[cfg(target_arch = "x86_64")]
        if cpu::level() == Level::Avx512 && is_x86_feature_detected!("avx512bf16") && !WITHOUT.load(Ordering::Relaxed) {
            return Some(Bf16Pairs(()));
        }
        None
    }
}

impl Instructions for Bf16Pairs {
    fn run<K: DotKernel>(self, kernel: K) -> K::Output {
        // SAFETY: `in_use` asked the processor.
        #[cfg(target_arch = "x86_64")]
        return unsafe { x86::run_pairs(kernel) };
        #[cfg(not(target_arch = "x86_64"))]
        return cpu::run_below_avx512(cpu::level(), Plain(kernel));
    }
}

impl Ints {
    /// For bytes, if the processor has instructions for them, and they are in use.
    pub fn bytes() -> Option<Ints> {
        #[cfg(target_arch = "x86_64")]
        if cpu::level() >= Level::Avx2 && !WITHOUT.load(Ordering::Relaxed) {
            return Some(Ints(if cpu::level() == Level::Avx512 && is_x86_feature_detected!("avx512vnni") {
                Kind::Bytes512
            } else if is_x86_feature_detected!("avxvnni") {
                Kind::Bytes256
            } else {
                Kind::Shorts256
            }));
        }
        None
    }

    /// How many numbers a lane holds.
    pub fn n_terms(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Bytes512 | Kind::Bytes256 => 4,
            #[cfg(target_arch = "x86_64")]
            Kind::Shorts256 => 2,
        }
    }
}

impl Instructions for Ints {
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "there is no kind to run it with"))]
    fn run<K: DotKernel>(self, kernel: K) -> K::Output {
        match self.0 {
            // SAFETY: `bytes` asked the processor, and what it has it keeps. Every level from AVX2 on has AVX2.
            #[cfg(target_arch = "x86_64")]
            Kind::Bytes512 => unsafe { x86::run_bytes(kernel) },
            #[cfg(target_arch = "x86_64")]
            Kind::Bytes256 => unsafe { x86::run_bytes_256(kernel) },
            #[cfg(target_arch = "x86_64")]
            Kind::Shorts256 => unsafe { x86::run_shorts(kernel) },
        }
    }
}

impl SmallInts {
    /// The instructions in use.
    pub fn in_use() -> SmallInts {
        SmallInts(Ints::bytes())
    }
}

impl Instructions for SmallInts {
    fn run<K: DotKernel>(self, kernel: K) -> K::Output {
        match self.0 {
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Some(Ints(Kind::Bytes512)) => unsafe { x86::run_bytes(kernel) },
            #[cfg(target_arch = "x86_64")]
            Some(Ints(Kind::Bytes256)) => unsafe { x86::run_bytes_256(kernel) },
            // Bytes again, and not two `i16`: pairs of products with bytes up to 15 fit into 16 bits.
            #[cfg(target_arch = "x86_64")]
            Some(Ints(Kind::Shorts256)) => unsafe { x86::run_nibbles(kernel) },
            None => kernel.run::<PlainBytes, 4, 4>(PlainBytes),
        }
    }
}

/// What belongs to a row of `A` in a product of bytes: its sums are too large by `offset`, and stand for `scale` times as much.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    pub scale: f32,
    pub offset: i32,
}

/// A sum in a lane.
pub(super) trait Sum: Copy + Default {
    fn plus(self, other: Self) -> Self;
    /// The number that it stands for, in a row of `A` and a column of `B` with this scale.
    fn number(self, row: Row, scale: f32) -> f32;
}

impl Sum for f32 {
    #[inline(always)]
    fn plus(self, other: f32) -> f32 {
        self + other
    }

    #[inline(always)]
    fn number(self, _: Row, _: f32) -> f32 {
        self
    }
}

impl Sum for i32 {
    #[inline(always)]
    fn plus(self, other: i32) -> i32 {
        self.wrapping_add(other)
    }

    /// What was too large may have wrapped around; taking the offset off wraps back.
    #[inline(always)]
    fn number(self, row: Row, scale: f32) -> f32 {
        self.wrapping_sub(row.offset) as f32 * row.scale * scale
    }
}

/// A kind of instruction. A value of such a type has nothing in it. It is a permission: only [`Instructions::run`] makes one, after the
/// processor was asked. That is why the instructions below may be used without asking again.
pub(super) trait Dot<const LANES: usize>: Copy {
    /// `LANES` words.
    type Vector: Copy;
    /// `LANES` sums.
    type Sums: Copy;
    /// One of them.
    type Sum: Sum;
    /// What is added to each byte of `B`, so that it has no sign.
    const OFFSET: i32;
    /// Whether [`multiply_add`] is one instruction here.
    const FMA: bool;

    fn zeros(self) -> Self::Sums;
    /// The same word in every lane.
    fn splat(self, word: u32) -> Self::Vector;
    /// `LANES` words.
    fn load(self, words: &[u32; LANES]) -> Self::Vector;
    /// In each lane: the products of what is in the two words, added to the sum.
    fn step(self, sums: Self::Sums, a: Self::Vector, b: Self::Vector) -> Self::Sums;
    fn sums(self, sums: Self::Sums) -> [Self::Sum; LANES];

    /// Asks for what lies there to be fetched, because it will be needed soon. It may be a place in no list.
    #[inline(always)]
    fn fetch(self, _place: *const f32) {}

    /// Rows become columns.
    #[inline(always)]
    fn transposed(self, block: &[[u32; LANES]; LANES]) -> [[u32; LANES]; LANES] {
        std::array::from_fn(|i| std::array::from_fn(|j| block[j][i]))
    }
}

/// A loop over words, written once for every kind of instruction: like [`Kernel`], but it is handed the instructions.
pub(super) trait DotKernel {
    type Output;
    fn run<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(self, dot: D) -> Self::Output;
}

/// A loop that multiplies `f32`, as one that [`cpu`] can run.
struct Plain<K>(K);

impl<K: DotKernel> Kernel for Plain<K> {
    type Output = K::Output;

    #[inline(always)]
    fn run<const FMA: bool, const LANES: usize, const ROWS: usize>(self) -> K::Output {
        self.0.run::<F32<FMA>, LANES, ROWS>(F32)
    }
}

/// One `f32` in each lane, in plain Rust.
#[derive(Clone, Copy)]
struct F32<const FMA: bool>;

impl<const FMA: bool, const LANES: usize> Dot<LANES> for F32<FMA> {
    type Vector = [f32; LANES];
    type Sums = [f32; LANES];
    type Sum = f32;
    const OFFSET: i32 = 0;
    const FMA: bool = FMA;

    #[inline(always)]
    fn zeros(self) -> [f32; LANES] {
        [0.0; LANES]
    }

    #[inline(always)]
    fn splat(self, word: u32) -> [f32; LANES] {
        [f32::from_bits(word); LANES]
    }

    #[inline(always)]
    fn load(self, words: &[u32; LANES]) -> [f32; LANES] {
        let mut numbers = [0.0; LANES];
        for i in 0..LANES {
            numbers[i] = f32::from_bits(words[i]);
        }
        numbers
    }

    #[inline(always)]
    fn step(self, mut sums: [f32; LANES], a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        for i in 0..LANES {
            sums[i] = multiply_add::<FMA>(a[i], b[i], sums[i]);
        }
        sums
    }

    #[inline(always)]
    fn sums(self, sums: [f32; LANES]) -> [f32; LANES] {
        sums
    }
}

/// Four bytes in each lane, in plain Rust: what the instructions are tested against.
#[derive(Clone, Copy)]
struct PlainBytes;

impl<const LANES: usize> Dot<LANES> for PlainBytes {
    type Vector = [u32; LANES];
    type Sums = [i32; LANES];
    type Sum = i32;
    const OFFSET: i32 = 128;
    const FMA: bool = false;

    #[inline(always)]
    fn zeros(self) -> [i32; LANES] {
        [0; LANES]
    }

    #[inline(always)]
    fn splat(self, word: u32) -> [u32; LANES] {
        [word; LANES]
    }

    #[inline(always)]
    fn load(self, words: &[u32; LANES]) -> [u32; LANES] {
        *words
    }

    #[inline(always)]
    fn step(self, mut sums: [i32; LANES], a: [u32; LANES], b: [u32; LANES]) -> [i32; LANES] {
        for t in 0..4 {
            for i in 0..LANES {
                let a = i32::from(a[i].to_le_bytes()[t].cast_signed());
                let b = i32::from(b[i].to_le_bytes()[t]);
                sums[i] = sums[i].wrapping_add(a * b);
            }
        }
        sums
    }

    #[inline(always)]
    fn sums(self, sums: [i32; LANES]) -> [i32; LANES] {
        sums
    }
}
