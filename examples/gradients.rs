//! What backward says, beside what can be measured. See `docs/12-backpropagation.md`.
//!
//! ```text
//! cargo run --example gradients
//! cargo run --example gradients -- --step 0.5
//! ```

use gpt60::cli::{self, Command, Failure, Flag, Outcome};
use gpt60::train::batches::Batch;
use gpt60::train::loss::cross_entropy;
use gpt60::train::step::loss_and_gradient;
use gpt60::{Config, Gpt2, Pass, Rng, Saved, Tensor};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "gradients",
    about: "Shows that backward computes slopes. A tiny model reads two texts of four tokens. For each of its tensors you see\n\
            the gradient of two parameters, the one with the largest and one of middling size: what backward says, and what\n\
            is measured by wiggling the parameter. The last column is the largest error of all parameters of the tensor,\n\
            in percent of its largest gradient.",
    operands: "",
    max_operands: 0,
    flags: &[
        Flag { name: "--step", value: "X", help: "how far to wiggle, up and down from 0.000001 to 1 (default: 0.01)" },
        Flag { name: "--seed", value: "N", help: "where the random weights begin (default: 1)" },
    ],
    chapter: "docs/12-backpropagation.md",
};

/// Tokens of a text.
const N_SEQ: usize = 4;

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let step: f32 = args.number("--step", 0.01)?;
        if !(1e-6..=1.0).contains(&step) {
            return Err(Failure::Usage("--step must be from 0.000001 to 1 (default: 0.01)".to_string()));
        }
        let mut model = lively_model(&mut Rng::new(args.number("--seed", 1)?))?;
        let batch = Batch { inputs: vec![1, 5, 5, 0, 2, 6, 1, 4], targets: vec![5, 5, 0, 3, 6, 1, 4, 3] };

        let mut grad = model.zeros_like();
        let loss = loss_and_gradient(&model, &batch, N_SEQ, 1.0, &mut Saved::new(), &mut grad)?;
        cli::print(&format!("{} parameters, loss {loss:.4} nats, step {step}\n\n", model.n_parameters()))?;
        cli::print("                             largest gradient        a middling one    largest\n")?;
        cli::print("tensor                     backward  measured    backward  measured      error\n")?;
        for (i, (name, gradient)) in grad.parameters()?.into_iter().enumerate() {
            let measured = measure(&mut model, i, &batch, step)?;
            cli::print(&line(&name, gradient.data(), &measured))?;
        }
        Ok(())
    })
}

/// A tiny model whose weights are all random, and large enough to matter.
///
/// The weights that training starts with are very small: a wiggle of 0.01 would be a large part of them.
fn lively_model(rng: &mut Rng) -> gpt60::Result<Gpt2> {
    let mut model = Gpt2::random(&Config::new(7, N_SEQ, 6, 2, 1), rng)?;
    for (name, tensor) in model.parameters_mut()? {
        let middle = if name.contains("ln_") && name.ends_with(".weight") { 1.0 } else { 0.0 };
        *tensor = Tensor::random(tensor.shape(), 0.5, rng).map(|x| middle + x);
    }
    Ok(model)
}

/// The mean loss, forward only.
fn loss_of(model: &Gpt2, batch: &Batch) -> gpt60::Result<f64> {
    let hidden = model.hidden(&batch.inputs, Pass::new(N_SEQ))?; // [n_tok, n_embd]
    let losses = cross_entropy(&model.head(&hidden)?, &batch.targets)?; // [n_tok]
    Ok(losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64)
}

/// The slope of the loss in each number of the `i`-th tensor: a step up, a step down, the change over the distance.
fn measure(model: &mut Gpt2, i: usize, batch: &Batch, step: f32) -> gpt60::Result<Vec<f64>> {
    let mut slopes = Vec::new();
    for j in 0..model.parameters()?[i].1.len() {
        let x = model.parameters()?[i].1.data()[j];
        let mut loss_at = |x: f32| {
            model.parameters_mut()?[i].1.data_mut()[j] = x;
            loss_of(model, batch)
        };
        let (up, down) = (x + step, x - step);
        let change = loss_at(up)? - loss_at(down)?;
        loss_at(x)?; // put it back
        slopes.push(change / (f64::from(up) - f64::from(down))); // the distance after rounding
    }
    Ok(slopes)
}

/// A line of the table.
fn line(name: &str, gradient: &[f32], measured: &[f64]) -> String {
    let mut by_size: Vec<usize> = (0..gradient.len()).collect();
    by_size.sort_by(|&a, &b| gradient[b].abs().total_cmp(&gradient[a].abs()));
    let (largest, middling) = (by_size[0], by_size[gradient.len() / 2]);
    let errors = gradient.iter().zip(measured).map(|(&g, m)| (f64::from(g) - m).abs());
    let error = errors.fold(0.0, |worst, e| if e > worst || e.is_nan() { e } else { worst }); // a NaN stays
    let percent = 100.0 * error / f64::from(gradient[largest].abs());
    let pair = |i: usize| format!("{:>10.5}{:>10.5}", gradient[i], measured[i]);
    format!("{name:<25}{}  {}{percent:>10.4}%\n", pair(largest), pair(middling))
}
