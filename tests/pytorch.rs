//! Training, step by step: this crate learns what PyTorch learns.
//!
//! `fixtures/training.py` made small random models and trained each with PyTorch for ten steps, with the versions that
//! it names. Here the same weights and batches go through this crate: loss, gradient, clipping, schedule and AdamW,
//! with the settings of a run. Together the models have a tied and an untied head, tokens and positions that no batch
//! contains, and both clipped and unclipped steps.

use gpt60::checkpoint::{self, Json, safetensors};
use gpt60::close::check_close;
use gpt60::train::adamw::{AdamW, clip};
use gpt60::train::batches::{Batch, Tokens};
use gpt60::train::muon;
use gpt60::train::run::Trainer;
use gpt60::train::schedule::Schedule;
use gpt60::train::settings::{Inputs, Settings};
use gpt60::train::step::loss_and_gradient;
use gpt60::{Gpt2, Saved, Tensor};
use std::path::PathBuf;

/// Both sides compute in float32; on the way they add the same numbers in another order.
const TOLERANCE: f64 = 1e-4;

/// For the weights after the ten steps, whose rates add up to 0.053. It must be tight: all of weight decay changes a
/// weight by 0.5 % in that time.
///
/// But not as tight as rounding alone would allow. AdamW divides a gradient by its own size: a gradient next to
/// nothing, much of it rounding error, moves its weight as far as an honest one. A rounding error of one part in 10^6
/// of a tensor's largest gradient is one in 10^3 of a gradient a thousand times smaller, and the step of that weight is
/// wrong by the same share: 0.01 / 1000 = 10^-5. The largest weights of a tensor here are 0.3 or more.
///
/// The keys' biases have gradients that are nothing but rounding error: see [`without_the_keys_bias`].
const FINAL_TOLERANCE: f64 = 2e-5;

const N_STEPS: usize = 10;
const N_SEQUENCES: usize = 4;
const N_SEQ: usize = 12;

/// What PyTorch made of a model.
struct Expected {
    batches: Vec<Vec<Tokens>>, // every sequence is a list of one window
    steps: Vec<Step>,
    last: Vec<(String, Tensor)>,
}

/// What one step shows of itself.
#[derive(Debug)]
struct Step {
    rate: f64,
    loss: f64,
    norm: f64, // of the gradient, before clipping
}

fn dir(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/training").join(name)
}

fn tensors(name: &str, file: &str) -> Vec<(String, Tensor)> {
    safetensors::read(dir(name).join(file)).unwrap().0
}

fn load(name: &str) -> (Gpt2, Expected) {
    let json = Json::parse(&std::fs::read_to_string(dir(name).join("expected.json")).unwrap()).unwrap();
    let list = |key: &str| json.get(key).unwrap().as_array().unwrap();
    let number = |key: &str, i: usize| list(key)[i].as_f64().unwrap();
    let sequence = |json: &Json| {
        let ids = json.as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32).collect();
        Tokens::from_ids(ids, N_SEQ).unwrap()
    };
    let expected = Expected {
        batches: list("batches").iter().map(|all| all.as_array().unwrap().iter().map(sequence).collect()).collect(),
        steps: (0..N_STEPS)
            .map(|i| Step { rate: number("rates", i), loss: number("losses", i), norm: number("norms", i) })
            .collect(),
        last: tensors(name, "final.safetensors"),
    };
    assert_eq!(expected.batches.len(), N_STEPS);
    (checkpoint::load(dir(name)).unwrap().model, expected)
}

/// The settings of a run: three that `training.py` chose, the others at their defaults.
fn settings() -> Settings {
    Settings { lr: 1e-2, warmup: 3, steps: N_STEPS as u64, ..Settings::default() }
}

/// Inputs and targets of some sequences.
fn batch(sequences: &[Tokens]) -> Batch {
    let mut all = Batch::default();
    for sequence in sequences {
        let Batch { inputs, targets } = sequence.batch(&[0]);
        all.inputs.extend(inputs);
        all.targets.extend(targets);
    }
    all
}

fn is_close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * expected.abs()
}

fn check_step(what: &str, found: &Step, expected: &Step) {
    assert!(is_close(found.rate, expected.rate, 1e-6), "{what}: {found:?} is not {expected:?}");
    assert!(is_close(found.loss, expected.loss, TOLERANCE), "{what}: {found:?} is not {expected:?}");
    assert!(is_close(found.norm, expected.norm, TOLERANCE), "{what}: {found:?} is not {expected:?}");
}

/// Every parameter's gradient is PyTorch's, and no parameter is left out.
fn check_first_gradient(name: &str, grad: &Gpt2) {
    let expected = tensors(name, "gradient.safetensors");
    assert_eq!(grad.parameters().unwrap().len(), expected.len(), "{name}");
    for (parameter, found) in grad.parameters().unwrap() {
        let (_, expected) = expected.iter().find(|(other, _)| *other == parameter).unwrap();
        assert_eq!(found.check_close(expected, TOLERANCE), Ok(()), "{name}, {parameter}");
    }
}

/// The bias of `c_attn`, `[3*n_embd]`, without its middle third, `[2*n_embd]`.
///
/// A bias that is added to every key adds the same number to all scores of a query, and softmax does not see it. The
/// true gradient of the keys' bias is therefore 0, and what is computed instead is rounding error, different on each
/// side. AdamW divides even that by its own size, and the bias wanders by up to the learning rate a step, to no effect.
fn without_the_keys_bias(bias: &Tensor) -> Vec<f32> {
    let n_embd = bias.len() / 3;
    [&bias.data()[..n_embd], &bias.data()[2 * n_embd..]].concat()
}

/// The weights after the last step are PyTorch's.
fn check_last(name: &str, model: &Gpt2, expected: &[(String, Tensor)]) {
    for (parameter, expected) in expected {
        let (_, found) = model.parameters().unwrap().into_iter().find(|(other, _)| other == parameter).unwrap();
        let result = if parameter.ends_with("attn.c_attn.bias") {
            let (found, expected) = (without_the_keys_bias(found), without_the_keys_bias(expected));
            check_close((&[found.len()], &found), (&[expected.len()], &expected), FINAL_TOLERANCE)
        } else {
            found.check_close(expected, FINAL_TOLERANCE)
        };
        assert_eq!(result, Ok(()), "{name}, {parameter}");
    }
}

#[test]
fn the_first_gradient_of_every_parameter_is_that_of_pytorch() {
    for (name, n_parameters) in [("tied", 2 + 2 * 12 + 2), ("untied", 2 + 12 + 2 + 1)] {
        let (model, expected) = load(name);
        assert_eq!(model.parameters().unwrap().len(), n_parameters);
        let (mut saved, mut grad) = (Saved::new(), model.zeros_like());
        let batch = batch(&expected.batches[0]);
        assert_eq!(batch.inputs.len(), N_SEQUENCES * N_SEQ);
        loss_and_gradient(&model, &batch, N_SEQ, 1.0, &mut saved, &mut grad).unwrap();
        check_first_gradient(name, &grad);
    }
}

#[test]
fn the_keys_bias_has_no_gradient_but_rounding() {
    for name in ["tied", "untied"] {
        let expected = tensors(name, "gradient.safetensors");
        let biases = expected.iter().filter(|(parameter, _)| parameter.ends_with("attn.c_attn.bias"));
        for (parameter, gradient) in biases {
            let n_embd = gradient.len() / 3;
            let largest = |xs: &[f32]| xs.iter().fold(0.0, |largest: f32, x| largest.max(x.abs()));
            let (keys, all) = (largest(&gradient.data()[n_embd..2 * n_embd]), largest(gradient.data()));
            assert!(keys < 1e-6 * all, "{name}, {parameter}: {keys} of {all}");
        }
    }
}

#[test]
fn two_half_batches_of_weight_one_half_have_pytorch_s_gradient_of_the_whole() {
    for name in ["tied", "untied"] {
        let (model, expected) = load(name);
        let (mut saved, mut grad) = (Saved::new(), model.zeros_like());
        let mut loss = 0.0;
        for half in expected.batches[0].chunks(N_SEQUENCES / 2) {
            loss += 0.5 * loss_and_gradient(&model, &batch(half), N_SEQ, 0.5, &mut saved, &mut grad).unwrap();
        }
        assert!(is_close(loss, expected.steps[0].loss, TOLERANCE), "{name}: {loss}");
        check_first_gradient(name, &grad);
    }
}

#[test]
fn ten_steps_are_those_of_pytorch() {
    for name in ["tied", "untied"] {
        let (mut model, expected) = load(name);
        let settings = settings();
        let schedule = Schedule { peak: settings.lr, warmup: settings.warmup, steps: settings.steps };
        let mut adamw = AdamW::new(&model, settings.beta1, settings.beta2, settings.weight_decay);
        let mut saved = Saved::new();
        let mut n_clipped = 0;
        for (i, sequences) in expected.batches.iter().enumerate() {
            let mut grad = model.zeros_like();
            let loss = loss_and_gradient(&model, &batch(sequences), N_SEQ, 1.0, &mut saved, &mut grad).unwrap();
            let norm = clip(&mut grad, settings.clip).unwrap();
            let rate = schedule.rate(i as u64);
            adamw.update(&mut model, &grad, rate).unwrap();
            let found = Step { rate: f64::from(rate), loss, norm: f64::from(norm) };
            check_step(&format!("{name}, step {i}"), &found, &expected.steps[i]);
            n_clipped += usize::from(norm > settings.clip);
        }
        assert!(n_clipped > 0 && n_clipped < N_STEPS, "{name}: {n_clipped} steps were clipped");
        check_last(name, &model, &expected.last);
    }
}

#[test]
fn a_run_from_a_text_is_that_of_pytorch() {
    let (_, expected) = load("run");
    let out = std::env::temp_dir().join(format!("gpt60-pytorch-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&out);
    // The text has only one window. Every batch is this window, any number of times, and its mean loss and gradient are
    // the window's.
    let settings = Settings { batch: 2, accumulate: 3, ..settings() };
    let inputs = Inputs { train: vec![dir("run").join("text.txt")], valid: vec![], init: Some(dir("run")) };
    let mut trainer = Trainer::begin(settings, inputs, &out).unwrap();
    for (i, expected) in expected.steps.iter().enumerate() {
        let report = trainer.make_step().unwrap();
        assert_eq!((report.step, report.n_tokens), (i as u64 + 1, 2 * 3 * N_SEQ));
        let found = Step { rate: f64::from(report.lr), loss: report.loss, norm: f64::from(report.grad_norm) };
        check_step(&format!("step {i}"), &found, expected);
    }
    trainer.save().unwrap();
    let saved = checkpoint::load(&out).unwrap().model;
    std::fs::remove_dir_all(&out).unwrap();
    check_last("run", &saved, &expected.last);
}

#[test]
fn three_steps_of_muon_are_those_of_pytorch() {
    let cases = Json::parse(include_str!("fixtures/muon.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let list = |json: &Json| json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<f64>>();
        let of = |name: &str| list(case.get(name).unwrap());
        let shape: Vec<usize> = of("shape").into_iter().map(|n| n as usize).collect();
        let tensor = |numbers: Vec<f64>| Tensor::new(&shape, numbers.into_iter().map(|x| x as f32).collect()).unwrap();
        let (mut p, mut m) = (tensor(of("p")), Tensor::zeros(&shape));
        for gradient in case.get("gradients").unwrap().as_array().unwrap() {
            muon::step(&mut p, &tensor(list(gradient)), &mut m, 1, 0.02, 0.1).unwrap();
        }
        // How far off numbers are, at most, from those without PyTorch's rounding to bfloat16.
        let exact = of("exact");
        let error = |numbers: Vec<f64>| numbers.iter().zip(&exact).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        let (ours, rounded) = (error(p.data().iter().map(|&x| f64::from(x)).collect()), error(of("rounded")));
        assert!(ours < 2e-6, "{shape:?}: {ours:.1e}"); // the three steps moved numbers by 0.02 and more
        assert!(ours < rounded / 50.0, "{shape:?}: {ours:.1e} and {rounded:.1e}");
    }
}
