//! A whole model as text that a web page can carry: one JSON object.
//!
//! The live page of `explore` runs the model itself, on whatever you type. So it needs what a checkpoint has: the
//! sizes, every parameter, and the vocabulary with its merges. Each parameter is one text in base64, of the numbers as
//! `f16`. Where that loses nothing, a matrix is instead whole numbers of one byte and their scales, as in a file of `int8`.
//! The storybook fits into this without rounding: the page computes with exactly the numbers of `storybook::load`.
//!
//! Like that of [`page_data`](super::page_data), the text is safe in a page.
//!
//! [Chapter 15](crate::book::ch15_looking_inside) explains it.

use super::base64::{encode_f16, encode_f32, encode_i8};
use super::page_data::{object, vocabulary};
use crate::checkpoint::Json;
use crate::checkpoint::int8::{is_by_column, whole_numbers};
use crate::float16::F16;
use crate::tokenizer::{END_OF_TEXT, Tokenizer};
use crate::{Error, Gpt2, Result, Tensor};
use std::collections::HashMap;

/// A model as text for a page.
#[derive(Debug)]
pub struct PageModel {
    /// One JSON object.
    pub json: String,
    /// Whether a parameter was rounded on the way.
    pub is_rounded: bool,
}

/// The model and its vocabulary for a page. `name` is the model's name, and `prompt` is what the page shows first. Of a
/// longer text, it shows the last `most_tokens`, or the last `n_ctx` if these are fewer.
///
/// Parameters that are neither whole numbers with scales nor `f16` numbers are rounded to the nearest `f16`.
///
/// # Errors
///
/// If the model has a head of its own, or bends or scales in another way than GPT-2, which the page's program cannot run; if
/// its vocabulary has what the page's tokenizer does not know (added tokens besides `<|endoftext|>`, bytes without a
/// token); if a parameter is too large for an `f16`; or if it has [packed](crate::weight) weights.
///
/// # Example: a model of 270 tokens
///
/// ```
/// use gpt60::checkpoint::Json;
/// use gpt60::lens::page_model;
/// use gpt60::tokenizer::Tokenizer;
/// use gpt60::{Config, Gpt2, Rng};
///
/// let tokenizer = Tokenizer::learn("the cat, the hat", 270)?;
/// let model = Gpt2::random(&Config::new(tokenizer.n_vocab(), 8, 12, 3, 2), &mut Rng::new(1))?;
/// let page = page_model::to_json(&model, &tokenizer, "tiny", "the </hat>", 64)?;
/// assert!(!page.json.contains('<') && page.is_rounded);
/// let data = Json::parse(&page.json)?;
/// assert_eq!(data.get("prompt").unwrap().as_str(), Some("the </hat>"));
/// let second = &data.get("parameters").unwrap().as_array().unwrap()[1];
/// assert_eq!(second.get("name").unwrap().as_str(), Some("wpe.weight"));
/// assert_eq!(second.get("shape").unwrap().to_string(), "[8,12]");
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn to_json(model: &Gpt2, tokenizer: &Tokenizer, name: &str, prompt: &str, most_tokens: usize) -> Result<PageModel> {
    if model.lm_head.is_some() {
        return Err(Error::argument("page_model", "the page runs models whose head is wte; this one has its own"));
    }
    let config = &model.config;
    if !config.is_gpt2() {
        let problem = "the page runs GPT-2's own computation; this model has another activation or scale of attention";
        return Err(Error::argument("page_model", problem));
    }
    check_vocabulary(tokenizer, config.n_vocab)?;
    let (mut parameters, mut is_rounded) = (Vec::new(), false);
    for (name, tensor) in model.parameters()? {
        let (entry, was_rounded) = parameter(&name, tensor)?;
        parameters.push(entry);
        is_rounded |= was_rounded;
    }
    let ids: HashMap<String, u32> = tokenizer.vocab().into_iter().collect();
    let merge = |(left, right): (String, String)| {
        let result = format!("{left}{right}");
        Json::Array([left, right, result].iter().map(|token| ids[token].into()).collect())
    };
    let json = object(
        config,
        [
            ("name", name.into()),
            ("prompt", prompt.into()),
            ("most_tokens", most_tokens.min(config.n_ctx).into()),
            ("layer_norm_epsilon", config.layer_norm_epsilon.into()),
            ("vocabulary", vocabulary(tokenizer, config.n_vocab)),
            ("end_of_text", tokenizer.end_of_text().map_or(Json::Null, Json::from)),
            ("merges", Json::Array(tokenizer.merges().into_iter().map(merge).collect())),
            ("parameters", Json::Array(parameters)),
        ],
    );
    Ok(PageModel { json, is_rounded })
}

/// A parameter for the page: its name, its shape and its numbers; and whether they were rounded.
fn parameter(name: &str, tensor: &Tensor) -> Result<(Json, bool)> {
    let shape = Json::Array(tensor.shape().iter().map(|&n| n.into()).collect());
    let mut entry = vec![("name", name.into()), ("shape", shape)];
    let mut is_rounded = false;
    if let Some((whole, scales)) = as_whole_numbers(name, tensor)? {
        entry.push(("int8", encode_i8(whole.data()).as_str().into()));
        let by_column = is_by_column(scales.shape(), tensor.n_cols());
        let which = if by_column { "column_scales" } else { "row_scales" };
        entry.push((which, encode_f32(scales.data()).as_str().into()));
    } else if let Some(x) = tensor.data().iter().find(|&&x| !F16::nearest(x).value().is_finite()) {
        let problem = format!("a parameter is {x}, and the page's numbers are f16, which end at 65504");
        return Err(Error::argument("page_model", problem));
    } else {
        entry.push(("f16", encode_f16(tensor.data()).as_str().into()));
        is_rounded = tensor.data().iter().any(|&x| F16::nearest(x).value() != x);
    }
    Ok((Json::Object(entry.into_iter().map(|(key, value)| (key.to_string(), value)).collect()), is_rounded))
}

/// The whole numbers and the scales that this matrix was made of, if it was: `None` if their products are not its numbers to
/// the last bit.
///
/// # Errors
///
/// None: only matrices are taken apart.
fn as_whole_numbers(name: &str, matrix: &Tensor) -> Result<Option<(Tensor, Tensor)>> {
    if matrix.shape().len() != 2 {
        return Ok(None);
    }
    let (whole, mut scales) = whole_numbers(name, matrix)?;
    let (n_cols, n_scales) = (matrix.n_cols(), scales.len());
    let by_column = is_by_column(scales.shape(), n_cols);
    // A scale is a largest number divided by 127. That number was itself rounded, so the old scale can be next to the new one.
    let mut fits = vec![[true; 3]; n_scales];
    let beside = |scale: f32| [scale, scale.next_down(), scale.next_up()];
    for (at, (&x, &q)) in matrix.data().iter().zip(whole.data()).enumerate() {
        let place = if by_column { at % n_cols } else { at / n_cols };
        for (fit, scale) in fits[place].iter_mut().zip(beside(scales.data()[place])) {
            *fit &= q * scale == x;
        }
    }
    for (scale, fit) in scales.data_mut().iter_mut().zip(&fits) {
        let Some(which) = fit.iter().position(|&fit| fit) else { return Ok(None) };
        *scale = beside(*scale)[which];
    }
    Ok(Some((whole, scales)))
}

/// Checks that the page's tokenizer, which is short, reads a text as `tokenizer` does: each byte has a token, no token but
/// `<|endoftext|>` was added to the vocabulary, and the model has a row for each.
///
/// # Errors
///
/// If something of this is not so. The error says what.
fn check_vocabulary(tokenizer: &Tokenizer, n_vocab: usize) -> Result<()> {
    let problem = if tokenizer.n_vocab() > n_vocab {
        "the vocabulary has more tokens than the model".to_string()
    } else if tokenizer.end_of_text().is_none() {
        format!("the page begins an empty text with {END_OF_TEXT}, and this vocabulary does not have it")
    } else if let Some(token) = tokenizer.added().iter().find(|token| token.content != END_OF_TEXT) {
        format!("the page's tokenizer knows no added tokens, and this vocabulary has {:?}", token.content)
    } else if let Some(byte) = byte_without_token(tokenizer) {
        format!("the page's tokenizer needs a token for each byte, and this vocabulary has none for {byte:#04x}")
    } else {
        return Ok(());
    };
    Err(Error::argument("page_model", problem))
}

/// A byte that is not the only one of some token.
fn byte_without_token(tokenizer: &Tokenizer) -> Option<u8> {
    let mut is_there = [false; 256];
    for id in 0..tokenizer.n_vocab() as u32 {
        if let Some(&[byte]) = tokenizer.token_bytes(id) {
            is_there[usize::from(byte)] = true;
        }
    }
    (0..=255).find(|&byte| !is_there[usize::from(byte)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::AddedToken;
    use crate::weight::Precision;
    use crate::{Config, Rng};
    use proptest::prelude::*;

    #[test]
    fn a_page_shows_no_more_than_its_model_can_look_at() {
        let tokenizer = Tokenizer::learn("", 257).unwrap();
        let model = Gpt2::random(&Config::new(257, 8, 12, 3, 1), &mut Rng::new(1)).unwrap();
        for (wanted, shown) in [(5, 5), (64, 8)] {
            let data = Json::parse(&to_json(&model, &tokenizer, "", "", wanted).unwrap().json).unwrap();
            assert_eq!(data.get("most_tokens").unwrap().as_usize(), Some(shown));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..Default::default() })]
        #[test]
        fn a_matrix_that_was_rounded_to_bytes_is_taken_apart_without_loss(
            n_rows in 1usize..9, n_cols in prop_oneof![1usize..4, 1usize..300], is_linear: bool, deviation in 1e-3f32..10.0, seed: u64
        ) {
            let name = if is_linear { "h.0.mlp.c_fc.weight" } else { "wte.weight" };
            let random = Tensor::random(&[n_rows, n_cols], deviation, &mut Rng::new(seed));
            let product = |(whole, scales): (Tensor, Tensor)| {
                let at = |i: usize| if is_linear { i % n_cols } else { i / n_cols };
                let numbers = whole.data().iter().enumerate().map(|(i, &q)| q * scales.data()[at(i)]).collect();
                Tensor::new(&[n_rows, n_cols], numbers).unwrap()
            };
            let rounded = product(whole_numbers(name, &random).unwrap());
            let apart = as_whole_numbers(name, &rounded).unwrap().expect("it was made of whole numbers");
            prop_assert_eq!(product(apart), rounded);
            // One number that is no multiple of its scale, and it stays as it is.
            if (if is_linear { n_rows } else { n_cols }) > 1 {
                let mut other = random;
                let last = other.len() - 1;
                let largest = other.data().iter().fold(0f32, |a, x| a.max(x.abs()));
                other.data_mut()[last] = largest * 0.123_456;
                prop_assert!(as_whole_numbers(name, &other).unwrap().is_none());
            }
        }
    }

    #[test]
    fn a_model_that_the_page_cannot_run_is_refused() {
        let tokenizer = Tokenizer::learn("", 257).unwrap();
        let model = Gpt2::random(&Config::new(257, 8, 12, 3, 1), &mut Rng::new(1)).unwrap();
        let error = |model: &Gpt2| to_json(model, &tokenizer, "", "", 8).unwrap_err().to_string();
        let untied = Gpt2 { lm_head: Some(Tensor::zeros(&[257, 12]).into()), ..model.clone() };
        assert!(error(&untied).contains("has its own"));
        let mut relative = model.clone();
        relative.config.scale_attn_weights = false;
        assert!(error(&relative).contains("another activation or scale"));
        for x in [65520.0, f32::NAN, f32::NEG_INFINITY] {
            // halfway between 65504 and what would be the next f16
            let mut large = model.clone();
            large.ln_f.bias.data_mut()[3] = x;
            assert!(error(&large).contains("a parameter is"), "{x}");
        }
        let mut packed = model;
        packed.pack(Precision::Int8).unwrap();
        assert!(error(&packed).contains("load the model as f32"));
    }

    #[test]
    fn a_vocabulary_that_the_page_reads_in_another_way_is_refused() {
        let model = Gpt2::random(&Config::new(258, 8, 12, 3, 1), &mut Rng::new(1)).unwrap();
        let error = |tokenizer: &Tokenizer| to_json(&model, tokenizer, "", "", 8).unwrap_err().to_string();
        let bytes = Tokenizer::learn("", 257).unwrap();
        assert!(to_json(&model, &bytes, "", "", 8).is_ok()); // a row that no token needs does no harm
        let speaker = bytes.clone().with_added(vec![AddedToken::special(257, "<speaker>")]).unwrap();
        assert!(error(&speaker).contains("no added tokens, and this vocabulary has \"<speaker>\""));
        let larger = Tokenizer::learn("the the the", 259).unwrap();
        assert!(error(&larger).contains("more tokens than the model"));
        let without = |left_out: &str| {
            let vocab: Vec<(String, u32)> = bytes.vocab().into_iter().filter(|(token, _)| token != left_out).collect();
            Tokenizer::from_vocab(&vocab, &[]).unwrap()
        };
        assert!(error(&without(END_OF_TEXT)).contains("does not have it"));
        assert!(error(&without("x")).contains("none for 0x78"));
    }
}
