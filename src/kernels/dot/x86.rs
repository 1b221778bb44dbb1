//! The kinds of instructions that have to be named, on x86-64. See `dot/mod.rs` for what a step of each one is.
//!
//! In each `unsafe` block here:
//!
//! SAFETY: a value of such a type exists only in a function that [`Instructions::run`](super::Instructions::run) called, after
//! the processor had been asked for the instructions. What is loaded or stored is an array of just the right length.
//!
//! [Numbers in fewer bits](crate::book::fewer_bits), a page beside [chapter 16](crate::book::ch16_making_it_fast), explains it.

#![allow(unsafe_code)] // see above

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
