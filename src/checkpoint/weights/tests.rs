//! Which tensors make up a model, and what is said of those that do not.

use super::*;
use crate::checkpoint::hugging_face::config_json::ConfigJson;
use crate::checkpoint::hugging_face::tests::{CONFIG, Tensors, config_with, loaded, model, refused, tensors};
use crate::checkpoint::safetensors::{Dtype, SafeTensors, to_bytes};

#[test]
fn a_missing_tensor_is_named_with_names_that_are_there() {
    let full = tensors();
    for i in 0..full.len() {
        let mut less = full.clone();
        let (name, _) = less.remove(i);
        let message = refused(CONFIG, &less);
        let start = format!("model.safetensors: tensor {name:?}: is missing, and every GPT-2 has it; the file has \"");
        assert!(message.starts_with(&start) && message.ends_with(" and 24 other names"), "{message}");
        // Those of its own block, if it is in one; n_layer is not to blame.
        if let Some(block) = block_of(&name) {
            assert_eq!(message.matches(&format!("\"h.{block}.")).count(), 1 + 3, "{message}");
        }
        assert!(!message.contains("n_layer"), "{message}");
    }
    let others: Tensors = full.into_iter().map(|(n, t)| (format!("bert.{n}"), t)).collect();
    let message = refused(CONFIG, &others);
    let there =
        "has \"bert.h.0.attn.c_attn.bias\", \"bert.h.0.attn.c_attn.weight\", \"bert.h.0.attn.c_proj.bias\" and 25";
    assert!(message.contains("\"wte.weight\": is missing") && message.contains(there), "{message}");
    assert!(refused(CONFIG, &others[..2].to_vec()).ends_with("the file has \"bert.wpe.weight\", \"bert.wte.weight\""));
    assert!(refused(CONFIG, &Vec::new()).ends_with("the file has no weights at all"));
}

#[test]
fn fewer_blocks_than_the_configuration_says_are_an_error_with_both_numbers() {
    assert_eq!(
        refused(&config_with("n_layer", "3"), &tensors()),
        "model.safetensors: tensor \"h.2.ln_1.weight\": is missing; config.json has n_layer 3, and the file has 2 blocks"
    );
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
fn prefixes_make_no_difference_but_the_same_name_twice_does() {
    let with = |prefix: &str| -> Tensors { tensors().into_iter().map(|(n, t)| (format!("{prefix}{n}"), t)).collect() };
    for prefix in [
        "transformer.",
        "_orig_mod.",
        "module.",
        "model.",
        "_orig_mod.transformer.",
        "module._orig_mod.transformer.",
        "model.transformer.",
    ] {
        assert_eq!(loaded(CONFIG, &with(prefix)).unwrap(), model(), "{prefix}");
        let mut untied = with(prefix);
        untied.push((format!("{prefix}lm_head.weight"), Tensor::full(&[300, 6], 0.5)));
        assert!(loaded(CONFIG, &untied).unwrap().lm_head.is_some(), "{prefix}");
    }
    assert!(refused(CONFIG, &with("bert.")).contains("is missing"));
    let mut twice = tensors();
    twice.push(with("transformer.")[3].clone());
    let expected =
        "tensor \"h.0.ln_1.bias\": stands in the file as \"h.0.ln_1.bias\" and as \"transformer.h.0.ln_1.bias\"";
    assert!(refused(CONFIG, &twice).contains(expected));
}

/// The result of reading this configuration and these tensors, with the notes.
fn read_with_notes(config: &str, tensors: &Tensors) -> Result<(Gpt2, Vec<String>)> {
    let borrowed: Vec<(String, &Tensor)> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
    let bytes = to_bytes(&borrowed, &[], Dtype::F32).unwrap();
    let mut tensors = SafeTensors::from_bytes(&bytes).unwrap().into_tensors("model.safetensors".as_ref());
    read(&ConfigJson::parse(config).unwrap().described(), &mut tensors)
}

#[test]
fn blocks_after_the_last_are_left_out_with_a_note_and_heads_for_other_tasks_without() {
    let (cut, notes) = read_with_notes(&config_with("n_layer", "1"), &tensors()).unwrap();
    assert_eq!((cut.h.len(), &cut.h[0], &cut.wte), (1, &model().h[0], &model().wte));
    let expected = "the weights have 2 blocks, and config.json has n_layer 1: the blocks after that are left out";
    assert_eq!(notes, [expected]);
    let mut classifier = tensors();
    classifier.push(("score.weight".to_string(), Tensor::zeros(&[2, 6])));
    assert_eq!(read_with_notes(CONFIG, &classifier).unwrap(), (model(), Vec::new()));
}

#[test]
fn an_unknown_weight_in_a_block_is_refused() {
    for name in ["h.0.crossattention.c_attn.weight", "h.x.weight"] {
        let mut other = tensors();
        other.push((name.to_string(), Tensor::zeros(&[6, 6])));
        let message = refused(CONFIG, &other);
        assert!(message.contains(&format!("tensor {name:?}: is not part of a GPT-2")), "{message}");
    }
}

/// The bytes of a file with the model's weights and one more tensor of this dtype, two bytes long.
fn with_extra(name: &str, dtype: &str, shape: &str) -> Vec<u8> {
    let tensors = tensors();
    let borrowed: Vec<(String, &Tensor)> = tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
    let bytes = to_bytes(&borrowed, &[], Dtype::F32).unwrap();
    let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let (header, data) = (String::from_utf8(bytes[8..8 + n].to_vec()).unwrap(), &bytes[8 + n..]);
    let (begin, end) = (data.len(), data.len() + 2);
    let entry = format!("{{{name:?}:{{\"dtype\":{dtype:?},\"shape\":{shape},\"data_offsets\":[{begin},{end}]}},");
    let header = header.replacen('{', &entry, 1);
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data, &[1, 0]].concat()
}

#[test]
fn integers_and_truth_values_are_no_weights_and_refuse_nothing() {
    let read = |bytes: &[u8]| crate::checkpoint::load_from_bytes(CONFIG, bytes);
    for (dtype, shape) in [("BOOL", "[1,1,2]"), ("U8", "[2]"), ("I16", "[1]")] {
        assert_eq!(read(&with_extra("h.0.attn.causal_mask", dtype, shape)).unwrap(), model(), "{dtype}");
    }
    let error = read(&with_extra("h.0.attn.causal_mask", "BF16", "[1]")).unwrap_err().to_string();
    assert!(error.contains("\"h.0.attn.causal_mask\": is not part of a GPT-2"), "{error}");
}

#[test]
fn a_weight_that_is_no_number_is_found_with_its_place() {
    let mut damaged = tensors();
    let (name, weight) = &mut damaged[4]; // attn.c_attn.weight of block 0, [6, 18]
    assert_eq!((name.as_str(), weight.shape()), ("h.0.attn.c_attn.weight", &[6, 18][..]));
    weight.data_mut()[2 * 18 + 5] = f32::NAN;
    assert_eq!(
        refused(CONFIG, &damaged),
        "model.safetensors: tensor \"h.0.attn.c_attn.weight\": 1 of its 108 numbers is NaN or infinite, the first (NaN) at \
         [2, 5]; with it the model computes nothing: take another copy of the file, or a state of before its training \
         failed"
    );
    damaged[4].1.data_mut()[3 * 18] = f32::NEG_INFINITY;
    damaged[4].1.data_mut()[1] = f32::INFINITY;
    let message = refused(CONFIG, &damaged);
    assert!(message.contains("3 of its 108 numbers are NaN or infinite, the first (inf) at [0, 1];"), "{message}");
    // Each tensor is looked at, wherever it lies, and those that are not used are not.
    for i in 0..tensors().len() {
        let mut damaged = tensors();
        *damaged[i].1.data_mut().last_mut().unwrap() = f32::NAN;
        assert!(refused(CONFIG, &damaged).contains(&format!("tensor {:?}: 1 of its", damaged[i].0)));
    }
    let mut unused = tensors();
    unused.push(("h.0.attn.bias".to_string(), Tensor::full(&[1, 1, 5, 5], f32::NAN)));
    unused.push(("score.weight".to_string(), Tensor::full(&[2, 6], f32::NAN)));
    assert_eq!(loaded(CONFIG, &unused).unwrap(), model());
}

#[test]
fn a_model_larger_than_any_memory_is_one_line() {
    // 4 * 2^32 * 2^31 numbers of 4 bytes and more: 2^67 bytes, counted up to the largest integer.
    let error = check_memory(&Config::new(1 << 32, 1 << 32, 1 << 31, 1, 1), Head::Own).unwrap_err().to_string();
    assert!(error.contains("GB of memory") && error.contains("choose a smaller model"), "{error}");
    assert_eq!(check_memory(&Config::new(300, 5, 6, 2, 2), Head::Own), Ok(()));
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
    assert!(message.contains("\"lm_head.weight\": is missing; config.json has tie_word_embeddings false"), "{message}");
}

#[test]
fn a_tied_model_may_keep_its_one_table_under_the_name_of_the_head() {
    let mut renamed = tensors();
    renamed[0].0 = "lm_head.weight".to_string();
    assert_eq!(loaded(CONFIG, &renamed).unwrap(), model());
    assert!(refused(&config_with("tie_word_embeddings", "false"), &renamed).contains("\"wte.weight\": is missing"));
}
