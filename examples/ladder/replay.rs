//! Rung (b): the tape is recorded once and then replayed.
//!
//! For two names of the same length the page writes the same tape: the same operations on the same places. Only the
//! values differ, and which row of `wte` a position reads, and by which probability it is judged. So one tape is
//! recorded for each length. From then on nothing is built and nothing allocated: a step computes all values once more,
//! in order, and walks back. Local slopes need no place any more: they are made of the values when they are needed. And
//! where the same operation stands many times in a row, it is looked up once.

use super::one_page::{N_CTX, N_EMBD};
use super::weights::{HEAD, Learner, N_VOCAB, QKV, WIDE};

/// How a number is computed from those at two places, or at one: then both places are the same.
#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Add,
    Less,
    Mul,
    Exp,
    Ln,
    Relu,
    Inverse,
    InverseRoot,
    /// The largest of a list of numbers, to be taken away from each of them. It has no slope: the shares do not depend
    /// on it.
    Max,
}

/// The tape for names of one length. Before its nodes stand the weights and four constants.
struct Recording {
    inputs: Vec<[u32; 2]>,         // for each node
    runs: Vec<(Operation, usize)>, // an operation, and how many nodes in a row are made by it
    lists: Vec<Vec<u32>>,          // for `Max`
    letters: Vec<usize>,           // for each position the first of the 16 nodes that read a row of wte,
    chosen: Vec<usize>,            // and the node that reads the probability of the next letter
}

/// Where the weights stand: wte, wpe, c_attn, attn.c_proj, c_fc, mlp.c_proj, lm_head, and the first place behind them.
const STARTS: [usize; 8] = {
    let sizes = [N_VOCAB, N_CTX, QKV, N_EMBD, WIDE, WIDE, N_VOCAB]; // each by 16
    let (mut starts, mut i) = ([0; 8], 0);
    while i < 7 {
        starts[i + 1] = starts[i] + sizes[i] * N_EMBD;
        i += 1;
    }
    starts
};
const MEAN: u32 = STARTS[7] as u32; // behind the weights four constants: 1/16,
const TINY: u32 = MEAN + 1; // 1e-5,
const SHARP: u32 = MEAN + 2; // 1 / sqrt(HEAD),
const LOSS: u32 = MEAN + 3; // and -1 / number of positions
const FIRST: usize = MEAN as usize + 4; // and behind them the nodes

pub struct Replay {
    learner: Learner,
    recordings: Vec<Option<Recording>>, // [number of positions]
    values: Vec<f64>,
    slopes: Vec<f64>, // all 0 between two steps
}

impl Replay {
    pub fn new(weights: &[f64]) -> Replay {
        let recordings = (0..=N_CTX).map(|_| None).collect();
        Replay { learner: Learner::new(weights), recordings, values: Vec::new(), slopes: Vec::new() }
    }

    pub fn learn(&mut self, ids: &[usize], step: usize, rate: f64) -> f64 {
        let n = (ids.len() - 1).min(N_CTX);
        let recording = self.recordings[n].get_or_insert_with(|| Recording::new(n));
        recording.read(&ids[..=n]);
        let end = FIRST + recording.inputs.len();
        self.values.resize(end.max(self.values.len()), 0.0);
        self.slopes.resize(end.max(self.slopes.len()), 0.0);
        let constants = [1.0 / N_EMBD as f64, 1e-5, 1.0 / (HEAD as f64).sqrt(), -1.0 / n as f64];
        let weights = self.learner.weights.parts().into_iter().flatten().map(|weight| *weight).chain(constants);
        self.values.iter_mut().zip(weights).for_each(|(value, weight)| *value = weight);
        recording.forward(&mut self.values);
        self.slopes[end - 1] = 1.0;
        recording.backward(&self.values, &mut self.slopes);
        for (number, slope) in self.learner.gradient.parts().into_iter().flatten().zip(&mut self.slopes) {
            *number = std::mem::take(slope);
        }
        self.learner.adam(step, rate);
        self.values[end - 1]
    }
}

impl Recording {
    /// Which name it is: what the positions read, and by what they are judged.
    fn read(&mut self, ids: &[usize]) {
        for (position, pair) in ids.windows(2).enumerate() {
            for i in 0..N_EMBD {
                self.inputs[self.letters[position] + i][0] = (pair[0] * N_EMBD + i) as u32;
            }
            let chosen = self.chosen[position]; // the 27 probabilities stand before it
            self.inputs[chosen] = [(FIRST + chosen - N_VOCAB + pair[1]) as u32; 2];
        }
    }

    fn forward(&self, values: &mut [f64]) {
        let mut first = 0;
        for &(operation, n) in &self.runs {
            let (place, inputs) = (FIRST + first, &self.inputs[first..first + n]);
            match operation {
                Operation::Add => each(values, place, inputs, |a, b| a + b),
                Operation::Less => each(values, place, inputs, |a, b| a - b),
                Operation::Mul => each(values, place, inputs, |a, b| a * b),
                Operation::Exp => each(values, place, inputs, |a, _| a.exp()),
                Operation::Ln => each(values, place, inputs, |a, _| a.ln()),
                Operation::Relu => each(values, place, inputs, |a, _| a.max(0.0)),
                Operation::Inverse => each(values, place, inputs, |a, _| 1.0 / a),
                Operation::InverseRoot => each(values, place, inputs, |a, _| 1.0 / a.sqrt()),
                Operation::Max => {
                    let list = &self.lists[inputs[0][0] as usize];
                    values[place] = list.iter().map(|&input| values[input as usize]).fold(f64::MIN, f64::max);
                }
            }
            first += n;
        }
    }

    fn backward(&self, values: &[f64], slopes: &mut [f64]) {
        let mut end = self.inputs.len();
        for &(operation, n) in self.runs.iter().rev() {
            let (place, inputs) = (FIRST + end - n, &self.inputs[end - n..end]);
            // Of a number y that was made from a and b: its slopes in a and in b.
            match operation {
                Operation::Add => each_back(values, slopes, place, inputs, |_, _, _| (1.0, 1.0)),
                Operation::Mul => each_back(values, slopes, place, inputs, |_, a, b| (b, a)),
                Operation::Exp => each_back(values, slopes, place, inputs, |y, _, _| (y, 0.0)),
                Operation::Ln => each_back(values, slopes, place, inputs, |_, a, _| (1.0 / a, 0.0)),
                Operation::Relu => each_back(values, slopes, place, inputs, |y, _, _| (f64::from(y > 0.0), 0.0)),
                Operation::Inverse => each_back(values, slopes, place, inputs, |y, _, _| (-y * y, 0.0)),
                Operation::InverseRoot => each_back(values, slopes, place, inputs, |y, _, _| (-0.5 * y * y * y, 0.0)),
                Operation::Less | Operation::Max => each_back(values, slopes, place, inputs, |_, _, _| (1.0, 0.0)),
            }
            end -= n;
        }
    }
}

/// Computes the nodes from `place` on.
fn each(values: &mut [f64], place: usize, inputs: &[[u32; 2]], operation: impl Fn(f64, f64) -> f64) {
    for (place, [a, b]) in (place..).zip(inputs) {
        values[place] = operation(values[*a as usize], values[*b as usize]);
    }
}

/// Gives the inputs of the nodes from `place` on their part of the slope, the last node first; the node's own is 0
/// again, for the next step.
fn each_back(
    values: &[f64],
    slopes: &mut [f64],
    place: usize,
    inputs: &[[u32; 2]],
    local_slopes: impl Fn(f64, f64, f64) -> (f64, f64),
) {
    for (i, inputs) in inputs.iter().enumerate().rev() {
        let [a, b] = inputs.map(|input| input as usize);
        let slope = std::mem::take(&mut slopes[place + i]);
        let (local_a, local_b) = local_slopes(values[place + i], values[a], values[b]);
        slopes[a] += slope * local_a;
        slopes[b] += slope * local_b;
    }
}

/// The recording. It is the page's model again, which writes down operations and computes nothing.
impl Recording {
    fn new(n: usize) -> Recording {
        let mut tape = Recording { inputs: vec![], runs: vec![], lists: vec![], letters: vec![], chosen: vec![] };
        let mut past = Vec::new();
        let logs: Vec<u32> = (0..n).map(|position| tape.position(position, &mut past)).collect();
        tape.mean_loss(&logs);
        tape
    }

    fn two(&mut self, operation: Operation, a: u32, b: u32) -> u32 {
        self.inputs.push([a, b]);
        match self.runs.last_mut() {
            Some((last, n)) if *last == operation && operation != Operation::Max => *n += 1,
            _ => self.runs.push((operation, 1)),
        }
        (FIRST + self.inputs.len() - 1) as u32
    }

    fn one(&mut self, operation: Operation, a: u32) -> u32 {
        self.two(operation, a, a)
    }

    fn sum(&mut self, x: &[u32]) -> u32 {
        x[1..].iter().fold(x[0], |sum, &x| self.two(Operation::Add, sum, x))
    }

    fn dot(&mut self, pairs: impl Iterator<Item = (u32, u32)>) -> u32 {
        let products: Vec<u32> = pairs.map(|(a, b)| self.two(Operation::Mul, a, b)).collect();
        self.sum(&products)
    }

    /// x·W, where W is the matrix `w` of [`STARTS`].
    fn linear(&mut self, x: &[u32], w: usize) -> Vec<u32> {
        let n_out = (STARTS[w + 1] - STARTS[w]) / x.len();
        let at = |i: usize, j: usize| (STARTS[w] + i * n_out + j) as u32;
        (0..n_out).map(|j| self.dot(x.iter().enumerate().map(|(i, &x)| (x, at(i, j))))).collect()
    }

    fn add_all(&mut self, a: &[u32], b: &[u32]) -> Vec<u32> {
        a.iter().zip(b).map(|(&a, &b)| self.two(Operation::Add, a, b)).collect()
    }

    fn rms_norm(&mut self, x: &[u32]) -> Vec<u32> {
        let sum = self.dot(x.iter().map(|&x| (x, x)));
        let mean = self.two(Operation::Mul, sum, MEAN);
        let mean = self.two(Operation::Add, mean, TINY);
        let scale = self.one(Operation::InverseRoot, mean);
        x.iter().map(|&x| self.two(Operation::Mul, x, scale)).collect()
    }

    fn softmax(&mut self, x: &[u32]) -> Vec<u32> {
        self.lists.push(x.to_vec());
        let max = self.one(Operation::Max, (self.lists.len() - 1) as u32);
        let less: Vec<u32> = x.iter().map(|&x| self.two(Operation::Less, x, max)).collect();
        let exps: Vec<u32> = less.iter().map(|&x| self.one(Operation::Exp, x)).collect();
        let sum = self.sum(&exps);
        let inverse = self.one(Operation::Inverse, sum);
        exps.iter().map(|&x| self.two(Operation::Mul, x, inverse)).collect()
    }

    /// The log of the probability of what comes next. Which letter that is, and which one is read, `read` fills in.
    fn position(&mut self, position: usize, past: &mut Vec<Vec<u32>>) -> u32 {
        self.letters.push(self.inputs.len());
        let place = (STARTS[1] + position * N_EMBD) as u32;
        let x: Vec<u32> = (place..).take(N_EMBD).map(|wpe| self.two(Operation::Add, 0, wpe)).collect();
        let x = self.rms_norm(&x);
        let normed = self.rms_norm(&x);
        let qkv = self.linear(&normed, 2);
        past.push(qkv.clone());
        let mut told = Vec::new();
        for head in (0..N_EMBD).step_by(HEAD) {
            let fit = |of: &Vec<u32>| {
                let fit = self.dot((head..head + HEAD).map(|i| (qkv[i], of[N_EMBD + i])));
                self.two(Operation::Mul, fit, SHARP)
            };
            let fits: Vec<u32> = past.iter().map(fit).collect();
            let shares = self.softmax(&fits);
            let take = |i| self.dot(shares.iter().zip(past.iter()).map(|(&share, of)| (share, of[2 * N_EMBD + i])));
            told.extend((head..head + HEAD).map(take));
        }
        let told = self.linear(&told, 3);
        let x = self.add_all(&x, &told);
        let normed = self.rms_norm(&x);
        let wide = self.linear(&normed, 4);
        let wide: Vec<u32> = wide.iter().map(|&x| self.one(Operation::Relu, x)).collect();
        let thought = self.linear(&wide, 5);
        let x = self.add_all(&x, &thought);
        let scores = self.linear(&x, 6);
        self.softmax(&scores);
        self.chosen.push(self.inputs.len());
        self.one(Operation::Ln, 0)
    }

    fn mean_loss(&mut self, logs: &[u32]) {
        let sum = self.sum(logs);
        self.two(Operation::Mul, sum, LOSS);
    }
}
