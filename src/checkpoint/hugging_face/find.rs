//! Which directory is meant, and what is in one that holds no model that can be read here.
//!
//! The world keeps GPT-2s in many forms, and people give what they have: a file instead of its directory, a name from the
//! Hugging Face hub, the hub's cache, the weights of another program. A reader that only says "there is no
//! `model.safetensors`" leaves them alone. Each form has its own remedy, and this file knows them.

use super::{is_missing, parts};
use crate::checkpoint::beside::directory_of;
use crate::error::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What a model's directory must hold, for a message.
const EXPECTED: &str = "expected config.json and model.safetensors in it";

/// A form of weights that is not read here: how to know a file of it by its name, what it is, and what to do.
type Form = (fn(&str) -> bool, &'static str, &'static str);

/// The forms in which weights are met. Of a directory with several, the first of this list is reported.
const OTHER_FORMS: [Form; 10] = [
    (
        |name| ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"].contains(&name),
        "belongs to a LoRA adapter, which changes another model and is none by itself",
        "merge it into that model with the peft library (merge_and_unload) in float32, and save the result",
    ),
    (
        |name| name.starts_with("model-0") && name.contains("-of-") && name.ends_with(".safetensors"),
        "is one part of weights in several files",
        "get their index too, model.safetensors.index.json, from where the parts come from",
    ),
    (
        is_torch,
        "may be weights as PyTorch saves them, under another name",
        "if it is the state dict of a GPT-2, rename it to pytorch_model.bin",
    ),
    (
        |name| name.contains(".data-0") || name.ends_with(".meta"),
        "is one part of a checkpoint of TensorFlow",
        "it is read together with its .index, all of its .data files and hparams.json; give the directory with them",
    ),
    (
        |name| name.ends_with(".h5"),
        "is in the form of TensorFlow, which is not read here",
        "load the model with version 4 of the transformers library (from_tf=True) and save it again",
    ),
    (
        |name| name.ends_with(".msgpack"),
        "is in the form of Flax, which is not read here",
        "load the model with version 4 of the transformers library (from_flax=True) and save it again",
    ),
    (|name| name.ends_with(".gguf"), "may be a model in the form of llama.cpp", "give the file itself"),
    (
        |name| name.ends_with(".ggml"),
        "is in the form of llama.cpp of before August 2023, which is not read here",
        "get the model that it was made from, or the same as a .gguf",
    ),
    (
        |name| name.ends_with(".onnx") || name == "onnx",
        "is in the form of ONNX, which is not read here",
        "get the model that it was made from: a directory with config.json and model.safetensors",
    ),
    (
        |name| name.ends_with(".safetensors") && name != "model.safetensors",
        "may be the weights under another name",
        "if it is all of them, rename it to model.safetensors",
    ),
];

/// Whether this is the name of weights as PyTorch saves them, and not of what it saves beside them in training.
fn is_torch(name: &str) -> bool {
    let beside = ["optimizer", "scheduler", "training_args", "rng_state", "scaler"];
    let ends = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];
    ends.iter().any(|end| name.ends_with(end)) && !beside.iter().any(|start| name.starts_with(start))
}

/// The models that `weights-fetch.sh` fetches, and whose they are on the hub.
const FETCHED: [(&str, &str); 5] = [
    ("gpt2", "openai-community"),
    ("gpt2-medium", "openai-community"),
    ("gpt2-large", "openai-community"),
    ("gpt2-xl", "openai-community"),
    ("distilgpt2", "distilbert"),
];

/// The directory with the model's files that is meant by `path`: the same, or in a folder of the Hugging Face hub's cache
/// the snapshot in it.
pub(in crate::checkpoint) fn directory(path: &Path) -> Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return Err(Error::argument("model", "the name of its directory is empty"));
    }
    let snapshots = path.join("snapshots");
    if !snapshots.is_dir() || !is_missing(&path.join("config.json")) {
        return Ok(path.to_path_buf());
    }
    // refs/main says which snapshot the branch `main` was when it was fetched last.
    if let Ok(hash) = fs::read_to_string(path.join("refs/main")) {
        let named = snapshots.join(hash.trim());
        // A name, not a path to somewhere else.
        if named.parent() == Some(&snapshots) && named.is_dir() {
            return Ok(named);
        }
    }
    let entries = fs::read_dir(&snapshots).map_err(|e| Error::io(&snapshots, "read", e))?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Error::missing(
            path,
            "is a folder of the Hugging Face cache without a snapshot: download the model again",
        )),
        [first, ..] => {
            let n = found.len();
            let problem = format!(
                "is a folder of the Hugging Face cache with {n} snapshots, and no refs/main that names one of them; give \
                 one, for example {}",
                first.display()
            );
            Err(Error::file(path, problem))
        }
    }
}

/// A file that is not read here.
pub(in crate::checkpoint) fn is_a_file(path: &Path) -> Error {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parent = directory_of(path);
    if !is_missing(&parent.join("config.json")) {
        let problem = format!("is a file; give the directory that it is in: {}", parent.display());
        return Error::file(path, problem);
    }
    match other_form(&name) {
        Some((what, remedy)) => Error::file(path, format!("{what}; {remedy}")),
        None => Error::file(
            path,
            "is no model that is read here: give a directory with config.json and model.safetensors, a .gguf, or another of \
             the forms in docs/other-files.md",
        ),
    }
}

/// What a file is that is not read here, and what to do.
fn other_form(name: &str) -> Option<(&'static str, &'static str)> {
    let found = OTHER_FORMS.iter().find(|(is_it, ..)| is_it(name));
    found.map(|&(_, what, remedy)| (what, remedy))
}

/// What else a directory holds, if it is a known form of weights: a clause about the file, and what to do.
fn held_instead(dir: &Path) -> Option<String> {
    // A model's directory has a few files. In one with thousands, the first will do.
    let entries = fs::read_dir(dir).ok()?.flatten().take(10_000);
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let report = |(is_it, what, remedy): &Form| {
        let name = names.iter().find(|name| is_it(name))?;
        Some(format!("{name} {what}: {remedy}"))
    };
    OTHER_FORMS.iter().find_map(report)
}

/// There is no `model.safetensors` in `dir`.
pub(super) fn no_weights(dir: &Path) -> Error {
    let instead = held_instead(dir).unwrap_or_else(|| EXPECTED.to_string());
    Error::missing(dir, format!("it has no model.safetensors; {instead}"))
}

/// There is no `config.json` in `dir`, or no `dir`.
pub(super) fn no_config(dir: &Path) -> Error {
    if !dir.is_dir() {
        return Error::missing(dir, format!("there is no such directory{}", name_on_the_hub(dir)));
    }
    if let Some(weights) = parts::find(dir) {
        let name = weights.file_name().unwrap_or_default().to_string_lossy();
        let advice = format!("beside its {name} there must be one, which says how large the model is");
        return Error::missing(
            dir,
            format!("it has no config.json: {advice}; get it from where the weights come from"),
        );
    }
    match held_instead(dir) {
        Some(instead) => Error::missing(dir, format!("it has no config.json and no model.safetensors; {instead}")),
        None => match model_inside(dir) {
            Some(inside) => {
                let problem = format!("it has no config.json; there is a model in {}: give that", inside.display());
                Error::missing(dir, problem)
            }
            None => Error::missing(dir, format!("it has no config.json: {EXPECTED}")),
        },
    }
}

/// The first directory in `dir` that looks like a model: people give the folder of all their models, or of a training.
fn model_inside(dir: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(dir).ok()?.flatten().take(10_000).map(|entry| entry.path());
    let is_model = |path: &PathBuf| {
        path.join("config.json").is_file() || path.join("snapshots").is_dir() || path.join("hparams.json").is_file()
    };
    entries.filter(is_model).min()
}

/// What to do if `path` is not a directory but the name of a model, or one that the script would have fetched.
fn name_on_the_hub(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    let (owner, name) = match parts.as_slice() {
        [name] => ("", name.as_ref()),
        [owner, name] => (owner.as_ref(), name.as_ref()),
        _ => return format!(": {EXPECTED}"),
    };
    let is_it = |(known, its_owner): &&(&str, &str)| *known == name && ["", "weights", *its_owner].contains(&owner);
    if let Some((known, _)) = FETCHED.iter().find(is_it) {
        let fetched = format!("weights/{known}");
        return match Path::new(&fetched).join("model.safetensors").is_file() {
            true => format!("; the model of this name is in {fetched}: give that"),
            false => {
                format!("; `./weights-fetch.sh {known}` fetches the model of this name into {fetched}: then give that")
            }
        };
    }
    let is_path = path.has_root() || owner.starts_with('.') || path.parent().is_some_and(Path::is_dir);
    if owner.is_empty() || is_path {
        return format!(": {EXPECTED}");
    }
    let name = path.display();
    format!("; if {name} is a model on the Hugging Face hub, `./weights-fetch.sh {name} DIR` fetches it: then give DIR")
}
