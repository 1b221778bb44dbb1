//! What some examples build from the library's layers, beside the library itself: the block of 2017, and attention
//! without a mask.

#[path = "../examples/attention/both_ways.rs"]
mod both_ways;
mod common;
#[path = "../examples/block/post_ln.rs"]
mod post_ln;

use common::{check_every_index, lively};
use gpt60::train::batches::Batch;
use gpt60::{Config, Pass, Probe};

#[test]
fn every_index_of_every_parameter_of_a_post_ln_model_has_the_gradient_of_the_loss() {
    let config = Config { n_inner: 10, ..Config::new(7, 4, 6, 2, 2) };
    let mut model = lively(&config, false, 3);
    let batch = Batch { inputs: vec![1, 5, 5, 0, 2, 6, 1, 4], targets: vec![5, 5, 0, 3, 6, 1, 4, 2] };
    let mut grad = model.zeros_like();
    post_ln::loss_and_gradient(&model, &batch, 4, &mut grad).unwrap();

    let mut scratch = model.zeros_like(); // only the loss is asked for, not its gradient
    for (i, (name, gradient)) in grad.parameters().unwrap().into_iter().enumerate() {
        if name.starts_with("ln_f") {
            assert!(gradient.data().iter().all(|&d| d == 0.0), "the last block ends with a layer norm: no {name}");
            continue;
        }
        let at = model.parameters().unwrap()[i].1.clone();
        check_every_index(&name, gradient, &at, |moved| {
            *model.parameters_mut().unwrap()[i].1 = moved.clone();
            post_ln::loss_and_gradient(&model, &batch, 4, &mut scratch).unwrap()
        });
        *model.parameters_mut().unwrap()[i].1 = at;
    }
}

#[test]
fn with_the_mask_both_ways_is_the_library_s_model() {
    let model = lively(&Config::new(11, 8, 12, 3, 3), false, 1);
    let ids = [4, 1, 7, 0, 10];
    let mut probe = Probe::only(&["h.1.attn.weights"]);
    let hidden = model.hidden(&ids, Pass::new(ids.len()).watched_by(&mut probe)).unwrap();
    let all = probe.get("h.1.attn.weights").unwrap().clone().reshape(&[3 * 5, 5]).unwrap(); // [n_head*n_seq, n_seq]
    let (found, weights) = both_ways::run(&model, &ids, true, 1, 2).unwrap();
    found.check_close(&hidden, 1e-5).unwrap();
    weights.check_close(&all.take_rows(&[10, 11, 12, 13, 14]).unwrap(), 1e-5).unwrap();
}

#[test]
fn a_later_token_is_noticed_by_all_before_it_only_without_the_mask() {
    let model = lively(&Config::new(11, 8, 12, 3, 3), false, 1);
    for causal in [true, false] {
        let run = |ids: &[u32]| both_ways::run(&model, ids, causal, 0, 0).unwrap();
        let ((before, weights), (after, _)) = (run(&[4, 1, 7, 0]), run(&[4, 1, 7, 9]));
        let moved = both_ways::moved(&before, &after).unwrap();
        assert!(moved[3] > 0.0);
        for (t, &moved) in moved.iter().enumerate().take(3) {
            assert_eq!(before.row(t) == after.row(t), causal);
            assert_eq!(moved == 0.0, causal);
            assert_eq!(weights.row(t)[t + 1..].iter().all(|&weight| weight == 0.0), causal);
        }
    }
}

#[test]
fn moved_is_a_percentage_of_the_length() {
    let table = |data: Vec<f32>| gpt60::Tensor::new(&[2, 2], data).unwrap();
    // (3, 4) has length 5; (0, 1) away from it is 20 %. (1, 0) away from (0, 2) is half its length.
    let moved = both_ways::moved(&table(vec![3.0, 4.0, 0.0, 2.0]), &table(vec![3.0, 5.0, 1.0, 2.0])).unwrap();
    assert_eq!(moved, [20.0, 50.0]);
}
