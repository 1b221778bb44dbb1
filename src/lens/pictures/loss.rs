//! How a model learned: the loss of a training run, step by step.
//!
//! The training loss jumps about, because every step is measured on a different batch. So the run is cut into 200
//! parts. The line goes through the mean of each part, and the pale band behind it reaches from the part's smallest
//! loss to its largest. The validation loss, always measured on the same windows, needs no smoothing.
//!
//! [Chapter 13](crate::book::ch13_training) shows it.

use crate::lens::chart::{Chart, Scale, ticks};
use crate::lens::svg::{Align, COLORS, PANEL, Point, Svg};
use crate::{Error, Result};

/// The largest number of parts that a run is cut into.
const N_PARTS: usize = 200;
/// From here on, the digits of an `f64` no longer tell the two ends of an axis apart.
const LARGEST: f64 = 1e12;

/// A step of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) step: f64,
    pub(super) loss: f64,
    validation: Option<f64>,
}

/// Reads the lines of a `loss.txt`: step, training loss and, where it was measured, validation loss. Lines that begin
/// with `#` are comments. Numbers from [`LARGEST`] on are refused, because no axis can show them.
pub(super) fn read(text: &str) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let wrong = || Error::format("loss curve", format!("line {}: {line:?} is not a step and its losses", i + 1));
        let numbers = line.split_whitespace().map(|word| word.parse::<f64>().ok().filter(|x| x.abs() < LARGEST));
        let numbers: Vec<f64> = numbers.collect::<Option<_>>().ok_or_else(wrong)?;
        let (step, loss, validation) = match numbers[..] {
            [step, loss] => (step, loss, None),
            [step, loss, validation] => (step, loss, Some(validation)),
            _ => return Err(wrong()),
        };
        if steps.last().is_some_and(|before| before.step >= step) {
            return Err(wrong());
        }
        steps.push(Step { step, loss, validation });
    }
    if steps.len() < 2 {
        return Err(Error::format("loss curve", "it has fewer than two steps; nothing can be drawn"));
    }
    Ok(steps)
}

/// The loss curve of a run, from the text of its `loss.txt`.
///
/// # Example: a short run that went well
///
/// ```
/// use gpt60::lens::pictures::loss;
///
/// let svg = loss::curve("# step, training loss, validation loss\n1 8.2\n2 7.1\n3 6.5 6.8\n")?;
/// assert!(svg.contains(">training</text>") && svg.contains(">validation</text>"));
/// assert!(loss::curve("1 8.2\n2 NaN\n").is_err());
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Errors
///
/// If a line is not a step with its losses, the steps do not grow, or there are fewer than two.
pub fn curve(text: &str) -> Result<String> {
    let steps = read(text)?;
    let validation: Vec<Point> = steps.iter().filter_map(|s| Some((s.step, s.validation?))).collect();
    let losses = steps.iter().map(|s| s.loss).chain(validation.iter().map(|&(_, loss)| loss));
    let (lowest, highest) = losses.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    let (first, last) = (steps[0].step, steps[steps.len() - 1].step);
    let margin = (0.04 * (highest - lowest)).max(0.01);
    let y = Scale::linear(lowest - margin, highest + margin);

    let mut svg = Svg::new(720.0, 420.0, "The loss of a training run, step by step");
    let chart = Chart { at: (80.0, 30.0), size: (610.0, 320.0), x: Scale::linear(first.min(0.0), last), y };
    let (x_ticks, y_ticks) = (ticks(first.min(0.0), last, 8), ticks(lowest - margin, highest + margin, 8));
    chart.axes(&mut svg, &x_ticks, &y_ticks, "step", "loss, nats per token");

    // The band, out along its upper edge and back along the lower one; then the means.
    let parts: Vec<&[Step]> = steps.chunks(steps.len().div_ceil(N_PARTS)).collect();
    let middle = |part: &[Step]| (part[0].step + part[part.len() - 1].step) / 2.0;
    let upper =
        parts.iter().map(|part| chart.point(middle(part), part.iter().map(|s| s.loss).fold(f64::MIN, f64::max)));
    let lower =
        parts.iter().map(|part| chart.point(middle(part), part.iter().map(|s| s.loss).fold(f64::MAX, f64::min)));
    svg.area(&upper.chain(lower.rev()).collect::<Vec<Point>>(), "#cfe0f2");
    let mean = |part: &&[Step]| (middle(part), part.iter().map(|s| s.loss).sum::<f64>() / part.len() as f64);
    chart.curve(&mut svg, &parts.iter().map(mean).collect::<Vec<Point>>(), COLORS[0], 2.0);
    chart.curve(&mut svg, &validation, COLORS[1], 1.5);
    for &(step, loss) in &validation {
        svg.dot(chart.point(step, loss), 2.5, COLORS[1]);
    }

    let right = 520.0;
    svg.rect((right - 10.0, 42.0), (172.0, 78.0), PANEL); // no grid behind the words
    svg.line(&[(right, 56.0), (right + 28.0, 56.0)], COLORS[0], 2.0);
    svg.text((right + 38.0, 61.0), Align::Left, "training");
    svg.rect((right, 74.0), (28.0, 12.0), "#cfe0f2");
    svg.text((right + 38.0, 85.0), Align::Left, "its single steps");
    if !validation.is_empty() {
        svg.line(&[(right, 104.0), (right + 28.0, 104.0)], COLORS[1], 1.5);
        svg.dot((right + 14.0, 104.0), 2.5, COLORS[1]);
        svg.text((right + 38.0, 109.0), Align::Left, "validation");
    }
    Ok(svg.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_step_and_one_loss_or_two() {
        let step = |step, loss, validation| Step { step, loss, validation };
        assert_eq!(read("# words\n1 8.5\n3 7.25 7.5\n").unwrap(), [step(1.0, 8.5, None), step(3.0, 7.25, Some(7.5))]);
    }

    #[test]
    fn what_is_not_a_loss_curve_is_refused_and_its_line_is_named() {
        for (text, line) in [
            ("1 2\n2\n", 2),
            ("1 2\n2 x", 2),
            ("# \n1 2 3 4", 2),
            ("1 2\n2 NaN", 2),
            ("2 5\n2 5", 2),
            ("1 2\n2 1e300", 2),
        ] {
            let error = curve(text).unwrap_err().to_string();
            assert!(error.contains(&format!("line {line}: ")), "{error}");
        }
        for text in ["", "# nothing\n", "1 8.5\n"] {
            assert!(curve(text).unwrap_err().to_string().contains("fewer than two steps"));
        }
    }

    #[test]
    fn the_line_is_the_mean_and_the_band_holds_every_step() {
        // 400 steps that jump between 2 and 4: parts of two steps each, whose mean is 3, in the middle of the band.
        let text: String = (1..=400).map(|i| format!("{i} {}\n", if i % 2 == 0 { 2 } else { 4 })).collect();
        let svg = curve(&text).unwrap();
        let ys = |tag: &str| -> Vec<String> {
            let shape = svg.lines().find(|line| line.starts_with(tag)).unwrap();
            let points = shape.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
            points.split(' ').map(|point| point.split(',').nth(1).unwrap().to_string()).collect()
        };
        let mut band = ys("<polygon");
        assert_eq!(band.len(), 2 * 200);
        band.dedup();
        assert_eq!(band.len(), 2); // out along one level, and back along another
        let mean = svg.lines().find(|line| line.contains(COLORS[0]) && line.matches(',').count() == 200).unwrap();
        // The middle of a chart from 30 down to 350.
        assert!(mean.contains(",190 ") && svg.contains(">training</text>") && !svg.contains(">validation</text>"));
    }
}
