//! `config.json`: how large the model is, and what else is special about it.
//!
//! **Nothing is guessed.** The file can ask for things that GPT-2 does not do. Some of them are known here, because models
//! like GPT-2 were trained with them: another activation, another scale of the attention scores. A model loaded without
//! the others would run, and write nonsense. Anything else that would change the numbers is an error that says so.

use super::kept::set;
use crate::checkpoint::json::{Json, quote};
use crate::checkpoint::safetensors::Dtype;
use crate::checkpoint::weights::Described;
use crate::config::{Activation, Config};
use crate::error::{Error, Result};
use crate::model::Gpt2;

/// The contents of `config.json`.
#[derive(Debug)]
pub(in crate::checkpoint) struct ConfigJson {
    pub(super) config: Config,
    /// Whether the file says that the head is tied.
    pub(super) tied: bool,
}

impl ConfigJson {
    pub(in crate::checkpoint) fn parse(text: &str) -> Result<ConfigJson> {
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
            activation_function: activation(&json)?,
            scale_attn_weights: boolean(&json, "scale_attn_weights", true)?,
            scale_attn_by_inverse_layer_idx: boolean(&json, "scale_attn_by_inverse_layer_idx", false)?,
            reorder_and_upcast_attn: boolean(&json, "reorder_and_upcast_attn", false)?,
        };
        config.check()?;
        let tied = boolean(&json, "tie_word_embeddings", true)?;
        Ok(ConfigJson { config, tied })
    }

    /// What the file says, for the reader of the weights.
    pub(in crate::checkpoint) fn described(&self) -> Described {
        Described { config: self.config, tied: self.tied, has_biases: true, by: "config.json" }
    }
}

/// Rejects configurations that are not GPT-2, or that ask for something which would change the numbers.
fn check_is_gpt2(json: &Json) -> Result<()> {
    if let Some(value) = json.get("model_type")
        && value.as_str() != Some("gpt2")
    {
        return Err(unexpected("model_type", value, "\"gpt2\"; models of other kinds are not read here"));
    }
    if boolean(json, "add_cross_attention", false)? {
        let only = "false: only models that read one text are supported";
        return Err(unexpected("add_cross_attention", &Json::from(true), only));
    }
    if json.get("quantization_config").is_some_and(|value| !value.is_null()) {
        return Err(Error::format("config", "`quantization_config` is given, and only plain weights are supported"));
    }
    Ok(())
}

/// The bend in the MLP; where nothing is said, GPT-2's own.
fn activation(json: &Json) -> Result<Activation> {
    let Some(value) = json.get("activation_function") else { return Ok(Activation::GeluNew) };
    let known = Activation::NAMES.map(|(name, _)| name).join(", ");
    let found = value.as_str().and_then(|name| name.parse().ok());
    found.ok_or_else(|| unexpected("activation_function", value, &format!("one of those supported here: {known}")))
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
        Dtype::I8 => "int8",
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
        ("activation_function", config.activation_function.to_string().as_str().into()),
        ("scale_attn_weights", config.scale_attn_weights.into()),
        ("scale_attn_by_inverse_layer_idx", config.scale_attn_by_inverse_layer_idx.into()),
        ("reorder_and_upcast_attn", config.reorder_and_upcast_attn.into()),
        ("layer_norm_epsilon", config.layer_norm_epsilon.into()),
        ("tie_word_embeddings", model.lm_head.is_none().into()),
        (dtype_key, dtype_name.into()),
    ] {
        let same = match json.get(key) {
            Some(Json::Number(_)) if key == "layer_norm_epsilon" => {
                json.get(key).and_then(Json::as_f32) == value.as_f32()
            }
            // The file may know the activation by another name.
            Some(Json::String(name)) => key == "activation_function" && name.parse() == Ok(config.activation_function),
            // GPT-2's own ways to scale need no words.
            None => match key {
                "scale_attn_weights" => config.scale_attn_weights,
                "scale_attn_by_inverse_layer_idx" => !config.scale_attn_by_inverse_layer_idx,
                "reorder_and_upcast_attn" => !config.reorder_and_upcast_attn,
                _ => false,
            },
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
    use super::*;

    #[test]
    fn what_is_not_said_has_the_value_that_gpt2_has() {
        let found = loaded(CONFIG, &tensors()).unwrap();
        assert_eq!(found, model());
        assert_eq!(found.config.n_inner, 4 * 6);
        assert_eq!(found.config.layer_norm_epsilon, 1e-5);
        assert_eq!(loaded(&config_with("n_inner", "null"), &tensors()).unwrap(), model());
        assert_eq!(loaded(&config_with("activation_function", "\"gelu_new\""), &tensors()).unwrap(), model());
        assert_eq!(loaded(&CONFIG.replace("n_positions", "n_ctx"), &tensors()).unwrap(), model());
    }

    #[test]
    fn what_would_change_the_numbers_is_refused() {
        for (key, value, expected) in [
            ("scale_attn_by_inverse_layer_idx", "1", "`scale_attn_by_inverse_layer_idx` is 1, expected true or false"),
            ("add_cross_attention", "true", "`add_cross_attention` is true, expected false"),
            ("scale_attn_weights", "null", "`scale_attn_weights` is null, expected true or false"),
            ("activation_function", "\"mish\"", "`activation_function` is \"mish\", expected one of those supported"),
            ("activation_function", "\"mish\"", "here: gelu_new, gelu_fast, gelu_pytorch_tanh,"),
            ("activation_function", "null", "`activation_function` is null, expected one of"),
            ("model_type", "\"bert\"", "`model_type` is \"bert\", expected \"gpt2\""),
            ("quantization_config", "{}", "only plain weights"),
        ] {
            let message = refused(&config_with(key, value), &tensors());
            assert!(message.starts_with("config.json: ") && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn what_a_relative_of_gpt2_asks_for_is_read_and_written_again() {
        let mut found = Vec::new();
        for (key, value) in [
            ("activation_function", "\"gelu\""),
            ("activation_function", "\"relu\""),
            ("scale_attn_weights", "false"),
            ("scale_attn_by_inverse_layer_idx", "true"),
            ("reorder_and_upcast_attn", "true"),
        ] {
            let model = loaded(&config_with(key, value), &tensors()).unwrap();
            assert!(!found.contains(&model.config) && model.config != super::super::tests::model().config);
            let mut written = Json::Object(Vec::new());
            fill(&mut written, &model, Dtype::F32);
            assert_eq!(written.get(key).unwrap().to_string(), value);
            assert_eq!(ConfigJson::parse(&written.to_string()).unwrap().config, model.config);
            found.push(model.config);
        }
        // Another name of GELU by tanh is GPT-2's own function, and stays in the file.
        let text = config_with("activation_function", "\"gelu_fast\"");
        assert_eq!(loaded(&text, &tensors()).unwrap(), model());
        let mut written = Json::parse(&text).unwrap();
        fill(&mut written, &model(), Dtype::F32);
        assert_eq!(written.get("activation_function").unwrap().as_str(), Some("gelu_fast"));
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
