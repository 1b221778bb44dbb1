//! GPT-2 as OpenAI released it, a checkpoint of TensorFlow: read as the model that TensorFlow runs.
//!
//! `fixtures/openai.py` made the files with TensorFlow itself, and `expected.safetensors` with what TensorFlow computes; it
//! names the versions.

use gpt60::checkpoint::{Dtype, Json, load, load_config, load_tokenizer, safetensors, save};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Config, Gpt2, Rng, Tensor};
use std::fs;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/openai").join(name)
}

fn expected(name: &str) -> Tensor {
    let (tensors, _) = safetensors::read(fixture("expected.safetensors")).unwrap();
    tensors.into_iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("there is no {name}")).1
}

/// Whether the model has the logits that TensorFlow computed. Both sides compute in float32 and add in another order: about
/// 1e-6.
fn assert_logits(model: &Gpt2) {
    let ids: Vec<u32> = expected("ids").data().iter().map(|&id| id as u32).collect();
    assert_eq!(model.logits(&ids).unwrap().check_close(&expected("logits"), 1e-5), Ok(()));
}

/// Whether the texts of the fixture have the ids that the tokenizers library gave them.
fn assert_ids(tokenizer: &Tokenizer) {
    let json = Json::parse(&fs::read_to_string(fixture("ids.json")).unwrap()).unwrap();
    let pairs = json.as_array().unwrap();
    assert!(!pairs.is_empty());
    for pair in pairs {
        let [text, ids] = pair.as_array().unwrap() else { panic!("a text and its ids") };
        let ids: Vec<u32> = ids.as_array().unwrap().iter().map(|id| id.as_usize().unwrap() as u32).collect();
        assert_eq!(tokenizer.encode(text.as_str().unwrap()), ids, "{text:?}");
    }
}

/// A copy of the directory `name` for one test.
fn copy(name: &str, test: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("gpt60-openai-{test}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, dir.join(path.file_name().unwrap())).unwrap();
    }
    dir
}

/// The one line with which the model at `path` is refused, without its directory `dir`.
fn refusal(dir: &Path, path: &Path) -> String {
    let message = load(path).expect_err("a refusal").to_string();
    assert!(!message.contains('\n') && message.len() < 500, "{message}");
    message.replace(&format!("{}{}", dir.display(), std::path::MAIN_SEPARATOR), "")
}

#[test]
fn the_release_is_read_as_the_model_that_tensorflow_runs() {
    for path in ["", "/model.ckpt.index", "/model.ckpt", "/checkpoint"].map(|file| fixture(&format!("released{file}")))
    {
        let found = load(&path).unwrap();
        assert_logits(&found.model);
        assert_eq!(found.model.config, Config::new(262, 16, 8, 2, 2));
        assert_eq!(found.notes, [""; 0]);
        assert_eq!(found.end_ids, [261]); // <|endoftext|>, the last of encoder.json
        assert_ids(&found.tokenizer.unwrap());
        assert_ids(&load_tokenizer(&path).unwrap().unwrap());
        assert_eq!(load_config(&path).unwrap(), Config::new(262, 16, 8, 2, 2));
    }
}

/// In two files, with the state of Adam, and from a directory of another machine.
#[test]
fn a_checkpoint_of_a_training_is_the_same_model() {
    let released = load(fixture("released")).unwrap();
    for path in ["trained", "trained/model-1000.index", "trained/model-1000"].map(fixture) {
        let found = load(&path).unwrap();
        assert!(found.model == released.model, "{}", path.display());
        assert_eq!(found.notes, [""; 0]);
        assert_eq!(found.tokenizer, released.tokenizer);
    }
}

#[test]
fn a_copy_in_todays_form_is_the_same_model_with_the_same_ids() {
    let dir = copy("released", "export");
    let released = load(&dir).unwrap();
    let written = dir.join("written");
    released.save(&written, Dtype::F32).unwrap();
    let again = load(&written).unwrap();
    assert!(again.model == released.model);
    assert_eq!(again.notes, [""; 0]);
    assert_eq!(again.end_ids, released.end_ids);
    assert_ids(&again.tokenizer.unwrap());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn beside_todays_form_a_checkpoint_is_read_only_if_its_file_is_given() {
    let dir = copy("released", "beside");
    fs::write(dir.join("config.json"), "{}").unwrap();
    assert_logits(&load(&dir).unwrap().model); // there are no weights in today's form
    let other = Gpt2::random(&Config::new(262, 16, 8, 2, 2), &mut Rng::new(1)).unwrap();
    save(&dir, &other, None, Dtype::F32).unwrap();
    assert!(load(&dir).unwrap().model == other);
    assert_logits(&load(dir.join("model.ckpt.index")).unwrap().model);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_file_checkpoint_says_which_one_is_meant() {
    let dir = copy("trained", "latest");
    for (file, bytes) in [("model.ckpt.index", "other"), ("model.ckpt.data-00000-of-00001", "other")] {
        fs::write(dir.join(file), bytes).unwrap();
    }
    assert!(load(&dir).is_ok());
    let list = dir.join("checkpoint");
    fs::write(&list, "all_model_checkpoint_paths: \"a\"\nmodel_checkpoint_path: \"C:\\\\runs\\\\model-1000\"\n")
        .unwrap();
    assert!(load(&dir).is_ok());
    fs::write(&list, "model_checkpoint_path: \"/elsewhere/model-2000\"").unwrap();
    let expected = "checkpoint: names \"model-2000\", and there is no model-2000.index beside it: get it too";
    assert_eq!(refusal(&dir, &dir), expected);
    let expected = format!(
        "{}: there are 2 checkpoints of TensorFlow in it, and no file named checkpoint that says which one is meant: give one, \
         for example model-1000.index",
        dir.display()
    );
    fs::write(&list, "something else").unwrap();
    assert_eq!(refusal(&dir, &dir), expected);
    fs::remove_file(&list).unwrap();
    assert_eq!(refusal(&dir, &dir), expected);
    fs::remove_file(dir.join("model.ckpt.index")).unwrap();
    assert!(load(&dir).is_ok()); // it is the only one
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_folder_of_models_and_a_part_of_a_checkpoint_lead_to_its_directory() {
    let dir = copy("released", "inside");
    let model = dir.join("124M");
    fs::create_dir(&model).unwrap();
    for entry in fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        fs::rename(&entry, model.join(entry.file_name().unwrap())).unwrap();
    }
    assert!(refusal(&dir, &dir).ends_with("it has no config.json; there is a model in 124M: give that"));
    let part = "124M/model.ckpt.data-00000-of-00001";
    let remedy =
        "it is read together with its .index, all of its .data files and hparams.json; give the directory with them";
    assert_eq!(refusal(&dir, &dir.join(part)), format!("{part}: is one part of a checkpoint of TensorFlow; {remedy}"));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn files_that_are_missing_or_do_not_fit_are_named() {
    let dir = copy("released", "missing");
    let data = dir.join("model.ckpt.data-00000-of-00001");
    let whole = fs::read(&data).unwrap();
    fs::write(&data, &whole[..15_900]).unwrap();
    assert_eq!(
        refusal(&dir, &dir),
        "model.ckpt.data-00000-of-00001: tensor \"model/wte\": needs 8384 bytes from byte 7552 on, and the file has 15900: is \
         it cut short?"
    );
    fs::write(&data, "version https://git-lfs.github.com/spec/v1\noid sha256:2060c8\nsize 497759232\n").unwrap();
    assert!(
        refusal(&dir, &dir).starts_with("model.ckpt.data-00000-of-00001: is not the file itself but a Git LFS pointer")
    );
    fs::remove_file(&data).unwrap();
    let missing = "model.ckpt.data-00000-of-00001: is not there, and by the index tensors lie in it: get it too";
    assert_eq!(refusal(&dir, &dir), missing);
    fs::write(&data, &whole).unwrap();

    let hparams = dir.join("hparams.json");
    let sizes = fs::read_to_string(&hparams).unwrap();
    for (from, to, problem) in [
        ("\"n_layer\": 2", "\"n_layer\": 3", "hparams.json has n_layer 3, and the file has 2 blocks"),
        ("\"n_embd\": 8", "\"n_embd\": 6", "[262, 8], and hparams.json makes it [262, 6]"),
        ("\"n_head\": 2", "\"n_head\": 3", "hparams.json: config: n_embd 8 is not a multiple of n_head 3"),
        ("\"n_ctx\": 16, ", "", "hparams.json: hparams: `n_ctx` must be an integer from 0 on"),
        ("\"n_ctx\": 16", "\"n_ctx\": -1", "hparams.json: hparams: `n_ctx` must be an integer from 0 on"),
    ] {
        assert!(sizes.contains(from));
        fs::write(&hparams, sizes.replace(from, to)).unwrap();
        let message = refusal(&dir, &dir);
        assert!(message.contains(problem), "{message}");
    }
    fs::remove_file(&hparams).unwrap();
    let expected = "it has model.ckpt.index and no hparams.json, which says how large the model is: get it from where the \
                    checkpoint comes from";
    assert_eq!(refusal(&dir, &dir), format!("{}: {expected}", dir.display()));
    fs::write(&hparams, &sizes).unwrap();

    // A number that is none is found as the weights are read.
    let mut damaged = whole.clone();
    damaged[..8].copy_from_slice(&[0xff; 8]);
    fs::write(&data, &damaged).unwrap();
    let message = refusal(&dir, &dir);
    assert!(message.contains("tensor \"model/h0/attn/c_attn/b\": 2 of its 24 numbers are NaN"), "{message}");
    fs::remove_dir_all(dir).unwrap();
}
