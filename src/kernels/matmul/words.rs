//! How numbers become words.
//!
//! The packed numbers of a product are words of 32 bits: one `f32`, two `bf16`, or four bytes that follow each other in a sum
//! (see `dot/`). What has to be rounded is rounded here, on the way.
//!
//! [Numbers in fewer bits](crate::book::fewer_bits), a page beside [chapter 16](crate::book::ch16_making_it_fast), explains it.

use super::{Entry, Matrix, Number};

/// A way to make a word out of some terms of a row.
pub(in crate::kernels) trait Words<T>: Copy + Send + Sync {
    /// How many terms a word holds.
    const TERMS: usize;
    /// Whether the terms are rounded.
    fn rounds(self) -> bool {
        false
    }
    /// The word of `term(0)`, `term(1)`, ...
    fn word(self, term: impl Fn(usize) -> T) -> u32;

    /// The words of a row's terms, one after the other. (No places are counted here or below: where the compiler cannot see that
    /// a place exists, it checks each one, and moves words one by one.)
    #[inline(always)]
    fn along(self, terms: &[T], words: &mut [u32])
    where
        T: Copy,
    {
        for (word, terms) in words.iter_mut().zip(terms.chunks_exact(Self::TERMS)) {
            *word = self.word(|t| terms[t]);
        }
    }

    /// The words of several rows, one for each column: term `t` is in row `t`. Rows that a word does not need may be anything.
    #[inline(always)]
    fn across(self, rows: [&[T]; 4], words: &mut [u32])
    where
        T: Copy,
    {
        let [first, second, third, fourth] = rows;
        for ((((word, a), b), c), d) in words.iter_mut().zip(first).zip(second).zip(third).zip(fourth) {
            *word = self.word(|t| [*a, *b, *c, *d][t]);
        }
    }

    /// What is left to do with words once they are where they belong.
    #[inline(always)]
    fn finish(self, _words: &mut [u32]) {}
}

/// A factor of a product: a matrix, and how its numbers become words.
#[derive(Clone, Copy)]
pub(super) struct Factor<'a, T, W> {
    pub matrix: Matrix<'a, T>,
    pub words: W,
}

impl<T: Entry, W: Words<T>> Factor<'_, T, W> {
    /// The transpose.
    pub fn transposed(self) -> Self {
        Factor { matrix: self.matrix.transposed(), ..self }
    }

    /// How many words a row has.
    pub fn n_words(&self) -> usize {
        self.matrix.cols.div_ceil(W::TERMS)
    }
}

/// Words that are words already.
#[derive(Clone, Copy)]
pub(super) struct AsTheyAre;

impl Words<u32> for AsTheyAre {
    const TERMS: usize = 1;

    #[inline(always)]
    fn word(self, term: impl Fn(usize) -> u32) -> u32 {
        term(0)
    }
}

/// An `f32`; if it `rounds`, the `bf16` nearest to it: where no instruction multiplies pairs of them.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Whole {
    pub rounds: bool,
}

impl<T: Number> Words<T> for Whole {
    const TERMS: usize = 1;

    fn rounds(self) -> bool {
        self.rounds
    }

    #[inline(always)]
    fn word(self, term: impl Fn(usize) -> T) -> u32 {
        term(0).value().to_bits()
    }

    /// Rounding comes last, so that all else need not be compiled twice.
    #[inline(always)]
    fn finish(self, words: &mut [u32]) {
        if self.rounds {
            words.iter_mut().for_each(|word| *word = u32::from(f32::from_bits(*word).to_bf16().0) << 16);
        }
    }
}

/// Two `bf16`, each the nearest one, the first in the lower half.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Pairs;

impl<T: Number> Words<T> for Pairs {
    const TERMS: usize = 2;

    fn rounds(self) -> bool {
        true
    }

    #[inline(always)]
    fn word(self, term: impl Fn(usize) -> T) -> u32 {
        u32::from(term(0).to_bf16().0) | u32::from(term(1).to_bf16().0) << 16
    }
}

/// Four bytes, the first in the lowest place; 128 is added to each of them or not.
#[derive(Clone, Copy)]
pub(super) struct Bytes {
    /// In a byte, adding 128 is the same as turning its highest bit over: `0x80` four times, or 0.
    pub turn: u32,
}

impl Words<i8> for Bytes {
    const TERMS: usize = 4;

    #[inline(always)]
    fn word(self, term: impl Fn(usize) -> i8) -> u32 {
        let byte = |i: usize| term(i).cast_unsigned();
        u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]) ^ self.turn
    }
}

/// Two `i16`, the first in the lower half.
#[derive(Clone, Copy)]
pub(super) struct Shorts;

impl Words<i8> for Shorts {
    const TERMS: usize = 2;

    #[inline(always)]
    fn word(self, term: impl Fn(usize) -> i8) -> u32 {
        let short = |i: usize| u32::from(i16::from(term(i)).cast_unsigned());
        short(0) | short(1) << 16
    }
}
