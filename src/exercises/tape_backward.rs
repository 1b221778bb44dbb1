//! Exercise: the walk back along a tape. Chapter 12. Medium, 20 minutes.
//!
//! A tape is a list of numbers in the order in which they were made. Each knows from which earlier numbers it was made, and how
//! strongly it reacts to each of them. Find out how strongly one number, `from`, depends on every other.
//!
//! ```text
//! slope of `from`  = 1                                              a step of it is a step of it
//! slope of a node  = sum over all that was made from it, directly
//!                    of (slope of what was made * local slope)      the chain rule; ways add up
//! ```
//!
//! You could look for everything that was made from a node. It is simpler the other way round: go through the tape from `from`
//! down to 0, and let every node add its share to the slopes of its own inputs. What was made from a node stands behind it, so
//! when its turn comes, its own slope is complete.
//!
//! A worked example: `u = a * b`, then `v = u + c`, then `end = v * a`, for `a = 3`, `b = 2` and `c = -1`. See how `a` is used
//! twice.
//!
//! ```text
//!     place        0     1     2     3           4          5
//!     number       a     b     c     u           v          end
//!     value        3     2    -1     6           5          15
//!     inputs       -     -     -     a: 2, b: 3  u: 1, c: 1 v: 3, a: 5          place and local slope
//!
//!     begin        0     0     0     0           0          1
//!     end adds    +5                            +3                               1*5 to a, 1*3 to v
//!     v adds                  +3    +3                                           3*1 to c, 3*1 to u
//!     u adds      +6    +9                                                       3*2 to a, 3*3 to b
//!     slopes      11     9     3     3           3          1
//! ```
//!
//! If `from` is `v`, then `end` plays no part: its slope is 0, and `a` has the slope 2, from `u` alone.
//!
//! | argument | |
//! | --- | --- |
//! | `tape.nodes` | a `value` and `inputs` each: two pairs of a place and a local slope |
//! | | an input that is not used has the slope 0, so it can be treated like the others |
//! | `from` | the number whose slopes are asked for: `from.0` is its place |
//! | result | the slope of `from` in each node, `[tape.nodes.len()]`; 0 where it does not depend on it |
//!
//! Both inputs of a node may be the same number: `x * x` and `x + x` are two uses, and each adds its share.

use super::not_started;
use gpt60::tape::{Tape, Value};

/// How strongly `from` depends on each number on the tape.
pub fn backward(tape: &Tape, from: Value) -> Vec<f64> {
    not_started()
}

// Solution: src/tape.rs, Tape::backward
