//! Are two lists of numbers the same, up to rounding?
//!
//! Every numerical test of this crate asks this question, so it is answered here once, and carefully. The easy answer,
//! `max(|a - b|) < tolerance`, is wrong in a way that hides bugs: every comparison with a NaN is false, so a maximum
//! taken over NaNs can come out as 0, and a test passes on garbage. Here a NaN on either side is a failure, an infinity
//! equals only itself, and shapes are compared before numbers.
//!
//! The measure is the *relative difference*: `max|found - expected| / max|expected|`. It is taken over the whole
//! tensor, not number by number, because rounding errors scale with the large numbers in a sum, not with the small
//! ones.
//!
//! [Chapter 1](crate::book::ch01_tensors) explains it.

use std::fmt;

/// Where and how two lists of numbers differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    message: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Difference {}

/// The relative difference of `found` from `expected`, `max|found - expected| / max|expected|`, or why there is none:
/// shapes that differ, a NaN, or an infinity without the same infinity on the other side.
///
/// Two tensors of zeros differ by 0. If only zeros were expected, any other number differs by infinity.
///
/// # Errors
///
/// If the shapes or lengths differ, or there is a NaN or an unmatched infinity.
pub fn relative_difference(found: (&[usize], &[f32]), expected: (&[usize], &[f32])) -> Result<f64, Difference> {
    let (worst, largest, _) = measure(found, expected)?;
    Ok(if worst == 0.0 { 0.0 } else { worst / largest })
}

/// Passes if the relative difference of `found` from `expected` is at most `tolerance`. Each side is a shape and its
/// numbers.
///
/// # Errors
///
/// If it is larger. The error says how many numbers differ, where the first and the worst are, and by how much.
///
/// # Example: NaN is never close to anything
///
/// ```
/// use gpt60::close::check_close;
///
/// let shape: &[usize] = &[2];
/// assert!(check_close((shape, &[1.0, 2.0]), (shape, &[1.0, 2.000001]), 1e-5).is_ok());
/// assert!(check_close((shape, &[1.0, f32::NAN]), (shape, &[1.0, f32::NAN]), 1e-5).is_err());
/// ```
pub fn check_close(found: (&[usize], &[f32]), expected: (&[usize], &[f32]), tolerance: f64) -> Result<(), Difference> {
    let (worst, largest, at) = measure(found, expected)?;
    // Written this way round, a NaN tolerance fails too.
    let within = worst <= tolerance * largest;
    if within {
        return Ok(());
    }
    let limit = tolerance * largest;
    let differs = |i: &usize| (f64::from(found.1[*i]) - f64::from(expected.1[*i])).abs() > limit;
    let indices: Vec<usize> = (0..found.1.len()).filter(differs).collect();
    let first = indices.first().copied().unwrap_or(at);
    let show =
        |i: usize| format!("at {:?} expected {} and found {}", index_of(i, expected.0), expected.1[i], found.1[i]);
    Err(Difference {
        message: format!(
            "{} of {} values differ (relative difference {:.2e}, allowed {:.2e}); first {}; worst {}",
            indices.len(),
            found.1.len(),
            worst / largest,
            tolerance,
            show(first),
            show(at),
        ),
    })
}

/// `(max|found - expected|, max|expected|, where the worst is)`, over the finite numbers.
fn measure(found: (&[usize], &[f32]), expected: (&[usize], &[f32])) -> Result<(f64, f64, usize), Difference> {
    let fail = |message: String| Err(Difference { message });
    if found.0 != expected.0 {
        return fail(format!("shapes differ: expected {:?} and found {:?}", expected.0, found.0));
    }
    if found.1.len() != expected.1.len() {
        return fail(format!("lengths differ: expected {} and found {}", expected.1.len(), found.1.len()));
    }
    let (mut worst, mut largest, mut at) = (0.0f64, 0.0f64, 0);
    for (i, (&f, &e)) in found.1.iter().zip(expected.1).enumerate() {
        if f.is_nan() || e.is_nan() || ((f.is_infinite() || e.is_infinite()) && f != e) {
            return fail(format!("at {:?} expected {e} and found {f}", index_of(i, expected.0)));
        }
        if e.is_infinite() {
            continue; // equal infinities say nothing about the size of the rest
        }
        let difference = (f64::from(f) - f64::from(e)).abs();
        if difference > worst {
            (worst, at) = (difference, i);
        }
        largest = largest.max(f64::from(e).abs());
    }
    Ok((worst, largest, at))
}

/// The position of the `i`-th number in a row-major tensor: one index per dimension.
fn index_of(i: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = i;
    let mut index = vec![0; shape.len()];
    for (place, &n) in index.iter_mut().zip(shape).rev() {
        *place = rest % n.max(1);
        rest /= n.max(1);
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    const NAN: f32 = f32::NAN;
    const INF: f32 = f32::INFINITY;

    fn close(found: &[f32], expected: &[f32]) -> bool {
        check_close((&[found.len()], found), (&[expected.len()], expected), 1e-4).is_ok()
    }

    #[test]
    fn nan_is_never_close_not_even_to_nan() {
        assert!(!close(&[NAN], &[NAN]));
        assert!(!close(&[NAN, 1.0], &[0.0, 1.0]));
        assert!(!close(&[0.0, 1.0], &[NAN, 1.0]));
    }

    #[test]
    fn an_infinity_is_close_only_to_itself() {
        assert!(close(&[-INF, 1.0], &[-INF, 1.0]));
        assert!(!close(&[INF, 1.0], &[-INF, 1.0]));
        assert!(!close(&[1e38, 1.0], &[INF, 1.0]));
        assert!(!close(&[INF, 1.0], &[1e38, 1.0]));
    }

    #[test]
    fn an_infinity_does_not_excuse_the_other_numbers() {
        assert!(!close(&[-INF, 1.1], &[-INF, 1.0]));
    }

    #[test]
    fn shapes_come_before_numbers() {
        let error = check_close((&[2, 1], &[1.0, 2.0]), (&[1, 2], &[1.0, 2.0]), 1.0).unwrap_err();
        assert_eq!(error.to_string(), "shapes differ: expected [1, 2] and found [2, 1]");
        assert!(check_close((&[2], &[1.0]), (&[2], &[1.0, 2.0]), 1.0).is_err());
    }

    #[test]
    fn the_difference_is_relative_to_the_largest_expected_number() {
        assert!(close(&[1000.05, 0.0], &[1000.0, 0.05]));
        assert!(!close(&[1000.2, 0.0], &[1000.0, 0.0]));
        assert!(!close(&[1e-30], &[0.0]));
        assert!(close(&[0.0], &[-0.0]));
        assert!(close(&[], &[]));
    }

    #[test]
    fn the_message_counts_and_names_the_first_and_the_worst() {
        let found = (&[2usize, 2][..], &[1.0f32, 2.5, 3.0, 9.0][..]);
        let expected = (&[2usize, 2][..], &[1.0f32, 2.0, 3.0, 4.0][..]);
        let message = check_close(found, expected, 1e-3).unwrap_err().to_string();
        assert!(message.starts_with("2 of 4 values differ"), "{message}");
        assert!(message.contains("first at [0, 1] expected 2 and found 2.5"), "{message}");
        assert!(message.contains("worst at [1, 1] expected 4 and found 9"), "{message}");
    }
}
