//! Muon: moving a matrix as a whole. It can be chosen instead of AdamW's rule for the matrices of the blocks.
//!
//! AdamW ([`super::adamw`]) looks at each number of a matrix by itself. But a matrix is one thing: it turns rows into
//! other rows. Every matrix can be taken apart into *directions*: for an input that points along the first direction,
//! the output points along a certain other one, and is `s1` times as long; for the second, `s2` times; and so on. The
//! numbers `s` are its *singular values*. In the gradient of a matrix a few of them are large, and most are very small. So
//! a step along the gradient learns in a few directions, and hardly in all others.
//!
//! Muon makes all singular values of the step (about) 1. Then every direction learns equally fast:
//!
//! ```text
//! m = 0.95 * m + 0.05 * g        where has the gradient been pointing lately? (as in AdamW)
//! u = 0.95 * m + 0.05 * g        the same once more: it looks a little ahead (Nesterov)
//! p = p - lr * 0.2 * sqrt(n) * orthogonalize(u)        n: the longer side of the matrix
//! ```
//!
//! A matrix whose singular values are all 1 has numbers of about `1 / sqrt(n)`. The factor `0.2 * sqrt(n)` makes a step as
//! large as one of AdamW's usually is, so that one learning rate serves both. Vectors, and the embeddings, whose rows are
//! looked up and not multiplied with, still move by AdamW.
//!
//! # How to set singular values to 1 without finding them
//!
//! [`orthogonalize`] needs products only. If `X` has the singular values `s`, then `X·Xᵀ·X` has `s^3`, in the same
//! directions, and `X·Xᵀ·X·Xᵀ·X` has `s^5`. So `a*X + b*X·Xᵀ·X + c*X·Xᵀ·X·Xᵀ·X` has `a*s + b*s^3 + c*s^5`: a formula for
//! one number, applied to all of them at once. With the right `a`, `b` and `c`, five rounds of it bring every number from
//! 0.01 to 1 close to 1:
//!
//! ```text
//! round       0       1       2       3       4       5
//!          0.02   0.069   0.236   0.751   1.050   0.682
//!          0.6    1.193   0.912   0.801   0.975   0.723
//! ```
//!
//! Close is enough; what counts is that 0.02 and 0.6 are no longer thirty times apart.
//!
//! Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), for the rule, the numbers and
//! the name (MomentUm Orthogonalized by Newton-Schulz); Liu et al., "Muon is Scalable for LLM Training" (2025), section
//! 2.2, for the factor `0.2 * sqrt(n)` and for weight decay.
//!
//! [Chapter 13](crate::book::ch13_training) says what it gains.

use crate::error::Result;
use crate::kernels::adamw::sum_of_squares;
use crate::tensor::Tensor;

/// How slowly the running average forgets.
const MOMENTUM: f32 = 0.95;
/// How many times the formula is applied.
const ROUNDS: usize = 5;
/// `a`, `b` and `c` of the formula for a singular value, `a*s + b*s^3 + c*s^5`.
const FORMULA: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// Whether the parameter of this name is moved by Muon: the matrices of the blocks are.
pub(super) fn moves(name: &str, shape: &[usize]) -> bool {
    name.starts_with("h.") && shape.len() == 2
}

/// Moves the matrix `p`, `[n_in, n_out]`, against its gradient `g`; `m` is its running average.
///
/// `parts` is how many matrices stand side by side in it: 3 in `c_attn`, which makes queries, keys and values. Each is
/// moved by itself.
///
/// # Errors
///
/// If the shapes differ, or the columns cannot be cut into so many parts.
pub fn step(p: &mut Tensor, g: &Tensor, m: &mut Tensor, parts: usize, lr: f32, weight_decay: f32) -> Result<()> {
    let average = |m: &Tensor| m.combine("Muon", g, |m, g| MOMENTUM * m + (1.0 - MOMENTUM) * g);
    *m = average(m)?;
    let ahead = average(m)?;
    let along = ahead.split_cols(parts)?.iter().map(orthogonalize).collect::<Result<Vec<Tensor>>>()?;
    let (n_in, n_out) = along[0].table("Muon")?;
    let (shrink, rate) = (1.0 - lr * weight_decay, lr * 0.2 * (n_in.max(n_out) as f32).sqrt());
    *p = p.combine("Muon", &Tensor::concat_cols(&along)?, |p, along| p * shrink - rate * along)?;
    Ok(())
}

/// A matrix with the directions of this one, and singular values near 1: from 0.68 to 1.14 for all that were not below a
/// hundredth of the matrix's length (the root of the sum of its squares). A matrix of zeros stays one.
///
/// # Errors
///
/// If this is not a matrix.
///
/// # Example: two directions, one a hundred times as strong
///
/// ```
/// use gpt60::Tensor;
/// use gpt60::train::muon::orthogonalize;
///
/// let matrix = Tensor::new(&[2, 2], vec![5.0, 0.0, 0.0, -0.1])?; // singular values 5 and 0.1
/// let even = orthogonalize(&matrix)?;
/// let [first, _, _, second] = even.data() else { unreachable!() };
/// assert!((0.68..1.14).contains(first) && (0.68..1.14).contains(&-second)); // the signs stay
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn orthogonalize(matrix: &Tensor) -> Result<Tensor> {
    let (n_rows, n_cols) = matrix.table("orthogonalize")?;
    let [a, b, c] = FORMULA;
    let length = sum_of_squares(matrix.data()).sqrt() as f32;
    let mut x = matrix.scale(1.0 / (length + 1e-7)); // no singular value is above 1 now
    let is_tall = n_rows > n_cols;
    if is_tall {
        x = x.transpose()?; // X·Xᵀ is then the smaller of the two products
    }
    for _ in 0..ROUNDS {
        let square = x.matmul_t(&x)?; // X·Xᵀ
        let factor = square.matmul(&square)?.scale(c).plus(&square.scale(b))?;
        x = factor.matmul(&x)?.plus(&x.scale(a))?;
    }
    if is_tall { x.transpose() } else { Ok(x) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use proptest::prelude::*;

    /// What the formula makes of one singular value.
    fn rounds(mut s: f64) -> f64 {
        let [a, b, c] = FORMULA.map(f64::from);
        for _ in 0..ROUNDS {
            s = a * s + b * s.powi(3) + c * s.powi(5);
        }
        s
    }

    #[test]
    fn five_rounds_bring_every_singular_value_near_one() {
        let values: Vec<f64> = (0..=10_000).map(|i| rounds(0.01 + 0.99 * f64::from(i) / 10_000.0)).collect();
        assert!(values.iter().all(|s| (0.68..1.14).contains(s)));
        // The table at the beginning of this file.
        assert!((rounds(0.02) - 0.682).abs() < 0.0005 && (rounds(0.6) - 0.723).abs() < 0.0005);
    }

    /// A matrix with orthogonal columns of length 1, by Gram and Schmidt's method.
    fn orthogonal(n_rows: usize, n_cols: usize, rng: &mut Rng) -> Vec<Vec<f64>> {
        let mut columns: Vec<Vec<f64>> = Vec::new();
        while columns.len() < n_cols {
            let mut column: Vec<f64> = (0..n_rows).map(|_| rng.normal()).collect();
            for other in &columns {
                let along: f64 = column.iter().zip(other).map(|(x, y)| x * y).sum();
                column.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
            }
            let length = column.iter().map(|x| x * x).sum::<f64>().sqrt();
            columns.push(column.iter().map(|x| x / length).collect());
        }
        columns
    }

    /// The sum of `s[k] * left[k]·right[k]ᵀ`: the matrix with these directions and singular values.
    fn compose(left: &[Vec<f64>], s: &[f64], right: &[Vec<f64>]) -> Tensor {
        let (n_rows, n_cols) = (left[0].len(), right[0].len());
        let at = |i: usize, j: usize| (0..s.len()).map(|k| s[k] * left[k][i] * right[k][j]).sum::<f64>() as f32;
        Tensor::new(&[n_rows, n_cols], (0..n_rows * n_cols).map(|n| at(n / n_cols, n % n_cols)).collect()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..Default::default() })]
        #[test]
        fn directions_stay_and_each_singular_value_goes_through_the_formula(
            n_rows in 1usize..24, n_cols in 1usize..24, scale in -6i32..6, seed: u64
        ) {
            let mut rng = Rng::new(seed);
            let n = n_rows.min(n_cols);
            let (left, right) = (orthogonal(n_rows, n, &mut rng), orthogonal(n_cols, n, &mut rng));
            let s: Vec<f64> = (0..n).map(|_| 10f64.powi(scale) * (0.05 + rng.uniform())).collect();
            let length = s.iter().map(|s| s * s).sum::<f64>().sqrt();
            let expected: Vec<f64> = s.iter().map(|s| rounds(s / (length + 1e-7))).collect();
            let found = orthogonalize(&compose(&left, &s, &right)).unwrap();
            // Five rounds in f32, which multiply what was rounded by up to 3.4 each: 3.4^5 = 480 parts in ten million.
            prop_assert_eq!(found.check_close(&compose(&left, &expected, &right), 1e-4), Ok(()));
        }
    }

    #[test]
    fn a_step_moves_queries_keys_and_values_each_by_itself() {
        let mut rng = Rng::new(3);
        let [p, g] = [1.0, 0.1].map(|size| Tensor::random(&[4, 12], size, &mut rng));
        let moved = |p: &Tensor, g: &Tensor, parts| {
            let (mut p, mut m) = (p.clone(), Tensor::zeros(g.shape()));
            step(&mut p, g, &mut m, parts, 0.01, 0.1).unwrap();
            p
        };
        let parts: Vec<Tensor> =
            p.split_cols(3).unwrap().iter().zip(&g.split_cols(3).unwrap()).map(|(p, g)| moved(p, g, 1)).collect();
        assert_eq!(moved(&p, &g, 3), Tensor::concat_cols(&parts).unwrap());
        assert_ne!(moved(&p, &g, 3), moved(&p, &g, 1));
    }

    #[test]
    fn a_gradient_of_zero_only_lets_the_matrix_shrink() {
        let (mut p, mut m) = (Tensor::full(&[2, 3], 2.0), Tensor::zeros(&[2, 3]));
        step(&mut p, &Tensor::zeros(&[2, 3]), &mut m, 1, 0.5, 0.1).unwrap();
        assert_eq!((p, m), (Tensor::full(&[2, 3], 1.9), Tensor::zeros(&[2, 3])));
    }

    #[test]
    fn another_shape_is_an_error() {
        let [mut p, g, mut m] = [[2, 3], [3, 2], [2, 3]].map(|shape| Tensor::zeros(&shape));
        assert!(step(&mut p, &g, &mut m, 1, 0.1, 0.0).unwrap_err().to_string().contains("Muon"));
        assert!(orthogonalize(&Tensor::zeros(&[3])).is_err());
    }
}
