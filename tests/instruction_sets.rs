//! The fast matrix product gives the plain one's numbers with every instruction set that this processor has.
//!
//! This is the only test of its program: forcing an instruction set acts on the whole process.

use gpt60::kernels::cpu::{self, Level};
use gpt60::kernels::matmul::{Into, Matrix, matmul, plain};
use gpt60::{Rng, Tensor};

#[test]
fn every_instruction_set_gives_the_plain_product() {
    let mut rng = Rng::new(1);
    let mut tried = Vec::new();
    for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
        if !cpu::force(Some(level)) {
            println!("skipped: this processor has no {level:?}");
            continue;
        }
        tried.push(level);
        // Sizes beyond every block of the fast product (192 rows, 256 terms, 1024 columns), and odd ones.
        for (m, k, n) in [(1, 700, 1100), (200, 300, 1100), (33, 513, 65), (7, 1, 3)] {
            for (a_transposed, b_transposed) in [(false, false), (false, true), (true, false), (true, true)] {
                let a = Tensor::random(&[m, k], 1.0, &mut rng);
                let b = Tensor::random(&[k, n], 1.0, &mut rng);
                let view_a = Matrix::new(a.data(), m, k);
                let view_a = if a_transposed { Matrix::new(a.data(), k, m).transposed() } else { view_a };
                let view_b = Matrix::new(b.data(), k, n);
                let view_b = if b_transposed { Matrix::new(b.data(), n, k).transposed() } else { view_b };
                let (mut found, mut expected) = (Tensor::zeros(&[m, n]), Tensor::zeros(&[m, n]));
                matmul(view_a, view_b, found.data_mut(), n, Into::Set);
                plain(view_a, view_b, expected.data_mut(), n, Into::Set);
                // Sums of up to 700 products, each rounded to one part in 10^7; their order differs.
                let check = found.check_close(&expected, 1e-5);
                assert_eq!(check, Ok(()), "{level:?} [{m}, {k}] x [{k}, {n}] {a_transposed} {b_transposed}");
            }
        }
    }
    cpu::force(None);
    assert!(tried.contains(&Level::Baseline));
}
