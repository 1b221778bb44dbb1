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
            let gpt3 = Config::new(50257, 2048, 12288, 96, 96);
            [vec![worked, narrow], sizes.to_vec(), vec![gpt3]].concat()
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
            Mistake {
                when: "there is an ln_f in each block: there is one, after the last of them",
                answer: |c| answer(c.n_parameters() + (c.n_layer - 1) * 2 * c.n_embd),
            },
            Mistake {
                // Three mistakes with the same number.
                when: "2*n_embd are missing in each block: it has two layer norms, c_attn has a bias for each of its 3*n_embd columns, \
                       and a bias is as long as a row, not as a column",
                answer: |c| answer(c.n_parameters() - c.n_layer * 2 * c.n_embd),
            },
            Mistake {
                when: "c_attn is counted once for each head: it makes the queries, keys and values of all heads",
                answer: |c| answer(c.n_parameters() + c.n_layer * (c.n_head - 1) * 3 * c.n_embd * (c.n_embd + 1)),
            },
            Mistake {
                when: "the number is cut to a `u32`, which ends at 4,294,967,295",
                answer: |c| answer(c.n_parameters() as u32 as usize),
            },
            Mistake {
                when: "the number is computed as f32, which rounds from 2^24 on",
                answer: |c| {
                    let [tables, blocks] = [0, c.n_layer].map(|n_layer| Config { n_layer, ..*c }.n_parameters());
                    let (norm, of_table) = (2 * c.n_embd, |rows: usize| rows as f32 * c.n_embd as f32);
                    let of_blocks = c.n_layer as f32 * ((blocks - tables) / c.n_layer) as f32;
                    answer((of_table(c.n_vocab) + of_table(c.n_ctx) + of_blocks + norm as f32) as usize)
                },
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
