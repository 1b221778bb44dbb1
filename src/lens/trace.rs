//! A trace: everything that one forward pass computed, from the ids to the last logits.
//!
//! The model runs once, watched by a probe that keeps everything. A trace sorts these tensors into plain fields, in the
//! order of the data flow, and adds three things that the model does not compute by itself:
//!
//! * the attention *scores* `q·kᵀ`, because the model hands over only what softmax has made of them;
//! * what the [logit lens](super::logit_lens) reads after every layer;
//! * how likely each token of the prompt was, given those before it: where the model was surprised.
//!
//! A trace does not keep what you get by adding its fields. The residual stream after block 0's attention, for example,
//! is `wte + wpe + attn_out`.
//!
//! [Chapter 15](crate::book::ch15_looking_inside) explains it.

use super::logit_lens::{self, Reading};
use crate::layers::softmax;
use crate::{Config, Error, Gpt2, Pass, Probe, Result, Tensor};

/// How many of the likeliest tokens the logit lens keeps for each layer and position.
const N_GUESSES: usize = 5;

/// What a forward pass over one sequence computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// How large the model is.
    pub config: Config,
    /// The tokens that went in.
    pub ids: Vec<u32>,
    /// Each token's vector, `[n_seq, n_embd]`.
    pub wte: Tensor,
    /// Each position's vector, `[n_seq, n_embd]`.
    pub wpe: Tensor,
    /// The blocks, from the first to the last.
    pub blocks: Vec<BlockTrace>,
    /// What the head would say after the embedding (row 0) and after each block, for each position:
    /// `n_layer + 1` rows of `n_seq` readings. The last row is the model's answer.
    pub lens: Vec<Vec<Reading>>,
    /// How likely the model thought each token except the first, before it saw it: `n_seq - 1` numbers.
    pub probability_of_next: Vec<f32>,
    /// The scores for the token after the prompt, `[n_vocab]`.
    pub logits: Vec<f32>,
}

/// What one block computed.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockTrace {
    /// The stream after layer norm, `[n_seq, n_embd]`: what attention reads.
    pub ln_1: Tensor,
    /// The queries of all heads side by side, `[n_seq, n_embd]`.
    pub q: Tensor,
    /// The keys.
    pub k: Tensor,
    /// The values.
    pub v: Tensor,
    /// `q·kᵀ` of each head, neither scaled nor masked, `[n_head, n_seq, n_seq]`.
    pub scores: Tensor,
    /// What attention adds to the stream, `[n_seq, n_embd]`.
    pub attn_out: Tensor,
    /// The stream after attention and layer norm, `[n_seq, n_embd]`: what the MLP reads.
    pub ln_2: Tensor,
    /// The middle of the MLP before GELU, `[n_seq, n_inner]`.
    pub fc: Tensor,
    /// The middle of the MLP after GELU, or after what the model has instead.
    pub act: Tensor,
    /// What the MLP adds to the stream, `[n_seq, n_embd]`.
    pub mlp_out: Tensor,
}

impl Trace {
    /// Runs `model` over `ids` and keeps what it computed.
    ///
    /// # Errors
    ///
    /// If there are no ids or more than `n_ctx`, one is not in the vocabulary, or the logits are not numbers because
    /// the weights are damaged.
    ///
    /// # Example: how surprised was the model by its input?
    ///
    /// ```
    /// use gpt60::lens::trace::Trace;
    /// use gpt60::storybook;
    ///
    /// let story = storybook::load();
    /// let ids = story.tokenizer.unwrap().encode("Once upon a time");
    /// let trace = Trace::new(&story.model, &ids)?;
    /// assert_eq!(trace.blocks[0].scores.shape(), [6, ids.len(), ids.len()]); // six heads
    /// for (id, probability) in ids[1..].iter().zip(&trace.probability_of_next) {
    ///     println!("{id}: {:.1} %", 100.0 * probability);
    /// }
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn new(model: &Gpt2, ids: &[u32]) -> Result<Trace> {
        let n_seq = ids.len();
        let mut probe = Probe::everything();
        model.hidden(ids, Pass::new(n_seq).watched_by(&mut probe))?;
        let kept = |name: &str| {
            let missing = || Error::argument("trace", format!("the model shows no {name}"));
            probe.get(name).cloned().ok_or_else(missing)
        };

        let mut blocks = Vec::new();
        let mut streams = vec![kept("embd")?];
        for i in 0..model.h.len() {
            let of_block = |name: &str| kept(&format!("h.{i}.{name}"));
            let (q, k) = (of_block("attn.q")?, of_block("attn.k")?);
            blocks.push(BlockTrace {
                ln_1: of_block("ln_1")?,
                // The factor is 1 in GPT-2: what is left to scale by is 1 / sqrt(head_size).
                scores: scores(&q, &k, model.config.n_head)?.scale(model.h[i].attn.score_factor),
                q,
                k,
                v: of_block("attn.v")?,
                attn_out: of_block("attn.out")?,
                ln_2: of_block("ln_2")?,
                fc: of_block("mlp.fc")?,
                act: of_block("mlp.act")?,
                mlp_out: of_block("mlp.out")?,
            });
            streams.push(of_block("out")?);
        }

        // From the last layer to the first, because the ranks refer to the last layer's answer.
        let logits = logit_lens::logits(model, &streams[streams.len() - 1])?; // [n_seq, n_vocab]
        if logits.data().iter().any(|score| !score.is_finite()) {
            return Err(Error::damaged_weights("trace"));
        }
        let answers = logit_lens::answers(&logits);
        let mut lens = vec![logit_lens::readings(&logits, &answers, N_GUESSES)];
        for stream in streams[..streams.len() - 1].iter().rev() {
            lens.push(logit_lens::readings(&logit_lens::logits(model, stream)?, &answers, N_GUESSES));
        }
        lens.reverse();

        let probabilities = softmax::forward(&logits); // [n_seq, n_vocab]
        let probability_of_next = (1..n_seq).map(|t| probabilities.row(t - 1)[ids[t] as usize]).collect();
        Ok(Trace {
            config: model.config,
            ids: ids.to_vec(),
            wte: kept("wte")?,
            wpe: kept("wpe")?,
            blocks,
            lens,
            probability_of_next,
            logits: logits.row(n_seq - 1).to_vec(),
        })
    }
}

/// `q·kᵀ` of each head: two `[n_seq, n_embd] -> [n_head, n_seq, n_seq]`.
fn scores(q: &Tensor, k: &Tensor, n_head: usize) -> Result<Tensor> {
    let mut all = Vec::new();
    for (q, k) in q.split_cols(n_head)?.iter().zip(k.split_cols(n_head)?) {
        all.extend(q.matmul_t(&k)?.into_data()); // [n_seq, head_size] · [n_seq, head_size]ᵀ -> [n_seq, n_seq]
    }
    Tensor::new(&[n_head, q.n_rows(), q.n_rows()], all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn model() -> Gpt2 {
        model_of(&Config::new(11, 8, 12, 3, 2))
    }

    fn model_of(config: &Config) -> Gpt2 {
        let mut model = Gpt2::zeros(config).unwrap();
        let mut rng = Rng::new(5);
        for (_, tensor) in model.parameters_mut().unwrap() {
            *tensor = Tensor::random(tensor.shape(), 0.5, &mut rng);
        }
        model
    }

    const IDS: [u32; 5] = [3, 0, 10, 3, 7];

    #[test]
    fn scores_scaled_masked_and_softmaxed_are_what_the_model_looked_at() {
        let gpt2 = Config::new(11, 8, 12, 3, 2);
        check_scores(&model_of(&gpt2));
        check_scores(&model_of(&Config { scale_attn_by_inverse_layer_idx: true, ..gpt2 }));
        check_scores(&model_of(&Config { scale_attn_weights: false, ..gpt2 }));
    }

    fn check_scores(model: &Gpt2) {
        let mut probe = Probe::everything();
        model.hidden(&IDS, Pass::new(5).watched_by(&mut probe)).unwrap();
        let trace = Trace::new(model, &IDS).unwrap();
        for (i, block) in trace.blocks.iter().enumerate() {
            let weights = probe.get(&format!("h.{i}.attn.weights")).unwrap();
            for row in 0..3 * 5 {
                let t = row % 5;
                let scaled = block.scores.row(row)[..=t].iter().map(|score| score / 2.0).collect(); // head_size is 4
                let mut expected = softmax::forward(&Tensor::new(&[1, t + 1], scaled).unwrap()).into_data();
                expected.resize(5, 0.0);
                let seen = Tensor::new(&[5], weights.row(row).to_vec()).unwrap();
                seen.check_close(&Tensor::new(&[5], expected).unwrap(), 1e-5).unwrap();
            }
        }
    }

    #[test]
    fn what_the_parts_add_makes_up_the_stream() {
        let model = model();
        let mut probe = Probe::everything();
        model.hidden(&IDS, Pass::new(5).watched_by(&mut probe)).unwrap();
        let trace = Trace::new(&model, &IDS).unwrap();
        let mut x = trace.wte.add(&trace.wpe).unwrap();
        for (i, block) in trace.blocks.iter().enumerate() {
            x = x.add(&block.attn_out).unwrap().add(&block.mlp_out).unwrap();
            x.check_close(probe.get(&format!("h.{i}.out")).unwrap(), 1e-6).unwrap();
        }
    }

    #[test]
    fn the_last_row_of_the_lens_is_the_models_answer() {
        let model = model();
        let trace = Trace::new(&model, &IDS).unwrap();
        let logits = model.logits(&IDS).unwrap();
        assert_eq!(trace.logits, logits.row(4));
        assert_eq!(trace.lens.len(), 3);
        let probabilities = softmax::forward(&logits);
        for (t, reading) in trace.lens[2].iter().enumerate() {
            let row = probabilities.row(t);
            assert_eq!((reading.rank_of_answer, reading.guesses.len()), (0, N_GUESSES));
            assert!(reading.guesses.iter().all(|guess| row[guess.id as usize] == guess.probability));
            assert!(row.iter().all(|&p| p <= reading.guesses[0].probability));
        }
        for (t, &next) in IDS[1..].iter().enumerate() {
            assert_eq!(trace.probability_of_next[t], probabilities.row(t)[next as usize]);
        }
    }

    #[test]
    fn one_token_is_enough_and_damaged_weights_are_an_error() {
        let mut model = model();
        let trace = Trace::new(&model, &[4]).unwrap();
        assert_eq!((trace.probability_of_next.len(), trace.lens[0].len(), trace.logits.len()), (0, 1, 11));
        assert!(Trace::new(&model, &[]).is_err());
        model.wpe.data_mut()[0] = f32::NAN;
        assert!(Trace::new(&model, &[4]).unwrap_err().to_string().contains("not numbers"));
    }
}
