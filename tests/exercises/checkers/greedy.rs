//! Greedy choice.

use crate::check::{Answer, Exercise, Mistake, attempt, ids, one};
use crate::exercises;
use gpt60::{Config, Gpt2, Result, Rng, Tensor, argmax, generate};

#[derive(Clone)]
pub struct Input {
    model: Gpt2,
    prompt: Vec<u32>,
    n_tokens: usize,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "greedy",
        inputs,
        describe: |i| format!("the prompt {:?} and n_tokens {}", i.prompt, i.n_tokens),
        stub: |i| answer(exercises::greedy::greedy(&i.model, &i.prompt, i.n_tokens)),
        library: |i| {
            answer(generate::greedy(&i.model, &i.prompt, &[]).and_then(|tokens| tokens.take(i.n_tokens).collect()))
        },
        tolerance: 0.0,
        mistakes: vec![
            Mistake {
                when: "the prompt is returned with the new ids",
                answer: |i| answer(write(i, last, Vec::push).map(|(text, _)| text)),
            },
            Mistake {
                // Whoever reads the row of the prompt's last token in a text that grows gets the same numbers.
                when: "the same guess is read again and again: either the new token is not put at the end of the text, or the \
                       row that is read is not the last one of the text as it is now",
                answer: |i| written(i, last, |_, _| {}),
            },
            Mistake {
                when: "only the last token is given to the model: it needs the whole text, from the prompt on",
                answer: |i| {
                    let token_alone = Input { prompt: i.prompt[i.prompt.len() - 1..].to_vec(), ..i.clone() };
                    written(&token_alone, last, |text, id| *text = vec![id])
                },
            },
            Mistake {
                when: "the place among the logits of all rows is taken for an id: look at the last row alone",
                answer: |i| written(i, |logits| logits.argmax(), Vec::push),
            },
            Mistake { when: BEGINS, answer: |i| written(i, |l| largest_from(l, 0.0), Vec::push) },
            Mistake { when: BEGINS, answer: |i| written(i, |l| largest_from(l, -1000.0), Vec::push) },
            Mistake {
                when: "it stops when token 0 comes: all n_tokens are to be written, whichever they are",
                answer: |i| {
                    let end_of = |new: &[u32]| new.iter().position(|&id| id == 0);
                    turned(i, |new| new[..end_of(&new).unwrap_or(new.len())].to_vec())
                },
            },
            Mistake {
                when: "it stops after token 0: all n_tokens are to be written, whichever they are",
                answer: |i| {
                    let end_of = |new: &[u32]| new.iter().position(|&id| id == 0).map(|end| end + 1);
                    turned(i, |new| new[..end_of(&new).unwrap_or(new.len())].to_vec())
                },
            },
            Mistake { when: "one token too few is written", answer: |i| so_many(i, i.n_tokens.saturating_sub(1)) },
            Mistake {
                when: "n_tokens counts the prompt, too: it is the number of new tokens",
                answer: |i| so_many(i, i.n_tokens.saturating_sub(i.prompt.len())),
            },
            Mistake {
                when: "at least one token is written: n_tokens may be 0",
                answer: |i| so_many(i, i.n_tokens.max(1)),
            },
            Mistake {
                when: "the first row of the logits is read, not the last",
                answer: |i| written(i, |logits| argmax(logits.row(0)), Vec::push),
            },
            Mistake {
                when: "the largest of all rows' logits is taken: only the last row belongs to the end of the text",
                answer: |i| {
                    let of_all = |logits: &Tensor| logits.argmax().map(|place| place % logits.n_cols());
                    written(i, of_all, Vec::push)
                },
            },
            Mistake {
                when: "the smallest logit is taken, not the largest",
                answer: |i| {
                    let smallest = |logits: &Tensor| argmax(logits.scale(-1.0).row(logits.n_rows() - 1));
                    written(i, smallest, Vec::push)
                },
            },
            Mistake {
                when: "among equal scores, the last one is taken: it must be the one with the smallest id",
                answer: |i| {
                    let last_of_equals = |logits: &Tensor| {
                        let row = logits.row(logits.n_rows() - 1);
                        (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]))
                    };
                    written(i, last_of_equals, Vec::push)
                },
            },
            Mistake { when: FRONT, answer: |i| written(i, last, |text, id| text.insert(0, id)) },
            Mistake {
                when: FRONT,
                answer: |i| {
                    let (n, text) = (i.n_tokens, write(i, last, |text, id| text.insert(0, id)));
                    answer(text.map(|(text, _)| text[..n].to_vec()))
                },
            },
            Mistake {
                when: "after the prompt, the model is only given the newest token: it needs the whole text",
                answer: |i| written(i, last, |text, id| *text = vec![id]),
            },
            Mistake { when: "one token too many is written", answer: |i| so_many(i, i.n_tokens + 1) },
            Mistake {
                when: "the new ids are cut to fewer bits: an id is a u32",
                answer: |i| turned(i, |new| new.iter().map(|&id| u32::from(id as u16)).collect()),
            },
            Mistake {
                when: "an error of the model ends the text, where it is to be returned",
                answer: |i| answer(write(i, last, Vec::push).map(|(_, new)| new).or_else(|_| Ok(Vec::new()))),
            },
            Mistake {
                when: "only as many tokens as the model can read are given to it, the last ones: more are an error",
                answer: |i| {
                    let start = i.prompt.len().saturating_sub(i.model.config.n_ctx);
                    written(&Input { prompt: i.prompt[start..].to_vec(), ..i.clone() }, last, |text, id| {
                        text.push(id);
                        if text.len() > N_CTX {
                            text.remove(0);
                        }
                    })
                },
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    // Without the last bias, which would favour the same token everywhere. (Among several seeds, these are two whose texts
    // vary.)
    let random = |seed: u64, wpe: f32| {
        let mut rng = Rng::new(seed);
        let mut model = Gpt2::zeros(&Config::new(9, N_CTX, 8, 2, 2)).unwrap();
        for (_, tensor) in model.parameters_mut().unwrap() {
            *tensor = Tensor::random(tensor.shape(), 0.9, &mut rng);
        }
        model.ln_f.bias = Tensor::zeros(&[8]);
        model.ln_f.weight = Tensor::full(&[8], 1.0);
        model.wpe = model.wpe.scale(wpe);
        model
    };
    let model = random(10, 4.0); // positions matter much
    let tokens = random(11, 1.0); // tokens matter as much; it writes token 0 in the middle of a text
    // A model in which tokens 0 and 1, 2 and 3, ... have the same vectors: all scores come in pairs.
    let mut twins = model.clone();
    twins.wte = twins.wte.take_rows(&[0, 0, 2, 2, 4, 4, 6, 6, 8]).unwrap().into();
    // A model whose logits are all below -1000, as GPT-2's are below 0: a part of its last vectors is the same everywhere.
    let mut below = model.clone();
    (0..9).for_each(|id| below.wte.tensor_mut().unwrap().row_mut(id)[0] = 1.0);
    below.ln_f.weight.data_mut()[0] = 0.0;
    below.ln_f.bias.data_mut()[0] = -3000.0;
    // A model of many tokens, of which it only ever writes the one whose last 16 bits are a 5.
    let mut many = Gpt2::zeros(&Config::new(65_600, N_CTX, 1, 1, 1)).unwrap();
    many.ln_f.bias = Tensor::full(&[1], 1.0);
    many.wte.tensor_mut().unwrap().row_mut(65_541).fill(1.0);
    let input =
        |model: &Gpt2, prompt: &[u32], n_tokens| Input { model: model.clone(), prompt: prompt.to_vec(), n_tokens };
    vec![
        input(&model, &[3, 1], 5),
        input(&model, &[7], 1),
        input(&model, &[0, 8, 2, 5], 7),
        input(&twins, &[4, 2, 6], 6),
        input(&model, &[5, 5], 0),
        input(&below, &[6, 4], 5),
        input(&tokens, &[6, 4], 6),
        input(&many, &[1], 1),
        // A prompt that is too long for the model.
        input(&tokens, &[6, 4, 0, 1, 2, 3, 5, 7, 8, 6, 4, 0, 1], 2),
    ]
}

/// How many tokens each model can read.
const N_CTX: usize = 12;

const FRONT: &str = "the new token is put in front of the text";

const BEGINS: &str = "the search for the largest logit begins at a number such as 0: all of them may be below it";

/// The largest of the last row, searched from this number and token 0 on.
fn largest_from(logits: &Tensor, from: f32) -> Option<usize> {
    let (mut best, mut id) = (from, 0);
    for (i, &x) in logits.row(logits.n_rows() - 1).iter().enumerate() {
        if x > best {
            (best, id) = (x, i);
        }
    }
    Some(id)
}

fn answer(result: Result<Vec<u32>>) -> Answer {
    attempt(result, |new| one(ids(&new)))
}

fn last(logits: &Tensor) -> Option<usize> {
    argmax(logits.row(logits.n_rows() - 1))
}

/// The new ids of [`write`].
fn written(input: &Input, choose: impl Fn(&Tensor) -> Option<usize>, go_on: fn(&mut Vec<u32>, u32)) -> Answer {
    answer(write(input, choose, go_on).map(|(_, new)| new))
}

/// The right ids, but another number of them.
fn so_many(input: &Input, n_tokens: usize) -> Answer {
    written(&Input { n_tokens, ..input.clone() }, last, Vec::push)
}

/// The right ids, and then what `f` makes of them.
fn turned(input: &Input, f: impl Fn(Vec<u32>) -> Vec<u32>) -> Answer {
    answer(write(input, last, Vec::push).map(|(_, new)| f(new)))
}

/// Writes with another choice, or continues another text: the text at the end, and the new ids.
fn write(
    input: &Input,
    choose: impl Fn(&Tensor) -> Option<usize>,
    go_on: fn(&mut Vec<u32>, u32),
) -> Result<(Vec<u32>, Vec<u32>)> {
    let (mut text, mut new) = (input.prompt.clone(), Vec::new());
    for _ in 0..input.n_tokens {
        let id = choose(&input.model.logits(&text)?).unwrap_or(0) as u32;
        new.push(id);
        go_on(&mut text, id);
    }
    Ok((text, new))
}
