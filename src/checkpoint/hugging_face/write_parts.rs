//! The weights of a directory, written: in one file, or in several with an index.
//!
//! A part is filled with one tensor after the other, until the next would make it larger than asked. A tensor is never cut:
//! one that alone is larger has a part of its own.

use crate::checkpoint::beside::write_beside;
use crate::checkpoint::json::Json;
use crate::checkpoint::safetensors::{Header, Item, write_under};
use crate::error::Result;
use std::path::Path;

/// A file to be written: its name, its first bytes, and its tensors.
pub(super) struct Part<'a> {
    name: String,
    header: Header,
    items: &'a [Item<'a>],
}

/// Shares out the tensors. If they fit into one file, it has the name of all the weights.
///
/// # Errors
///
/// A weight that is too large for its dtype.
pub(super) fn split<'a>(
    items: &'a [Item<'a>],
    metadata: &[(String, String)],
    largest: Option<u64>,
) -> Result<Vec<Part<'a>>> {
    let mut groups = Vec::new();
    let (mut begin, mut size) = (0, 0);
    for (i, item) in items.iter().enumerate() {
        let n = item.n_bytes() as u64;
        if i > begin && largest.is_some_and(|largest| size + n > largest) {
            groups.push(&items[begin..i]);
            (begin, size) = (i, 0);
        }
        size += n;
    }
    groups.push(&items[begin..]);
    let n = groups.len();
    let name = |i: usize| match n {
        1 => "model.safetensors".to_string(),
        _ => format!("model-{:05}-of-{n:05}.safetensors", i + 1),
    };
    let part = |(i, items)| Ok(Part { name: name(i), header: Header::of(items, metadata)?, items });
    groups.into_iter().enumerate().map(part).collect()
}

/// Writes the parts into `dir`, and, if there are several, their index after them.
///
/// # Errors
///
/// A refusal of the operating system.
pub(super) fn write(dir: &Path, parts: &[Part]) -> Result<()> {
    for part in parts {
        write_under(&part.header, &dir.join(&part.name), part.items)?;
    }
    if parts.len() == 1 {
        return Ok(());
    }
    let weight_map =
        parts.iter().flat_map(|part| part.items.iter().map(|item| (item.name.clone(), Json::from(part.name.as_str()))));
    let total: usize = parts.iter().flat_map(|part| &part.header.tensors).map(|entry| entry.end - entry.begin).sum();
    let index = Json::Object(vec![
        ("metadata".to_string(), Json::Object(vec![("total_size".to_string(), total.into())])),
        ("weight_map".to_string(), Json::Object(weight_map.collect())),
    ]);
    write_beside(dir.join("model.safetensors.index.json"), index.to_pretty_string().as_bytes())
}
