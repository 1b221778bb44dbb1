//! Reading a sequence in pieces, with a cache, gives the same as reading it at once; and a probe sees what was
//! computed.
//!
//! The two ways do the same additions and multiplications, but in another order: the product of many rows adds up its
//! sums in tiles, the product of one row as dot products. That is why the last bits differ. Each number is rounded to
//! one part in 10^7, and up to three blocks pass the differences on; `1e-5` of the largest number leaves room for that,
//! and for nothing else.

mod common;

use common::{N_CTX, N_VOCAB, any_model, batch_logits, random_ids};
use gpt60::{Config, Gpt2, KvCache, Pass, Probe, Rng, Tensor};
use proptest::prelude::*;

const TOLERANCE: f64 = 1e-5;
/// One to three sequences of equal length: short ones, and ones that attention handles in two blocks.
fn any_sequences() -> impl Strategy<Value = Vec<Vec<u32>>> {
    (1usize..4, prop_oneof![1usize..12, 60..=N_CTX]).prop_flat_map(|(n_sequences, n_seq)| {
        prop::collection::vec(prop::collection::vec(0..N_VOCAB as u32, n_seq), n_sequences)
    })
}

/// The logits after every token of one sequence: everything here is compared with them.
fn uncached(model: &Gpt2, ids: &[u32]) -> Tensor {
    model.logits(ids).unwrap()
}

/// Reads tokens `from..to` of every sequence into the cache; returns the logits for the token after each.
fn read(model: &Gpt2, sequences: &[Vec<u32>], from: usize, to: usize, cache: &mut KvCache) -> Tensor {
    let piece: Vec<u32> = sequences.iter().flat_map(|ids| &ids[from..to]).copied().collect();
    model.next_logits(&piece, cache).unwrap()
}

/// Passes if row `i` of `logits` is what sequence `i` has after its first `n` tokens.
fn check(model: &Gpt2, sequences: &[Vec<u32>], n: usize, logits: &Tensor) -> Result<(), TestCaseError> {
    prop_assert_eq!(logits.shape(), [sequences.len(), N_VOCAB]);
    for (i, ids) in sequences.iter().enumerate() {
        let expected = uncached(model, &ids[..n]).take_rows(&[n - 1]).unwrap();
        let difference = logits.take_rows(&[i]).unwrap().check_close(&expected, TOLERANCE);
        prop_assert_eq!(difference, Ok(()), "sequence {}, after {} tokens", i, n);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..Default::default() })]

    #[test]
    fn sequences_read_side_by_side_in_pieces_of_any_size_have_the_logits_of_each_read_alone_and_at_once(
        model in any_model(), sequences in any_sequences(), sizes in prop::collection::vec(1usize..30, 1..10),
    ) {
        let n_seq = sequences[0].len();
        let mut cache = KvCache::new(&model.config, sequences.len());
        let mut sizes = sizes.iter().cycle();
        while cache.n_past() < n_seq {
            let from = cache.n_past();
            let to = n_seq.min(from + sizes.next().unwrap());
            let logits = read(&model, &sequences, from, to, &mut cache);
            prop_assert_eq!(cache.n_past(), to);
            check(&model, &sequences, to, &logits)?;
        }
    }

    #[test]
    fn after_select_each_new_sequence_goes_on_from_the_one_it_was_made_of(
        model in any_model(), sequences in any_sequences(), picks in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        new in prop::collection::vec(0..N_VOCAB as u32, 8),
    ) {
        // Each selected sequence gets its own new token: two copies of one sequence part ways.
        let sequences: Vec<Vec<u32>> = sequences.into_iter().map(|ids| ids[..ids.len().min(N_CTX - 2)].to_vec()).collect();
        let n_seq = sequences[0].len();
        let mut cache = KvCache::new(&model.config, sequences.len());
        read(&model, &sequences, 0, n_seq, &mut cache);
        let from: Vec<usize> = picks.iter().map(|pick| pick.index(sequences.len())).collect();
        let mut selected = cache.select(&from).unwrap();
        prop_assert_eq!((selected.n_sequences(), selected.n_past()), (from.len(), n_seq));
        let continued: Vec<Vec<u32>> =
            from.iter().enumerate().map(|(i, &f)| [&sequences[f][..], &new[2 * i..2 * i + 2]].concat()).collect();
        for n in [n_seq + 1, n_seq + 2] {
            let logits = read(&model, &continued, n - 1, n, &mut selected);
            check(&model, &continued, n, &logits)?;
        }
        // The cache that was selected from has not changed.
        let going_on: Vec<Vec<u32>> = sequences.iter().map(|ids| [&ids[..], &new[..1]].concat()).collect();
        let logits = read(&model, &going_on, n_seq, n_seq + 1, &mut cache);
        check(&model, &going_on, n_seq + 1, &logits)?;
    }

    #[test]
    fn however_often_sequences_are_dropped_and_split_each_has_the_logits_of_its_own_tokens(
        model in any_model(), prompt in prop::collection::vec(0..N_VOCAB as u32, 1..30), seed in any::<u64>(),
    ) {
        // As in beam search: after every token, each sequence continues one of the previous ones.
        let mut rng = Rng::new(seed);
        let mut cache = KvCache::new(&model.config, 1);
        model.next_logits(&prompt, &mut cache).unwrap();
        let mut texts = vec![prompt];
        for step in 0..20 {
            let from: Vec<usize> = (0..1 + rng.below(4)).map(|_| rng.below(texts.len())).collect();
            cache = cache.select(&from).unwrap();
            let new = random_ids(from.len(), N_VOCAB, &mut rng);
            texts = from.iter().zip(&new).map(|(&from, &id)| [&texts[from][..], &[id]].concat()).collect();
            let logits = model.next_logits(&new, &mut cache).unwrap();
            if step % 5 == 4 {
                check(&model, &texts, texts[0].len(), &logits)?;
            }
        }
    }

    #[test]
    fn after_truncate_it_is_as_if_the_rest_had_never_been_read(
        model in any_model(), sequences in any_sequences(), keep in any::<prop::sample::Index>(), seed in any::<u64>(),
    ) {
        let n_seq = sequences[0].len();
        let mut cache = KvCache::new(&model.config, sequences.len());
        read(&model, &sequences, 0, n_seq, &mut cache);
        let n_kept = keep.index(n_seq);
        cache.truncate(n_kept);
        prop_assert_eq!(cache.n_past(), n_kept);
        // Other tokens follow the kept ones now.
        let mut rng = Rng::new(seed);
        let other: Vec<Vec<u32>> = sequences.iter()
            .map(|ids| [&ids[..n_kept], &random_ids(n_seq - n_kept, N_VOCAB, &mut rng)[..]].concat())
            .collect();
        let logits = read(&model, &other, n_kept, n_seq, &mut cache);
        check(&model, &other, n_seq, &logits)?;
    }

    #[test]
    fn the_logits_of_a_batch_are_those_of_each_sequence_alone(model in any_model(), sequences in any_sequences()) {
        let n_seq = sequences[0].len();
        let logits = batch_logits(&model, &sequences.concat(), n_seq); // [n_tok, n_vocab]
        for (i, ids) in sequences.iter().enumerate() {
            let rows: Vec<usize> = (i * n_seq..(i + 1) * n_seq).collect();
            let difference = logits.take_rows(&rows).unwrap().check_close(&uncached(&model, ids), TOLERANCE);
            prop_assert_eq!(difference, Ok(()), "sequence {}", i);
        }
    }

    #[test]
    fn a_probe_changes_no_output_and_sees_the_numbers_that_were_computed(
        model in any_model(), sequences in any_sequences(), n_past in any::<prop::sample::Index>(),
    ) {
        // The first tokens are in a cache, or none are; the probe watches the rest being read.
        let (n_sequences, n_seq) = (sequences.len(), sequences[0].len());
        let n_past = n_past.index(n_seq);
        let mut cache = KvCache::new(&model.config, n_sequences);
        if n_past > 0 {
            read(&model, &sequences, 0, n_past, &mut cache);
        }
        let ids: Vec<u32> = sequences.iter().flat_map(|ids| &ids[n_past..]).copied().collect();
        let n_new = n_seq - n_past;
        let mut probe = Probe::everything();
        // Each starts from a copy, so all find the cache in the same state.
        let hidden = |probe: &mut Probe| model.hidden(&ids, Pass::cached(n_new, &mut cache.clone()).watched_by(probe)).unwrap();
        let unwatched = hidden(&mut Probe::only(&[]));
        prop_assert_eq!(&hidden(&mut Probe::only(&["h.0.attn.q", "h.0.attn.heads", "h.0.mlp.act", "ln_f"])), &unwatched);
        // If the weights are asked for, a single new token's attention sums in another order: the bits are not the
        // same.
        let hidden = hidden(&mut probe);
        prop_assert_eq!(hidden.check_close(&unwatched, TOLERANCE), Ok(()));
        let seen = |name: &str| probe.get(name).unwrap_or_else(|| panic!("{name} was not seen"));
        prop_assert_eq!(seen("ln_f"), &hidden);

        // The last token's row of ln_f, through the head, is the logits.
        for (i, ids) in sequences.iter().enumerate() {
            let row = seen("ln_f").take_rows(&[(i + 1) * n_new - 1]).unwrap();
            let expected = uncached(&model, ids).take_rows(&[n_seq - 1]).unwrap();
            prop_assert_eq!(model.head(&row).unwrap().check_close(&expected, TOLERANCE), Ok(()));
        }

        // The embedding is the sum of its two parts.
        prop_assert_eq!(&seen("wte").add(seen("wpe")).unwrap(), seen("embd"));
        let mut stream = seen("embd").clone();
        for layer in 0..model.config.n_layer {
            let seen = |name: &str| seen(&format!("h.{layer}.{name}"));
            // The residual stream is a sum: what was there, and what attention and the MLP add.
            prop_assert_eq!(&stream.add(seen("attn.out")).unwrap(), seen("mid"));
            prop_assert_eq!(&seen("mid").add(seen("mlp.out")).unwrap(), seen("out"));
            stream = seen("out").clone();
            // Each layer's output is computed from what the probe saw of its input.
            let block = &model.h[layer];
            let steps = [
                (block.attn.c_proj.forward(seen("attn.heads")).unwrap(), seen("attn.out")),
                (block.mlp.c_fc.forward(seen("ln_2")).unwrap(), seen("mlp.fc")),
                (gpt60::layers::gelu::forward(seen("mlp.fc")), seen("mlp.act")),
                (block.mlp.c_proj.forward(seen("mlp.act")).unwrap(), seen("mlp.out")),
            ];
            for (expected, found) in steps {
                prop_assert_eq!(found, &expected);
            }
            let qkv = Tensor::concat_cols(&["attn.q", "attn.k", "attn.v"].map(|name| seen(name).clone())).unwrap();
            prop_assert_eq!(qkv, block.attn.c_attn.forward(seen("ln_1")).unwrap());
            check_weights(seen("attn.weights"), n_sequences * model.config.n_head, n_new, n_past)?;
        }
    }
}

/// Attention weights are probabilities over the keys up to the query (no score here is so low that `e` to it is 0), and
/// exactly zero after it.
fn check_weights(weights: &Tensor, n_heads: usize, n_new: usize, n_past: usize) -> Result<(), TestCaseError> {
    prop_assert_eq!(weights.shape(), [n_heads, n_new, n_past + n_new]);
    for i in 0..weights.n_rows() {
        let (visible, masked) = weights.row(i).split_at(n_past + i % n_new + 1);
        let sum: f64 = visible.iter().map(|&w| f64::from(w)).sum();
        prop_assert!((sum - 1.0).abs() < 1e-5, "row {} sums to {}", i, sum); // up to 80 terms, 1e-7 each
        prop_assert!(visible.iter().all(|&w| w > 0.0), "row {}: {:?}", i, visible);
        prop_assert!(masked.iter().all(|&w| w == 0.0), "row {}: {:?}", i, masked);
    }
    Ok(())
}

#[test]
fn selecting_a_sequence_that_does_not_exist_is_an_error_that_names_it() {
    let cache = KvCache::new(&Config::new(5, 4, 6, 2, 1), 2);
    let error = cache.select(&[1, 2]).unwrap_err().to_string();
    assert_eq!(error, "KvCache::select: there is no sequence 2; there are 2");
}
