//! Is there enough memory to train? Checked before a run begins.
//!
//! Without this check, a typo in a number (`--n-embd 1280000`) would end the program in the middle of an allocation,
//! without a word about the remedy.

use super::batches::Batch;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::kernels::memory;

/// Checks that there is enough memory to train a model with batches of `n_tok` tokens, `accumulate` of them for a step, as
/// far as the operating system tells.
///
/// # Errors
///
/// If there is not. The error says how much is needed, and what to make smaller.
pub(super) fn check_memory(config: &Config, n_tok: usize, accumulate: usize) -> Result<()> {
    let n_bytes = n_bytes(config, n_tok).saturating_add(n_bytes_of_batches(n_tok, accumulate));
    if memory::can_be_had(n_bytes) {
        return Ok(());
    }
    let problem = format!(
        "training needs at least {} GB of memory, more than there is; choose a smaller model, a smaller --batch or fewer \
         --accumulate",
        n_bytes / 1_000_000_000
    );
    Err(Error::argument("train", problem))
}

/// The least that training needs: the model, its gradient and AdamW's two averages; and for each token some rows in
/// each block, and its logits with their gradient.
fn n_bytes(config: &Config, n_tok: usize) -> usize {
    let a_token = config.n_layer.saturating_mul(config.n_embd).saturating_mul(10);
    let a_token = a_token.saturating_add(config.n_vocab.saturating_mul(2));
    let n_numbers = config.n_parameters().saturating_mul(4).saturating_add(n_tok.saturating_mul(a_token));
    n_numbers.saturating_mul(size_of::<f32>())
}

/// What the batches of a step take before it begins: an input and a target for each token, and two lists for each batch.
fn n_bytes_of_batches(n_tok: usize, accumulate: usize) -> usize {
    let a_batch = n_tok.saturating_mul(2 * size_of::<u32>()).saturating_add(size_of::<Batch>());
    a_batch.saturating_mul(accumulate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_four_models_and_the_rows_of_each_token() {
        let config = Config::new(100, 8, 12, 3, 2);
        assert_eq!(n_bytes(&config, 0), 4 * 4 * config.n_parameters());
        // A token: 2 blocks of 10 rows of 12, and 100 logits with their gradient. 4 bytes each.
        assert_eq!(n_bytes(&config, 5) - n_bytes(&config, 0), 5 * 4 * (2 * 10 * 12 + 2 * 100));
    }

    #[test]
    fn what_no_machine_has_is_an_error_with_a_remedy() {
        assert_eq!(check_memory(&Config::new(100, 8, 12, 3, 2), 64, 100), Ok(()));
        let (small, huge) = (Config::new(300, 8, 12, 3, 2), Config::new(300, 8, 1_000_000_000, 1, 1));
        let slips =
            [(&huge, 0, 1), (&small, usize::MAX / 2, 1), (&small, 16, 1_000_000_000_000), (&small, 16, usize::MAX)];
        for (config, n_tok, accumulate) in slips {
            let error = check_memory(config, n_tok, accumulate).unwrap_err().to_string();
            let remedy = "choose a smaller model, a smaller --batch or fewer --accumulate";
            assert!(error.contains("GB of memory") && error.ends_with(remedy), "{error}");
        }
    }
}
