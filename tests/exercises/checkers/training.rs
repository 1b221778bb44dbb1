//! Training.

use crate::check::{Answer, Exercise, Mistake, Part, numbers, tensor};
use crate::exercises;
use crate::exercises::adamw::AdamW;
use crate::exercises::parts::library_adamw;
use gpt60::layers::linear::Linear;
use gpt60::train::{loss, schedule::Schedule};
use gpt60::{Result, Rng, Tensor, argmax};

pub struct Input {
    linear: Linear,
    ids: Vec<u32>,
    schedule: Schedule,
    /// The words of the vocabulary, if the text has to be learned by heart.
    words: Vec<&'static str>,
}

/// No word occurs twice: after each, the next is certain.
const SENTENCE: &str = "A fox that lived by some old pond saw her own moon in the water";

/// The mean loss of a model that knows the sentence. A model that knows nothing has `ln(15) = 2.7`.
const BY_HEART: f32 = 0.1;

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "training",
        inputs,
        describe: |i| {
            let (n_vocab, Schedule { peak, warmup, steps }) = (i.linear.bias.len(), &i.schedule);
            let text = if i.words.is_empty() { format!("the ids {:?}", i.ids) } else { "a sentence".to_string() };
            format!("a vocabulary of {n_vocab}, {text}, and a schedule of peak {peak}, warmup {warmup}, steps {steps}")
        },
        stub: |i| run(i, exercises::training::train),
        library: |i| run(i, |linear, ids, schedule| Toy::default().train(linear, ids, schedule)),
        tolerance: 1e-4,
        mistakes: vec![
            Mistake {
                when: "the gradient is not set to zero at every step, and sums up all steps so far",
                answer: |i| toy(i, Toy { keep_grad: true, ..Toy::default() }),
            },
            Mistake {
                when: "AdamW is made again at every step, and forgets its averages",
                answer: |i| toy(i, Toy { forget: true, ..Toy::default() }),
            },
            Mistake {
                when: "the sign of the gradient is changed: the update already goes against the gradient",
                answer: |i| toy(i, Toy { weight: |_| -1.0, ..Toy::default() }),
            },
            Mistake { when: WEIGHT, answer: |i| toy(i, Toy { weight: |n_tok| n_tok as f32, ..Toy::default() }) },
            Mistake { when: WEIGHT, answer: |i| toy(i, Toy { weight: |_| 2.0, ..Toy::default() }) },
            Mistake {
                when: "the parameters are moved by the gradient times the learning rate: that is plain descent, not AdamW",
                answer: |i| toy(i, Toy { descend: true, ..Toy::default() }),
            },
            Mistake {
                when: "W is updated twice at every step",
                answer: |i| toy(i, Toy { updates_of_weight: 2, ..Toy::default() }),
            },
            Mistake {
                when: "every step reads one lesson only: it should read all of them",
                answer: |i| toy(i, Toy { in_turn: true, ..Toy::default() }),
            },
            Mistake {
                when: "the last lesson is left out: a text of n tokens has n - 1",
                answer: |i| {
                    let without_last = |ids: &[u32]| {
                        let n = (ids.len() - 2).max(1);
                        (ids[..n].to_vec(), ids[1..n + 1].to_vec())
                    };
                    toy(i, Toy { lessons: without_last, ..Toy::default() })
                },
            },
            Mistake {
                when: "equal lessons are read once: what occurs often counts often",
                answer: |i| {
                    let different = |ids: &[u32]| {
                        let mut pairs: Vec<[u32; 2]> = ids.windows(2).map(|pair| [pair[0], pair[1]]).collect();
                        pairs.sort();
                        pairs.dedup();
                        pairs.into_iter().map(|[input, target]| (input, target)).unzip()
                    };
                    toy(i, Toy { lessons: different, ..Toy::default() })
                },
            },
            Mistake {
                when: "the targets are inputs, too: each token but the last is an input",
                answer: |i| toy(i, Toy { lessons: |ids| (ids[1..].to_vec(), ids[1..].to_vec()), ..Toy::default() }),
            },
            Mistake {
                when: "the id itself is the input, as a number: one-hot is a 1 in the column of the token",
                answer: |i| toy(i, Toy { write: |row, id| row[0] = id as f32, ..Toy::default() }),
            },
            Mistake {
                when: "the inputs are 1 in all columns, whatever the token",
                answer: |i| toy(i, Toy { write: |row, _| row.fill(1.0), ..Toy::default() }),
            },
            Mistake {
                when: "the model begins with zeros, instead of what `linear` holds",
                answer: |i| {
                    run(i, |linear, ids, schedule| {
                        *linear = Linear::zeros(linear.bias.len(), linear.bias.len());
                        Toy::default().train(linear, ids, schedule)
                    })
                },
            },
            Mistake {
                when: "the targets are not moved by one: each token has to predict itself",
                answer: |i| toy(i, Toy { lessons: |ids| (inputs_of(ids), inputs_of(ids)), ..Toy::default() }),
            },
            Mistake {
                when: "inputs and targets are swapped: each token has to predict the one before it",
                answer: |i| toy(i, Toy { lessons: |ids| (ids[1..].to_vec(), inputs_of(ids)), ..Toy::default() }),
            },
            Mistake {
                when: "the last token is an input too, with the first as its target",
                answer: |i| {
                    let around = |ids: &[u32]| (ids.to_vec(), [&ids[1..], &ids[..1]].concat());
                    toy(i, Toy { lessons: around, ..Toy::default() })
                },
            },
            Mistake {
                when: "only the bias is trained: W is never updated",
                answer: |i| toy(i, Toy { updates_of_weight: 0, ..Toy::default() }),
            },
            Mistake {
                when: "only W is trained: the bias is never updated",
                answer: |i| toy(i, Toy { train_bias: false, ..Toy::default() }),
            },
            Mistake {
                when: "nothing is updated: the losses are computed, and nothing is learned",
                answer: |i| toy(i, Toy { updates_of_weight: 0, train_bias: false, ..Toy::default() }),
            },
            Mistake {
                when: "a copy of the model is trained, and `linear` itself stays as it was",
                answer: |i| run(i, |linear, ids, schedule| Toy::default().train(&mut linear.clone(), ids, schedule)),
            },
            Mistake { when: "the bias decays too", answer: |i| toy(i, Toy { decay_of_bias: 0.1, ..Toy::default() }) },
            Mistake {
                when: "the two decays are swapped: W decays by 0.1, and the bias does not",
                answer: |i| toy(i, Toy { decay_of_weight: 0.0, decay_of_bias: 0.1, ..Toy::default() }),
            },
            Mistake {
                when: "W decays by 0.01, which is usual elsewhere: here it is 0.1",
                answer: |i| toy(i, Toy { decay_of_weight: 0.01, ..Toy::default() }),
            },
            Mistake { when: "W does not decay", answer: |i| toy(i, Toy { decay_of_weight: 0.0, ..Toy::default() }) },
            Mistake {
                when: "the learning rate is the peak at every step, instead of the schedule's",
                answer: |i| toy(i, Toy { rate: |schedule, _| schedule.peak, ..Toy::default() }),
            },
            Mistake {
                when: "the schedule is asked for the step after: the first step is step 0",
                answer: |i| toy(i, Toy { rate: |schedule, step| schedule.rate(step + 1), ..Toy::default() }),
            },
            Mistake {
                when: "the losses are sums over the tokens, instead of means",
                answer: |i| {
                    run(i, |linear, ids, schedule| {
                        let losses = Toy::default().train(linear, ids, schedule)?;
                        Ok(losses.iter().map(|loss| loss * (ids.len() - 1) as f32).collect())
                    })
                },
            },
            Mistake {
                when: "the perplexity is returned, which is e to the power of the loss",
                answer: |i| {
                    run(i, |linear, ids, schedule| {
                        let losses = Toy::default().train(linear, ids, schedule)?;
                        Ok(losses.into_iter().map(f32::exp).collect())
                    })
                },
            },
            Mistake {
                when: "the loss is measured after the update, instead of before",
                answer: |i| {
                    run(i, |linear, ids, schedule| {
                        let mut losses = Toy::default().train(linear, ids, schedule)?;
                        let again = Schedule { steps: 1, ..*schedule };
                        losses.extend(Toy::default().train(&mut linear.clone(), ids, &again)?);
                        losses.remove(0);
                        Ok(losses)
                    })
                },
            },
        ],
    }
}

const WEIGHT: &str = "the gradient has another weight than 1: it is that of the mean, not of the sum";

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let mut input = |ids: &[u32], n_vocab: usize, peak: f32, warmup: u64, steps: u64| {
        let weight = Tensor::random(&[n_vocab, n_vocab], 1.0, &mut rng);
        let linear = Linear { weight: weight.into(), bias: Tensor::random(&[n_vocab], 1.0, &mut rng) };
        Input { linear, ids: ids.to_vec(), schedule: Schedule { peak, warmup, steps }, words: Vec::new() }
    };
    let one_step = input(&[2, 0, 2, 1, 2, 2, 0], 4, 0.3, 2, 1);
    let two_steps = input(&[4, 1, 1, 0], 5, 0.3, 0, 2);
    let five_steps = input(&[2, 0, 1, 1, 0, 2, 2, 1, 0], 3, 0.2, 3, 5);

    let words: Vec<&str> = SENTENCE.split(' ').collect();
    let n_vocab = words.len();
    // The words' ids are not in the order of the sentence: 0, 4, 8, 12, 1, 5, ... (4 and 15 have no common divisor).
    let ids: Vec<u32> = (0..n_vocab).map(|i| (4 * i % n_vocab) as u32).collect();
    let mut vocabulary = vec![""; n_vocab];
    ids.iter().zip(&words).for_each(|(&id, word)| vocabulary[id as usize] = word);
    let by_heart = input(&ids, n_vocab, 0.5, 5, 40);
    let worked = Input { linear: Linear::zeros(2, 2), ..input(&[0, 1], 2, 0.1, 0, 2) };
    // AdamW makes up for the size of a gradient, but not of one as small as its epsilon. Here token 3 is so unlikely.
    let mut tiny = input(&[0, 1, 2, 0, 2, 1, 1], 4, 0.3, 0, 2);
    tiny.linear.bias.data_mut()[3] = -17.0;
    vec![worked, one_step, two_steps, five_steps, tiny, Input { words: vocabulary, ..by_heart }]
}

fn run(input: &Input, train: fn(&mut Linear, &[u32], &Schedule) -> Result<Vec<f32>>) -> Answer {
    let mut linear = input.linear.clone();
    answer(input, train(&mut linear, &input.ids, &input.schedule), &linear)
}

fn toy(input: &Input, toy: Toy) -> Answer {
    let mut linear = input.linear.clone();
    let losses = toy.train(&mut linear, &input.ids, &input.schedule);
    answer(input, losses, &linear)
}

/// After a few steps, every number is compared. After many, rounding has added up: then the model only has to know its
/// text.
fn answer(input: &Input, losses: Result<Vec<f32>>, linear: &Linear) -> Answer {
    crate::check::attempt(losses, |losses| {
        if input.words.is_empty() {
            let (weight, bias) = (tensor(linear.weight.tensor().unwrap()), tensor(&linear.bias));
            return vec![("the losses", numbers(&losses)), ("linear.weight", weight), ("linear.bias", bias)];
        }
        let last = losses.last().copied().unwrap_or(f32::NAN);
        let verdict = if last < BY_HEART { "below" } else { "not below" };
        vec![
            ("the number of losses", Part::Integers(vec![losses.len() as i64])),
            ("the last loss", Part::Text(format!("{verdict} {BY_HEART}"))),
            ("what the trained model writes", Part::Text(write(linear, input))),
        ]
    })
}

/// The number of words in the sentence, from its first one on, always the likeliest.
fn write(linear: &Linear, input: &Input) -> String {
    let mut id = input.ids[0] as usize;
    let mut words = vec![input.words[id]];
    while words.len() < input.ids.len() {
        let logits = linear.weight.tensor().unwrap().row(id).iter().zip(linear.bias.data()).map(|(w, b)| w + b);
        id = argmax(&logits.collect::<Vec<f32>>()).unwrap_or(0);
        words.push(input.words[id]);
    }
    words.join(" ")
}

/// Inputs and targets.
type Lessons = (Vec<u32>, Vec<u32>);

/// The training, with everything that can go wrong.
struct Toy {
    lessons: fn(&[u32]) -> Lessons,
    /// Writes a token into a row of zeros.
    write: fn(&mut [f32], u32),
    rate: fn(&Schedule, u64) -> f32,
    /// The weight of the gradient, for a number of tokens.
    weight: fn(usize) -> f32,
    updates_of_weight: usize,
    train_bias: bool,
    /// Without AdamW.
    descend: bool,
    /// One lesson in each step.
    in_turn: bool,
    decay_of_weight: f32,
    decay_of_bias: f32,
    /// The gradient is not set to zero.
    keep_grad: bool,
    /// AdamW starts again.
    forget: bool,
}

impl Default for Toy {
    fn default() -> Toy {
        Toy {
            lessons: |ids| (inputs_of(ids), ids[1..].to_vec()),
            write: |row, id| row[id as usize] = 1.0,
            rate: Schedule::rate,
            weight: |_| 1.0,
            updates_of_weight: 1,
            train_bias: true,
            descend: false,
            in_turn: false,
            decay_of_weight: 0.1,
            decay_of_bias: 0.0,
            keep_grad: false,
            forget: false,
        }
    }
}

impl Toy {
    fn train(&self, linear: &mut Linear, ids: &[u32], schedule: &Schedule) -> Result<Vec<f32>> {
        let n_vocab = linear.bias.len();
        let (inputs, targets) = (self.lessons)(ids);
        let mut x = Tensor::zeros(&[inputs.len(), n_vocab]);
        for (t, &id) in inputs.iter().enumerate() {
            (self.write)(x.row_mut(t), id);
        }
        let optimizers =
            || (AdamW::new(n_vocab * n_vocab, self.decay_of_weight), AdamW::new(n_vocab, self.decay_of_bias));
        let (mut of_weight, mut of_bias) = optimizers();
        let mut grad = Linear::zeros(n_vocab, n_vocab);
        let mut losses = Vec::new();
        for step in 0..schedule.steps {
            let rows = match step as usize % targets.len() {
                t if self.in_turn => t..t + 1,
                _ => 0..targets.len(),
            };
            let (x, targets) = (x.take_rows(&rows.clone().collect::<Vec<usize>>())?, &targets[rows]);
            let (loss, d_logits) = loss::cross_entropy_and_gradient(linear.forward(&x)?, targets, 1.0)?;
            losses.push(loss as f32);
            if !self.keep_grad {
                grad = Linear::zeros(n_vocab, n_vocab);
            }
            linear.backward(&x, &d_logits.scale((self.weight)(targets.len())), &mut grad)?;
            if self.forget {
                (of_weight, of_bias) = optimizers();
            }
            let lr = (self.rate)(schedule, step);
            let update = |adamw: &mut AdamW, p: &mut [f32], g: &[f32]| {
                if self.descend {
                    p.iter_mut().zip(g).for_each(|(p, g)| *p -= lr * g);
                } else {
                    library_adamw(adamw, p, g, lr);
                }
            };
            for _ in 0..self.updates_of_weight {
                update(&mut of_weight, linear.weight.tensor_mut()?.data_mut(), grad.weight.tensor()?.data());
            }
            if self.train_bias {
                update(&mut of_bias, linear.bias.data_mut(), grad.bias.data());
            }
        }
        Ok(losses)
    }
}

fn inputs_of(ids: &[u32]) -> Vec<u32> {
    ids[..ids.len() - 1].to_vec()
}
