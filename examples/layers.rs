//! Softmax, linear, GELU and layer norm, step by step on a row of numbers. See `docs/04-basic-layers.md`.
//!
//! ```text
//! cargo run --example layers
//! cargo run --example layers -- "100 101 99"
//! ```

use gpt60::cli::{self, Command, Failure, Outcome};
use gpt60::layers::{gelu, layer_norm::LayerNorm, linear::Linear, softmax};
use gpt60::{Result, Tensor};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "layers",
    about: "Shows what softmax, linear, GELU and layer norm do to a row of up to 8 numbers, step by step, and draws GELU.\n\
            Put the row in quotes, and after -- if its first number is negative.",
    operands: "[ROW]    (default: \"1 2 3 6\")",
    max_operands: 1,
    flags: &[],
    chapter: "docs/04-basic-layers.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let text = args.operands.first().map_or("1 2 3 6", String::as_str);
        let row: std::result::Result<Vec<f32>, _> = text.split_whitespace().map(str::parse).collect();
        match row {
            Ok(row) if (1..=8).contains(&row.len()) && row.iter().all(|x| x.is_finite()) => {
                cli::print(&(show(row)? + &draw_gelu()))
            }
            _ => Err(Failure::Usage(format!("{text:?} is not a row of 1 to 8 numbers, such as \"1 2 3 6\""))),
        }
    })
}

fn show(row: Vec<f32>) -> Result<String> {
    let n = row.len();
    let x = Tensor::new(&[1, n], row)?;
    let line = |label: &str, t: &Tensor| {
        let numbers: Vec<String> = t.data().iter().map(|x| format!("{x:>9.4}")).collect();
        format!("  {label:<24}{}\n", numbers.concat())
    };

    let mut text = "softmax: any numbers to probabilities\n".to_string() + &line("x", &x);
    let shifted = x.sub(&x.row_max())?;
    let powers = shifted.map(f32::exp);
    text += &line("x - largest", &shifted);
    text += &line("e^(x - largest)", &powers);
    text += &line("/ their sum", &powers.div(&powers.row_sum())?);
    text += &line("softmax::forward", &softmax::forward(&x));
    let naive = x.map(f32::exp);
    text += &line("without - largest", &naive.div(&naive.row_sum())?);

    text += "\nlinear: two outputs; column 0 of W is all 1 (a sum), column 1 all 1/n (a mean)\n";
    let mut linear = Linear::zeros(n, 2);
    for i in 0..n {
        linear.weight.tensor_mut()?.row_mut(i).copy_from_slice(&[1.0, 1.0 / n as f32]);
    }
    text += &line("x·W + b", &linear.forward(&x)?);

    text += "\nlayer norm: a row of any scale to a row of scale 1\n";
    let centred = x.sub(&x.row_mean())?;
    let variance = centred.mul(&centred)?.row_mean(); // [1, 1]
    text += &line("x - mean", &centred);
    text += &line("variance", &variance);
    text += &line("/ sqrt(variance + 1e-5)", &centred.div(&variance.map(|v| (v + 1e-5).sqrt()))?);
    text += &line("LayerNorm::forward", &LayerNorm::new(n, 1e-5).forward(&x)?);

    text += "\nGELU: the bend\n";
    text += &line("gelu::forward", &gelu::forward(&x));
    Ok(text)
}

/// GELU from -3 to 3: a star for the curve, with the axes.
fn draw_gelu() -> String {
    let mut text = String::new();
    for line in 0..14 {
        let height = 3.0 - 0.25 * line as f32; // this line shows results from height - 0.125 to height + 0.125
        let mut cells = String::new();
        for column in 0..=60 {
            let x = (column as f32 - 30.0) / 10.0;
            let on_curve = (gelu::gelu(x) - height).abs() <= 0.125;
            cells.push(match (on_curve, column == 30, height == 0.0) {
                (true, _, _) => '*',
                (_, true, _) => '|',
                (_, _, true) => '-',
                _ => ' ',
            });
        }
        text += &format!("  {height:>5.2}  {}\n", cells.trim_end());
    }
    text + &format!("         {:<30}{:<30}{}\n", "-3", "0", "3")
}
