//! The header of a safetensors file: the list of its tensors, read, checked and written.

use super::Item;
use super::dtype::{Dtype, n_bytes};
use crate::checkpoint::json::{Json, quote, shortened};
use crate::checkpoint::tensors::tensor_error;
use crate::error::{Error, Result};
use std::collections::HashSet;

/// The longest header that is accepted, the same as in the reference implementation. GPT-2's has 14,283 bytes.
pub(super) const LONGEST_HEADER: usize = 100_000_000;

/// The key of the notes in a header; no tensor may have this name.
const METADATA: &str = "__metadata__";

/// Notes about a file: string keys with string values.
pub type Metadata = Vec<(String, String)>;

/// What a header says about one tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, for example `h.0.ln_1.weight`.
    pub name: String,
    /// The kind of its numbers.
    pub dtype: Dtype,
    /// Its shape; `[]` is a single number.
    pub shape: Vec<usize>,
    /// Its first byte, counted from the beginning of the data.
    pub begin: usize,
    /// One past its last byte.
    pub end: usize,
}

impl Entry {
    /// Reads an entry, and checks everything that does not depend on other entries.
    fn parse(name: String, value: &Json) -> Result<Entry> {
        let fail = |problem: String| tensor_error(&name, problem);
        let dtype_name = value.get("dtype").and_then(Json::as_str);
        let dtype_name = dtype_name.ok_or_else(|| fail("`dtype` is missing or not a string".to_string()))?;
        let dtype: Dtype = dtype_name.parse().map_err(|e: Error| fail(e.to_string()))?;
        let integers = |key: &str| -> Result<Vec<usize>> {
            let list = value.get(key).and_then(Json::as_array);
            let list = list.ok_or_else(|| fail(format!("`{key}` is missing or not a list")))?;
            let numbers = list.iter().map(Json::as_usize).collect::<Option<Vec<usize>>>();
            numbers.ok_or_else(|| fail(format!("`{key}` must be integers from 0 on, and not too large")))
        };
        let shape = integers("shape")?;
        let offsets = integers("data_offsets")?;
        let &[begin, end] = offsets.as_slice() else {
            return Err(fail(format!("`data_offsets` must be two integers and has {}", offsets.len())));
        };
        if begin > end {
            return Err(fail(format!("`data_offsets` are reversed: [{begin}, {end}]")));
        }
        let expected = n_bytes(&shape, dtype).map_err(&fail)?;
        if end - begin != expected {
            let found = end - begin;
            let shape = shortened(&format!("{shape:?}"));
            return Err(fail(format!("has {found} bytes, and shape {shape} of {dtype} needs {expected}")));
        }
        Ok(Entry { name, dtype, shape, begin, end })
    }

    /// What a header says about this tensor, besides its name.
    fn to_json(&self) -> Json {
        let shape = self.shape.iter().map(|&n| Json::from(n)).collect();
        Json::object([
            ("dtype", self.dtype.to_string().into()),
            ("shape", Json::Array(shape)),
            ("data_offsets", Json::Array(vec![self.begin.into(), self.end.into()])),
        ])
    }
}

/// A header that has been checked: its tensors cover the data exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The tensors, in the order of their data.
    pub tensors: Vec<Entry>,
    /// The notes under `__metadata__`.
    pub metadata: Metadata,
}

impl Header {
    /// Reads and checks the header `text` of a file that has `n_data` bytes after it.
    ///
    /// # Errors
    ///
    /// Anything that the format forbids; the error names the tensor, what was found and what was expected.
    pub fn parse(text: &str, n_data: usize) -> Result<Header> {
        let json = Json::parse(text).map_err(|e| header_error(e.to_string()))?;
        let Json::Object(entries) = json else {
            return Err(header_error("expected an object, `{...}`"));
        };
        let (mut tensors, mut metadata) = (Vec::new(), Vec::new());
        for (name, value) in entries {
            if name == METADATA {
                metadata = parse_metadata(value)?;
            } else {
                tensors.push(Entry::parse(name, &value)?);
            }
        }
        // In the order of the data, each must begin where the one before it ended. A tensor without numbers ends where
        // it begins, and therefore comes before the tensor with the same beginning.
        tensors.sort_by_key(|t| (t.begin, t.end));
        let mut covered = 0;
        for t in &tensors {
            if t.begin != covered {
                let what = if t.begin < covered { "overlaps the tensor before it" } else { "leaves a hole before it" };
                let problem = format!("{what}: it begins at data byte {} and byte {covered} is next", t.begin);
                return Err(tensor_error(&t.name, problem));
            }
            if t.end > n_data {
                let problem =
                    format!("ends at data byte {}, and there are only {n_data}: is the file cut short?", t.end);
                return Err(tensor_error(&t.name, problem));
            }
            covered = t.end;
        }
        if covered != n_data {
            return Err(header_error(format!("the tensors end at data byte {covered}, and there are {n_data}")));
        }
        Ok(Header { tensors, metadata })
    }

    /// The header of a file that will hold these tensors in this order.
    ///
    /// # Errors
    ///
    /// A number too large for its dtype, or a duplicate name or key.
    pub(in crate::checkpoint) fn of(items: &[Item], metadata: &[(String, String)]) -> Result<Header> {
        let mut entries = Vec::new();
        let mut names: HashSet<&str> = HashSet::new();
        let mut begin = 0;
        for item in items {
            let Item { name, tensor, dtype } = item;
            if name == METADATA {
                return Err(tensor_error(name, "this name is reserved for the notes; choose another"));
            }
            if !names.insert(name) {
                return Err(tensor_error(name, "duplicate name; each tensor needs its own"));
            }
            dtype.check_fits(name, tensor.data())?;
            let end = begin + item.n_bytes();
            entries.push(Entry { name: name.clone(), dtype: *dtype, shape: tensor.shape().to_vec(), begin, end });
            begin = end;
        }
        let mut keys: HashSet<&str> = HashSet::new();
        if let Some((key, _)) = metadata.iter().find(|(key, _)| !keys.insert(key)) {
            return Err(header_error(format!("the metadata has the duplicate key {}", quote(key))));
        }
        Ok(Header { tensors: entries, metadata: metadata.to_vec() })
    }

    /// The first bytes of the file: eight for the length, then the text, padded with spaces to a multiple of eight.
    ///
    /// # Errors
    ///
    /// If no reader would accept a header of this length.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut entries = Vec::new();
        if !self.metadata.is_empty() {
            let notes = self.metadata.iter().map(|(key, value)| (key.clone(), Json::from(value.as_str())));
            entries.push((METADATA.to_string(), Json::Object(notes.collect())));
        }
        entries.extend(self.tensors.iter().map(|entry| (entry.name.clone(), entry.to_json())));
        let mut text = Json::Object(entries).to_string();
        while !text.len().is_multiple_of(8) {
            text.push(' ');
        }
        if text.len() > LONGEST_HEADER {
            let problem = format!("it is {} bytes long; readers accept at most {LONGEST_HEADER}", text.len());
            return Err(header_error(problem));
        }
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        Ok(bytes)
    }
}

pub(super) fn header_error(problem: impl Into<String>) -> Error {
    Error::format("safetensors header", problem)
}

fn parse_metadata(value: Json) -> Result<Metadata> {
    let entries = match value {
        Json::Object(entries) => entries,
        Json::Null => Vec::new(),
        _ => return Err(header_error("__metadata__ must be an object of strings")),
    };
    let mut metadata = Vec::new();
    for (key, value) in entries {
        match value {
            Json::String(text) => metadata.push((key, text)),
            _ => return Err(header_error(format!("__metadata__: the value of {} must be a string", quote(&key)))),
        }
    }
    Ok(metadata)
}
