//! Exercise: an order for a graph that is no tape. Chapter 12. Medium, 25 minutes.
//!
//! On a tape, the inputs of a number stand before it, because it could not have been made otherwise. A graph whose nodes point
//! to one another has no such order: it is given as a list of inputs for each node, and the nodes are numbered anyhow. Find an
//! order in which every node comes **after all of its inputs**. It is called a *topological order*. Backward is then the walk
//! through it from its end.
//!
//! ```text
//! order           every node once
//! order, too      for each node: its inputs, all of them, have come before
//! ```
//!
//! A worked example: node 0 was made from 1 and 3, node 1 from 2 and 2 (a square), node 2 from 3, and node 3 is a leaf: it was
//! made from nothing.
//!
//! ```text
//!     inputs = [[1, 3], [2, 2], [3], []]
//!
//!     only 3 can be first               3
//!     2 was made from 3 alone           3 2
//!     1 was made from 2, used twice     3 2 1
//!     0 has both its inputs now         3 2 1 0
//! ```
//!
//! Here it is the only order. Mostly there are several, for instance `[0, 1, 2]` and `[1, 0, 2]` for `inputs = [[], [], [0, 1]]`.
//! Any of them is right.
//!
//! | argument | shape | |
//! | --- | --- | --- |
//! | `inputs` | `[n]`, then none, one or two numbers | for each node, the nodes that it was made from; one may be there twice |
//! | result | `[n]` | the numbers of all nodes, in such an order; `n` may be 0 |
//!
//! No node is made from itself, not through others either. Some nodes are used by nobody, and some graphs are in two parts that
//! do not know each other: every node has its place all the same.
//!
//! Beware of functions that call themselves. One of the checks is a chain of 100,000 nodes, where each is made from the next
//! one. Such a function would be in the middle of 100,000 calls of itself, and the stack on which they are kept has 2 MB. It
//! ends the program; the check says so. A list of your own, of what is still to be done, can be as long as it likes.
//!
//! And don't search all nodes for each node: with 100,000 that would be ten billion looks, and the check does not wait so long.
//! Each node and each of its inputs can be looked at a fixed number of times.

use super::not_started;

/// An order of all nodes in which each comes after its inputs.
pub fn topological_order(inputs: &[Vec<usize>]) -> Vec<usize> {
    not_started()
}

// Solution: src/tape.rs, topological_order
