//! Greedy choice.

use crate::check::{Answer, Exercise, Mistake, attempt, ids, one};
use crate::exercises;
use gpt60::{Config, Gpt2, Result, Rng, Tensor, argmax, generate};

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
                answer: |i| answer(write(i, last, |text, id| text.push(id)).map(|(text, _)| text)),
            },
            Mistake {
                when: "the new token is not put at the end of the text: the model is asked the same question again and again",
                answer: |i| answer(write(i, last, |_, _| {}).map(|(_, new)| new)),
            },
            Mistake {
                when: "the first row of the logits is read, not the last",
                answer: |i| {
                    answer(write(i, |logits| argmax(logits.row(0)), |text, id| text.push(id)).map(|(_, new)| new))
                },
            },
            Mistake {
                when: "the largest of all rows' logits is taken: only the last row belongs to the end of the text",
                answer: |i| {
                    let of_all = |logits: &Tensor| logits.argmax().map(|place| place % logits.n_cols());
                    answer(write(i, of_all, |text, id| text.push(id)).map(|(_, new)| new))
                },
            },
            Mistake {
                when: "the smallest logit is taken, not the largest",
                answer: |i| {
                    let smallest = |logits: &Tensor| argmax(logits.scale(-1.0).row(logits.n_rows() - 1));
                    answer(write(i, smallest, |text, id| text.push(id)).map(|(_, new)| new))
                },
            },
            Mistake {
                when: "among equal scores, the last one is taken: it must be the one with the smallest id",
                answer: |i| {
                    let last_of_equals = |logits: &Tensor| {
                        let row = logits.row(logits.n_rows() - 1);
                        (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]))
                    };
                    answer(write(i, last_of_equals, |text, id| text.push(id)).map(|(_, new)| new))
                },
            },
            Mistake {
                when: "the new token is put in front of the text",
                answer: |i| answer(write(i, last, |text, id| text.insert(0, id)).map(|(_, new)| new)),
            },
            Mistake {
                when: "the model only reads the newest token: it needs the whole text",
                answer: |i| answer(write(i, last, |text, id| *text = vec![id]).map(|(_, new)| new)),
            },
            Mistake {
                when: "one token too many is written",
                answer: |i| {
                    let more = Input { model: i.model.clone(), prompt: i.prompt.clone(), n_tokens: i.n_tokens + 1 };
                    answer(write(&more, last, |text, id| text.push(id)).map(|(_, new)| new))
                },
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(10);
    let mut model = Gpt2::zeros(&Config::new(9, 12, 8, 2, 2)).unwrap();
    for (_, tensor) in model.parameters_mut().unwrap() {
        *tensor = Tensor::random(tensor.shape(), 0.9, &mut rng);
    }
    // Without the last bias, which would favour the same token everywhere; and with positions that matter. (Among
    // several seeds, this is one whose texts vary.)
    model.ln_f.bias = Tensor::zeros(&[8]);
    model.ln_f.weight = Tensor::full(&[8], 1.0);
    model.wpe = model.wpe.scale(4.0);
    // A model in which tokens 0 and 1, 2 and 3, ... have the same vectors: all scores come in pairs.
    let mut twins = model.clone();
    twins.wte = twins.wte.take_rows(&[0, 0, 2, 2, 4, 4, 6, 6, 8]).unwrap().into();
    let input =
        |model: &Gpt2, prompt: &[u32], n_tokens| Input { model: model.clone(), prompt: prompt.to_vec(), n_tokens };
    vec![
        input(&model, &[3, 1], 5),
        input(&model, &[7], 1),
        input(&model, &[0, 8, 2, 5], 7),
        input(&twins, &[4, 2, 6], 6),
        input(&model, &[5, 5], 0),
    ]
}

fn answer(result: Result<Vec<u32>>) -> Answer {
    attempt(result, |new| one(ids(&new)))
}

fn last(logits: &Tensor) -> Option<usize> {
    argmax(logits.row(logits.n_rows() - 1))
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
