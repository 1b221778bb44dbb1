//! What can go wrong, as a value.
//!
//! Bad input is not a bug: a file can be cut short, two shapes can fail to fit, a prompt can be too long. Every
//! function of this crate that can meet bad input returns a [`Result`]. The [`Error`] in it names the operation, the
//! shapes or the file, and says what to do about it, in one line that a program can print as it is.
//!
//! A panic is reserved for a broken promise inside the crate: our bug, not your mistake.
//!
//! A person reads the line; a program asks for the kind. If the operating system refused something, the error keeps its
//! answer: [`Error::io_kind`] tells a missing file from one that you may not read.
//!
//! A production program would often use a helper crate for this (such as `thiserror`). Written by hand, it is one
//! `enum` and a few small `impl` blocks.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
///
/// # Example: a missing file is not a broken one
///
/// ```
/// use std::io::ErrorKind;
///
/// let error = gpt60::checkpoint::load("no/such/model").err().unwrap();
/// match error.io_kind() {
///     Some(ErrorKind::NotFound) => println!("no model yet; fetch one first"),
///     Some(ErrorKind::PermissionDenied) => println!("the model is there, but you may not read it"),
///     _ => println!("error: {error}"),
/// }
/// # assert_eq!(error.io_kind(), Some(ErrorKind::NotFound), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Shapes that do not fit the operation.
    Shape {
        /// The operation, for example `matmul`.
        op: &'static str,
        /// The shapes, left to right.
        shapes: Vec<Vec<usize>>,
        /// What would fit.
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
    #[non_exhaustive]
    Format {
        /// What was being read, for example `safetensors header`.
        what: String,
        /// What is wrong with it and what would be right.
        problem: String,
        /// The operating system's answer, if it refused to read on.
        source: Option<Cause>,
    },
    /// A file that cannot be read, written or understood.
    #[non_exhaustive]
    File {
        /// Its path, as it was given.
        path: PathBuf,
        /// What is wrong with it and what would be right.
        problem: String,
        /// The operating system's answer, if it refused something.
        source: Option<Cause>,
    },
}

/// What the operating system answered. Two answers are equal if their kinds and their texts are.
///
/// Errors of this crate can be cloned and compared, but an [`io::Error`] can be neither; so it is shared.
#[derive(Debug, Clone)]
pub struct Cause(Arc<io::Error>);

impl PartialEq for Cause {
    fn eq(&self, other: &Cause) -> bool {
        self.0.kind() == other.0.kind() && self.0.to_string() == other.0.to_string()
    }
}

impl Eq for Cause {}

impl Error {
    /// Shapes that do not fit the operation `op`; `rule` says what would fit.
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
        Error::Format { what: what.into(), problem: problem.into(), source: None }
    }

    /// A file that cannot be used.
    pub fn file(path: impl AsRef<Path>, problem: impl Into<String>) -> Error {
        Error::File { path: path.as_ref().to_path_buf(), problem: problem.into(), source: None }
    }

    /// A file that "cannot be `verb`" (read, written, made) because the operating system refuses.
    ///
    /// # Example: name the file that cannot be read
    ///
    /// ```
    /// let read = std::fs::read("no/such/file").map_err(|e| gpt60::Error::io("no/such/file", "read", e));
    /// assert!(read.unwrap_err().to_string().starts_with("no/such/file: cannot be read: "));
    /// ```
    pub fn io(path: impl AsRef<Path>, verb: &str, source: io::Error) -> Error {
        let problem = cannot_be(verb, &source);
        Error::File { path: path.as_ref().to_path_buf(), problem, source: Some(Cause(Arc::new(source))) }
    }

    /// A file or directory that is not there; `problem` says what was expected, and what to do about it.
    pub fn missing(path: impl AsRef<Path>, problem: impl Into<String>) -> Error {
        let source = Some(Cause(Arc::new(io::ErrorKind::NotFound.into())));
        Error::File { path: path.as_ref().to_path_buf(), problem: problem.into(), source }
    }

    /// Like [`Error::io`], for a reader that does not know which file its bytes come from; [`Error::in_file`] adds the
    /// file.
    pub fn io_in(what: impl Into<String>, verb: &str, source: io::Error) -> Error {
        let problem = cannot_be(verb, &source);
        Error::Format { what: what.into(), problem, source: Some(Cause(Arc::new(source))) }
    }

    /// The model gave scores that are NaN or infinite, so there is nothing to choose from.
    pub fn damaged_weights(op: impl Into<String>) -> Error {
        Error::argument(op, "the scores are not numbers: the weights are damaged")
    }

    /// The same error, with the name of the file that caused it.
    ///
    /// A reader of bytes does not know where the bytes came from; the caller who opened the file adds its name.
    #[must_use]
    pub fn in_file(self, path: impl AsRef<Path>) -> Error {
        let problem = self.to_string();
        match self {
            Error::File { .. } => self,
            Error::Format { source, .. } => Error::File { path: path.as_ref().to_path_buf(), problem, source },
            Error::Shape { .. } | Error::Argument { .. } => Error::file(path, problem),
        }
    }

    /// Why the operating system refused, for example [`NotFound`](io::ErrorKind::NotFound) or
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied); `None` if the operating system did not cause the error.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        self.cause().map(|cause| cause.0.kind())
    }

    fn cause(&self) -> Option<&Cause> {
        match self {
            Error::Format { source, .. } | Error::File { source, .. } => source.as_ref(),
            Error::Shape { .. } | Error::Argument { .. } => None,
        }
    }
}

/// The one wording for everything that the operating system refuses.
fn cannot_be(verb: &str, source: &io::Error) -> String {
    format!("cannot be {verb}: {source}")
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
            Error::Format { what, problem, .. } => write!(f, "{what}: {problem}"),
            Error::File { path, problem, .. } => write!(f, "{}: {problem}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    /// The [`io::Error`] of the operating system, if it caused this error. Its text is already part of the line.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().map(|cause| &*cause.0 as &(dyn std::error::Error + 'static))
    }
}

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

    #[test]
    fn a_refusal_of_the_operating_system_keeps_its_kind_and_its_source() {
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied] {
            for error in [
                Error::io("model.bin", "read", io::Error::new(kind, "no")),
                Error::io_in("safetensors header", "read", io::Error::new(kind, "no")),
                Error::io_in("safetensors header", "read", io::Error::new(kind, "no")).in_file("model.bin"),
                Error::io("model.bin", "read", io::Error::new(kind, "no")).in_file("outer"),
            ] {
                assert_eq!(error.io_kind(), Some(kind), "{error}");
                let source = std::error::Error::source(&error).expect("a source");
                assert_eq!(source.downcast_ref::<io::Error>().expect("an io error").kind(), kind);
            }
        }
    }

    #[test]
    fn a_refusal_is_one_line_in_one_wording() {
        let refusal = || io::Error::new(io::ErrorKind::NotFound, "nothing there");
        assert_eq!(Error::io("a.txt", "written", refusal()).to_string(), "a.txt: cannot be written: nothing there");
        let inside = Error::io_in("header", "read", refusal());
        assert_eq!(inside.to_string(), "header: cannot be read: nothing there");
        assert_eq!(inside.in_file("a.txt").to_string(), "a.txt: header: cannot be read: nothing there");
    }

    #[test]
    fn errors_are_equal_if_their_lines_and_kinds_are() {
        let error = |kind| Error::io("a.txt", "read", io::Error::new(kind, "no"));
        assert_eq!(error(io::ErrorKind::NotFound), error(io::ErrorKind::NotFound));
        assert_ne!(error(io::ErrorKind::NotFound), error(io::ErrorKind::PermissionDenied));
        assert_eq!(Error::missing("a.txt", "fetch it").to_string(), "a.txt: fetch it");
        assert_eq!(Error::missing("a.txt", "fetch it").io_kind(), Some(io::ErrorKind::NotFound));
        assert_ne!(error(io::ErrorKind::NotFound), Error::file("a.txt", "cannot be read: no"));
        assert_eq!(error(io::ErrorKind::NotFound).clone(), error(io::ErrorKind::NotFound));
    }

    #[test]
    fn what_the_operating_system_did_not_refuse_has_no_source() {
        let errors = [
            Error::shape("add", &[&[2], &[4]], "equal"),
            Error::argument("--tokens", "0"),
            Error::format("JSON", "expected a value"),
            Error::file("config.json", "is empty"),
            Error::damaged_weights("generate").in_file("model.safetensors"),
        ];
        for error in errors {
            assert_eq!(error.io_kind(), None, "{error}");
            assert!(std::error::Error::source(&error).is_none(), "{error}");
        }
    }
}
