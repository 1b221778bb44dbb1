//! The state of a training run, as one file.
//!
//! A run can take hours, and machines get switched off. Everything that makes up a run is therefore in one file,
//! `training.safetensors`: the weights (`model.*`), AdamW's two averages (`m.*` and `v.*`), and in its metadata the
//! step, the state of the random numbers, the settings, the vocabulary, and the paths of the texts with a fingerprint
//! of their tokens. A new file is written beside the old one and then renamed, so there is a whole one at every moment.
//! A run resumed from it gives, bit for bit, the numbers of a run that never stopped.
//!
//! A file without tensors is a *request*: the run has been asked for, but has not made its first weights yet.
//!
//! [Chapter 13](crate::book::ch13_training) leads to [its page](crate::book::train) in the book.

use super::adamw::AdamW;
use super::settings::{Inputs, Settings, lookup};
use crate::checkpoint::safetensors::{self, Dtype, Metadata, NamedTensors};
use crate::checkpoint::{Json, Kept};
use crate::checkpoint::{vocabulary_from_json, vocabulary_to_json};
use crate::config::{Activation, Config};
use crate::error::{Error, Result};
use crate::model::Gpt2;
use crate::rng::Rng;
use crate::tokenizer::Tokenizer;
use std::path::Path;
use std::str::FromStr;

/// Everything that makes up a run, except its texts.
#[derive(Debug, Clone)]
#[doc(hidden)]
pub struct State {
    /// What the run was told.
    pub settings: Settings,
    /// The paths of its texts.
    pub inputs: Inputs,
    /// Its vocabulary.
    pub tokenizer: Tokenizer,
    /// The ids that end a text.
    pub end_ids: Vec<u32>,
    /// What else the directory says that the run began from.
    pub kept: Kept,
    /// The model as it is now.
    pub model: Gpt2,
    /// The optimizer, with the step.
    pub adamw: AdamW,
    /// The random number generator in its present state.
    pub rng: Rng,
}

/// What the file of a run holds.
#[derive(Debug)]
pub(super) enum Resumed {
    /// A run that has been asked for.
    Request(Settings, Inputs),
    /// A run that has begun, and the fingerprint of the tokens it learns from.
    Begun(Box<State>, String),
}

/// Writes a request: what a run was told, before its first weights are made.
///
/// # Errors
///
/// If the file cannot be written.
#[doc(hidden)] // for the tests of what an interruption leaves behind
pub fn write_request(path: &Path, settings: &Settings, inputs: &Inputs) -> Result<()> {
    let metadata = [settings.to_list(), inputs.to_list()].concat();
    safetensors::write(path, &[], &metadata, Dtype::F32)
}

impl State {
    /// Writes the state; `fingerprint` stands for the tokens that the run learns from.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; the older one is then kept.
    pub(super) fn write(&self, path: &Path, fingerprint: &str) -> Result<()> {
        let mut tensors = Vec::new();
        for (prefix, parts) in [("model", &self.model), ("m", &self.adamw.m), ("v", &self.adamw.v)] {
            tensors.extend(parts.parameters()?.into_iter().map(|(name, tensor)| (format!("{prefix}.{name}"), tensor)));
        }
        let mut metadata =
            [self.settings.to_list(), self.inputs.to_list(), config_to_list(&self.model.config)].concat();
        for (name, value) in [
            ("step", self.adamw.step.to_string()),
            ("rng", self.rng.state().map(|word| word.to_string()).join(" ")),
            ("fingerprint", fingerprint.to_string()),
            ("vocabulary", vocabulary_to_json(&self.tokenizer).to_pretty_string()),
            ("end_ids", self.end_ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")),
            ("kept", self.kept.to_text()),
        ] {
            metadata.push((name.to_string(), value));
        }
        safetensors::write(path, &tensors, &metadata, Dtype::F32)
    }
}

/// Reads a request or a state.
///
/// # Errors
///
/// If the file cannot be read, or anything in it is missing or does not fit together.
pub(super) fn read(path: &Path) -> Result<Resumed> {
    let (tensors, metadata) = safetensors::read(path)?;
    parse(&tensors, &metadata).map_err(|e| e.in_file(path))
}

fn parse(tensors: &NamedTensors, metadata: &Metadata) -> Result<Resumed> {
    let settings = Settings::from_list(metadata)?;
    settings.check()?;
    let inputs = Inputs::from_list(metadata)?;
    if tensors.is_empty() {
        return Ok(Resumed::Request(settings, inputs));
    }
    let tokenizer = vocabulary_from_json(&Json::parse(lookup(metadata, "vocabulary")?)?)?;
    let config = config_from_list(metadata)?;
    config.check()?;
    // These numbers decide how much is allocated, so first check that the file has that many weights.
    let n_in_file: usize = tensors.iter().map(|(_, tensor)| tensor.len()).sum();
    if config.n_parameters() > n_in_file {
        return Err(Error::format("training state", "it has fewer weights than its model"));
    }
    let mut model = Gpt2::zeros(&config)?;
    if tensors.iter().any(|(name, _)| name == "model.lm_head.weight") {
        model.lm_head = Some(model.wte.clone());
    }
    let mut adamw = settings.optimizer(&model);
    let step = lookup(metadata, "step")?.parse();
    adamw.step = step.map_err(|_| Error::format("training state", "the step is not a number"))?;
    for (prefix, parts) in [("model", &mut model), ("m", &mut adamw.m), ("v", &mut adamw.v)] {
        for (name, tensor) in parts.parameters_mut()? {
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
    let rng = rng_from_text(lookup(metadata, "rng")?)?;
    let (end_ids, kept) = surroundings(metadata, &tokenizer)?;
    let state = State { settings, inputs, tokenizer, end_ids, kept, model, adamw, rng };
    Ok(Resumed::Begun(Box::new(state), lookup(metadata, "fingerprint")?.to_string()))
}

/// The ids that end a text, and what is kept of the directory that the run began from. The states of older versions of
/// this crate have neither.
fn surroundings(metadata: &Metadata, tokenizer: &Tokenizer) -> Result<(Vec<u32>, Kept)> {
    let end_ids = match lookup(metadata, "end_ids") {
        Ok(text) => {
            let ids: Option<Vec<u32>> = text.split_whitespace().map(|id| id.parse().ok()).collect();
            ids.ok_or_else(|| Error::format("training state", "the end ids are not ids"))?
        }
        Err(_) => tokenizer.end_of_text().into_iter().collect(),
    };
    let kept = lookup(metadata, "kept").map_or_else(|_| Ok(Kept::default()), Kept::from_text)?;
    Ok((end_ids, kept))
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
        ("config.activation_function", config.activation_function.to_string()),
        ("config.scale_attn_weights", config.scale_attn_weights.to_string()),
        ("config.scale_attn_by_inverse_layer_idx", config.scale_attn_by_inverse_layer_idx.to_string()),
        ("config.reorder_and_upcast_attn", config.reorder_and_upcast_attn.to_string()),
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
        activation_function: of_relative(list, "config.activation_function", Activation::GeluNew)?,
        scale_attn_weights: of_relative(list, "config.scale_attn_weights", true)?,
        scale_attn_by_inverse_layer_idx: of_relative(list, "config.scale_attn_by_inverse_layer_idx", false)?,
        reorder_and_upcast_attn: of_relative(list, "config.reorder_and_upcast_attn", false)?,
    })
}

/// Something that only GPT-2's relatives have in another way. A state that says nothing about it is GPT-2's.
fn of_relative<T: FromStr>(list: &[(String, String)], name: &str, of_gpt2: T) -> Result<T> {
    let Some((_, value)) = list.iter().find(|(found, _)| found == name) else { return Ok(of_gpt2) };
    value.parse().map_err(|_| Error::format("training state", format!("{name} cannot be {value:?}")))
}

fn rng_from_text(text: &str) -> Result<Rng> {
    let words: Option<Vec<u64>> = text.split(' ').map(|word| word.parse().ok()).collect();
    match words.as_deref() {
        Some(&[a, b, c, d]) => Ok(Rng::from_state([a, b, c, d])),
        _ => Err(Error::format("training state", "the state of the random numbers is not four numbers")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::arithmetic::Arithmetic;
    use crate::tokenizer::AddedToken;

    fn state(head: bool) -> State {
        let tokenizer = Tokenizer::learn("the fox and the dog saw the moon", 262).unwrap();
        let speaker = AddedToken { lstrip: true, ..AddedToken::special(262, "<speaker1>") };
        let tokenizer = tokenizer.with_added(vec![speaker]).unwrap();
        let mut rng = Rng::new(3);
        let mut model = Gpt2::random(&Config::new(tokenizer.n_vocab(), 8, 12, 3, 1), &mut rng).unwrap();
        model.lm_head = head.then(|| model.wte.clone());
        let mut adamw = AdamW::new(&model, 0.9, 0.95, 0.1);
        let grad = model.clone(); // any numbers will do
        adamw.update(&mut model, &grad, 0.01).unwrap();
        // Not a short decimal number, not the usual arithmetic, not the usual rule.
        let settings = Settings { lr: 0.1 + 0.2, precision: Arithmetic::Bf16, muon: true, ..Settings::default() };
        let inputs = Inputs { train: vec!["/a, b \"c\"".into()], ..Inputs::default() };
        let (end_ids, kept) = (vec![7, 9], Kept::from_text(r#"{"config.json": {"pad_token_id": 3}}"#).unwrap());
        State { settings, inputs, tokenizer, end_ids, kept, model, adamw, rng }
    }

    fn path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("gpt60-state-{name}-{}.safetensors", std::process::id()))
    }

    #[test]
    fn a_state_that_is_read_is_the_one_that_was_written() {
        for head in [false, true] {
            let path = path("whole");
            let written = state(head);
            written.write(&path, "1 and 2 tokens").unwrap();
            let Resumed::Begun(read, fingerprint) = read(&path).unwrap() else { panic!("it has begun") };
            assert_eq!(fingerprint, "1 and 2 tokens");
            assert_eq!((&read.settings, &read.inputs, &read.rng), (&written.settings, &written.inputs, &written.rng));
            assert_eq!((&read.tokenizer, read.adamw.step), (&written.tokenizer, 1));
            assert_eq!((&read.end_ids, &read.kept), (&written.end_ids, &written.kept));
            let models = |state: &State| [state.model.clone(), state.adamw.m.clone(), state.adamw.v.clone()];
            for (read, written) in models(&read).iter().zip(&models(&written)) {
                assert_eq!(read.parameters().unwrap(), written.parameters().unwrap());
            }
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn what_a_relative_of_gpt2_computes_is_kept() {
        let relative = Config {
            activation_function: Activation::Silu,
            scale_attn_weights: false,
            scale_attn_by_inverse_layer_idx: true,
            reorder_and_upcast_attn: true,
            ..Config::gpt2()
        };
        let list = config_to_list(&relative);
        assert_eq!(config_from_list(&list), Ok(relative));
        // A state that was written before these were known.
        assert_eq!(config_from_list(&list[..7]), Ok(Config::gpt2()));
        for (i, value) in [(7, "mish"), (8, "1"), (9, ""), (10, "yes")] {
            let mut list = list.clone();
            list[i].1 = value.to_string();
            let error = config_from_list(&list).unwrap_err().to_string();
            assert!(error.contains(&format!("{} cannot be {value:?}", list[i].0)), "{error}");
        }
    }

    #[test]
    fn a_state_of_an_older_version_says_neither_precision_nor_muon_and_had_f32_and_adamw() {
        let path = path("older");
        let written = state(false);
        assert_eq!(written.settings.precision, Arithmetic::Bf16);
        written.write(&path, "1 and 2 tokens").unwrap();
        let (tensors, mut metadata) = safetensors::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        metadata.retain(|(key, _)| key != "precision" && key != "muon");
        let Resumed::Begun(read, _) = parse(&tensors, &metadata).unwrap() else { panic!("it has begun") };
        assert_eq!(read.settings, Settings { precision: Arithmetic::F32, muon: false, ..written.settings });
    }

    #[test]
    fn a_request_is_not_a_run_yet() {
        let (path, state) = (path("request"), state(false));
        write_request(&path, &state.settings, &state.inputs).unwrap();
        let Resumed::Request(settings, inputs) = read(&path).unwrap() else { panic!("it has not begun") };
        assert_eq!((settings, inputs), (state.settings, state.inputs));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn what_is_missing_or_does_not_fit_is_named() {
        let path = path("damaged");
        state(false).write(&path, "1 and 2 tokens").unwrap();
        let (tensors, metadata) = safetensors::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let refused = |tensors: &NamedTensors, metadata: &Metadata| parse(tensors, metadata).unwrap_err().to_string();
        let without = |name: &str| -> Metadata { metadata.iter().filter(|(key, _)| key != name).cloned().collect() };
        for name in ["lr", "step", "rng", "fingerprint", "vocabulary", "config.n_embd", "train_files"] {
            assert!(refused(&tensors, &without(name)).contains(&format!("{name} is missing")), "{name}");
        }
        let mut words = metadata.clone();
        words.iter_mut().filter(|(key, _)| key == "steps").for_each(|(_, value)| *value = "many".to_string());
        assert!(refused(&tensors, &words).contains("steps: \"many\" is not a valid number"));
        let mut kinds = metadata.clone();
        kinds.iter_mut().filter(|(key, _)| key == "precision").for_each(|(_, value)| *value = "int8".to_string());
        assert!(refused(&tensors, &kinds).contains("precision: \"int8\": choose f32 or bf16"));
        let mut rules = metadata.clone();
        rules.iter_mut().filter(|(key, _)| key == "muon").for_each(|(_, value)| *value = "1".to_string());
        assert!(refused(&tensors, &rules).contains("muon: \"1\" is not true or false"));
        let fewer: NamedTensors = tensors.iter().filter(|(name, _)| name != "v.wte.weight").cloned().collect();
        assert!(refused(&fewer, &metadata).contains("v.wte.weight is missing"));
        let fewest: NamedTensors = tensors.iter().filter(|(name, _)| name == "v.wte.weight").cloned().collect();
        assert!(refused(&fewest, &metadata).contains("fewer weights"));
    }
}
