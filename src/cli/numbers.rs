//! Results are checked before they are printed.
//!
//! Weights that are damaged, or far too large, make scores that are not numbers. A table of them would look like an answer
//! to a script, and like a riddle to a person.

use crate::cli::failure::Outcome;
use crate::error::Error;

/// Checks that results are numbers. `op` is what computed them, for the error.
///
/// # Errors
///
/// If one of them is NaN or infinite.
pub fn check_numbers<T: Into<f64> + Copy>(op: &str, results: &[T]) -> Outcome<()> {
    match results.iter().all(|&result| result.into().is_finite()) {
        true => Ok(()),
        false => Err(Error::damaged_weights(op).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::failure::Failure;

    #[test]
    fn only_numbers_are_results() {
        assert_eq!(check_numbers("test", &[0.0f32, -1.5, f32::MAX]), Ok(()));
        assert_eq!(check_numbers::<f64>("test", &[]), Ok(()));
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let found = check_numbers("test", &[0.0, wrong]);
            assert!(matches!(found, Err(Failure::Failed(problem)) if problem.contains("test: the scores are not")));
        }
    }
}
