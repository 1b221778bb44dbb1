//! A trace as text that a web page can carry: one JSON object.
//!
//! The page's program reads the object and draws it. Two things decide how it is written:
//!
//! * **Size.** A page about 32 tokens of the smallest GPT-2 holds 3.7 million numbers. They are `f16` in base64, less
//!   than three letters each; what the page can work out for itself (the stream, the masked and scaled scores, GELU) is
//!   left out. Only the logits of the last position keep all their digits, because the page computes exact
//!   probabilities from them.
//! * **Safety.** A prompt can be any text, even `</script>`, which would end the page's data there. So every `<` is
//!   written `\u003c`, which means the same in JSON and nothing in HTML.
//!
//! A token can be a fragment: bytes that are not whole characters. Its bytes are then written instead of text, so the
//! page can show them. A token that is not in the vocabulary is `null`.
//!
//! [Chapter 15](crate::book::ch15_looking_inside) explains it.

use super::base64::{encode_f16, encode_f32};
use super::logit_lens::Reading;
use super::trace::{BlockTrace, Trace};
use crate::checkpoint::Json;
use crate::tokenizer::Tokenizer;
use crate::{Activation, Config};

/// The page's data. `name` is the model's name. `n_before` tokens of the prompt came before those of the trace and were
/// left out.
///
/// # Example: a model of 11 tokens, without a vocabulary
///
/// ```
/// use gpt60::checkpoint::Json;
/// use gpt60::lens::{page_data, trace::Trace};
/// use gpt60::{Config, Gpt2, Rng};
///
/// let model = Gpt2::random(&Config::new(11, 8, 12, 3, 2), &mut Rng::new(1))?;
/// let data = page_data::to_json(&Trace::new(&model, &[5, 1, 7])?, None, "</script>", 0);
/// assert!(!data.contains('<'));
/// let data = Json::parse(&data)?;
/// assert_eq!(data.get("ids").unwrap().to_string(), "[5,1,7]");
/// assert_eq!(data.get("name").unwrap().as_str(), Some("</script>"));
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn to_json(trace: &Trace, tokenizer: Option<&Tokenizer>, name: &str, n_before: usize) -> String {
    let config = &trace.config;
    // The page knows GELU as GPT-2 has it. Of any other activation it gets the name and the results.
    let activation = Some(config.activation_function).filter(|&other| other != Activation::GeluNew);
    let activation = activation.map(|other| other.to_string());
    object(
        config,
        [
            ("name", name.into()),
            ("n_before", n_before.into()),
            ("ids", Json::Array(trace.ids.iter().map(|&id| id.into()).collect())),
            ("vocabulary", tokenizer.map_or(Json::Null, |tokenizer| vocabulary(tokenizer, config.n_vocab))),
            ("wte", f16(trace.wte.data())),
            ("wpe", f16(trace.wpe.data())),
            ("activation", activation.as_ref().map_or(Json::Null, |name| name.as_str().into())),
            ("blocks", Json::Array(trace.blocks.iter().map(|b| block(b, activation.is_some())).collect())),
            (
                "lens",
                Json::Array(trace.lens.iter().map(|row| Json::Array(row.iter().map(reading).collect())).collect()),
            ),
            ("probability_of_next", Json::Array(trace.probability_of_next.iter().map(|&p| p.into()).collect())),
            ("logits", encode_f32(&trace.logits).as_str().into()),
        ],
    )
}

/// The sizes of a model and more about it, as the text of one object that is safe in a page: it has no `<` that could
/// begin or end anything there.
pub(super) fn object<const N: usize>(config: &Config, more: [(&str, Json); N]) -> String {
    let sizes = [
        ("n_vocab", config.n_vocab),
        ("n_ctx", config.n_ctx),
        ("n_embd", config.n_embd),
        ("n_head", config.n_head),
        ("n_layer", config.n_layer),
        ("n_inner", config.n_inner),
    ];
    let entries = sizes.map(|(key, size)| (key, size.into())).into_iter().chain(more);
    let data = Json::Object(entries.map(|(key, value)| (key.to_string(), value)).collect());
    data.to_string().replace('<', "\\u003c")
}

/// A token for each row of the model's table, which may have more rows than the vocabulary has tokens.
pub(super) fn vocabulary(tokenizer: &Tokenizer, n_vocab: usize) -> Json {
    Json::Array((0..n_vocab).map(|id| token(tokenizer.token_bytes(id as u32))).collect())
}

/// A token: its text, or its bytes if they are not text, or null if it does not exist.
fn token(bytes: Option<&[u8]>) -> Json {
    match bytes {
        None => Json::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => Json::Array(bytes.iter().map(|&byte| u32::from(byte).into()).collect()),
        },
    }
}

fn block(block: &BlockTrace, with_act: bool) -> Json {
    let act = with_act.then(|| ("act", f16(block.act.data())));
    let entries = [
        ("ln_1", f16(block.ln_1.data())),
        ("q", f16(block.q.data())),
        ("k", f16(block.k.data())),
        ("v", f16(block.v.data())),
        ("scores", f16(block.scores.data())),
        ("attn_out", f16(block.attn_out.data())),
        ("ln_2", f16(block.ln_2.data())),
        ("fc", f16(block.fc.data())),
        ("mlp_out", f16(block.mlp_out.data())),
    ];
    Json::Object(entries.into_iter().chain(act).map(|(key, value)| (key.to_string(), value)).collect())
}

/// A reading as `[rank, id, probability, id, probability, ...]`: a short form, because there are many of them.
fn reading(reading: &Reading) -> Json {
    let guesses = reading.guesses.iter().flat_map(|guess| [guess.id.into(), guess.probability.into()]);
    Json::Array([Json::from(reading.rank_of_answer)].into_iter().chain(guesses).collect())
}

fn f16(numbers: &[f32]) -> Json {
    encode_f16(numbers).as_str().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gpt2, Rng};

    #[test]
    fn a_token_is_text_or_bytes_or_nothing() {
        assert_eq!(token(Some("</script> é\"".as_bytes())).as_str(), Some("</script> é\""));
        assert_eq!(token(Some(b"\xF0\x9F")).to_string(), "[240,159]");
        assert_eq!(token(Some(b"a\xC3")).to_string(), "[97,195]");
        assert_eq!(token(None), Json::Null);
    }

    #[test]
    fn of_a_bend_that_the_page_does_not_know_it_gets_name_and_results() {
        let gpt2 = Config::new(11, 8, 12, 3, 2);
        for activation_function in [Activation::GeluNew, Activation::Relu] {
            let model = Gpt2::random(&Config { activation_function, ..gpt2 }, &mut Rng::new(1)).unwrap();
            let data = to_json(&Trace::new(&model, &[5, 1]).unwrap(), None, "", 0);
            let data = Json::parse(&data).unwrap();
            let act = data.get("blocks").unwrap().as_array().unwrap()[1].get("act");
            match activation_function {
                Activation::GeluNew => assert!(data.get("activation").unwrap().is_null() && act.is_none()),
                // Two rows of 48 numbers of two bytes, four letters for three bytes.
                _ => assert!(act.unwrap().as_str().unwrap().len() == 2 * 48 * 2 / 3 * 4, "{data}"),
            }
        }
    }

    #[test]
    fn a_reading_is_a_flat_list() {
        let guess = |id: u32, probability: f32| super::super::logit_lens::Guess { id, probability };
        let read = Reading { guesses: vec![guess(7, 0.5), guess(2, 0.25)], rank_of_answer: 3 };
        assert_eq!(reading(&read).to_string(), "[3,7,0.5,2,0.25]");
    }
}
