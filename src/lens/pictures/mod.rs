//! The pictures of the book: each function takes numbers and gives an SVG.
//!
//! | file in `docs/img/` | what it shows | drawn by |
//! | --- | --- | --- |
//! | `loop.svg` | from probabilities to a text: once round the loop | [`generation::round`] |
//! | `arrows.svg` | vectors as arrows: lengths and angles | [`arrows::arrows`] |
//! | `gelu.svg` | GELU beside ReLU | [`gelu::curves`] |
//! | `attention-mask.svg` | who may look at whom | [`diagrams::attention_mask`] |
//! | `attention-head.svg`, `attention-maps.svg` | who does, in the storybook | [`attention::one_head`], [`attention::all_heads`] |
//! | `heads.svg` | columns cut into heads, and put side by side again | [`heads::heads`] |
//! | `block.svg` | layer norm before and after the branch | [`diagrams::block`] |
//! | `stream.svg` | the residual stream as a river | [`stream::river`] |
//! | `forward.svg` | the forward pass with its shapes | [`forward::pass`] |
//! | `parameters.svg` | where the parameters are | [`sizes::parameters`] |
//! | `knobs.svg` | a distribution, and what knobs make of it | [`knobs::knobs`] |
//! | `beam-tree.svg` | a tree of texts, and two beams | [`beam_tree::tree`] |
//! | `cache.svg` | what the KV cache keeps | [`cache::cache`] |
//! | `slopes.svg` | a graph of six numbers, with values and slopes | [`slopes::slopes`] |
//! | `layer-norm-slopes.svg` | how a number acts on another in layer norm | [`layer_norm_slopes::slopes`] |
//! | `valley.svg` | two ways down a valley | [`valley::paths`] |
//! | `loss-curve.svg` | how the storybook learned | [`loss::curve`] |
//! | `samples.svg` | what it wrote on the way | [`samples::samples`] |
//! | `scaling.svg` | how the loss falls with size and text | [`scaling::scaling`] |
//! | `roofline.svg` | what limits each kind of work | [`roofline::roofline`] |
//! | `bits.svg` | a number as five formats keep it | [`bits::bits`] |
//!
//! The storybook stands beside this module, not below it, so the caller hands the model over.
//!
//! [Chapter 15](crate::book::ch15_looking_inside) says where they are shown.

pub mod arrows;
pub mod attention;
pub mod beam_tree;
pub mod bits;
pub mod cache;
pub mod diagrams;
pub mod forward;
pub mod gelu;
pub mod generation;
pub mod heads;
pub mod knobs;
pub mod layer_norm_slopes;
pub mod loss;
pub mod roofline;
pub mod samples;
pub mod scaling;
pub mod sizes;
pub mod slopes;
pub mod stream;
pub mod valley;

use crate::checkpoint::Checkpoint;
use crate::{Config, Result, generate};

/// The text that the attention maps show, if the model has a vocabulary.
const ATTENTION_PROMPT: &str = "Once upon a time there was a little girl";
/// A short beginning, for pictures that follow each of its four tokens, and the block that its heads are shown of.
const ONCE: &str = "Once upon a time";
const HEADS_BLOCK: usize = 10;
/// The text that the knobs continue. It has two likely answers, a few possible ones and a long tail.
const KNOBS_PROMPT: &str = "Once upon a time, there was a little";
/// What chapter 16 measured: bytes per second, and operations per second.
const BANDWIDTH: f64 = 32.5e9;
const PEAK: f64 = 477e9;
/// The number whose bits are shown, and the scales of the byte and of the four bits: those of weights of which -0.5 is
/// the largest in size.
const NUMBER: f32 = 0.1;
const INT8_SCALE: f64 = 0.5 / 127.0;
const INT4_SCALE: f64 = 0.5 / 8.0;
/// How likely each of three tokens is at the beginning, and after each: the small language of chapter 9.
const FIRST: [f64; 3] = [0.40, 0.35, 0.25];
const THEN: [[f64; 3]; 3] = [[0.40, 0.30, 0.30], [0.50, 0.30, 0.20], [0.90, 0.05, 0.05]];
/// The row of which chapter 12 takes the slopes of layer norm.
const ROW: [f64; 4] = [1.0, -1.0, 1.0, -1.0];
/// The numbers that chapter 12 begins with.
const GRAPH: [f64; 3] = [3.0, 2.0, -1.0];

/// All pictures of the book: the name of each file, and its content.
///
/// The pictures of a model show `model`. The loss curve is drawn from `loss`, the text of a run's `loss.txt`, and
/// `texts` are what the model wrote on the way, a line each (see [`samples::samples`]). The picture of several sizes is
/// drawn from `sizes`, which has a line for each model (see [`scaling::scaling`]).
///
/// # Example: the book's pictures of another model
///
/// ```
/// use gpt60::checkpoint::Checkpoint;
/// use gpt60::lens::pictures;
/// use gpt60::{Config, Gpt2, Rng};
///
/// let model = Gpt2::random(&Config::new(50, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let checkpoint = Checkpoint::new(model, None);
/// let pictures = pictures::all(&checkpoint, "1 3.9\n2 3.8\n", "2 Once.", "1 8 3.9 4 3.9\n1 16 3.8 4 3.8\n")?;
/// assert!(pictures.iter().any(|(name, svg)| *name == "attention-maps.svg" && svg.starts_with("<svg ")));
/// # Ok::<(), gpt60::Error>(())
/// ```
///
/// # Errors
///
/// If the model cannot read the prompts, or `loss`, `texts` or `sizes` is not such a text.
pub fn all(model: &Checkpoint, loss: &str, texts: &str, sizes: &str) -> Result<Vec<(&'static str, String)>> {
    Ok([of_model(model)?, of_training(loss, texts, sizes)?, of_formulas()].concat())
}

/// What a model looks like inside, and what it does.
fn of_model(model: &Checkpoint) -> Result<Vec<(&'static str, String)>> {
    let tokenizer = model.tokenizer.as_ref();
    // Without a vocabulary, simply the first ids.
    let ids = |text: &str| tokenizer.map_or(vec![0, 1, 2, 3], |tokenizer| tokenizer.encode(text));
    let name = |id: u32| model.token_name(id);
    let names = |ids: &[u32]| ids.iter().map(|&id| name(id)).collect::<Vec<String>>();
    let looking = ids(ATTENTION_PROMPT);
    let weights = attention::weights(&model.model, &looking)?;
    let logits = model.model.logits(&ids(KNOBS_PROMPT))?; // [n_seq, n_vocab]
    let last = logits.row(logits.n_rows() - 1); // [n_vocab]
    let once = ids(ONCE);
    let few = attention::weights(&model.model, &once)?;
    let (n_embd, block) = (model.model.config.n_embd, HEADS_BLOCK.min(few.len() - 1));
    let of_once = names(&once);
    let mut longer = once.clone(); // and behind it the likeliest token, as the newest
    longer.extend(generate::greedy(&model.model, &once, &[])?.take(1).collect::<Result<Vec<u32>>>()?);
    Ok(vec![
        ("loop.svg", generation::round(&model.model, &once, ONCE, name)?),
        ("attention-head.svg", attention::one_head(&weights, &names(&looking))),
        ("attention-maps.svg", attention::all_heads(&weights)),
        ("heads.svg", heads::heads(&few[block], block, n_embd, &of_once)),
        ("stream.svg", stream::river(&model.model, &once, &of_once[of_once.len() - 1])?),
        ("cache.svg", cache::cache(&model.model.config, &names(&longer))),
        ("knobs.svg", knobs::knobs(last, KNOBS_PROMPT, name)?),
    ])
}

/// How models learned.
fn of_training(loss: &str, texts: &str, sizes: &str) -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("valley.svg", valley::paths()?),
        ("loss-curve.svg", loss::curve(loss)?),
        ("samples.svg", samples::samples(loss, texts)?),
        ("scaling.svg", scaling::scaling(sizes)?),
    ])
}

/// What needs no model: what it shows is true of every GPT.
fn of_formulas() -> Vec<(&'static str, String)> {
    vec![
        ("arrows.svg", arrows::arrows(arrows::VECTORS)),
        ("gelu.svg", gelu::curves()),
        ("attention-mask.svg", diagrams::attention_mask()),
        ("block.svg", diagrams::block()),
        ("forward.svg", forward::pass(&Config::gpt2())),
        ("parameters.svg", sizes::parameters()),
        ("beam-tree.svg", beam_tree::tree(FIRST, THEN, 2)),
        ("roofline.svg", roofline::roofline(BANDWIDTH, PEAK)),
        ("bits.svg", bits::bits(NUMBER, INT8_SCALE, INT4_SCALE)),
        ("slopes.svg", slopes::slopes(GRAPH)),
        ("layer-norm-slopes.svg", layer_norm_slopes::slopes(ROW, 0)),
    ]
}
