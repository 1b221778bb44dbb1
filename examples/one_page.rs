//! The whole algorithm on one page: it reads a list of names, learns how names are made, and writes new ones.
//!
//! ```text
//! cargo run --example one_page
//! cargo run --example one_page -- --watch
//! ```
//!
//! Read it from top to bottom: the data, the tape, the model, Adam, new words, and all of it together. It needs the
//! standard library, nothing of this crate, and no mathematics beyond "how far does this move if that moves a little".
//! GPT-2 is this page with more layers and wider vectors. What makes it fast is the same work done for whole matrices
//! at once: that is what the book is about, and `ladder` climbs from here to there.
//!
//! The model is that of Andrej Karpathy's `microgpt.py` (February 2026): given its weights and its names, the losses
//! here are its losses. `tests/one_page.rs` compares them, and counts the lines. Chapter 12,
//! `docs/12-backpropagation.md`.

use std::collections::BTreeSet;

#[path = "one_page/command_line.rs"]
mod command_line; // the flags, and what is shown meanwhile

// ---------------------------------------------------------------------------------------------------------------------
// 1. The data: 5,000 given names, as numbers
// ---------------------------------------------------------------------------------------------------------------------

const NAMES: &str = include_str!("one_page/names.txt"); // where they come from: one_page/names.md

/// The letters of the words, each once. A model knows numbers only: a letter's *id* is its place in this list. The line
/// break counts as a letter. It stands before and after every word: with it a word begins, and with it a word is over.
pub fn letters_of(words: &[&str]) -> Vec<char> {
    let letters: BTreeSet<char> = words.iter().flat_map(|word| word.chars()).chain(['\n']).collect();
    letters.into_iter().collect() // in order
}

/// "ada" becomes [0, 1, 4, 1, 0].
pub fn ids_of(word: &str, letters: &[char]) -> Vec<usize> {
    format!("\n{word}\n").chars().filter_map(|letter| letters.binary_search(&letter).ok()).collect()
}

// ---------------------------------------------------------------------------------------------------------------------
// 2. The tape: numbers that remember how they were computed
// ---------------------------------------------------------------------------------------------------------------------

/// A number of the computation: its place on the tape.
#[derive(Clone, Copy)]
pub struct Value(pub usize);

/// What the tape keeps of a number: its value; and for each of up to two numbers that it was made from, where that one
/// stands, and the *local slope*: if that one moves a little, this one moves so many times as far. A leaf, and the second
/// place of a number that was made from one, have slopes of 0.
pub struct Node {
    pub value: f64,
    pub inputs: [(usize, f64); 2],
}

/// Every number, in the order in which it was computed.
///
/// In other languages each number points to those that it was made from. In Rust such a pointer is an
/// `Rc<RefCell<Node>>`. That is an allocation, two counters and a check at every use, for each of 50,000 numbers in a
/// step; and to walk back, you would first have to search for an order. In one `Vec`, a number is a place, which may be
/// copied; and the order is there already, because what a number was made from stands before it.
pub struct Tape {
    pub nodes: Vec<Node>,
}

impl Tape {
    pub fn get(&self, x: Value) -> f64 {
        self.nodes[x.0].value
    }

    fn push(&mut self, value: f64, inputs: [(usize, f64); 2]) -> Value {
        self.nodes.push(Node { value, inputs });
        Value(self.nodes.len() - 1)
    }

    /// A number that was not computed: a weight, or a constant.
    pub fn leaf(&mut self, value: f64) -> Value {
        self.push(value, [(0, 0.0); 2])
    }

    pub fn add(&mut self, a: Value, b: Value) -> Value {
        self.push(self.get(a) + self.get(b), [(a.0, 1.0), (b.0, 1.0)]) // as far as a, and as far as b
    }

    pub fn mul(&mut self, a: Value, b: Value) -> Value {
        self.push(self.get(a) * self.get(b), [(a.0, self.get(b)), (b.0, self.get(a))]) // b times as far as a
    }

    /// Any function of one number: it says its value and its slope there. Some are listed below.
    pub fn map(&mut self, a: Value, function: impl Fn(f64) -> (f64, f64)) -> Value {
        let (value, slope) = function(self.get(a));
        self.push(value, [(a.0, slope), (0, 0.0)])
    }

    /// The slope of `from` in every number before it: if that one moves a little, `from` moves so many times as far.
    ///
    /// This is *backpropagation*. `from` moves as far as itself: 1. Now walk back. When you reach a number, you have
    /// passed all that was made from it, and its slope is complete: it gives each of its inputs a part. A number that
    /// was used twice moves `from` in two ways, and its slope is the sum of both. That is why it says `+=`.
    pub fn backward(&self, from: Value) -> Vec<f64> {
        let mut slopes = vec![0.0; from.0 + 1];
        slopes[from.0] = 1.0;
        for (place, node) in self.nodes[..=from.0].iter().enumerate().rev() {
            for (input, local_slope) in node.inputs {
                slopes[input] += slopes[place] * local_slope;
            }
        }
        slopes
    }
}

/// Functions of one number: of x, they give the value and the slope.
pub type Function = fn(f64) -> (f64, f64);
pub const EXP: Function = |x| (x.exp(), x.exp()); // e^x is its own slope
pub const LN: Function = |x| (x.ln(), 1.0 / x);
pub const RELU: Function = |x| if x > 0.0 { (x, 1.0) } else { (0.0, 0.0) }; // what is below 0 becomes 0
pub const INVERSE: Function = |x| (1.0 / x, -1.0 / (x * x)); // x^-1: for any power x^n, the slope is n x^(n-1)
pub const INVERSE_ROOT: Function = |x| (x.powf(-0.5), -0.5 * x.powf(-1.5));

// ---------------------------------------------------------------------------------------------------------------------
// 3. The model: from a letter and those before it to a score for each letter that may come next
// ---------------------------------------------------------------------------------------------------------------------

pub const N_EMBD: usize = 16; // a letter becomes a vector of 16 numbers
pub const N_CTX: usize = 16; // the model looks at 16 letters at most; of a longer word the rest is not read
pub const N_HEAD: usize = 4; // it looks back in 4 ways, called heads,
const HEAD: usize = N_EMBD / N_HEAD; // and each has 4 of the 16 numbers for itself

/// Vectors, one below the other. The weight w[i][j] leads from number i of what goes in to number j of what comes out.
pub type Matrix = Vec<Vec<Value>>;

/// What the layers are made of. The shapes stand beside the lines: [16] is a list of 16 numbers.
impl Tape {
    /// x0 + x1 + ..
    fn sum(&mut self, x: impl Iterator<Item = Value>) -> Value {
        x.reduce(|sum, x| self.add(sum, x)).expect("no list here is empty")
    }

    /// a0 * b0 + a1 * b1 + ..: nearly all the work of any GPT is this.
    fn dot(&mut self, pairs: impl Iterator<Item = (Value, Value)>) -> Value {
        let first = self.nodes.len();
        pairs.for_each(|(a, b)| _ = self.mul(a, b)); // the products now stand side by side on the tape
        self.sum((first..self.nodes.len()).map(Value))
    }

    /// x·W: [n_in] · [n_in, n_out] -> [n_out].
    fn linear(&mut self, x: &[Value], w: &Matrix) -> Vec<Value> {
        (0..w[0].len()).map(|j| self.dot(x.iter().zip(w).map(|(&x, row)| (x, row[j])))).collect()
    }

    fn add_all(&mut self, a: &[Value], b: &[Value]) -> Vec<Value> {
        a.iter().zip(b).map(|(&a, &b)| self.add(a, b)).collect() // [n] + [n] -> [n]
    }

    /// x / sqrt(mean of x * x): numbers of about 1, however large they were. [n] -> [n].
    fn rms_norm(&mut self, x: &[Value]) -> Vec<Value> {
        let sum = self.dot(x.iter().map(|&x| (x, x)));
        let mean = self.map(sum, |sum| (sum / N_EMBD as f64 + 1e-5, 1.0 / N_EMBD as f64)); // never quite 0
        let scale = self.map(mean, INVERSE_ROOT);
        x.iter().map(|&x| self.mul(x, scale)).collect()
    }

    /// Scores become shares of 1, the higher the larger: e^(by x) / sum of all e^(by x). The larger `by` is, the more
    /// goes to the highest. [n] -> [n].
    fn softmax(&mut self, x: &[Value], by: f64) -> Vec<Value> {
        let max = x.iter().map(|&x| self.get(x)).fold(f64::MIN, f64::max);
        let less: Vec<Value> = x.iter().map(|&x| self.map(x, |x| (by * (x - max), by))).collect(); // e^x stays finite,
        let exps: Vec<Value> = less.iter().map(|&x| self.map(x, EXP)).collect(); // and the shares the same
        let sum = self.sum(exps.iter().copied());
        let inverse = self.map(sum, INVERSE);
        exps.iter().map(|&x| self.mul(x, inverse)).collect()
    }
}

/// The model. Its weights are the first numbers of its tape.
pub struct Gpt {
    pub tape: Tape,
    matrices: [Matrix; 7],
    means: Vec<f64>,   // for each weight the mean of its slopes so far,
    squares: Vec<f64>, // and the mean of their squares: Adam needs them
}

impl Gpt {
    /// A model that knows nothing: `weight` gives its weights, one after the other.
    pub fn new(n_vocab: usize, mut weight: impl FnMut() -> f64) -> Gpt {
        let (n, mut tape) = (N_EMBD, Tape { nodes: Vec::new() });
        // Rows and columns of wte, wpe, c_attn, attn_proj, c_fc, mlp_proj and lm_head, as they are called in `scores`.
        let shapes = [(n_vocab, n), (N_CTX, n), (n, 3 * n), (n, n), (n, 4 * n), (4 * n, n), (n, n_vocab)];
        let matrices = shapes.map(|(n_rows, n_cols)| {
            let mut row = || (0..n_cols).map(|_| tape.leaf(weight())).collect();
            (0..n_rows).map(|_| row()).collect()
        });
        Gpt { means: vec![0.0; tape.nodes.len()], squares: vec![0.0; tape.nodes.len()], tape, matrices }
    }

    /// A score for each letter that may come after the letter `id`. `past` is what the model keeps of those before it,
    /// and of this one when it is done: [position][48]. The names of the matrices are GPT-2's. -> [n_vocab].
    pub fn scores(&mut self, id: usize, past: &mut Matrix) -> Vec<Value> {
        let (tape, [wte, wpe, c_attn, attn_proj, c_fc, mlp_proj, lm_head]) = (&mut self.tape, &self.matrices);

        // Which letter is it, and where does it stand? A row of weights for the one and for the other, added.
        let x: Vec<Value> = (0..N_EMBD).map(|i| tape.add(wte[id][i], wpe[past.len()][i])).collect(); // [16]
        let x = tape.rms_norm(&x); // [16] -> [16]

        // Attention: what have the letters so far to tell? Each has a key, which says what it offers, and a value,
        // which is what it tells. This letter's query says what it looks for. The better a key fits, the more of that
        // value it takes.
        let normed = tape.rms_norm(&x); // [16] -> [16]
        let query_key_value = tape.linear(&normed, c_attn); // [16] -> [48]
        past.push(query_key_value.clone());
        let mut told = Vec::new();
        for head in (0..N_EMBD).step_by(HEAD) {
            let fit = |of: &Vec<Value>| tape.dot((head..head + HEAD).map(|i| (query_key_value[i], of[N_EMBD + i])));
            let fits: Vec<Value> = past.iter().map(fit).collect(); // [position + 1]
            let shares = tape.softmax(&fits, 1.0 / (HEAD as f64).sqrt()); // [position + 1]; a fit is a sum of 4
            let take = |i| tape.dot(shares.iter().zip(past.iter()).map(|(&share, of)| (share, of[2 * N_EMBD + i])));
            told.extend((head..head + HEAD).map(take)); // 4 more of the [16]
        }
        let told = tape.linear(&told, attn_proj); // [16] -> [16]
        let x = tape.add_all(&x, &told); // [16]: what it knew, and what it was told

        // The MLP: now it thinks about that, alone.
        let normed = tape.rms_norm(&x); // [16] -> [16]
        let wide = tape.linear(&normed, c_fc); // [16] -> [64]
        let wide: Vec<Value> = wide.iter().map(|&x| tape.map(x, RELU)).collect(); // [64]
        let thought = tape.linear(&wide, mlp_proj); // [64] -> [16]
        let x = tape.add_all(&x, &thought); // [16]
        tape.linear(&x, lm_head) // [16] -> [n_vocab]
    }

    /// How wrong is the model about a word? The mean of -ln p, where p is the probability that it gave to the letter
    /// that came: 0 if it was certain, and 3.3 if each of 27 letters had the same chance.
    pub fn loss(&mut self, ids: &[usize]) -> Value {
        let (mut past, mut logs) = (Matrix::new(), Vec::new());
        for pair in ids.windows(2).take(N_CTX) {
            let scores = self.scores(pair[0], &mut past); // [n_vocab]
            let probabilities = self.tape.softmax(&scores, 1.0); // [n_vocab]
            logs.push(self.tape.map(probabilities[pair[1]], LN)); // the letter after pair[0] is pair[1]
        }
        let sum = self.tape.sum(logs.iter().copied());
        self.tape.map(sum, |sum| (-sum / logs.len() as f64, -1.0 / logs.len() as f64))
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// 4. Adam: every weight takes a step against its slope
// ---------------------------------------------------------------------------------------------------------------------

impl Gpt {
    /// Learns from one word. Returns how wrong the model was before.
    ///
    /// A weight moves against its slope: mean of the slopes / root of the mean square. That is 1 or -1 where all slopes
    /// were alike, and near 0 where they disagreed. The means forget: 0.85 reaches back about 7 steps, 0.99 about 100.
    pub fn learn(&mut self, ids: &[usize], step: usize, rate: f64) -> f64 {
        let loss = self.loss(ids); // forward: the tape grows
        let value = self.tape.get(loss);
        let slopes = self.tape.backward(loss); // backward: the slope of the loss in every weight
        self.tape.nodes.truncate(self.means.len()); // the tape is cut back to the weights

        // Both means began at 0. After a few steps they are still too small, and this is the part that is there:
        let (part, part_of_squares) = (1.0 - 0.85f64.powf(step as f64 + 1.0), 1.0 - 0.99f64.powf(step as f64 + 1.0));
        for (i, node) in self.tape.nodes.iter_mut().enumerate() {
            self.means[i] = 0.85 * self.means[i] + 0.15 * slopes[i];
            self.squares[i] = 0.99 * self.squares[i] + 0.01 * slopes[i] * slopes[i];
            node.value -= rate * (self.means[i] / part) / ((self.squares[i] / part_of_squares).sqrt() + 1e-8);
        }
        value
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// 5. New words
// ---------------------------------------------------------------------------------------------------------------------

impl Gpt {
    /// Writes a word: draws a letter, reads it as the next input, and so on, until it draws the line break.
    pub fn write(&mut self, letters: &[char], random: &mut u64) -> String {
        let (mut past, mut id, mut word) = (Matrix::new(), ids_of("", letters)[0], String::new());
        while past.len() < N_CTX && !word.ends_with('\n') {
            let scores = self.scores(id, &mut past);
            let shares = self.tape.softmax(&scores, 2.0); // what is likely becomes likelier: a *temperature* of 1/2
            let mut left = uniform(random); // a point from 0 to 1, where each letter has a piece as long as its share
            id = 0;
            while left >= self.tape.get(shares[id]) && id + 1 < letters.len() {
                left -= self.tape.get(shares[id]);
                id += 1;
            }
            word.push(letters[id]);
        }
        self.tape.nodes.truncate(self.means.len());
        word.trim_end().to_string()
    }
}

/// A number from 0 to below 1 that looks random; each seed has its own. SplitMix64 (Steele, Lea and Flood, 2014).
pub fn uniform(random: &mut u64) -> f64 {
    *random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (*random ^ (*random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

// ---------------------------------------------------------------------------------------------------------------------
// 6. All of it: learn from one name after the other, then write
// ---------------------------------------------------------------------------------------------------------------------

fn main() -> std::process::ExitCode {
    command_line::run(|asked| {
        let text = asked.text(NAMES)?;
        let words: Vec<&str> = text.lines().map(str::trim).filter(|word| !word.is_empty()).collect();
        let (letters, mut random) = (letters_of(&words), asked.seed);
        // Weights begin small and random. Sums of twelve numbers from 0 to 1 are nearly a bell curve, 1 wide, around 6.
        let mut bell = || (0..12).map(|_| uniform(&mut random)).sum::<f64>() - 6.0;
        let mut gpt = Gpt::new(letters.len(), || 0.08 * bell());
        for step in 0..asked.n_steps {
            let word = words[(uniform(&mut random) * words.len() as f64) as usize];
            let rate = 0.01 * (1.0 - step as f64 / asked.n_steps as f64); // smaller and smaller steps, to settle
            let loss = gpt.learn(&ids_of(word, &letters), step, rate);
            asked.watch(step, loss, || gpt.write(&letters, &mut (step as u64)));
        }
        (0..20).try_for_each(|_| asked.print(&gpt.write(&letters, &mut random)))
    })
}
