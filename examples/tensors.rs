//! Tensors: shape, memory, broadcasting, the matrix product by hand. See `docs/01-tensors.md`.
//!
//! ```text
//! cargo run --example tensors
//! ```

use gpt60::cli::{self, Command, Outcome};
use gpt60::{Result, Tensor};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "tensors",
    about: "Shows what a tensor is, how it lies in memory, and a matrix product with every sum written out.",
    operands: "",
    max_operands: 0,
    flags: &[],
    chapter: "docs/01-tensors.md",
};

fn main() -> ExitCode {
    COMMAND.run(|_| -> Outcome<()> { cli::print(&show()?) })
}

fn show() -> Result<String> {
    let a = Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
    let b = Tensor::new(&[3, 2], vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0])?;
    let row = Tensor::new(&[3], vec![10.0, 20.0, 30.0])?;
    let column = Tensor::new(&[2, 1], vec![1.0, -1.0])?;

    let mut text = format!("A, its shape first: {a}\n\nIn memory: {:?}\n", a.data());
    for i in 0..a.n_rows() {
        text += &format!("Row {i} is places {} to {}: {:?}\n", 3 * i, 3 * i + 2, a.row(i));
    }
    text += &format!("\nA + a row {:?}: {}\n", row.data(), a.add(&row)?);
    text += &format!("A * a column {:?}: {}\n", column.data(), a.mul(&column)?);
    text += &format!("\nB: {b}\n\nA·B, number by number:\n");
    for i in 0..a.n_rows() {
        for j in 0..b.n_cols() {
            let terms: Vec<String> = (0..3).map(|p| format!("{}*{}", a.row(i)[p], b.row(p)[j])).collect();
            let sum: f32 = (0..3).map(|p| a.row(i)[p] * b.row(p)[j]).sum();
            text += &format!("  ({i}, {j}): {} = {sum}\n", terms.join(" + "));
        }
    }
    text += &format!("A.matmul(&B) = {}\n", a.matmul(&b)?);
    text += &format!("\nA transposed, {:?} in memory; A reshaped to [3, 2], ", a.transpose()?.data());
    text += &format!("{:?}.\n", a.clone().reshape(&[3, 2])?.data());
    if let Err(error) = a.matmul(&a) {
        text += &format!("\nA·A is an error:\n{error}\n");
    }
    Ok(text)
}
