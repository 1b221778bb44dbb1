//! Exercise: how alike two vectors are. Chapter 3. Easy, 10 minutes.
//!
//! Tokens that are used in similar ways have vectors that point in similar directions. The *cosine* of the angle
//! between two vectors measures that: 1 for the same direction, 0 for a right angle, -1 for opposite directions. Their
//! lengths do not matter.
//!
//! ```text
//! cosine(a, b) = dot(a, b) / (length(a) * length(b))
//!
//! dot(a, b) = a_0 * b_0 + a_1 * b_1 + ...
//! length(a) = sqrt(a_0^2 + a_1^2 + ...)
//! ```
//!
//! A worked example: `a = (3, 4)` and `b = (4, 3)`. The dot product is `3*4 + 4*3 = 24`, each length is `sqrt(9 + 16) = 5`, and
//! the cosine is `24 / (5 * 5) = 0.96`.
//!
//! | argument | type | |
//! | --- | --- | --- |
//! | `a`, `b` | `&[f32]` | two lists of equal length; neither is all zeros; the numbers may be as small as 1e-10, or as large as 1e10 |
//! | result | `f32` | from -1 to 1 |
//!
//! Of use: `iter`, `zip`, `map` and `sum`, or a plain loop; `f32::sqrt`. (The *length* of a vector is not the `len()` of its
//! list.)

use super::not_started;

/// The cosine of the angle between two vectors.
pub fn cosine_similarity(a: &[f32], b: &[f32]) -> f32 {
    not_started()
}

// Solution: examples/embeddings.rs, main
