//! AdamW.

use crate::check::{Answer, Exercise, Mistake, Part};
use crate::exercises;
use crate::exercises::adamw::AdamW;
use crate::exercises::parts;
use gpt60::Rng;

/// Several updates in a row: each has its gradients and its learning rate.
pub struct Input {
    adamw: AdamW,
    p: Vec<f32>,
    updates: Vec<(Vec<f32>, f32)>,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "adamw",
        inputs,
        describe: |i| {
            let AdamW { beta1, beta2, epsilon, weight_decay, step, .. } = &i.adamw;
            format!(
                "beta1 {beta1}, beta2 {beta2}, epsilon {epsilon}, weight_decay {weight_decay}, step {step} before, \
                 p {:?}, and {} updates (a row each), the first with g {:?} and lr {}",
                i.p,
                i.updates.len(),
                i.updates[0].0,
                i.updates[0].1
            )
        },
        stub: |i| run(i, exercises::adamw::update),
        library: |i| run(i, parts::library_adamw),
        tolerance: 1e-5,
        mistakes: vec![
            Mistake {
                when: "m and v are not corrected by 1 - beta^step",
                answer: |i| moved(i, |a, _| a.uncorrected()),
            },
            Mistake {
                when: "only m is corrected by 1 - beta^step, and not v",
                answer: |i| moved(i, |a, _| a.shrunk() - a.lr * a.m1() / (a.v.sqrt() + a.epsilon)),
            },
            Mistake {
                when: "only v is corrected by 1 - beta^step, and not m",
                answer: |i| moved(i, |a, _| a.shrunk() - a.lr * a.m / (a.v1().sqrt() + a.epsilon)),
            },
            Mistake {
                when: "m and v are not corrected any more from some step on: m' and v' belong to every update",
                answer: |i| moved(i, |a, _| if a.step > 10 { a.uncorrected() } else { a.right() }),
            },
            Mistake {
                when: "1 - beta * step stands where 1 - beta^step is meant: that is `powi`",
                answer: |i| {
                    moved(i, |a, _| {
                        let [m1, v1] =
                            [(a.m, a.beta1), (a.v, a.beta2)].map(|(x, beta)| x / (1.0 - beta * a.step as f32));
                        a.shrunk() - a.lr * m1 / (v1.sqrt() + a.epsilon)
                    })
                },
            },
            Mistake {
                when: "the step is used before it is raised: in the first update it is 0, and 1 - beta^0 is 0",
                answer: |i| moved(i, |a, _| a.at(a.step - 1)),
            },
            Mistake {
                when: "adamw.step is never raised",
                answer: |i| then(i, |a, _| a.at(a.step - 1), |_, new| new.step -= 1),
            },
            Mistake {
                when: "the step is used one higher, and `adamw.step` stays as it was: raise it there",
                answer: |i| then(i, RIGHT, |_, new| new.step -= 1),
            },
            Mistake { when: CUT, answer: |i| moved(i, |a, _| a.at(u64::from(a.step as u8))) },
            Mistake { when: CUT, answer: |i| moved(i, |a, _| a.at(a.step as i8 as u64)) },
            Mistake { when: CUT, answer: |i| moved(i, |a, _| a.at(u64::from(a.step as u16))) },
            Mistake { when: CUT, answer: |i| moved(i, |a, _| a.at(a.step as i16 as u64)) },
            Mistake {
                when: "the step is raised for every parameter, instead of once for all",
                answer: |i| {
                    then(i, |a, index| a.at(a.step + index as u64), |old, new| new.step = old.step + old.m.len() as u64)
                },
            },
            Mistake {
                when: "m and v are written back corrected, and are then corrected again in the next update",
                answer: |i| {
                    then(i, RIGHT, |_, new| {
                        let corrects = [new.beta1, new.beta2].map(|beta| 1.0 - beta.powi(new.step as i32));
                        new.m.iter_mut().for_each(|m| *m /= corrects[0]);
                        new.v.iter_mut().for_each(|v| *v /= corrects[1]);
                    })
                },
            },
            Mistake {
                when: "m and v are not written back to adamw: each update begins with the old ones",
                answer: |i| then(i, RIGHT, |old, new| (new.m, new.v) = (old.m.clone(), old.v.clone())),
            },
            Mistake {
                when: "p is moved by the m and v of the update before: change them first",
                answer: |i| moved(i, |a, _| Numbers { m: a.old_m, v: a.old_v, ..*a }.right()),
            },
            Mistake {
                when: "the last parameter of the list is not moved",
                answer: |i| skipping(i, |is_last, _| is_last),
            },
            Mistake {
                when: "a parameter whose gradient is 0 is passed over: it shrinks all the same, and its m and v go on",
                answer: |i| skipping(i, |_, g| g == 0.0),
            },
            Mistake {
                when: "the decay is mixed into the gradient, and goes through the division with it (Adam with L2)",
                answer: |i| with(i, |a| a.weight_decay = 0.0, |a, p, g| g + a.weight_decay * p),
            },
            Mistake { when: CLIPPED, answer: |i| with(i, |_| {}, |_, _, g| g.clamp(-1.0, 1.0)) },
            Mistake { when: CLIPPED, answer: |i| with(i, |_| {}, |_, _, g| g.clamp(-10.0, 10.0)) },
            Mistake {
                when: "the decay is not multiplied by the learning rate",
                answer: |i| moved(i, |a, _| a.p * (1.0 - a.weight_decay) - a.step_length()),
            },
            Mistake { when: "the weight decay is left out", answer: |i| moved(i, |a, _| a.p - a.step_length()) },
            Mistake {
                when: "the decay is made in the first update only: it belongs to every one",
                answer: |i| moved(i, |a, _| if a.step == 1 { a.right() } else { a.p - a.step_length() }),
            },
            Mistake {
                when: "the decay takes off the same from every parameter, by its sign: it takes a share of each",
                answer: |i| moved(i, |a, _| a.p - a.lr * a.weight_decay * a.p.signum() - a.step_length()),
            },
            Mistake {
                when: "the decay is applied to what the step has left, instead of the parameter as it was",
                answer: |i| moved(i, |a, _| (a.p - a.step_length()) * (1.0 - a.lr * a.weight_decay)),
            },
            Mistake {
                when: "the parameter moves along the gradient, instead of against it",
                answer: |i| moved(i, |a, _| a.shrunk() + a.step_length()),
            },
            Mistake {
                when: "epsilon is under the root, instead of added to it",
                answer: |i| moved(i, |a, _| a.shrunk() - a.lr * a.m1() / (a.v1() + a.epsilon).sqrt()),
            },
            Mistake {
                when: "epsilon is left out: where v is 0, 0 is divided by 0",
                answer: |i| moved(i, |a, _| a.shrunk() - a.lr * a.m1() / a.v1().sqrt()),
            },
            Mistake {
                when: "the root is left out: m' is divided by v' itself",
                answer: |i| moved(i, |a, _| a.shrunk() - a.lr * a.m1() / (a.v1() + a.epsilon)),
            },
            Mistake {
                when: "the gradient itself is divided by the root, instead of its running average m'",
                answer: |i| moved(i, |a, _| a.shrunk() - a.lr * a.g / (a.v1().sqrt() + a.epsilon)),
            },
            Mistake {
                when: "epsilon is always 0.00000001, and `adamw.epsilon` is ignored",
                answer: |i| with(i, |a| a.epsilon = 1e-8, same),
            },
            Mistake {
                when: "v is corrected by 1 - beta1^step, as m: it has a beta of its own",
                answer: |i| {
                    moved(i, |a, _| {
                        let v1 = a.v / (1.0 - a.beta1.powi(a.step as i32));
                        a.shrunk() - a.lr * a.m1() / (v1.sqrt() + a.epsilon)
                    })
                },
            },
            Mistake {
                when: "v is averaged and corrected with beta1, as m: it has a beta of its own",
                answer: |i| with(i, |a| a.beta2 = a.beta1, same),
            },
            Mistake { when: FIXED, answer: |i| with(i, |a| (a.beta1, a.beta2) = (0.9, 0.95), same) },
            Mistake { when: FIXED, answer: |i| with(i, |a| (a.beta1, a.beta2) = (0.9, 0.999), same) },
            Mistake {
                when: "beta1 and beta2 are swapped",
                answer: |i| with(i, |a| (a.beta1, a.beta2) = (a.beta2, a.beta1), same),
            },
            Mistake {
                when: "the shares are swapped: beta belongs to the old average, and 1 - beta to the gradient",
                answer: |i| averaged(i, |a, m, v, g| (mean(1.0 - a.beta1, m, g), mean(1.0 - a.beta2, v, g * g))),
            },
            Mistake {
                when: "the whole gradient is added to m, instead of 1 - beta1 of it",
                answer: |i| averaged(i, |a, m, v, g| (a.beta1 * m + g, mean(a.beta2, v, g * g))),
            },
            Mistake {
                when: "the whole square of the gradient is added to v, instead of 1 - beta2 of it",
                answer: |i| averaged(i, |a, m, v, g| (mean(a.beta1, m, g), a.beta2 * v + g * g)),
            },
            Mistake {
                when: "v never becomes smaller (as in AMSGrad): here it is an average, which also falls",
                answer: |i| averaged(i, |a, m, v, g| (mean(a.beta1, m, g), mean(a.beta2, v, g * g).max(v))),
            },
            Mistake {
                when: "v averages the gradients, instead of their squares",
                answer: |i| averaged(i, |a, m, v, g| (mean(a.beta1, m, g), mean(a.beta2, v, g))),
            },
            Mistake {
                when: "v averages the sizes of the gradients, instead of their squares",
                answer: |i| averaged(i, |a, m, v, g| (mean(a.beta1, m, g), mean(a.beta2, v, g.abs()))),
            },
        ],
    }
}

const CUT: &str = "the step is cut to a type such as u8 or i16, for which it becomes too large";

const CLIPPED: &str = "the gradient is cut off at a number such as 1: AdamW takes it as it is";

const FIXED: &str = "the betas are always the usual ones, 0.9 and 0.95 or 0.999, and those of `adamw` are ignored";

fn inputs() -> Vec<Input> {
    let mut rng = Rng::new(1);
    let mut list = |n: usize, deviation: f64| (0..n).map(|_| (deviation * rng.normal()) as f32).collect::<Vec<f32>>();
    let worked = Input { adamw: AdamW::new(1, 0.0), p: vec![2.0], updates: vec![(vec![0.5], 0.1), (vec![-0.5], 0.1)] };
    let fresh = Input {
        adamw: AdamW { beta2: 0.99, epsilon: 0.05, ..AdamW::new(5, 0.4) },
        p: list(5, 1.0),
        updates: vec![(list(5, 1.0), 0.1), (list(5, 0.1), 0.2), (list(5, 1.0), 0.05)],
    };
    // In the middle of a run, with averages that are not 0.
    let begun = |step: u64, m: Vec<f32>| AdamW { step, m, v: vec![0.2, 0.01, 0.5], ..AdamW::new(3, 0.1) };
    let later = Input {
        adamw: AdamW { beta1: 0.8, epsilon: 0.01, ..begun(7, list(3, 0.3)) },
        p: list(3, 1.0),
        updates: vec![(list(3, 0.3), 0.3), (list(3, 0.3), 0.1)],
    };
    // A parameter that has no gradient only shrinks; and gradients that differ by a factor of a million.
    let scales = Input {
        adamw: AdamW::new(4, 0.2),
        p: vec![1.0, -1.0, 0.5, 0.0],
        updates: vec![(vec![0.0, 1000.0, -0.001, 1e-8], 0.1), (vec![0.0, 500.0, -0.002, -1e-8], 0.1)],
    };
    // Far into a run: the corrections still matter; and a step that fits into no byte, nor into two.
    let late = Input {
        adamw: AdamW { beta1: 0.995, beta2: 0.999, ..begun(199, list(3, 0.3)) },
        p: list(3, 1.0),
        updates: vec![(list(3, 0.3), 0.02)],
    };
    let very_late = Input {
        adamw: begun(65534, list(3, 0.3)),
        p: list(3, 1.0),
        updates: vec![(list(3, 0.3), 0.1), (list(3, 0.3), 0.1)],
    };
    vec![worked, fresh, later, scales, late, very_late]
}

fn run(input: &Input, update: impl Fn(&mut AdamW, &mut [f32], &[f32], f32)) -> Answer {
    let (mut adamw, mut p) = (input.adamw.clone(), input.p.clone());
    let (mut steps, mut ms, mut vs, mut ps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (g, lr) in &input.updates {
        update(&mut adamw, &mut p, g, *lr);
        steps.push(adamw.step as i64);
        ms.extend(&adamw.m);
        vs.extend(&adamw.v);
        ps.extend(&p);
    }
    let rows = |data: Vec<f32>| Part::Numbers(vec![steps.len(), data.len() / steps.len()], data);
    let (m, v, p) = (rows(ms), rows(vs), rows(ps));
    vec![("adamw.step", Part::Integers(steps)), ("adamw.m", m), ("adamw.v", v), ("p", p)]
}

/// Everything that moves one parameter.
#[derive(Clone, Copy)]
struct Numbers {
    p: f32,
    g: f32,
    m: f32,
    v: f32,
    old_m: f32,
    old_v: f32,
    step: u64,
    lr: f32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
    weight_decay: f32,
}

impl Numbers {
    fn m1(&self) -> f32 {
        self.m / (1.0 - self.beta1.powi(self.step as i32))
    }

    fn v1(&self) -> f32 {
        self.v / (1.0 - self.beta2.powi(self.step as i32))
    }

    fn step_length(&self) -> f32 {
        self.lr * self.m1() / (self.v1().sqrt() + self.epsilon)
    }

    fn shrunk(&self) -> f32 {
        self.p * (1.0 - self.lr * self.weight_decay)
    }

    fn right(&self) -> f32 {
        self.shrunk() - self.step_length()
    }

    fn uncorrected(&self) -> f32 {
        self.shrunk() - self.lr * self.m / (self.v.sqrt() + self.epsilon)
    }

    /// As if this were the step.
    fn at(&self, step: u64) -> f32 {
        Numbers { step, ..*self }.right()
    }
}

/// The numbers of parameter `j`, with `m`, `v` and `step` as they are.
fn numbers(adamw: &AdamW, p: &[f32], g: &[f32], lr: f32, j: usize) -> Numbers {
    let AdamW { beta1, beta2, epsilon, weight_decay, step, ref m, ref v } = *adamw;
    let (m, v) = (m[j], v[j]);
    Numbers { p: p[j], g: g[j], m, v, old_m: m, old_v: v, step, lr, beta1, beta2, epsilon, weight_decay }
}

/// A right update of `m`, `v` and the step, with another last line.
fn each(adamw: &mut AdamW, p: &mut [f32], g: &[f32], lr: f32, last_line: fn(&Numbers, usize) -> f32) {
    let old = adamw.clone();
    let before = p.to_vec();
    parts::library_adamw(adamw, p, g, lr);
    p.copy_from_slice(&before);
    set(p, |p, j| last_line(&Numbers { old_m: old.m[j], old_v: old.v[j], ..numbers(adamw, p, g, lr, j) }, j));
}

/// Replaces every parameter by what `f` makes of all parameters as they were, and the index of this one.
fn set(p: &mut [f32], f: impl Fn(&[f32], usize) -> f32) {
    let before = p.to_vec();
    p.iter_mut().enumerate().for_each(|(j, p)| *p = f(&before, j));
}

/// Everything is right but the new `m` and `v`, made of the old ones and the gradient.
fn averaged(input: &Input, of: fn(&AdamW, f32, f32, f32) -> (f32, f32)) -> Answer {
    run(input, |adamw, p, g, lr| {
        for (j, &g) in g.iter().enumerate() {
            (adamw.m[j], adamw.v[j]) = of(adamw, adamw.m[j], adamw.v[j], g);
        }
        adamw.step += 1;
        set(p, |p, j| numbers(adamw, p, g, lr, j).right());
    })
}

fn mean(beta: f32, old: f32, new: f32) -> f32 {
    beta * old + (1.0 - beta) * new
}

/// A right update with other settings, and with gradients that are made of the settings as they were, the parameter and its
/// gradient.
fn with(input: &Input, settings: fn(&mut AdamW), gradient: fn(&AdamW, f32, f32) -> f32) -> Answer {
    run(input, |adamw, p, g, lr| {
        let g: Vec<f32> = g.iter().zip(&*p).map(|(&g, &p)| gradient(adamw, p, g)).collect();
        let AdamW { beta1, beta2, epsilon, weight_decay, .. } = *adamw;
        settings(adamw);
        each(adamw, p, &g, lr, RIGHT);
        (adamw.beta1, adamw.beta2, adamw.epsilon, adamw.weight_decay) = (beta1, beta2, epsilon, weight_decay);
    })
}

/// The gradient as it is.
fn same(_: &AdamW, _: f32, g: f32) -> f32 {
    g
}

/// A right update that leaves out some parameters: given whether it is the last one, and its gradient.
fn skipping(input: &Input, is_left_out: fn(bool, f32) -> bool) -> Answer {
    run(input, |adamw, p, g, lr| {
        let (old, before) = (adamw.clone(), p.to_vec());
        each(adamw, p, g, lr, RIGHT);
        for j in (0..p.len()).filter(|&j| is_left_out(j + 1 == p.len(), g[j])) {
            (adamw.m[j], adamw.v[j]) = (old.m[j], old.v[j]);
        }
        set(p, |p, j| if is_left_out(j + 1 == p.len(), g[j]) { before[j] } else { p[j] });
    })
}

/// A right update of `m`, `v` and the step, with another last line: run on an input.
fn moved(input: &Input, last_line: fn(&Numbers, usize) -> f32) -> Answer {
    then(input, last_line, |_, _| {})
}

/// The same, and then a change: given the old AdamW.
fn then(input: &Input, last_line: fn(&Numbers, usize) -> f32, change: fn(&AdamW, &mut AdamW)) -> Answer {
    run(input, |adamw, p, g, lr| {
        let old = adamw.clone();
        each(adamw, p, g, lr, last_line);
        change(&old, adamw);
    })
}

/// The right last line.
const RIGHT: fn(&Numbers, usize) -> f32 = |a, _| a.right();
