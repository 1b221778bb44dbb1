//! Every index of every gradient is the slope that it claims to be.
//!
//! The slope of a function can be measured: go a small step `h` up and down, and divide the change by the distance,
//! `(f(x + h) - f(x - h)) / 2h` (*central differences*). Each test does this for every number that a layer, or the
//! whole model, depends on, and compares the result with `backward`.
//!
//! The loss is a weighted sum of all outputs, with random weights: no output's share can hide behind another's. It is
//! added up in `f64`: the only rounding left is that of the forward pass.
//!
//! **The step.** The measured slope is wrong by about `h^2 / 6` times the third derivative (the curve is not a parabola),
//! and by the forward pass's rounding, some `1e-6` here and a few times as much at worst, divided by `h`. A small `h` makes
//! the first small and the second large. With `h = 2e-2` the second is `1e-4`, or a few of them. To make the first small as well, the slope is measured with steps `h` and
//! `2h`: the error of the second is four times that of the first, so `(4 * slope(h) - slope(2h)) / 3` is free of it
//! (*Richardson's extrapolation*, 1911). What is left is of the order of `h^4`, some `1e-7`.
//!
//! **What is allowed.** An error of 1e-3 of the tensor's largest gradient, which is between 0.1 and 100 in these
//! models.

mod common;

use common::{batch_logits, check_every_index, compare_every_index, lively, random_ids};
use gpt60::layers::{activation, embedding, gelu, softmax};
use gpt60::{Activation, Config, Gpt2, Pass, Rng, Saved, Tensor};

/// The loss of these tests: the sum of each output times its weight.
fn loss(weights: &Tensor, y: &Tensor) -> f64 {
    assert_eq!(weights.shape(), y.shape());
    weights.data().iter().zip(y.data()).map(|(&w, &y)| f64::from(w) * f64::from(y)).sum()
}

// ---------------------------------------------------------------------------------------------------------------------
// The whole model
// ---------------------------------------------------------------------------------------------------------------------

/// Two sequences of four tokens; one token occurs in both, one of 7 never occurs.
const IDS: [u32; 8] = [1, 5, 5, 0, 2, 6, 1, 4];
const N_SEQ: usize = 4;

fn check_model(n_head: usize, untied: bool) {
    check_model_of(Config { n_inner: 10, ..Config::new(7, 5, 6, n_head, 2) }, untied);
}

fn check_model_of(config: Config, untied: bool) {
    let mut model = lively(&config, untied, 10 + config.n_head as u64);
    let weights = Tensor::random(&[IDS.len(), config.n_vocab], 1.0, &mut Rng::new(2));

    let (mut saved, mut grad) = (Saved::new(), model.zeros_like());
    model.hidden(&IDS, Pass::saving(N_SEQ, &mut saved)).unwrap();
    model.backward(&IDS, &saved, &weights, &mut grad).unwrap();

    let gradients = grad.parameters().unwrap();
    assert_eq!(gradients.len(), 2 + 2 * 12 + 2 + usize::from(untied)); // embeddings, two blocks, ln_f, head
    for (i, (name, gradient)) in gradients.iter().enumerate() {
        let at = model.parameters().unwrap()[i].1.clone();
        check_every_index(name, gradient, &at, |moved| {
            *model.parameters_mut().unwrap()[i].1 = moved.clone();
            loss(&weights, &batch_logits(&model, &IDS, N_SEQ))
        });
        *model.parameters_mut().unwrap()[i].1 = at;
    }
}

#[test]
fn every_index_of_every_parameter_of_a_tied_model_has_the_gradient_of_the_loss() {
    check_model(2, false);
    check_model(3, false);
}

#[test]
fn every_index_of_every_parameter_of_an_untied_model_has_the_gradient_of_the_loss() {
    check_model(2, true);
    check_model(3, true);
}

#[test]
fn every_index_of_every_parameter_of_gpt2_s_relatives_has_the_gradient_of_the_loss() {
    let gpt2 = Config { n_inner: 10, ..Config::new(7, 5, 6, 2, 2) };
    // Without ReLU: a step across its corner has no slope. It has a test of its own below.
    for activation_function in [Activation::Gelu, Activation::QuickGelu, Activation::Silu] {
        check_model_of(Config { activation_function, ..gpt2 }, false);
    }
    check_model_of(Config { scale_attn_by_inverse_layer_idx: true, ..gpt2 }, false);
    check_model_of(Config { scale_attn_weights: false, ..gpt2 }, true);
}

#[test]
fn backward_adds_to_what_is_in_the_gradient() {
    let config = Config { n_inner: 10, ..Config::new(7, 5, 6, 2, 2) };
    for untied in [false, true] {
        let model = lively(&config, untied, 1);
        let weights = Tensor::random(&[IDS.len(), config.n_vocab], 1.0, &mut Rng::new(2));
        let mut saved = Saved::new();
        model.hidden(&IDS, Pass::saving(N_SEQ, &mut saved)).unwrap();
        let mut once = model.zeros_like();
        model.backward(&IDS, &saved, &weights, &mut once).unwrap();
        let mut twice = once.clone();
        model.backward(&IDS, &saved, &weights, &mut twice).unwrap();
        for ((name, twice), (_, once)) in twice.parameters().unwrap().into_iter().zip(once.parameters().unwrap()) {
            // The sums are rounded once more each: a few parts in 10^7.
            let check = twice.check_close(&once.scale(2.0), 1e-6);
            assert_eq!(check, Ok(()), "{name}");
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Each layer alone
// ---------------------------------------------------------------------------------------------------------------------

/// Checks a layer without parameters: `backward` gets `x`, `y` and how the loss changes with `y`.
fn check_function(
    name: &str,
    forward: impl Fn(&Tensor) -> Tensor,
    backward: impl Fn(&Tensor, &Tensor, &Tensor) -> Tensor,
) {
    let mut rng = Rng::new(3);
    let x = Tensor::random(&[3, 37], 1.5, &mut rng);
    let weights = Tensor::random(&[3, 37], 1.0, &mut rng);
    let d_x = backward(&x, &forward(&x), &weights);
    check_every_index(name, &d_x, &x, |x| loss(&weights, &forward(x)));
}

#[test]
fn softmax_has_the_gradient_of_the_loss_at_every_index() {
    check_function("softmax", softmax::forward, |_, y, d_y| softmax::backward(y, d_y).unwrap());
}

#[test]
fn gelu_has_the_gradient_of_the_loss_at_every_index() {
    check_function("gelu", gelu::forward, |x, _, d_y| gelu::backward(x, d_y).unwrap());
}

#[test]
fn every_activation_has_the_gradient_of_the_loss_at_every_index() {
    for (name, kind) in Activation::NAMES {
        // Numbers that no step moves across ReLU's corner.
        let away = |x: &Tensor| x.map(|x| if kind == Activation::Relu { x + 0.1f32.copysign(x) } else { x });
        let backward = |x: &Tensor, d_y: &Tensor| activation::backward(kind, x, d_y).unwrap();
        let mut rng = Rng::new(3);
        let (x, weights) = (away(&Tensor::random(&[3, 37], 1.5, &mut rng)), Tensor::random(&[3, 37], 1.0, &mut rng));
        let loss = |x: &Tensor| loss(&weights, &activation::forward(kind, x));
        check_every_index(name, &backward(&x, &weights), &x, loss);
    }
}

/// Checks a layer of a one-block model: the gradient of its input, and of every parameter whose name begins with
/// `layer`.
fn check_layer(
    layer: &str,
    n_seq: usize,
    model: &mut Gpt2,
    forward: impl Fn(&Gpt2, &Tensor) -> Tensor,
    backward: impl Fn(&Gpt2, &Tensor, &Tensor, &mut Gpt2) -> Tensor,
) {
    let mut rng = Rng::new(4);
    let x = Tensor::random(&[2 * n_seq, model.config.n_embd], 1.0, &mut rng); // a batch of two
    let y = forward(model, &x);
    let weights = Tensor::random(y.shape(), 1.0, &mut rng);
    let mut grad = model.zeros_like();
    let d_x = backward(model, &x, &weights, &mut grad);
    check_every_index(&format!("x of {layer}"), &d_x, &x, |x| loss(&weights, &forward(model, x)));

    let mut checked = 0;
    for (i, (name, gradient)) in grad.parameters().unwrap().into_iter().enumerate() {
        if !name.starts_with(layer) {
            assert!(gradient.data().iter().all(|&d| d == 0.0), "{layer} has nothing to do with {name}");
            continue;
        }
        let at = model.parameters().unwrap()[i].1.clone();
        check_every_index(&name, gradient, &at, |moved| {
            *model.parameters_mut().unwrap()[i].1 = moved.clone();
            loss(&weights, &forward(model, &x))
        });
        *model.parameters_mut().unwrap()[i].1 = at;
        checked += 1;
    }
    assert!(checked >= 2, "{layer} has a weight and a bias at least");
}

fn one_block(n_embd: usize, n_head: usize) -> Gpt2 {
    lively(&Config { n_inner: 10, ..Config::new(2, 1, n_embd, n_head, 1) }, false, 5)
}

#[test]
fn linear_has_the_gradient_of_the_loss_at_every_index() {
    let forward = |model: &Gpt2, x: &Tensor| model.h[0].mlp.c_fc.forward(x).unwrap();
    let backward = |model: &Gpt2, x: &Tensor, d_y: &Tensor, grad: &mut Gpt2| {
        model.h[0].mlp.c_fc.backward(x, d_y, &mut grad.h[0].mlp.c_fc).unwrap()
    };
    check_layer("h.0.mlp.c_fc.", 3, &mut one_block(6, 2), forward, backward);
}

#[test]
fn layer_norm_has_the_gradient_of_the_loss_at_every_index() {
    let forward = |model: &Gpt2, x: &Tensor| model.ln_f.forward(x).unwrap();
    let backward =
        |model: &Gpt2, x: &Tensor, d_y: &Tensor, grad: &mut Gpt2| model.ln_f.backward(x, d_y, &mut grad.ln_f).unwrap();
    check_layer("ln_f.", 3, &mut one_block(6, 2), forward, backward);
    check_layer("ln_f.", 2, &mut one_block(37, 1), forward, backward); // longer than the 32 sums side by side
}

#[test]
fn attention_has_the_gradient_of_the_loss_at_every_index() {
    // 66 queries are more than the 64 that are handled at a time.
    for (n_embd, n_head, n_seq) in [(6, 2, 5), (6, 3, 4), (6, 6, 3), (6, 1, 1), (4, 2, 66)] {
        let forward = |model: &Gpt2, x: &Tensor| model.h[0].attn.forward(x, Pass::new(n_seq)).unwrap();
        let backward = |model: &Gpt2, x: &Tensor, d_y: &Tensor, grad: &mut Gpt2| {
            let mut saved = Saved::new();
            model.h[0].attn.forward(x, Pass::saving(n_seq, &mut saved)).unwrap();
            model.h[0].attn.backward(x, &saved, d_y, &mut grad.h[0].attn).unwrap()
        };
        check_layer("h.0.attn.", n_seq, &mut one_block(n_embd, n_head), forward, backward);
    }
}

#[test]
fn mlp_has_the_gradient_of_the_loss_at_every_index() {
    let forward = |model: &Gpt2, x: &Tensor| model.h[0].mlp.forward(x, Pass::new(1)).unwrap();
    let backward = |model: &Gpt2, x: &Tensor, d_y: &Tensor, grad: &mut Gpt2| {
        let mut saved = Saved::new();
        model.h[0].mlp.forward(x, Pass::saving(1, &mut saved)).unwrap();
        model.h[0].mlp.backward(x, &saved, d_y, &mut grad.h[0].mlp).unwrap()
    };
    check_layer("h.0.mlp.", 3, &mut one_block(6, 2), forward, backward);
}

#[test]
fn mlp_with_relu_has_the_gradient_of_the_loss_at_every_index() {
    let mut model = one_block(6, 2);
    model.h[0].mlp.activation = Activation::Relu;
    // Half of the middle is far below the corner, half far above: no step crosses it.
    let bias = &mut model.h[0].mlp.c_fc.bias;
    (0..10).for_each(|i| bias.data_mut()[i] = if i % 2 == 0 { 9.0 } else { -9.0 });
    let forward = |model: &Gpt2, x: &Tensor| model.h[0].mlp.forward(x, Pass::new(1)).unwrap();
    let backward = |model: &Gpt2, x: &Tensor, d_y: &Tensor, grad: &mut Gpt2| {
        let mut saved = Saved::new();
        model.h[0].mlp.forward(x, Pass::saving(1, &mut saved)).unwrap();
        let fc = saved.tensor("fc").unwrap();
        assert!(fc.data().iter().all(|x| x.abs() > 1.0), "no number is near the corner");
        model.h[0].mlp.backward(x, &saved, d_y, &mut grad.h[0].mlp).unwrap()
    };
    check_layer("h.0.mlp.", 3, &mut model, forward, backward);
}

#[test]
fn block_has_the_gradient_of_the_loss_at_every_index() {
    let forward = |model: &Gpt2, x: &Tensor| model.h[0].forward(x.clone(), Pass::new(4)).unwrap();
    let backward = |model: &Gpt2, x: &Tensor, d_y: &Tensor, grad: &mut Gpt2| {
        let mut saved = Saved::new();
        model.h[0].forward(x.clone(), Pass::saving(4, &mut saved)).unwrap();
        model.h[0].backward(&saved, d_y, &mut grad.h[0]).unwrap()
    };
    check_layer("h.0.", 4, &mut one_block(6, 2), forward, backward);
}

#[test]
fn embedding_has_the_gradient_of_the_loss_at_every_index() {
    let mut rng = Rng::new(6);
    let (wte, wpe) = (Tensor::random(&[7, 3], 1.0, &mut rng), Tensor::random(&[5, 3], 1.0, &mut rng));
    let ids = random_ids(8, 7, &mut rng);
    let weights = Tensor::random(&[8, 3], 1.0, &mut rng);
    let (mut d_wte, mut d_wpe) = (Tensor::zeros(&[7, 3]), Tensor::zeros(&[5, 3]));
    embedding::backward(&ids, 4, &weights, &mut d_wte, &mut d_wpe).unwrap();
    let forward = |wte: &Tensor, wpe: &Tensor| embedding::forward(&wte.clone().into(), wpe, &ids, 4, 0).unwrap();
    check_every_index("wte", &d_wte, &wte, |wte| loss(&weights, &forward(wte, &wpe)));
    check_every_index("wpe", &d_wpe, &wpe, |wpe| loss(&weights, &forward(&wte, wpe)));
}

// ---------------------------------------------------------------------------------------------------------------------
// The measurement itself
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn a_wrong_gradient_is_found_wherever_it_is() {
    let x = Tensor::new(&[3], vec![0.5, -1.0, 2.0]).unwrap();
    let sum_of_cubes = |x: &Tensor| x.data().iter().map(|&x| f64::from(x).powi(3)).sum();
    let right = x.map(|x| 3.0 * x * x);
    assert_eq!(compare_every_index(&right, &x, sum_of_cubes), Ok(()));
    for i in 0..3 {
        let mut wrong = right.clone();
        wrong.data_mut()[i] += 0.02; // the largest is 3 * 2^2 = 12: an error of 1.7e-3 of it
        let message = compare_every_index(&wrong, &x, sum_of_cubes).unwrap_err().to_string();
        assert!(message.starts_with("1 of 3 values differ") && message.contains(&format!("at [{i}]")), "{message}");
    }
}
