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
            Mistake {
                when: REACHES,
                answer: |i| changed(i, |logits, p| walk(logits, p, true, |before, own, p| before + own < p)),
            },
            Mistake {
                when: REACHES,
                answer: |i| changed(i, |logits, p| walk(logits, p, true, |before, own, p| before + own <= p)),
            },
            // The same, but for the likeliest.
            Mistake {
                when: REACHES,
                answer: |i| {
                    changed(i, |logits, p| {
                        walk(logits, p, true, |before, own, p| before == 0.0 || before + own < p);
                    })
                },
            },
            Mistake {
                when: REACHES,
                answer: |i| {
                    changed(i, |logits, p| {
                        walk(logits, p, true, |before, own, p| before == 0.0 || before + own <= p);
                    })
                },
            },
            // And without a test for a p of 1.
            Mistake {
                when: REACHES,
                answer: |i| {
                    changed(i, |logits, p| walk_on(logits, p, Order::Likeliest, |before, own, p| before + own < p))
                },
            },
            Mistake {
                when: REACHES,
                answer: |i| {
                    changed(i, |logits, p| {
                        walk_on(logits, p, Order::Likeliest, |before, own, p| before == 0.0 || before + own < p);
                    })
                },
            },
            Mistake {
                when: "with p = 1 tokens are removed: the sum rounds to 1 before it has them all, so ask for p >= 1 first",
                answer: |i| {
                    changed(i, |logits, p| {
                        walk_on(logits, p, Order::Likeliest, |before, _, p| before < p || before == 0.0)
                    })
                },
            },
            Mistake {
                when: "a sum that is just p is not enough, by > for >=: the probabilities shall add up to p or more",
                answer: |i| changed(i, |logits, p| walk(logits, p, true, |before, _, p| before == 0.0 || before <= p)),
            },
            Mistake {
                when: "the sort does not keep equals in their order: `sort_by` does, `sort_unstable_by` does not",
                answer: |i| {
                    changed(i, |logits, p| {
                        if p < 1.0 {
                            walk_on(logits, p, Order::Unstable, |before, _, p| before < p || before == 0.0);
                        }
                    })
                },
            },
            Mistake {
                when: "among equally likely tokens, those with the larger ids stay",
                answer: |i| {
                    changed(i, |logits, p| {
                        if p < 1.0 {
                            walk_on(logits, p, Order::LargerIds, |before, _, p| before < p || before == 0.0);
                        }
                    })
                },
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
                            let mut order: Vec<usize> = (0..logits.len()).collect();
                            order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
                            let (mut sum, mut enough) = (0.0, false);
                            for id in order {
                                if enough {
                                    logits[id] = INF;
                                } else {
                                    sum += probabilities[id];
                                    enough = sum >= p;
                                }
                            }
                        }
                    })
                },
            },
            Mistake {
                when: "tokens are added up in the order of their ids, not from the likeliest on",
                answer: |i| changed(i, |logits, p| walk(logits, p, false, |before, _, p| before < p || before == 0.0)),
            },
            Mistake {
                when: "p is compared with each probability alone, not with their sum",
                answer: |i| changed(i, |logits, p| walk(logits, p, true, |_, own, p| own >= p)),
            },
            Mistake {
                when: "one token too many stays: the sum is compared with p before the last one is added",
                answer: |i| {
                    changed(i, |logits, p| {
                        let mut last = 0.0;
                        walk(logits, p, true, move |before, own, p| {
                            let stays = before - last < p;
                            last = own;
                            stays
                        });
                    })
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
                            let mut turned: Vec<f32> = logits.to_vec();
                            softmax_row(&mut turned);
                            let mut order: Vec<usize> = (0..turned.len()).collect();
                            order.sort_by(|&a, &b| turned[a].total_cmp(&turned[b]));
                            let mut sum = 0.0;
                            for (rank, id) in order.into_iter().enumerate() {
                                if rank > 0 && sum >= p {
                                    logits[id] = INF;
                                }
                                sum += turned[id];
                            }
                        }
                    })
                },
            },
        ],
    }
}

fn changed((logits, p): &Input, knob: fn(&mut [f32], f32)) -> Answer {
    let mut logits = logits.clone();
    knob(&mut logits, *p);
    one(numbers(&logits))
}

const REACHES: &str = "the token that reaches p is removed too: the sum stays below p";
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
}

/// Goes through the tokens (from the likeliest on, if `sorted`) and keeps those that `stays` accepts: it gets the sum
/// before, the token's own probability, and p. A p of 1 or more is off.
fn walk(logits: &mut [f32], p: f32, sorted: bool, stays: impl FnMut(f32, f32, f32) -> bool) {
    if p < 1.0 {
        walk_on(logits, p, if sorted { Order::Likeliest } else { Order::ById }, stays);
    }
}

/// The same, whatever p is.
fn walk_on(logits: &mut [f32], p: f32, by: Order, mut stays: impl FnMut(f32, f32, f32) -> bool) {
    let mut probabilities = logits.to_vec();
    softmax_row(&mut probabilities);
    let mut order: Vec<usize> = (0..logits.len()).collect();
    match by {
        Order::Likeliest => order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a])),
        Order::Unstable => order.sort_unstable_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a])),
        Order::LargerIds => {
            order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
            order.reverse();
        }
        Order::ById => {}
    }
    let mut sum = 0.0;
    for id in order {
        if !stays(sum, probabilities[id], p) {
            logits[id] = INF;
        }
        sum += probabilities[id];
    }
}
