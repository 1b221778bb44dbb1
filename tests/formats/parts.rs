//! A model written in several files: read again as the same model, with an index that says where each tensor is.

use super::scratch;
use gpt60::checkpoint::{Checkpoint, Dtype, Json, load, safetensors};
use gpt60::{Config, Gpt2, Rng};
use std::collections::BTreeMap;
use std::fs;

#[test]
fn parts_are_as_large_as_asked_and_read_as_the_same_model() {
    let dir = scratch("parts");
    let model = Gpt2::random(&Config::new(29, 16, 8, 2, 2), &mut Rng::new(1)).unwrap();
    let checkpoint = Checkpoint::new(model, None);
    checkpoint.save_in_parts(&dir, Dtype::F32, Some(3000)).unwrap();
    assert!(load(&dir).unwrap().model == checkpoint.model);
    assert!(!dir.join("model.safetensors").exists());

    let index = Json::parse(&fs::read_to_string(dir.join("model.safetensors.index.json")).unwrap()).unwrap();
    let Some(Json::Object(map)) = index.get("weight_map") else { panic!("a weight_map") };
    let mut said: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tensor, part) in map {
        said.entry(part.as_str().unwrap()).or_default().push(tensor);
    }
    // 2120 numbers of 4 bytes need three files of 3000, and the cuts between tensors make it four.
    assert_eq!(said.len(), 4);
    let mut total = 0;
    for (i, (part, names)) in said.iter().enumerate() {
        assert_eq!(*part, format!("model-0000{}-of-00004.safetensors", i + 1));
        let (tensors, _) = safetensors::read(dir.join(part)).unwrap();
        assert_eq!(tensors.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), *names);
        let n_bytes: usize = tensors.iter().map(|(_, tensor)| 4 * tensor.data().len()).sum();
        assert!(n_bytes <= 3000, "{n_bytes}");
        total += n_bytes;
    }
    assert_eq!(index.get("metadata").and_then(|m| m.get("total_size")).and_then(Json::as_usize), Some(total));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_tensor_larger_than_a_part_has_a_part_of_its_own_and_a_model_that_fits_has_one_file() {
    let model = Gpt2::random(&Config::new(29, 16, 8, 2, 2), &mut Rng::new(1)).unwrap();
    let n_tensors = model.parameters().unwrap().len();
    let checkpoint = Checkpoint::new(model, None);
    let dir = scratch("parts-one");
    checkpoint.save_in_parts(&dir, Dtype::F16, Some(1)).unwrap();
    let parts =
        fs::read_dir(&dir).unwrap().flatten().filter(|e| e.file_name().to_string_lossy().contains("-of-")).count();
    assert_eq!(parts, n_tensors);
    fs::remove_dir_all(&dir).unwrap();
    checkpoint.save_in_parts(&dir, Dtype::F16, Some(2 * 2120 + 1000)).unwrap();
    assert!(dir.join("model.safetensors").exists() && !dir.join("model.safetensors.index.json").exists());
    fs::remove_dir_all(dir).unwrap();
}
