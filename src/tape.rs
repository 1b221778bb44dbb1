//! Slopes of single numbers: the tape, which is all of backpropagation in one small file.
//!
//! You compute something, number by number: a sum, a product, a power. The *tape* writes down each number that is made, in
//! the order in which it is made: its value, the one or two numbers that it was made from, and how strongly it reacts to each
//! of them. From these notes [`Tape::backward`] finds, in one walk from the end to the beginning, how strongly one result
//! depends on every number on the tape.
//!
//! ```text
//! a = 3   b = 2   c = -1        u = a*b = 6        v = u + c = 5        end = v*a = 15
//!
//! place   value   made from             local slopes                  slope of the end
//!   0  a    3                                                         1*5 + 3*2 = 11     used twice: two ways add up
//!   1  b    2                                                         3*3       =  9
//!   2  c   -1                                                         3*1       =  3
//!   3  u    6     a (0) and b (1)       du/da = b = 2   du/db = a = 3     3*1       =  3
//!   4  v    5     u (3) and c (2)       dv/du = 1       dv/dc = 1         1*3       =  3
//!   5  end 15     v (4) and a (0)       dend/dv = a = 3 dend/da = v = 5               1
//! ```
//!
//! A *local slope* is how much a number moves for each step of one of its inputs, while the other stands still. It is known as
//! soon as the number is made. The slope of the end is what backward finds, by the chain rule: the slope of what was made,
//! times the local slope.
//!
//! **Why a tape, and not numbers that point to one another?** In Python each number would keep references to those it was
//! made from. In Rust that would be `Rc<RefCell<..>>` around each, because a number used twice has two owners and its slope
//! changes later. In a list a number is named by its place, which is a plain `usize`, copied freely. All numbers lie side by
//! side in memory, they are freed together, and there is one more gain: **the list is in order already.** A number can only be
//! made from numbers that exist, so its inputs always stand before it. Walking down the list meets each number after
//! everything that was made from it. Where nodes are not stored like this, somebody has to find such an order first, and
//! [`topological_order`] does that.
//!
//! The layers of this crate do not use it. They find the same slopes for a whole matrix at a time, by formulas that were
//! derived once, by hand. A tape keeps 40 bytes for each number that is made, and a slope; the formulas keep a few matrices.
//!
//! Source: Wengert, "A simple automatic derivative evaluation program" (1964), where the list appears; Griewank and Walther,
//! "Evaluating Derivatives" (2008), chapter 3. A production program (PyTorch, JAX) keeps such a tape too, with a whole tensor
//! in each node.
//!
//! [Chapter 12](crate::book::ch12_backpropagation) begins with it.

/// A number on the tape: how it was made, and how it reacts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// The number itself.
    pub value: f64,
    /// For each of up to two inputs, its place on the tape and the local slope, d(this)/d(input). A place that is not used has
    /// the slope 0, and so adds nothing.
    pub inputs: [(usize, f64); 2],
}

/// A number on a tape: its place there, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value(pub usize);

/// All numbers that were made, in the order in which they were made.
///
/// # Example: three numbers, and how strongly the end depends on each
///
/// ```
/// use gpt60::tape::Tape;
///
/// let mut tape = Tape::new();
/// let (a, b, c) = (tape.leaf(3.0), tape.leaf(2.0), tape.leaf(-1.0));
/// let u = tape.mul(a, b); // 6
/// let v = tape.add(u, c); // 5
/// let end = tape.mul(v, a); // 15
/// let slopes = tape.backward(end);
/// assert_eq!([slopes[a.0], slopes[b.0], slopes[c.0]], [11.0, 9.0, 3.0]);
/// ```
///
/// # Panics
///
/// Every method does, if it is given a [`Value`] of another tape whose place this one does not have.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tape {
    /// The numbers. The inputs of each stand before it.
    pub nodes: Vec<Node>,
}

/// The place of an input that is not used, and its slope.
const UNUSED: (usize, f64) = (0, 0.0);

impl Tape {
    /// An empty tape.
    pub fn new() -> Tape {
        Tape::default()
    }

    /// A number that is made from nothing: a parameter, or a number of the data.
    pub fn leaf(&mut self, value: f64) -> Value {
        self.push(value, [UNUSED, UNUSED])
    }

    /// What a number is.
    pub fn value(&self, a: Value) -> f64 {
        self.nodes[a.0].value
    }

    /// `a + b`. A step of either is a step of the sum.
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        self.push(self.value(a) + self.value(b), [(a.0, 1.0), (b.0, 1.0)])
    }

    /// `a * b`. A step of `a` counts `b` times, and a step of `b` counts `a` times.
    pub fn mul(&mut self, a: Value, b: Value) -> Value {
        let (x, y) = (self.value(a), self.value(b));
        self.push(x * y, [(a.0, y), (b.0, x)])
    }

    /// `a` to the power of `n`, a number that does not move. The slope is `n * a^(n - 1)`.
    ///
    /// With `n = -1` it is `1 / a`, with 0.5 the square root.
    pub fn powf(&mut self, a: Value, n: f64) -> Value {
        let x = self.value(a);
        self.push(x.powf(n), [(a.0, n * x.powf(n - 1.0)), UNUSED])
    }

    /// The natural logarithm. The slope is `1 / a`.
    pub fn ln(&mut self, a: Value) -> Value {
        let x = self.value(a);
        self.push(x.ln(), [(a.0, 1.0 / x), UNUSED])
    }

    /// `e` to the power of `a`. It is its own slope.
    pub fn exp(&mut self, a: Value) -> Value {
        let power = self.value(a).exp();
        self.push(power, [(a.0, power), UNUSED])
    }

    /// `a` where it is above 0, else 0. Above 0 a step of `a` is a step of the result, below 0 nothing moves. At 0 there is a
    /// corner, and no slope; everybody takes 0.
    pub fn relu(&mut self, a: Value) -> Value {
        let x = self.value(a);
        self.push(x.max(0.0), [(a.0, if x > 0.0 { 1.0 } else { 0.0 }), UNUSED])
    }

    /// How strongly `from` depends on each number on the tape: a slope for every node, `[nodes.len()]`.
    ///
    /// What `from` does not depend on has the slope 0. That includes all that was made after it.
    pub fn backward(&self, from: Value) -> Vec<f64> {
        let mut slopes = vec![0.0; self.nodes.len()];
        slopes[from.0] = 1.0; // a step of `from` is a step of `from`
        // Downwards: when it is a node's turn, everything made from it has added its share, and the slope is complete.
        for place in (0..=from.0).rev() {
            for (input, local) in self.nodes[place].inputs {
                slopes[input] += slopes[place] * local; // added: the input may have been used elsewhere, too
            }
        }
        slopes
    }

    fn push(&mut self, value: f64, inputs: [(usize, f64); 2]) -> Value {
        self.nodes.push(Node { value, inputs });
        Value(self.nodes.len() - 1)
    }
}

/// An order of the nodes in which each comes after all of its inputs, for a graph that is stored in any order.
///
/// `inputs[i]` are the nodes that node `i` was made from; a node used twice stands there twice. Most graphs have several such
/// orders, and this is one of them. To walk backward, read it from its end.
///
/// A node can be put down when all of its inputs have been. So count for each node how many it still waits for; whoever waits
/// for none is next, and tells those that were made from it (Kahn, "Topological sorting of large networks", 1962). There is no
/// function here that calls itself, so a chain of a million nodes needs no deep stack.
///
/// # Example: four nodes, the last one first
///
/// ```
/// use gpt60::tape::topological_order;
///
/// // Node 0 is made from 1 and 3, node 1 from 2 and 2, node 2 from 3, and node 3 from nothing.
/// assert_eq!(topological_order(&[vec![1, 3], vec![2, 2], vec![3], vec![]]), [3, 2, 1, 0]);
/// ```
///
/// # Panics
///
/// If an input is no node, or if a node is made from itself, directly or through others: then there is no such order.
pub fn topological_order(inputs: &[Vec<usize>]) -> Vec<usize> {
    let mut made_from_it = vec![Vec::new(); inputs.len()];
    for (node, its_inputs) in inputs.iter().enumerate() {
        its_inputs.iter().for_each(|&input| made_from_it[input].push(node));
    }
    let mut waits_for: Vec<usize> = inputs.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..inputs.len()).filter(|&node| waits_for[node] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        for &node in &made_from_it[order[next]] {
            waits_for[node] -= 1;
            if waits_for[node] == 0 {
                order.push(node);
            }
        }
        next += 1;
    }
    assert_eq!(order.len(), inputs.len(), "a node is made from itself, and the graph has no order");
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    /// What `f` makes of leaves with these values, on a tape of its own: the tape, and where the result stands.
    fn recorded(values: &[f64], f: impl Fn(&mut Tape, &[Value]) -> Value) -> (Tape, Value) {
        let mut tape = Tape::new();
        let leaves: Vec<Value> = values.iter().map(|&value| tape.leaf(value)).collect();
        let end = f(&mut tape, &leaves);
        (tape, end)
    }

    /// The slope in every leaf is what is measured by moving it. With h = 1e-5 the curve's bend costs about h^2 = 1e-10 of
    /// the slope, and rounding about 2^-53 / h = 1e-11 of the value.
    fn assert_slopes_are_measured(values: &[f64], f: impl Fn(&mut Tape, &[Value]) -> Value) {
        let (tape, end) = recorded(values, &f);
        let slopes = tape.backward(end);
        let h = 1e-5;
        for i in 0..values.len() {
            let moved = |step: f64| {
                let mut values = values.to_vec();
                values[i] += step;
                let (tape, end) = recorded(&values, &f);
                tape.value(end)
            };
            let measured = (moved(h) - moved(-h)) / (2.0 * h);
            assert_relative_eq!(slopes[i], measured, max_relative = 1e-6, epsilon = 1e-7);
        }
    }

    #[test]
    fn every_operation_has_its_value_and_its_measured_slope() {
        for x in [-2.5, -0.3, 0.7, 3.0] {
            assert_slopes_are_measured(&[x, 1.7], |tape, leaves| tape.add(leaves[0], leaves[1]));
            assert_slopes_are_measured(&[x, 1.7], |tape, leaves| tape.mul(leaves[0], leaves[1]));
            assert_slopes_are_measured(&[x], |tape, leaves| tape.exp(leaves[0]));
            assert_slopes_are_measured(&[x], |tape, leaves| tape.relu(leaves[0]));
            assert_slopes_are_measured(&[x], |tape, leaves| tape.powf(leaves[0], 3.0));
            assert_slopes_are_measured(&[x], |tape, leaves| tape.powf(leaves[0], -1.0));
            assert_slopes_are_measured(&[x.abs()], |tape, leaves| tape.powf(leaves[0], -0.5));
            assert_slopes_are_measured(&[x.abs()], |tape, leaves| tape.ln(leaves[0]));
        }
        let value = |f: fn(&mut Tape, Value) -> Value| {
            let (tape, end) = recorded(&[4.0], |tape, leaves| f(tape, leaves[0]));
            tape.value(end)
        };
        assert_eq!(value(|tape, a| tape.powf(a, 0.5)), 2.0);
        assert_relative_eq!(value(Tape::ln), 1.386294361, max_relative = 1e-9); // 2 ln(2), ln(2) = 0.69314718056
        assert_relative_eq!(value(Tape::exp), 54.59815003, max_relative = 1e-9); // e^4, e = 2.718281828459
        assert_eq!(value(Tape::relu), 4.0);
    }

    #[test]
    fn at_its_corner_relu_has_the_slope_0() {
        for zero in [0.0, -0.0] {
            let (tape, end) = recorded(&[zero], |tape, leaves| tape.relu(leaves[0]));
            assert_eq!((tape.value(end), tape.backward(end)[0]), (0.0, 0.0));
        }
    }

    #[test]
    fn both_inputs_may_be_the_same_number() {
        // d(x*x)/dx = 2x and d(x+x)/dx = 2.
        let (tape, end) = recorded(&[5.0], |tape, leaves| tape.mul(leaves[0], leaves[0]));
        assert_eq!(tape.backward(end), [10.0, 1.0]);
        let (tape, end) = recorded(&[5.0], |tape, leaves| tape.add(leaves[0], leaves[0]));
        assert_eq!(tape.backward(end), [2.0, 1.0]);
    }

    #[test]
    fn what_the_result_does_not_depend_on_has_the_slope_0() {
        let mut tape = Tape::new();
        let (a, b) = (tape.leaf(2.0), tape.leaf(3.0));
        let beside = tape.mul(a, b);
        let middle = tape.powf(a, 2.0);
        let after = tape.mul(middle, b);
        assert_eq!(tape.backward(middle), [4.0, 0.0, 0.0, 1.0, 0.0]); // a, b, beside, middle, after
        assert_eq!(tape.backward(after)[beside.0], 0.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// Any formula of twenty steps, each on two numbers that are there already.
        #[test]
        fn any_formula_has_its_measured_slopes(
            values in prop::collection::vec(0.5..1.5f64, 3),
            steps in prop::collection::vec((0..6usize, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 20),
        ) {
            assert_slopes_are_measured(&values, |tape, leaves| {
                let mut numbers = leaves.to_vec();
                for (operation, a, b) in &steps {
                    let (a, b) = (*a.get(&numbers), *b.get(&numbers));
                    let made = match operation {
                        0 => tape.add(a, b),
                        1 => tape.mul(a, b),
                        2 => tape.powf(a, 1.5),
                        3 => tape.exp(a),
                        4 => tape.relu(a),
                        _ => {
                            let one = tape.leaf(1.0);
                            let above_one = tape.add(a, one);
                            tape.ln(above_one)
                        }
                    };
                    // x / (x + 1) is between 0 and 1, so nothing overflows or comes to a corner.
                    let one = tape.leaf(1.0);
                    let above_one = tape.add(made, one);
                    let divided = tape.powf(above_one, -1.0);
                    numbers.push(tape.mul(made, divided));
                }
                numbers[numbers.len() - 1]
            });
        }

        /// Node `i` of a tape may use any two nodes before it; `names` is how the nodes are numbered where they are stored.
        #[test]
        fn an_order_has_every_node_once_and_after_its_inputs(
            graph in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 1..30),
            names in Just((0..30usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let names: Vec<usize> = names.into_iter().filter(|&name| name < graph.len()).collect();
            let mut inputs = vec![Vec::new(); graph.len()];
            for (i, before) in graph.iter().enumerate().filter(|(i, _)| *i > 0) {
                inputs[names[i]] = before.iter().map(|index| names[index.index(i)]).collect();
            }
            let order = topological_order(&inputs);
            let mut is_there = vec![false; graph.len()];
            for node in order {
                prop_assert!(!is_there[node] && inputs[node].iter().all(|&input| is_there[input]));
                is_there[node] = true;
            }
            prop_assert!(is_there.into_iter().all(|there| there));
        }
    }

    #[test]
    fn a_chain_of_a_million_nodes_has_an_order() {
        let chain: Vec<Vec<usize>> =
            (1..=1_000_000).map(|next| if next < 1_000_000 { vec![next] } else { vec![] }).collect();
        assert!(topological_order(&chain).into_iter().eq((0..1_000_000).rev()));
    }

    #[test]
    #[should_panic(expected = "made from itself")]
    fn a_circle_has_none() {
        topological_order(&[vec![1], vec![2], vec![0], vec![]]);
    }
}
