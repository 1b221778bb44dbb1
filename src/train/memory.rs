//! Is there enough memory to train? Checked before a run begins.
//!
//! Without this check, a typo in a number (`--n-embd 1280000`) would end the program in the middle of an allocation,
//! without a word about the remedy.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::kernels::memory;

/// Checks that there is enough memory to train a model with batches of `n_tok` tokens, as far as the operating system
/// tells.
///
/// # Errors
///
/// If there is not. The error says how much is needed, and what to make smaller.
pub(super) fn check_memory(config: &Config, n_tok: usize) -> Result<()> {
    let n_bytes = n_bytes(config, n_tok);
    if memory::can_be_had(n_bytes) {
        return Ok(());
    }
    let problem = format!(
        "training needs at least {} GB of memory, more than there is; choose a smaller model or a smaller --batch",
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
        assert_eq!(check_memory(&Config::new(100, 8, 12, 3, 2), 64), Ok(()));
        let slips = [(Config::new(300, 8, 1_000_000_000, 1, 1), 0), (Config::new(300, 8, 12, 3, 2), usize::MAX / 2)];
        for (config, n_tok) in slips {
            let error = check_memory(&config, n_tok).unwrap_err().to_string();
            assert!(error.contains("GB of memory") && error.contains("smaller --batch"), "{error}");
        }
    }
}
