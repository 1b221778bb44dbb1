//! What a function answers, in a form that can be compared and shown.

/// One result of a function.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A tensor, or a number: its shape and its numbers.
    Numbers(Vec<usize>, Vec<f32>),
    /// Token ids, counts, or anything else that must be exact.
    Integers(Vec<i64>),
    /// Text.
    Text(String),
    /// Pieces of text.
    Texts(Vec<String>),
    /// A function that may fail has failed; the message may be anything.
    Error(String),
    /// Two calls with the same input gave these two different answers. See [`repeated`].
    Varying(String, String),
}

/// All results of a function, each with a name (empty if there is only one).
pub type Answer = Vec<(&'static str, Part)>;

/// A tensor as an answer.
pub fn tensor(x: &gpt60::Tensor) -> Part {
    Part::Numbers(x.shape().to_vec(), x.data().to_vec())
}

/// A list of numbers as an answer.
pub fn numbers(x: &[f32]) -> Part {
    Part::Numbers(vec![x.len()], x.to_vec())
}

/// A single number as an answer.
pub fn number(x: f32) -> Part {
    Part::Numbers(Vec::new(), vec![x])
}

/// Token ids as an answer.
pub fn ids(ids: &[u32]) -> Part {
    Part::Integers(ids.iter().map(|&id| i64::from(id)).collect())
}

/// The answer of a function with one result.
pub fn one(part: Part) -> Answer {
    vec![("", part)]
}

/// The answer of a function that may fail.
pub fn attempt<T>(result: gpt60::Result<T>, answer: impl FnOnce(T) -> Answer) -> Answer {
    match result {
        Ok(value) => answer(value),
        Err(error) => one(Part::Error(error.to_string())),
    }
}

/// How often [`repeated`] calls. With 20 equal candidates, the chance that luck picks the same one each time is 1 in 20^7.
const N_CALLS: usize = 8;

/// The answer of a function that is called several times with the same input, and must answer the same each time.
///
/// A `HashMap` has its own order in every new map. A function that depends on it is right now and then.
pub fn repeated(call: impl Fn() -> Answer) -> Answer {
    let first = call();
    match (1..N_CALLS).map(|_| call()).find(|other| *other != first) {
        Some(other) => one(Part::Varying(words(&first), words(&other))),
        None => first,
    }
}

fn words(answer: &Answer) -> String {
    let parts = answer.iter().map(|(_, part)| match part {
        Part::Text(text) => text.clone(),
        Part::Integers(list) => format!("{list:?}"),
        other => format!("{other:?}"),
    });
    parts.collect::<Vec<_>>().join(", ")
}
