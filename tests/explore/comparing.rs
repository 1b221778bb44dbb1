//! Comparing everything that a page says with what the model computes.

use crate::reading::{f16s, f32s, ids_of, number};
use gpt60::checkpoint::Json;
use gpt60::layers::{gelu, softmax};
use gpt60::{Config, Gpt2, Pass, Probe, Tensor};

/// A number as an `f16` is at most half a step off: 2^-11 of the number. The largest number of a tensor gives the limit
/// for the smaller ones too, whose error is smaller.
const F16: f64 = 1.0 / 2048.0;

/// Compares everything that a page says with the model's computation.
pub fn check_page(data: &Json, model: &Gpt2, ids: &[u32]) {
    check_sizes(data, &model.config);
    assert_eq!(ids_of(data), ids);

    let mut probe = Probe::everything();
    model.hidden(ids, Pass::new(ids.len()).watched_by(&mut probe)).unwrap();
    check_blocks(data, &model.config, ids.len(), &probe);

    // The logits have all their digits.
    let logits = model.logits(ids).unwrap();
    assert_eq!(f32s(data.get("logits").unwrap()), logits.row(ids.len() - 1));

    check_lens(data.get("lens").unwrap().as_array().unwrap(), model, &probe, &logits);
    check_surprise(data, ids, &softmax::forward(&logits));
}

fn check_sizes(data: &Json, config: &Config) {
    let Config { n_vocab, n_ctx, n_embd, n_head, n_layer, n_inner, .. } = *config;
    for (key, n) in [
        ("n_vocab", n_vocab),
        ("n_ctx", n_ctx),
        ("n_embd", n_embd),
        ("n_head", n_head),
        ("n_layer", n_layer),
        ("n_inner", n_inner),
    ] {
        assert_eq!(number(data, key), n, "{key}");
    }
}

/// The embeddings, and every step of every block.
fn check_blocks(data: &Json, config: &Config, n_seq: usize, probe: &Probe) {
    let same = |found: &Json, name: &str| {
        let expected = probe.get(name).unwrap();
        let found = Tensor::new(expected.shape(), f16s(found)).unwrap();
        found.check_close(expected, F16).unwrap_or_else(|difference| panic!("{name}: {difference}"));
    };
    same(data.get("wte").unwrap(), "wte");
    same(data.get("wpe").unwrap(), "wpe");
    let blocks = data.get("blocks").unwrap().as_array().unwrap();
    assert_eq!(blocks.len(), config.n_layer);
    for (i, block) in blocks.iter().enumerate() {
        for (key, name) in [
            ("ln_1", "ln_1"),
            ("q", "attn.q"),
            ("k", "attn.k"),
            ("v", "attn.v"),
            ("attn_out", "attn.out"),
            ("ln_2", "ln_2"),
            ("fc", "mlp.fc"),
            ("mlp_out", "mlp.out"),
        ] {
            same(block.get(key).unwrap(), &format!("h.{i}.{name}"));
        }
        let name = format!("h.{i}.attn.weights");
        check_attention(&name, &f16s(block.get("scores").unwrap()), config, n_seq, probe.get(&name).unwrap());
        let before = Tensor::new(&[n_seq, config.n_inner], f16s(block.get("fc").unwrap())).unwrap();
        check_gelu(&before, probe.get(&format!("h.{i}.mlp.act")).unwrap());
    }
}

/// The page makes the attention weights out of the scores: scaled, masked, softmax.
fn check_attention(name: &str, scores: &[f32], config: &Config, n_seq: usize, weights: &Tensor) {
    assert_eq!(scores.len(), config.n_head * n_seq * n_seq);
    let largest = scores.iter().fold(0.0_f32, |largest, score| largest.max(score.abs()));
    let scale = 1.0 / ((config.n_embd / config.n_head) as f32).sqrt();
    // An error e in a score changes a weight by at most e/2 of itself and its share of the others' errors: e in all.
    let tolerance = f64::from(largest * scale) * F16 + 1e-5;
    for (row, scores) in scores.chunks(n_seq).enumerate() {
        let t = row % n_seq;
        let masked = |(j, score): (usize, &f32)| if j <= t { score * scale } else { f32::NEG_INFINITY };
        let scores = Tensor::new(&[1, n_seq], scores.iter().enumerate().map(masked).collect()).unwrap();
        let found = softmax::forward(&scores).into_data();
        assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-5 && found[t + 1..].iter().all(|&w| w == 0.0));
        for (found, expected) in found.iter().zip(weights.row(row)) {
            assert!(f64::from((found - expected).abs()) <= tolerance, "{name}, row {row}: {found}, {expected}");
        }
    }
}

/// The page makes the middle of the MLP after GELU out of that before. GELU is nowhere steeper than 1.13.
fn check_gelu(before: &Tensor, after: &Tensor) {
    let largest = before.data().iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    for (found, expected) in gelu::forward(before).data().iter().zip(after.data()) {
        assert!(f64::from((found - expected).abs()) <= 1.13 * F16 * f64::from(largest) + 1e-6);
    }
}

/// The lens: a row after the embedding and after each block, and the last one is the model's answer.
fn check_lens(lens: &[Json], model: &Gpt2, probe: &Probe, logits: &Tensor) {
    let Config { n_vocab, n_layer, .. } = model.config;
    let (n_seq, probabilities) = (logits.shape()[0], softmax::forward(logits));
    assert_eq!(lens.len(), n_layer + 1);
    for (layer, row) in lens.iter().enumerate() {
        let name = if layer == 0 { "embd".to_string() } else { format!("h.{}.out", layer - 1) };
        let stream = model.ln_f.forward(probe.get(&name).unwrap()).unwrap();
        let scores = model.head(&stream).unwrap();
        let here = softmax::forward(&scores);
        assert_eq!(row.as_array().unwrap().len(), n_seq);
        for (t, reading) in row.as_array().unwrap().iter().enumerate() {
            let reading = reading.as_array().unwrap();
            let answer = Tensor::new(&[n_vocab], logits.row(t).to_vec()).unwrap().argmax().unwrap();
            let rank = reading[0].as_usize().unwrap();
            let is_before = |(id, &score): (usize, &f32)| {
                score > scores.row(t)[answer] || (score == scores.row(t)[answer] && id < answer)
            };
            assert_eq!(rank, scores.row(t).iter().enumerate().filter(|&it| is_before(it)).count());
            assert_eq!(reading.len(), 1 + 2 * n_vocab.min(5));
            let mut last = f32::INFINITY;
            for guess in reading[1..].chunks(2) {
                let (id, p) = (guess[0].as_usize().unwrap(), guess[1].as_f32().unwrap());
                assert_eq!(here.row(t)[id], p);
                assert!(p <= last);
                last = p;
            }
            if layer == n_layer {
                assert_eq!((rank, reading[1].as_usize().unwrap()), (0, answer));
                assert_eq!(reading[2].as_f32().unwrap(), probabilities.row(t)[answer]);
            }
        }
    }
}

/// Surprise: what the model gave to each token before it came.
fn check_surprise(data: &Json, ids: &[u32], probabilities: &Tensor) {
    let surprise = data.get("probability_of_next").unwrap().as_array().unwrap();
    assert_eq!(surprise.len(), ids.len() - 1);
    for (t, &next) in ids[1..].iter().enumerate() {
        assert_eq!(surprise[t].as_f32().unwrap(), probabilities.row(t)[next as usize]);
    }
}
