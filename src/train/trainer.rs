//! A training run: the loop, and its directory.
//!
//! In the directory are the run's state ([`super::state`]), the model as others read it (`config.json`, `model.safetensors`, the
//! vocabulary's files; derived from the state), and `loss.txt`, which gets a line a step. When a run goes on, lines after the
//! saved step are cut off, because those steps are made again.
//!
//! [Chapter 13](crate::book::ch13_training) explains it.

use super::adamw::{AdamW, clip};
use super::batches::{Batch, Tokens};
use super::loss::{cross_entropy, cross_entropy_and_gradient};
use super::schedule::Schedule;
use super::settings::{Inputs, Settings};
use super::state::{self, Found, State};
use crate::checkpoint::{self, Dtype, hugging_face};
use crate::tokenizer::Tokenizer;
use crate::{Config, Error, Gpt2, Pass, Result, Rng, Saved};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A training run.
///
/// # Example: three steps on a small text
///
/// ```
/// use gpt60::train::settings::{Inputs, Settings};
/// use gpt60::train::trainer::Trainer;
///
/// let dir = std::env::temp_dir().join(format!("gpt60-run-{}", std::process::id()));
/// std::fs::create_dir_all(&dir).unwrap();
/// let text = dir.join("text.txt");
/// std::fs::write(&text, "the fox and the dog\n".repeat(20)).unwrap();
///
/// let sizes = Settings { n_layer: 1, n_head: 2, n_embd: 8, n_ctx: 16, n_vocab: 260, ..Settings::default() };
/// let settings = Settings { batch: 2, steps: 3, warmup: 1, ..sizes };
/// let inputs = Inputs { train: vec![text], ..Inputs::default() };
/// let mut trainer = Trainer::begin(settings, inputs, &dir.join("run"))?;
/// let mut losses = Vec::new();
/// trainer.run(|report| losses.push(report.loss))?;
/// assert_eq!((trainer.step(), losses.len()), (3, 3));
/// assert!((losses[0] - 260f64.ln()).abs() < 0.1); // an untrained model expects everything
/// # std::fs::remove_dir_all(&dir).unwrap();
/// # Ok::<(), gpt60::Error>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    /// Everything that is saved.
    pub state: State,
    dir: PathBuf,
    train: Tokens,
    valid: Option<Tokens>,
    grad: Gpt2,
    saved: Saved,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// How many steps have been made, this one included.
    pub step: u64,
    /// The mean loss on the step's batch before the step, in nats per token.
    pub loss: f64,
    /// The mean loss on the validation text, if this step looked at it.
    pub valid_loss: Option<f64>,
    /// The learning rate.
    pub lr: f32,
    /// The length of the gradient before clipping.
    pub grad_norm: f32,
    /// How many tokens the step learned from.
    pub n_tokens: usize,
}

/// Adds to `grad` how the loss on a batch changes with each parameter, times `weight`; returns the mean loss in nats.
///
/// Forward, loss, backward: the heart of training. `saved` is memory to be used again from batch to batch.
///
/// # Errors
///
/// If the batch does not fit the model.
pub fn loss_and_gradient(
    model: &Gpt2,
    batch: &Batch,
    n_seq: usize,
    weight: f32,
    saved: &mut Saved,
    grad: &mut Gpt2,
) -> Result<f64> {
    let hidden = model.hidden(&batch.inputs, Pass::saving(n_seq, saved))?; // [n_tok, n_embd]
    let logits = model.head(&hidden)?; // [n_tok, n_vocab]
    let (loss, d_logits) = cross_entropy_and_gradient(logits, &batch.targets, weight)?; // [n_tok, n_vocab]
    model.backward(&batch.inputs, saved, &d_logits, grad)?;
    Ok(loss)
}

/// The mean loss of a model on windows of a text, in nats per token. Nothing is learned.
///
/// # Errors
///
/// If the windows do not fit the model.
pub fn validation_loss(model: &Gpt2, tokens: &Tokens, n_windows: usize) -> Result<f64> {
    let mut sum = 0.0;
    let mut n = 0;
    for starts in tokens.spread(n_windows).chunks(8) {
        let batch = tokens.batch(starts);
        let hidden = model.hidden(&batch.inputs, Pass::new(tokens.n_seq()))?;
        let losses = cross_entropy(&model.head(&hidden)?, &batch.targets)?;
        sum += losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
        n += losses.len();
    }
    Ok(sum / n as f64)
}

/// The name of the state's file.
pub const STATE_FILE: &str = "training.safetensors";
/// The name of the file with the losses.
pub const LOSS_FILE: &str = "loss.txt";
/// How many windows of the validation text a look at it takes.
const VALID_WINDOWS: usize = 64;

impl Trainer {
    /// Begins a run in the directory `dir`, which is made if it is not there.
    ///
    /// The settings are on disk before the work begins, so a run that is stopped while it still learns its vocabulary can
    /// be resumed too.
    ///
    /// # Errors
    ///
    /// If the directory already holds a run or a model, a text cannot be read, the settings make no sense, or the model needs
    /// more memory than there is. Nothing has begun then: the same directory can be used again.
    pub fn begin(settings: Settings, inputs: Inputs, dir: &Path) -> Result<Trainer> {
        settings.check()?;
        let state_path = dir.join(STATE_FILE);
        if state_path.exists() {
            let problem = "a run has begun here already; go on with --resume, or choose another directory";
            return Err(Error::file(&state_path, problem));
        }
        // Whatever a run writes must not be there yet: it could be someone's work.
        hugging_face::check_free(dir)?;
        if dir.join(LOSS_FILE).exists() {
            return Err(Error::file(dir.join(LOSS_FILE), "is there already; choose another directory"));
        }
        let absolute = |path: &PathBuf| {
            let found = fs::canonicalize(path).map_err(|e| Error::io(path, "read", e))?;
            match found.to_str() {
                Some(_) => Ok(found),
                None => Err(Error::file(found, "its path is not UTF-8 and cannot be noted; move or rename it")),
            }
        };
        let inputs = Inputs {
            train: inputs.train.iter().map(absolute).collect::<Result<_>>()?,
            valid: inputs.valid.iter().map(absolute).collect::<Result<_>>()?,
            init: inputs.init.as_ref().map(absolute).transpose()?,
        };
        fs::create_dir_all(dir).map_err(|e| Error::io(dir, "made", e))?;
        state::write_request(&state_path, &settings, &inputs)?;
        let trainer = Trainer::first(settings, inputs, dir).inspect_err(|_| {
            let _ = fs::remove_file(&state_path); // the error of the beginning is the one to report
        })?;
        trainer.write_all()?;
        Ok(trainer)
    }

    /// Reads the texts, learns the vocabulary and makes the first weights: the run at step 0, in memory.
    fn first(settings: Settings, inputs: Inputs, dir: &Path) -> Result<Trainer> {
        let texts = read_texts(&inputs.train)?;
        let mut rng = Rng::new(settings.seed);
        let (model, tokenizer) = match &inputs.init {
            Some(init) => {
                let loaded = hugging_face::load(init)?;
                let missing = || Error::file(init, "has no vocabulary (tokenizer.json, or vocab.json and merges.txt)");
                (loaded.model, loaded.tokenizer.ok_or_else(missing)?)
            }
            None => {
                // `<|endoftext|>` between the texts keeps a pair from being counted across two of them.
                let tokenizer = Tokenizer::learn(&texts.join("<|endoftext|>"), settings.n_vocab)?;
                let config = Config::new(
                    tokenizer.n_vocab(),
                    settings.n_ctx,
                    settings.n_embd,
                    settings.n_head,
                    settings.n_layer,
                );
                check_memory(&config, 0)?;
                (Gpt2::random(&config, &mut rng)?, tokenizer)
            }
        };
        let adamw = AdamW::new(&model, settings.beta1, settings.beta2, settings.weight_decay);
        let state = State { settings, inputs, tokenizer, model, adamw, rng };
        Trainer::assemble(state, dir, &texts)
    }

    /// Goes on with the run in the directory `dir`.
    ///
    /// # Errors
    ///
    /// If there is no run, its state is damaged, or its texts are not what they were.
    pub fn resume(dir: &Path) -> Result<Trainer> {
        let path = dir.join(STATE_FILE);
        if !path.exists() {
            return Err(Error::missing(
                &path,
                "is not there: no run has begun in this directory; begin one with --out",
            ));
        }
        let (state, fingerprint) = match state::read(&path)? {
            Found::Request(settings, inputs) => {
                let trainer = Trainer::first(settings, inputs, dir)?;
                trainer.write_all()?;
                return Ok(trainer);
            }
            Found::Begun(state, fingerprint) => (*state, fingerprint),
        };
        let texts = read_texts(&state.inputs.train)?;
        let trainer = Trainer::assemble(state, dir, &texts)?;
        if fingerprint != trainer.fingerprint() {
            let problem = "the texts of this run have changed since it began; restore them, or begin a new run";
            return Err(Error::file(&path, problem));
        }
        trainer.cut_losses()?;
        trainer.write_model()?; // an interruption may have left it behind the state
        Ok(trainer)
    }

    fn assemble(state: State, dir: &Path, texts: &[String]) -> Result<Trainer> {
        let n_ctx = state.model.config.n_ctx.min(state.settings.n_ctx);
        let tokens = |texts: &[String]| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            Tokens::new(&texts, &state.tokenizer, n_ctx)
        };
        let train = tokens(texts).map_err(|e| e.in_file(&state.inputs.train[0]))?;
        let valid = match &state.inputs.valid[..] {
            [] => None,
            paths => Some(tokens(&read_texts(paths)?).map_err(|e| e.in_file(&paths[0]))?),
        };
        check_memory(&state.model.config, state.settings.batch.saturating_mul(train.n_seq()))?;
        let grad = state.model.zeros_like();
        Ok(Trainer { state, dir: dir.to_path_buf(), train, valid, grad, saved: Saved::new() })
    }

    /// How many steps have been made.
    pub fn step(&self) -> u64 {
        self.state.adamw.step
    }

    /// How many tokens of text there are to learn from.
    pub fn n_train_tokens(&self) -> usize {
        self.train.ids().len()
    }

    /// Makes one step: batches, gradients, AdamW. Adds a line to the loss file.
    ///
    /// # Errors
    ///
    /// If the loss is no longer a number (then the learning rate was too high), or the file cannot be written.
    pub fn make_step(&mut self) -> Result<StepReport> {
        let Settings { batch: n_windows, accumulate, .. } = self.state.settings;
        let schedule = Schedule {
            peak: self.state.settings.lr,
            warmup: self.state.settings.warmup,
            steps: self.state.settings.steps,
        };
        let lr = schedule.rate(self.state.adamw.step);
        for (_, tensor) in self.grad.parameters_mut()? {
            tensor.data_mut().fill(0.0);
        }
        let weight = 1.0 / accumulate as f32;
        let mut loss = 0.0;
        let mut n_tokens = 0;
        for _ in 0..accumulate {
            let batch = self.train.random_batch(n_windows, &mut self.state.rng);
            n_tokens += batch.inputs.len();
            let part = loss_and_gradient(
                &self.state.model,
                &batch,
                self.train.n_seq(),
                weight,
                &mut self.saved,
                &mut self.grad,
            )?;
            loss += part / accumulate as f64;
        }
        let grad_norm = clip(&mut self.grad, self.state.settings.clip)?;
        if !(loss.is_finite() && grad_norm.is_finite()) {
            let problem =
                format!("the loss became {loss} at step {}; begin again with a lower --lr", self.state.adamw.step + 1);
            return Err(Error::argument("train", problem));
        }
        self.state.adamw.update(&mut self.state.model, &self.grad, lr)?;
        let step = self.state.adamw.step;
        let look = step.is_multiple_of(self.state.settings.valid_every) || step == self.state.settings.steps;
        let valid_loss = match &self.valid {
            Some(valid) if look => Some(validation_loss(&self.state.model, valid, VALID_WINDOWS)?),
            _ => None,
        };
        let report = StepReport { step, loss, valid_loss, lr, grad_norm, n_tokens };
        self.append_loss(&report)?;
        Ok(report)
    }

    /// Makes all steps that are left, calling `progress` after each; writes the state on the way and at the end.
    ///
    /// # Errors
    ///
    /// As [`Trainer::make_step`] and [`Trainer::save`].
    pub fn run(&mut self, mut progress: impl FnMut(&StepReport)) -> Result<()> {
        let mut last_save = Instant::now();
        while self.state.adamw.step < self.state.settings.steps {
            let report = self.make_step()?;
            progress(&report);
            let is_due =
                report.step.is_multiple_of(self.state.settings.save_every) || report.step == self.state.settings.steps;
            if is_due || last_save.elapsed() > Duration::from_secs(60) {
                self.save()?;
                last_save = Instant::now();
            }
        }
        Ok(())
    }

    /// Writes the state, and the model that is derived from it.
    ///
    /// # Errors
    ///
    /// If a file cannot be written; the one before is then still there.
    pub fn save(&self) -> Result<()> {
        // The losses go to the disk first: the state cuts off what is after it, and cannot bring back what is missing.
        let path = self.dir.join(LOSS_FILE);
        let synced = OpenOptions::new().append(true).create(true).open(&path).and_then(|file| file.sync_all());
        synced.map_err(|e| Error::io(&path, "written", e))?;
        self.state.write(&self.dir.join(STATE_FILE), &self.fingerprint())?;
        self.write_model()
    }

    /// Writes the directory of a run that begins.
    fn write_all(&self) -> Result<()> {
        self.cut_losses()?;
        self.save()
    }

    /// Writes the model as others read it.
    fn write_model(&self) -> Result<()> {
        hugging_face::save(&self.dir, &self.state.model, Some(&self.state.tokenizer), Dtype::F32)
    }

    fn append_loss(&self, report: &StepReport) -> Result<()> {
        let path = self.dir.join(LOSS_FILE);
        let append = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            let valid = report.valid_loss.map_or(String::new(), |loss| format!(" {loss:.6}"));
            let line = format!("{} {:.6}{valid}\n", report.step, report.loss);
            file.write_all(line.as_bytes()) // at once: whoever watches the file sees whole lines
        };
        append().map_err(|e| Error::io(&path, "written", e))
    }

    /// Cuts the loss file to the steps that the state has made.
    fn cut_losses(&self) -> Result<()> {
        let path = self.dir.join(LOSS_FILE);
        let text = if path.exists() {
            fs::read_to_string(&path).map_err(|e| Error::io(&path, "read", e))?
        } else {
            String::new()
        };
        let mut kept = String::from("# step, training loss, validation loss (nats per token)\n");
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let step = line.split(' ').next().and_then(|word| word.parse::<u64>().ok());
            if step.is_some_and(|step| step <= self.step()) {
                kept.push_str(line);
            }
        }
        checkpoint::write_beside(&path, kept.as_bytes())
    }

    /// Something that changes if the tokens of the texts change: how many there are, and a number made of them all
    /// (FNV-1a, 64 bits).
    fn fingerprint(&self) -> String {
        let valid = self.valid.as_ref().map_or(&[][..], |valid| valid.ids());
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for id in self.train.ids().iter().chain(valid) {
            hash = (hash ^ u64::from(*id)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        format!("{} and {} tokens, {hash:016x}", self.train.ids().len(), valid.len())
    }
}

/// Whether there is memory for training a model with batches of `n_tok` tokens, as far as the operating system tells. What is
/// counted is the least that is needed: the model, its gradient and AdamW's averages; of each token some rows of each block, and
/// its logits with their gradient.
///
/// Without this, a slip in a number (`--n-embd 1280000`) would end the program in the middle of an allocation, without a word on
/// the remedy.
fn check_memory(config: &Config, n_tok: usize) -> Result<()> {
    let a_token = config.n_layer.saturating_mul(config.n_embd).saturating_mul(10);
    let a_token = a_token.saturating_add(config.n_vocab.saturating_mul(2));
    let n_numbers = config.n_parameters().saturating_mul(4).saturating_add(n_tok.saturating_mul(a_token));
    let n_bytes = n_numbers.saturating_mul(size_of::<f32>());
    match Vec::<u8>::new().try_reserve_exact(n_bytes) {
        Ok(()) => Ok(()),
        Err(_) => {
            let problem = format!(
                "at least {} GB of memory are needed, more than there is; choose a smaller model or a smaller --batch",
                n_bytes / 1_000_000_000
            );
            Err(Error::argument("train", problem))
        }
    }
}

fn read_texts(paths: &[PathBuf]) -> Result<Vec<String>> {
    if paths.is_empty() {
        return Err(Error::argument("train", "no text file was given"));
    }
    let read = |path: &PathBuf| {
        let bytes = fs::read(path).map_err(|e| Error::io(path, "read", e))?;
        String::from_utf8(bytes).map_err(|e| Error::file(path, format!("is not UTF-8 text: {e}")))
    };
    paths.iter().map(read).collect()
}
