//! Learning learns: the loss and its gradient, the optimizer's arithmetic, and runs that can be repeated.

mod common;

use approx::assert_abs_diff_eq;
use common::{bits, check_every_index, lively};
use gpt60::kernels::threads;
use gpt60::train::adamw::{AdamW, clip};
use gpt60::train::batches::{Batch, Tokens};
use gpt60::train::loss::{cross_entropy, cross_entropy_and_gradient};
use gpt60::train::schedule::Schedule;
use gpt60::train::step::loss_and_gradient;
use gpt60::{Config, Gpt2, Rng, Saved, Tensor};

/// The mean of the losses, in `f64`.
fn mean(losses: &[f32]) -> f64 {
    losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64
}

#[test]
fn cross_entropy_has_the_gradient_of_the_loss_at_every_index() {
    let logits = Tensor::random(&[5, 9], 2.0, &mut Rng::new(1));
    let targets = [0, 8, 3, 3, 5];
    for weight in [1.0f32, 0.25] {
        let (loss, gradient) = cross_entropy_and_gradient(logits.clone(), &targets, weight).unwrap();
        assert_abs_diff_eq!(loss, mean(&cross_entropy(&logits, &targets).unwrap()), epsilon = 1e-6);
        check_every_index("cross entropy", &gradient, &logits, |logits| {
            f64::from(weight) * mean(&cross_entropy(logits, &targets).unwrap())
        });
    }
}

#[test]
fn every_index_of_every_parameter_has_the_gradient_of_the_training_loss() {
    let config = Config { n_inner: 10, ..Config::new(7, 4, 6, 2, 1) };
    for untied in [false, true] {
        let mut model = lively(&config, untied, 3);
        let batch = Batch { inputs: vec![1, 5, 5, 0, 2, 6, 1, 4], targets: vec![5, 5, 0, 3, 6, 1, 4, 2] };
        // Two halves that are added up, as when gradients are accumulated over several batches.
        let (mut saved, mut grad) = (Saved::new(), model.zeros_like());
        for _ in 0..2 {
            loss_and_gradient(&model, &batch, 4, 0.5, &mut saved, &mut grad).unwrap();
        }
        for (i, (name, gradient)) in grad.parameters().unwrap().into_iter().enumerate() {
            let at = model.parameters().unwrap()[i].1.clone();
            check_every_index(&name, gradient, &at, |moved| {
                *model.parameters_mut().unwrap()[i].1 = moved.clone();
                mean(&cross_entropy(&common::batch_logits(&model, &batch.inputs, 4), &batch.targets).unwrap())
            });
            *model.parameters_mut().unwrap()[i].1 = at;
        }
    }
}

#[test]
fn two_steps_of_adamw_are_those_of_the_paper_by_hand() {
    // beta1 = 1/2, beta2 = 3/4, lr = 0.1, decay = 0.1; every parameter begins at 1; gradients 2 and then 1.
    //
    // Step 1: m = 1/2 * 2 = 1, v = 1/4 * 4 = 1; m' = 1 / (1 - 1/2) = 2, v' = 1 / (1 - 3/4) = 4; 0.1 * 2 / sqrt(4) = 0.1.
    //         A bias: 1 - 0.1 = 0.9. A matrix shrinks first, by 0.1 * 0.1: 0.99 - 0.1 = 0.89.
    // Step 2: m = 1/2 * 1 + 1/2 * 1 = 1, v = 3/4 * 1 + 1/4 * 1 = 1; m' = 1 / (1 - 1/4) = 4/3, v' = 1 / (1 - 9/16) = 16/7;
    //         0.1 * (4/3) / (4 / sqrt(7)) = 0.1 * sqrt(7) / 3 = 0.088_191_7.
    //         A bias: 0.9 - 0.088_191_7 = 0.811_808_3. A matrix: 0.89 * 0.99 - 0.088_191_7 = 0.792_908_3.
    let mut model = lively(&Config::new(3, 2, 4, 2, 1), true, 1);
    for (_, tensor) in model.parameters_mut().unwrap() {
        tensor.data_mut().fill(1.0);
    }
    let mut adamw = AdamW::new(&model, 0.5, 0.75, 0.1);
    for (step, gradient, vector, matrix) in [(1, 2.0, 0.9, 0.89), (2, 1.0, 0.811_808_3, 0.792_908_3)] {
        let mut grad = model.zeros_like();
        grad.parameters_mut().unwrap().into_iter().for_each(|(_, tensor)| tensor.data_mut().fill(gradient));
        adamw.update(&mut model, &grad, 0.1).unwrap();
        assert_eq!(adamw.step, step);
        for (name, tensor) in model.parameters().unwrap() {
            // Biases and layer norms do not decay: everything that GPT-2 calls `bias` or `ln`.
            let expected = if name.ends_with("bias") || name.contains("ln_") { vector } else { matrix };
            for &found in tensor.data() {
                assert_abs_diff_eq!(found, expected, epsilon = 1e-6);
            }
        }
    }
}

#[test]
fn epsilon_is_added_outside_the_root_and_after_the_correction() {
    // As in step 1 above, with epsilon 1: 0.1 * 2 / (sqrt(4) + 1) = 0.066_666_7.
    let mut model = Gpt2::zeros(&Config::new(3, 2, 4, 2, 1)).unwrap();
    let mut grad = model.zeros_like();
    grad.ln_f.bias.data_mut().fill(2.0);
    let mut adamw = AdamW { epsilon: 1.0, ..AdamW::new(&model, 0.5, 0.75, 0.0) };
    adamw.update(&mut model, &grad, 0.1).unwrap();
    for &found in model.ln_f.bias.data() {
        assert_abs_diff_eq!(found, -0.066_666_7, epsilon = 1e-6);
    }
    // Where the gradient is 0, nothing moves.
    assert!(model.wte.tensor().unwrap().data().iter().all(|&x| x == 0.0));
}

#[test]
fn clipping_keeps_the_direction_and_limits_the_length() {
    // (3, 4, 0, ..) is 5 long: cut to 1, it is (0.6, 0.8).
    let mut grad = Gpt2::zeros(&Config::new(3, 2, 4, 2, 1)).unwrap();
    (grad.wte.tensor_mut().unwrap().data_mut()[0], grad.ln_f.bias.data_mut()[2]) = (3.0, 4.0);
    for limit in [0.0, 5.5] {
        let untouched = grad.clone();
        assert_eq!(clip(&mut grad, limit).unwrap(), 5.0);
        assert_eq!(grad, untouched);
    }
    assert_eq!(clip(&mut grad, 1.0).unwrap(), 5.0);
    assert_abs_diff_eq!(grad.wte.tensor().unwrap().data()[0], 0.6, epsilon = 1e-6);
    assert_abs_diff_eq!(grad.ln_f.bias.data()[2], 0.8, epsilon = 1e-6);
}

#[test]
fn a_new_model_knows_nothing_and_one_batch_can_be_learned_by_heart() {
    // Four sequences of random tokens, each with its own first token: every next token can be known.
    let n_vocab = 20;
    let mut rng = Rng::new(7);
    let mut batch = Batch::default();
    for first in 0..4u32 {
        let ids: Vec<u32> = (0..13).map(|t| if t == 0 { first } else { 4 + rng.below(16) as u32 }).collect();
        batch.inputs.extend(&ids[..12]);
        batch.targets.extend(&ids[1..]);
    }
    let mut model = Gpt2::random(&Config::new(n_vocab, 12, 32, 4, 2), &mut rng).unwrap();
    let mut adamw = AdamW::new(&model, 0.9, 0.95, 0.0);
    let (mut saved, mut grad) = (Saved::new(), model.zeros_like());
    let mut losses = Vec::new();
    for _ in 0..200 {
        grad.parameters_mut().unwrap().into_iter().for_each(|(_, tensor)| tensor.data_mut().fill(0.0));
        losses.push(loss_and_gradient(&model, &batch, 12, 1.0, &mut saved, &mut grad).unwrap());
        clip(&mut grad, 1.0).unwrap();
        adamw.update(&mut model, &grad, 5e-3).unwrap();
    }
    // A model that gives each of 20 tokens the same probability has a loss of ln(20) = 3.00.
    assert_abs_diff_eq!(losses[0], f64::from(n_vocab as u32).ln(), epsilon = 0.1);
    let last = losses[losses.len() - 1];
    assert!(last < 0.01, "the loss after 200 steps is {last}: the model has given each right token less than 99 %");
}

/// Five steps on a text of random tokens: every loss, and every parameter at the end, as bits.
fn short_run(n_threads: usize, seed: u64) -> (Vec<u64>, Vec<Vec<u32>>) {
    threads::set(n_threads);
    let mut rng = Rng::new(seed);
    let text: Vec<u32> = (0..2000).map(|i| (i * i / 7 % 400) as u32).collect();
    let tokens = Tokens::from_ids(text, 64).unwrap();
    let mut model = Gpt2::random(&Config::new(400, 64, 96, 3, 2), &mut rng).unwrap();
    let mut adamw = AdamW::new(&model, 0.9, 0.95, 0.1);
    let schedule = Schedule { peak: 1e-2, warmup: 2, steps: 5 };
    let (mut saved, mut grad) = (Saved::new(), model.zeros_like());
    let mut losses = Vec::new();
    for step in 0..5 {
        grad.parameters_mut().unwrap().into_iter().for_each(|(_, tensor)| tensor.data_mut().fill(0.0));
        let batch = tokens.random_batch(8, &mut rng);
        losses.push(loss_and_gradient(&model, &batch, 64, 1.0, &mut saved, &mut grad).unwrap().to_bits());
        clip(&mut grad, 1.0).unwrap();
        adamw.update(&mut model, &grad, schedule.rate(step)).unwrap();
    }
    threads::set(0);
    (losses, model.parameters().unwrap().iter().map(|(_, tensor)| bits(tensor.data())).collect())
}

/// The number of threads is shared by the whole program, so one test does everything that concerns it.
#[test]
fn a_seeded_run_repeats_bit_for_bit_on_any_number_of_threads() {
    // c_attn takes 8 * 64 * 96 * 288 = 14 million multiplications: more than enough to be split.
    const { assert!(8 * 64 * 96 * 288 >= threads::WORTH_A_THREAD) };
    let first = short_run(1, 1);
    for n_threads in [1, 2, 3, 7] {
        assert!(short_run(n_threads, 1) == first, "{n_threads} threads");
    }
    assert!(short_run(1, 2) != first, "another seed is another run");
}
