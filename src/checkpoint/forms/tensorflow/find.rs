//! Which files make up a checkpoint of TensorFlow: the index that is meant, and what is beside it.

use crate::checkpoint::beside::directory_of;
use crate::checkpoint::json::{Json, quote};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::text_file;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What the name of an index ends with.
const INDEX: &str = ".index";

/// The text that says which checkpoint of a directory is the latest.
const LATEST: &str = "checkpoint";

/// The index of the checkpoint that is meant by `path`, if that is no directory: the index itself, the name with which the
/// files of a checkpoint begin, or the text beside them. `None`: it is no checkpoint of TensorFlow.
///
/// # Errors
///
/// As [`index_in`].
pub(in crate::checkpoint) fn index(path: &Path) -> Result<Option<PathBuf>> {
    if path.is_file() {
        if path.ends_with(LATEST) {
            return index_in(directory_of(path));
        }
        // The first bytes of an index say nothing.
        let is_index = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(INDEX));
        return Ok(is_index.then(|| path.to_path_buf()));
    }
    let named = with_end(path, INDEX);
    Ok((!path.is_dir() && named.is_file()).then_some(named))
}

/// The index of the checkpoint that is meant by a directory: the latest, or the only one.
///
/// # Errors
///
/// A checkpoint that is the latest and not there, or several and nothing that says which one is meant.
pub(in crate::checkpoint) fn index_in(dir: &Path) -> Result<Option<PathBuf>> {
    let list = dir.join(LATEST);
    if let Some(named) = start_of(&list).and_then(|text| latest(&text)) {
        let index = dir.join(format!("{named}{INDEX}"));
        if !index.is_file() {
            let problem = format!("names {}, and there is no {named}{INDEX} beside it: get it too", quote(&named));
            return Err(Error::missing(&list, problem));
        }
        return Ok(Some(index));
    }
    let Ok(entries) = fs::read_dir(dir) else { return Ok(None) };
    // A model's directory has a few files. In one with thousands, the first will do.
    let paths = entries.flatten().take(1000).map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        paths.filter(|path| path.to_string_lossy().ends_with(INDEX) && path.is_file()).collect();
    found.sort();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        [first, ..] => {
            let problem = format!(
                "there are {} checkpoints of TensorFlow in it, and no file named {LATEST} that says which one is meant: \
                 give one, for example {}",
                found.len(),
                first.display()
            );
            Err(Error::file(dir, problem))
        }
    }
}

/// The first lines of a text, if there is one. Its first line is the one that counts.
fn start_of(list: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(list).ok().filter(|_| list.is_file())?.take(1 << 16).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The checkpoint that the file `checkpoint` names, without the directory in which it once was. This is the line
/// `model_checkpoint_path: "/home/someone/run1/model-1000"`; in the text, other characters than those of ASCII are
/// written as their bytes, each a backslash and three octal digits.
pub(super) fn latest(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("model_checkpoint_path:"))?.trim();
    let quoted = ['"', '\''].iter().find_map(|quote| line.strip_prefix(*quote)?.strip_suffix(*quote))?;
    let mut path = Vec::new();
    let mut rest = quoted.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            path.push(byte);
        } else if let Some(byte) =
            rest.get(..3).and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok())
        {
            path.push(byte);
            rest = &rest[3..];
        } else {
            let (&byte, after) = rest.split_first()?;
            path.push(byte); // a backslash or a quote
            rest = after;
        }
    }
    let path = String::from_utf8(path).ok()?;
    let name = path.rsplit(['/', '\\']).next()?;
    (!name.is_empty() && !name.contains(':')).then(|| name.to_string())
}

/// The file with data number `i` of `n`, of the checkpoint with this index.
pub(super) fn shard(index: &Path, i: usize, n: usize) -> PathBuf {
    with_end(&index.with_extension(""), &format!(".data-{i:05}-of-{n:05}"))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(end);
    PathBuf::from(name)
}

/// How large the model is, from the `hparams.json` beside the index.
///
/// # Errors
///
/// If it is missing, or does not say it.
pub(super) fn config(index: &Path) -> Result<Config> {
    let path = index.with_file_name("hparams.json");
    if !path.is_file() {
        let name = index.file_name().unwrap_or_default().to_string_lossy();
        let problem = format!(
            "it has {name} and no hparams.json, which says how large the model is: get it from where the checkpoint \
             comes from"
        );
        return Err(Error::missing(directory_of(index), problem));
    }
    let text = text_file::read(&path)?;
    let read = || {
        let json = Json::parse(&text)?;
        let size = |key: &str| {
            let found = json.get(key).and_then(Json::as_usize);
            found.ok_or_else(|| Error::format("hparams", format!("`{key}` must be an integer from 0 on")))
        };
        let [n_vocab, n_ctx, n_embd, n_head, n_layer] =
            [size("n_vocab")?, size("n_ctx")?, size("n_embd")?, size("n_head")?, size("n_layer")?];
        let config = Config::new(n_vocab, n_ctx, n_embd, n_head, n_layer);
        config.check()?;
        Ok(config)
    };
    read().map_err(|e: Error| e.in_file(&path))
}
