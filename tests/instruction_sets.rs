//! Every loop of the engine room gives the numbers of its formula, with every instruction set that this processor has.
//!
//! The formulas are written out here once more, as plain loops in `f64`. A float result is not exact, so each
//! comparison needs a limit. The limits here come from arithmetic, not from experience. One operation on `f32` rounds
//! its result by at most one part in `2^24`. A sum of `n` products, added in any order, with a fused multiply-add or
//! without, goes through at most `n + 1` such roundings, each relative to a number that is no larger than the sum of
//! the products' sizes. It is therefore off by at most `(n + 1) * 2^-24` times that sum (Higham, "Accuracy and
//! Stability of Numerical Algorithms", section 3.1). A product below the smallest normal float is rounded by at most
//! `2^-150` instead.
//!
//! A sum that is infinite or not a number must be exactly that, with the same sign; and all its neighbours must be
//! right.
//!
//! The shape of the loops on 64-bit ARM (`LikeArm`) runs on every machine, so that its tile is tested on all of them.
//!
//! Forcing an instruction set affects the whole process. These tests therefore have a program of their own, and take
//! turns.

use gpt60::float16::Bf16;
use gpt60::kernels::arithmetic::{Arithmetic, within};
use gpt60::kernels::cpu::{self, Level};
use gpt60::kernels::matmul::{FEW_ROWS, Matrix, Number, Store, matmul};
use gpt60::kernels::{dot, math, threads};
use gpt60::layers::layer_norm::LayerNorm;
use gpt60::layers::{activation, gelu, softmax};
use gpt60::train::adamw::AdamW;
use gpt60::weight::{Precision, ScalePer, Weight};
use gpt60::{Activation, Config, Gpt2, Rng, Tensor};
use proptest::prelude::*;
use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};

/// The largest relative error of one rounded operation.
const ROUNDING: f64 = 1.0 / (1u64 << 24) as f64;
/// The relative error that [`math::exp`] promises.
const EXP: f64 = 3e-7;
/// The smallest step between two floats.
const SMALLEST: f64 = f32::from_bits(1) as f64;

/// Calls `check` with each instruction set that this processor has, alone in this program.
fn with_every_instruction_set(check: impl FnMut(Level)) {
    with_every_instruction_set_and(1, check);
}

/// The same, with large work shared by `n_threads`.
fn with_every_instruction_set_and(n_threads: usize, mut check: impl FnMut(Level)) {
    static TURN: Mutex<()> = Mutex::new(());
    static SAY: Once = Once::new();
    /// Restores the default, even if a check fails.
    struct Unforce;
    impl Drop for Unforce {
        fn drop(&mut self) {
            cpu::force(None);
            threads::set(0);
            dot::without(false);
        }
    }
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let all = [Level::Baseline, Level::LikeArm, Level::Avx2, Level::Avx512];
    let (has, lacks): (Vec<Level>, Vec<Level>) = all.into_iter().partition(|&level| level <= cpu::detected());
    // Not with `eprintln!`, which the test runner captures.
    SAY.call_once(|| {
        for level in lacks {
            let _ = writeln!(std::io::stderr(), "not tested: this processor has no {level:?}");
        }
    });
    let _unforce = Unforce;
    threads::set(n_threads);
    assert_eq!(has[0], Level::Baseline);
    for level in has {
        assert!(cpu::force(Some(level)) && cpu::level() == level);
        check(level);
    }
}

/// The same, and once more with each instruction set but without its instructions for short numbers.
fn with_every_way_to_multiply(n_threads: usize, mut check: impl FnMut(Level)) {
    with_every_instruction_set_and(n_threads, |level| {
        check(level);
        dot::without(true);
        check(level);
        dot::without(false);
    });
}

/// Whether `found` is `expected`, up to `limit`; anything that is not finite must be the same.
fn is_near(found: f32, expected: f64, limit: f64) -> bool {
    if expected.is_nan() {
        return found.is_nan();
    }
    if expected.is_infinite() {
        return f64::from(found) == expected;
    }
    (f64::from(found) - expected).abs() <= limit
}

#[track_caller]
fn assert_near(what: &str, level: Level, found: f32, expected: f64, limit: f64) {
    assert!(is_near(found, expected, limit), "{what}, {level:?}: {found:e} is not {expected:e}, allowed {limit:e}");
}

/// Whether two floats are the same to the last bit. All NaNs count as one.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

// ---------------------------------------------------------------------------------------------------------------------
// The numbers that go in
// ---------------------------------------------------------------------------------------------------------------------

/// What kind of numbers a test gets.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// About as large as 1.
    Usual,
    /// Like the usual ones, but every other one is 0 or -0.
    Sparse,
    /// Below the smallest normal float, and every other one 0 or a whole number: their products are exact, or tiny.
    Subnormal,
    /// Like the usual ones, but a few are infinite or not a number.
    Wild,
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Usual, Kind::Sparse, Kind::Subnormal, Kind::Wild])
}

fn pick(list: &[f32], rng: &mut Rng) -> f32 {
    list[rng.below(list.len())]
}

fn numbers(n: usize, kind: Kind, rng: &mut Rng) -> Vec<f32> {
    let usual = |rng: &mut Rng| rng.normal() as f32;
    let mut list: Vec<f32> = (0..n)
        .map(|i| match kind {
            Kind::Sparse if i % 2 == 0 => pick(&[0.0, -0.0], rng),
            Kind::Subnormal if rng.below(2) == 0 => pick(&[0.0, 1.0, -2.0], rng),
            Kind::Subnormal => usual(rng) * f32::MIN_POSITIVE * 0.25,
            _ => usual(rng),
        })
        .collect();
    if kind == Kind::Wild && n > 0 {
        for _ in 0..1 + rng.below(3) {
            list[rng.below(n)] = pick(&[f32::INFINITY, f32::NEG_INFINITY, f32::NAN], rng);
        }
    }
    list
}

/// Fills the places that nothing may read or write. A NaN, so reading it shows; with its own bit pattern, so writing to
/// it shows.
const GAP: f32 = f32::from_bits(0x7fc0_1234);

/// `list` in a longer list, from place `offset` on: a slice that does not begin where a vector prefers to.
fn moved(list: &[f32], offset: usize) -> Vec<f32> {
    [&vec![GAP; offset], list, &[GAP; 2]].concat()
}

/// Sizes around the edges of the tiles and vectors, and odd ones.
fn any_size(largest: usize) -> impl Strategy<Value = usize> {
    let edges = [1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 15, 16, 17, 19, 23, 24, 25, 31, 32, 33, 37, 61, 64, 65, 67, 127, 129];
    let edges = edges.into_iter().filter(move |&n| n <= largest).collect::<Vec<_>>();
    prop_oneof![prop::sample::select(edges), 1..=largest]
}

// ---------------------------------------------------------------------------------------------------------------------
// The matrix product
// ---------------------------------------------------------------------------------------------------------------------

/// A product `C = A·B`, `[m, k] · [k, n]`.
#[derive(Debug, Clone, Copy)]
struct Product {
    m: usize,
    k: usize,
    n: usize,
    a_transposed: bool,
    b_transposed: bool,
    into: Store,
    kind: Kind,
    seed: u64,
    n_threads: usize,
}

/// A matrix as it lies in memory: rows with gaps after them, perhaps the transpose.
struct Stored<T> {
    data: Vec<T>,
    offset: usize,
    rows: usize,
    cols: usize,
    stride: usize,
    transposed: bool,
}

impl<T: Number> Stored<T> {
    /// A random `[rows, cols]`; `gap` stands between its rows and around them.
    fn random(
        (rows, cols): (usize, usize),
        transposed: bool,
        kind: Kind,
        gap: T,
        number: impl Fn(f32) -> T,
        rng: &mut Rng,
    ) -> Stored<T> {
        let (offset, between) = (rng.below(4), [0, 0, 1, 5][rng.below(4)]);
        let (lines, stride) = if transposed { (cols, rows + between) } else { (rows, cols + between) };
        let mut data = vec![gap; offset + lines * stride];
        let values = numbers(rows * cols, kind, rng);
        let len = stride - between;
        for (line, values) in data[offset..].chunks_mut(stride).zip(values.chunks(len)) {
            line.iter_mut().zip(values).for_each(|(place, &x)| *place = number(x));
        }
        Stored { data, offset, rows, cols, stride, transposed }
    }

    fn matrix(&self) -> Matrix<'_, T> {
        let data = &self.data[self.offset..];
        if self.transposed {
            Matrix::part(data, self.cols, self.rows, self.stride).transposed()
        } else {
            Matrix::part(data, self.rows, self.cols, self.stride)
        }
    }

    fn at(&self, i: usize, j: usize) -> T {
        let (line, place) = if self.transposed { (j, i) } else { (i, j) };
        self.data[self.offset + line * self.stride + place]
    }
}

impl Product {
    /// Compares this product with a plain loop in `f64`, with every instruction set. The right side is made with `number`,
    /// and what its numbers stand for is `value`. If the numbers meet as bf16, both sides are rounded to it.
    fn check<T: Number>(self, gap: T, number: impl Fn(f32) -> T, value: impl Fn(T) -> f64, as_bf16: bool) {
        let Product { m, k, n, into, kind, n_threads, .. } = self;
        let mut rng = Rng::new(self.seed);
        let a = Stored::random((m, k), self.a_transposed, kind, GAP, |x| x, &mut rng);
        let b = Stored::random((k, n), self.b_transposed, kind, gap, number, &mut rng);
        let (offset, stride) = (rng.below(4), n + [0, 1, 6][rng.below(3)]);
        // The product may replace any number; it is only added to a usual one.
        let place =
            |i: usize| (i >= offset && (i - offset) % stride < n && i < offset + m * stride).then(|| i - offset);
        let mut start = vec![GAP; offset + m * stride + 3];
        if into == Store::Add {
            let usual = numbers(start.len(), Kind::Usual, &mut rng);
            (0..start.len()).filter(|&i| place(i).is_some()).for_each(|i| start[i] = usual[i]);
        }
        // A few rows stream through the right side, and are not rounded.
        let as_bf16 = as_bf16 && m > FEW_ROWS;
        let met = |x: f64| if as_bf16 { f64::from(Bf16::nearest(x as f32).value()) } else { x };
        // Below the smallest normal number: the instructions for bf16 take such a factor for 0, and a sum that becomes one too.
        let is_tiny = |x: f64| as_bf16 && x.abs() < f64::from(f32::MIN_POSITIVE);
        let smallest = if as_bf16 { f64::from(f32::MIN_POSITIVE) } else { SMALLEST };
        // The exact product, the sum of the sizes of everything that was added, and that of the terms that may be left out.
        let mut exact = vec![(0.0f64, 0.0f64); start.len()];
        let mut left_out = vec![0.0f64; start.len()];
        for i in (0..start.len()).filter(|&i| place(i).is_some()) {
            let (row, column) = ((i - offset) / stride, (i - offset) % stride);
            for p in 0..k {
                let (x, y) = (met(f64::from(a.at(row, p))), met(value(b.at(p, column))));
                exact[i] = (exact[i].0 + x * y, exact[i].1 + (x * y).abs());
                if is_tiny(x) || is_tiny(y) {
                    left_out[i] += (x * y).abs();
                }
            }
            if into == Store::Add {
                exact[i] = (exact[i].0 + f64::from(start[i]), exact[i].1 + f64::from(start[i]).abs());
            }
        }
        let arithmetic = if as_bf16 { Arithmetic::Bf16 } else { Arithmetic::F32 };
        with_every_way_to_multiply(n_threads, |level| {
            let mut c = start.clone();
            within(arithmetic, || matmul(a.matrix(), b.matrix(), &mut c[offset..], stride, into));
            for (i, (&found, &(sum, size))) in c.iter().zip(&exact).enumerate() {
                if place(i).is_none() {
                    assert_eq!(found.to_bits(), GAP.to_bits(), "{self:?}, {level:?}: a gap was written to");
                    continue;
                }
                // k products, the number that was there, and a margin of one. See the top of this file.
                let limit = (k + 2) as f64 * (ROUNDING * size + smallest) + left_out[i];
                let at = ((i - offset) / stride, (i - offset) % stride);
                assert!(is_near(found, sum, limit), "{self:?}, {level:?} at {at:?}: {found:e} is not {sum:e}");
            }
        });
    }

    /// The same with floats on the right side.
    fn check_full(self) {
        self.check(GAP, |x| x, f64::from, false);
    }

    /// The same with each kind of number on the right side.
    fn check_all(self) {
        self.check_full();
        self.check(GAP, |x| x, f64::from, true);
        self.check(Bf16::nearest(GAP), Bf16::nearest, |x| f64::from(x.value()), true);
        // Whole numbers: infinity becomes 127, NaN 0; on the left side they stay.
        self.check(127i8, |x| (x * 50.0).clamp(-127.0, 127.0) as i8, f64::from, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 150, ..Default::default() })]

    #[test]
    fn products_of_any_size_and_orientation_are_the_plain_ones(
        m in any_size(70), k in any_size(130), n in any_size(130),
        a_transposed: bool, b_transposed: bool, add: bool, kind in any_kind(), seed: u64,
    ) {
        let into = if add { Store::Add } else { Store::Set };
        Product { m, k, n, a_transposed, b_transposed, into, kind, seed, n_threads: 1 }.check_all();
    }

    #[test]
    fn products_of_a_few_rows_are_the_plain_ones(
        m in 1..=FEW_ROWS + 1, k in any_size(300), n in any_size(130),
        a_transposed: bool, b_transposed: bool, add: bool, kind in any_kind(), seed: u64,
    ) {
        let into = if add { Store::Add } else { Store::Set };
        Product { m, k, n, a_transposed, b_transposed, into, kind, seed, n_threads: 1 }.check_all();
    }
}

#[test]
fn products_just_beyond_every_edge_are_the_plain_ones() {
    // One past: the few rows (16); the tiles' heights (4, 6, 8, 12) and widths (8, 16, 32); the terms that are packed at a
    // time (512), and half as many; the columns below which A is not packed (256), those packed at a time (2048); the rows
    // of a task, 32 strips of each height, and half of that.
    let sizes = [
        (FEW_ROWS, 257, 513),
        (FEW_ROWS + 1, 256, 32),
        (FEW_ROWS + 1, 257, 33),
        (FEW_ROWS + 1, 513, 9),
        (19, 257, 511),
        (25, 257, 512),
        (25, 258, 513),
        (37, 5, 513),
        (1, 3, 2049),
        (2, 9, 2049),
        (FEW_ROWS + 1, 2, 2048),
        (FEW_ROWS + 1, 3, 2049),
        (FEW_ROWS + 1, 1, 4097),
        (16 * 4 + 1, 3, 17),
        (16 * 6 + 1, 3, 33),
        (16 * 12 + 1, 2, 65),
        (16 * 12 + 1, 2, 513),
        (19, 40, 255),
        (25, 40, 256),
        (25, 40, 257),
        (25, 512, 33),
        (25, 1025, 33),
        (32 * 4 + 1, 3, 17),
        (32 * 6 + 1, 3, 33),
        (16 * 8 + 1, 3, 17),
        (32 * 8 + 1, 3, 17),
        (32 * 12 + 1, 2, 257),
    ];
    for (i, (m, k, n)) in sizes.into_iter().enumerate() {
        for orientation in 0..4 {
            let (a_transposed, b_transposed) = (orientation % 2 == 1, orientation / 2 == 1);
            // Every edge meets both ways to store, and usual and wild numbers.
            for (into, kind) in [(Store::Set, Kind::Wild), (Store::Add, Kind::Usual)] {
                let product = Product { m, k, n, a_transposed, b_transposed, into, kind, seed: i as u64, n_threads: 1 };
                if orientation == i % 4 { product.check_all() } else { product.check_full() }
            }
        }
    }
}

#[test]
fn products_that_threads_share_are_the_plain_ones() {
    // Large enough to be shared: see `threads::WORTH_A_THREAD`.
    for (m, k, n) in [(1, 600, 1301), (7, 513, 700), (67, 130, 519), (200, 40, 65)] {
        assert!(m * k * n > threads::WORTH_A_THREAD);
        for b_transposed in [false, true] {
            for n_threads in [1, 2, 5] {
                let (a_transposed, into, kind) = (false, Store::Add, Kind::Wild);
                Product { m, k, n, a_transposed, b_transposed, into, kind, seed: 1, n_threads }.check_full();
            }
        }
    }
}

#[test]
fn a_product_of_no_terms_is_zero_and_one_of_no_rows_touches_nothing() {
    with_every_instruction_set(|_| {
        for m in [3, FEW_ROWS + 3] {
            let mut c = vec![GAP; m * 5];
            matmul::<f32>(Matrix::new(&[], m, 0), Matrix::new(&[], 0, 4), &mut c, 5, Store::Add);
            assert!(c.iter().all(|x| x.to_bits() == GAP.to_bits()));
            matmul::<f32>(Matrix::new(&[], m, 0), Matrix::new(&[], 0, 4), &mut c, 5, Store::Set);
            assert!(c.iter().enumerate().all(|(i, x)| x.to_bits() == if i % 5 < 4 { 0 } else { GAP.to_bits() }));
        }
        let mut c = [GAP];
        matmul::<f32>(Matrix::new(&[], 0, 2), Matrix::new(&[1.0; 2], 2, 1), &mut c, 1, Store::Set);
        matmul::<f32>(Matrix::new(&[1.0; 2], 1, 2), Matrix::new(&[], 2, 0), &mut c, 1, Store::Set);
        assert_eq!(c[0].to_bits(), GAP.to_bits());
    });
}

#[test]
fn nothing_of_a_product_is_left_in_the_memory_that_the_next_one_gets() {
    // These products have enough packed numbers for their memory to be kept and used again.
    let (m, k, n) = (50, 256, 601);
    let mut rng = Rng::new(3);
    let (a, b) = (numbers(m * k, Kind::Usual, &mut rng), numbers(k * n, Kind::Usual, &mut rng));
    let product = |a: &[f32], b: &[f32]| {
        let mut c = vec![0.0; m * n];
        matmul(Matrix::new(a, m, k), Matrix::new(b, k, n), &mut c, n, Store::Set);
        c
    };
    with_every_instruction_set(|level| {
        let before = product(&a, &b);
        assert!(product(&vec![f32::NAN; m * k], &vec![f32::NAN; k * n]).iter().all(|x| x.is_nan()));
        let after = product(&a, &b);
        assert!(before.iter().zip(&after).all(|(x, y)| x.to_bits() == y.to_bits()), "{level:?}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..Default::default() })]

    #[test]
    fn weights_in_fewer_bytes_give_the_products_of_what_they_and_the_rows_stand_for(
        m in any_size(40), k in any_size(70), n in any_size(70), seed: u64,
    ) {
        let mut rng = Rng::new(seed);
        let x = Tensor::random(&[m, k], 1.0, &mut rng);
        for (precision, outputs) in [
            (Precision::Bf16, ScalePer::Column), (Precision::Bf16, ScalePer::Row),
            (Precision::Int8, ScalePer::Column), (Precision::Int8, ScalePer::Row),
        ] {
            let shape = if outputs == ScalePer::Column { [k, n] } else { [n, k] };
            let mut w = Weight::Full(Tensor::random(&shape, 1.0, &mut rng));
            w.pack(precision, outputs).unwrap();
            let rows: Vec<_> = (0..shape[0]).map(|i| w.row(i).into_owned()).collect();
            let met: Vec<Vec<f64>> = (0..m).map(|i| bytes::met(x.row(i), precision, m)).collect();
            let at = |p: usize, j: usize| f64::from(if outputs == ScalePer::Column { rows[p][j] } else { rows[j][p] });
            with_every_way_to_multiply(1, |level| {
                let y = if outputs == ScalePer::Column { w.matmul(&x) } else { w.matmul_t(&x) }.unwrap();
                for (i, met) in met.iter().enumerate() {
                    for j in 0..n {
                        let terms = (0..k).map(|p| met[p] * at(p, j));
                        let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + t.abs()));
                        // As above, plus four more roundings: scales multiply each number here, and the sum there.
                        let limit = (k + 6) as f64 * (ROUNDING * size + SMALLEST);
                        assert_near(&format!("{precision:?} {outputs:?}"), level, y.row(i)[j], sum, limit);
                    }
                }
            });
        }
    }
}

#[path = "instruction_sets/attention.rs"]
mod attention;
#[path = "instruction_sets/bytes.rs"]
mod bytes;

// ---------------------------------------------------------------------------------------------------------------------
// The other loops
// ---------------------------------------------------------------------------------------------------------------------

/// The sum of the terms, and of their sizes.
fn exact_sum(terms: impl Iterator<Item = f64>) -> (f64, f64) {
    terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 150, ..Default::default() })]

    #[test]
    fn sums_are_the_plain_ones(n in 0usize..200, kind in any_kind(), offset in 0usize..4, seed: u64) {
        let mut rng = Rng::new(seed);
        let (a, b) = (moved(&numbers(n, kind, &mut rng), offset), moved(&numbers(n, kind, &mut rng), 3 - offset));
        let (a, b) = (&a[offset..offset + n], &b[3 - offset..3 - offset + n]);
        let shift = rng.normal() as f32;
        let wide = |x: &f32| f64::from(*x);
        let (dot, dot_size) = exact_sum(a.iter().zip(b).map(|(a, b)| wide(a) * wide(b)));
        let (sum, sum_size) = exact_sum(a.iter().map(wide));
        let (squares, _) = exact_sum(a.iter().map(|a| (wide(a) - f64::from(shift)).powi(2)));
        with_every_instruction_set(|level| {
            // Of a sum of n numbers, at most n roundings; of each product one, of each square of a difference three.
            let limit = |n: usize, size: f64| n as f64 * (ROUNDING * size + SMALLEST);
            assert_near("dot", level, math::dot(a, b), dot, limit(n + 1, dot_size));
            assert_near("sum", level, math::sum(a), sum, limit(n, sum_size));
            assert_near("sum_of_squares", level, math::sum_of_squares(a, shift), squares, limit(n + 4, squares));
        });
    }

    #[test]
    fn exponentials_are_those_of_double_precision(
        n in 0usize..100, spread in 0.1f32..200.0, shift in -50f32..50.0, kind in any_kind(), offset in 0usize..4, seed: u64,
    ) {
        let mut xs = numbers(n, kind, &mut Rng::new(seed));
        xs.iter_mut().for_each(|x| *x *= spread);
        let xs = moved(&xs, offset);
        with_every_instruction_set(|level| {
            let mut found = xs.clone();
            let sum = math::exp_and_sum(&mut found[offset..offset + n], shift);
            for (i, (&x, &found)) in xs.iter().zip(&found).enumerate() {
                if i < offset || i >= offset + n {
                    assert_eq!(found.to_bits(), GAP.to_bits(), "{level:?}: a neighbour was written to");
                    continue;
                }
                // What `exp` promises: 0 below -87, infinity above 88.
                let x = f64::from(x - shift);
                let expected = match x {
                    x if x < -87.0 => 0.0,
                    x if x > 88.0 => f64::INFINITY,
                    x => x.exp(),
                };
                assert_near(&format!("exp({x})"), level, found, expected, EXP * expected);
            }
            // All terms are positive; above 3.4e38 the sum is infinite too, and of two near to it not even this is sure.
            let (expected, _) = exact_sum(found[offset..offset + n].iter().map(|&x| f64::from(x)));
            if !(1e38..f64::INFINITY).contains(&expected) {
                assert_near("exp_and_sum", level, sum, expected, n as f64 * ROUNDING * expected);
            }
        });
    }

    #[test]
    fn the_largest_is_the_largest_and_nan_is_skipped(n in 0usize..200, kind in any_kind(), offset in 0usize..4, seed: u64) {
        let xs = numbers(n, kind, &mut Rng::new(seed));
        let expected = xs.iter().copied().filter(|x| !x.is_nan()).fold(f32::NEG_INFINITY, f32::max);
        let xs = moved(&xs, offset);
        with_every_instruction_set(|level| {
            assert_eq!(math::max(&xs[offset..offset + n]), expected, "{level:?}");
        });
    }

    /// Here every result is rounded once, or in the written order, and is therefore the same to the last bit. The third
    /// function would reveal a product and a sum that were fused without being asked.
    #[test]
    fn what_is_done_to_each_number_alone_is_exact(n in 0usize..200, kind in any_kind(), offset in 0usize..4, seed: u64) {
        let mut rng = Rng::new(seed);
        let (a, b) = (numbers(n, kind, &mut rng), numbers(n, kind, &mut rng));
        let (to, from) = (moved(&a, offset), moved(&b, 3 - offset));
        let from = &from[3 - offset..3 - offset + n];
        let factor = rng.normal() as f32;
        let functions: [fn(f32, f32) -> f32; 4] =
            [|x, y| x + y, |x, y| x * y, |x, y| x * y + 1.5, |x, y| (x - y) / (y.abs() + 0.1).sqrt()];
        with_every_instruction_set(|level| {
            let check = |what: &str, found: &[f32], expected: &dyn Fn(usize) -> f32| {
                for (i, &found) in found.iter().enumerate() {
                    let inside = (offset..offset + n).contains(&i);
                    let expected = if inside { expected(i - offset) } else { GAP };
                    assert!(same(found, expected), "{what}, {level:?} at {i}: {found:e} is not {expected:e}");
                }
            };
            for f in functions {
                let mut found = to.clone();
                math::zip_map(&mut found[offset..offset + n], from, f);
                check("zip_map", &found, &|i| f(a[i], b[i]));
            }
            let mut found = to.clone();
            math::scale(&mut found[offset..offset + n], factor);
            check("scale", &found, &|i| a[i] * factor);
        });
    }

    #[test]
    fn tables_and_rows_are_added_as_in_the_plain_loops(m in 0usize..40, n in any_size(130), kind in any_kind(), seed: u64) {
        check_tables(m, n, kind, seed, 1);
    }
}

/// The functions on tables, `[m, n]`, compared with their plain loops.
fn check_tables(m: usize, n: usize, kind: Kind, seed: u64, n_threads: usize) {
    let mut rng = Rng::new(seed);
    let (a, b) = (numbers(m * n, kind, &mut rng), numbers(m * n, kind, &mut rng));
    let start = numbers(n, Kind::Usual, &mut rng);
    with_every_instruction_set_and(n_threads, |level| {
        let mut found = a.clone();
        math::add_to_rows(&mut found, &start);
        for (i, &found) in found.iter().enumerate() {
            assert!(same(found, a[i] + start[i % n]), "add_to_rows, {level:?} at {i}");
        }

        let mut found = start.clone();
        math::add_column_sums(&a, &mut found);
        for (j, &found) in found.iter().enumerate() {
            // From the first row to the last: the same order, and therefore the same number.
            let expected = (0..m).fold(start[j], |sum, i| sum + a[i * n + j]);
            assert!(same(found, expected), "add_column_sums, {level:?} at {j}: {found:e} is not {expected:e}");
        }

        let mut found = start.clone();
        math::add_column_sums_of_products(&a, &b, &mut found);
        for (j, &found) in found.iter().enumerate() {
            let products = (0..m).map(|i| f64::from(a[i * n + j]) * f64::from(b[i * n + j]));
            let (sum, size) = exact_sum(products.chain([f64::from(start[j])]));
            // m products and the number that was there.
            let limit = (m + 2) as f64 * (ROUNDING * size + SMALLEST);
            assert_near("add_column_sums_of_products", level, found, sum, limit);
        }
    });
}

#[test]
fn tables_that_threads_share_are_added_as_in_the_plain_loops() {
    for n_threads in [1, 2, 5] {
        let (m, n) = (600, 451);
        assert!(m * n > threads::WORTH_A_THREAD);
        check_tables(m, n, Kind::Wild, 4, n_threads);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The layers that are made of these loops, and AdamW
// ---------------------------------------------------------------------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 80, ..Default::default() })]

    #[test]
    fn gelu_is_its_formula(n in 1usize..200, spread in 0.1f32..12.0, kind in any_kind(), seed: u64) {
        let mut xs = numbers(n, kind, &mut Rng::new(seed));
        xs.iter_mut().for_each(|x| *x *= spread);
        let x = Tensor::new(&[n], xs).unwrap();
        with_every_instruction_set(|level| {
            for (&x, &y) in x.data().iter().zip(gelu::forward(&x).data()) {
                let wide = f64::from(x);
                let u = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044715 * wide.powi(3));
                let expected = 0.5 * wide * (1.0 + u.tanh());
                // y = x * p with p = 1 / (1 + e^(-2u)). Six roundings on the way to 2u change p by p * (1 - p) * 2u times
                // as much, and p * (1 - p) * 2u is never above 0.23; the exponential, by a quarter of its error; then
                // three more roundings. Together 3e-7 of x; twice as much is allowed. What is below 1e-30 may vanish.
                assert_near(&format!("gelu({x})"), level, y, expected, 6e-7 * wide.abs() + 1e-30);
            }
        });
    }

    #[test]
    fn other_activations_are_the_same_to_the_last_bit(n in 1usize..200, spread in 0.1f32..12.0, kind in any_kind(), seed: u64) {
        // None of their formulas has a fused multiply-add in it, and no sum: `tests/relatives.rs` compares the values.
        let mut xs = numbers(n, kind, &mut Rng::new(seed));
        xs.iter_mut().for_each(|x| *x *= spread);
        let (x, d_y) = (Tensor::new(&[n], xs).unwrap(), Tensor::random(&[n], 1.0, &mut Rng::new(seed)));
        for activation in [Activation::Gelu, Activation::QuickGelu, Activation::Silu, Activation::Relu] {
            let mut first = None;
            with_every_instruction_set(|level| {
                let found = [activation::forward(activation, &x), activation::backward(activation, &x, &d_y).unwrap()];
                let first = first.get_or_insert_with(|| found.clone());
                for (found, first) in found.iter().zip(first.iter()) {
                    assert!(found.data().iter().zip(first.data()).all(|(&a, &b)| same(a, b)), "{activation}, {level:?}");
                }
            });
        }
    }

    #[test]
    fn softmax_is_its_formula(m in 1usize..20, n in any_size(100), spread in 0.1f32..30.0, kind in any_kind(), seed: u64) {
        let mut xs = numbers(m * n, kind, &mut Rng::new(seed));
        xs.iter_mut().for_each(|x| *x *= spread);
        let x = Tensor::new(&[m, n], xs).unwrap();
        with_every_instruction_set(|level| {
            let y = softmax::forward(&x);
            for i in 0..m {
                let row: Vec<f64> = x.row(i).iter().map(|&x| f64::from(x)).collect();
                let largest = row.iter().copied().filter(|x| !x.is_nan()).fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = row.iter().map(|x| (x - largest).exp()).sum();
                for (&x, &y) in row.iter().zip(y.row(i)) {
                    let expected = (x - largest).exp() / sum;
                    // A difference d from the largest is rounded by d * 2^-24, and e^d is wrong by as large a part; of the
                    // sum, d e^d is never above 0.37. Two exponentials, n additions, a division and a product.
                    let distance = if x.is_finite() { largest - x } else { 0.0 };
                    let part = (distance + 0.37 * n as f64 + n as f64 + 3.0) * ROUNDING + 2.0 * EXP;
                    // Below e^-87 the exponential is 0.
                    assert_near("softmax", level, y, expected, part * expected + 2e-38);
                }
            }
        });
    }

    #[test]
    fn layer_norm_is_its_formula(m in 1usize..20, n in any_size(130), middle in -10f32..10.0, kind in any_kind(), seed: u64) {
        let mut rng = Rng::new(seed);
        let mut norm = LayerNorm::new(n, 1e-5);
        norm.weight = Tensor::random(&[n], 1.0, &mut rng);
        norm.bias = Tensor::random(&[n], 1.0, &mut rng);
        let x = numbers(m * n, kind, &mut rng).into_iter().map(|x| x + middle).collect();
        let x = Tensor::new(&[m, n], x).unwrap();
        with_every_instruction_set(|level| {
            let y = norm.forward(&x).unwrap();
            for i in 0..m {
                let row: Vec<f64> = x.row(i).iter().map(|&x| f64::from(x)).collect();
                let n_f = n as f64;
                let mean = row.iter().sum::<f64>() / n_f;
                let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n_f;
                let scale = 1.0 / (variance + f64::from(1e-5f32)).sqrt();
                // The mean is off by n + 1 roundings of the numbers' mean size; the scale by half of the variance's n + 4,
                // by that error of the mean once more, squared, and by its own three; the result by four.
                let off = (n_f + 1.0) * ROUNDING * row.iter().map(|x| x.abs()).sum::<f64>() / n_f;
                let part = (0.5 * (n_f + 4.0) + 3.0 + 4.0) * ROUNDING + (off * scale).powi(2);
                for (j, x) in row.iter().enumerate() {
                    let (weight, bias) = (f64::from(norm.weight.data()[j]), f64::from(norm.bias.data()[j]));
                    let z = (x - mean) * scale * weight;
                    let limit = (scale * weight).abs() * off + part * z.abs() + 2.0 * ROUNDING * (z.abs() + bias.abs());
                    assert_near("layer_norm", level, y.row(i)[j], z + bias, limit + SMALLEST);
                }
            }
        });
    }
}

#[test]
fn adamw_moves_every_parameter_as_its_formula_says() {
    // An embedding longer than the pieces that are shared, 2^16 numbers, and vectors of odd lengths.
    let config = Config::new(1101, 3, 61, 1, 1);
    assert!(config.n_vocab * config.n_embd > 1 << 16);
    let mut rng = Rng::new(7);
    let mut random = |f: fn(f64) -> f64| {
        let mut model = Gpt2::zeros(&config).unwrap();
        for (_, tensor) in model.parameters_mut().unwrap() {
            tensor.data_mut().iter_mut().for_each(|x| *x = f(rng.normal()) as f32);
        }
        model
    };
    // Gradients from next to nothing to large, and some of them 0.
    let (model, grad) = (random(|x| x), random(|x| if x.abs() < 0.2 { 0.0 } else { x * 10f64.powf(3.0 * x) }));
    let mut before = AdamW::new(&model, 0.9, 0.95, 0.1);
    (before.m, before.v, before.step) = (random(|x| 0.1 * x), random(|x| 0.01 * x * x), 4);
    let lr = 3e-3f32;

    for n_threads in [1, 2, 5] {
        with_every_instruction_set_and(n_threads, |level| {
            let (mut moved, mut after) = (model.clone(), before.clone());
            after.update(&mut moved, &grad, lr).unwrap();
            assert_eq!(after.step, 5);
            let (beta1, beta2) = (f64::from(0.9f32), f64::from(0.95f32));
            let (correct1, correct2) = (1.0 - beta1.powi(5), 1.0 - beta2.powi(5));
            for (index, (name, p)) in model.parameters().unwrap().into_iter().enumerate() {
                let list = |model: &Gpt2| model.parameters().unwrap()[index].1.data().to_vec();
                let (g, m, v) = (list(&grad), list(&before.m), list(&before.v));
                let (p_after, m_after, v_after) = (list(&moved), list(&after.m), list(&after.v));
                let decay = if p.shape().len() >= 2 { f64::from(lr) * f64::from(0.1f32) } else { 0.0 };
                for i in 0..p.len() {
                    let [p, g, m, v] = [p.data()[i], g[i], m[i], v[i]].map(f64::from);
                    let new_m = beta1 * m + (1.0 - beta1) * g;
                    let new_v = beta2 * v + (1.0 - beta2) * g * g;
                    let step = f64::from(lr) / ((new_v / correct2).sqrt() + f64::from(1e-8f32)) / correct1;
                    let new_p = p - decay * p - step * new_m;
                    // Two products and a sum; the square has one more.
                    let off_m = 2.0 * ROUNDING * ((beta1 * m).abs() + ((1.0 - beta1) * g).abs()) + SMALLEST;
                    let off_v = 4.0 * ROUNDING * new_v + SMALLEST;
                    // The step: what m is off, half of what v is off, and seven roundings. The weight: the shrinking
                    // factor, its product and the difference.
                    let off_p = step * off_m + (2.0 + 7.0) * ROUNDING * (step * new_m).abs() + 3.0 * ROUNDING * p.abs();
                    assert_near(&format!("m of {name}"), level, m_after[i], new_m, off_m);
                    assert_near(&format!("v of {name}"), level, v_after[i], new_v, off_v);
                    assert_near(&format!("{name}[{i}]"), level, p_after[i], new_p, off_p + ROUNDING * new_p.abs());
                }
            }
        });
    }
}
