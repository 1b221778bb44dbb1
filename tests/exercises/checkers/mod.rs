//! The checkers, one file each, in the order of the book.

use crate::check::Check;

mod mlp;
mod softmax;

/// All of them.
pub fn all() -> Vec<Box<dyn Check>> {
    vec![Box::new(softmax::exercise()), Box::new(mlp::exercise())]
}
