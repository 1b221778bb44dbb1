//! How the loss falls with the size of a model, and with the text that it has read, for models of several sizes that
//! were trained alike.
//!
//! Kaplan et al. found that the loss is close to a *power law*, `L = (c / N)^alpha`: each time a model has ten times
//! the parameters, its loss is multiplied by the same factor. On axes where equal factors are equally long, such a law
//! is a straight line. Least squares over the logarithms finds the line that fits best.
//!
//! Source: Kaplan et al., "Scaling Laws for Neural Language Models" (2020), equation 1.1 and figure 2.
//!
//! [Chapter 13](crate::book::ch13_training) and [the storybook's page](crate::book::the_storybook) show it.

use crate::lens::chart::{Chart, Scale, ticks};
use crate::lens::svg::{Align, COLORS, FAINT, INK, Point, Svg};
use crate::{Error, Result};

/// The loss of which chapter 13 asks how much text each model needs to reach it.
const SAME_LOSS: f64 = 4.4;
/// The colours of the lines, from the smallest model to the largest.
const LINE_COLORS: [&str; 6] = [COLORS[4], COLORS[1], COLORS[2], COLORS[3], COLORS[0], INK];

/// A trained model, and how its training went.
#[derive(Debug, Clone, PartialEq)]
struct Run {
    /// The parameters of the blocks' matrices, `12 * n_layer * n_embd^2`: what Kaplan et al. count.
    n_parameters: f64,
    /// The loss on text that was not trained on, at the end.
    valid: f64,
    /// The training losses, each the mean over [`Run::TOKENS_EACH`] tokens.
    losses: Vec<f64>,
}

impl Run {
    /// 50 steps of 8 windows of 256 tokens.
    const TOKENS_EACH: f64 = 50.0 * 8.0 * 256.0;
}

/// Reads a line for each model: `n_layer n_embd valid losses...`. Lines that begin with `#` are comments.
fn read(text: &str) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let wrong = || Error::format("scaling", format!("line {}: not n_layer, n_embd and losses above 0", i + 1));
        let numbers = line.split_whitespace().map(|word| word.parse().ok().filter(|x: &f64| x.is_finite() && *x > 0.0));
        let numbers: Vec<f64> = numbers.collect::<Option<_>>().ok_or_else(wrong)?;
        let [n_layer, n_embd, valid, losses @ ..] = &numbers[..] else { return Err(wrong()) };
        let n_parameters = 12.0 * n_layer * n_embd * n_embd;
        if losses.len() < 2 || !(1.0..1e18).contains(&n_parameters) {
            return Err(wrong());
        }
        runs.push(Run { n_parameters, valid: *valid, losses: losses.to_vec() });
    }
    if runs.windows(2).any(|pair| pair[0].n_parameters >= pair[1].n_parameters) || runs.len() < 2 {
        return Err(Error::format("scaling", "it needs two models or more, each larger than the one before"));
    }
    Ok(runs)
}

/// The power law `y = factor * x^exponent` that fits best: least squares over the logarithms.
///
/// # Example: each time x doubles, y is divided by four
///
/// ```
/// use gpt60::lens::pictures::scaling;
///
/// let (factor, exponent) = scaling::power_law(&[(1.0, 8.0), (2.0, 2.0), (4.0, 0.5)]);
/// assert!((factor - 8.0).abs() < 1e-9 && (exponent + 2.0).abs() < 1e-9);
/// ```
///
/// # Panics
///
/// If there are fewer than two points.
pub fn power_law(points: &[Point]) -> (f64, f64) {
    assert!(points.len() >= 2, "a line through {} points", points.len());
    let n = points.len() as f64;
    let logs: Vec<Point> = points.iter().map(|&(x, y)| (x.ln(), y.ln())).collect();
    let (mean_x, mean_y) =
        (logs.iter().map(|&(x, _)| x).sum::<f64>() / n, logs.iter().map(|&(_, y)| y).sum::<f64>() / n);
    let together: f64 = logs.iter().map(|&(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let alone: f64 = logs.iter().map(|&(x, _)| (x - mean_x) * (x - mean_x)).sum();
    let exponent = together / alone;
    ((mean_y - exponent * mean_x).exp(), exponent)
}

/// Two charts: the loss on new text by the size of the model, with the power law that fits; and the training loss of
/// each size by the tokens that were read.
///
/// `text` has a line for each model, smaller ones first: `n_layer`, `n_embd`, the validation loss at the end, and the
/// means of the training loss over each 50 steps of 2,048 tokens.
///
/// # Example: two models
///
/// ```
/// use gpt60::lens::pictures::scaling;
///
/// let svg = scaling::scaling("# n_layer n_embd valid losses\n2 32 4.3 7.1 5.5 4.5\n4 64 4.0 7.0 5.1 4.1\n")?;
/// assert!(svg.contains("25 k") && svg.contains("197 k")); // 12 * 2 * 32^2 and 12 * 4 * 64^2
/// assert!(scaling::scaling("2 32 4.3 7.1\n").is_err());
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Errors
///
/// If a line is not such a list, there are fewer than two models, or one is not larger than the one before.
pub fn scaling(text: &str) -> Result<String> {
    let runs = read(text)?;
    let mut svg = Svg::new(740.0, 420.0, "The loss by the size of the model and by the tokens that it has read");
    let (top, height) = (50.0, 300.0);

    // By size.
    let points: Vec<Point> = runs.iter().map(|run| (run.n_parameters, run.valid)).collect();
    let (factor, exponent) = power_law(&points);
    let (smallest, largest) = (points[0].0 / 1.5, points[points.len() - 1].0 * 1.5);
    let law = |x: f64| factor * x.powf(exponent);
    let values = || points.iter().map(|&(_, loss)| loss).chain([law(smallest), law(largest)]);
    let (low, high) = (values().fold(f64::MAX, f64::min) * 0.98, values().fold(f64::MIN, f64::max) * 1.02);
    let (x, y) = (Scale::log(smallest, largest), Scale::log(low, high));
    let chart = Chart { at: (70.0, top), size: (290.0, height), x, y };
    let names: Vec<(f64, String)> = runs.iter().map(|run| (run.n_parameters, short(run.n_parameters))).collect();
    chart.axes(&mut svg, &names, &ticks(low, high, 8), "parameters of the blocks", "validation loss, nats per token");
    let ends = [(smallest, law(smallest)), (largest, law(largest))].map(|(x, y)| chart.point(x, y));
    svg.dashed_line(&ends, FAINT, 1.5);
    for &(x, y) in &points {
        svg.dot(chart.point(x, y), 5.0, COLORS[1]);
    }
    svg.heading((70.0, 28.0), Align::Left, "larger models");
    svg.note((360.0, 28.0), Align::Right, &format!("dashed: loss ~ N^{exponent:.3}"));

    // By tokens.
    let n_means = runs.iter().map(|run| run.losses.len()).max().unwrap_or(2) as f64;
    let all = || runs.iter().flat_map(|run| run.losses.iter().copied());
    let (low, high) = (all().fold(f64::MAX, f64::min) * 0.98, all().fold(f64::MIN, f64::max) * 1.02);
    let (from, to) = (0.5 * Run::TOKENS_EACH, n_means * Run::TOKENS_EACH);
    let chart = Chart { at: (430.0, top), size: (222.0, height), x: Scale::log(from, to), y: Scale::log(low, high) };
    let decades = [1e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7].into_iter().filter(|x| (from..=to).contains(x));
    let x_ticks: Vec<(f64, String)> = decades.map(|x| (x, short(x))).collect();
    chart.axes(&mut svg, &x_ticks, &ticks(low, high, 8), "tokens read", "training loss");
    // One loss for all: where each line crosses it is how much text that model needed.
    if (low..=high).contains(&SAME_LOSS) {
        let (start, end) = (chart.point(from, SAME_LOSS), chart.point(to, SAME_LOSS));
        svg.dashed_line(&[start, end], FAINT, 1.5);
        svg.note((start.0 + 6.0, start.1 + 15.0), Align::Left, &format!("loss {SAME_LOSS}"));
    }
    // A mean stands in the middle of the tokens that it was taken over.
    let middle = |k: usize| (k as f64 + 0.5) * Run::TOKENS_EACH;
    let ends: Vec<Point> =
        runs.iter().map(|run| chart.point(middle(run.losses.len() - 1), run.losses[run.losses.len() - 1])).collect();
    let places = apart(&ends.iter().map(|end| end.1).collect::<Vec<f64>>(), 16.0);
    for (i, run) in runs.iter().enumerate() {
        let line: Vec<Point> = run.losses.iter().enumerate().map(|(k, &loss)| chart.point(middle(k), loss)).collect();
        let color = LINE_COLORS[i % LINE_COLORS.len()];
        // Colours alone are not enough for everybody: every second line is dashed.
        if i % 2 == 0 {
            svg.line(&line, color, 1.8);
        } else {
            svg.dashed_line(&line, color, 1.8);
        }
        // The size at the end of its line; a thin line leads there where the ends are too near to each other.
        svg.line(&[(ends[i].0 + 2.0, ends[i].1), (666.0, places[i]), (670.0, places[i])], color, 1.0);
        svg.note((673.0, places[i] + 4.0), Align::Left, &short(run.n_parameters));
    }
    svg.heading((430.0, 28.0), Align::Left, "more text");
    Ok(svg.finish())
}

/// Heights for labels of things at `heights`, from the upmost down: at least `distance` apart, and otherwise as near as
/// they can be, with the same middle.
fn apart(heights: &[f64], distance: f64) -> Vec<f64> {
    let mut places = heights.to_vec();
    for i in 1..places.len() {
        places[i] = places[i].max(places[i - 1] + distance);
    }
    let sum = |heights: &[f64]| heights.iter().sum::<f64>();
    let down = (sum(&places) - sum(heights)) / heights.len().max(1) as f64;
    places.iter().map(|place| place - down).collect()
}

/// A number with its unit: `25 k`, `3.1 M`.
fn short(x: f64) -> String {
    let text = if x < 1e6 { format!("{:.0} k", x / 1e3) } else { format!("{:.1} M", x / 1e6) };
    text.replace(".0 M", " M")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_found_again_and_noise_on_both_sides_cancels() {
        // y = 3 x^-0.5 at 1, 4 and 16; the outer two a little too high, the middle one unchanged: the slope stays.
        let (factor, exponent) = power_law(&[(1.0, 3.0 * 1.1), (4.0, 1.5), (16.0, 0.75 * 1.1)]);
        assert!((exponent + 0.5).abs() < 1e-12);
        assert!((factor - 3.0 * 1.1f64.powf(2.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_a_list_of_models_is_refused() {
        for (text, words) in [
            ("2 32 4.3 7 6\n2 32 x 7 6", "line 2"),
            ("# a\n2 32", "line 2"),
            ("2 32 4.3 7\n", "line 1"),
            ("2 32 4.3 7 -6\n", "line 1"),
            ("2 32 4.3 7 NaN\n", "line 1"),
            ("2 1e-200 4.3 7 6\n", "line 1"),
            ("2 1e200 4.3 7 6\n", "line 1"),
            ("2 32 4.3 7 6\n", "two models"),
            ("4 64 4.3 7 6\n2 32 4.3 7 6\n", "larger than"),
            ("", "two models"),
        ] {
            let error = scaling(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text:?}: {error}");
        }
    }

    #[test]
    fn labels_keep_their_distance_and_their_middle() {
        assert_eq!(apart(&[10.0, 40.0, 80.0], 15.0), [10.0, 40.0, 80.0]);
        assert_eq!(apart(&[10.0, 12.0, 14.0], 15.0), [-3.0, 12.0, 27.0]);
        assert_eq!(apart(&[], 15.0), [0.0; 0]);
    }

    #[test]
    fn a_line_marks_the_loss_that_the_chapter_asks_for_if_there_is_such_a_loss() {
        assert!(scaling("2 32 4.3 7 6 4\n4 64 4 7 5 4\n").unwrap().contains(">loss 4.4</text>"));
        assert!(!scaling("2 32 4.3 7 6 5\n4 64 4 7 6 5\n").unwrap().contains(">loss 4.4</text>"));
    }

    #[test]
    fn a_model_has_a_dot_and_a_line_with_its_size() {
        let svg = scaling("2 32 4.3 7 6 5\n4 64 4 7 5 4\n7 192 3.8 6 5 3.9\n").unwrap();
        assert_eq!(svg.matches("<circle").count(), 3);
        for size in ["25 k", "197 k", "3.1 M"] {
            assert_eq!(svg.matches(&format!(">{size}</text>")).count(), 2, "{size}"); // under the axis and at the line
        }
    }
}
