//! Exercise: the number of parameters. Chapter 7. Easy, 15 minutes.
//!
//! Count the numbers that a GPT-2 learns, from its sizes alone. They are in
//!
//! * the embeddings `wte` `[n_vocab, n_embd]` and `wpe` `[n_ctx, n_embd]`;
//! * in each of the `n_layer` blocks: `ln_1` and `ln_2` (a weight and a bias of `n_embd` each), `attn.c_attn`
//!   `[n_embd, 3*n_embd]`, `attn.c_proj` `[n_embd, n_embd]`, `mlp.c_fc` `[n_embd, n_inner]`, `mlp.c_proj` `[n_inner, n_embd]`; each of
//!   these four is a linear layer, with a bias of one number for each column;
//! * the last layer norm, `ln_f`.
//!
//! The head uses `wte` again, so it adds nothing.
//!
//! A worked example: `n_vocab` 5, `n_ctx` 4, `n_embd` 2, one block, `n_inner` 8. The embeddings have 10 + 8. In the block, the
//! layer norms have 4 + 4, attention has 12 + 6 and 4 + 2, the MLP 16 + 8 and 16 + 2. `ln_f` has 4. Together 96.
//!
//! | argument | type | |
//! | --- | --- | --- |
//! | `config` | `&Config` | `n_vocab`, `n_ctx`, `n_embd`, `n_layer`, `n_inner`; the number of heads makes no difference |
//! | result | `usize` | 124,439,808 for the smallest GPT-2 |

use super::not_started;
use gpt60::Config;

/// How many parameters a GPT-2 of these sizes has.
pub fn n_parameters(config: &Config) -> usize {
    not_started()
}

// Solution: src/parameters.rs, Config::n_parameters
