//! The entries of a GGUF file that is written: what the model is, and its vocabulary.

use super::vocabulary::{
    ADD_BEGIN, BEGIN_ID, CONTROL, END_ID, MERGES, MODEL, OTHER_END_ID, PRE, TOKENS, TYPES, UNUSED, USER_DEFINED,
};
use super::{ARCHITECTURE, CONTEXT, EMBEDDING, EPSILON, FEED_FORWARD, HEADS, LAYERS, TYPE};
use crate::checkpoint::load::Checkpoint;
use crate::tokenizer::{AddedToken, Tokenizer};
use std::collections::HashSet;

/// The type of a usual token.
const NORMAL: i32 = 1;

/// Entries as bytes, and how many there are.
#[derive(Default)]
pub(super) struct Entries {
    pub bytes: Vec<u8>,
    pub n: u64,
}

/// A text as the format has it.
pub(super) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

impl Entries {
    /// All that llama.cpp needs to know of this model. `file_type`: the number for what most of its matrices are. What the
    /// format cannot say is added to `notes`.
    pub fn of(
        checkpoint: &Checkpoint,
        tokenizer: &Tokenizer,
        name: &str,
        file_type: u32,
        notes: &mut Vec<String>,
    ) -> Entries {
        let mut entries = Entries::default();
        let config = &checkpoint.model.config;
        entries.text(ARCHITECTURE, "gpt2");
        entries.text(TYPE, "model");
        entries.text("general.name", name);
        entries.size("general.file_type", file_type as usize);
        entries.size("general.quantization_version", 2);
        for (key, size) in [
            (CONTEXT, config.n_ctx),
            (EMBEDDING, config.n_embd),
            (LAYERS, config.n_layer),
            (FEED_FORWARD, config.n_inner),
            (HEADS, config.n_head),
        ] {
            entries.size(key, size);
        }
        entries.real(EPSILON, config.layer_norm_epsilon);
        entries.vocabulary(tokenizer, config.n_vocab, notes);
        entries.begin_and_end(checkpoint, tokenizer, notes);
        entries
    }

    /// A token for each of the `n_vocab` rows, and the merges.
    fn vocabulary(&mut self, tokenizer: &Tokenizer, n_vocab: usize, notes: &mut Vec<String>) {
        self.text(MODEL, "gpt2");
        self.text(PRE, "gpt-2");
        self.truth(ADD_BEGIN, false);
        let (mut tokens, mut types) = (Vec::with_capacity(n_vocab), Vec::with_capacity(n_vocab));
        for id in (0..).take(n_vocab) {
            let added = tokenizer.added().binary_search_by_key(&id, |token| token.id).map(|i| &tokenizer.added()[i]);
            let (token, kind) = match (added, tokenizer.symbol(id)) {
                (Ok(added), _) => (Some(added.content.clone()), if added.special { CONTROL } else { USER_DEFINED }),
                (Err(_), Some(symbol)) => (Some(symbol), NORMAL),
                (Err(_), None) => (None, UNUSED),
            };
            tokens.push(token);
            types.push(kind);
        }
        // A row without a token gets a name that no token has: llama.cpp refuses two of one name.
        let names: HashSet<String> = tokens.iter().flatten().cloned().collect();
        let pad = |i: usize| {
            let mut name = format!("[PAD{i}]");
            while names.contains(&name) {
                name.push('_');
            }
            name
        };
        let tokens: Vec<String> = tokens.into_iter().enumerate().map(|(i, t)| t.unwrap_or_else(|| pad(i))).collect();
        self.texts(TOKENS, &tokens);
        self.integers(TYPES, &types);
        // No text makes a merge with a space in one of its parts: there, a space is a symbol.
        let merges = tokenizer.merges().into_iter().filter(|(left, right)| !left.contains(' ') && !right.contains(' '));
        let merges: Vec<String> = merges.map(|(left, right)| format!("{left} {right}")).collect();
        self.texts(MERGES, &merges);
        let has_more = |token: &&AddedToken| token.single_word || token.lstrip || token.rstrip;
        if let Some(token) = tokenizer.added().iter().find(has_more) {
            notes.push(format!(
                "GGUF cannot say that {:?} swallows white space or stands alone: llama.cpp takes its characters wherever \
                 they are",
                token.content
            ));
        }
    }

    /// Which tokens begin and end a text. Where nothing is said, llama.cpp takes token 11 for both.
    fn begin_and_end(&mut self, checkpoint: &Checkpoint, tokenizer: &Tokenizer, notes: &mut Vec<String>) {
        let said = &checkpoint.end_ids;
        let end = said.first().copied().or(tokenizer.end_of_text());
        if let Some(begin) = checkpoint.begin_id().or(end) {
            self.size(BEGIN_ID, begin as usize);
        }
        match end {
            Some(end) => self.size(END_ID, end as usize),
            None => {
                notes.push("no token ends a text, which GGUF cannot say: llama.cpp ends one at token 11".to_string())
            }
        }
        if let Some(other) = said.get(1) {
            self.size(OTHER_END_ID, *other as usize);
        }
        if said.len() > 2 {
            notes.push(format!("GGUF has places for 2 tokens that end a text, and the model has {}", said.len()));
        }
    }

    /// The key of the next entry, and the number of its type.
    fn begin(&mut self, key: &str, kind: u32) {
        put_text(&mut self.bytes, key);
        self.bytes.extend_from_slice(&kind.to_le_bytes());
        self.n += 1;
    }

    fn size(&mut self, key: &str, n: usize) {
        self.begin(key, 4);
        self.bytes.extend_from_slice(&(n as u32).to_le_bytes());
    }

    fn real(&mut self, key: &str, x: f32) {
        self.begin(key, 6);
        self.bytes.extend_from_slice(&x.to_le_bytes());
    }

    fn truth(&mut self, key: &str, value: bool) {
        self.begin(key, 7);
        self.bytes.push(value.into());
    }

    fn text(&mut self, key: &str, text: &str) {
        self.begin(key, 8);
        put_text(&mut self.bytes, text);
    }

    /// An array of `n` elements of this type follows.
    fn array(&mut self, key: &str, kind: u32, n: usize) {
        self.begin(key, 9);
        self.bytes.extend_from_slice(&kind.to_le_bytes());
        self.bytes.extend_from_slice(&(n as u64).to_le_bytes());
    }

    fn texts(&mut self, key: &str, texts: &[String]) {
        self.array(key, 8, texts.len());
        texts.iter().for_each(|text| put_text(&mut self.bytes, text));
    }

    fn integers(&mut self, key: &str, integers: &[i32]) {
        self.array(key, 5, integers.len());
        integers.iter().for_each(|n| self.bytes.extend_from_slice(&n.to_le_bytes()));
    }
}
