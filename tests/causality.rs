//! No token looks ahead, no sequence sees another, and the number of threads changes nothing: tested by behaviour.
//!
//! The code of a mask can convince a reader that it is right. Here the code is not read. One token is changed; the
//! outputs before it must stay the same **bit for bit**, and those from it on must change. "Close" is not enough: a
//! leak of one part in a million is a leak, and a model in training learns to use it.

mod common;

use common::{N_CTX, N_VOCAB, any_model, batch_logits, bits, lively, random_ids};
use gpt60::kernels::arithmetic::{Arithmetic, within};
use gpt60::kernels::{math, threads};
use gpt60::layers::layer_norm::LayerNorm;
use gpt60::layers::linear::Linear;
use gpt60::layers::{gelu, softmax};
use gpt60::{Config, Gpt2, KvCache, Pass, Probe, Rng, Saved, Tensor};
use proptest::prelude::*;

/// A batch of ids, `n_sequences` times `n_seq`, and the place of one of them. Lengths beyond 64, where attention
/// handles its queries in two blocks, are tried as well as short ones.
fn any_batch() -> impl Strategy<Value = (Vec<u32>, usize, usize)> {
    (1usize..4, prop_oneof![1usize..12, 60..=N_CTX]).prop_flat_map(|(n_sequences, n_seq)| {
        let n_tok = n_sequences * n_seq;
        (prop::collection::vec(0..N_VOCAB as u32, n_tok), Just(n_seq), 0..n_tok)
    })
}

/// The same ids with another token at place `at`.
fn changed(ids: &[u32], at: usize) -> Vec<u32> {
    let mut ids = ids.to_vec();
    ids[at] = (ids[at] + 1) % N_VOCAB as u32;
    ids
}

/// Passes if the rows of `before` and `after` differ exactly where they may: in the sequence of token `at`, from there
/// on.
fn check_rows(before: &Tensor, after: &Tensor, n_seq: usize, at: usize) -> Result<(), TestCaseError> {
    for t in 0..before.n_rows() {
        let same = bits(before.row(t)) == bits(after.row(t));
        let sees_the_change = t / n_seq == at / n_seq && t >= at;
        prop_assert_eq!(same, !sees_the_change, "token {} was changed, row {}, sequences of {}", at, t, n_seq);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..Default::default() })]

    #[test]
    fn changing_a_token_changes_its_own_and_all_later_outputs_of_its_sequence_and_no_bit_of_any_other(
        model in any_model(), (ids, n_seq, at) in any_batch(),
    ) {
        let before = batch_logits(&model, &ids, n_seq);
        let after = batch_logits(&model, &changed(&ids, at), n_seq);
        check_rows(&before, &after, n_seq, at)?;
    }

    #[test]
    fn the_same_holds_with_a_cache_however_the_sequences_are_cut(
        model in any_model(), (ids, n_seq, at) in any_batch(), sizes in prop::collection::vec(1usize..30, 1..10),
    ) {
        let before = piecewise(&model, &ids, n_seq, &sizes);
        let after = piecewise(&model, &changed(&ids, at), n_seq, &sizes);
        check_rows(&before, &after, n_seq, at)?;
    }

    #[test]
    fn the_same_holds_when_everything_is_saved_for_backward(model in any_model(), (ids, n_seq, at) in any_batch()) {
        let run = |ids: &[u32]| {
            model.hidden(ids, Pass::saving(n_seq, &mut Saved::new()).watched_by(&mut Probe::everything())).unwrap()
        };
        check_rows(&run(&ids), &run(&changed(&ids, at)), n_seq, at)?;
    }

    #[test]
    fn in_bf16_no_bit_of_an_earlier_output_or_another_sequence_changes(
        model in any_model(), (ids, n_seq, at) in any_batch(), saving: bool,
    ) {
        let run = |ids: &[u32]| {
            let mut saved = Saved::new();
            let pass = if saving { Pass::saving(n_seq, &mut saved) } else { Pass::new(n_seq) };
            within(Arithmetic::Bf16, || model.hidden(ids, pass)).unwrap()
        };
        let (before, after) = (run(&ids), run(&changed(&ids, at)));
        for t in (0..ids.len()).filter(|t| t / n_seq != at / n_seq || *t < at) {
            prop_assert_eq!(bits(before.row(t)), bits(after.row(t)), "token {} was changed, row {}", at, t);
        }
        prop_assert_ne!(bits(before.row(at)), bits(after.row(at)));
    }

    #[test]
    fn no_output_has_a_gradient_in_a_later_token_or_another_sequence(
        model in any_model(), (ids, n_seq, at) in any_batch(),
    ) {
        // The loss is a single output, and each token is given a vector of its own: the gradient says which tokens act
        // on it.
        let config = Config { n_vocab: ids.len(), ..model.config };
        let mut model = model;
        model.wte = Tensor::random(&[config.n_vocab, config.n_embd], 1.0, &mut Rng::new(1)).into();
        model.lm_head = Some(Tensor::random(&[config.n_vocab, config.n_embd], 1.0, &mut Rng::new(2)).into());
        model.config = config;
        let ids: Vec<u32> = (0..ids.len() as u32).collect();
        let (mut saved, mut grad) = (Saved::new(), model.zeros_like());
        model.hidden(&ids, Pass::saving(n_seq, &mut saved)).unwrap();
        let mut d_logits = Tensor::zeros(&[ids.len(), ids.len()]);
        d_logits.row_mut(at)[0] = 1.0;
        model.backward(&ids, &saved, &d_logits, &mut grad).unwrap();
        for t in 0..ids.len() {
            let acts = grad.wte.row(t).iter().any(|&d| d != 0.0);
            prop_assert_eq!(acts, t / n_seq == at / n_seq && t <= at, "token {} on output {}", t, at);
        }
    }
}

/// The last layer norm's output for every token, read with a cache in pieces of these sizes (over and over again).
fn piecewise(model: &Gpt2, ids: &[u32], n_seq: usize, sizes: &[usize]) -> Tensor {
    let n_sequences = ids.len() / n_seq;
    let mut cache = KvCache::new(&model.config, n_sequences);
    let mut all = Tensor::zeros(&[ids.len(), model.config.n_embd]);
    let mut sizes = sizes.iter().cycle();
    while cache.n_past() < n_seq {
        let from = cache.n_past();
        let n = (n_seq - from).min(*sizes.next().unwrap());
        let piece: Vec<u32> = ids.chunks(n_seq).flat_map(|sequence| &sequence[from..from + n]).copied().collect();
        let hidden = model.hidden(&piece, Pass::cached(n, &mut cache)).unwrap();
        for t in 0..piece.len() {
            all.row_mut(t / n * n_seq + from + t % n).copy_from_slice(hidden.row(t));
        }
    }
    all
}

/// Everything that forward and backward compute, as bits, on work large enough to be split.
fn all_bits(n_threads: usize, work: impl Fn() -> Vec<Tensor>) -> Vec<Vec<u32>> {
    threads::set(n_threads);
    let results = work().iter().map(|tensor| bits(tensor.data())).collect();
    threads::set(0);
    results
}

/// The number of threads is shared by the whole program, so one test does everything that concerns it.
#[test]
fn one_thread_or_seven_give_the_same_bits_forward_and_backward() {
    let mut rng = Rng::new(1);

    // A model: 520 tokens, 66 numbers each. c_attn takes 520 * 66 * 198 = 6.8 million multiplications, attention
    // 520 * 130 * 66 = 4.5 million, and each is split from 4.2 million on.
    let model = lively(&Config::new(131, 130, 66, 3, 2), false, 2);
    let ids = random_ids(4 * 130, 131, &mut rng);
    const { assert!(520 * 130 * 66 >= threads::WORTH_A_THREAD) };
    let d_logits = Tensor::random(&[520, 131], 1.0, &mut rng);
    let whole_model = || {
        let (mut saved, mut grad) = (Saved::new(), model.zeros_like());
        let without_saving = batch_logits(&model, &ids, 130);
        let hidden = model.hidden(&ids, Pass::saving(130, &mut saved)).unwrap();
        model.backward(&ids, &saved, &d_logits, &mut grad).unwrap();
        let gradients = grad.parameters().unwrap().into_iter().map(|(_, tensor)| tensor.clone());
        [without_saving, hidden].into_iter().chain(gradients).collect::<Vec<Tensor>>()
    };

    let in_bf16 = || within(Arithmetic::Bf16, whole_model);

    // Layers that work on one row at a time: 8 operations for each of 2051 * 257 numbers.
    let x = Tensor::random(&[2051, 257], 1.0, &mut rng);
    let d = Tensor::random(&[2051, 257], 1.0, &mut rng);
    let norm = LayerNorm { weight: Tensor::random(&[257], 1.0, &mut rng), ..LayerNorm::new(257, 1e-5) };
    assert!(8 * x.len() >= threads::WORTH_A_THREAD);
    let row_layers = || {
        let mut grad = LayerNorm::zeros(257, 1e-5);
        let normed = norm.forward(&x).unwrap();
        let d_x = norm.backward(&x, &d, &mut grad).unwrap();
        let probabilities = softmax::forward(&x);
        let d_scores = softmax::backward(&probabilities, &d).unwrap();
        let (act, d_act) = (gelu::forward(&x), gelu::backward(&x, &d).unwrap());
        vec![normed, d_x, grad.weight, grad.bias, probabilities, d_scores, act, d_act]
    };

    // A linear layer so wide that adding its bias, and summing its bias's gradient, is split too: 2051 * 2053 numbers;
    // and a single row through a matrix of that size, as for each new token.
    let x = Tensor::random(&[2051, 9], 1.0, &mut rng);
    let wide = Linear { bias: Tensor::random(&[2053], 1.0, &mut rng), ..Linear::random(9, 2053, 1.0, &mut rng) };
    let d_y = Tensor::random(&[2051, 2053], 1.0, &mut rng);
    let row = Tensor::random(&[1, 2053], 1.0, &mut rng);
    assert!(d_y.len() >= threads::WORTH_A_THREAD);
    let wide_linear = || {
        let mut grad = Linear::zeros(9, 2053);
        let y = wide.forward(&x).unwrap();
        let d_x = wide.backward(&x, &d_y, &mut grad).unwrap();
        let mut products = vec![0.0; 2053];
        math::add_column_sums_of_products(d_y.data(), y.data(), &mut products);
        let products = Tensor::new(&[2053], products).unwrap();
        let one_row = row.matmul_t(&d_y).unwrap(); // [1, 2053] · [2051, 2053]ᵀ
        let other_row = one_row.matmul(&d_y).unwrap(); // [1, 2051] · [2051, 2053]
        vec![y, d_x, grad.weight.tensor().unwrap().clone(), grad.bias, products, one_row, other_row]
    };

    let works: [(&str, &dyn Fn() -> Vec<Tensor>); 4] = [
        ("model", &whole_model),
        ("model in bf16", &in_bf16),
        ("row layers", &row_layers),
        ("wide linear layer", &wide_linear),
    ];
    for (name, work) in works {
        let one = all_bits(1, work);
        for n_threads in [2, 3, 5, 7] {
            let many = all_bits(n_threads, work);
            let differing: Vec<usize> = (0..one.len()).filter(|&i| one[i] != many[i]).collect();
            assert!(differing.is_empty(), "{name}, {n_threads} threads: results {differing:?} differ");
        }
    }
}
