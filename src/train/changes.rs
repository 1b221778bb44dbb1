//! What may change when a run is resumed: where its texts are, how long it is, and, if you say so, the texts themselves.
//!
//! The state of a run names its texts by their paths on the machine where it began. On another machine, or in another
//! folder, they are elsewhere. The fingerprint in the state tells whether the files that you name instead have the same
//! tokens; then the run goes on as if nothing had happened, bit for bit.
//!
//! Everything else stays as it was: the sizes belong to the weights, and another learning rate would be another run.
//!
//! [Chapter 13](crate::book::ch13_training) leads to [its page](crate::book::train) in the book.

use super::settings::{Inputs, Settings};
use crate::error::{Error, Result};
use std::path::PathBuf;

/// What is different from now on. The default: nothing.
///
/// # Example: the texts are in another folder, and the run shall be longer
///
/// ```no_run
/// use gpt60::train::changes::Changes;
/// use gpt60::train::run::Trainer;
///
/// let changes = Changes { train: vec!["books/fox.txt".into()], steps: Some(2000), ..Changes::default() };
/// let mut trainer = Trainer::resume_with("my-model", &changes, |_, _| ())?;
/// trainer.run(|report| println!("{}: {}", report.step, report.loss))?;
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// Where the texts to learn from are now, all of them and in the same order. Empty: where they were.
    pub train: Vec<PathBuf>,
    /// The same for the texts for validation. A run that had none can be given one.
    pub valid: Vec<PathBuf>,
    /// Steps in all. `None`: as many as before.
    pub steps: Option<u64>,
    /// Whether the texts may be other ones than before. The vocabulary stays.
    pub new_text: bool,
}

impl Changes {
    /// Makes the changes in what a run was told; `n_made` steps have been made.
    ///
    /// # Errors
    ///
    /// If a file does not exist, or fewer steps are asked for than have been made.
    pub(super) fn apply(&self, settings: &mut Settings, inputs: &mut Inputs, n_made: u64) -> Result<()> {
        if let Some(steps) = self.steps {
            if steps < n_made {
                let problem = format!("{steps} is too few: this run has made {n_made} steps; give more to go on");
                return Err(Error::argument("--steps", problem));
            }
            settings.steps = steps;
            settings.check()?;
        }
        let named = Inputs { train: self.train.clone(), valid: self.valid.clone(), init: None }.absolute()?;
        if !named.train.is_empty() {
            inputs.train = named.train;
        }
        if !named.valid.is_empty() {
            inputs.valid = named.valid;
        }
        Ok(())
    }
}

/// Checks that the texts of a resumed run are where they are said to be.
///
/// # Errors
///
/// If one is not. The error says how to name its new place.
pub(super) fn check_texts_are_there(inputs: &Inputs) -> Result<()> {
    let lists = [(&inputs.train, "--resume DIR FILE"), (&inputs.valid, "--resume DIR --valid FILE")];
    for (paths, call) in lists {
        let Some(gone) = paths.iter().find(|path| !path.exists()) else { continue };
        let all = match paths.len() {
            1 => String::new(),
            n => format!(", all {n} in the order of before"),
        };
        let problem = format!(
            "this text of the run is not there any more; name its new place: {call}{all} (or begin a new run from the \
             weights, with --init DIR)"
        );
        return Err(Error::missing(gone, problem));
    }
    Ok(())
}

/// Why a run is not resumed with these texts: their fingerprint is `found` and not `expected`.
pub(super) fn other_texts(expected: &str, found: &str) -> String {
    let counts = |fingerprint: &str| fingerprint.split(" tokens").next().unwrap_or_default().to_string();
    let (then, now) = (counts(expected), counts(found));
    let difference = if then == now {
        format!("{then} tokens of text and for validation then and now, but not the same ones")
    } else {
        format!("{then} tokens of text and for validation then, {now} now")
    };
    format!(
        "the texts have changed since the run began: {difference}; name the same texts, in the same order: --resume DIR \
         FILE... --valid FILE...; or go on with these: --new-text; or begin a new run from the weights: --init DIR"
    )
}
