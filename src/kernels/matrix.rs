//! A view of a matrix: which number of a slice is which number of the matrix.
//!
//! A product needs its inputs as they are, transposed, or in part. None of this moves a number. It only changes how far it is in
//! memory from one row to the next, and from one column to the next: the two *strides*.
//!
//! [Chapter 16](crate::book::ch16_making_it_fast) explains it.

use super::number::{Entry, Number};

/// A view of a matrix: where its numbers are in a slice, without owning or copying them.
///
/// Number `(i, j)` is `data[i * row_stride + j * col_stride]`. A row-major matrix has strides `(cols, 1)`; its transpose is
/// the same slice with strides `(1, cols)`; and a part of the columns is a slice that begins later.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, T = f32> {
    pub(super) data: &'a [T],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
}

impl<'a, T: Entry> Matrix<'a, T> {
    /// All of a row-major `data`, `[rows, cols]`.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Matrix<'a, T> {
        Matrix::part(data, rows, cols, cols)
    }

    /// Row-major numbers whose rows begin `row_stride` apart: the first `cols` columns of a wider matrix.
    ///
    /// # Panics
    ///
    /// If `data` ends before the last row does.
    pub fn part(data: &'a [T], rows: usize, cols: usize, row_stride: usize) -> Matrix<'a, T> {
        let needed = if rows == 0 || cols == 0 { 0 } else { (rows - 1) * row_stride + cols };
        assert!(data.len() >= needed, "a [{rows}, {cols}] matrix needs {needed} numbers, not {}", data.len());
        Matrix { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// Rows `first..first + n`.
    ///
    /// # Panics
    ///
    /// If there are fewer rows.
    pub fn rows(self, first: usize, n: usize) -> Matrix<'a, T> {
        assert!(first + n <= self.rows, "rows {first}..{} of a matrix of {} rows", first + n, self.rows);
        let from = (first * self.row_stride).min(self.data.len());
        Matrix { data: &self.data[from..], rows: n, ..self }
    }

    /// Columns `first..first + n` of a matrix whose rows lie in memory as rows.
    ///
    /// # Panics
    ///
    /// If there are fewer columns, or this is a transpose.
    pub fn columns(self, first: usize, n: usize) -> Matrix<'a, T> {
        assert_eq!(self.col_stride, 1, "columns of a transpose");
        assert!(first + n <= self.cols, "columns {first}..{} of a matrix of {} columns", first + n, self.cols);
        Matrix::part(&self.data[first.min(self.data.len())..], self.rows, n, self.row_stride)
    }

    /// Row `i` of a matrix whose rows lie in memory as rows.
    ///
    /// # Panics
    ///
    /// If there is no row `i`, or this is a transpose.
    #[inline(always)]
    pub fn row(&self, i: usize) -> &'a [T] {
        assert!(i < self.rows && self.col_stride == 1, "row {i} of a matrix of {} rows", self.rows);
        &self.data[i * self.row_stride..][..self.cols]
    }

    /// Every row of a matrix whose rows lie in memory as rows, in order.
    pub fn each_row(self) -> impl Iterator<Item = &'a [T]> {
        (0..self.rows).map(move |i| self.row(i))
    }

    /// The transpose: rows become columns. Nothing is copied.
    pub fn transposed(self) -> Matrix<'a, T> {
        Matrix {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.rows
    }

    /// How many columns there are.
    pub fn n_cols(&self) -> usize {
        self.cols
    }

    #[inline(always)]
    pub(super) fn number(&self, i: usize, j: usize) -> T {
        self.data[i * self.row_stride + j * self.col_stride]
    }
}

impl<T: Number> Matrix<'_, T> {
    #[inline(always)]
    pub(super) fn at(&self, i: usize, j: usize) -> f32 {
        self.number(i, j).value()
    }
}
