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
//! ([`matmul`](super::matmul)). This file says what a step of it is with each kind of instruction: a [`Dot`]. No compiler makes
//! these instructions from plain Rust, so this is the one file of the crate that names instructions. Where a processor has
//! none of them, the same numbers are multiplied as `f32`.
//!
//! The byte instructions want one factor without a sign, and one with. A weight `w` therefore becomes `w + 128`, from 0 to 255,
//! and `128 * sum of a` is taken off the result: see [`Row`].
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

#![allow(unsafe_code)] // see `Dot` and `Instructions`

use super::cpu::{self, Kernel, Level, multiply_add};
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// Four bytes, in 8 lanes: AVX2, for bytes of `B` up to 15 alone. Pairs of products then fit into 16 bits.
    #[cfg(target_arch = "x86_64")]
    Nibbles256,
    /// Four bytes, in plain Rust.
    Plain,
}

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

    /// For bytes of which those of `B` are 15 at most.
    pub fn nibbles() -> Ints {
        match Ints::bytes() {
            #[cfg(target_arch = "x86_64")]
            Some(Ints(Kind::Shorts256)) => Ints(Kind::Nibbles256),
            Some(ints) => ints,
            None => Ints(Kind::Plain),
        }
    }

    /// How many numbers a lane holds.
    pub fn n_terms(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Shorts256 => 2,
            _ => 4,
        }
    }
}

impl Instructions for Ints {
    fn run<K: DotKernel>(self, kernel: K) -> K::Output {
        match self.0 {
            // SAFETY: `bytes` asked the processor, and what it has it keeps. The same holds for those that follow: every level
            // from AVX2 on has AVX2.
            #[cfg(target_arch = "x86_64")]
            Kind::Bytes512 => unsafe { x86::run_bytes(kernel) },
            #[cfg(target_arch = "x86_64")]
            Kind::Bytes256 => unsafe { x86::run_bytes_256(kernel) },
            #[cfg(target_arch = "x86_64")]
            Kind::Shorts256 => unsafe { x86::run_shorts(kernel) },
            #[cfg(target_arch = "x86_64")]
            Kind::Nibbles256 => unsafe { x86::run_nibbles(kernel) },
            Kind::Plain => kernel.run::<PlainBytes, 4, 4>(PlainBytes),
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

/// The kinds that name instructions. In each of them:
///
/// SAFETY: a value of the type exists only in a function that `run` called after it had asserted that the processor has the
/// instructions. What is loaded or stored is an array of just the right length.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Dot, DotKernel};
    use std::arch::x86_64::*;
    use std::mem::transmute;

    /// One `f32` in each of 16 lanes, or two `bf16`.
    #[derive(Clone, Copy)]
    struct Floats<const PAIRS: bool>;
    /// Four bytes in each of 16 lanes.
    #[derive(Clone, Copy)]
    struct Bytes;
    /// What is in each of 8 lanes: one of the three that follow.
    #[derive(Clone, Copy)]
    struct Ints256<const KIND: u8>;
    /// Four bytes.
    const BYTES: u8 = 0;
    /// Four bytes, those of `B` 15 at most.
    const NIBBLES: u8 = 1;
    /// Two `i16`.
    const SHORTS: u8 = 2;

    #[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
    pub(super) fn run_f32<K: DotKernel>(kernel: K) -> K::Output {
        kernel.run::<Floats<false>, 16, 12>(Floats)
    }

    #[target_feature(enable = "avx512f,avx512vl,avx512bf16,avx2,fma")]
    pub(super) fn run_pairs<K: DotKernel>(kernel: K) -> K::Output {
        kernel.run::<Floats<true>, 16, 12>(Floats)
    }

    #[target_feature(enable = "avx512f,avx512vl,avx512vnni,avx2,fma")]
    pub(super) fn run_bytes<K: DotKernel>(kernel: K) -> K::Output {
        kernel.run::<Bytes, 16, 12>(Bytes)
    }

    #[target_feature(enable = "avx2,fma,avxvnni")]
    pub(super) fn run_bytes_256<K: DotKernel>(kernel: K) -> K::Output {
        kernel.run::<Ints256<BYTES>, 8, 6>(Ints256)
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run_nibbles<K: DotKernel>(kernel: K) -> K::Output {
        kernel.run::<Ints256<NIBBLES>, 8, 6>(Ints256)
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run_shorts<K: DotKernel>(kernel: K) -> K::Output {
        kernel.run::<Ints256<SHORTS>, 8, 6>(Ints256)
    }

    impl<const PAIRS: bool> Dot<16> for Floats<PAIRS> {
        type Vector = __m512i;
        type Sums = __m512;
        type Sum = f32;
        const OFFSET: i32 = 0;
        const FMA: bool = true;

        #[inline(always)]
        fn zeros(self) -> __m512 {
            unsafe { _mm512_setzero_ps() }
        }

        #[inline(always)]
        fn splat(self, word: u32) -> __m512i {
            unsafe { _mm512_set1_epi32(word.cast_signed()) }
        }

        #[inline(always)]
        fn load(self, words: &[u32; 16]) -> __m512i {
            unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
        }

        #[inline(always)]
        fn step(self, sums: __m512, a: __m512i, b: __m512i) -> __m512 {
            if PAIRS {
                unsafe { _mm512_dpbf16_ps(sums, transmute::<__m512i, __m512bh>(b), transmute::<__m512i, __m512bh>(a)) }
            } else {
                unsafe { _mm512_fmadd_ps(_mm512_castsi512_ps(b), _mm512_castsi512_ps(a), sums) }
            }
        }

        #[inline(always)]
        fn sums(self, sums: __m512) -> [f32; 16] {
            unsafe { transmute(sums) }
        }

        #[inline(always)]
        fn fetch(self, place: *const f32) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
        }

        #[inline(always)]
        fn transposed(self, block: &[[u32; 16]; 16]) -> [[u32; 16]; 16] {
            unsafe { transposed(block) }
        }
    }

    impl Dot<16> for Bytes {
        type Vector = __m512i;
        type Sums = __m512i;
        type Sum = i32;
        const OFFSET: i32 = 128;
        const FMA: bool = true;

        #[inline(always)]
        fn zeros(self) -> __m512i {
            unsafe { _mm512_setzero_si512() }
        }

        #[inline(always)]
        fn splat(self, word: u32) -> __m512i {
            unsafe { _mm512_set1_epi32(word.cast_signed()) }
        }

        #[inline(always)]
        fn load(self, words: &[u32; 16]) -> __m512i {
            unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
        }

        #[inline(always)]
        fn step(self, sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
            unsafe { _mm512_dpbusd_epi32(sums, b, a) } // bytes without a sign, then bytes with one
        }

        #[inline(always)]
        fn sums(self, sums: __m512i) -> [i32; 16] {
            unsafe { transmute(sums) }
        }

        #[inline(always)]
        fn fetch(self, place: *const f32) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
        }

        #[inline(always)]
        fn transposed(self, block: &[[u32; 16]; 16]) -> [[u32; 16]; 16] {
            unsafe { transposed(block) }
        }
    }

    impl<const KIND: u8> Dot<8> for Ints256<KIND> {
        type Vector = __m256i;
        type Sums = __m256i;
        type Sum = i32;
        const OFFSET: i32 = if KIND == SHORTS { 0 } else { 128 };
        const FMA: bool = true;

        #[inline(always)]
        fn zeros(self) -> __m256i {
            unsafe { _mm256_setzero_si256() }
        }

        #[inline(always)]
        fn splat(self, word: u32) -> __m256i {
            unsafe { _mm256_set1_epi32(word.cast_signed()) }
        }

        #[inline(always)]
        fn load(self, words: &[u32; 8]) -> __m256i {
            unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
        }

        #[inline(always)]
        fn step(self, sums: __m256i, a: __m256i, b: __m256i) -> __m256i {
            match KIND {
                BYTES => unsafe { _mm256_dpbusd_avx_epi32(sums, b, a) },
                NIBBLES => unsafe {
                    // Pairs of products in 16 bits: 2 * 15 * 128 at most. Times one, and pairs of them again.
                    let pairs = _mm256_maddubs_epi16(b, a);
                    _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
                },
                _ => unsafe { _mm256_add_epi32(sums, _mm256_madd_epi16(a, b)) },
            }
        }

        #[inline(always)]
        fn sums(self, sums: __m256i) -> [i32; 8] {
            unsafe { transmute(sums) }
        }

        #[inline(always)]
        fn fetch(self, place: *const f32) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
        }
    }

    /// Rows become columns: 256 words in 64 instructions. In plain Rust the compiler moves them one by one, which took four times
    /// as long.
    #[target_feature(enable = "avx512f")]
    fn transposed(block: &[[u32; 16]; 16]) -> [[u32; 16]; 16] {
        // SAFETY: a row of the block is as long as what is loaded.
        let rows: [__m512i; 16] = std::array::from_fn(|i| unsafe { _mm512_loadu_si512(block[i].as_ptr().cast()) });
        // Words of two rows take turns: first those at places 0 and 1 of each four, then those at 2 and 3.
        let twos: [__m512i; 16] = std::array::from_fn(|i| match (rows[i & !1], rows[i | 1]) {
            (first, second) if i % 2 == 0 => _mm512_unpacklo_epi32(first, second),
            (first, second) => _mm512_unpackhi_epi32(first, second),
        });
        // And pairs of words of four rows: place 0 of each four, then places 1, 2 and 3.
        let fours: [__m512i; 16] = std::array::from_fn(|i| {
            let pair = (i & !3) + i % 4 / 2;
            match (twos[pair], twos[pair + 2]) {
                (first, second) if i % 2 == 0 => _mm512_unpacklo_epi64(first, second),
                (first, second) => _mm512_unpackhi_epi64(first, second),
            }
        });
        // A vector now has four fours: place p of each four, of four rows. The even fours of eight rows, then the odd ones.
        let eights: [__m512i; 16] = std::array::from_fn(|i| {
            let (first, second) = (fours[i / 8 * 8 + i % 4], fours[i / 8 * 8 + 4 + i % 4]);
            if i % 8 < 4 { even_fours(first, second) } else { odd_fours(first, second) }
        });
        // The same once more, for all sixteen rows.
        let columns: [__m512i; 16] = std::array::from_fn(|i| {
            let (first, second) = (eights[i % 8], eights[8 + i % 8]);
            if i < 8 { even_fours(first, second) } else { odd_fours(first, second) }
        });
        // SAFETY: sixteen vectors of sixteen words have the size of sixteen arrays of sixteen words.
        unsafe { transmute(columns) }
    }

    /// Fours number 0 and 2 of each of the two.
    #[target_feature(enable = "avx512f")]
    fn even_fours(first: __m512i, second: __m512i) -> __m512i {
        _mm512_shuffle_i32x4::<0b10_00_10_00>(first, second)
    }

    /// Fours number 1 and 3 of each of the two.
    #[target_feature(enable = "avx512f")]
    fn odd_fours(first: __m512i, second: __m512i) -> __m512i {
        _mm512_shuffle_i32x4::<0b11_01_11_01>(first, second)
    }
}
