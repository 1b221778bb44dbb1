//! Forward and backward in bf16: this crate against PyTorch's `autocast`.
//!
//! `fixtures/autocast.py` made a small random model and computed its gradient with PyTorch. Here the same weights and the
//! same batch go through this crate, within [`Arithmetic::Bf16`]. Its gradient is compared with three of PyTorch's:
//!
//! * with the factors of every product rounded to bf16, and all else in `f32`: that is what this crate does, too, and the two
//!   are nearly equal;
//! * under `torch.autocast`, which is how models are trained in bf16 today. It also rounds the *result* of every product, so
//!   the two are only alike;
//! * the exact one, in `f64`. Ours is nearer to it than autocast's.

use gpt60::checkpoint::{self, Json, safetensors};
use gpt60::close::relative_difference;
use gpt60::kernels::arithmetic::{Arithmetic, within};
use gpt60::layers::linear::Linear;
use gpt60::train::batches::{Batch, Tokens};
use gpt60::train::loss::cross_entropy_and_gradient;
use gpt60::train::step::loss_and_gradient;
use gpt60::{Gpt2, Pass, Saved, Tensor};
use std::path::PathBuf;

/// How far our gradient may be from autocast's, as a share of the largest number of a matrix.
///
/// A bf16 has 8 significant bits. The step between two neighbours is 2^-7 just above 1, so a rounding is off by at most half
/// of it, 2^-8; as a share of the number, over all numbers, 0.0017 in root mean square. Errors of independent roundings add
/// up in squares. A product of two rounded factors is thus off by 0.0017 * sqrt(2) = 0.0023, and with its result rounded too,
/// as in autocast, by 0.0029. From the ids to the gradient of the first block, 26 products follow one another: 6 in each
/// of 2 blocks and the head, forward and backward. For ours and autocast's together, sqrt(26 * (0.0023^2 + 0.0029^2)) is
/// 0.019. (Somewhat less in truth: the residual stream leads around the products.) That is for an average number; the factor
/// 1.5 is for the worst number of all matrices.
///
/// All ten matrices were within 0.015 when this was written.
const LIKE_AUTOCAST: f64 = 1.5 * 0.019;

/// How far it may be from PyTorch's with the same roundings, likewise.
///
/// A sum in another order is off by 1e-7. Where it then lies on the other side of the middle between two bf16, it is rounded
/// the other way, and one number among those that make a gradient is off by up to 2^-8. `autocast.py` has the same roundings
/// in `f64`, too: the largest difference of the two is 4e-4. Five times that allows for other numbers near the middle.
const SAME_ROUNDINGS: f64 = 2e-3;

const N_SEQUENCES: usize = 4;
const N_SEQ: usize = 24;

fn dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/autocast")
}

fn load() -> (Gpt2, Batch) {
    let json = Json::parse(&std::fs::read_to_string(dir().join("batch.json")).unwrap()).unwrap();
    let mut all = Batch::default();
    for sequence in json.as_array().unwrap() {
        let ids = sequence.as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32).collect();
        let Batch { inputs, targets } = Tokens::from_ids(ids, N_SEQ).unwrap().batch(&[0]);
        all.inputs.extend(inputs);
        all.targets.extend(targets);
    }
    assert_eq!(all.inputs.len(), N_SEQUENCES * N_SEQ);
    (checkpoint::load(dir()).unwrap().model, all)
}

/// The gradients of the matrices under their names.
type Gradients = Vec<(String, Tensor)>;

fn of_pytorch(file: &str) -> Gradients {
    let gradients = safetensors::read(dir().join(file)).unwrap().0;
    assert_eq!(gradients.len(), 2 + 2 * 4); // wte and wpe, and four in each block
    gradients
}

fn matrices(grad: &Gpt2) -> Gradients {
    let all = grad.parameters().unwrap().into_iter();
    all.filter(|(_, tensor)| tensor.shape().len() == 2).map(|(name, tensor)| (name, tensor.clone())).collect()
}

fn ours(arithmetic: Arithmetic) -> Gradients {
    let (model, batch) = load();
    let mut grad = model.zeros_like();
    let work = || loss_and_gradient(&model, &batch, N_SEQ, 1.0, &mut Saved::new(), &mut grad).unwrap();
    within(arithmetic, work);
    matrices(&grad)
}

/// The gradient of the matrix with this name.
fn named<'a>(gradients: &'a Gradients, name: &str) -> &'a Tensor {
    &gradients.iter().find(|(other, _)| other == name).unwrap().1
}

/// The largest difference of a number, as a share of the largest number.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    relative_difference((found.shape(), found.data()), (expected.shape(), expected.data())).unwrap()
}

/// The largest [`difference`] of all matrices.
fn largest_difference(found: &Gradients, expected: &Gradients) -> f64 {
    assert_eq!(found.len(), expected.len());
    found.iter().map(|(name, found)| difference(found, named(expected, name))).fold(0.0, f64::max)
}

/// The root mean square of the differences, as a share of that of the numbers.
fn distance(found: &Tensor, expected: &Tensor) -> f64 {
    let squares = |tensor: &Tensor| tensor.data().iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    (squares(&found.sub(expected).unwrap()) / squares(expected)).sqrt()
}

#[test]
fn in_f32_the_gradient_is_the_exact_one() {
    let found = ours(Arithmetic::F32);
    // Sums in f32: the tolerance of tests/pytorch.rs.
    assert!(largest_difference(&found, &of_pytorch("exact.safetensors")) < 1e-4);
}

#[test]
fn in_bf16_every_matrix_has_a_gradient_like_that_of_autocast() {
    let (found, expected) = (ours(Arithmetic::Bf16), of_pytorch("autocast.safetensors"));
    assert_eq!(found.len(), expected.len());
    for (name, found) in found {
        let difference = difference(&found, named(&expected, &name));
        println!("{name}: {difference:.4}");
        assert!(difference <= LIKE_AUTOCAST, "{name}: {difference}");
    }
}

#[test]
fn in_bf16_the_factors_of_every_product_are_rounded_and_nothing_else() {
    let expected = of_pytorch("factors.safetensors");
    let found = largest_difference(&ours(Arithmetic::Bf16), &expected);
    println!("{found:.5}");
    assert!(found <= SAME_ROUNDINGS, "{found}");

    // Rounding nothing, or only the products of forward or of backward, is found.
    let (model, batch) = load();
    for (forward, backward) in
        [(Arithmetic::F32, Arithmetic::F32), (Arithmetic::Bf16, Arithmetic::F32), (Arithmetic::F32, Arithmetic::Bf16)]
    {
        let grad = there_and_back((&model, forward), (&model, backward), &batch);
        let found = largest_difference(&matrices(&grad), &expected);
        println!("forward {forward}, backward {backward}: {found:.5}");
        assert!(found > 2.0 * SAME_ROUNDINGS, "forward {forward}, backward {backward}: {found}");
    }
}

#[test]
fn in_bf16_every_gradient_is_rounded_and_nearer_to_the_exact_one_than_that_of_autocast() {
    let (rounded, full) = (ours(Arithmetic::Bf16), ours(Arithmetic::F32));
    let (exact, autocast) = (of_pytorch("exact.safetensors"), of_pytorch("autocast.safetensors"));
    for (name, found) in rounded {
        let change = difference(&found, named(&full, &name));
        assert!(change > 1e-4, "{name} is not rounded: {change}");
        let exact = named(&exact, &name);
        let (found, autocast) = (distance(&found, exact), distance(named(&autocast, &name), exact));
        println!("{name}: ours {found:.4} from the exact gradient, autocast {autocast:.4}");
        assert!(found < autocast, "{name}: {found} and {autocast}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// A wrong backward is found
// ---------------------------------------------------------------------------------------------------------------------

/// The gradient of a forward pass through one model and a backward pass through another, each in its arithmetic.
fn there_and_back(forward: (&Gpt2, Arithmetic), backward: (&Gpt2, Arithmetic), batch: &Batch) -> Gpt2 {
    let (mut saved, mut grad) = (Saved::new(), forward.0.zeros_like());
    let d_logits = within(forward.1, || {
        let hidden = forward.0.hidden(&batch.inputs, Pass::saving(N_SEQ, &mut saved)).unwrap();
        let logits = forward.0.head(&hidden).unwrap();
        cross_entropy_and_gradient(logits, &batch.targets, 1.0).unwrap().1
    });
    within(backward.1, || backward.0.backward(&batch.inputs, &saved, &d_logits, &mut grad).unwrap());
    grad
}

/// The gradient in bf16 of a forward pass through `model` whose backward pass goes through `other`, which is `model` with
/// something wrong. A layer's backward multiplies by its weight once, `d_y·Wᵀ`: with a `W` of zeros, this product is missing.
fn backward_through(other: &Gpt2, model: &Gpt2, batch: &Batch) -> Gpt2 {
    there_and_back((model, Arithmetic::Bf16), (other, Arithmetic::Bf16), batch)
}

/// A linear layer of block `i` of a model.
type OfBlock = fn(&mut Gpt2, usize) -> &mut Linear;

/// The four linear layers of a block.
const LINEAR: [(&str, OfBlock); 4] = [
    ("attn.c_attn", |model, i| &mut model.h[i].attn.c_attn),
    ("attn.c_proj", |model, i| &mut model.h[i].attn.c_proj),
    ("mlp.c_fc", |model, i| &mut model.h[i].mlp.c_fc),
    ("mlp.c_proj", |model, i| &mut model.h[i].mlp.c_proj),
];

fn tensor_of(linear: &mut Linear) -> &mut Tensor {
    linear.weight.tensor_mut().unwrap()
}

/// Zeros in the columns that belong to the queries (0), keys (1) or values (2).
fn clear_third(c_attn: &mut Linear, third: usize) {
    let tensor = tensor_of(c_attn);
    let n_embd = tensor.n_cols() / 3;
    for i in 0..tensor.n_rows() {
        tensor.row_mut(i)[third * n_embd..(third + 1) * n_embd].fill(0.0);
    }
}

/// Every backward in which one product is missing or transposed, and what is wrong with it.
fn wrong_gradients(model: &Gpt2, batch: &Batch) -> Vec<(String, Gpt2)> {
    let right = backward_through(model, model, batch);
    let mut wrong = Vec::new();
    for i in 0..model.h.len() {
        for (name, linear) in LINEAR {
            let (mut other, mut grad) = (model.clone(), right.clone());
            tensor_of(linear(&mut other, i)).data_mut().fill(0.0);
            wrong.push((format!("h.{i}.{name}: d_x is missing"), backward_through(&other, model, batch)));
            tensor_of(linear(&mut grad, i)).data_mut().fill(0.0);
            wrong.push((format!("h.{i}.{name}: d_W is missing"), grad));
        }
        let (mut other, mut grad) = (model.clone(), right.clone());
        for square in [&mut other, &mut grad].map(|model| tensor_of(&mut model.h[i].attn.c_proj)) {
            *square = square.transpose().unwrap();
        }
        wrong.push((format!("h.{i}.attn.c_proj: W is not transposed"), backward_through(&other, model, batch)));
        wrong.push((format!("h.{i}.attn.c_proj: d_W is transposed"), grad));
        for (third, name) in ["d_q", "d_k", "d_v"].into_iter().enumerate() {
            let mut other = model.clone();
            clear_third(&mut other.h[i].attn.c_attn, third);
            let mut grad = backward_through(&other, model, batch);
            clear_third(&mut grad.h[i].attn.c_attn, third);
            wrong.push((format!("h.{i}.attn: {name} is missing"), grad));
        }
    }
    let mut other = model.clone();
    other.wte.tensor_mut().unwrap().data_mut().fill(0.0); // backward uses it as the head alone
    wrong.push(("head: d_x is missing".to_string(), backward_through(&other, model, batch)));
    // With a head of its own, the table receives what it does as an embedding, and nothing of the head.
    let untied = Gpt2 { lm_head: Some(model.wte.clone()), ..model.clone() };
    let embedding_only = Gpt2 { lm_head: None, ..backward_through(&untied, &untied, batch) };
    wrong.push(("head: d_W is missing".to_string(), embedding_only));
    wrong
}

#[test]
fn a_backward_with_a_product_missing_or_transposed_is_far_from_autocast_s() {
    let (model, batch) = load();
    assert_eq!(matrices(&backward_through(&model, &model, &batch)), ours(Arithmetic::Bf16)); // when nothing is wrong
    let autocast = of_pytorch("autocast.safetensors");
    let wrong = wrong_gradients(&model, &batch);
    assert_eq!(wrong.len(), 2 * (4 * 2 + 2 + 3) + 2);
    for (what, grad) in wrong {
        let difference = largest_difference(&matrices(&grad), &autocast);
        println!("{what}: {difference:.3}");
        // With room to spare, so that it is not the rounding that decides.
        assert!(difference > 5.0 * LIKE_AUTOCAST, "{what}: {difference}");
    }
}
