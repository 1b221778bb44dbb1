//! How many short numbers can this processor multiply and add at most?
//!
//! A loop that does nothing else, in registers: no product can be faster. `bench` shows each product beside it.
//!
//! [Numbers in fewer bits](crate::book::fewer_bits), a page beside [chapter 16](crate::book::ch16_making_it_fast), explains it.

use super::dot::{Bf16Pairs, Dot, DotKernel, Instructions, Ints};
use std::hint::black_box;

/// Pairs of `bf16`, or bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// As `Arithmetic::Bf16` has them.
    Bf16,
    /// As weights of one byte are multiplied.
    Int8,
}

/// Whether the processor has an instruction for these numbers.
pub fn has_instruction(kind: Short) -> bool {
    match kind {
        Short::Bf16 => Bf16Pairs::in_use().is_some(),
        Short::Int8 => Ints::bytes().is_some(),
    }
}

/// Multiplies and adds about `n_operations` times with the instructions for these numbers, on this thread; a multiplication and an
/// addition are two. Returns how many it were: 0, at once, if the processor has no instruction for them.
pub fn multiply_adds(kind: Short, n_operations: u64) -> u64 {
    let done = match kind {
        Short::Bf16 => Bf16Pairs::in_use().map(|pairs| pairs.run(Peak { n_terms: 2, n_operations })),
        Short::Int8 => Ints::bytes().map(|ints| ints.run(Peak { n_terms: ints.n_terms(), n_operations })),
    };
    done.unwrap_or(0)
}

struct Peak {
    n_terms: usize,
    n_operations: u64,
}

impl DotKernel for Peak {
    type Output = u64;

    /// The sums must stay in registers, so every index is written out, as in a tile. Each sum waits some cycles for its own last
    /// step; meanwhile the others take their turn.
    #[inline(always)]
    fn run<D: Dot<LANES>, const LANES: usize, const ROWS: usize>(self, dot: D) -> u64 {
        let per_step = (2 * 12 * LANES * self.n_terms) as u64;
        let n_steps = self.n_operations / per_step;
        let mut sums = [dot.zeros(); 12];
        let b = dot.splat(black_box(0x0101_0101));
        for _ in 0..n_steps {
            let a = dot.splat(black_box(0x0201_0201)); // new in each step, or the compiler would make the product only once
            sums[0] = dot.step(sums[0], a, b);
            sums[1] = dot.step(sums[1], a, b);
            sums[2] = dot.step(sums[2], a, b);
            sums[3] = dot.step(sums[3], a, b);
            sums[4] = dot.step(sums[4], a, b);
            sums[5] = dot.step(sums[5], a, b);
            sums[6] = dot.step(sums[6], a, b);
            sums[7] = dot.step(sums[7], a, b);
            sums[8] = dot.step(sums[8], a, b);
            sums[9] = dot.step(sums[9], a, b);
            sums[10] = dot.step(sums[10], a, b);
            sums[11] = dot.step(sums[11], a, b);
        }
        for sums in sums {
            black_box(dot.sums(sums));
        }
        n_steps * per_step
    }
}
