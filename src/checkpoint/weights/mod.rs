//! The weights, under their names, from the tensors of a file, whatever its form.
//!
//! The names are this crate's own, because the crate took them from there: `wte.weight`, `h.0.attn.c_attn.weight` and so
//! on. Some things differ from file to file:
//!
//! - **prefixes.** OpenAI's GPT-2 has the plain names; files saved from the `transformers` library have `transformer.`
//!   before all of them but the head's; and other programs have left their own (see `gpt2_names.rs`);
//! - **masks.** `h.0.attn.bias` is not a bias but the triangle of the causal mask, which older programs saved with the
//!   weights. It is skipped by its name;
//! - **the head.** GPT-2 uses `wte` a second time to turn its last vectors into logits: the head is *tied*. A file may
//!   still hold `lm_head.weight`. If it differs from `wte`, the model was trained untied, and both are kept;
//! - **more than the model.** A file may have more blocks than the configuration, and tensors for other tasks. They are
//!   left out, as the `transformers` library leaves them out; that blocks were is said in a note.
//!
//! Here too, a file is not trusted: every tensor's shape is compared with the configuration before the model is
//! allocated. A configuration of a billion layers costs nothing. And a weight that is no number is found as it is read:
//! with a single NaN a model computes nothing, and many steps later nobody could say why.

#[cfg(test)]
mod tests;

use crate::checkpoint::gpt2_names::{Family, PREFIX, block_of, is_mask};
use crate::checkpoint::json::quote;
use crate::checkpoint::tensors::{Kind, Place, Tensors, check_is_weight, tensor_error};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::kernels::memory;
use crate::model::Gpt2;
use crate::parameters::Head;
use crate::tensor::Tensor;
use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek};

/// What is known about a model before its weights are read.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub config: Config,
    /// Whether the head is said to be tied.
    pub tied: bool,
    /// Whether there are biases. Without, they are zero.
    pub has_biases: bool,
    /// Where this stands, for messages: `config.json`, for example.
    pub by: &'static str,
}

/// Reads the weights into a model. Each is converted straight into its place: nothing is in memory twice. With it come
/// notes about what was left out, a line each.
///
/// # Errors
///
/// As [`Fit::of`]; or if there is not enough memory, a weight is no number, or a file cannot be read.
pub(super) fn read<R: Read + Seek>(said: &Described, file: &mut Tensors<R>) -> Result<(Gpt2, Vec<String>)> {
    let Fit { index, head } = Fit::of(said, file)?;
    let config = &said.config;
    check_memory(config, head)?;

    // Now every tensor of this model is known to be in the file, with exactly the numbers that will be allocated.
    let mut model = Gpt2::zeros(config)?;
    for (name, tensor) in model.parameters_mut()? {
        match index.places.get(&name) {
            Some(i) => file.read_weight_into(*i, tensor.data_mut())?,
            None if said.is_left_out(&name) => {} // it is zero
            None => return Err(missing_tensor(&name, said, &index)),
        }
    }
    if head == Head::Own {
        let i = *index.places.get("lm_head.weight").ok_or_else(|| missing_tensor("lm_head.weight", said, &index))?;
        // A head with the very same bits as `wte` is `wte`, saved twice. It is compared piece by piece: a second table may
        // be a third of the model, and most heads are no more than that.
        if !said.tied || !file.is_same(i, model.wte.tensor()?.data())? {
            let mut head = Tensor::zeros(&[config.n_vocab, config.n_embd]);
            file.read_weight_into(i, head.data_mut())?;
            let pairs = head.data().iter().zip(model.wte.tensor()?.data());
            let is_same = pairs.into_iter().all(|(a, b)| a.to_bits() == b.to_bits());
            // (Tables that lie column by column were not compared before.)
            model.lm_head = (!said.tied || !is_same).then(|| head.into());
        }
    }
    let mut notes = Vec::new();
    if index.n_blocks > config.n_layer {
        notes.push(format!(
            "the weights have {} blocks, and {} has n_layer {}: the blocks after that are left out",
            index.n_blocks, said.by, config.n_layer
        ));
    }
    Ok((model, notes))
}

/// Tensors that fit a configuration: the weights of a model are all there, each with its shape.
pub(super) struct Fit {
    index: Index,
    head: Head,
}

impl Fit {
    /// Finds each weight of the model among the tensors. Nothing is read and nothing allocated for it.
    ///
    /// # Errors
    ///
    /// If a weight is missing, is there twice, has another shape or is of a kind that is not read; or if a block has parts
    /// that no GPT-2 has.
    pub fn of<R>(said: &Described, file: &Tensors<R>) -> Result<Fit> {
        let mut index = Index::of(&file.places, file.family)?;
        if said.tied && !index.places.contains_key("wte.weight") {
            // Two names for one tensor: some programs keep the other name.
            index.places.remove("lm_head.weight").map(|i| index.places.insert("wte.weight".to_string(), i));
        }
        let own_head = !said.tied || index.places.contains_key("lm_head.weight");
        let head = if own_head { Head::Own } else { Head::Tied };
        check_tensors(said, head, &index, &file.places)?;
        Ok(Fit { index, head })
    }

    /// Which of the tensors are weights of the model.
    pub fn weights(&self, config: &Config) -> HashSet<usize> {
        config.shapes(self.head).iter().filter_map(|(name, _)| self.place_of(name)).collect()
    }

    /// Which of the tensors the weight with GPT-2's own name `own` is.
    pub fn place_of(&self, own: &str) -> Option<usize> {
        self.index.places.get(own).copied()
    }
}

impl Described {
    /// Whether the model has no weight of this name, which is then zero.
    fn is_left_out(&self, name: &str) -> bool {
        !self.has_biases && name.ends_with(".bias")
    }
}

/// What is where in a file.
struct Index {
    family: Family,
    /// Which of the tensors each weight is, by its name without the prefixes.
    places: HashMap<String, usize>,
    /// How many blocks there are: numbers `i` of names `h.i.`.
    n_blocks: usize,
}

impl Index {
    fn of(entries: &[Place], family: Family) -> Result<Index> {
        let mut places = HashMap::new();
        for (i, entry) in entries.iter().enumerate() {
            let name = family.own_name(&entry.name);
            if is_mask(&name) {
                continue;
            }
            if let Some(other) = places.insert(name.clone(), i) {
                let (first, second) = (quote(&entries[other].name), quote(&entry.name));
                let problem = format!("stands in the file as {first} and as {second}: which one is meant?");
                return Err(Error::format(format!("tensor {}", quote(&name)), problem));
            }
        }
        let blocks: HashSet<usize> = places.keys().filter_map(|name| block_of(name)).collect();
        Ok(Index { family, places, n_blocks: blocks.len() })
    }
}

/// Checks that the file has the tensors of this model, each with its shape, and allocates nothing for them.
fn check_tensors(said: &Described, head: Head, index: &Index, entries: &[Place]) -> Result<()> {
    let config = &said.config;
    // A block has 12 tensors, or 6 without biases. With one layer more than the file can hold, at least one is missing: enough
    // to report.
    let n_layer = config.n_layer.min(index.places.len() / if said.has_biases { 12 } else { 6 } + 1);
    let shapes = Config { n_layer, ..*config }.shapes(head);
    for (name, shape) in &shapes {
        let i = match index.places.get(name) {
            Some(&i) => i,
            None if said.is_left_out(name) => continue,
            None => return Err(missing_tensor(name, said, index)),
        };
        let entry = &entries[i];
        if entry.shape != *shape {
            let found = if entry.shape.len() <= 4 {
                format!("has shape {:?}", entry.shape)
            } else {
                format!("has {} dimensions", entry.shape.len())
            };
            let turned = shape.len() == 2 && entry.shape.iter().eq(shape.iter().rev());
            let hint = if turned { "; it seems to be transposed: GPT-2 keeps [in, out]" } else { "" };
            let problem = format!("{found}, and {} makes it {shape:?}{hint}", said.by);
            return Err(tensor_error(&entry.name, problem));
        }
        check_is_weight(entry)?;
    }
    // Parts for other tasks (a classifier's `score.weight`) may accompany the model, and blocks after the last. Inside
    // the model's own blocks, an unknown weight means that this is not the model that the configuration describes. Integers
    // and truth values are never weights.
    let known: HashSet<&str> = shapes.iter().map(|(name, _)| name.as_str()).collect();
    let is_unknown = |(name, i): &(&String, &usize)| {
        name.starts_with("h.")
            && !known.contains(name.as_str())
            && block_of(name).is_none_or(|block| block < config.n_layer)
            && !matches!(&entries[**i].kind, Kind::Plain(dtype) if dtype.is_integer())
    };
    match index.places.iter().filter(is_unknown).map(|(name, _)| name).min() {
        None => Ok(()),
        Some(name) => {
            let name = &entries[index.places[name]].name;
            let problem = "is not part of a GPT-2: another kind of model, or one that was changed, is not read here";
            Err(Error::format(format!("tensor {}", quote(name)), problem))
        }
    }
}

/// Checks that there is memory for the model, as far as the operating system tells.
fn check_memory(config: &Config, head: Head) -> Result<()> {
    let own_head = if head == Head::Own { config.n_vocab.saturating_mul(config.n_embd) } else { 0 };
    let n_bytes = config.n_parameters().saturating_add(own_head).saturating_mul(size_of::<f32>());
    if memory::can_be_had(n_bytes) {
        return Ok(());
    }
    let problem = format!(
        "its weights need {} GB of memory, 4 bytes for each, and that is more than there is; choose a smaller model",
        n_bytes.div_ceil(1_000_000_000)
    );
    Err(Error::format("the model", problem))
}

/// A tensor is not in the file. The names that are there tell what it is instead.
fn missing_tensor(name: &str, said: &Described, index: &Index) -> Error {
    let what = || format!("tensor {}", quote(&index.family.name_in_file(name)));
    if name == "lm_head.weight" {
        return Error::format(what(), "is missing; config.json has tie_word_embeddings false, so it must be there");
    }
    let n_blocks = index.n_blocks;
    if n_blocks > 0 && block_of(name).is_some_and(|block| block >= n_blocks) {
        let problem =
            format!("is missing; {} has n_layer {}, and the file has {n_blocks} blocks", said.by, said.config.n_layer);
        return Error::format(what(), problem);
    }
    // Those of the same block first: if a block has other parts, their names show it.
    let mut names: Vec<&String> = index.places.keys().collect();
    names.sort_by_key(|other| (block_of(other) != block_of(name), other.as_str()));
    const SHOWN: usize = 3;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| quote(&index.family.name_in_file(name))).collect();
    let there = match names.len() {
        0 => "no weights at all".to_string(),
        n if n <= SHOWN => shown.join(", "),
        n => format!("{} and {} other names", shown.join(", "), n - SHOWN),
    };
    Error::format(what(), format!("is missing, and every GPT-2 has it; the file has {there}"))
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
