//! Exercise: the matrix product. Chapter 1. Easy, 15 minutes.
//!
//! Nearly all the work of a GPT is this one operation. Number `(i, j)` of the product is made from row `i` of `a` and
//! column `j` of `b`: multiply them number by number, and add the results.
//!
//! ```text
//! c(i, j) = a(i, 0) * b(0, j) + a(i, 1) * b(1, j) + ... + a(i, k-1) * b(k-1, j)
//! ```
//!
//! A row of `a` and a column of `b` have the same length, `k`. If they do not, there is no product, and the answer is
//! an error, not a panic. `k` may be 0: a sum of nothing is 0.
//!
//! A worked example, `[2, 2] · [2, 3] -> [2, 3]`:
//!
//! ```text
//! a = 1 2    b = 5 6  7     1*5 + 2*8   1*6 + 2*9   1*7 + 2*10     21 24 27
//!     3 4        8 9 10     3*5 + 4*8   3*6 + 4*9   3*7 + 4*10  =  47 54 61
//! ```
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `a` | `[m, k]` | |
//! | `b` | `[k, n]` | |
//! | result | `[m, n]` | an error if the two `k` differ, or if one of the two is no table |
//!
//! Of use: `Tensor::table("matmul")?`, which gives the numbers of rows and columns; `Tensor::zeros`, `data`, `data_mut`,
//! `row`; `Error::shape`. (And `a.matmul(b)` is what you are about to write.)

use super::not_started;
use gpt60::{Error, Result, Tensor};

/// The matrix product: `[m, k] · [k, n] -> [m, n]`.
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    not_started()
}

// Solution: src/kernels/matmul/mod.rs, plain
