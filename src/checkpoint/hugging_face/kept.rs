//! What a directory says beyond its weights and its vocabulary: kept, so that a copy says the same.
//!
//! A directory from someone else says more than this crate uses: how to pad a batch, which tokens are special, a
//! template for dialogues, settings for sampling. If that were left out when the model is written again, the copy would
//! behave differently in another program, and nobody would notice when. So the small files are kept as they were read.
//! When the model is written, only what this crate knows better is put in its place: the sizes, the end tokens if they
//! have changed, the type of the numbers.
//!
//! The same holds for training: a model that is trained further keeps all this in the state of its run.

use super::{read_json, read_text};
use crate::checkpoint::beside::write_beside;
use crate::checkpoint::json::{Json, shortened};
use crate::error::{Error, Result};
use crate::tokenizer::Tokenizer;
use std::path::Path;

/// The small files of a directory, as they were read. Empty for a model that comes from no directory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// The files that are there, by name: an object for a file of JSON, a string for a file of text.
    files: Vec<(&'static str, Json)>,
}

pub(in crate::checkpoint) const CONFIG: &str = "config.json";
pub(super) const GENERATION: &str = "generation_config.json";
pub(in crate::checkpoint) const TOKENIZER: &str = "tokenizer_config.json";
/// The files that are kept, and whether they are JSON.
const NAMES: [(&str, bool); 5] = [
    (CONFIG, true),
    (GENERATION, true),
    (TOKENIZER, true),
    ("special_tokens_map.json", true),
    ("chat_template.jinja", false),
];

impl Kept {
    /// Reads the files in `dir`.
    pub(in crate::checkpoint) fn read(dir: &Path) -> Result<Kept> {
        let mut files = Vec::new();
        for (name, is_json) in NAMES {
            let path = dir.join(name);
            if path.is_file() {
                let contents = match is_json {
                    true => object(read_json(&path)?).map_err(|e| e.in_file(&path))?,
                    false => Json::String(read_text(&path)?),
                };
                if [CONFIG, GENERATION].contains(&name) {
                    end_ids_in(&contents).map_err(|e| e.in_file(&path))?;
                }
                files.push((name, contents));
            }
        }
        Ok(Kept { files })
    }

    /// What is in the file `name`, if there is one.
    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.files.iter().find(|(found, _)| *found == name).map(|(_, contents)| contents)
    }

    /// The id under `key`, such as `bos_token_id`: as in `transformers`, the generation's file counts before the model's.
    pub(in crate::checkpoint) fn id(&self, key: &str) -> Option<u32> {
        let file = [GENERATION, CONFIG].into_iter().find_map(|name| self.get(name))?;
        u32::try_from(file.get(key)?.as_usize()?).ok()
    }

    /// The ids that end a text, as the files say; or else the vocabulary's `<|endoftext|>`. If there is a
    /// `generation_config.json`, it alone decides, even if it names no end token.
    ///
    /// An id beyond the `n_vocab` rows of the model is left out. A small model often has GPT-2's 50256 in its
    /// configuration, left over from a default: the model can never produce it.
    pub(in crate::checkpoint) fn end_ids(&self, tokenizer: Option<&Tokenizer>, n_vocab: usize) -> Result<Vec<u32>> {
        let in_file = |name: &str| match self.get(name) {
            Some(json) => end_ids_in(json).map_err(|e| e.in_file(name)),
            None => Ok(None),
        };
        let said = match self.get(GENERATION) {
            Some(_) => Some(in_file(GENERATION)?.unwrap_or_default()),
            None => in_file(CONFIG)?,
        };
        let ids = said.unwrap_or_else(|| tokenizer.iter().filter_map(|tokenizer| tokenizer.end_of_text()).collect());
        Ok(ids.into_iter().filter(|&id| (id as usize) < n_vocab).collect())
    }

    /// What the directory says about how to choose tokens, as a note, if it says anything. The `transformers` library obeys it,
    /// even where the choice is greedy; here the flags of a command say how to choose.
    pub(in crate::checkpoint) fn note_on_choosing(&self) -> Option<String> {
        /// What changes nothing. Of `top_k` only the library's own default, for it stands in files that choose nothing else.
        const NEUTRAL: [(&str, &str); 11] = [
            ("do_sample", "false"),
            ("temperature", "1"),
            ("top_k", "50"),
            ("top_p", "1"),
            ("min_p", "0"),
            ("typical_p", "1"),
            ("repetition_penalty", "1"),
            ("no_repeat_ngram_size", "0"),
            ("num_beams", "1"),
            ("length_penalty", "1"),
            ("early_stopping", "false"),
        ];
        let file = self.get(GENERATION)?;
        let is_neutral = |value: &Json, neutral: &str| match value {
            Json::Null => true,
            Json::Number(_) => value.as_f32() == neutral.parse().ok(),
            other => other.to_string() == neutral,
        };
        let asked: Vec<String> = NEUTRAL
            .into_iter()
            .filter_map(|(key, neutral)| {
                let value = file.get(key).filter(|value| !is_neutral(value, neutral))?;
                Some(format!("{key} {}", shortened(&value.to_string())))
            })
            .collect();
        let asked = (!asked.is_empty()).then(|| asked.join(", "))?;
        Some(format!("{GENERATION} asks for {asked}: here the flags decide, and it is not used"))
    }

    /// These files, changed to say that a text ends at `end_ids`; nothing changes if they say so already.
    pub(super) fn ending_at(&self, end_ids: &[u32], tokenizer: Option<&Tokenizer>, n_vocab: usize) -> Result<Kept> {
        let mut kept = self.clone();
        if self.get(CONFIG).is_some() && self.end_ids(tokenizer, n_vocab)? == end_ids {
            return Ok(kept);
        }
        let value = match end_ids {
            [] => Json::Null,
            [id] => (*id).into(),
            ids => Json::Array(ids.iter().map(|&id| id.into()).collect()),
        };
        let end = tokenizer.and_then(Tokenizer::end_of_text).or(end_ids.first().copied());
        for name in [CONFIG, GENERATION] {
            let is_new = self.get(name).is_none();
            if name == GENERATION && is_new && end_ids.is_empty() {
                continue; // the configuration says it
            }
            let file = kept.file(name);
            if is_new {
                set(file, "bos_token_id", end.map_or(Json::Null, Json::from));
            }
            set(file, "eos_token_id", value.clone());
        }
        Ok(kept)
    }

    /// The file `name`, to be changed; a new one is an empty object.
    pub(in crate::checkpoint) fn file(&mut self, name: &'static str) -> &mut Json {
        let i = self.files.iter().position(|(found, _)| *found == name).unwrap_or_else(|| {
            self.files.push((name, Json::Object(Vec::new())));
            self.files.len() - 1
        });
        &mut self.files[i].1
    }

    /// Writes the files into `dir`.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        for (name, contents) in &self.files {
            let text = match contents {
                Json::String(text) => text,
                json => &json.to_pretty_string(),
            };
            write_beside(dir.join(name), text.as_bytes())?;
        }
        Ok(())
    }

    /// All files as one text, for the state of a training run.
    pub(crate) fn to_text(&self) -> String {
        let files = self.files.iter().map(|(name, contents)| (name.to_string(), contents.clone()));
        Json::Object(files.collect()).to_string()
    }

    /// The files in a text that [`Kept::to_text`] made.
    ///
    /// # Errors
    ///
    /// If it did not.
    pub(crate) fn from_text(text: &str) -> Result<Kept> {
        let json = Json::parse(text)?;
        let mut files = Vec::new();
        for (name, is_json) in NAMES {
            match json.get(name) {
                None => {}
                Some(text @ Json::String(_)) if !is_json => files.push((name, text.clone())),
                Some(json) => files.push((name, object(json.clone())?)),
            }
        }
        Ok(Kept { files })
    }
}

/// Every JSON file that is kept is an object.
fn object(json: Json) -> Result<Json> {
    match json {
        Json::Object(_) => Ok(json),
        _ => Err(Error::format("config", "expected an object, `{...}`")),
    }
}

/// Puts `value` under `key` of an object, in the place of what was there.
pub(in crate::checkpoint) fn set(json: &mut Json, key: &str, value: Json) {
    let Json::Object(entries) = json else { return };
    match entries.iter_mut().find(|(name, _)| name == key) {
        Some((_, old)) => *old = value,
        None => entries.push((key.to_string(), value)),
    }
}

/// `eos_token_id` is an id, a list of ids, or null. A number that cannot be an id is left out: no model produces it.
fn end_ids_in(json: &Json) -> Result<Option<Vec<u32>>> {
    let Some(value) = json.get("eos_token_id") else {
        return Ok(None);
    };
    let ids = match value {
        Json::Null => &[],
        Json::Array(ids) => ids.as_slice(),
        id => std::slice::from_ref(id),
    };
    if ids.iter().any(|id| !matches!(id, Json::Number(_))) {
        return Err(super::config_json::unexpected("eos_token_id", value, "an id, a list of ids, or null"));
    }
    Ok(Some(ids.iter().filter_map(Json::as_usize).filter_map(|id| u32::try_from(id).ok()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_directory_says_about_choosing_is_told_unless_it_changes_nothing() {
        let note = |text: &str| {
            let mut kept = Kept::default();
            *kept.file(GENERATION) = Json::parse(text).unwrap();
            kept.note_on_choosing()
        };
        assert_eq!(Kept::default().note_on_choosing(), None);
        assert_eq!(note(r#"{"eos_token_id": 7, "max_length": 50}"#), None);
        assert_eq!(note(r#"{"temperature": 1.0, "top_p": 1, "top_k": 50, "do_sample": false, "min_p": null}"#), None);
        assert_eq!(
            note(r#"{"top_p": 0.9, "do_sample": true, "repetition_penalty": 1.2, "early_stopping": "never"}"#).unwrap(),
            "generation_config.json asks for do_sample true, top_p 0.9, repetition_penalty 1.2, early_stopping \"never\": \
             here the flags decide, and it is not used"
        );
    }

    #[test]
    fn end_ids_are_a_number_a_list_or_null() {
        let end_ids = |value: &str| end_ids_in(&Json::parse(&format!("{{\"eos_token_id\": {value}}}")).unwrap());
        assert_eq!(end_ids_in(&Json::parse("{}").unwrap()), Ok(None));
        assert_eq!(end_ids("null"), Ok(Some(vec![])));
        assert_eq!(end_ids("7"), Ok(Some(vec![7])));
        assert_eq!(end_ids("[7, 9]"), Ok(Some(vec![7, 9])));
        assert_eq!(end_ids("[7, -1, 99999999999]"), Ok(Some(vec![7]))); // no model produces the others
        for value in ["\"7\"", "true", "{}", "[null]"] {
            assert!(end_ids(value).is_err(), "{value}");
        }
    }
}
