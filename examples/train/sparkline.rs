//! A curve in one line, to end a line of progress.

/// Draws `values` from left to right in at most `width` characters, from `▁` for the lowest to `█` for the highest.
///
/// Where there are more values than characters, each character stands for the mean of several.
pub fn sparkline(values: &[f64], width: usize) -> String {
    let each = values.len().div_ceil(width.max(1)).max(1);
    let means: Vec<f64> = values.chunks(each).map(|some| some.iter().sum::<f64>() / some.len() as f64).collect();
    let lowest = means.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let character = |mean: f64| {
        let height = if highest > lowest { (mean - lowest) / (highest - lowest) } else { 0.0 };
        if mean.is_finite() {
            ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][(height * 7.0).round() as usize]
        } else {
            ' '
        }
    };
    means.into_iter().map(character).collect()
}

// `tests/resume.rs`, which is about this example, runs it.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_falls_is_a_curve_that_falls() {
        assert_eq!(sparkline(&[8.0, 4.0, 2.0, 1.0], 10), "█▄▂▁");
        assert_eq!(sparkline(&[8.0, 8.0, 1.0, 1.0], 2), "█▁");
        assert_eq!(sparkline(&[3.0, f64::NAN], 10), "▁ "); // a NaN has no height
    }
}
