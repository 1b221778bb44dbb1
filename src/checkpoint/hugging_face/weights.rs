//! `model.safetensors`: the weights, under their names.
//!
//! The names are this crate's own, because the crate took them from here: `wte.weight`, `h.0.attn.c_attn.weight` and so
//! on. Three things differ from file to file:
//!
//! - **a prefix.** OpenAI's GPT-2 has the plain names; files saved from the `transformers` library have `transformer.`
//!   before all of them but the head's;
//! - **masks.** `h.0.attn.bias` is not a bias but the triangle of the causal mask, which older programs saved with the
//!   weights. It is skipped by its name;
//! - **the head.** GPT-2 uses `wte` a second time to turn its last vectors into logits: the head is *tied*. A file may
//!   still hold `lm_head.weight`. If it differs from `wte`, the model was trained untied, and both are kept.
//!
//! Here too, a file is not trusted: every tensor's shape is compared with the configuration before the model is
//! allocated. A configuration of a billion layers costs nothing.

use super::config_json::ConfigJson;
use crate::checkpoint::json::quote;
use crate::checkpoint::safetensors::SafeTensors;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::model::Gpt2;
use crate::parameters::Head;
use crate::tensor::Tensor;
use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek};

/// The prefix that the `transformers` library puts before the names of the weights.
const PREFIX: &str = "transformer.";

/// Reads the weights into a model. Each is converted straight into its place: nothing is in memory twice.
pub(super) fn read<R: Read + Seek>(json: &ConfigJson, file: &mut SafeTensors<R>) -> Result<Gpt2> {
    let config = &json.config;
    let mut index = index_by_name(file)?;
    if json.tied && !index.contains_key("wte.weight") {
        // Two names for one tensor: some programs keep the other name.
        index.remove("lm_head.weight").map(|i| index.insert("wte.weight".to_string(), i));
    }
    let own_head = !json.tied || index.contains_key("lm_head.weight");
    let head = if own_head { Head::Own } else { Head::Tied };
    check_tensors(config, head, &index, file)?;

    // Now every tensor of this model is known to be in the file, with exactly the numbers that will be allocated.
    let mut model = Gpt2::zeros(config)?;
    if head == Head::Own {
        model.lm_head = Some(Tensor::zeros(&[config.n_vocab, config.n_embd]).into());
    }
    for (name, tensor) in model.parameters_mut()? {
        let i = index.get(&name).ok_or_else(|| missing_tensor(&name, config))?;
        file.read_into(*i, tensor.data_mut())?;
    }
    if json.tied {
        // A head with the very same bits as `wte` is `wte`, saved twice.
        if let Some(head) = &model.lm_head {
            let pairs = head.tensor()?.data().iter().zip(model.wte.tensor()?.data());
            if pairs.into_iter().all(|(a, b)| a.to_bits() == b.to_bits()) {
                model.lm_head = None;
            }
        }
    }
    Ok(model)
}

/// The place of each weight in the header, by its name without the prefix.
fn index_by_name<R: Read + Seek>(file: &SafeTensors<R>) -> Result<HashMap<String, usize>> {
    let mut index = HashMap::new();
    for (i, entry) in file.header().tensors.iter().enumerate() {
        let name = entry.name.strip_prefix(PREFIX).unwrap_or(&entry.name);
        if is_mask(name) {
            continue;
        }
        if index.insert(name.to_string(), i).is_some() {
            let problem = "stands in the file with the prefix `transformer.` and without it: which one is meant?";
            return Err(Error::format(format!("tensor {}", quote(name)), problem));
        }
    }
    Ok(index)
}

/// Whether this is `h.<number>.attn.bias` or `h.<number>.attn.masked_bias`.
fn is_mask(name: &str) -> bool {
    let Some((layer, rest)) = name.strip_prefix("h.").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    layer.parse::<usize>().is_ok() && (rest == "attn.bias" || rest == "attn.masked_bias")
}

/// Checks that the file has exactly the tensors of this model, each with its shape, and allocates nothing for them.
fn check_tensors<R: Read + Seek>(
    config: &Config,
    head: Head,
    index: &HashMap<String, usize>,
    file: &SafeTensors<R>,
) -> Result<()> {
    // A block has 12 tensors. With one layer more than the file can hold, at least one is missing: enough to report.
    let n_layer = config.n_layer.min(index.len() / 12 + 1);
    let shapes = Config { n_layer, ..*config }.shapes(head);
    for (name, shape) in &shapes {
        let &i = index.get(name).ok_or_else(|| missing_tensor(name, config))?;
        let entry = &file.header().tensors[i];
        let what = || format!("tensor {}", quote(&entry.name));
        if entry.shape != *shape {
            let found = if entry.shape.len() <= 4 {
                format!("has shape {:?}", entry.shape)
            } else {
                format!("has {} dimensions", entry.shape.len())
            };
            let turned = shape.len() == 2 && entry.shape.iter().eq(shape.iter().rev());
            let hint = if turned { "; it seems to be transposed: GPT-2 keeps [in, out]" } else { "" };
            let problem = format!("{found}, and config.json makes it {shape:?}{hint}");
            return Err(Error::format(what(), problem));
        }
        if !entry.dtype.is_weight() {
            let problem = format!("its dtype is {}, expected F32, F16 or BF16", entry.dtype);
            return Err(Error::format(what(), problem));
        }
    }
    // Parts for other tasks (a classifier's `score.weight`) may accompany the model. Inside the blocks, anything
    // unknown means that this is not the model that the configuration describes.
    let known: HashSet<&str> = shapes.iter().map(|(name, _)| name.as_str()).collect();
    let unknown = index.keys().filter(|name| name.starts_with("h.") && !known.contains(name.as_str())).min();
    match unknown {
        None => Ok(()),
        Some(name) => {
            let problem = format!("is not part of a GPT-2 with n_layer {}, as config.json has it", config.n_layer);
            Err(Error::format(format!("tensor {}", quote(name)), problem))
        }
    }
}

fn missing_tensor(name: &str, config: &Config) -> Error {
    let why = match name {
        "lm_head.weight" => "config.json has tie_word_embeddings false".to_string(),
        _ => format!("config.json has n_layer {}", config.n_layer),
    };
    Error::format(format!("tensor {}", quote(name)), format!("is missing; {why}, so it must be there"))
}

/// The weights as the `transformers` library names them: with a prefix before all of them except the head's.
///
/// # Errors
///
/// A model with [packed](crate::weight) weights.
pub(super) fn named_for_file(model: &Gpt2) -> Result<Vec<(String, &Tensor)>> {
    let with_prefix = |name: String| if name == "lm_head.weight" { name } else { format!("{PREFIX}{name}") };
    Ok(model.parameters()?.into_iter().map(|(name, tensor)| (with_prefix(name), tensor)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{CONFIG, Tensors, config_with, loaded, model, refused, tensors};
    use super::*;

    #[test]
    fn a_missing_tensor_is_named() {
        let full = tensors();
        for i in 0..full.len() {
            let mut less = full.clone();
            let (name, _) = less.remove(i);
            let expected = format!(
                "model.safetensors: tensor {name:?}: is missing; config.json has n_layer 2, so it must be there"
            );
            assert_eq!(refused(CONFIG, &less), expected);
        }
    }

    #[test]
    fn a_tensor_of_another_shape_is_named_with_both_shapes() {
        let full = tensors();
        for i in 0..full.len() {
            let mut other = full.clone();
            let shape = [other[i].1.shape(), &[1]].concat();
            other[i].1 = Tensor::zeros(&shape);
            let message = refused(CONFIG, &other);
            let expected = full[i].1.shape();
            let text = format!("tensor {:?}: has shape {shape:?}, and config.json makes it {expected:?}", full[i].0);
            assert!(message.contains(&text), "{message}");
        }
        let mut turned = full;
        let at = turned.iter().position(|(name, _)| name == "h.1.mlp.c_fc.weight").unwrap();
        turned[at].1 = Tensor::zeros(&[24, 6]);
        assert!(refused(CONFIG, &turned).contains("transposed"));
    }

    #[test]
    fn masks_are_skipped_by_name_and_nothing_else_is() {
        let mut with_masks = tensors();
        with_masks.push(("h.0.attn.bias".to_string(), Tensor::zeros(&[1, 1, 5, 5])));
        with_masks.push(("transformer.h.1.attn.masked_bias".to_string(), Tensor::zeros(&[])));
        assert_eq!(loaded(CONFIG, &with_masks).unwrap(), model());
        for name in ["h.0.attn.bias", "h.47.attn.bias", "h.3.attn.masked_bias"] {
            assert!(is_mask(name), "{name}");
        }
        for name in ["h.0.attn.c_attn.bias", "h.x.attn.bias", "attn.bias", "h.0.mlp.attn.bias", "h.0.ln_1.bias"] {
            assert!(!is_mask(name), "{name}");
        }
    }

    #[test]
    fn the_prefix_makes_no_difference_but_the_same_name_twice_does() {
        let prefixed: Tensors = tensors().into_iter().map(|(n, t)| (format!("transformer.{n}"), t)).collect();
        assert_eq!(loaded(CONFIG, &prefixed).unwrap(), model());
        let mut twice = tensors();
        twice.push(prefixed[3].clone());
        assert!(refused(CONFIG, &twice).contains("with the prefix `transformer.` and without it"));
    }

    #[test]
    fn layers_beyond_the_configuration_are_refused_and_heads_for_other_tasks_are_not() {
        let message = refused(&config_with("n_layer", "1"), &tensors());
        assert!(message.contains("\"h.1.attn.c_attn.bias\": is not part of a GPT-2 with n_layer 1"), "{message}");
        let mut classifier = tensors();
        classifier.push(("score.weight".to_string(), Tensor::zeros(&[2, 6])));
        assert_eq!(loaded(CONFIG, &classifier).unwrap(), model());
    }

    #[test]
    fn a_head_of_its_own_is_kept_if_it_differs_or_the_configuration_asks() {
        let untied = config_with("tie_word_embeddings", "false");
        let head = |config: &str, head: Option<Tensor>| {
            let mut tensors = tensors();
            tensors.extend(head.map(|head| ("lm_head.weight".to_string(), head)));
            loaded(config, &tensors).map(|model| model.lm_head.map(|head| head.tensor().unwrap().clone()))
        };
        let (wte, other) = (model().wte.tensor().unwrap().clone(), Tensor::full(&[300, 6], 0.5));
        assert_eq!(head(CONFIG, None), Ok(None));
        assert_eq!(head(CONFIG, Some(wte.clone())), Ok(None));
        assert_eq!(head(CONFIG, Some(other.clone())), Ok(Some(other.clone())));
        assert_eq!(head(&untied, Some(other.clone())), Ok(Some(other)));
        assert_eq!(head(&untied, Some(wte.clone())), Ok(Some(wte)));
        let message = head(&untied, None).unwrap_err().to_string();
        assert!(
            message.contains("\"lm_head.weight\": is missing; config.json has tie_word_embeddings false"),
            "{message}"
        );
    }

    #[test]
    fn a_tied_model_may_keep_its_one_table_under_the_name_of_the_head() {
        let mut renamed = tensors();
        renamed[0].0 = "lm_head.weight".to_string();
        assert_eq!(loaded(CONFIG, &renamed).unwrap(), model());
        assert!(refused(&config_with("tie_word_embeddings", "false"), &renamed).contains("\"wte.weight\": is missing"));
    }
}
