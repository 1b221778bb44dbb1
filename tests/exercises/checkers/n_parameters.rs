//! The number of parameters.

use crate::check::{Answer, Exercise, Mistake, Part, one};
use crate::exercises;
use gpt60::Config;

pub fn exercise() -> Exercise<Config> {
    Exercise {
        name: "n_parameters",
        inputs: || {
            let worked = Config::new(5, 4, 2, 1, 1);
            let narrow = Config { n_inner: 7, ..Config::new(11, 3, 6, 3, 2) };
            let sizes = [Config::gpt2(), Config::gpt2_medium(), Config::gpt2_large(), Config::gpt2_xl()];
            [vec![worked, narrow], sizes.to_vec()].concat()
        },
        describe: |c| {
            let Config { n_vocab, n_ctx, n_embd, n_layer, n_inner, .. } = c;
            format!("n_vocab {n_vocab}, n_ctx {n_ctx}, n_embd {n_embd}, n_layer {n_layer} and n_inner {n_inner}")
        },
        stub: |c| answer(exercises::n_parameters::n_parameters(c)),
        library: |c| answer(c.n_parameters()),
        tolerance: 0.0,
        mistakes: vec![
            Mistake {
                when: "the head is counted once more: it is wte again",
                answer: |c| answer(c.n_parameters() + c.n_vocab * c.n_embd),
            },
            Mistake {
                when: "the biases of the linear layers are forgotten",
                answer: |c| answer(c.n_parameters() - c.n_layer * (5 * c.n_embd + c.n_inner)),
            },
            Mistake {
                when: "the layer norms of the blocks are forgotten",
                answer: |c| answer(c.n_parameters() - c.n_layer * 4 * c.n_embd),
            },
            Mistake { when: "ln_f is forgotten", answer: |c| answer(c.n_parameters() - 2 * c.n_embd) },
            Mistake {
                when: "only the weight of a layer norm is counted: it also has a bias",
                answer: |c| answer(c.n_parameters() - c.n_layer * 2 * c.n_embd - c.n_embd),
            },
            Mistake {
                when: "c_attn is counted as [n_embd, n_embd]: it makes queries, keys and values, and has 3*n_embd columns",
                answer: |c| answer(c.n_parameters() - c.n_layer * (2 * c.n_embd * c.n_embd + 2 * c.n_embd)),
            },
            Mistake {
                when: "the MLP is always counted as 4*n_embd wide: `n_inner` is its width",
                answer: |c| answer(Config { n_inner: 4 * c.n_embd, ..*c }.n_parameters()),
            },
            Mistake { when: "wpe is forgotten", answer: |c| answer(c.n_parameters() - c.n_ctx * c.n_embd) },
            Mistake {
                when: "there is only one block: multiply by n_layer",
                answer: |c| answer(Config { n_layer: 1, ..*c }.n_parameters()),
            },
            Mistake {
                when: "attention's c_proj is forgotten",
                answer: |c| answer(c.n_parameters() - c.n_layer * (c.n_embd * c.n_embd + c.n_embd)),
            },
        ],
    }
}

fn answer(n: usize) -> Answer {
    one(Part::Integers(vec![n as i64]))
}
