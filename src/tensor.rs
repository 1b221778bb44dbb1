//! The one container of this book: a shape, and the numbers in it.
//!
//! A *tensor* is a list of numbers with a shape. `[3]` is a list of three numbers, `[2, 3]` is a table of two rows and
//! three columns, `[4, 2, 3]` is four such tables. Everything in GPT-2 is one: the weights, the tokens' vectors, the
//! attention.
//!
//! The numbers lie in memory one row after the other (*row-major*): number `(i, j)` of a `[2, 3]` tensor is at
//! `3 * i + j`. So a row is a slice, `&data[3 * i..3 * i + 3]`, and walking along a row is walking through memory.
//!
//! Two rules make errors easy to find. Every operation checks its shapes, and names both if they do not fit. No
//! operation changes its inputs behind your back: it takes references and makes a new tensor. The few that work in
//! place say so in their names or their signatures (`&mut`).
//!
//! A production program would use `ndarray`, or `candle`'s tensors, which can also live on a graphics card.

use crate::close::{Difference, check_close};
use crate::error::{Error, Result};
use crate::kernels::matmul::{Matrix, Store, matmul, product};
use crate::kernels::{math, memory};
use crate::rng::Rng;
use std::fmt;

/// A shape and row-major `f32` numbers.
///
/// # Example: make one and look at it
///
/// ```
/// use gpt60::Tensor;
///
/// let t = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!(t.shape(), [2, 3]);
/// assert_eq!(t.row(1), [4.0, 5.0, 6.0]);
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

/// How many numbers a tensor of this shape has; `None` if a `usize` cannot hold the number.
fn n_places(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
}

/// [`n_places`] of a shape that is about to be allocated.
fn n_numbers(shape: &[usize]) -> usize {
    n_places(shape).unwrap_or_else(|| panic!("a tensor of shape {shape:?} does not fit into memory"))
}

/// A copy: the same shape and the same numbers in memory of its own.
impl Clone for Tensor {
    fn clone(&self) -> Tensor {
        Tensor::of(&self.shape, memory::copy(&self.data))
    }
}

/// A dropped tensor's memory is kept for the next tensor of the same length: see `kernels/memory.rs`.
impl Drop for Tensor {
    fn drop(&mut self) {
        memory::give_back(std::mem::take(&mut self.data));
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Making tensors and looking at them
// ---------------------------------------------------------------------------------------------------------------------

impl Tensor {
    /// A tensor of this shape with these numbers, row after row.
    ///
    /// # Errors
    ///
    /// If the shape does not have exactly one place for each number.
    pub fn new(shape: &[usize], data: Vec<f32>) -> Result<Tensor> {
        match n_places(shape) {
            Some(n) if n == data.len() => Ok(Tensor::of(shape, data)),
            Some(n) => {
                Err(Error::shape("Tensor::new", &[shape], format!("it needs {n} numbers but got {}", data.len())))
            }
            None => Err(Error::shape("Tensor::new", &[shape], "it has more places than a computer can count")),
        }
    }

    /// The one way to make a tensor; all others end here. It checks that there is exactly one number for each place of
    /// the shape. The engine room hands over its results this way, too.
    pub(crate) fn of(shape: &[usize], data: Vec<f32>) -> Tensor {
        assert_eq!(n_places(shape), Some(data.len()), "a tensor of shape {shape:?} with {} numbers", data.len());
        Tensor { shape: shape.to_vec(), data }
    }

    /// A tensor of this shape, all zeros.
    ///
    /// # Panics
    ///
    /// If the shape does not fit into memory.
    #[must_use]
    pub fn zeros(shape: &[usize]) -> Tensor {
        Tensor::of(shape, memory::zeros(n_numbers(shape)))
    }

    /// A tensor of this shape, all equal to `value`.
    ///
    /// # Panics
    ///
    /// If the shape does not fit into memory.
    #[must_use]
    pub fn full(shape: &[usize], value: f32) -> Tensor {
        Tensor::of(shape, vec![value; n_numbers(shape)])
    }

    /// A tensor of this shape with random numbers: normally distributed around 0, with this standard deviation.
    ///
    /// # Panics
    ///
    /// If the shape does not fit into memory.
    #[must_use]
    pub fn random(shape: &[usize], deviation: f32, rng: &mut Rng) -> Tensor {
        let numbers = (0..n_numbers(shape)).map(|_| deviation * rng.normal() as f32);
        Tensor::of(shape, numbers.collect())
    }

    /// The shape: how many places each dimension has.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers, row after row.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Mutable access to the numbers.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The numbers alone, without the shape.
    pub fn into_data(mut self) -> Vec<f32> {
        std::mem::take(&mut self.data)
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no numbers at all.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// How many numbers a row has: the last dimension. `[]`, a single number, has rows of 1.
    pub fn n_cols(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// How many rows there are: all dimensions but the last, multiplied. `[3]` is one row.
    pub fn n_rows(&self) -> usize {
        self.shape.split_last().map_or(1, |(_, leading)| leading.iter().product())
    }

    /// Row `i`.
    ///
    /// # Panics
    ///
    /// If there is no row `i`.
    #[track_caller] // a row that is not there is the caller's mistake: the panic shows its line
    pub fn row(&self, i: usize) -> &[f32] {
        let n = self.n_cols();
        &self.data[i * n..(i + 1) * n]
    }

    /// Mutable access to row `i`.
    ///
    /// # Panics
    ///
    /// If there is no row `i`.
    #[track_caller] // a row that is not there is the caller's mistake: the panic shows its line
    pub fn row_mut(&mut self, i: usize) -> &mut [f32] {
        let n = self.n_cols();
        &mut self.data[i * n..(i + 1) * n]
    }

    /// The number of rows and columns, if this is a table.
    ///
    /// # Errors
    ///
    /// If there are not exactly two dimensions; `op` is the operation that needs them.
    pub fn table(&self, op: &'static str) -> Result<(usize, usize)> {
        match self.shape[..] {
            [rows, cols] => Ok((rows, cols)),
            _ => Err(Error::shape(op, &[&self.shape], "a table of [rows, columns] is needed")),
        }
    }

    /// The same numbers in another shape.
    ///
    /// # Errors
    ///
    /// If the two shapes differ in their number of places.
    pub fn reshape(self, shape: &[usize]) -> Result<Tensor> {
        if n_places(shape) != Some(self.data.len()) {
            return Err(Error::shape("reshape", &[&self.shape, shape], "both must have the same number of places"));
        }
        Ok(Tensor::of(shape, self.into_data()))
    }

    /// Checks that this is `expected`, up to a relative difference of `tolerance`. See [`crate::close`].
    ///
    /// # Errors
    ///
    /// If it is not. The error says what differs, where, and by how much.
    pub fn check_close(&self, expected: &Tensor, tolerance: f64) -> std::result::Result<(), Difference> {
        check_close((&self.shape, &self.data), (&expected.shape, &expected.data), tolerance)
    }

    /// A view for the matrix product. The caller has checked that this is a table.
    pub(crate) fn matrix(&self) -> Matrix<'_> {
        Matrix::new(&self.data, self.n_rows(), self.n_cols())
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// One number at a time
// ---------------------------------------------------------------------------------------------------------------------

impl Tensor {
    /// Applies `f` to each number: `[..] -> [..]`.
    ///
    /// # Example: square every number
    ///
    /// ```
    /// use gpt60::Tensor;
    ///
    /// let t = Tensor::new(&[3], vec![1.0, 2.0, 3.0])?;
    /// assert_eq!(t.map(|x| x * x).data(), [1.0, 4.0, 9.0]);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn map(&self, f: impl Fn(f32) -> f32) -> Tensor {
        Tensor::of(&self.shape, self.data.iter().map(|&x| f(x)).collect())
    }

    /// Each number times `factor`: `[..] -> [..]`.
    pub fn scale(&self, factor: f32) -> Tensor {
        self.map(|x| x * factor)
    }

    /// The sum, number by number. See [`Tensor::combine`] for the shapes that fit.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    ///
    /// # Example: add the same row to every row
    ///
    /// ```
    /// use gpt60::Tensor;
    ///
    /// let table = Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
    /// let row = Tensor::new(&[2], vec![10.0, 20.0])?;
    /// assert_eq!(table.add(&row)?.data(), [11.0, 22.0, 13.0, 24.0]);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn add(&self, other: &Tensor) -> Result<Tensor> {
        self.combine("add", other, |a, b| a + b)
    }

    /// The difference, number by number. See [`Tensor::combine`] for the shapes that fit.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn sub(&self, other: &Tensor) -> Result<Tensor> {
        self.combine("sub", other, |a, b| a - b)
    }

    /// The product, number by number. (The matrix product is [`Tensor::matmul`].) See [`Tensor::combine`] for the
    /// shapes.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn mul(&self, other: &Tensor) -> Result<Tensor> {
        self.combine("mul", other, |a, b| a * b)
    }

    /// The quotient, number by number. See [`Tensor::combine`] for the shapes that fit.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn div(&self, other: &Tensor) -> Result<Tensor> {
        self.combine("div", other, |a, b| a / b)
    }

    /// Adds `other`, of the same shape, in place: `self += other`.
    ///
    /// # Errors
    ///
    /// If the shapes differ.
    pub fn add_assign(&mut self, other: &Tensor) -> Result<()> {
        if self.shape != other.shape {
            return Err(Error::shape("add_assign", &[&self.shape, &other.shape], "both must be the same"));
        }
        math::add(&mut self.data, &other.data);
        Ok(())
    }

    /// The sum, number by number, in this tensor's own memory: `x.plus(&y)` is `x + y` when `x` is no longer needed.
    ///
    /// # Errors
    ///
    /// If the shapes differ.
    pub fn plus(mut self, other: &Tensor) -> Result<Tensor> {
        self.add_assign(other)?;
        Ok(self)
    }

    /// Applies `f` to each number and its partner in `other`: `[m, n]` with `[m, n]`, with one row `[n]` (or `[1, n]`)
    /// that is paired with every row, or with one column `[m, 1]` that is paired with every column.
    ///
    /// Letting a row or a column stand for a whole table is called *broadcasting*.
    ///
    /// # Errors
    ///
    /// If the shapes fit in none of these ways; `op` names the operation in the message.
    pub fn combine(&self, op: &'static str, other: &Tensor, f: impl Fn(f32, f32) -> f32) -> Result<Tensor> {
        let (rows, cols) = (self.n_rows(), self.n_cols());
        let mut data = Vec::with_capacity(self.data.len());
        if self.shape == other.shape {
            data.extend(self.data.iter().zip(&other.data).map(|(&a, &b)| f(a, b)));
        } else if other.shape == [cols] || other.shape == [1, cols] {
            for i in 0..rows {
                data.extend(self.row(i).iter().zip(&other.data).map(|(&a, &b)| f(a, b)));
            }
        } else if other.shape == [rows, 1] {
            for i in 0..rows {
                let b = other.data[i];
                data.extend(self.row(i).iter().map(|&a| f(a, b)));
            }
        } else {
            let rule =
                format!("the right must have the shape of the left, or be a row [{cols}], or a column [{rows}, 1]");
            return Err(Error::shape(op, &[&self.shape, &other.shape], rule));
        }
        Ok(Tensor::of(&self.shape, data))
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// A row to one number
// ---------------------------------------------------------------------------------------------------------------------

impl Tensor {
    /// The largest number of each row: `[m, n] -> [m, 1]`. Minus infinity for an empty row.
    pub fn row_max(&self) -> Tensor {
        self.per_row(|row| row.iter().copied().fold(f32::NEG_INFINITY, f32::max))
    }

    /// The sum of each row: `[m, n] -> [m, 1]`.
    pub fn row_sum(&self) -> Tensor {
        self.per_row(|row| row.iter().sum())
    }

    /// The mean of each row: `[m, n] -> [m, 1]`. NaN for an empty row.
    pub fn row_mean(&self) -> Tensor {
        self.per_row(|row| row.iter().sum::<f32>() / row.len() as f32)
    }

    /// The index of the largest number, or of the first one if several are equal; `None` if there are no numbers, or
    /// only NaNs.
    ///
    /// A NaN is never the largest.
    pub fn argmax(&self) -> Option<usize> {
        argmax(&self.data)
    }

    fn per_row(&self, f: impl Fn(&[f32]) -> f32) -> Tensor {
        let data = (0..self.n_rows()).map(|i| f(self.row(i))).collect();
        Tensor::of(&[self.n_rows(), 1], data)
    }
}

/// The index of the largest number of a list, or of the first one if several are equal; `None` if there are no numbers,
/// or only NaNs. A NaN is never the largest.
pub fn argmax(xs: &[f32]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (i, &x) in xs.iter().enumerate() {
        let is_better = match best {
            None => !x.is_nan(),
            Some(b) => x > xs[b],
        };
        if is_better {
            best = Some(i);
        }
    }
    best
}

// ---------------------------------------------------------------------------------------------------------------------
// Tables
// ---------------------------------------------------------------------------------------------------------------------

impl Tensor {
    /// The matrix product: `[m, k] · [k, n] -> [m, n]`.
    ///
    /// Number `(i, j)` of the result is the sum over `p` of `self(i, p) * other(p, j)`: row `i` of the left meets
    /// column `j` of the right.
    ///
    /// # Errors
    ///
    /// If one of the two is not a table, or the left's columns do not match the right's rows.
    ///
    /// # Example: a matrix times a column
    ///
    /// ```
    /// use gpt60::Tensor;
    ///
    /// let a = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
    /// let b = Tensor::new(&[3, 1], vec![1.0, 0.0, -1.0])?;
    /// assert_eq!(a.matmul(&b)?, Tensor::new(&[2, 1], vec![-2.0, -2.0])?);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn matmul(&self, other: &Tensor) -> Result<Tensor> {
        let (m, k) = self.table("matmul")?;
        let (k_other, n) = other.table("matmul")?;
        if k != k_other {
            let rule = "the columns of the left must equal the rows of the right";
            return Err(Error::shape("matmul", &[&self.shape, &other.shape], rule));
        }
        Ok(Tensor::of(&[m, n], product(self.matrix(), other.matrix())))
    }

    /// The product with the transpose of `other`, without making the transpose: `[m, k] · [n, k]ᵀ -> [m, n]`.
    ///
    /// # Errors
    ///
    /// If one of the two is not a table, or they differ in their number of columns.
    ///
    /// # Example: the dot product of each row with each row
    ///
    /// ```
    /// use gpt60::Tensor;
    ///
    /// let a = Tensor::new(&[1, 2], vec![1.0, 2.0])?;
    /// let b = Tensor::new(&[3, 2], vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0])?;
    /// assert_eq!(a.matmul_t(&b)?, Tensor::new(&[1, 3], vec![1.0, 2.0, 3.0])?);
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn matmul_t(&self, other: &Tensor) -> Result<Tensor> {
        let (m, k) = self.table("matmul_t")?;
        let (n, k_other) = other.table("matmul_t")?;
        if k != k_other {
            return Err(Error::shape(
                "matmul_t",
                &[&self.shape, &other.shape],
                "both must have the same number of columns",
            ));
        }
        Ok(Tensor::of(&[m, n], product(self.matrix(), other.matrix().transposed())))
    }

    /// Adds `selfᵀ · other` to `sum`: `[k, m]ᵀ · [k, n]` onto `[m, n]`. Gradients of weights are such sums.
    ///
    /// # Errors
    ///
    /// If one of the three is not a table, or their shapes do not fit.
    pub fn t_matmul_add(&self, other: &Tensor, sum: &mut Tensor) -> Result<()> {
        let (k, m) = self.table("t_matmul_add")?;
        let (k_other, n) = other.table("t_matmul_add")?;
        if k != k_other || sum.shape != [m, n] {
            let rule = "the three must be [k, m], [k, n] and [m, n]";
            return Err(Error::shape("t_matmul_add", &[&self.shape, &other.shape, &sum.shape], rule));
        }
        matmul(self.matrix().transposed(), other.matrix(), &mut sum.data, n, Store::Add);
        Ok(())
    }

    /// Rows become columns: `[m, n] -> [n, m]`.
    ///
    /// # Errors
    ///
    /// If this is not a table.
    pub fn transpose(&self) -> Result<Tensor> {
        let (m, n) = self.table("transpose")?;
        let mut data = Vec::with_capacity(m * n);
        for j in 0..n {
            for i in 0..m {
                data.push(self.data[i * n + j]);
            }
        }
        Tensor::new(&[n, m], data)
    }

    /// The rows with these indices, in this order: `[m, n] -> [rows.len(), n]`.
    ///
    /// # Errors
    ///
    /// If this is not a table, or a row does not exist.
    pub fn take_rows(&self, rows: &[usize]) -> Result<Tensor> {
        let (m, n) = self.table("take_rows")?;
        let mut data = Vec::with_capacity(rows.len() * n);
        for &i in rows {
            if i >= m {
                return Err(Error::shape("take_rows", &[&self.shape], format!("there is no row {i}")));
            }
            data.extend_from_slice(self.row(i));
        }
        Tensor::new(&[rows.len(), n], data)
    }

    /// Cuts the columns into `parts` equal groups, left to right: `[m, n] -> parts times [m, n / parts]`.
    ///
    /// # Errors
    ///
    /// If this is not a table, or its columns cannot be divided equally.
    pub fn split_cols(&self, parts: usize) -> Result<Vec<Tensor>> {
        let (m, n) = self.table("split_cols")?;
        if parts == 0 || n % parts != 0 {
            let rule = format!("its columns cannot be cut into {parts} equal parts");
            return Err(Error::shape("split_cols", &[&self.shape], rule));
        }
        let width = n / parts;
        let part = |p: usize| {
            let data = (0..m).flat_map(|i| &self.row(i)[p * width..(p + 1) * width]).copied().collect();
            Tensor::new(&[m, width], data)
        };
        (0..parts).map(part).collect()
    }

    /// Puts tables side by side: `[m, a], [m, b], ... -> [m, a + b + ...]`.
    ///
    /// # Errors
    ///
    /// If there are no tables, one is not a table, or their numbers of rows differ.
    pub fn concat_cols(parts: &[Tensor]) -> Result<Tensor> {
        let Some(first) = parts.first() else {
            return Err(Error::argument("concat_cols", "at least one table is needed"));
        };
        let (m, _) = first.table("concat_cols")?;
        let mut width = 0;
        for part in parts {
            let (rows, cols) = part.table("concat_cols")?;
            if rows != m {
                let rule = "all must have the same number of rows";
                return Err(Error::shape("concat_cols", &[&first.shape, &part.shape], rule));
            }
            width += cols;
        }
        let mut data = Vec::with_capacity(m * width);
        for i in 0..m {
            for part in parts {
                data.extend_from_slice(part.row(i));
            }
        }
        Tensor::new(&[m, width], data)
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Printing
// ---------------------------------------------------------------------------------------------------------------------

impl fmt::Display for Tensor {
    /// The shape, and a line for each row; long rows and many rows are cut in the middle.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const EDGE: usize = 3;
        write!(f, "{:?}", self.shape)?;
        let (rows, cols) = (self.n_rows(), self.n_cols());
        if self.is_empty() {
            return Ok(());
        }
        for i in 0..rows {
            if rows > 2 * EDGE + 1 && (EDGE..rows - EDGE).contains(&i) {
                if i == EDGE {
                    write!(f, "\n       ...")?;
                }
                continue;
            }
            writeln!(f)?;
            for (j, x) in self.row(i).iter().enumerate() {
                if cols > 2 * EDGE + 1 && (EDGE..cols - EDGE).contains(&j) {
                    if j == EDGE {
                        write!(f, "      ...")?;
                    }
                    continue;
                }
                write!(f, " {x:>8.4}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor {self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(shape: &[usize], data: &[f32]) -> Tensor {
        Tensor::new(shape, data.to_vec()).unwrap()
    }

    #[test]
    fn a_shape_needs_one_number_for_each_place() {
        let error = Tensor::new(&[2, 2], vec![0.0; 3]).unwrap_err().to_string();
        assert_eq!(error, "Tensor::new: shape [2, 2] does not fit: it needs 4 numbers but got 3");
        assert!(Tensor::new(&[usize::MAX, 2], vec![]).is_err());
        assert_eq!(Tensor::new(&[0, usize::MAX], vec![]).unwrap().len(), 0);
        assert!(Tensor::zeros(&[2, 2]).reshape(&[usize::MAX, 2]).is_err());
    }

    #[test]
    fn a_shape_too_large_for_memory_panics_and_never_makes_an_empty_tensor() {
        let too_large = [1 << 32, 1 << 32]; // 2^64 places: the product is 0 in 64 bits
        for make in [
            Tensor::zeros as fn(&[usize]) -> Tensor,
            |shape| Tensor::full(shape, 1.0),
            |shape| Tensor::random(shape, 1.0, &mut Rng::new(1)),
        ] {
            assert!(std::panic::catch_unwind(|| make(&too_large)).is_err());
            assert_eq!(make(&[0, 1 << 32, 1 << 32]).len(), 0);
        }
        assert!(Tensor::new(&too_large, vec![]).is_err());
    }

    #[test]
    fn a_single_number_is_one_row_of_one() {
        let one = t(&[], &[5.0]);
        assert_eq!((one.n_rows(), one.n_cols(), one.row(0)), (1, 1, &[5.0f32][..]));
    }

    #[test]
    fn a_row_or_a_column_meets_the_whole_table() {
        let table = t(&[2, 3], &[1., 2., 3., 4., 5., 6.]);
        assert_eq!(table.add(&t(&[3], &[10., 20., 30.])).unwrap(), t(&[2, 3], &[11., 22., 33., 14., 25., 36.]));
        assert_eq!(table.mul(&t(&[2, 1], &[1., -1.])).unwrap(), t(&[2, 3], &[1., 2., 3., -4., -5., -6.]));
        assert_eq!(table.sub(&table).unwrap(), Tensor::zeros(&[2, 3]));
        assert!(table.add(&t(&[2], &[1., 2.])).is_err());
        assert!(table.add(&t(&[3, 1], &[1., 2., 3.])).is_err());
    }

    #[test]
    fn the_three_matrix_products_agree() {
        let mut rng = Rng::new(3);
        let a = Tensor::random(&[4, 5], 1.0, &mut rng);
        let b = Tensor::random(&[5, 6], 1.0, &mut rng);
        let product = a.matmul(&b).unwrap();
        a.matmul_t(&b.transpose().unwrap()).unwrap().check_close(&product, 1e-6).unwrap();
        let mut sum = product.clone();
        a.transpose().unwrap().t_matmul_add(&b, &mut sum).unwrap();
        sum.check_close(&product.scale(2.0), 1e-6).unwrap();
    }

    #[test]
    fn products_name_both_shapes_when_they_do_not_fit() {
        let (a, b) = (Tensor::zeros(&[2, 3]), Tensor::zeros(&[2, 3]));
        let error = a.matmul(&b).unwrap_err().to_string();
        assert!(error.starts_with("matmul: shapes [2, 3] and [2, 3] do not fit"), "{error}");
        assert!(a.matmul_t(&Tensor::zeros(&[3, 2])).is_err());
        assert!(a.matmul(&Tensor::zeros(&[3])).is_err());
        assert!(a.t_matmul_add(&b, &mut Tensor::zeros(&[2, 2])).is_err());
    }

    #[test]
    fn columns_cut_apart_and_put_back_together_are_the_same_table() {
        let table = t(&[2, 4], &[1., 2., 3., 4., 5., 6., 7., 8.]);
        let parts = table.split_cols(2).unwrap();
        assert_eq!(parts[1], t(&[2, 2], &[3., 4., 7., 8.]));
        assert_eq!(Tensor::concat_cols(&parts).unwrap(), table);
        assert!(table.split_cols(3).is_err() && table.split_cols(0).is_err());
        assert!(Tensor::concat_cols(&[]).is_err());
    }

    #[test]
    fn argmax_takes_the_first_of_equals_and_never_a_nan() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(argmax(&[f32::NAN, -1.0, f32::NAN]), Some(1));
        assert_eq!(argmax(&[f32::NAN]), None);
        assert_eq!(argmax(&[]), None);
    }

    #[test]
    fn each_row_is_reduced_to_one_number() {
        let table = t(&[2, 2], &[1., 2., 3., 6.]);
        assert_eq!(table.row_max(), t(&[2, 1], &[2., 6.]));
        assert_eq!(table.row_sum(), t(&[2, 1], &[3., 9.]));
        assert_eq!(table.row_mean(), t(&[2, 1], &[1.5, 4.5]));
    }
}
