//! Why an example ends early. The exit status tells a script what the line on standard error tells a person.

use crate::error::Error;

/// Why an example ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It was called incorrectly: exit status 2.
    Usage(String),
    /// It cannot do what was asked: exit status 1.
    Failed(String),
    /// Nobody reads its output any more, which is not a fault: exit status 0.
    ClosedPipe,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Failed(error.to_string())
    }
}

/// The result of an example, or of a part of it.
pub type Outcome<T> = std::result::Result<T, Failure>;
