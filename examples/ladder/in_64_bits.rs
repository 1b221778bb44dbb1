//! Rungs (d) and (e): matrices of numbers of 64 bits, as on the page.

use super::one_page;

pub type Number = f64;

#[allow(clippy::useless_conversion)] // into 64 bits: it is one in the other module
#[path = "matrices.rs"]
pub mod matrices;
#[path = "vectors.rs"]
pub mod vectors;
#[path = "weights.rs"]
pub mod weights;
