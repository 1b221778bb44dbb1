//! A training run: steps, and a directory that lets them be stopped and resumed.
//!
//! The directory holds the run's state ([`super::state`]), the model in the form that other programs read
//! (`config.json`, `model.safetensors`, the vocabulary's files; derived from the state), and `loss.txt`, with a line
//! for each step.
//!
//! [Chapter 13](crate::book::ch13_training) leads to [its page](crate::book::train) in the book.

use super::batches::{Batch, Tokens};
use super::changes::{Changes, check_texts_are_there, other_texts};
use super::claim::Claim;
use super::loss_file::{LOSS_FILE, LossFile};
use super::memory::check_memory;
use super::schedule::Schedule;
use super::settings::{Inputs, Settings, check_texts, read_texts};
use super::state::{self, Resumed, State};
use super::step::{StepReport, Workspace, too_high_a_rate, validation_loss};
use crate::checkpoint::{self, Checkpoint, Dtype, Stored};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::model::Gpt2;
use crate::rng::Rng;
use crate::tokenizer::Tokenizer;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// The name of the state's file.
const STATE_FILE: &str = "training.safetensors";
/// How many windows of the validation text are read each time.
const VALID_WINDOWS: usize = 64;
/// The shortest time between two saves by the clock, and the longest: no interruption costs more work than this.
const UNSAVED: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];

/// A training run.
///
/// # Example: three steps on a small text
///
/// ```
/// use gpt60::train::run::Trainer;
/// use gpt60::train::settings::{Inputs, Settings};
///
/// let dir = std::env::temp_dir().join(format!("gpt60-run-{}", std::process::id()));
/// std::fs::create_dir_all(&dir).unwrap();
/// let text = dir.join("text.txt");
/// std::fs::write(&text, "the fox and the dog\n".repeat(20)).unwrap();
///
/// let sizes = Settings { n_layer: 1, n_head: 2, n_embd: 8, n_ctx: 16, n_vocab: 260, ..Settings::default() };
/// let settings = Settings { batch: 2, steps: 3, warmup: 1, ..sizes };
/// let inputs = Inputs { train: vec![text], ..Inputs::default() };
/// let mut trainer = Trainer::begin(settings, inputs, dir.join("run"))?;
/// let mut losses = Vec::new();
/// trainer.run(|report| losses.push(report.loss))?;
/// assert_eq!((trainer.step(), losses.len()), (3, 3));
/// assert!((losses[0] - 260f64.ln()).abs() < 0.1); // an untrained model expects every token equally
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    /// Everything that is saved.
    pub state: State,
    claim: Claim,
    loss_file: LossFile,
    train: Tokens,
    valid: Option<Tokens>,
    workspace: Workspace,
    notes: Vec<String>,
    n_lost: u64,
}

/// Begin, resume.
impl Trainer {
    /// Begins a run in the directory `dir`, which is created if it does not exist.
    ///
    /// The settings are on disk before the work begins, so even a run that is stopped while it learns its vocabulary
    /// can be resumed.
    ///
    /// # Errors
    ///
    /// If the directory already holds a run or a model, a text cannot be read, the settings make no sense, or the model
    /// needs more memory than there is. Nothing has begun then, and the same directory can be used again.
    pub fn begin(settings: Settings, inputs: Inputs, dir: impl AsRef<Path>) -> Result<Trainer> {
        Trainer::begin_watched(settings, inputs, dir, |_, _| ())
    }

    /// Like [`Trainer::begin`]; while a vocabulary is learned, `watch` is told after each merge how many tokens it has,
    /// and how many it may have.
    ///
    /// # Errors
    ///
    /// Those of [`Trainer::begin`].
    pub fn begin_watched(
        settings: Settings,
        inputs: Inputs,
        dir: impl AsRef<Path>,
        mut watch: impl FnMut(usize, usize),
    ) -> Result<Trainer> {
        let dir = dir.as_ref();
        settings.check()?;
        if dir.is_file() {
            return Err(Error::file(dir, "is a file; --out wants a directory"));
        }
        let state_path = dir.join(STATE_FILE);
        if state_path.exists() {
            let problem = "a run has already begun here; continue it with --resume, or choose another directory";
            return Err(Error::file(&state_path, problem));
        }
        // No file that a run writes may exist yet: it could be someone's work.
        checkpoint::check_free(dir)?;
        if dir.join(LOSS_FILE).exists() {
            return Err(Error::file(dir.join(LOSS_FILE), "already exists; choose another directory"));
        }
        let inputs = inputs.absolute()?;
        fs::create_dir_all(dir).map_err(|e| Error::io(dir, "made", e))?;
        let claim = Claim::of(dir)?;
        state::write_request(&state_path, &settings, &inputs)?;
        let trainer = Trainer::first(settings, inputs, claim, &mut watch).inspect_err(|_| {
            let _ = fs::remove_file(&state_path); // the first error is the one to report
        })?;
        trainer.save_first()?;
        Ok(trainer)
    }

    /// Resumes the run in the directory `dir`.
    ///
    /// # Errors
    ///
    /// If there is no run, another program goes on with it, its state is damaged, or its texts have moved or changed.
    pub fn resume(dir: impl AsRef<Path>) -> Result<Trainer> {
        Trainer::resume_with(dir, &Changes::default(), |_, _| ())
    }

    /// Resumes the run in the directory `dir` with some [`Changes`], which are kept: the next time [`Trainer::resume`] is
    /// enough. What they mean for the run is in [`Trainer::notes`]. `watch` is that of [`Trainer::begin_watched`]; it is
    /// called if the run was stopped before it had a vocabulary.
    ///
    /// # Errors
    ///
    /// Those of [`Trainer::resume`]; and if a text that is named does not exist or is another one, or fewer steps are asked
    /// for than have been made. Nothing has changed then.
    pub fn resume_with(
        dir: impl AsRef<Path>,
        changes: &Changes,
        mut watch: impl FnMut(usize, usize),
    ) -> Result<Trainer> {
        let dir = dir.as_ref();
        let path = dir.join(STATE_FILE);
        if dir.is_file() {
            return Err(Error::file(dir, "is a file; --resume wants the directory of a run"));
        }
        if !path.exists() {
            let problem = "does not exist: no run has begun in this directory; begin one with --out";
            return Err(Error::missing(&path, problem));
        }
        let claim = Claim::of(dir)?;
        let (mut state, fingerprint) = match state::read(&path).map_err(|error| or_from_model(error, dir))? {
            Resumed::Request(mut settings, mut inputs) => {
                changes.apply(&mut settings, &mut inputs, 0)?;
                check_texts_are_there(&inputs)?;
                let trainer = Trainer::first(settings, inputs, claim, &mut watch)?;
                trainer.save_first()?;
                return Ok(trainer);
            }
            Resumed::Begun(state, fingerprint) => (*state, fingerprint),
        };
        let before = (state.settings, state.inputs.clone());
        changes.apply(&mut state.settings, &mut state.inputs, state.adamw.step)?;
        check_texts_are_there(&state.inputs)?;
        let texts = Texts::read(&state.inputs)?;
        if changes.new_text {
            texts.check(&state.inputs)?;
        }
        let mut trainer = Trainer::assemble(state, claim, &texts)?;
        // A text for validation that is added to a run without one changes nothing of what is learned.
        let is_the_same = match before.1.valid.is_empty() {
            true => fingerprint == fingerprint_of(trainer.train.ids(), &[]),
            false => fingerprint == trainer.fingerprint(),
        };
        if !is_the_same && !changes.new_text {
            return Err(Error::file(&path, other_texts(&fingerprint, &trainer.fingerprint())));
        }
        trainer.n_lost = trainer.loss_file.cut(trainer.step())?;
        if is_the_same && before == (trainer.state.settings, trainer.state.inputs.clone()) {
            trainer.write_model()?; // an interruption may have left it behind the state
        } else {
            trainer.save()?;
        }
        trainer.note_changes(&before.0, changes, is_the_same);
        Ok(trainer)
    }

    /// Says what has changed since the run was stopped.
    fn note_changes(&mut self, before: &Settings, changes: &Changes, is_the_same: bool) {
        let (step, now) = (self.step(), &self.state.settings);
        if before.steps != now.steps {
            let rate = |settings: &Settings| schedule(settings).rate(step);
            self.notes.push(format!(
                "{} steps in all, no longer {}: the learning rate goes on from {:.2e} (it would be {:.2e}) and falls until \
                 the new end",
                now.steps,
                before.steps,
                rate(now),
                rate(before)
            ));
        }
        match (is_the_same, changes.new_text) {
            (false, _) => self.notes.push(format!(
                "the texts are not those of before: {} tokens from now on; the vocabulary stays",
                self.n_train_tokens()
            )),
            (true, true) => self.notes.push("--new-text was not needed: the texts are those of before".to_string()),
            (true, false) => {}
        }
    }

    /// The run at step 0, in memory: reads the texts, learns the vocabulary, makes the first weights.
    fn first(settings: Settings, inputs: Inputs, claim: Claim, watch: &mut dyn FnMut(usize, usize)) -> Result<Trainer> {
        let texts = Texts::read(&inputs)?;
        texts.check(&inputs)?;
        let mut rng = Rng::new(settings.seed);
        let Checkpoint { model, tokenizer, end_ids, kept, notes, .. } = match &inputs.init {
            Some(init) => checkpoint::load(init)?,
            None => make_first(&settings, &texts.train, &mut rng, watch)?,
        };
        let tokenizer = tokenizer.ok_or_else(|| no_vocabulary(&inputs))?;
        let adamw = settings.optimizer(&model);
        let state = State { settings, inputs, tokenizer, end_ids, kept, model, adamw, rng };
        let trainer = Trainer::assemble(state, claim, &texts)?;
        Ok(Trainer { notes, ..trainer })
    }

    /// Makes the parts that are not saved from those that are.
    fn assemble(state: State, claim: Claim, texts: &Texts) -> Result<Trainer> {
        let n_ctx = state.model.config.n_ctx.min(state.settings.n_ctx);
        let tokens = |texts: &[String]| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            Tokens::new(&texts, &state.tokenizer, n_ctx)
        };
        let train = tokens(&texts.train).map_err(|e| e.in_file(&state.inputs.train[0]))?;
        let valid = match &state.inputs.valid[..] {
            [] => None,
            paths => Some(tokens(&texts.valid).map_err(|e| e.in_file(&paths[0]))?),
        };
        check_memory(
            &state.model.config,
            state.settings.batch.saturating_mul(train.n_seq()),
            state.settings.accumulate,
        )?;
        let workspace = Workspace::new(&state.model).in_arithmetic(state.settings.precision);
        let (loss_file, notes) = (LossFile::new(claim.dir()), Vec::new());
        Ok(Trainer { state, claim, loss_file, train, valid, workspace, notes, n_lost: 0 })
    }
}

/// The state of the run in `dir` cannot be read. If its model is there, a new run can begin from that.
fn or_from_model(error: Error, dir: &Path) -> Error {
    let is_damaged = error.io_kind() != Some(std::io::ErrorKind::PermissionDenied);
    match error {
        Error::File { path, problem, source } if is_damaged && dir.join("model.safetensors").is_file() => {
            let remedy = "the run cannot go on, but a new one can begin from its model, which is beside this file";
            Error::File { path, problem: format!("{problem} ({remedy}: --init {})", dir.display()), source }
        }
        other => other,
    }
}

/// The texts of a run, in memory.
struct Texts {
    train: Vec<String>,
    valid: Vec<String>,
}

impl Texts {
    /// Reads the files of a run.
    fn read(inputs: &Inputs) -> Result<Texts> {
        let train = read_texts(&inputs.train)?;
        let valid = if inputs.valid.is_empty() { Vec::new() } else { read_texts(&inputs.valid)? };
        Ok(Texts { train, valid })
    }

    /// Checks that something stands in each of them.
    fn check(&self, inputs: &Inputs) -> Result<()> {
        check_texts(&inputs.train, &self.train, "training")?;
        check_texts(&inputs.valid, &self.valid, "validation")
    }
}

/// The model to begin from has no vocabulary, and a run needs one.
fn no_vocabulary(inputs: &Inputs) -> Error {
    let dir = inputs.init.clone().unwrap_or_default();
    checkpoint::no_vocabulary(dir)
}

/// A vocabulary learned from the texts, and random weights.
fn make_first(
    settings: &Settings,
    texts: &[String],
    rng: &mut Rng,
    watch: &mut dyn FnMut(usize, usize),
) -> Result<Checkpoint> {
    // `<|endoftext|>` between the texts keeps a pair from being counted across two of them.
    let text = texts.join("<|endoftext|>");
    let tokenizer = Tokenizer::learn_watched(&text, settings.n_vocab, |n| watch(n, settings.n_vocab))?;
    let Settings { n_ctx, n_embd, n_head, n_layer, .. } = *settings;
    let config = Config::new(tokenizer.n_vocab(), n_ctx, n_embd, n_head, n_layer);
    check_memory(&config, 0, 1)?;
    Ok(Checkpoint::new(Gpt2::random(&config, rng)?, Some(tokenizer)))
}

/// Run, save.
impl Trainer {
    /// How many steps have been made.
    pub fn step(&self) -> u64 {
        self.state.adamw.step
    }

    /// How many tokens of text there are to learn from.
    pub fn n_train_tokens(&self) -> usize {
        self.train.ids().len()
    }

    /// How many tokens a window has: as many as were asked for, or fewer if the model or the text has fewer.
    pub fn n_seq(&self) -> usize {
        self.train.n_seq()
    }

    /// What there is to know, a line each: what was left out of the model that the run begins from, and what has changed since
    /// the run was stopped (see [`Trainer::resume_with`]).
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How many steps were made before the run was stopped, but after its state was last saved. They are made again.
    pub fn n_lost(&self) -> u64 {
        self.n_lost
    }

    /// Makes one step on random windows of the texts, and adds a line to the loss file.
    ///
    /// # Errors
    ///
    /// If the loss is no longer a number (the learning rate was too high), or the file cannot be written.
    pub fn make_step(&mut self) -> Result<StepReport> {
        let State { settings, model, adamw, rng, .. } = &mut self.state;
        let Settings { batch, accumulate, clip, .. } = *settings;
        let lr = schedule(settings).rate(adamw.step);
        let batches: Vec<Batch> = (0..accumulate).map(|_| self.train.random_batch(batch, rng)).collect();
        let mut report = self.workspace.make_step(model, adamw, &batches, self.train.n_seq(), lr, clip)?;
        if let Some(valid) = &self.valid
            && is_validation_step(report.step, settings)
        {
            let loss = validation_loss(model, valid, VALID_WINDOWS)?;
            if !loss.is_finite() {
                return Err(too_high_a_rate("validation loss", loss, report.step));
            }
            report.valid_loss = Some(loss);
        }
        self.loss_file.append(&report)?;
        Ok(report)
    }

    /// Makes all remaining steps and calls `progress` after each. Saves now and then, and at the end.
    ///
    /// # Errors
    ///
    /// Those of [`Trainer::make_step`] and [`Trainer::save`].
    pub fn run(&mut self, mut progress: impl FnMut(&StepReport)) -> Result<()> {
        let start = Instant::now();
        let mut last_save = Duration::ZERO; // since the start
        while self.step() < self.state.settings.steps {
            let report = self.make_step()?;
            progress(&report);
            if is_save_step(report.step, &self.state.settings) || is_save_time(start.elapsed(), last_save) {
                self.save()?;
                last_save = start.elapsed();
            }
        }
        Ok(())
    }

    /// Writes the state, and the model that is derived from it.
    ///
    /// # Errors
    ///
    /// If a file cannot be written; the older one is then kept.
    pub fn save(&self) -> Result<()> {
        self.loss_file.sync()?;
        self.state.write(&self.claim.dir().join(STATE_FILE), &self.fingerprint())?;
        self.write_model()
    }

    /// Writes the files of a run at step 0.
    fn save_first(&self) -> Result<()> {
        self.loss_file.cut(0)?;
        self.save()
    }

    /// Writes the model in the form that other programs read.
    fn write_model(&self) -> Result<()> {
        let State { model, tokenizer, end_ids, kept, .. } = &self.state;
        let stored = Stored { dtype: Dtype::F32, largest: None };
        checkpoint::write(self.claim.dir(), model, Some(tokenizer), end_ids, kept, stored)
    }

    fn fingerprint(&self) -> String {
        fingerprint_of(self.train.ids(), self.valid.as_ref().map_or(&[], Tokens::ids))
    }
}

/// A line that changes if the tokens of the texts change: how many there are, and a hash of them all (FNV-1a, 64 bits).
fn fingerprint_of(train: &[u32], valid: &[u32]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for id in train.iter().chain(valid) {
        hash = (hash ^ u64::from(*id)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{} and {} tokens, {hash:016x}", train.len(), valid.len())
}

/// The learning rates of a run.
fn schedule(settings: &Settings) -> Schedule {
    Schedule { peak: settings.lr, warmup: settings.warmup, steps: settings.steps }
}

/// Whether the validation loss is measured after this step: every so often, and at the end.
fn is_validation_step(step: u64, settings: &Settings) -> bool {
    step.is_multiple_of(settings.valid_every) || step == settings.steps
}

/// Whether the state is saved after this step, however little time has passed.
fn is_save_step(step: u64, settings: &Settings) -> bool {
    step.is_multiple_of(settings.save_every) || step == settings.steps
}

/// Whether the state is saved at this time since the start, because the last save is long ago: as long as all the time
/// before it, but not less than 5 seconds and not more than a minute. That is after 5, 10, 20, 40 and 80 seconds, then each
/// minute. An early stop costs 5 seconds or half of the work, a late one a minute; and a long run does not write all the time.
fn is_save_time(now: Duration, last_save: Duration) -> bool {
    now.saturating_sub(last_save) >= last_save.clamp(UNSAVED[0], UNSAVED[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::arithmetic::{Arithmetic, within};
    use std::path::PathBuf;

    /// A directory of its own for a test, with two texts.
    fn directory(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("gpt60-run-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("text.txt"), "the fox and the dog saw the moon\n".repeat(20)).unwrap();
        fs::write(dir.join("valid.txt"), "the dog and the fox saw the moon\n".repeat(5)).unwrap();
        dir
    }

    fn settings() -> Settings {
        let sizes = Settings { n_layer: 1, n_head: 2, n_embd: 8, n_ctx: 16, n_vocab: 265, ..Settings::default() };
        Settings { batch: 2, accumulate: 2, steps: 5, warmup: 1, valid_every: 2, save_every: 3, ..sizes }
    }

    fn inputs(dir: &Path) -> Inputs {
        Inputs { train: vec![dir.join("text.txt")], valid: vec![dir.join("valid.txt")], init: None }
    }

    #[test]
    #[cfg(unix)]
    fn a_directory_belongs_to_one_run_at_a_time() {
        let dir = directory("claimed");
        let run = dir.join("run");
        let mut first = Trainer::begin(settings(), inputs(&dir), &run).unwrap();
        let error = Trainer::resume(&run).unwrap_err().to_string();
        assert!(error.contains("another program is training in this directory"), "{error}");
        first.run(|_| ()).unwrap(); // it is not disturbed
        drop(first);
        assert_eq!(Trainer::resume(&run).unwrap().step(), 5);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_run_continues_from_its_last_save_as_if_it_had_never_stopped() {
        let dir = directory("resumed");
        let whole = dir.join("whole");
        let mut reports = Vec::new();
        Trainer::begin(settings(), inputs(&dir), &whole).unwrap().run(|report| reports.push(*report)).unwrap();
        // Measured after steps 2 and 4, and at the end.
        assert_eq!(
            reports.iter().map(|r| r.valid_loss.is_some()).collect::<Vec<_>>(),
            [false, true, false, true, true]
        );
        assert!(reports.iter().all(|report| report.n_tokens == 2 * 2 * 16));

        let halved = dir.join("halved");
        let mut trainer = Trainer::begin(settings(), inputs(&dir), &halved).unwrap();
        for report in &reports[..2] {
            assert_eq!(trainer.make_step().unwrap(), *report);
        }
        trainer.save().unwrap();
        trainer.make_step().unwrap(); // its line is in the loss file until the run is resumed
        drop(trainer); // and with it its claim to the directory
        let mut trainer = Trainer::resume(&halved).unwrap();
        assert_eq!((trainer.step(), trainer.n_lost()), (2, 1));
        let mut later = Vec::new();
        trainer.run(|report| later.push(*report)).unwrap();
        assert_eq!(later, reports[2..]);
        for name in [STATE_FILE, LOSS_FILE, "model.safetensors"] {
            assert!(fs::read(whole.join(name)).unwrap() == fs::read(halved.join(name)).unwrap(), "{name} differs");
        }
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_state_is_saved_early_and_then_each_minute() {
        let mut saved = vec![0];
        for second in 1..300 {
            if is_save_time(Duration::from_secs(second), Duration::from_secs(*saved.last().unwrap())) {
                saved.push(second);
            }
        }
        assert_eq!(saved[1..], [5, 10, 20, 40, 80, 140, 200, 260]);
    }

    #[test]
    fn the_validation_loss_of_a_run_in_bf16_is_made_in_f32() {
        let dir = directory("bf16");
        let in_bf16 = Settings { precision: Arithmetic::Bf16, ..settings() };
        let mut trainer = Trainer::begin(in_bf16, inputs(&dir), dir.join("run")).unwrap();
        trainer.make_step().unwrap();
        let found = trainer.make_step().unwrap().valid_loss; // measured after every second step
        let loss = || validation_loss(&trainer.state.model, trainer.valid.as_ref().unwrap(), VALID_WINDOWS).unwrap();
        assert_eq!(found, Some(loss()));
        assert_ne!(found, Some(within(Arithmetic::Bf16, loss)));
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_fingerprint_tells_texts_apart_and_which_of_them_is_for_validation() {
        let all = [
            fingerprint_of(&[1, 2, 3, 4], &[5, 6]),
            fingerprint_of(&[1, 2, 3, 4], &[6, 5]),
            fingerprint_of(&[1, 2, 3], &[4, 5, 6]),
            fingerprint_of(&[1, 2, 4, 3], &[5, 6]),
            fingerprint_of(&[1, 2, 3, 4], &[]),
        ];
        assert!((0..all.len()).all(|i| !all[..i].contains(&all[i])), "{all:?}");
        assert!(all[0].starts_with("4 and 2 tokens, "), "{}", all[0]);
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let dir = directory("refused");
        let begin = |out: &str| Trainer::begin(settings(), inputs(&dir), dir.join(out)).unwrap_err().to_string();
        Trainer::begin(settings(), inputs(&dir), dir.join("run")).unwrap();
        assert!(begin("run").contains(STATE_FILE) && begin("run").contains("--resume"));
        fs::create_dir(dir.join("old")).unwrap();
        fs::write(dir.join("old").join(LOSS_FILE), "precious").unwrap();
        assert!(begin("old").contains(LOSS_FILE));
        assert!(Trainer::resume(dir.join("old")).unwrap_err().to_string().contains("no run has begun"));
        let nothing = Trainer::begin(settings(), Inputs::default(), dir.join("nothing")).unwrap_err().to_string();
        assert!(nothing.contains("no text file"), "{nothing}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
