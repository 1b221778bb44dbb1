//! Checkpoints in files: which are meant, and where in them the tensors lie.

use super::super::{find, tensors};
use super::{bytes, entry, header, table};
use crate::checkpoint::safetensors::Dtype;
use crate::checkpoint::tensors::Kind;
use std::fs;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/openai").join(name)
}

/// An empty directory for one test.
fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("gpt60-tensorflow-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// Writes an index with these tensors, for two files with data.
fn write_index(path: &Path, tensors: &[(&str, Vec<u8>)]) {
    let mut entries = vec![(&b""[..], header(2, 0))];
    entries.extend(tensors.iter().map(|(name, message)| (name.as_bytes(), message.clone())));
    let entries: Vec<(&[u8], &[u8])> = entries.iter().map(|(key, value)| (*key, &value[..])).collect();
    fs::write(path, table(&entries)).unwrap();
}

#[test]
fn the_file_checkpoint_names_the_latest_by_its_path() {
    for (path, expected) in [
        ("model.ckpt", Some("model.ckpt")),
        ("/home/someone/run1/model-1000", Some("model-1000")),
        (r"C:\\runs\\model-7", Some("model-7")),
        (r"../\303\251t\303\251", Some("\u{e9}t\u{e9}")),
        (r#"a \"name\""#, Some("a \"name\"")),
        (r"\303", None), // half of a character
        ("/home/someone/", None),
        ("C:model", None),
        ("", None),
        ("ends in \\", None),
    ] {
        let text = format!("all_model_checkpoint_paths: \"other\"\n  model_checkpoint_path:  \"{path}\"  \n");
        assert_eq!(find::latest(&text).as_deref(), expected, "{path}");
    }
    assert_eq!(find::latest("model_checkpoint_path: 'model-7'").as_deref(), Some("model-7"));
    for text in ["", "model_checkpoint_path: model-7", "model_checkpoint_path: \"", "model_checkpoint_path: \"a'"] {
        assert_eq!(find::latest(text), None, "{text}");
    }
}

#[test]
fn tensors_of_each_kind_lie_where_tensorflow_put_them() {
    let index = fixture("kinds.index");
    // One of them is in slices, and a GPT-2 whose tensor that were could not be read.
    let message = tensors(&index).unwrap_err().to_string();
    assert!(message.ends_with("tensor \"sliced\": is saved in slices, which are not read here: save it in one piece"));
    // Without it: the same index, with the name under that of another, where it is taken for the state of a training.
    let dir = scratch("kinds");
    let bytes = fs::read(&index).unwrap();
    fs::copy(fixture("kinds.data-00000-of-00001"), dir.join("kinds.data-00000-of-00001")).unwrap();
    let mut entries = Vec::new();
    super::entries(&bytes, |key, value| {
        if key != b"sliced" {
            entries.push((key.to_vec(), value.to_vec()));
        }
        Ok(())
    })
    .unwrap();
    let entries: Vec<(&[u8], &[u8])> = entries.iter().map(|(key, value)| (&key[..], &value[..])).collect();
    fs::write(dir.join("kinds.index"), table(&entries)).unwrap();

    let mut found = tensors(&dir.join("kinds.index")).unwrap();
    let names: Vec<&str> = found.places.iter().map(|place| place.name.as_str()).collect();
    assert_eq!(names, ["bf16", "bool", "complex", "empty", "f16", "f32", "f64", "i64", "single", "text"]);
    for name in ["bf16", "f16", "f32", "f64"] {
        let i = found.places.iter().position(|place| place.name == name).unwrap();
        assert_eq!(found.places[i].shape, [2, 3], "{name}");
        let mut numbers = [0.0; 6];
        found.read_weight_into(i, &mut numbers).unwrap();
        assert_eq!(numbers, [-0.5, -0.25, 0.0, 0.25, 0.5, 0.75], "{name}");
    }
    let kind = |name: &str| found.places.iter().find(|place| place.name == name).unwrap().kind.clone();
    assert_eq!(kind("i64"), Kind::Plain(Dtype::I64));
    assert_eq!(kind("bool"), Kind::Plain(Dtype::Bool));
    assert_eq!(kind("complex"), Kind::Plain(Dtype::C64));
    assert_eq!(kind("text"), Kind::Unknown("string".to_string()));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn tensors_in_two_files_are_read_as_one_model_without_the_state_of_its_training() {
    let dir = scratch("two");
    let index = dir.join("m-5.index");
    let sliced = [entry(1, &[4], 0, 0, 16), bytes(7, b"")].concat();
    write_index(
        &index,
        &[
            ("global_step", entry(9, &[], 0, 0, 8)),
            ("model/c/w", entry(1, &[1, 2, 1], 1, 4, 8)),
            ("model/c/w/Adam", sliced),                      // is passed over, whatever it is
            ("model/c/w/Adam_1", entry(1, &[9], 7, 900, 1)), // likewise
            ("model/wpe", entry(1, &[1, 2], 0, 8, 8)), // one position: a shape of two numbers, and nothing is dropped
        ],
    );
    let numbers = |numbers: &[f32]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    fs::write(dir.join("m-5.data-00000-of-00002"), numbers(&[0.0, 0.0, 1.0, 2.0])).unwrap();
    fs::write(dir.join("m-5.data-00001-of-00002"), numbers(&[9.0, 3.0, 4.0])).unwrap();
    let mut found = tensors(&index).unwrap();
    let shapes: Vec<_> = found.places.iter().map(|place| (place.name.as_str(), place.shape.as_slice())).collect();
    assert_eq!(shapes, [("global_step", &[][..]), ("model/c/w", &[2, 1]), ("model/wpe", &[1, 2])]);
    let mut pair = [0.0; 2];
    found.read_weight_into(1, &mut pair).unwrap();
    assert_eq!(pair, [3.0, 4.0]);
    found.read_weight_into(2, &mut pair).unwrap();
    assert_eq!(pair, [1.0, 2.0]);
    fs::remove_file(dir.join("m-5.data-00001-of-00002")).unwrap();
    let message = tensors(&index).unwrap_err().to_string();
    assert!(message.ends_with("m-5.data-00001-of-00002: is not there, and by the index tensors lie in it: get it too"));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_weight_of_numbers_that_are_not_read_is_refused_by_their_name() {
    let dir = scratch("kind");
    let index = dir.join("m.index");
    fs::write(dir.join("m.data-00000-of-00002"), [0; 16]).unwrap();
    for (number, name) in [
        (18, "numbers are complex128"),
        (30, "numbers are uint4"),
        (3, "dtype is I32"),
        (77, "numbers are TensorFlow's kind 77"),
    ] {
        write_index(&index, &[("wte", entry(number, &[4], 0, 0, 16))]);
        let message = tensors(&index).unwrap().read_weight_into(0, &mut [0.0; 4]).unwrap_err().to_string();
        assert!(message.ends_with(&format!("tensor \"wte\": its {name}, expected F32, F16, BF16 or F64")), "{message}");
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_tensor_that_cannot_be_where_the_index_says_is_refused() {
    let dir = scratch("places");
    let index = dir.join("m.index");
    for i in 0..2 {
        fs::write(dir.join(format!("m.data-0000{i}-of-00002")), [0; 40]).unwrap();
    }
    let huge = 1 << 63;
    for (message, problem) in [
        (entry(1, &[10], 0, 0, 40), None),
        (entry(1, &[10], 0, 4, 40), Some("needs 40 bytes from byte 4 on, and the file has 40: is it cut short?")),
        (
            entry(1, &[10], 0, u64::MAX, 40),
            Some("needs 40 bytes from byte 18446744073709551615 on, and the file has 40: is it cut short?"),
        ),
        (entry(1, &[10], 0, 0, 36), Some("has 36 bytes, and not those of a shape [10] and dtype F32")),
        (entry(19, &[10], 1, 0, 40), Some("has 40 bytes, and not those of a shape [10] and dtype F16")),
        (
            entry(1, &[huge, 2], 0, 0, 0),
            Some("has 0 bytes, and not those of a shape [9223372036854775808, 2] and dtype F32"),
        ),
        (entry(1, &[1; 300], 0, 0, 8), Some("has 8 bytes, and not those of a shape with 300 dimensions and dtype F32")),
        (entry(1, &[10], 2, 0, 40), Some("should be in data file 2 (counted from 0), and there are 2")),
        (
            entry(1, &[10], u64::MAX, 0, 40),
            Some("should be in data file 18446744073709551615 (counted from 0), and there are 2"),
        ),
    ] {
        write_index(&index, &[("wte", message)]);
        let found = tensors(&index).err().map(|e| e.to_string().rsplit_once("tensor \"wte\": ").unwrap().1.to_string());
        assert_eq!(found.as_deref(), problem);
    }
    fs::write(&index, vec![0; (1 << 20) + 1]).unwrap();
    assert!(
        tensors(&index)
            .unwrap_err()
            .to_string()
            .ends_with("has more than 1048576 bytes, and the index of a GPT-2 needs far less")
    );
    fs::write(&index, "<!DOCTYPE html>").unwrap();
    assert!(tensors(&index).unwrap_err().to_string().contains("is a web page"));
    fs::remove_dir_all(dir).unwrap();
}
