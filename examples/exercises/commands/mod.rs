//! The commands, one a file. Each is a method of [`Guide`](super::Guide) that returns whether what was checked is
//! right.

pub mod check;
pub mod hint;
pub mod list;
pub mod overview;
pub mod page;
pub mod reset;
pub mod solution;
pub mod watch;
