//! An order for a graph that is no tape.

use crate::check::{Answer, Exercise, Mistake, Part};
use crate::exercises;
use gpt60::Rng;
use gpt60::tape::topological_order;

pub struct Input {
    /// For each node, the nodes that it was made from.
    inputs: Vec<Vec<usize>>,
    /// What graph it is, if it is too large to be shown.
    what: &'static str,
}

type Graph = [Vec<usize>];

/// How long a chain is on which a function that calls itself runs out of stack.
const DEEP: usize = 100_000;

/// What is said of a right order, whichever it is.
const RIGHT: &str = "every node once, and after its inputs";

pub fn exercise() -> Exercise<Input> {
    Exercise {
        name: "topological_order",
        inputs,
        describe: |i| if i.what.is_empty() { format!("inputs = {:?}", i.inputs) } else { i.what.to_string() },
        stub: |i| answer(i, exercises::topological_order::topological_order),
        library: |i| answer(i, topological_order),
        tolerance: 0.0,
        mistakes: [of_the_order(), of_what_is_there()].into_iter().flatten().collect(),
    }
}

/// Every node is there, in an order that is none.
fn of_the_order() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            when: "the nodes are taken in the order of their numbers: that is right for a tape, and this is none",
            answer: |i| answer(i, |inputs| (0..inputs.len()).collect()),
        },
        Mistake {
            when: "the nodes are taken from the last number to the first: that is the walk back along a tape, and this is none",
            answer: |i| answer(i, |inputs| (0..inputs.len()).rev().collect()),
        },
        Mistake {
            when: "the order is the wrong way round: inputs come first, and backward reads it from its end",
            answer: |i| answer(i, |inputs| topological_order(inputs).into_iter().rev().collect()),
        },
        Mistake {
            when: "a node is put down when it is reached, before its inputs: put it down after them",
            answer: |i| answer(i, |inputs| dive(inputs, 0..inputs.len(), true, true)),
        },
        Mistake {
            when: "a node is put down as soon as one of its inputs has been: it has to wait for both",
            answer: |i| answer(i, |inputs| counted(inputs, |_| 1, |made| made.to_vec(), usize::MAX)),
        },
        Mistake {
            when: "a dive marks a node as seen when it is put on the list of what is to do: mark it when it is taken from there",
            answer: |i| {
                answer(i, |inputs| {
                    let (mut order, mut is_seen) = (Vec::new(), vec![false; inputs.len()]);
                    for root in 0..inputs.len() {
                        let mut to_do = Vec::new();
                        if !std::mem::replace(&mut is_seen[root], true) {
                            to_do.push((root, false));
                        }
                        while let Some((node, inputs_are_down)) = to_do.pop() {
                            if inputs_are_down {
                                order.push(node);
                                continue;
                            }
                            to_do.push((node, true));
                            let mut is_new = |input: &&usize| !std::mem::replace(&mut is_seen[**input], true);
                            to_do.extend(inputs[node].iter().filter(&mut is_new).map(|&input| (input, false)));
                        }
                    }
                    order
                })
            },
        },
        Mistake {
            when: "the nodes are taken in breadth, from the ends on, and turned round: a node may be reached from near and from far",
            answer: |i| {
                answer(i, |inputs| {
                    let mut is_reached = used(inputs);
                    let mut order: Vec<usize> = (0..inputs.len()).filter(|&node| !is_reached[node]).collect();
                    is_reached.iter_mut().for_each(|is| *is = !*is);
                    let mut next = 0;
                    while next < order.len() {
                        for &input in &inputs[order[next]] {
                            if !std::mem::replace(&mut is_reached[input], true) {
                                order.push(input);
                            }
                        }
                        next += 1;
                    }
                    order.into_iter().rev().collect()
                })
            },
        },
        Mistake {
            when: "the nodes are sorted by their depth, which is computed in the order of their numbers: it needs an order itself",
            answer: |i| {
                answer(i, |inputs| {
                    let mut depth = vec![0; inputs.len()];
                    for node in 0..inputs.len() {
                        depth[node] = inputs[node].iter().map(|&input| depth[input] + 1).max().unwrap_or(0);
                    }
                    let mut order: Vec<usize> = (0..inputs.len()).collect();
                    order.sort_by_key(|&node| depth[node]);
                    order
                })
            },
        },
        Mistake {
            when: "the nodes are sorted by how many inputs they have",
            answer: |i| {
                answer(i, |inputs| {
                    let mut order: Vec<usize> = (0..inputs.len()).collect();
                    order.sort_by_key(|&node| inputs[node].len());
                    order
                })
            },
        },
        Mistake {
            when: "the result says at which place each node comes: it should say which node comes at each place",
            answer: |i| {
                answer(i, |inputs| {
                    let mut places = vec![0; inputs.len()];
                    topological_order(inputs).into_iter().enumerate().for_each(|(place, node)| places[node] = place);
                    places
                })
            },
        },
    ]
}

/// Nodes are there twice, or not at all.
fn of_what_is_there() -> Vec<Mistake<Input>> {
    vec![
        Mistake {
            when: "a node that was used twice is put down twice: remember what is down already",
            answer: |i| {
                answer(i, |inputs| {
                    let is_used = used(inputs);
                    dive(inputs, (0..inputs.len()).filter(|&node| !is_used[node]), false, false)
                })
            },
        },
        Mistake {
            when: "a node that was used twice is put down twice: remember what is down already",
            answer: |i| {
                answer(i, |inputs| {
                    let with_inputs = |(node, list): (usize, &Vec<usize>)| list.iter().copied().chain([node]).collect();
                    inputs.iter().enumerate().flat_map::<Vec<usize>, _>(with_inputs).collect()
                })
            },
        },
        Mistake {
            when: "a node that uses another one twice waits for it twice, and hears of it once: it is never put down",
            answer: |i| {
                answer(i, |inputs| {
                    let once = |made: &[usize]| {
                        let mut made = made.to_vec();
                        made.dedup();
                        made
                    };
                    counted(inputs, |its_inputs| its_inputs.len(), once, usize::MAX)
                })
            },
        },
        Mistake {
            when: "only one leaf is there in the beginning: all of them can be put down",
            answer: |i| answer(i, |inputs| counted(inputs, |its_inputs| its_inputs.len(), |made| made.to_vec(), 1)),
        },
        Mistake {
            when: "nodes without inputs that nobody uses are missing: they have their place, too",
            answer: |i| {
                answer(i, |inputs| {
                    let is_used = used(inputs);
                    let is_there = |node: &usize| is_used[*node] || !inputs[*node].is_empty();
                    topological_order(inputs).into_iter().filter(is_there).collect()
                })
            },
        },
        Mistake {
            when: FIRST_ALONE, // and panics if there is none
            answer: |i| answer(i, |inputs| dive(inputs, 0..1, false, true)),
        },
        Mistake {
            when: FIRST_ALONE,
            answer: |i| answer(i, |inputs| dive(inputs, 0..inputs.len().min(1), false, true)),
        },
        Mistake {
            when: LAST_ALONE, // and panics if there is none
            answer: |i| answer(i, |inputs| dive(inputs, inputs.len() - 1..inputs.len(), false, true)),
        },
        Mistake {
            when: LAST_ALONE,
            answer: |i| answer(i, |inputs| dive(inputs, inputs.len().saturating_sub(1)..inputs.len(), false, true)),
        },
        Mistake {
            when: "the leaves are missing: they have no inputs, but they have their place",
            answer: |i| {
                answer(i, |inputs| {
                    topological_order(inputs).into_iter().filter(|&node| !inputs[node].is_empty()).collect()
                })
            },
        },
        Mistake {
            when: "nodes that nobody uses are missing",
            answer: |i| {
                answer(i, |inputs| {
                    let is_used = used(inputs);
                    topological_order(inputs).into_iter().filter(|&node| is_used[node]).collect()
                })
            },
        },
        Mistake { when: "the order is empty", answer: |i| answer(i, |_| Vec::new()) },
    ]
}

const FIRST_ALONE: &str = "the dive begins at node 0 alone: what that was not made from is missing";
const LAST_ALONE: &str = "the dive begins at the last node alone: what that was not made from is missing";

/// Whether something was made from each node.
fn used(inputs: &Graph) -> Vec<bool> {
    let mut is_used = vec![false; inputs.len()];
    inputs.iter().flatten().for_each(|&input| is_used[input] = true);
    is_used
}

fn inputs() -> Vec<Input> {
    let small = |inputs: &[&[usize]]| Input { inputs: inputs.iter().map(|list| list.to_vec()).collect(), what: "" };
    let chain = |what, next: fn(usize) -> Option<usize>| Input {
        inputs: (0..DEEP).map(|node| next(node).into_iter().collect()).collect(),
        what,
    };
    vec![
        small(&[&[1, 3], &[2, 2], &[3], &[]]),
        small(&[&[], &[], &[0, 1]]),
        small(&[&[2], &[], &[1, 1]]),
        small(&[&[1, 2], &[], &[3], &[1]]), // its first input is ready long before its second
        small(&[&[2, 1], &[], &[3], &[1]]), // and the other way round
        small(&[&[]]),
        small(&[]),
        small(&[&[3, 4], &[0, 3], &[], &[2], &[2, 3]]), // a short way and a long one
        small(&[&[2], &[], &[1], &[5], &[5, 3], &[]]),  // two parts
        small(&[&[1], &[2, 6], &[4], &[6], &[5, 5], &[6], &[], &[0, 4]]),
        shuffled(12),
        shuffled(30),
        chain("a chain of 100,000 nodes, each made from the one before", |node| node.checked_sub(1)),
        chain("a chain of 100,000 nodes, each made from the next one", |node| {
            Some(node + 1).filter(|&next| next < DEEP)
        }),
    ]
}

/// A graph of `n` nodes whose numbers say nothing.
fn shuffled(n: usize) -> Input {
    let mut rng = Rng::new(n as u64);
    let mut names: Vec<usize> = (0..n).collect();
    (1..n).for_each(|i| names.swap(i, rng.below(i + 1)));
    let mut inputs = vec![Vec::new(); n];
    for i in 2..n {
        inputs[names[i]] = (0..rng.below(3)).map(|_| names[rng.below(i)]).collect();
    }
    Input { inputs, what: "" }
}

/// Whether an order is right; if not, why not. All right orders give the same answer.
fn answer(input: &Input, order: impl Fn(&Graph) -> Vec<usize>) -> Answer {
    let order = order(&input.inputs);
    vec![("order", Part::Text(fault(&input.inputs, &order).unwrap_or_else(|| RIGHT.to_string())))]
}

/// What is wrong with an order. Of several faults of a kind, that of the node with the smallest number.
fn fault(inputs: &Graph, order: &[usize]) -> Option<String> {
    if let Some(node) = order.iter().find(|&&node| node >= inputs.len()) {
        return Some(format!("{node} is no node of this graph"));
    }
    let mut places = vec![Vec::new(); inputs.len()];
    order.iter().enumerate().for_each(|(place, &node)| places[node].push(place));
    if let Some(node) = places.iter().position(|places| places.len() > 1) {
        return Some(format!("node {node} is there more than once"));
    }
    if let Some(node) = places.iter().position(Vec::is_empty) {
        return Some(format!("node {node} is missing"));
    }
    let too_late = |node: usize| inputs[node].iter().find(|&&input| places[input] > places[node]);
    let early: Vec<usize> = (0..inputs.len()).filter(|&node| too_late(node).is_some()).collect();
    let (&first, n) = (early.first()?, early.len());
    Some(format!("{n} of {} nodes come before an input: node {first} before node {}", inputs.len(), too_late(first)?))
}

/// Nodes in the order of a dive: from each beginning to its inputs, and theirs. What is still to be done is kept in a list.
fn dive(inputs: &Graph, begin: impl Iterator<Item = usize>, node_first: bool, remember: bool) -> Vec<usize> {
    let (mut order, mut is_reached) = (Vec::new(), vec![false; inputs.len()]);
    for node in begin {
        let mut to_do = vec![(node, false)];
        while let Some((node, inputs_are_down)) = to_do.pop() {
            if inputs_are_down {
                order.push(node);
            } else if !(remember && is_reached[node]) {
                is_reached[node] = true;
                if node_first {
                    order.push(node);
                } else {
                    to_do.push((node, true));
                }
                to_do.extend(inputs[node].iter().rev().map(|&input| (input, false)));
            }
        }
    }
    order
}

/// Nodes in the order in which they no longer wait: for how many, who is told when a node is put down, and how many leaves
/// are there in the beginning.
fn counted(
    inputs: &Graph,
    waits: fn(&[usize]) -> usize,
    told: impl Fn(&[usize]) -> Vec<usize>,
    n_leaves: usize,
) -> Vec<usize> {
    let mut made_from_it = vec![Vec::new(); inputs.len()];
    for (node, its_inputs) in inputs.iter().enumerate() {
        its_inputs.iter().for_each(|&input| made_from_it[input].push(node));
    }
    let mut waits_for: Vec<usize> = inputs.iter().map(|list| waits(list).min(list.len())).collect();
    let mut order: Vec<usize> = (0..inputs.len()).filter(|&node| waits_for[node] == 0).take(n_leaves).collect();
    let mut next = 0;
    while next < order.len() {
        for node in told(&made_from_it[order[next]]) {
            if waits_for[node] == 1 {
                order.push(node);
            }
            waits_for[node] = waits_for[node].saturating_sub(1);
        }
        next += 1;
    }
    order
}
