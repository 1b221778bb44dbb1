//! A training run, and what the model wrote on the way: the loss curve with a few texts.
//!
//! [Chapter 13](crate::book::ch13_training) shows it.

use super::loss;
use crate::lens::chart::{Chart, Scale, ticks};
use crate::lens::svg::{Align, COLORS, FAINT, Point, Svg};
use crate::{Error, Result};

/// Over how many steps a loss is averaged.
const WINDOW: usize = 50;
/// How many texts there is room for.
const MOST: usize = 3;

/// Reads a line for each text: the step after which it was written, a space, and the text. Lines that begin with `#` are
/// comments.
fn read(text: &str) -> Result<Vec<(usize, &str)>> {
    let mut samples = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let wrong = || Error::format("samples", format!("line {}: it is not a step and a text", i + 1));
        let (step, words) = line.split_once(' ').ok_or_else(wrong)?;
        samples.push((step.parse().map_err(|_| wrong())?, words));
    }
    if samples.is_empty() || samples.len() > MOST {
        return Err(Error::format("samples", format!("there are {} texts; give one to {MOST}", samples.len())));
    }
    Ok(samples)
}

/// The loss curve of a run, smoothed over 50 steps, with what the model wrote after some of them.
///
/// `run` is the text of a run's `loss.txt`; `texts` has a line for each text, up to three: the step, and what the model
/// wrote after `Once upon a time`.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::samples;
///
/// let run: String = (1..=300).map(|step| format!("{step} {}\n", 8.0 - f64::from(step) / 50.0)).collect();
/// let svg = samples::samples(&run, "100 , and and\n300 , there was a fox.\n")?;
/// assert!(svg.contains(">step 300: loss 2.49</text>")); // the mean of 2.00 to 2.98
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Errors
///
/// If `run` is not a loss curve, `texts` are not such lines, or the run has no such step.
pub fn samples(run: &str, texts: &str) -> Result<String> {
    let (steps, samples) = (loss::read(run)?, read(texts)?);
    let mean = |end: usize| {
        let part = &steps[end.saturating_sub(WINDOW)..end];
        part.iter().map(|step| step.loss).sum::<f64>() / part.len() as f64
    };
    let stride = steps.len().div_ceil(200);
    let curve: Vec<Point> = (1..=steps.len())
        .filter(|&end| end == 1 || end % stride == 0 || end == steps.len())
        .map(|end| (steps[end - 1].step, mean(end)))
        .collect();
    let (low, high) = curve.iter().fold((f64::MAX, f64::MIN), |(low, high), &(_, y)| (low.min(y), high.max(y)));
    let (first, last) = (steps[0].step.min(0.0), steps[steps.len() - 1].step);
    let margin = (0.04 * (high - low)).max(0.01);

    let mut svg = Svg::new(740.0, 470.0, "The loss of a training run, and what the model wrote on the way");
    svg.heading((76.0, 30.0), Align::Left, "After \"Once upon a time\", the model goes on:");
    svg.note((716.0, 30.0), Align::Right, &format!("losses: means of {WINDOW} steps"));
    let (x, y) = (Scale::linear(first, last), Scale::linear(low - margin, high + margin));
    let chart = Chart { at: (76.0, 206.0), size: (640.0, 206.0), x, y };
    let (x_ticks, y_ticks) = (ticks(first, last, 8), ticks(low - margin, high + margin, 6));
    chart.axes(&mut svg, &x_ticks, &y_ticks, "step", "training loss, nats per token");
    chart.curve(&mut svg, &curve, COLORS[0], 2.4);

    let width = (640.0 - 14.0 * (samples.len() - 1) as f64) / samples.len() as f64;
    for (i, (step, words)) in samples.into_iter().enumerate() {
        let Some(end) = steps.iter().position(|found| found.step == step as f64) else {
            return Err(Error::format("samples", format!("the run has no step {step}")));
        };
        let (x, loss) = (76.0 + (width + 14.0) * i as f64, mean(end + 1));
        let at = chart.point(step as f64, loss);
        svg.rect((x, 46.0), (width, 138.0), "#ffffff");
        svg.frame((x, 46.0), (width, 138.0), FAINT, 1.0);
        svg.line(&[(at.0.clamp(x + 14.0, x + width - 14.0), 184.0), at], FAINT, 1.2);
        svg.dot(at, 5.5, COLORS[1]);
        svg.heading((x + 12.0, 68.0), Align::Left, &format!("step {step}: loss {loss:.2}"));
        for (line, words) in wrap(words, (width / 6.7) as usize).iter().enumerate() {
            svg.colored_text((x + 12.0, 90.0 + 18.0 * line as f64), Align::Left, words, "#3c4654", 13.0);
        }
    }
    Ok(svg.finish())
}

/// The text in lines of at most so many letters, broken between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => *line += &format!(" {word}"),
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From 9 down, by 0.02 a step. The mean of the 50 steps up to step n is 9 - 0.02 * (n - 25.5).
    fn run() -> String {
        (0..=300).map(|i| format!("{} {}\n", i + 1, 9.0 - f64::from(i) / 50.0)).collect()
    }

    #[test]
    fn each_text_hangs_at_the_loss_of_its_step() {
        let svg = samples(&run(), "# words\n100 one\n200 two\n301 three\n").unwrap();
        for words in ["step 100: loss 7.51<", "step 200: loss 5.51<", "step 301: loss 3.49<", ">three</text>"] {
            assert!(svg.contains(words), "{words}");
        }
        // Step 301 is at the right edge, 76 + 640. It is the lowest: a twenty-seventh of the 206 pixels above 412.
        assert!(svg.contains("<circle cx=\"716\" cy=\"404.4\""), "{svg}");
    }

    #[test]
    fn what_is_not_a_list_of_texts_is_refused() {
        for (texts, words) in [
            ("302 one", "no step 302"),
            ("0 one", "no step 0"),
            ("# \nx one", "line 2"),
            ("100", "line 1"),
            ("", "0 texts"),
            ("1 a\n2 b\n3 c\n4 d", "4 texts"),
        ] {
            let error = samples(&run(), texts).unwrap_err().to_string();
            assert!(error.contains(words), "{texts:?}: {error}");
        }
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("one two three  four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("seventeen a", 4), ["seventeen", "a"]);
    }
}
