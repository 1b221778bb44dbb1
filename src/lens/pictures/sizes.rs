//! Where the parameters of the four GPT-2s are: how many there are, and how they are shared out.
//!
//! [Chapter 7](crate::book::ch07_the_whole_model) shows it.

use crate::config::Config;
use crate::lens::svg::{Align, COLORS, Svg};
use crate::parameters::Head;

/// The parts of a model, and what the names of their parameters contain.
const PARTS: [(&str, &str); 5] =
    [("wte", "wte"), ("wpe", "wpe"), ("attention", ".attn."), ("MLP", ".mlp."), ("layer norms", "ln_")];

/// How many parameters each of the [`PARTS`] has.
fn counts(config: &Config) -> [usize; 5] {
    PARTS.map(|(_, key)| {
        let shapes = config.shapes(Head::Tied);
        shapes.iter().filter(|(name, _)| name.contains(key)).map(|(_, shape)| shape.iter().product::<usize>()).sum()
    })
}

/// The parameters of the four sizes of GPT-2 by what they are for: once in millions, once in percent.
///
/// # Example
///
/// ```
/// use gpt60::lens::pictures::sizes;
///
/// assert!(sizes::parameters().contains(">124 million</text>"));
/// ```
pub fn parameters() -> String {
    let models = [
        ("GPT-2", Config::gpt2()),
        ("medium", Config::gpt2_medium()),
        ("large", Config::gpt2_large()),
        ("XL", Config::gpt2_xl()),
    ];
    let (left, full, thick, step) = (90.0, 520.0, 26.0, 36.0);
    let mut svg = Svg::new(720.0, 470.0, "Where the parameters of the four sizes of GPT-2 are");
    let mut x = left;
    for ((name, _), color) in PARTS.iter().zip(COLORS) {
        svg.rect((x, 22.0), (14.0, 14.0), color);
        svg.text((x + 20.0, 34.0), Align::Left, name);
        x += 46.0 + 6.6 * name.len() as f64;
    }

    let largest = models.iter().map(|(_, config)| config.n_parameters()).max().unwrap_or(1);
    for (top, heading, in_percent) in [(80.0, "How many", false), (280.0, "Shares", true)] {
        svg.heading((left, top - 8.0), Align::Left, heading);
        for (i, (name, config)) in models.iter().enumerate() {
            let y = top + 4.0 + step * i as f64;
            let all = config.n_parameters();
            let scale = full / if in_percent { all } else { largest } as f64;
            let counts = counts(config);
            let parts: Vec<(f64, &str)> =
                counts.iter().zip(COLORS).map(|(&n, color)| (n as f64 * scale, color)).collect();
            let starts = svg.bar((left, y), thick, &parts);
            svg.text((left - 10.0, y + 18.0), Align::Right, name);
            if in_percent {
                for ((start, (length, _)), n) in starts.iter().zip(&parts).zip(counts) {
                    let percent = format!("{:.0}%", 100.0 * n as f64 / all as f64);
                    if *length > 24.0 {
                        svg.colored_text((start + length / 2.0, y + 18.0), Align::Middle, &percent, "#ffffff", 13.0);
                    }
                }
            } else {
                let end = left + all as f64 * scale + 8.0;
                svg.text((end, y + 18.0), Align::Left, &format!("{:.0} million", all as f64 / 1e6));
            }
        }
    }
    let note = "wpe is less than a hundredth of each, the layer norms less than a three-thousandth: nearly too thin to be seen.";
    svg.note((left, 448.0), Align::Left, note);
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_counted_once() {
        for config in [Config::gpt2(), Config::gpt2_medium(), Config::gpt2_large(), Config::gpt2_xl()] {
            assert_eq!(counts(&config).iter().sum::<usize>(), config.n_parameters());
        }
        // For the smallest, by hand in chapter 7.
        assert_eq!(counts(&Config::gpt2()), [38_597_376, 786_432, 28_348_416, 56_669_184, 38_400]);
    }

    #[test]
    fn what_the_note_says_about_thin_parts_is_true() {
        for config in [Config::gpt2(), Config::gpt2_medium(), Config::gpt2_large(), Config::gpt2_xl()] {
            let ([_, wpe, _, _, norms], all) = (counts(&config), config.n_parameters());
            assert!(all > 100 * wpe && all > 3000 * norms, "{wpe} and {norms} of {all}");
        }
    }
}
