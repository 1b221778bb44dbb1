//! The sixty lines are sixty, and they are the library: the same logits, the same tokens.

#[allow(dead_code)] // its `main`
#[path = "../examples/sixty_lines.rs"]
mod sixty_lines;

mod common;

use common::{lively, random_ids};
use gpt60::{Config, Gpt2, Rng, argmax};
use sixty_lines::{generate, gpt2};

/// Models with 1, 3 and 5 heads.
fn models() -> Vec<Gpt2> {
    let sizes = [(11, 9, 4, 1, 1), (23, 12, 12, 3, 2), (30, 8, 20, 5, 3)];
    let config = |(n_vocab, n_ctx, n_embd, n_head, n_layer)| Config::new(n_vocab, n_ctx, n_embd, n_head, n_layer);
    sizes.map(config).iter().zip(1..).map(|(config, seed)| lively(config, false, seed)).collect()
}

#[test]
fn the_sixty_lines_are_at_most_sixty() {
    let source = include_str!("../examples/sixty_lines.rs");
    let mut lines = source.lines().map(str::trim);
    assert!(lines.any(|line| line == "// --- the sixty lines begin ---"), "the first mark is missing");
    let marked: Vec<&str> = lines.by_ref().take_while(|&line| line != "// --- the sixty lines end ---").collect();
    assert!(lines.next().is_some(), "the second mark is missing");
    let code: Vec<&&str> = marked.iter().filter(|line| !line.is_empty() && !line.starts_with("//")).collect();
    assert!(code.len() <= 60, "{} lines", code.len());
    // All ten functions of the original stand between the marks.
    for name in
        ["gelu", "softmax", "layer_norm", "linear", "ffn", "attention", "mha", "transformer_block", "gpt2", "generate"]
    {
        assert!(code.iter().any(|line| line.contains(&format!("fn {name}("))), "{name} is missing");
    }
}

#[test]
fn the_sixty_lines_use_only_the_tensor_and_the_parameters_of_the_layers() {
    let source = include_str!("../examples/sixty_lines.rs");
    let marked = source.split("// --- the sixty lines").nth(1).unwrap();
    let uses = [
        "gpt60::layers::{attention::Attention, block::Block, layer_norm::LayerNorm, linear::Linear, mlp::Mlp};",
        "gpt60::{Gpt2, Result, Tensor};",
    ];
    assert_eq!(marked.matches("gpt60::").count(), uses.len());
    assert!(uses.iter().all(|line| marked.contains(line)));
    // What the library computes with these parameters is not called.
    for name in ["forward", "hidden", "head", "logits", "next_logits", "generate", "matmul(x)", "matmul_t(x)", "row"] {
        assert!(!marked.contains(&format!(".{name}(")), "{name}");
    }
}

#[test]
fn the_sixty_lines_give_the_librarys_logits() {
    let mut rng = Rng::new(1);
    for model in models() {
        for n_seq in [1, 2, model.config.n_ctx] {
            let ids = random_ids(n_seq, model.config.n_vocab, &mut rng);
            let found = gpt2(&ids.iter().map(|&id| id as usize).collect::<Vec<_>>(), &model);
            // Both round each number to one part in 10^7, in different orders; up to three blocks pass that on.
            found.unwrap().check_close(&model.logits(&ids).unwrap(), 1e-4).unwrap();
        }
    }
}

#[test]
fn the_sixty_lines_give_the_storybooks_logits() {
    let story = gpt60::storybook::load();
    let ids = story.tokenizer.unwrap().encode("Once upon a time there was a little fox who");
    let found = gpt2(&ids.iter().map(|&id| id as usize).collect::<Vec<_>>(), &story.model);
    found.unwrap().check_close(&story.model.logits(&ids).unwrap(), 1e-4).unwrap(); // as above
}

#[test]
fn the_sixty_lines_choose_the_librarys_tokens() {
    for model in models() {
        let mut ids = vec![3u32];
        while ids.len() < model.config.n_ctx {
            let logits = model.logits(&ids).unwrap();
            let last = logits.row(ids.len() - 1);
            let best = argmax(last).unwrap();
            // Rounding cannot decide between the first and the second: they are far enough apart.
            let second = last.iter().enumerate().filter(|&(i, _)| i != best).map(|(_, &x)| x).fold(f32::MIN, f32::max);
            assert!(last[best] - second > 1e-3, "a tie: {} and {second}", last[best]);
            ids.push(best as u32);
        }
        let mut found = vec![3usize];
        generate(&mut found, &model, model.config.n_ctx - 1).unwrap();
        assert_eq!(found, ids.iter().map(|&id| id as usize).collect::<Vec<_>>());
    }
}

#[test]
fn past_the_context_the_sixty_lines_give_an_error() {
    let model = &models()[0];
    let mut ids = vec![3; model.config.n_ctx];
    assert!(generate(&mut ids, model, 1).is_ok());
    let error = generate(&mut ids, model, 1).unwrap_err().to_string();
    assert!(error.contains("there is no row 9"), "{error}");
}
