//! What a file or a directory is: its form, its sizes, its tensors, and whether it can be run.
//!
//! Everything here comes from headers and from a few pieces of each tensor, so the answer takes about as long for a model of
//! 6 GB as for one of 6 MB.
//!
//! [Models in other files](crate::book::other_files) shows it.

use super::forms::{self, Opened};
use super::hugging_face;
use super::json::quote;
use super::pytorch;
use super::tensors::Tensors;
use super::weights::Fit;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::tokenizer::Tokenizer;
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

/// What was found at a path.
#[derive(Debug)]
pub struct Inspection {
    /// What it is, in words.
    pub form: String,
    /// The files with the weights.
    pub files: Vec<InspectedFile>,
    /// How large the model is, if that is said and is a GPT-2.
    pub config: Option<Config>,
    /// Its vocabulary, if it has one.
    pub tokenizer: Option<Tokenizer>,
    /// Every tensor, in the order of the files.
    pub tensors: Vec<InspectedTensor>,
    /// What is missing or odd, a line each.
    pub remarks: Vec<String>,
    /// Whether this crate can run it, and if not, why.
    pub runs: Result<()>,
}

/// A file with weights.
#[derive(Debug)]
pub struct InspectedFile {
    /// Its path.
    pub path: PathBuf,
    /// How many bytes it has.
    pub n_bytes: u64,
    /// The first sixteen of them.
    pub start: Vec<u8>,
}

/// A tensor, and what some of its numbers are like.
#[derive(Debug)]
pub struct InspectedTensor {
    /// Its name in the file.
    pub name: String,
    /// The kind of its numbers, for example `BF16`.
    pub kind: String,
    /// Its shape; a matrix of a linear layer is `[in, out]`, however it lies in the file.
    pub shape: Vec<usize>,
    /// Whether it is a weight of the model.
    pub is_used: bool,
    /// The mean and the standard deviation of some of its numbers, if they are of a kind that is read.
    pub spread: Option<(f64, f64)>,
    /// How many of the numbers that were looked at are NaN or infinite.
    pub n_wrong: usize,
}

/// Looks at the model at `path`, which may be anything that [`load`](super::load()) takes, or a file of tensors that is
/// none of its models.
///
/// # Errors
///
/// If there is nothing at the path, or nothing that is known here. The error says what it is, as far as that is known.
///
/// # Example: what is in a directory
///
/// ```
/// use gpt60::checkpoint::{Dtype, inspect};
///
/// let dir = std::env::temp_dir().join(format!("gpt60-inspect-{}", std::process::id()));
/// gpt60::storybook::load().save(&dir, Dtype::F16)?;
/// let found = inspect(&dir)?;
/// assert_eq!(found.tensors[0].kind, "F16");
/// assert_eq!(found.runs, Ok(()));
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn inspect(path: impl AsRef<Path>) -> Result<Inspection> {
    let path = path.as_ref();
    match forms::find(path).and_then(|found| found.open()) {
        Ok(opened) => of_model(opened),
        Err(why) => match loose_tensors(path) {
            Some(tensors) => of_tensors(tensors, why),
            None => Err(why),
        },
    }
}

/// Tensors that are not, or not known to be, those of a GPT-2: a file of them, or that of a directory.
fn loose_tensors(path: &Path) -> Option<Tensors<File>> {
    let file = if path.is_dir() { hugging_face::weights_in(path) } else { Some(path.to_path_buf()) };
    // Whatever else is wrong with it was said already.
    hugging_face::open_weights(&file.filter(|file| file.is_file())?).ok()
}

fn of_tensors(mut tensors: Tensors<File>, why: Error) -> Result<Inspection> {
    let files = files(&mut tensors)?;
    let listed = list(&mut tensors, &HashSet::new());
    Ok(Inspection {
        form: "a file of tensors, of which nothing says what they are".to_string(),
        config: None,
        tokenizer: None,
        remarks: remarks(&files, &listed),
        files,
        tensors: listed,
        runs: Err(why),
    })
}

fn of_model(mut opened: Opened) -> Result<Inspection> {
    let fit = Fit::of(&opened.described, &opened.tensors);
    let config = opened.described.config;
    let used = fit.as_ref().map(|fit| fit.weights(&config)).unwrap_or_default();
    let files = files(&mut opened.tensors)?;
    let mut listed = list(&mut opened.tensors, &used);
    let mut remarks = remarks(&files, &listed);
    if let Ok(fit) = &fit
        && let Some((head, is_repeated, remark)) = about_head(&mut opened, fit)?
    {
        listed[head].is_used &= !is_repeated;
        remarks.push(remark);
    }
    let fits = fit.map(|_| ()).map_err(|e| e.in_file(&opened.path));
    let (tokenizer, runs) = match opened.vocabulary() {
        Ok((tokenizer, _)) => (tokenizer, fits),
        Err(error) => (None, fits.and(Err(error))),
    };
    match &tokenizer {
        None => remarks.push("there is no vocabulary: it works with ids only".to_string()),
        Some(tokenizer) if tokenizer.n_vocab() < config.n_vocab => remarks.push(format!(
            "the vocabulary has {} tokens and the table {} rows: {} belong to no token",
            tokenizer.n_vocab(),
            config.n_vocab,
            config.n_vocab - tokenizer.n_vocab(),
        )),
        Some(_) => {}
    }
    remarks.append(&mut opened.remarks);
    remarks.append(&mut opened.notes);
    Ok(Inspection {
        form: opened.form.to_string(),
        files,
        config: Some(config),
        tokenizer,
        tensors: listed,
        remarks,
        runs,
    })
}

/// The tensors, with what some of their numbers are like. `used` are those that are weights of the model.
fn list(tensors: &mut Tensors<File>, used: &HashSet<usize>) -> Vec<InspectedTensor> {
    let mut listed = Vec::new();
    for i in 0..tensors.places.len() {
        let place = tensors.places[i].clone();
        // Kinds that are not read are only named.
        let sample = tensors.sample(i).unwrap_or_default();
        let good: Vec<f64> = sample.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x)).collect();
        let n = good.len() as f64;
        let mean = good.iter().sum::<f64>() / n;
        let variance = good.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        listed.push(InspectedTensor {
            name: place.name,
            kind: place.kind.to_string(),
            shape: place.shape,
            is_used: used.contains(&i),
            spread: (!good.is_empty()).then_some((mean, variance.sqrt())),
            n_wrong: sample.len() - good.len(),
        });
    }
    listed
}

/// What there is to say about the tensors, whatever they are.
fn remarks(files: &[InspectedFile], listed: &[InspectedTensor]) -> Vec<String> {
    let mut remarks = Vec::new();
    let n_pickles = files.iter().filter(|file| pytorch::is_it(&file.start) == Ok(true)).count();
    if n_pickles > 0 {
        let n = listed.len();
        let what = if n_pickles == 1 { "this is a pickle" } else { "these are pickles" };
        remarks.push(format!("{what} with {n} tensors and no code: what is in it was read, and not run"));
    }
    if let Some(tensor) = listed.iter().find(|tensor| tensor.n_wrong > 0) {
        remarks.push(format!("tensor {} has numbers that are NaN or infinite", quote(&tensor.name)));
    }
    let unused: Vec<&InspectedTensor> = listed.iter().filter(|tensor| !tensor.is_used).collect();
    if let (Some(first), true) = (unused.first(), unused.len() < listed.len()) {
        let more = if unused.len() > 1 { format!(" and {} more", unused.len() - 1) } else { String::new() };
        remarks.push(format!("the model does not need tensor {}{more}", quote(&first.name)));
    }
    remarks
}

/// Which tensor the head is, whether it is no more than the table once more, and what to say about it. Of a large table,
/// pieces are compared.
fn about_head(opened: &mut Opened, fit: &Fit) -> Result<Option<(usize, bool, String)>> {
    let (Some(head), Some(table)) = (fit.place_of("lm_head.weight"), fit.place_of("wte.weight")) else {
        return Ok(None);
    };
    let tensors = &mut opened.tensors;
    let name = quote(&tensors.places[head].name);
    let is_same = tensors.sample(head)? == tensors.sample(table)?;
    let remark = match (is_same, opened.described.tied) {
        (true, true) => format!("the head, {name}, is the table once more"),
        (true, false) => format!("the head, {name}, is said to be another than the table, and looks the same"),
        (false, true) => format!("untied head: {name} is another than the table, although nothing says so"),
        (false, false) => format!("untied head: {name} is another than the table"),
    };
    Ok(Some((head, is_same && opened.described.tied, remark)))
}

fn files(tensors: &mut Tensors<File>) -> Result<Vec<InspectedFile>> {
    let mut files = Vec::new();
    for file in &mut tensors.files {
        let unreadable = |e| Error::io(&file.path, "read", e);
        let n_bytes = file.reader.metadata().map_err(unreadable)?.len();
        let mut start = Vec::new();
        file.reader.rewind().map_err(unreadable)?;
        (&mut file.reader).take(16).read_to_end(&mut start).map_err(unreadable)?;
        files.push(InspectedFile { path: file.path.clone(), n_bytes, start });
    }
    Ok(files)
}
