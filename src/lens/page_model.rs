//! A whole model as text that a web page can carry: one JSON object.
//!
//! The live page of `explore` runs the model itself, on whatever you type. So it needs what a checkpoint has: the
//! sizes, every parameter, and the vocabulary with its merges. The parameters are one long list of `f16` in base64, and
//! `parameters` gives their order and their shapes. The storybook's parameters are `f16` to begin with, so the page
//! computes with exactly the numbers of `storybook::load`.
//!
//! Like that of [`page_data`](super::page_data), the text is safe in a page.
//!
//! [Chapter 15](crate::book::ch15_looking_inside) explains it.

use super::base64::encode_f16;
use super::page_data::{object, vocabulary};
use crate::checkpoint::Json;
use crate::float16::F16;
use crate::tokenizer::{END_OF_TEXT, Tokenizer};
use crate::{Error, Gpt2, Result};
use std::collections::HashMap;

/// The model and its vocabulary for a page. `name` is the model's name, and `prompt` is what the page shows first. Of a
/// longer text, it shows the last `most_tokens`, or the last `n_ctx` if these are fewer.
///
/// Parameters that are not `f16` numbers are rounded to the nearest.
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
/// let data = page_model::to_json(&model, &tokenizer, "tiny", "the </hat>", 64)?;
/// assert!(!data.contains('<'));
/// let data = Json::parse(&data)?;
/// assert_eq!(data.get("prompt").unwrap().as_str(), Some("the </hat>"));
/// assert_eq!(data.get("parameters").unwrap().as_array().unwrap()[1].to_string(), r#"["wpe.weight",8,12]"#);
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn to_json(model: &Gpt2, tokenizer: &Tokenizer, name: &str, prompt: &str, most_tokens: usize) -> Result<String> {
    if model.lm_head.is_some() {
        return Err(Error::argument("page_model", "the page runs models whose head is wte; this one has its own"));
    }
    let config = &model.config;
    if !config.is_gpt2() {
        let problem = "the page runs GPT-2's own computation; this model has another activation or scale of attention";
        return Err(Error::argument("page_model", problem));
    }
    check_vocabulary(tokenizer, config.n_vocab)?;
    let mut numbers = Vec::with_capacity(model.n_parameters());
    let mut parameters = Vec::new();
    for (name, tensor) in model.parameters()? {
        numbers.extend_from_slice(tensor.data());
        let shape = tensor.shape().iter().map(|&n| n.into());
        parameters.push(Json::Array([name.as_str().into()].into_iter().chain(shape).collect()));
    }
    if let Some(x) = numbers.iter().find(|&&x| !F16::nearest(x).value().is_finite()) {
        let problem = format!("a parameter is {x}, and the page's numbers are f16, which end at 65504");
        return Err(Error::argument("page_model", problem));
    }
    let ids: HashMap<String, u32> = tokenizer.vocab().into_iter().collect();
    let merge = |(left, right): (String, String)| {
        let result = format!("{left}{right}");
        Json::Array([left, right, result].iter().map(|token| ids[token].into()).collect())
    };
    Ok(object(
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
            ("weights", encode_f16(&numbers).as_str().into()),
        ],
    ))
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
    use crate::{Config, Rng, Tensor};

    #[test]
    fn a_page_shows_no_more_than_its_model_can_look_at() {
        let tokenizer = Tokenizer::learn("", 257).unwrap();
        let model = Gpt2::random(&Config::new(257, 8, 12, 3, 1), &mut Rng::new(1)).unwrap();
        for (wanted, shown) in [(5, 5), (64, 8)] {
            let data = Json::parse(&to_json(&model, &tokenizer, "", "", wanted).unwrap()).unwrap();
            assert_eq!(data.get("most_tokens").unwrap().as_usize(), Some(shown));
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
