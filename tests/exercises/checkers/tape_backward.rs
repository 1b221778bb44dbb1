//! The walk back along a tape.

use crate::check::{Answer, Exercise, Mistake, numbers, one};
use crate::exercises;
use gpt60::Rng;
use gpt60::tape::{Node, Tape, Value};

pub struct Input {
    /// What was computed, in words.
    what: &'static str,
    tape: Tape,
    from: Value,
}

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "tape_backward",
        inputs,
        describe: |i| format!("{}; a tape of {} nodes, from place {}", i.what, i.tape.nodes.len(), i.from.0),
        stub: |i| slopes(i, exercises::tape_backward::backward),
        library: |i| slopes(i, Tape::backward),
        tolerance: 1e-5,
        mistakes: [of_sums(), of_the_walk(), of_the_chain()].into_iter().flatten().collect(),
    }
}

/// Mistakes with a number that is used more than once.
fn of_sums() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            when: "a slope is overwritten instead of added to: of a number used twice, the share that came last is left",
            answer: |i| walked(i, |share, slope| *slope = share),
        },
        Mistake {
            // An input that is not used is at place 0, and then clears what has come together there.
            when: "a slope is overwritten instead of added to: of a number used twice, the share that came last is left",
            answer: |i| plainly(i, |slope, _, local, sum| *sum = slope * local),
        },
        Mistake {
            when: "a number used twice keeps the share that came first: the others must be added",
            answer: |i| walked(i, |share, slope| *slope = if *slope == 0.0 { share } else { *slope }),
        },
        Mistake {
            when: "of a number used twice, the largest share is left: the others must be added",
            answer: |i| walked(i, |share, slope| *slope = if share.abs() > slope.abs() { share } else { *slope }),
        },
        Mistake {
            when: "the shares lose their sign before they are added: ways with different signs work against each other",
            answer: |i| walked(i, |share, slope| *slope += share.abs()),
        },
        Mistake {
            when: "a node whose two inputs are the same number gives it only one of its two shares: x*x uses x twice",
            answer: |i| {
                slopes(i, |tape, from| {
                    let mut tape = tape.clone();
                    for node in &mut tape.nodes {
                        let [(a, _), (b, second)] = &mut node.inputs;
                        *second = if a == b { 0.0 } else { *second };
                    }
                    tape.backward(from)
                })
            },
        },
        Mistake {
            when: "a number used twice gets the mean of its shares, instead of their sum",
            answer: |i| {
                slopes(i, |tape, from| {
                    let (mut slopes, mut n_shares) = (start(tape, from), vec![0.0; tape.nodes.len()]);
                    for place in (0..=from.0).rev() {
                        slopes[place] /= f64::max(n_shares[place], 1.0);
                        for (input, local) in tape.nodes[place].inputs {
                            slopes[input] += slopes[place] * local;
                            n_shares[input] += f64::from(local != 0.0 && slopes[place] != 0.0);
                        }
                    }
                    slopes
                })
            },
        },
    ]
}

/// Mistakes with where the walk begins, ends and goes.
fn of_the_walk() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            // Both give the direct inputs of `from` their shares, and nothing goes on from there.
            when: "the walk goes forward, or looks at `from` alone: each node must come after everything that was made from it",
            answer: |i| along(i, 1.0, |from| vec![from]),
        },
        Mistake {
            when: "the walk ends before it comes to place 1: it goes down to 0",
            answer: |i| along(i, 1.0, |from| (2..=from).rev().collect()),
        },
        Mistake {
            when: "the walk ends at the first node without a slope: others further down may have one",
            answer: |i| {
                slopes(i, |tape, from| {
                    let right = tape.backward(from);
                    let end = (0..=from.0).rev().find(|&place| right[place] == 0.0).map_or(0, |place| place + 1);
                    walk(tape, start(tape, from), (end..=from.0).rev())
                })
            },
        },
        Mistake {
            when: "the walk dives from input to input, and passes on slopes that are not complete: go by the places, from the last on",
            answer: |i| {
                slopes(i, |tape, from| {
                    let (mut slopes, mut seen) = (start(tape, from), vec![false; tape.nodes.len()]);
                    let mut to_do = vec![from.0];
                    while let Some(place) = to_do.pop() {
                        if !std::mem::replace(&mut seen[place], true) {
                            for (input, local) in
                                tape.nodes[place].inputs.into_iter().filter(|(_, local)| *local != 0.0)
                            {
                                slopes[input] += slopes[place] * local;
                                to_do.push(input);
                            }
                        }
                    }
                    slopes
                })
            },
        },
        Mistake {
            when: "the walk begins with the value of `from`: the slope of `from` in itself is 1",
            answer: |i| along(i, i.tape.nodes[i.from.0].value, |from| (0..=from).rev().collect()),
        },
        Mistake {
            when: "what was made after `from` has the slope 1: `from` does not depend on it",
            answer: |i| {
                slopes(i, |tape, from| {
                    let mut slopes = tape.backward(from);
                    slopes[from.0..].fill(1.0);
                    slopes
                })
            },
        },
        Mistake {
            when: "the slope of `from` in itself is not set to 1: then every other is 0, too",
            answer: |i| slopes(i, |tape, _| vec![0.0; tape.nodes.len()]),
        },
        Mistake {
            when: "every slope begins with 1, not only that of `from`",
            answer: |i| slopes(i, |tape, from| walk(tape, vec![1.0; tape.nodes.len()], (0..=from.0).rev())),
        },
        Mistake {
            when: "only `from` itself has a slope: does the walk begin below it, or is a share multiplied to a slope of 0?",
            answer: |i| slopes(i, start),
        },
        Mistake {
            when: "the walk begins at the end of the tape, instead of at `from`",
            answer: |i| slopes(i, |tape, _| tape.backward(Value(tape.nodes.len() - 1))),
        },
        Mistake {
            when: "the result ends at `from`: it has a slope for every node on the tape, and those behind `from` are 0",
            answer: |i| {
                slopes(i, |tape, from| {
                    let mut slopes = tape.backward(from);
                    slopes.truncate(from.0 + 1);
                    slopes
                })
            },
        },
        Mistake {
            when: "the slope of `from` in itself is missing in the result: it is 1",
            answer: |i| {
                slopes(i, |tape, from| {
                    let mut slopes = tape.backward(from);
                    slopes[from.0] = 0.0;
                    slopes
                })
            },
        },
    ]
}

/// Mistakes with what is multiplied.
fn of_the_chain() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            when: "the second input is forgotten: a node has up to two",
            answer: |i| with_locals(i, |_, [first, _]| [first, 0.0]),
        },
        Mistake {
            when: "the first input is forgotten: a node has up to two",
            answer: |i| with_locals(i, |_, [_, second]| [0.0, second]),
        },
        Mistake {
            when: "the local slope is forgotten: every input gets the slope of the node as it is",
            answer: |i| with_locals(i, |_, locals| locals.map(|local| f64::from(local != 0.0))),
        },
        Mistake {
            when: "the local slope is forgotten: every input gets the slope of the node as it is",
            answer: |i| plainly(i, |slope, _, _, sum| *sum += slope),
        },
        Mistake {
            when: "the two local slopes of a node are exchanged: each stands beside its own input",
            answer: |i| with_locals(i, |_, [first, second]| if second == 0.0 { [first, 0.0] } else { [second, first] }),
        },
        Mistake {
            when: "the value of the node is multiplied with, instead of the local slope",
            answer: |i| with_locals(i, |value, locals| locals.map(|local| if local == 0.0 { 0.0 } else { value })),
        },
        Mistake {
            when: "the value of the node is multiplied with, instead of the local slope",
            answer: |i| plainly(i, |slope, value, _, sum| *sum += slope * value),
        },
        Mistake {
            when: "the value of the node is multiplied in, too: a share is slope times local slope, and nothing more",
            answer: |i| plainly(i, |slope, value, local, sum| *sum += slope * value * local),
        },
        Mistake {
            when: "the slope of the node is left out: only the local slopes are added up",
            answer: |i| plainly(i, |_, _, local, sum| *sum += local),
        },
        Mistake {
            when: "slope and local slope are added, instead of multiplied with each other",
            answer: |i| plainly(i, |slope, _, local, sum| *sum += slope + local),
        },
    ]
}

fn inputs() -> Vec<Input> {
    let worked = || {
        let mut tape = Tape::new();
        let (a, b, c) = (tape.leaf(3.0), tape.leaf(2.0), tape.leaf(-1.0));
        let u = tape.mul(a, b);
        let v = tape.add(u, c);
        let end = tape.mul(v, a);
        (tape, v, end)
    };
    let of_x = |what, f: fn(&mut Tape, Value) -> Value| {
        let mut tape = Tape::new();
        let x = tape.leaf(1.5);
        let from = f(&mut tape, x);
        Input { what, tape, from }
    };
    let (tape, v, end) = worked();
    vec![
        Input { what: "u = a*b, v = u + c, end = v*a, from end", tape: tape.clone(), from: end },
        Input { what: "u = a*b, v = u + c, end = v*a, from v", tape: tape.clone(), from: v },
        Input { what: "u = a*b, v = u + c, end = v*a, from b", tape, from: Value(1) },
        of_x("x*x", |tape, x| tape.mul(x, x)),
        of_x("x + x", |tape, x| tape.add(x, x)),
        of_x("the logarithm of x^3, squared", |tape, x| {
            let cube = tape.powf(x, 3.0);
            let ln = tape.ln(cube);
            tape.mul(ln, ln)
        }),
        of_x("relu(-2*x) + exp(x), which is used no further, and x^2 after it", |tape, x| {
            let minus_two = tape.leaf(-2.0);
            let negative = tape.mul(minus_two, x);
            let zero = tape.relu(negative);
            let exp = tape.exp(x);
            let end = tape.add(zero, exp);
            tape.powf(x, 2.0);
            end
        }),
        any("any nodes, from the last", 30, 29),
        any("any nodes, from one in the middle", 30, 17),
    ]
}

/// A tape of nodes that are made from any two earlier ones, with any local slopes.
fn any(what: &'static str, n: usize, from: usize) -> Input {
    let mut rng = Rng::new(n as u64);
    let mut tape = Tape::new();
    tape.leaf(0.5);
    for place in 1..n {
        let [first, second] = [rng.below(place), rng.below(place)];
        let second = if first == second { (0, 0.0) } else { (second, rng.normal()) };
        tape.nodes.push(Node { value: rng.normal(), inputs: [(first, rng.normal()), second] });
    }
    Input { what, tape, from: Value(from) }
}

fn slopes(input: &Input, backward: fn(&Tape, Value) -> Vec<f64>) -> Answer {
    listed(backward(&input.tape, input.from))
}

/// The slopes before the walk.
fn start(tape: &Tape, from: Value) -> Vec<f64> {
    let mut slopes = vec![0.0; tape.nodes.len()];
    slopes[from.0] = 1.0;
    slopes
}

/// The walk over these places, from these slopes.
fn walk(tape: &Tape, mut slopes: Vec<f64>, places: impl Iterator<Item = usize>) -> Vec<f64> {
    for place in places {
        for (input, local) in tape.nodes[place].inputs {
            slopes[input] += slopes[place] * local;
        }
    }
    slopes
}

/// Everything is right but the slope that `from` begins with, and the places that are walked.
fn along(input: &Input, first: f64, places: fn(usize) -> Vec<usize>) -> Answer {
    let (tape, from) = (&input.tape, input.from);
    let mut slopes = start(tape, from);
    slopes[from.0] = first;
    listed(walk(tape, slopes, places(from.0).into_iter()))
}

fn listed(slopes: Vec<f64>) -> Answer {
    one(numbers(&slopes.into_iter().map(|slope| slope as f32).collect::<Vec<f32>>()))
}

/// Everything is right but how a share gets into the slope of an input, if that is used.
fn walked(input: &Input, give: fn(f64, &mut f64)) -> Answer {
    let (tape, from) = (&input.tape, input.from);
    let mut slopes = start(tape, from);
    for place in (0..=from.0).rev() {
        for (input, local) in tape.nodes[place].inputs.into_iter().filter(|(_, local)| *local != 0.0) {
            give(slopes[place] * local, &mut slopes[input]);
        }
    }
    listed(slopes)
}

/// Everything is right but what is done with the slope and the value of a node, a local slope, and the slope of the input, for
/// each input, used or not.
fn plainly(input: &Input, give: fn(f64, f64, f64, &mut f64)) -> Answer {
    let (tape, from) = (&input.tape, input.from);
    let mut slopes = start(tape, from);
    for place in (0..=from.0).rev() {
        for (input, local) in tape.nodes[place].inputs {
            give(slopes[place], tape.nodes[place].value, local, &mut slopes[input]);
        }
    }
    listed(slopes)
}

/// Everything is right but the local slopes, which are made from the value of the node and the right ones.
fn with_locals(input: &Input, locals: fn(f64, [f64; 2]) -> [f64; 2]) -> Answer {
    let mut tape = input.tape.clone();
    for node in &mut tape.nodes {
        let right = node.inputs.map(|(_, local)| local);
        for (input, local) in node.inputs.iter_mut().zip(locals(node.value, right)) {
            input.1 = local;
        }
    }
    listed(tape.backward(input.from))
}
