//! The rungs, and what all of them learn.

use super::by_hand::ByHand;
use super::gpt2::RealGpt2;
use super::in_32_bits;
use super::in_64_bits::{matrices::AllAtOnce, vectors};
use super::one_page::{Gpt, ids_of, letters_of, uniform};
use super::replay::Replay;
use super::weights::{N_VOCAB, N_WEIGHTS};
use gpt60::Result;

/// One step: learns from the ids of a name, in step `step`, at a rate, and returns the loss before.
pub type Learn = Box<dyn FnMut(&[usize], usize, f64) -> Result<f64>>;

/// A way to train the model.
pub struct Rung {
    pub name: &'static str,
    /// A model with the lesson's weights, ready to learn.
    pub start: fn(&Lesson) -> Result<Learn>,
    /// The files that it is made of.
    pub sources: &'static [&'static str],
    /// If it computes what the page computes: in numbers of how many bits.
    pub bits: Option<u32>,
}

const PAGE: &str = include_str!("../one_page.rs");
const WEIGHTS: &str = include_str!("weights.rs");
const REPLAY: &str = include_str!("replay.rs");
const BY_HAND: &str = include_str!("by_hand.rs");
const MATRICES: &str = include_str!("matrices.rs");
const VECTORS: &str = include_str!("vectors.rs");
const IN_32_BITS: &str = include_str!("in_32_bits.rs");
const GPT2: &str = include_str!("gpt2.rs");

pub const RUNGS: [Rung; 8] = [
    Rung { name: "(a) the page: a tape of numbers", start: page, sources: &[PAGE], bits: Some(64) },
    Rung { name: "(b) the tape recorded once, replayed", start: replay, sources: &[WEIGHTS, REPLAY], bits: Some(64) },
    Rung { name: "(c) vectors, backward by hand", start: by_hand, sources: &[WEIGHTS, BY_HAND], bits: Some(64) },
    Rung { name: "(d) all positions at once", start: matrices, sources: &[WEIGHTS, MATRICES], bits: Some(64) },
    Rung {
        name: "(e) vector instructions",
        start: with_vectors,
        sources: &[WEIGHTS, MATRICES, VECTORS],
        bits: Some(64),
    },
    Rung {
        name: "    and threads for Adam",
        start: with_threads,
        sources: &[WEIGHTS, MATRICES, VECTORS],
        bits: Some(64),
    },
    Rung {
        name: "(f) 32 bits instead of 64",
        start: with_32_bits,
        sources: &[WEIGHTS, MATRICES, VECTORS, IN_32_BITS],
        bits: Some(32),
    },
    Rung { name: "(g) GPT-2's own block, by the library", start: real_gpt2, sources: &[GPT2], bits: None },
];

fn page(lesson: &Lesson) -> Result<Learn> {
    let mut weights = lesson.weights.iter().copied();
    let mut gpt = Gpt::new(N_VOCAB, || weights.next().unwrap_or_default());
    Ok(Box::new(move |ids, step, rate| Ok(gpt.learn(ids, step, rate))))
}

fn replay(lesson: &Lesson) -> Result<Learn> {
    let mut model = Replay::new(&lesson.weights);
    Ok(Box::new(move |ids, step, rate| Ok(model.learn(ids, step, rate))))
}

fn by_hand(lesson: &Lesson) -> Result<Learn> {
    let mut model = ByHand::new(&lesson.weights);
    Ok(Box::new(move |ids, step, rate| Ok(model.learn(ids, step, rate))))
}

fn matrices(lesson: &Lesson) -> Result<Learn> {
    let mut model = AllAtOnce::new(&lesson.weights);
    Ok(Box::new(move |ids, step, rate| Ok(model.learn(ids, step, rate))))
}

fn with_vectors(lesson: &Lesson) -> Result<Learn> {
    let mut model = AllAtOnce::new(&lesson.weights);
    Ok(Box::new(move |ids, step, rate| Ok(vectors::learn(&mut model, ids, step, rate))))
}

fn with_threads(lesson: &Lesson) -> Result<Learn> {
    let mut model = AllAtOnce::new(&lesson.weights);
    Ok(Box::new(move |ids, step, rate| Ok(vectors::learn_in_threads(&mut model, ids, step, rate))))
}

fn with_32_bits(lesson: &Lesson) -> Result<Learn> {
    let mut model = in_32_bits::matrices::AllAtOnce::new(&lesson.weights);
    Ok(Box::new(move |ids, step, rate| Ok(in_32_bits::vectors::learn(&mut model, ids, step, rate))))
}

fn real_gpt2(lesson: &Lesson) -> Result<Learn> {
    let mut model = RealGpt2::new(lesson.seed)?;
    Ok(Box::new(move |ids, _, rate| model.learn(ids, rate)))
}

/// What the rungs have in common: the weights that they begin with, and the names, as ids, in their order.
pub struct Lesson {
    pub seed: u64,
    pub weights: Vec<f64>,
    pub names: Vec<Vec<usize>>,
}

impl Lesson {
    /// The weights and names with which the page begins for this seed.
    pub fn new(n_steps: usize, seed: u64) -> Lesson {
        let words: Vec<&str> = include_str!("../one_page/names.txt").lines().collect();
        let (letters, mut random) = (letters_of(&words), seed);
        let mut bell = || (0..12).map(|_| uniform(&mut random)).sum::<f64>() - 6.0;
        let weights = (0..N_WEIGHTS).map(|_| 0.08 * bell()).collect();
        let mut word = || words[(uniform(&mut random) * words.len() as f64) as usize];
        Lesson { seed, weights, names: (0..n_steps).map(|_| ids_of(word(), &letters)).collect() }
    }

    pub fn n_steps(&self) -> usize {
        self.names.len()
    }

    /// All names, one after the other: the loss of each.
    pub fn learn(&self, learn: &mut Learn) -> Result<Vec<f64>> {
        let rate = |step: usize| 0.01 * (1.0 - step as f64 / self.n_steps() as f64);
        self.names.iter().enumerate().map(|(step, ids)| learn(ids, step, rate(step))).collect()
    }
}

/// The largest relative difference of two lists of losses.
pub fn apart(losses: &[f64], others: &[f64]) -> f64 {
    let differences = losses.iter().zip(others).map(|(a, b)| ((a - b) / b).abs());
    largest(differences)
}

/// The largest, or NaN if one of them is NaN.
pub fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |largest, x| if x > largest || x.is_nan() { x } else { largest })
}

/// Lines of code: without comments and empty lines.
pub fn n_lines(source: &str) -> usize {
    source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}
