//! What can go wrong, as a value.
//!
//! Bad input is not a bug: a file can be cut short, two shapes can fail to fit, a prompt can be too long. Every function
//! of this crate that can meet such a thing returns a [`Result`]; the [`Error`] inside names the operation, the shapes or
//! the file, and says what to do about it, in one line that a program can print as it is.
//!
//! A panic is kept for a broken promise inside the crate itself: a bug of ours, not a mistake of yours.
//!
//! A production program would often use a helper crate for this (such as `thiserror`). Written by hand, it is one `enum`
//! and two small `impl` blocks.

use std::fmt;
use std::path::Path;

/// The result of any operation here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong: the operation or the file, what was found, and what was expected.
///
/// # Example: print an error as one line
///
/// ```
/// use gpt60::Tensor;
///
/// let a = Tensor::zeros(&[2, 3]);
/// let b = Tensor::zeros(&[4, 5]);
/// let error = a.matmul(&b).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "matmul: shapes [2, 3] and [4, 5] do not fit: the columns of the left must equal the rows of the right"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Shapes that do not fit the operation.
    Shape {
        /// The operation, for example `matmul`.
        op: &'static str,
        /// The shapes that met, left to right.
        shapes: Vec<Vec<usize>>,
        /// What would have fitted.
        rule: String,
    },
    /// A value that the operation cannot work with, or a request that cannot be met.
    Argument {
        /// The operation or the setting, for example `--tokens`.
        op: String,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// Bytes or text that are not what they should be.
    Format {
        /// What was being read, for example `safetensors header`.
        what: String,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// A file that cannot be read, written or understood.
    File {
        /// Its path, as it was given.
        path: String,
        /// What is wrong with it and what would be right.
        problem: String,
    },
}

impl Error {
    /// Shapes that do not fit the operation `op`; `rule` says what would have fitted.
    pub fn shape(op: &'static str, shapes: &[&[usize]], rule: impl Into<String>) -> Error {
        let shapes = shapes.iter().map(|shape| shape.to_vec()).collect();
        Error::Shape { op, shapes, rule: rule.into() }
    }

    /// A value that `op` cannot work with.
    pub fn argument(op: impl Into<String>, problem: impl Into<String>) -> Error {
        Error::Argument { op: op.into(), problem: problem.into() }
    }

    /// Bytes or text that are not a proper `what`.
    pub fn format(what: impl Into<String>, problem: impl Into<String>) -> Error {
        Error::Format { what: what.into(), problem: problem.into() }
    }

    /// A file that cannot be used.
    pub fn file(path: impl AsRef<Path>, problem: impl Into<String>) -> Error {
        Error::File { path: path.as_ref().display().to_string(), problem: problem.into() }
    }

    /// The same error, with the file in which it was met.
    ///
    /// A reader of bytes does not know where the bytes came from; whoever opened the file adds its name on the way up.
    pub fn in_file(self, path: impl AsRef<Path>) -> Error {
        match self {
            Error::File { .. } => self,
            other => Error::file(path, other.to_string()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Shape { op, shapes, rule } => {
                let list: Vec<String> = shapes.iter().map(|shape| format!("{shape:?}")).collect();
                let noun = if shapes.len() == 1 { "shape" } else { "shapes" };
                let verb = if shapes.len() == 1 { "does" } else { "do" };
                write!(f, "{op}: {noun} {} {verb} not fit: {rule}", list.join(" and "))
            }
            Error::Argument { op, problem } => write!(f, "{op}: {problem}"),
            Error::Format { what, problem } => write!(f, "{what}: {problem}"),
            Error::File { path, problem } => write!(f, "{path}: {problem}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_operation_shapes_and_rule() {
        let error = Error::shape("add", &[&[2, 3], &[4]], "the right must be one row of the left, [3]");
        assert_eq!(
            error.to_string(),
            "add: shapes [2, 3] and [4] do not fit: the right must be one row of the left, [3]"
        );
        let error = Error::shape("softmax", &[&[]], "at least one dimension is needed");
        assert_eq!(error.to_string(), "softmax: shape [] does not fit: at least one dimension is needed");
    }

    #[test]
    fn a_file_is_named_once_however_often_it_is_added() {
        let error = Error::format("JSON", "expected a value at byte 0").in_file("config.json").in_file("outer");
        assert_eq!(error.to_string(), "config.json: JSON: expected a value at byte 0");
    }
}
