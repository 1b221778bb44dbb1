//! GPT-2 in sixty lines, as Jay Mody's "GPT in 60 Lines of NumPy" has it: the forward pass and greedy decoding.
//!
//! It uses nothing but [`Tensor`] and its operations; of the library's layers it takes only the parameters. Read it
//! after the chapters, when every line is an old friend; or before them, to see how little there is to learn.
//! `tests/sixty_lines.rs` counts the lines, and compares the numbers with the library's.
//!
//! Chapter 7, `docs/07-the-whole-model.md`.

// --- the sixty lines begin ---
use gpt60::layers::{attention::Attention, block::Block, layer_norm::LayerNorm, linear::Linear, mlp::Mlp};
use gpt60::{Gpt2, Result, Tensor};
use std::f32::consts::PI;

fn gelu(x: &Tensor) -> Tensor {
    x.map(|x| 0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())) // [..] -> [..]
}

fn softmax(x: &Tensor) -> Result<Tensor> {
    let exp_x = x.sub(&x.row_max())?.map(f32::exp); // [m, n] - [m, 1] -> [m, n]
    exp_x.div(&exp_x.row_sum()) // [m, n] / [m, 1] -> [m, n]
}

fn layer_norm(x: &Tensor, p: &LayerNorm) -> Result<Tensor> {
    let x = x.sub(&x.row_mean())?; // [n_seq, n_embd] - [n_seq, 1] -> [n_seq, n_embd]
    let variance = x.mul(&x)?.row_mean(); // [n_seq, n_embd] -> [n_seq, 1]
    let deviation = variance.map(|variance| (variance + p.epsilon).sqrt()); // [n_seq, 1]
    x.div(&deviation)?.mul(&p.weight)?.add(&p.bias) // [n_seq, n_embd] -> [n_seq, n_embd]
}

fn linear(x: &Tensor, p: &Linear) -> Result<Tensor> {
    x.matmul(p.weight.tensor()?)?.add(&p.bias) // [n_seq, in] -> [n_seq, out]
}

fn ffn(x: &Tensor, p: &Mlp) -> Result<Tensor> {
    let wide = gelu(&linear(x, &p.c_fc)?); // [n_seq, n_embd] -> [n_seq, 4*n_embd]
    linear(&wide, &p.c_proj) // [n_seq, 4*n_embd] -> [n_seq, n_embd]
}

fn attention(q: &Tensor, k: &Tensor, v: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let scores = q.matmul_t(k)?.scale(1.0 / (q.n_cols() as f32).sqrt()); // [n_seq, size] · [n_seq, size]ᵀ
    softmax(&scores.add(mask)?)?.matmul(v) // [n_seq, n_seq] · [n_seq, size] -> [n_seq, size]
}

fn mha(x: &Tensor, p: &Attention) -> Result<Tensor> {
    let (n, n_head) = (x.n_rows(), p.n_head); // n is n_seq
    let mask = (0..n * n).map(|i| if i % n > i / n { -1e10 } else { 0.0 }).collect(); // no key after the query
    let mask = Tensor::new(&[n, n], mask)?; // [n_seq, n_seq]
    let qkv = linear(x, &p.c_attn)?.split_cols(3 * n_head)?; // 3*n_head times [n_seq, n_embd/n_head]
    let head = |i: usize| attention(&qkv[i], &qkv[n_head + i], &qkv[2 * n_head + i], &mask); // [n_seq, n_embd/n_head]
    let heads = (0..n_head).map(head).collect::<Result<Vec<Tensor>>>()?; // n_head times [n_seq, n_embd/n_head]
    linear(&Tensor::concat_cols(&heads)?, &p.c_proj) // [n_seq, n_embd] -> [n_seq, n_embd]
}

fn transformer_block(x: &Tensor, p: &Block) -> Result<Tensor> {
    let x = x.add(&mha(&layer_norm(x, &p.ln_1)?, &p.attn)?)?; // [n_seq, n_embd] -> [n_seq, n_embd]
    x.add(&ffn(&layer_norm(&x, &p.ln_2)?, &p.mlp)?) // [n_seq, n_embd] -> [n_seq, n_embd]
}

pub fn gpt2(ids: &[usize], p: &Gpt2) -> Result<Tensor> {
    let wte = p.wte.tensor()?; // [n_vocab, n_embd]
    let positions: Vec<usize> = (0..ids.len()).collect(); // [n_seq]
    let mut x = wte.take_rows(ids)?.add(&p.wpe.take_rows(&positions)?)?; // [n_seq] -> [n_seq, n_embd]
    for block in &p.h {
        x = transformer_block(&x, block)?; // [n_seq, n_embd] -> [n_seq, n_embd]
    }
    layer_norm(&x, &p.ln_f)?.matmul_t(wte) // [n_seq, n_embd] · [n_vocab, n_embd]ᵀ -> [n_seq, n_vocab]
}

pub fn generate(ids: &mut Vec<usize>, p: &Gpt2, n_tokens_to_generate: usize) -> Result<()> {
    for _ in 0..n_tokens_to_generate {
        let logits = gpt2(ids, p)?; // [n_seq] -> [n_seq, n_vocab]
        let last = logits.take_rows(&[ids.len() - 1])?; // [n_seq, n_vocab] -> [1, n_vocab]
        ids.extend(last.argmax()); // the likeliest next token
    }
    Ok(())
}
// --- the sixty lines end ---

use gpt60::cli::{self, Answer, Command, Failure, Outcome};
use std::process::ExitCode;

const COMMAND: Command = Command {
    name: "sixty_lines",
    about: "Continues a text as `greedy` does, by sixty lines that use nothing but tensors. Slower: it has no KV cache, and\n\
            reads the whole text again for each token.",
    operands: "[PROMPT]    (default: \"Once upon a time\")",
    max_operands: 1,
    flags: &[cli::MODEL, cli::IDS, cli::SPECIAL, cli::TOKENS],
    chapter: "docs/07-the-whole-model.md",
};

fn main() -> ExitCode {
    COMMAND.run(|args| -> Outcome<()> {
        let n_tokens: usize = args.number("--tokens", 40)?;
        let checkpoint = args.model()?;
        let model = &checkpoint.model;
        if model.lm_head.is_some() {
            let problem = "the sixty lines only know tied heads; use `greedy` for this model";
            return Err(Failure::Failed(problem.to_string()));
        }
        if !model.config.is_gpt2() {
            let problem = "the sixty lines only know GPT-2's own GELU and attention; use `greedy` for this model";
            return Err(Failure::Failed(problem.to_string()));
        }
        let prompt = args.prompt(&checkpoint, "Once upon a time")?;
        gpt60::generate::check_prompt(model, &prompt.ids)?;

        cli::note_prompt(&prompt);
        let mut answer = Answer::new(&prompt, &checkpoint);
        let mut ids: Vec<usize> = prompt.ids.iter().map(|&id| id as usize).collect();
        for _ in 0..n_tokens {
            if ids.len() > model.config.n_ctx {
                break;
            }
            let n_before = ids.len();
            generate(&mut ids, model, 1)?; // one at a time, to show each as it is made
            let Some(&id) = ids.get(n_before) else {
                cli::note(""); // ends the line of the prompt
                return Err(Failure::Failed("all scores are NaN: the weights are damaged".to_string()));
            };
            answer.push(id as u32)?;
            if checkpoint.end_ids.contains(&(id as u32)) {
                break;
            }
        }
        answer.finish()?;
        if ids.len() > model.config.n_ctx {
            cli::note(&cli::full_context(model.config.n_ctx));
        }
        Ok(())
    })
}
