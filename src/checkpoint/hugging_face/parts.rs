//! The weights of a directory: in one file, or in several.
//!
//! A large model is saved in parts, `model-00001-of-00003.safetensors` and so on. Beside them lies an index,
//! `model.safetensors.index.json`, whose `weight_map` says for each tensor in which part it is. The parts are files like
//! any other, and together they are read as one.
//!
//! Before safetensors there was `pytorch_model.bin`, with parts and an index of the same form.
//!
//! An index is not believed either. A part must be a file of the same directory, and each tensor must be where the index
//! says, and nowhere else. A tensor that the index does not mention is read from a part that it does mention, as the
//! `transformers` library reads it; a file that it does not mention is not looked at.

use super::{is_missing, read_json};
use crate::checkpoint::gpt2_names::Family;
use crate::checkpoint::json::{Json, quote};
use crate::checkpoint::pytorch;
use crate::checkpoint::safetensors::SafeTensors;
use crate::checkpoint::tensors::Tensors;
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The files in which weights are looked for. The first that is there is read.
const FILES: [&str; 4] =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

/// What the name of an index ends with.
const INDEX: &str = ".index.json";

/// The file that holds the weights in `dir`, or the index of those that do.
pub(in crate::checkpoint) fn find(dir: &Path) -> Option<PathBuf> {
    FILES.iter().map(|name| dir.join(name)).find(|path| !is_missing(path))
}

/// Whether this is the name of an index.
pub(in crate::checkpoint) fn is_index(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(INDEX))
}

/// Opens what [`find`] found.
///
/// # Errors
///
/// A file that cannot be read, or holds no weights; an index that its parts contradict. The error names the file.
pub(in crate::checkpoint) fn open(path: &Path) -> Result<Tensors<File>> {
    if !is_index(path) {
        return Ok(open_file(path)?.with_scales());
    }
    let index = read_json(path)?;
    let said = weight_map(&index).map_err(|e| e.in_file(path))?;
    let names: BTreeSet<&str> = said.iter().map(|(_, part)| *part).collect();
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut whole = Tensors { places: Vec::new(), files: Vec::new(), family: Family::Plain };
    let mut found_in: HashMap<String, &str> = HashMap::new();
    for name in names {
        let part = dir.join(name);
        if is_missing(&part) {
            return Err(Error::missing(
                path,
                format!("names the part {}, which is not there: get it too", quote(name)),
            ));
        }
        let mut part = open_file(&part)?;
        for place in &mut part.places {
            if let Some(other) = found_in.insert(place.name.clone(), name) {
                let problem = format!("is in {} and in {}: which one is meant?", quote(other), quote(name));
                return Err(Error::format(format!("tensor {}", quote(&place.name)), problem).in_file(path));
            }
            place.file += whole.files.len();
        }
        whole.places.append(&mut part.places);
        whole.files.append(&mut part.files);
    }
    for (tensor, part) in said {
        let found = found_in.get(tensor).copied();
        if found != Some(part) {
            let elsewhere = found.map_or(String::new(), |name| format!(", but in {}", quote(name)));
            let problem =
                format!("is said to be in {}, and is not{elsewhere}: are all files of one model?", quote(part));
            return Err(Error::format(format!("tensor {}", quote(tensor)), problem).in_file(path));
        }
    }
    Ok(whole.with_scales())
}

/// One file of weights. Its first bytes decide what it is, whatever its name.
fn open_file(path: &Path) -> Result<Tensors<File>> {
    match pytorch::open(path)? {
        Some(file) => file.into_tensors(path).map_err(|e| e.in_file(path)),
        None => Ok(SafeTensors::open(path)?.into_tensors(path)),
    }
}

/// The tensors of an index, each with the name of its part.
fn weight_map(index: &Json) -> Result<Vec<(&str, &str)>> {
    let fail = |problem: String| Err(Error::format("index", problem));
    let Some(entries) = index.get("weight_map").and_then(Json::as_object) else {
        return fail("`weight_map` is missing or not an object: it must say which tensor is in which part".to_string());
    };
    let mut said = Vec::new();
    for (tensor, part) in entries {
        let Some(name) = part.as_str() else {
            return fail(format!("the part of tensor {} must be the name of a file", quote(tensor)));
        };
        // A name, and not a path to somewhere else, on any system.
        if ["", ".", ".."].contains(&name) || name.contains(['/', '\\', ':', '\0']) {
            return fail(format!("{} is not the name of a file in the same directory", quote(name)));
        }
        said.push((tensor.as_str(), name));
    }
    Ok(said)
}
