//! A prompt, and its answer while it is written: the text goes to standard output as soon as the model makes it.

use crate::checkpoint::Checkpoint;
use crate::cli::failure::Outcome;
use crate::cli::terminal::{flush, is_terminal, note, note_part, print};
use crate::generate::{Continuation, Stop, StopTexts};
use crate::kv_cache::KvCache;
use crate::tokenizer::{Tokenizer, Utf8Stream};
use std::io::IsTerminal;
use std::time::Instant;

/// A prompt, ready for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Its token ids.
    pub ids: Vec<u32>,
    /// Its text, if the prompt was text.
    pub text: Option<String>,
}

impl Prompt {
    /// Turns an answer to this prompt into text. An answer to ids stays ids.
    fn tokenizer<'a>(&self, checkpoint: &'a Checkpoint) -> Option<&'a Tokenizer> {
        checkpoint.tokenizer.as_ref().filter(|_| self.text.is_some())
    }
}

/// Prints tokens that do not come from [`Checkpoint::write`] (but from the sixty lines, or a learner's own model) as
/// they are made: as text if the prompt was text, otherwise as ids.
#[derive(Debug)]
pub struct Answer<'a> {
    tokenizer: Option<&'a Tokenizer>,
    end_ids: &'a [u32],
    stream: Utf8Stream,
    n_printed: usize,
}

impl<'a> Answer<'a> {
    /// An answer to `prompt`, from the model of `checkpoint`.
    #[must_use]
    pub fn new(prompt: &Prompt, checkpoint: &'a Checkpoint) -> Answer<'a> {
        Answer {
            tokenizer: prompt.tokenizer(checkpoint),
            end_ids: &checkpoint.end_ids,
            stream: Utf8Stream::new(),
            n_printed: 0,
        }
    }

    /// Prints one token. An end token has no text; among ids it is printed like any other.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub fn push(&mut self, id: u32) -> Outcome<()> {
        let text = match self.tokenizer {
            Some(tokenizer) => self.stream.push(text_of(id, tokenizer, self.end_ids)),
            None if self.n_printed == 0 => id.to_string(),
            None => format!(" {id}"),
        };
        self.n_printed += 1;
        print(&text)?;
        flush()
    }

    /// Ends the line.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub fn finish(self) -> Outcome<()> {
        print(&format!("{}\n", self.stream.finish()))?;
        flush()
    }
}

/// The bytes of a token's text: none for an end token.
fn text_of<'a>(id: u32, tokenizer: &'a Tokenizer, end_ids: &[u32]) -> &'a [u8] {
    if end_ids.contains(&id) { &[] } else { tokenizer.text_bytes(id) }
}

/// Watches tokens until their text has a stop text in it.
#[derive(Debug)]
pub struct StopWatch<'a> {
    checkpoint: &'a Checkpoint,
    stream: Utf8Stream,
    stops: StopTexts,
}

impl<'a> StopWatch<'a> {
    /// Nothing has been seen yet.
    #[must_use]
    pub fn new(stops: &StopTexts, checkpoint: &'a Checkpoint) -> StopWatch<'a> {
        StopWatch { checkpoint, stream: Utf8Stream::new(), stops: StopTexts::new(stops.texts()) }
    }

    /// Whether a stop text has come, with this token or before it.
    pub fn sees(&mut self, id: u32) -> bool {
        if let Some(tokenizer) = self.checkpoint.tokenizer.as_ref().filter(|_| !self.stops.texts().is_empty()) {
            let text = self.stream.push(text_of(id, tokenizer, &self.checkpoint.end_ids));
            self.stops.push(&text);
        }
        self.stops.is_found()
    }

    /// Whether a stop text is in the text of these tokens.
    #[must_use]
    pub fn finds(mut self, ids: &[u32]) -> bool {
        ids.iter().any(|&id| self.sees(id))
    }
}

/// Prints at most `n_tokens` tokens as they are made, then says on standard error why the text ended and how fast it
/// was. Returns the ids of the new tokens. The answer is text if the prompt was text, otherwise ids: among ids, the tokens
/// of a stop text are printed, as an end token is.
///
/// # Errors
///
/// If the model fails, or standard output cannot be written.
pub fn stream(
    mut tokens: Continuation,
    n_tokens: usize,
    prompt: &Prompt,
    checkpoint: &Checkpoint,
    stops: &StopTexts,
) -> Outcome<Vec<u32>> {
    let config = &checkpoint.model.config;
    KvCache::check_memory(config, prompt.ids.len().saturating_add(n_tokens).min(config.n_ctx))?;
    note_prompt(prompt);
    let start = Instant::now();
    let (ids, stopped_by) = match prompt.tokenizer(checkpoint) {
        Some(tokenizer) => {
            let mut writing = tokens.text(tokenizer).limit(n_tokens).stop(stops.texts());
            for piece in writing.by_ref() {
                print(&piece.inspect_err(|_| note(""))?)?; // the error gets a line of its own
                flush()?;
            }
            let (ids, stopped_by) = (writing.new_ids().to_vec(), writing.stopped_by());
            print(&format!("{}\n", writing.finish()))?;
            flush()?;
            (ids, stopped_by)
        }
        None => {
            let (mut answer, mut ids) = (Answer::new(prompt, checkpoint), Vec::new());
            let (mut watch, mut is_stopped) = (StopWatch::new(stops, checkpoint), false);
            while ids.len() < n_tokens
                && !is_stopped
                && let Some(id) = tokens.next()
            {
                let id = id.inspect_err(|_| note(""))?;
                answer.push(id)?;
                ids.push(id);
                is_stopped = watch.sees(id);
            }
            answer.finish()?;
            (ids, if is_stopped { Some(Stop::StopText) } else { tokens.stopped_by() })
        }
    };
    note_end(stopped_by, ids.len(), start, checkpoint);
    Ok(ids)
}

/// Says on standard error why a text ended, and how fast it was.
pub fn note_end(stopped_by: Option<Stop>, n_made: usize, start: Instant, checkpoint: &Checkpoint) {
    match stopped_by {
        Some(Stop::EndToken) => note("[the model ended its text]"),
        Some(Stop::StopText) => note("[a stop text ended the text]"),
        Some(Stop::FullContext) => note(&full_context(checkpoint.model.config.n_ctx)),
        Some(Stop::Error) | None => {}
    }
    let seconds = start.elapsed().as_secs_f64();
    note(&format!("[{n_made} tokens, {:.0} tokens/s]", n_made as f64 / seconds.max(1e-9)));
}

/// What to say when a text ends because the context of `n_ctx` tokens is full.
#[must_use]
pub fn full_context(n_ctx: usize) -> String {
    format!(
        "[the context of {n_ctx} tokens is full: the example `story` writes on beyond it; a model of your own can have a larger \
         one, train --n-ctx]"
    )
}

/// A whole answer: text if the prompt was text, otherwise ids. An end token has no text, and a stop text is left out with
/// all that follows it.
#[must_use]
pub fn answer_text(ids: &[u32], prompt: &Prompt, checkpoint: &Checkpoint, stops: &StopTexts) -> String {
    let Some(tokenizer) = prompt.tokenizer(checkpoint) else {
        return ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    };
    let bytes = ids.iter().flat_map(|&id| text_of(id, tokenizer, &checkpoint.end_ids)).copied();
    let mut stops = StopTexts::new(stops.texts());
    stops.push(&String::from_utf8_lossy(&bytes.collect::<Vec<u8>>())) + &stops.finish()
}

/// A whole answer on one line, for examples that print several: line breaks are written `\n`.
#[must_use]
pub fn answer_line(ids: &[u32], prompt: &Prompt, checkpoint: &Checkpoint, stops: &StopTexts) -> String {
    answer_text(ids, prompt, checkpoint, stops).replace('\n', "\\n").replace('\r', "\\r")
}

/// Writes the prompt to standard error: on a terminal, the answer continues on the same line.
pub fn note_prompt(prompt: &Prompt) {
    match &prompt.text {
        Some(text) => note_part(text),
        None => note_part(&format!("{} ids, then: ", prompt.ids.len())),
    }
    if is_terminal() && !std::io::stdout().is_terminal() {
        note(""); // the answer goes elsewhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storybook;

    #[test]
    fn an_answer_on_one_line_has_its_breaks_written_out() {
        let checkpoint = storybook::load();
        let tokenizer = checkpoint.tokenizer.as_ref().unwrap();
        let ids = [tokenizer.encode("one\ntwo\r\n"), checkpoint.end_ids.clone()].concat();
        let prompt = |text: Option<&str>| Prompt { ids: vec![1], text: text.map(str::to_string) };
        let line = |ids: &[u32], text| answer_line(ids, &prompt(text), &checkpoint, &StopTexts::default());
        assert_eq!(line(&ids, Some("a")), "one\\ntwo\\r\\n");
        let numbers: Vec<String> = ids.iter().map(u32::to_string).collect();
        assert_eq!(line(&ids, None), numbers.join(" "));
        assert_eq!(line(&[u32::MAX], Some("a")), ""); // past the vocabulary
        // A stop text is left out with what follows it. Among ids, the ones that complete it are the last.
        let stops = StopTexts::new(["\ntw"]);
        assert_eq!(answer_line(&ids, &prompt(Some("a")), &checkpoint, &stops), "one");
        let mut watch = StopWatch::new(&stops, &checkpoint);
        let last = ids.iter().position(|&id| watch.sees(id)).unwrap();
        let text = |ids: &[u32]| tokenizer.decode(ids).unwrap();
        assert!(text(&ids[..=last]).contains("\ntw") && !text(&ids[..last]).contains("\ntw"), "{last} of {ids:?}");
        assert!(!StopWatch::new(&StopTexts::new(["three"]), &checkpoint).finds(&ids));
    }
}
