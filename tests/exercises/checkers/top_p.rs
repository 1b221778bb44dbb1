//! Top-p.

use crate::check::{Answer, Exercise, Mistake, numbers, one};
use crate::exercises;
use gpt60::Rng;
use gpt60::generate::knobs;
use gpt60::layers::softmax::softmax_row;

type Input = (Vec<f32>, f32);

const INF: f32 = f32::NEG_INFINITY;

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "top_p",
        inputs: || {
            let mut rng = Rng::new(6);
            let random = (0..13).map(|_| 1.5 * rng.normal() as f32).collect();
            let of = |probabilities: &[f32]| probabilities.iter().map(|p: &f32| p.ln()).collect::<Vec<f32>>();
            vec![
                (of(&[0.3, 0.5, 0.2]), 0.6),
                (random, 0.8),
                (of(&[0.05, 0.1, 0.6, 0.25]), 0.7),
                (of(&[0.25, 0.25, 0.25, 0.25]), 0.4),
                (vec![2.0, 5.0, 3.0], 0.0),
                (vec![1.0, INF, 2.0, 1.5], 0.75),
                (vec![1.0, -3.0], 1.0),
                // The sum rounds to 1 before the second token comes; and a p above 1.
                (vec![0.0, -100.0], 1.0),
                (vec![0.0, -100.0, 3.0], 1.5),
                // A p just below 1.
                (of(&[0.9, 0.09998, 0.00002]), 0.99995),
                // The sum falls just short of p.
                (of(&[0.3, 0.49995, 0.20005]), 0.5),
                // The sum is exactly p.
                (vec![0.0, 0.0, 0.0, 0.0], 0.5),
                (vec![-1.0, -1.0, -1.0, -1.0], 0.25),
                // Far below 0, and far above.
                (vec![-2000.0, -2001.0, -1999.0], 0.7),
                (vec![998.0, 1000.0, 999.0], 0.7),
                // Many equals, more than a sort can keep in order by chance. The border is among those in the middle.
                ((0..60).map(|id| -((id * id % 7 % 3) as f32)).collect(), 0.8),
                ((0..60).map(|id| (id * id % 7 % 3) as f32).collect(), 0.8),
            ]
        },
        describe: |(logits, p)| format!("p = {p} and logits {logits:?}"),
        stub: |i| changed(i, exercises::top_p::top_p),
        library: |i| changed(i, knobs::top_p),
        tolerance: 0.0,
        mistakes: vec![
            Mistake { when: REACHES, answer: |i| walked(i, |before, own, p| before + own < p) },
            Mistake { when: REACHES, answer: |i| walked(i, |before, own, p| before + own <= p) },
            // The same, but for the likeliest.
            Mistake { when: REACHES, answer: |i| walked(i, |before, own, p| before == 0.0 || before + own < p) },
            Mistake { when: REACHES, answer: |i| walked(i, |before, own, p| before == 0.0 || before + own <= p) },
            // And without a test for a p of 1.
            Mistake { when: REACHES, answer: |i| ordered(i, Order::Likeliest, |before, own, p| before + own < p) },
            Mistake {
                when: REACHES,
                answer: |i| ordered(i, Order::Likeliest, |before, own, p| before == 0.0 || before + own < p),
            },
            Mistake {
                when: "with p = 1 tokens are removed: the sum rounds to 1 before it has them all, so ask for p >= 1 first",
                answer: |i| ordered(i, Order::Likeliest, |before, _, p| before < p || before == 0.0),
            },
            Mistake {
                when: "a p just below 1 turns the knob off, though only 1 or more does",
                answer: |i| {
                    changed(i, |logits, p| {
                        if p < 0.99 {
                            knobs::top_p(logits, p)
                        }
                    })
                },
            },
            Mistake {
                when: "p = 0 turns the knob off: a p of 1 does, and with 0 the likeliest token stays",
                answer: |i| {
                    changed(i, |logits, p| {
                        if p > 0.0 {
                            knobs::top_p(logits, p)
                        }
                    })
                },
            },
            Mistake {
                when: "a sum that is just p is not enough, by > for >=: the probabilities shall add up to p or more",
                answer: |i| walked(i, |before, _, p| before == 0.0 || before <= p),
            },
            Mistake {
                when: "the sort does not keep equals in their order: `sort_by` does, `sort_unstable_by` does not",
                answer: |i| ordered(i, Order::Unstable, |before, _, p| p >= 1.0 || before < p || before == 0.0),
            },
            Mistake {
                when: "among equally likely tokens, those with the larger ids stay",
                answer: |i| ordered(i, Order::LargerIds, |before, _, p| p >= 1.0 || before < p || before == 0.0),
            },
            Mistake {
                when: "tokens as likely as the last of those that are needed stay, too: among equals, the smaller ids do",
                answer: |i| {
                    changed(i, |logits, p| {
                        let before = logits.to_vec();
                        knobs::top_p(logits, p);
                        let least = logits.iter().copied().filter(|x| *x > INF).fold(f32::INFINITY, f32::min);
                        logits.iter_mut().zip(before).filter(|(_, old)| *old >= least).for_each(|(x, old)| *x = old);
                    })
                },
            },
            Mistake {
                when: "softmax is computed without subtracting the largest logit: e^x overflows, or all of it rounds to 0",
                answer: |i| {
                    changed(i, |logits, p| {
                        if p < 1.0 {
                            let powers: Vec<f32> = logits.iter().map(|x| x.exp()).collect();
                            let sum: f32 = powers.iter().sum();
                            let probabilities: Vec<f32> = powers.iter().map(|power| power / sum).collect();
                            walk(logits, p, &probabilities, Order::Likeliest, enough());
                        }
                    })
                },
            },
            Mistake {
                when: "tokens are added up in the order of their ids, not from the likeliest on",
                answer: |i| ordered(i, Order::ById, |before, _, p| p >= 1.0 || before < p || before == 0.0),
            },
            Mistake {
                when: "p is compared with each probability alone, not with their sum",
                answer: |i| walked(i, |_, own, p| own >= p),
            },
            Mistake {
                when: "p is compared with each probability divided by the largest: that is the rule of min-p",
                answer: |i| {
                    let mut largest = 0.0;
                    walked(i, |_, own, p| {
                        largest = f32::max(largest, own);
                        own >= p * largest
                    })
                },
            },
            Mistake {
                when: "the logits are added up: p is about probabilities, so softmax comes first",
                answer: |i| {
                    changed(i, |logits, p| {
                        if p < 1.0 {
                            let scores = logits.to_vec();
                            walk(logits, p, &scores, Order::Likeliest, enough());
                        }
                    })
                },
            },
            Mistake {
                when: "tokens are kept until the sum is 1 - p, not p",
                answer: |i| walked(i, |before, _, p| before == 0.0 || before < 1.0 - p),
            },
            Mistake {
                when: "at least two tokens stay: one can be enough",
                answer: |i| {
                    let mut rank = 0;
                    walked(i, |before, _, p| {
                        rank += 1;
                        rank <= 2 || before < p
                    })
                },
            },
            Mistake {
                when: "places in the sorted list are taken for ids: the list holds the ids",
                answer: |i| {
                    changed(i, |logits, p| {
                        if p < 1.0 {
                            let probabilities = probabilities_of(logits);
                            let mut kept = probabilities.clone();
                            walk(&mut kept, p, &probabilities, Order::Likeliest, enough());
                            let n_kept = kept.iter().filter(|x| **x != INF).count();
                            logits[n_kept..].fill(INF);
                        }
                    })
                },
            },
            Mistake {
                when: TOO_MANY,
                answer: |i| {
                    let mut last = 0.0;
                    walked(i, |before, own, p| {
                        let stays = before - last < p;
                        last = own;
                        stays
                    })
                },
            },
            Mistake {
                when: TOO_MANY,
                answer: |i| {
                    let mut before_that = -1.0;
                    walked(i, |before, _, p| std::mem::replace(&mut before_that, before) < p)
                },
            },
            Mistake { when: ZERO, answer: |i| changed(i, |logits, p| removed(logits, p, 0.0, true)) },
            Mistake { when: ZERO, answer: |i| changed(i, |logits, p| removed(logits, p, 0.0, false)) },
            Mistake { when: FINITE, answer: |i| changed(i, |logits, p| removed(logits, p, -1e9, true)) },
            Mistake { when: FINITE, answer: |i| changed(i, |logits, p| removed(logits, p, -1e10, true)) },
            Mistake { when: FINITE, answer: |i| changed(i, |logits, p| removed(logits, p, f32::MIN, true)) },
            Mistake {
                when: PROBABILITIES,
                answer: |i| {
                    changed(i, |logits, p| {
                        knobs::top_p(logits, p);
                        softmax_row(logits);
                    })
                },
            },
            Mistake {
                when: PROBABILITIES,
                answer: |i| {
                    changed(i, |logits, p| {
                        if p < 1.0 {
                            let mut kept = logits.to_vec();
                            knobs::top_p(&mut kept, p);
                            softmax_row(logits);
                            logits.iter_mut().zip(kept).filter(|(_, kept)| *kept == INF).for_each(|(x, _)| *x = INF);
                        }
                    })
                },
            },
            Mistake {
                when: "with p = 0 nothing is left: at least one token stays",
                answer: |i| changed(i, |logits, p| if p == 0.0 { logits.fill(INF) } else { knobs::top_p(logits, p) }),
            },
            Mistake {
                when: "the least likely tokens are kept: the sort runs the wrong way",
                answer: |i| {
                    changed(i, |logits, p| {
                        if p < 1.0 {
                            let probabilities = probabilities_of(logits);
                            walk(logits, p, &probabilities, Order::LeastLikely, enough());
                        }
                    })
                },
            },
        ],
    }
}

fn changed((logits, p): &Input, knob: impl FnOnce(&mut [f32], f32)) -> Answer {
    let mut logits = logits.clone();
    knob(&mut logits, *p);
    one(numbers(&logits))
}

const REACHES: &str = "the token that reaches p is removed too: the sum stays below p";
const TOO_MANY: &str = "one token too many stays: the sum is compared with p before the last one is added";
const ZERO: &str = "what is removed becomes 0: that is a score like any other; it must be minus infinity";
const FINITE: &str = "what is removed becomes a large negative number: it must be `f32::NEG_INFINITY`";
const PROBABILITIES: &str = "the logits become probabilities: only the removed ones may change";

/// What is removed gets this number; also what was removed before, if `all`.
fn removed(logits: &mut [f32], p: f32, number: f32, all: bool) {
    let before = logits.to_vec();
    knobs::top_p(logits, p);
    if p < 1.0 {
        let gone = |(x, old): &(&mut f32, f32)| **x == INF && (all || *old != INF);
        logits.iter_mut().zip(before).filter(gone).for_each(|(x, _)| *x = number);
    }
}

/// In which order tokens are gone through.
enum Order {
    Likeliest,
    /// From the likeliest on, but equals in any order.
    Unstable,
    /// From the likeliest on, but among equals the larger ids first.
    LargerIds,
    ById,
    LeastLikely,
}

fn probabilities_of(logits: &[f32]) -> Vec<f32> {
    let mut probabilities = logits.to_vec();
    softmax_row(&mut probabilities);
    probabilities
}

/// The right rule: a token stays as long as those before it are not enough.
fn enough() -> impl FnMut(f32, f32, f32) -> bool {
    let (mut sum, mut is_enough) = (0.0, false);
    move |_, own, p| {
        let stays = !is_enough;
        sum += own;
        is_enough = is_enough || sum >= p;
        stays
    }
}

/// Goes through the tokens from the likeliest on, and keeps those that `stays` accepts. A p of 1 or more is off.
fn walked(input: &Input, mut stays: impl FnMut(f32, f32, f32) -> bool) -> Answer {
    ordered(input, Order::Likeliest, |before, own, p| p >= 1.0 || stays(before, own, p))
}

/// The same in some order, and whatever p is.
fn ordered(input: &Input, order: Order, stays: impl FnMut(f32, f32, f32) -> bool) -> Answer {
    changed(input, |logits, p| {
        let probabilities = probabilities_of(logits);
        walk(logits, p, &probabilities, order, stays);
    })
}

/// Keeps the tokens that `stays` accepts: it gets the sum before, the token's own probability, and p.
fn walk(logits: &mut [f32], p: f32, probabilities: &[f32], order: Order, mut stays: impl FnMut(f32, f32, f32) -> bool) {
    let mut ids: Vec<usize> = (0..logits.len()).collect();
    let likeliest = |a: &usize, b: &usize| probabilities[*b].total_cmp(&probabilities[*a]);
    match order {
        Order::Likeliest => ids.sort_by(likeliest),
        Order::Unstable => ids.sort_unstable_by(likeliest),
        Order::LeastLikely => ids.sort_by(|a, b| likeliest(b, a)),
        Order::LargerIds => {
            ids.reverse();
            ids.sort_by(likeliest);
        }
        Order::ById => {}
    }
    let mut sum = 0.0;
    for id in ids {
        if !stays(sum, probabilities[id], p) {
            logits[id] = INF;
        }
        sum += probabilities[id];
    }
}
