//! Two small models that differ only in the place of their layer norms, and how they learn.
//!
//! Both start with the same weights and read the same batches. The text is a nursery rhyme in which each verse repeats
//! the one before, letter by letter: short, and impossible to guess without looking back.

use super::post_ln;
use gpt60::train::adamw::{AdamW, clip};
use gpt60::train::batches::Tokens;
use gpt60::train::step::loss_and_gradient;
use gpt60::{Config, Gpt2, Result, Rng, Saved};

/// Where the layer norms are: inside the branches, or after the additions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    PreLn,
    PostLn,
}

/// A run: the settings that vary.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub order: Order,
    /// Whether the rate climbs from 0 during the first [`WARMUP`] steps, or has its full size from the start.
    pub warmup: bool,
    /// Whether the weights at the end of each branch start smaller, by `sqrt(2 * n_layer)`, as GPT-2's did.
    pub small_ends: bool,
}

/// How many blocks the models have, and how wide they are.
pub const N_LAYER: usize = 12;
pub const N_EMBD: usize = 32;
/// The learning rate.
pub const RATE: f32 = 0.008;
/// How many steps of warm-up there are, and how many steps in all.
pub const WARMUP: usize = 40;
pub const STEPS: usize = 120;

/// The last verse of "This is the house that Jack built" (traditional), from its end.
const HOUSE: [&str; 11] = [
    "the house that Jack built.\n",
    "the malt that lay in ",
    "the rat that ate ",
    "the cat that killed ",
    "the dog that worried ",
    "the cow with the crumpled horn that tossed ",
    "the maiden all forlorn that milked ",
    "the man all tattered and torn that kissed ",
    "the priest all shaven and shorn that married ",
    "the cock that crowed in the morn that woke ",
    "the farmer sowing his corn that kept ",
];

/// The rhyme: each verse puts something in front of the one before.
fn rhyme() -> String {
    let verse = |last: usize| "This is ".to_string() + &HOUSE[..=last].iter().rev().copied().collect::<String>();
    (0..HOUSE.len()).map(verse).collect()
}

/// Trains a model; returns the loss of each step, in nats for each character.
pub fn losses(run: Run) -> Result<Vec<f64>> {
    let text = rhyme();
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort();
    letters.dedup();
    let ids = text.chars().filter_map(|c| letters.binary_search(&c).ok()).map(|id| id as u32);
    let tokens = Tokens::from_ids(ids.collect(), 32)?; // windows of 32 characters

    let mut rng = Rng::new(1);
    let mut model = first_weights(letters.len(), tokens.n_seq(), run.small_ends, &mut rng)?;
    let mut adamw = AdamW::new(&model, 0.9, 0.95, 0.0);
    let mut losses = Vec::new();
    for step in 0..STEPS {
        let batch = tokens.random_batch(8, &mut rng);
        let mut grad = model.zeros_like();
        losses.push(match run.order {
            Order::PreLn => loss_and_gradient(&model, &batch, tokens.n_seq(), 1.0, &mut Saved::new(), &mut grad)?,
            Order::PostLn => post_ln::loss_and_gradient(&model, &batch, tokens.n_seq(), &mut grad)?,
        });
        clip(&mut grad, 1.0)?;
        let climb = if run.warmup { (step + 1) as f32 / WARMUP as f32 } else { 1.0 };
        adamw.update(&mut model, &grad, RATE * climb.min(1.0))?;
    }
    Ok(losses)
}

/// First weights that do in this narrow model what GPT-2's do in a wide one.
///
/// A sum of `n` terms with weights of deviation `d` has the size `d * sqrt(n)`. GPT-2's `d` of 0.02 is meant for 768
/// terms; there are fewer here, so the weights are larger.
fn first_weights(n_vocab: usize, n_ctx: usize, small_ends: bool, rng: &mut Rng) -> Result<Gpt2> {
    let mut model = Gpt2::random(&Config::new(n_vocab, n_ctx, N_EMBD, 4, N_LAYER), rng)?;
    let wider = (768.0 / N_EMBD as f32).sqrt();
    for (name, tensor) in model.parameters_mut()? {
        if name.ends_with("bias") || name.contains("ln_") {
            continue;
        }
        let end_of_branch = name.contains("c_proj"); // `Gpt2::random` has already made these smaller
        let undo = if end_of_branch && !small_ends { (2.0 * N_LAYER as f32).sqrt() } else { 1.0 };
        *tensor = tensor.scale(wider * undo);
    }
    Ok(model)
}
