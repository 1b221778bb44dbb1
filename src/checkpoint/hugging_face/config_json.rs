//! `config.json`: how large the model is, and what else is special about it.
//!
//! **Nothing is guessed.** The file can ask for things that GPT-2 does not do, such as another activation. A model
//! loaded without them would run, and write nonsense. Anything that would change the numbers is an error that says
//! so.

use super::kept::set;
use crate::checkpoint::json::{Json, quote};
use crate::checkpoint::safetensors::Dtype;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::model::Gpt2;

/// The contents of `config.json`.
#[derive(Debug)]
pub(super) struct ConfigJson {
    pub(super) config: Config,
    /// Whether the file says that the head is tied.
    pub(super) tied: bool,
}

impl ConfigJson {
    pub(super) fn parse(text: &str) -> Result<ConfigJson> {
        let json = Json::parse(text)?;
        if json.as_object().is_none() {
            return Err(Error::format("config", "expected an object, `{...}`"));
        }
        check_is_gpt2(&json)?;
        let n_embd = integer(&json, "n_embd")?;
        let is_given = |key: &str| json.get(key).is_some_and(|value| !value.is_null());
        let config = Config {
            n_vocab: integer(&json, "vocab_size")?,
            // The oldest files call it n_ctx.
            n_ctx: integer(&json, if is_given("n_positions") || !is_given("n_ctx") { "n_positions" } else { "n_ctx" })?,
            n_embd,
            n_head: integer(&json, "n_head")?,
            n_layer: integer(&json, "n_layer")?,
            n_inner: if is_given("n_inner") { integer(&json, "n_inner")? } else { n_embd.saturating_mul(4) },
            layer_norm_epsilon: match json.get("layer_norm_epsilon") {
                None => 1e-5,
                Some(value) => value.as_f32().ok_or_else(|| unexpected("layer_norm_epsilon", value, "a number"))?,
            },
        };
        config.check()?;
        let tied = boolean(&json, "tie_word_embeddings", true)?;
        Ok(ConfigJson { config, tied })
    }
}

/// Rejects configurations that are not GPT-2, or that ask for something which would change the numbers.
///
/// (`reorder_and_upcast_attn` may be true: it only says in which order to multiply 16-bit numbers.)
fn check_is_gpt2(json: &Json) -> Result<()> {
    for (key, only) in [("model_type", "gpt2"), ("activation_function", "gelu_new")] {
        match json.get(key) {
            None => {}
            Some(value) if value.as_str() == Some(only) => {}
            Some(value) => return Err(unexpected(key, value, &format!("{only:?}, the only one supported"))),
        }
    }
    let only =
        [("scale_attn_weights", true), ("scale_attn_by_inverse_layer_idx", false), ("add_cross_attention", false)];
    for (key, only) in only {
        if boolean(json, key, only)? != only {
            return Err(unexpected(key, &Json::from(!only), &format!("{only}, the only one supported")));
        }
    }
    if json.get("quantization_config").is_some_and(|value| !value.is_null()) {
        return Err(Error::format("config", "`quantization_config` is given, and only plain weights are supported"));
    }
    Ok(())
}

pub(super) fn unexpected(key: &str, found: &Json, expected: &str) -> Error {
    let found = found.to_string();
    // Strings are in quotes already; anything long (such as a list in place of a number) is cut.
    let found = if found.len() <= 80 { found } else { quote(&found) };
    Error::format("config", format!("`{key}` is {found}, expected {expected}"))
}

fn integer(json: &Json, key: &str) -> Result<usize> {
    let value = json.get(key).ok_or_else(|| Error::format("config", format!("`{key}` is missing")))?;
    value.as_usize().ok_or_else(|| unexpected(key, value, "an integer from 0 on"))
}

fn boolean(json: &Json, key: &str, default: bool) -> Result<bool> {
    match json.get(key) {
        None => Ok(default),
        Some(value) => value.as_bool().ok_or_else(|| unexpected(key, value, "true or false")),
    }
}

/// Writes into `json`, the object of a `config.json`, what this model is and that its weights are stored as `dtype`.
/// Everything else in it stays.
pub(super) fn fill(json: &mut Json, model: &Gpt2, dtype: Dtype) {
    let config = &model.config;
    let dtype_name = match dtype {
        Dtype::F16 => "float16",
        Dtype::Bf16 => "bfloat16",
        _ => "float32",
    };
    // Programs of before 2025 call the type of the numbers torch_dtype.
    let dtype_key =
        if json.get("torch_dtype").is_some() && json.get("dtype").is_none() { "torch_dtype" } else { "dtype" };
    for (key, value) in [
        ("architectures", Json::Array(vec!["GPT2LMHeadModel".into()])),
        ("model_type", "gpt2".into()),
        ("vocab_size", config.n_vocab.into()),
        ("n_positions", config.n_ctx.into()),
        ("n_ctx", config.n_ctx.into()),
        ("n_embd", config.n_embd.into()),
        ("n_head", config.n_head.into()),
        ("n_layer", config.n_layer.into()),
        ("n_inner", config.n_inner.into()),
        ("activation_function", "gelu_new".into()),
        ("layer_norm_epsilon", config.layer_norm_epsilon.into()),
        ("tie_word_embeddings", model.lm_head.is_none().into()),
        (dtype_key, dtype_name.into()),
    ] {
        let same = match json.get(key) {
            Some(Json::Number(_)) if key == "layer_norm_epsilon" => {
                json.get(key).and_then(Json::as_f32) == value.as_f32()
            }
            Some(Json::Null) => key == "n_inner" && config.n_inner == 4 * config.n_embd,
            _ => false,
        };
        if !same {
            set(json, key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{CONFIG, config_with, config_without, loaded, model, refused, tensors};

    #[test]
    fn what_is_not_said_has_the_value_that_gpt2_has() {
        let found = loaded(CONFIG, &tensors()).unwrap();
        assert_eq!(found, model());
        assert_eq!(found.config.n_inner, 4 * 6);
        assert_eq!(found.config.layer_norm_epsilon, 1e-5);
        assert_eq!(loaded(&config_with("n_inner", "null"), &tensors()).unwrap(), model());
        assert_eq!(loaded(&config_with("activation_function", "\"gelu_new\""), &tensors()).unwrap(), model());
        assert_eq!(loaded(&config_with("reorder_and_upcast_attn", "true"), &tensors()).unwrap(), model());
        assert_eq!(loaded(&CONFIG.replace("n_positions", "n_ctx"), &tensors()).unwrap(), model());
    }

    #[test]
    fn what_would_change_the_numbers_is_refused() {
        for (key, value, expected) in [
            ("scale_attn_by_inverse_layer_idx", "true", "`scale_attn_by_inverse_layer_idx` is true, expected false"),
            ("add_cross_attention", "true", "`add_cross_attention` is true, expected false"),
            ("scale_attn_weights", "false", "`scale_attn_weights` is false, expected true"),
            ("activation_function", "\"relu\"", "`activation_function` is \"relu\", expected \"gelu_new\""),
            ("model_type", "\"bert\"", "`model_type` is \"bert\", expected \"gpt2\""),
            ("quantization_config", "{}", "only plain weights"),
        ] {
            let message = refused(&config_with(key, value), &tensors());
            assert!(message.starts_with("config.json: ") && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_number_that_is_missing_or_no_integer_is_refused_by_name() {
        for key in ["vocab_size", "n_positions", "n_embd", "n_head", "n_layer"] {
            assert_eq!(refused(&config_without(key), &tensors()), format!("config.json: config: `{key}` is missing"));
            for value in ["null", "-1", "6.0", "\"6\"", "[6]", "1e1"] {
                let message = refused(&config_with(key, value), &tensors());
                assert!(message.contains(&format!("`{key}` is {value}, expected an integer")), "{message}");
            }
        }
        assert!(refused(&config_with("n_inner", "-1"), &tensors()).contains("`n_inner`"));
        assert!(refused(&config_with("layer_norm_epsilon", "\"small\""), &tensors()).contains("`layer_norm_epsilon`"));
        assert!(refused(&config_with("n_head", "4"), &tensors()).contains("not a multiple"));
        assert!(refused("[]", &tensors()).contains("expected an object"));
        assert!(refused("", &tensors()).starts_with("config.json: JSON"));
    }
}
