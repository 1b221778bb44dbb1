//! Beam search.

use crate::check::{Answer, Exercise, Mistake, Part, numbers};
use crate::exercises;
use gpt60::Rng;
use std::cmp::Ordering;

/// Log-probabilities for every text, made from a seed; how many tokens there are; prompt, beams and length.
pub struct Input {
    seed: u64,
    n_vocab: usize,
    prompt: Vec<u32>,
    n_beams: usize,
    n_tokens: usize,
}

type Beams = Vec<(f32, Vec<u32>)>;

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "beam_search",
        inputs,
        describe: |i| {
            let Input { n_vocab, prompt, n_beams, n_tokens, .. } = i;
            format!(
                "{n_vocab} tokens in the vocabulary, the prompt {prompt:?}, n_beams {n_beams} and n_tokens {n_tokens}"
            )
        },
        stub: |i| answer(&exercises::beam_search::beam_search(&|text| next(i, text), &i.prompt, i.n_beams, i.n_tokens)),
        library: |i| answer(&search(i, Way::default())),
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "each beam keeps only its own best continuation: all candidates must compete with each other",
                answer: |i| answer(&search(i, Way { own_best: true, ..Way::default() })),
            },
            Mistake {
                when: "a candidate's score is that of its last token alone: the beam's score must be added",
                answer: |i| answer(&search(i, Way { add: |_, new| new, ..Way::default() })),
            },
            Mistake {
                when: "probabilities are multiplied, where logarithms should be added: the product of a text rounds to 0",
                answer: |i| answer(&search(i, Way { add: |old, new| (old.exp() * new.exp()).ln(), ..Way::default() })),
            },
            Mistake {
                when: "the sort does not keep equals in their order: `sort_by` does, `sort_unstable_by` does not",
                answer: |i| answer(&search(i, Way { sort: |c| c.sort_unstable_by(best_first), ..Way::default() })),
            },
            Mistake {
                when: "among equal scores, the one with the smaller ids goes first: it must be the one that was made first, by \
                       beam and then by token",
                answer: |i| {
                    let by_ids = |c: &mut Beams| c.sort_by(|a, b| best_first(a, b).then_with(|| a.1.cmp(&b.1)));
                    answer(&search(i, Way { sort: by_ids, ..Way::default() }))
                },
            },
            Mistake {
                when: "among equal scores, the one that was made last goes first: it must be the one that was made first",
                answer: |i| {
                    let last = |c: &mut Beams| {
                        c.reverse();
                        c.sort_by(best_first);
                    };
                    answer(&search(i, Way { sort: last, ..Way::default() }))
                },
            },
            Mistake {
                when: "among equal scores, the one with the smaller token goes first, and only then the better beam",
                answer: |i| {
                    let by_token = |c: &mut Beams| c.sort_by(|a, b| best_first(a, b).then(a.1.last().cmp(&b.1.last())));
                    answer(&search(i, Way { sort: by_token, ..Way::default() }))
                },
            },
            Mistake {
                when: "of candidates with equal scores only one is kept: they are different texts all the same",
                answer: |i| {
                    let once = |c: &mut Beams| {
                        c.sort_by(best_first);
                        c.dedup_by(|a, b| a.0 == b.0);
                    };
                    answer(&search(i, Way { sort: once, ..Way::default() }))
                },
            },
            Mistake {
                when: MULTIPLIED,
                answer: |i| {
                    let product = |old, new| if old == 0.0 { new } else { old * new };
                    answer(&search(i, Way { add: product, ..Way::default() }))
                },
            },
            Mistake {
                when: MULTIPLIED,
                answer: |i| {
                    let one = |_: &Input| vec![(1.0, Vec::new())];
                    answer(&search(i, Way { start: one, add: |old, new| old * new, ..Way::default() }))
                },
            },
            Mistake {
                when: "the search begins with n_beams empty texts: they are all the same, and so are those made from them",
                answer: |i| answer(&search(i, Way { start: |i| vec![(0.0, Vec::new()); i.n_beams], ..Way::default() })),
            },
            Mistake {
                when: "the new token is put in front of the text: it goes to its end",
                answer: |i| {
                    let in_front = |text: &[u32], id| [&[id], text].concat();
                    answer(&search(i, Way { append: in_front, ..Way::default() }))
                },
            },
            Mistake {
                when: "ids are cut to a type such as u8: a vocabulary may be larger than that",
                answer: |i| {
                    let cut = |text: &[u32], id| [text, &[u32::from(id as u8)]].concat();
                    answer(&search(i, Way { append: cut, ..Way::default() }))
                },
            },
            Mistake {
                when: "the last candidates are not cut down to the best n_beams",
                answer: |i| {
                    let last = i.n_tokens.saturating_sub(1);
                    let beams = search(&Input { n_tokens: last, prompt: i.prompt.clone(), ..*i }, Way::default());
                    answer(&match i.n_tokens {
                        0 => beams,
                        _ => step(i, &Way::default(), beams, last),
                    })
                },
            },
            Mistake {
                when: "only the best beam is returned: the result has all of them",
                answer: |i| answer(&search(i, Way::default()).into_iter().take(1).collect()),
            },
            Mistake {
                when: "the scores are returned as probabilities: a score is the sum of the logarithms",
                answer: |i| {
                    answer(&search(i, Way::default()).into_iter().map(|(score, new)| (score.exp(), new)).collect())
                },
            },
            Mistake {
                when: "nothing is returned where n_tokens is 0: there is one beam then, with nothing written",
                answer: |i| answer(&if i.n_tokens == 0 { Beams::new() } else { search(i, Way::default()) }),
            },
            Mistake {
                when: "the candidates with the lowest scores are kept: the sort runs the wrong way",
                answer: |i| {
                    answer(&search(i, Way { sort: |c| c.sort_by(|a, b| a.0.total_cmp(&b.0)), ..Way::default() }))
                },
            },
            Mistake {
                when: "the prompt is returned with the new ids",
                answer: |i| {
                    let beams = search(i, Way::default());
                    answer(&beams.into_iter().map(|(score, new)| (score, [&i.prompt[..], &new].concat())).collect())
                },
            },
            Mistake {
                when: "`next` is asked without the prompt",
                answer: |i| answer(&search(i, Way { without_prompt: true, ..Way::default() })),
            },
            Mistake {
                when: "only one beam is kept: that is greedy choice",
                answer: |i| {
                    let one_beam = Input { n_beams: 1, prompt: i.prompt.clone(), ..*i };
                    answer(&search(&one_beam, Way::default()))
                },
            },
            Mistake {
                when: "the scores are divided by the length: this exercise compares the sums",
                answer: |i| {
                    let n = i.n_tokens.max(1) as f32;
                    answer(&search(i, Way::default()).into_iter().map(|(score, new)| (score / n, new)).collect())
                },
            },
            Mistake {
                when: "one step too few is made",
                answer: |i| {
                    let n_tokens = i.n_tokens.saturating_sub(1);
                    answer(&search(&Input { n_tokens, prompt: i.prompt.clone(), ..*i }, Way::default()))
                },
            },
            Mistake {
                when: "one step too many is made",
                answer: |i| {
                    let longer = Input { n_tokens: i.n_tokens + 1, prompt: i.prompt.clone(), ..*i };
                    answer(&search(&longer, Way::default()))
                },
            },
        ],
    }
}

fn inputs() -> Vec<Input> {
    let input = |seed, n_vocab, prompt: &[u32], n_beams, n_tokens| Input {
        seed,
        n_vocab,
        prompt: prompt.to_vec(),
        n_beams,
        n_tokens,
    };
    vec![
        input(0, 2, &[], 2, 2), // the worked example
        input(1, 5, &[3, 1], 3, 4),
        input(2, 4, &[0], 1, 5),
        input(3, 3, &[2, 2, 1], 20, 2), // more beams than candidates
        input(4, 7, &[6], 4, 6),
        input(5, 3, &[1], 2, 0),
        input(TIES, 9, &[2], 20, 3),
        input(UNLIKELY, 3, &[0], 2, 4),
        input(WIDE, 300, &[1], 2, 2),
    ]
}

/// The seed of a model that knows only few different scores: many candidates are equal.
const TIES: u64 = 6;
/// The seed of a model that expects no token at all: e^-60 is a number, and e^-120 is 0.
const UNLIKELY: u64 = 7;

/// The seed of a model that expects just two tokens of many, whose ids do not fit into a byte.
const WIDE: u64 = 8;

const MULTIPLIED: &str = "the log-probabilities are multiplied: logarithms are added";

fn best_first(a: &(f32, Vec<u32>), b: &(f32, Vec<u32>)) -> Ordering {
    b.0.total_cmp(&a.0)
}

fn next(input: &Input, text: &[u32]) -> Vec<f32> {
    if input.seed == 0 {
        return match text {
            [] => vec![-1.0, -2.0],
            [0, ..] => vec![-5.0, -5.0],
            _ => vec![-1.0, -9.0],
        };
    }
    if input.seed == WIDE {
        return (0..input.n_vocab).map(|id| [-9.0, -1.0, -1.5][id.saturating_sub(297)]).collect();
    }
    // Another list for every text.
    let seed = text.iter().fold(input.seed, |seed, &id| seed.wrapping_mul(1_000_003).wrapping_add(u64::from(id) + 1));
    let mut rng = Rng::new(seed);
    let score = |x: f32| match input.seed {
        TIES => -1.0 - (5.0 * x).floor(),
        UNLIKELY => -60.0 - 3.0 * x,
        _ => -3.0 * x - 0.1,
    };
    (0..input.n_vocab).map(|_| score(rng.uniform() as f32)).collect()
}

fn answer(beams: &Beams) -> Answer {
    let text = |new: &[u32]| new.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    let texts = beams.iter().map(|(_, new)| text(new)).collect();
    let scores: Vec<f32> = beams.iter().map(|(score, _)| *score).collect();
    vec![("ids of all beams", Part::Texts(texts)), ("scores of all beams", numbers(&scores))]
}

/// How the search goes wrong, if at all.
struct Way {
    start: fn(&Input) -> Beams,
    append: fn(&[u32], u32) -> Vec<u32>,
    own_best: bool,
    sort: fn(&mut Beams),
    without_prompt: bool,
    add: fn(f32, f32) -> f32,
}

impl Default for Way {
    fn default() -> Way {
        Way {
            start: |_| vec![(0.0, Vec::new())],
            append: |text, id| [text, &[id]].concat(),
            own_best: false,
            sort: |candidates| candidates.sort_by(best_first),
            without_prompt: false,
            add: |old, new| old + new,
        }
    }
}

fn search(input: &Input, way: Way) -> Beams {
    let mut beams = (way.start)(input);
    for n in 0..input.n_tokens {
        beams = step(input, &way, beams, n);
        beams.truncate(input.n_beams);
    }
    beams
}

/// The candidates of step number `n`, sorted.
fn step(input: &Input, way: &Way, beams: Beams, n: usize) -> Beams {
    let mut candidates = Beams::new();
    for (score, new) in &beams {
        let prompt = if way.without_prompt { &[][..] } else { &input.prompt };
        let log_p = next(input, &[prompt, new].concat());
        let mut children: Beams =
            (0u32..).zip(log_p).map(|(id, p)| ((way.add)(*score, p), (way.append)(new, id))).collect();
        // The first step has one beam, which all others must come from.
        if way.own_best && n > 0 {
            children.sort_by(|a, b| b.0.total_cmp(&a.0));
            children.truncate(1);
        }
        candidates.extend(children);
    }
    (way.sort)(&mut candidates);
    candidates
}
