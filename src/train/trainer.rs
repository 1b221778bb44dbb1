//! A training run: the loop, and its safety on disk.
//!
//! A run can take hours, and machines are switched off. So everything that a run consists of is in one file,
//! `training.safetensors`: the weights, AdamW's two averages, and in its metadata the step, the state of the random numbers,
//! the settings, the vocabulary and the paths of the texts. It is written beside the old one and renamed, so at every
//! moment there is a whole one. A run that goes on from it gives, bit for bit, the numbers of a run that never stopped.
//!
//! Three things are derived from it or follow it: the model as others read it (`config.json`, `model.safetensors`, the
//! vocabulary's files), and `loss.txt`, which gets a line a step. When a run goes on, lines after the saved step are cut off,
//! because those steps are made again.

use super::adamw::{AdamW, clip};
use super::batches::{Batch, Tokens};
use super::loss::{cross_entropy, cross_entropy_and_gradient};
use super::schedule::Schedule;
use crate::checkpoint::json::Json;
use crate::checkpoint::{self, Dtype};
use crate::tokenizer::Tokenizer;
use crate::{Config, Error, Gpt2, Probe, Result, Rng, Saved};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a run is told, apart from its texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Blocks of the model.
    pub n_layer: usize,
    /// Attention heads of a block.
    pub n_head: usize,
    /// Numbers that stand for a token.
    pub n_embd: usize,
    /// Tokens that the model can look at.
    pub n_ctx: usize,
    /// Tokens in the vocabulary, at most; it is learned from the texts.
    pub n_vocab: usize,
    /// Windows of text in a batch.
    pub batch: usize,
    /// Batches whose gradients are added up before a step: a larger batch in the same memory.
    pub accumulate: usize,
    /// Steps in all.
    pub steps: u64,
    /// Steps until the learning rate has reached its peak.
    pub warmup: u64,
    /// The peak of the learning rate.
    pub lr: f32,
    /// How slowly AdamW's first average forgets.
    pub beta1: f32,
    /// How slowly AdamW's second average forgets.
    pub beta2: f32,
    /// How much matrices and embeddings shrink.
    pub weight_decay: f32,
    /// The longest gradient that is not clipped; 0 for no clipping.
    pub clip: f32,
    /// Where the random numbers begin.
    pub seed: u64,
    /// Steps between two looks at the validation text.
    pub valid_every: u64,
    /// Steps between two writings of the state, which is also written every minute.
    pub save_every: u64,
}

impl Default for Settings {
    /// A small model that learns from a small text in some minutes.
    fn default() -> Settings {
        Settings {
            n_layer: 4,
            n_head: 4,
            n_embd: 128,
            n_ctx: 128,
            n_vocab: 2048,
            batch: 16,
            accumulate: 1,
            steps: 1000,
            warmup: 50,
            lr: 2e-3,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 0.1,
            clip: 1.0,
            seed: 42,
            valid_every: 100,
            save_every: 250,
        }
    }
}

impl Settings {
    /// The settings as names and values, for the metadata of the state and for showing them.
    pub fn to_list(&self) -> Vec<(String, String)> {
        let list: [(&str, String); 17] = [
            ("n_layer", self.n_layer.to_string()),
            ("n_head", self.n_head.to_string()),
            ("n_embd", self.n_embd.to_string()),
            ("n_ctx", self.n_ctx.to_string()),
            ("n_vocab", self.n_vocab.to_string()),
            ("batch", self.batch.to_string()),
            ("accumulate", self.accumulate.to_string()),
            ("steps", self.steps.to_string()),
            ("warmup", self.warmup.to_string()),
            ("lr", self.lr.to_string()),
            ("beta1", self.beta1.to_string()),
            ("beta2", self.beta2.to_string()),
            ("weight_decay", self.weight_decay.to_string()),
            ("clip", self.clip.to_string()),
            ("seed", self.seed.to_string()),
            ("valid_every", self.valid_every.to_string()),
            ("save_every", self.save_every.to_string()),
        ];
        list.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }

    /// The settings from [`Settings::to_list`].
    ///
    /// # Errors
    ///
    /// If one is missing or is not a number of its kind.
    pub fn from_list(list: &[(String, String)]) -> Result<Settings> {
        fn number<T: std::str::FromStr>(list: &[(String, String)], name: &str) -> Result<T> {
            let text = lookup(list, name)?;
            text.parse()
                .map_err(|_| Error::format("training state", format!("{name} is {text:?}, which is no such number")))
        }
        Ok(Settings {
            n_layer: number(list, "n_layer")?,
            n_head: number(list, "n_head")?,
            n_embd: number(list, "n_embd")?,
            n_ctx: number(list, "n_ctx")?,
            n_vocab: number(list, "n_vocab")?,
            batch: number(list, "batch")?,
            accumulate: number(list, "accumulate")?,
            steps: number(list, "steps")?,
            warmup: number(list, "warmup")?,
            lr: number(list, "lr")?,
            beta1: number(list, "beta1")?,
            beta2: number(list, "beta2")?,
            weight_decay: number(list, "weight_decay")?,
            clip: number(list, "clip")?,
            seed: number(list, "seed")?,
            valid_every: number(list, "valid_every")?,
            save_every: number(list, "save_every")?,
        })
    }

    /// Whether a run can be made of these.
    ///
    /// # Errors
    ///
    /// If a number is out of range; the message names it.
    pub fn check(&self) -> Result<()> {
        Config::new(self.n_vocab, self.n_ctx, self.n_embd, self.n_head, self.n_layer).check()?;
        let wrong = |name: &str, rule: &str| Err(Error::argument(name, rule));
        if self.batch == 0 || self.accumulate == 0 {
            return wrong("batch", "it must be 1 or more");
        }
        if self.steps == 0 || self.valid_every == 0 || self.save_every == 0 {
            return wrong("steps", "it must be 1 or more");
        }
        if !(self.lr > 0.0 && self.lr.is_finite()) {
            return wrong("lr", "the learning rate must be above 0");
        }
        if !(0.0..1.0).contains(&self.beta1) || !(0.0..1.0).contains(&self.beta2) {
            return wrong("beta", "beta1 and beta2 must be at least 0 and below 1");
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite() && self.clip >= 0.0) {
            return wrong("weight_decay", "weight decay and clip must be 0 or more");
        }
        Ok(())
    }
}

/// The texts of a run, and the model it begins from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inputs {
    /// Text files to learn from.
    pub train: Vec<PathBuf>,
    /// Text files to check the learning with; nothing is learned from them.
    pub valid: Vec<PathBuf>,
    /// A model directory to begin from instead of random weights: fine-tuning.
    pub init: Option<PathBuf>,
}

/// A training run.
#[derive(Debug)]
pub struct Trainer {
    /// What the run was told.
    pub settings: Settings,
    /// Its vocabulary.
    pub tokenizer: Tokenizer,
    /// The model as it is now.
    pub model: Gpt2,
    inputs: Inputs,
    dir: PathBuf,
    train: Tokens,
    valid: Option<Tokens>,
    adamw: AdamW,
    rng: Rng,
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
    let hidden = model.hidden(&batch.inputs, n_seq, None, &mut Probe::off(), Some(saved))?; // [n_tok, n_embd]
    let logits = model.head(&hidden)?; // [n_tok, n_vocab]
    let (loss, d_logits) = cross_entropy_and_gradient(logits, &batch.targets, weight)?; // [n_tok, n_vocab]
    model.backward(&batch.inputs, n_seq, saved, &d_logits, grad)?;
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
        let hidden = model.hidden(&batch.inputs, tokens.n_seq(), None, &mut Probe::off(), None)?;
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
    /// If the directory already holds a run or a model, a text cannot be read, or the settings make no sense.
    pub fn begin(settings: Settings, inputs: Inputs, dir: &Path) -> Result<Trainer> {
        settings.check()?;
        for (name, remedy) in [
            (STATE_FILE, "a run has begun here already; go on with --resume, or choose another directory"),
            ("model.safetensors", "there is a model here already; choose another directory"),
        ] {
            if dir.join(name).exists() {
                return Err(Error::file(dir.join(name), remedy));
            }
        }
        let absolute =
            |path: &PathBuf| fs::canonicalize(path).map_err(|e| Error::file(path, format!("cannot be read: {e}")));
        let inputs = Inputs {
            train: inputs.train.iter().map(absolute).collect::<Result<_>>()?,
            valid: inputs.valid.iter().map(absolute).collect::<Result<_>>()?,
            init: inputs.init.as_ref().map(absolute).transpose()?,
        };
        fs::create_dir_all(dir).map_err(|e| Error::file(dir, format!("cannot be made: {e}")))?;
        // A state without tensors: a run that has been asked for and has not made its first weights yet.
        let metadata = [settings.to_list(), inputs_to_list(&inputs)].concat();
        checkpoint::write(&dir.join(STATE_FILE), &[], &metadata, Dtype::F32)?;
        Trainer::first(settings, inputs, dir)
    }

    /// Reads the texts, learns the vocabulary, makes the first weights and writes them: the run at step 0.
    fn first(settings: Settings, inputs: Inputs, dir: &Path) -> Result<Trainer> {
        let texts = read_texts(&inputs.train)?;
        let mut rng = Rng::new(settings.seed);
        let (model, tokenizer) = match &inputs.init {
            Some(init) => {
                let loaded = checkpoint::hugging_face::load(init)?;
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
                (Gpt2::random(&config, &mut rng)?, tokenizer)
            }
        };
        let adamw = AdamW::new(&model, settings.beta1, settings.beta2, settings.weight_decay);
        let trainer = Trainer::assemble(settings, inputs, dir, texts, tokenizer, model, adamw, rng)?;
        trainer.cut_losses()?;
        trainer.save()?;
        Ok(trainer)
    }

    /// Goes on with the run in the directory `dir`.
    ///
    /// # Errors
    ///
    /// If there is no run, its state is damaged, or its texts are not what they were.
    pub fn resume(dir: &Path) -> Result<Trainer> {
        let path = dir.join(STATE_FILE);
        if !path.exists() {
            return Err(Error::file(&path, "is not there: no run has begun in this directory; begin one with --out"));
        }
        let (tensors, metadata) = checkpoint::read(&path)?;
        let found = || -> Result<(Settings, Inputs)> {
            let settings = Settings::from_list(&metadata)?;
            settings.check()?;
            Ok((settings, inputs_from_list(&metadata)?))
        };
        let (settings, inputs) = found().map_err(|e| e.in_file(&path))?;
        if tensors.is_empty() {
            return Trainer::first(settings, inputs, dir);
        }
        let damaged = |problem: String| Error::file(&path, problem);
        let state = || -> Result<(Tokenizer, Gpt2, AdamW, Rng)> {
            let tokenizer = tokenizer_from_text(lookup(&metadata, "vocabulary")?)?;
            let config = config_from_list(&metadata)?;
            config.check()?;
            // Before anything is allocated by these numbers: are there as many weights in the file?
            let n_in_file: usize = tensors.iter().map(|(_, tensor)| tensor.len()).sum();
            if config.n_parameters() > n_in_file {
                return Err(Error::format("training state", "it has fewer weights than its model"));
            }
            let mut model = Gpt2::zeros(&config)?;
            if tensors.iter().any(|(name, _)| name == "model.lm_head.weight") {
                model.lm_head = Some(model.wte.clone());
            }
            let mut adamw = AdamW::new(&model, settings.beta1, settings.beta2, settings.weight_decay);
            adamw.step = lookup(&metadata, "step")?
                .parse()
                .map_err(|_| Error::format("training state", "the step is not a number"))?;
            for (prefix, parts) in [("model", &mut model), ("m", &mut adamw.m), ("v", &mut adamw.v)] {
                for (name, tensor) in parts.parameters_mut() {
                    let name = format!("{prefix}.{name}");
                    match tensors.iter().find(|(found, _)| *found == name) {
                        Some((_, found)) if found.shape() == tensor.shape() => {
                            tensor.data_mut().copy_from_slice(found.data());
                        }
                        Some((_, found)) => {
                            let rule = format!("{name} must have the shape {:?}", tensor.shape());
                            return Err(Error::shape("training state", &[found.shape()], rule));
                        }
                        None => return Err(Error::format("training state", format!("{name} is missing"))),
                    }
                }
            }
            Ok((tokenizer, model, adamw, rng_from_text(lookup(&metadata, "rng")?)?))
        };
        let (tokenizer, model, adamw, rng) = state().map_err(|e| e.in_file(&path))?;
        drop(tensors);
        let texts = read_texts(&inputs.train)?;
        let trainer = Trainer::assemble(settings, inputs, dir, texts, tokenizer, model, adamw, rng)?;
        if lookup(&metadata, "fingerprint")? != trainer.fingerprint() {
            return Err(damaged(
                "the texts of this run have changed since it began; restore them, or begin a new run".into(),
            ));
        }
        trainer.cut_losses()?;
        trainer.write_model()?; // an interruption may have left it behind the state
        Ok(trainer)
    }

    #[allow(clippy::too_many_arguments)] // a constructor: each becomes a field
    fn assemble(
        settings: Settings,
        inputs: Inputs,
        dir: &Path,
        texts: Vec<String>,
        tokenizer: Tokenizer,
        model: Gpt2,
        adamw: AdamW,
        rng: Rng,
    ) -> Result<Trainer> {
        let n_ctx = model.config.n_ctx.min(settings.n_ctx);
        let tokens = |texts: &[String]| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            Tokens::new(&texts, &tokenizer, n_ctx)
        };
        let train = tokens(&texts)?;
        let valid = if inputs.valid.is_empty() { None } else { Some(tokens(&read_texts(&inputs.valid)?)?) };
        let grad = model.zeros_like();
        let dir = dir.to_path_buf();
        Ok(Trainer { settings, tokenizer, model, inputs, dir, train, valid, adamw, rng, grad, saved: Saved::default() })
    }

    /// How many steps have been made.
    pub fn step(&self) -> u64 {
        self.adamw.step
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
        let Settings { batch: n_windows, accumulate, .. } = self.settings;
        let schedule = Schedule { peak: self.settings.lr, warmup: self.settings.warmup, steps: self.settings.steps };
        let lr = schedule.rate(self.adamw.step);
        for (_, tensor) in self.grad.parameters_mut() {
            tensor.data_mut().fill(0.0);
        }
        let weight = 1.0 / accumulate as f32;
        let mut loss = 0.0;
        let mut n_tokens = 0;
        for _ in 0..accumulate {
            let batch = self.train.random_batch(n_windows, &mut self.rng);
            n_tokens += batch.inputs.len();
            let part =
                loss_and_gradient(&self.model, &batch, self.train.n_seq(), weight, &mut self.saved, &mut self.grad)?;
            loss += part / accumulate as f64;
        }
        let grad_norm = clip(&mut self.grad, self.settings.clip);
        if !(loss.is_finite() && grad_norm.is_finite()) {
            let problem =
                format!("the loss became {loss} at step {}; begin again with a lower --lr", self.adamw.step + 1);
            return Err(Error::argument("train", problem));
        }
        self.adamw.update(&mut self.model, &self.grad, lr)?;
        let step = self.adamw.step;
        let look = step.is_multiple_of(self.settings.valid_every) || step == self.settings.steps;
        let valid_loss = match &self.valid {
            Some(valid) if look => Some(validation_loss(&self.model, valid, VALID_WINDOWS)?),
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
        while self.adamw.step < self.settings.steps {
            let report = self.make_step()?;
            progress(&report);
            let is_due = report.step.is_multiple_of(self.settings.save_every) || report.step == self.settings.steps;
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
        let mut tensors = Vec::new();
        for (prefix, parts) in [("model", &self.model), ("m", &self.adamw.m), ("v", &self.adamw.v)] {
            tensors.extend(parts.parameters().into_iter().map(|(name, tensor)| (format!("{prefix}.{name}"), tensor)));
        }
        let mut metadata = [self.settings.to_list(), inputs_to_list(&self.inputs)].concat();
        metadata.extend(config_to_list(&self.model.config));
        for (name, value) in [
            ("step", self.adamw.step.to_string()),
            ("rng", self.rng.state().map(|word| word.to_string()).join(" ")),
            ("fingerprint", self.fingerprint()),
            ("vocabulary", tokenizer_to_text(&self.tokenizer)),
        ] {
            metadata.push((name.to_string(), value));
        }
        checkpoint::write(&self.dir.join(STATE_FILE), &tensors, &metadata, Dtype::F32)?;
        self.write_model()
    }

    /// Writes the model as others read it.
    fn write_model(&self) -> Result<()> {
        checkpoint::hugging_face::save(&self.dir, &self.model, Some(&self.tokenizer), Dtype::F32)
    }

    fn append_loss(&self, report: &StepReport) -> Result<()> {
        let path = self.dir.join(LOSS_FILE);
        let append = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            let valid = report.valid_loss.map_or(String::new(), |loss| format!(" {loss:.6}"));
            writeln!(file, "{} {:.6}{valid}", report.step, report.loss) // one write: a line is there or not
        };
        append().map_err(|e| Error::file(&path, format!("cannot be written: {e}")))
    }

    /// Cuts the loss file to the steps that the state has made.
    fn cut_losses(&self) -> Result<()> {
        let path = self.dir.join(LOSS_FILE);
        let text = if path.exists() {
            fs::read_to_string(&path).map_err(|e| Error::file(&path, format!("cannot be read: {e}")))?
        } else {
            String::new()
        };
        let mut kept = String::from("# step, training loss, validation loss (nats per token)\n");
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let step = line.split(' ').next().and_then(|word| word.parse::<u64>().ok());
            if step.is_some_and(|step| step <= self.adamw.step) {
                kept.push_str(line);
            }
        }
        checkpoint::write_beside(&path, kept.as_bytes())
    }

    /// A number that changes if the tokens of the texts change (FNV-1a, 64 bits), and how many tokens there are.
    fn fingerprint(&self) -> String {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for id in self.train.ids() {
            hash = (hash ^ u64::from(*id)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        format!("{} tokens, {hash:016x}", self.train.ids().len())
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The state's metadata: names and texts
// ---------------------------------------------------------------------------------------------------------------------

fn lookup<'a>(list: &'a [(String, String)], name: &str) -> Result<&'a str> {
    let found = list.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).ok_or_else(|| Error::format("training state", format!("{name} is missing")))
}

fn read_texts(paths: &[PathBuf]) -> Result<Vec<String>> {
    if paths.is_empty() {
        return Err(Error::argument("train", "no text file was given"));
    }
    let read = |path: &PathBuf| {
        let bytes = fs::read(path).map_err(|e| Error::file(path, format!("cannot be read: {e}")))?;
        String::from_utf8(bytes).map_err(|e| Error::file(path, format!("is not UTF-8 text: {e}")))
    };
    paths.iter().map(read).collect()
}

fn inputs_to_list(inputs: &Inputs) -> Vec<(String, String)> {
    let paths = |paths: &[PathBuf]| {
        Json::Array(paths.iter().map(|path| Json::String(path.to_string_lossy().into_owned())).collect()).to_text()
    };
    let init: Vec<PathBuf> = inputs.init.iter().cloned().collect();
    vec![
        ("train_files".to_string(), paths(&inputs.train)),
        ("valid_files".to_string(), paths(&inputs.valid)),
        ("init".to_string(), paths(&init)),
    ]
}

fn inputs_from_list(list: &[(String, String)]) -> Result<Inputs> {
    let paths = |name: &str| -> Result<Vec<PathBuf>> {
        let json = Json::parse(lookup(list, name)?)?;
        let wrong = || Error::format("training state", format!("{name} is not a list of paths"));
        let texts = json.as_array().ok_or_else(wrong)?;
        texts.iter().map(|text| text.as_str().map(PathBuf::from).ok_or_else(wrong)).collect()
    };
    Ok(Inputs { train: paths("train_files")?, valid: paths("valid_files")?, init: paths("init")?.into_iter().next() })
}

fn config_to_list(config: &Config) -> Vec<(String, String)> {
    let list = [
        ("config.n_vocab", config.n_vocab.to_string()),
        ("config.n_ctx", config.n_ctx.to_string()),
        ("config.n_embd", config.n_embd.to_string()),
        ("config.n_head", config.n_head.to_string()),
        ("config.n_layer", config.n_layer.to_string()),
        ("config.n_inner", config.n_inner.to_string()),
        ("config.layer_norm_epsilon", config.layer_norm_epsilon.to_string()),
    ];
    list.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

fn config_from_list(list: &[(String, String)]) -> Result<Config> {
    let size = |name: &str| -> Result<usize> {
        let wrong = |_| Error::format("training state", format!("{name} is not a number"));
        lookup(list, name)?.parse().map_err(wrong)
    };
    let epsilon = lookup(list, "config.layer_norm_epsilon")?;
    Ok(Config {
        n_vocab: size("config.n_vocab")?,
        n_ctx: size("config.n_ctx")?,
        n_embd: size("config.n_embd")?,
        n_head: size("config.n_head")?,
        n_layer: size("config.n_layer")?,
        n_inner: size("config.n_inner")?,
        layer_norm_epsilon: epsilon
            .parse()
            .map_err(|_| Error::format("training state", "config.layer_norm_epsilon is not a number"))?,
    })
}

fn rng_from_text(text: &str) -> Result<Rng> {
    let words: Option<Vec<u64>> = text.split(' ').map(|word| word.parse().ok()).collect();
    match words.as_deref() {
        Some(&[a, b, c, d]) => Ok(Rng::from_state([a, b, c, d])),
        _ => Err(Error::format("training state", "the state of the random numbers is not four numbers")),
    }
}

/// The vocabulary and the merges as JSON.
fn tokenizer_to_text(tokenizer: &Tokenizer) -> String {
    let vocab = tokenizer.vocab().into_iter().map(|(symbol, id)| (symbol, Json::Number(id.to_string()))).collect();
    let merges = tokenizer.merges().into_iter().map(|(a, b)| Json::String(format!("{a} {b}"))).collect();
    Json::object([("vocab", Json::Object(vocab)), ("merges", Json::Array(merges))]).to_text()
}

fn tokenizer_from_text(text: &str) -> Result<Tokenizer> {
    let wrong = || Error::format("training state", "the vocabulary is damaged");
    let json = Json::parse(text)?;
    let vocab: Option<Vec<(String, u32)>> = json
        .get("vocab")
        .and_then(Json::as_object)
        .ok_or_else(wrong)?
        .iter()
        .map(|(symbol, id)| Some((symbol.clone(), u32::try_from(id.as_usize()?).ok()?)))
        .collect();
    let merges: Option<Vec<(String, String)>> = json
        .get("merges")
        .and_then(Json::as_array)
        .ok_or_else(wrong)?
        .iter()
        .map(|merge| merge.as_str()?.split_once(' ').map(|(a, b)| (a.to_string(), b.to_string())))
        .collect();
    Tokenizer::from_vocab(&vocab.ok_or_else(wrong)?, &merges.ok_or_else(wrong)?)
}
