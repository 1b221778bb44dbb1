//! The page is one page, its slopes are slopes, and its losses are those of the program that it follows.
//!
//! What it says on the command line: `tests/command_lines/one_page.rs`.

#[allow(dead_code)] // its `main`, and the numbers that only `ladder` asks for
#[path = "../examples/one_page.rs"]
mod one_page;

#[path = "common/microgpt.rs"]
mod microgpt;

use one_page::{
    EXP, Function, Gpt, INVERSE, INVERSE_ROOT, LN, N_CTX, N_EMBD, RELU, Tape, Value, ids_of, letters_of, uniform,
};

const PAGE: &str = include_str!("../examples/one_page.rs");
const NAMES: &str = include_str!("../examples/one_page/names.txt");

#[test]
fn the_page_has_at_most_200_lines() {
    let code = PAGE.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    let code: Vec<&str> = code.collect();
    assert!(code.len() <= 200, "{} lines", code.len());
    // All of it is there, from the data to the new words.
    for part in ["letters_of", "backward", "softmax", "scores", "loss", "learn", "write", "uniform", "main"] {
        assert!(code.iter().any(|line| line.contains(&format!("fn {part}("))), "{part} is missing");
    }
}

#[test]
fn the_page_uses_nothing_but_the_standard_library() {
    for source in [PAGE, include_str!("../examples/one_page/command_line.rs")] {
        let code = source.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        for line in code {
            assert!(!line.contains("gpt60") && !line.contains("unsafe") && !line.contains("extern"), "{line}");
            assert!(!line.starts_with("use ") || line.starts_with("use std::"), "{line}");
        }
    }
}

/// What a function of one number really is.
type Truth = fn(f64) -> f64;

/// A slope by central differences: what `function` does a little above and a little below.
fn measured(x: f64, function: impl Fn(f64) -> f64) -> f64 {
    // The error of the formula is about STEP², that of rounding about 1e-16 / STEP.
    const STEP: f64 = 1e-5;
    (function(x + STEP) - function(x - STEP)) / (2.0 * STEP)
}

/// The slope of a tape's last number in its first, by the tape; and the last number.
fn by_tape(x: f64, build: impl Fn(&mut Tape, Value) -> Value) -> (f64, f64) {
    let mut tape = Tape { nodes: Vec::new() };
    let leaf = tape.leaf(x);
    let last = build(&mut tape, leaf);
    (tape.backward(last)[leaf.0], tape.get(last))
}

#[test]
fn the_slope_of_each_function_of_one_number_is_the_measured_one() {
    let functions: [(&str, Function, Truth); 5] = [
        ("exp", EXP, f64::exp),
        ("ln", LN, f64::ln),
        ("relu", RELU, |x| x.max(0.0)),
        ("1/x", INVERSE, |x| 1.0 / x),
        ("1/sqrt(x)", INVERSE_ROOT, |x| 1.0 / x.sqrt()),
    ];
    for (name, function, truth) in functions {
        for x in [0.01, 0.3, 1.0, 1.7, 4.0, -0.3, -2.0] {
            if truth(x).is_nan() {
                continue; // no logarithm and no root of a number below 0
            }
            let (slope, value) = by_tape(x, |tape, x| tape.map(x, function));
            assert!((value - truth(x)).abs() <= 1e-14 * truth(x).abs(), "{name}({x}) is {value}");
            let expected = measured(x, truth);
            // 1e-10 * f'''/6 at x = 0.01, the steepest place, is 1e-6 of the slope for 1/x
            assert!((slope - expected).abs() <= 2e-6 * expected.abs() + 1e-9, "{name} at {x}: {slope}, not {expected}");
        }
    }
    assert_eq!(RELU(0.0), (0.0, 0.0)); // at the corner, as microgpt.py and PyTorch have it
}

#[test]
fn the_slopes_of_sums_and_products_are_the_measured_ones_also_where_a_number_is_used_twice() {
    type Build = fn(&mut Tape, Value) -> Value;
    let cases: [(&str, Build, Truth); 6] = [
        (
            "x + 3",
            |tape, x| {
                let c = tape.leaf(3.0);
                tape.add(x, c)
            },
            |x| x + 3.0,
        ),
        (
            "3 + x",
            |tape, x| {
                let c = tape.leaf(3.0);
                tape.add(c, x)
            },
            |x| 3.0 + x,
        ),
        (
            "x * 3",
            |tape, x| {
                let c = tape.leaf(3.0);
                tape.mul(x, c)
            },
            |x| x * 3.0,
        ),
        ("x + x", |tape, x| tape.add(x, x), |x| 2.0 * x),
        ("x * x", |tape, x| tape.mul(x, x), |x| x * x),
        // Used three times, at different distances from the end.
        (
            "(x * x + x) * e^x",
            |tape, x| {
                let square = tape.mul(x, x);
                let sum = tape.add(square, x);
                let exp = tape.map(x, EXP);
                tape.mul(sum, exp)
            },
            |x| (x * x + x) * x.exp(),
        ),
    ];
    for (name, build, truth) in cases {
        for x in [-1.5, 0.0, 0.4, 2.0] {
            let (slope, value) = by_tape(x, build);
            assert!((value - truth(x)).abs() < 1e-12, "{name} at {x} is {value}");
            assert!((slope - measured(x, truth)).abs() < 1e-6, "{name} at {x}: {slope}, not {}", measured(x, truth));
        }
    }
}

#[test]
fn the_end_has_slope_1_and_what_it_does_not_depend_on_has_slope_0() {
    let mut tape = Tape { nodes: Vec::new() };
    let (a, b) = (tape.leaf(2.0), tape.leaf(5.0));
    let product = tape.mul(a, b);
    let beside = tape.add(a, b); // stands before the end, and the end is not made from it
    let end = tape.map(product, LN); // ln(a b): slopes 1/a and 1/b
    let later = tape.mul(end, end); // stands behind the end
    let slopes = tape.backward(end);
    assert_eq!(slopes.len(), later.0);
    assert_eq!((slopes[end.0], slopes[beside.0]), (1.0, 0.0));
    assert!((slopes[a.0] - 0.5).abs() < 1e-15 && (slopes[b.0] - 0.2).abs() < 1e-15, "{slopes:?}");
}

/// A small random number, twice as wide as training begins with: then every part of the model matters.
fn weight(random: &mut u64) -> f64 {
    (uniform(random) - 0.5) * 0.6
}

#[test]
fn the_slope_of_the_loss_in_every_weight_of_the_model_is_the_measured_one() {
    let letters = letters_of(&["abba", "cab"]);
    let mut random = 5;
    let mut gpt = Gpt::new(letters.len(), || weight(&mut random));
    let n_weights = gpt.tape.nodes.len();
    // 4 letters: wte and lm_head have 4 * 16 each, wpe 16 * 16, the block 16 * (48 + 16 + 64) + 64 * 16.
    assert_eq!(n_weights, 2 * 64 + 256 + 16 * 128 + 1024);
    let ids = ids_of("abba", &letters);
    let loss = gpt.loss(&ids);
    let slopes = gpt.tape.backward(loss);
    let largest = slopes[..n_weights].iter().fold(0.0f64, |largest, slope| largest.max(slope.abs()));
    assert!(largest > 0.05, "{largest}");
    let mut n_moving = 0;
    for (i, slope) in slopes[..n_weights].iter().enumerate() {
        let x = gpt.tape.nodes[i].value;
        let mut loss_at = |x: f64| {
            gpt.tape.nodes.truncate(n_weights);
            gpt.tape.nodes[i].value = x;
            let loss = gpt.loss(&ids);
            gpt.tape.get(loss)
        };
        let measured = (loss_at(x + 1e-5) - loss_at(x - 1e-5)) / 2e-5;
        loss_at(x); // put it back
        // The rounding of a loss near 1 is 1e-16, over a distance of 2e-5: 1e-11. The formula's own error is less.
        assert!((slope - measured).abs() < 1e-8 * largest.max(1.0), "weight {i}: {slope} and {measured}");
        n_moving += usize::from(*slope != 0.0);
    }
    // The row of wte for "c" is not read, nor are the 11 rows of wpe behind the five positions; some of the 64 wide
    // numbers are below 0 at all five.
    assert!(n_moving > n_weights - 16 - 11 * 16 - 20 * 32 && n_moving < n_weights - 12 * 16 + 1, "{n_moving}");
}

#[test]
fn with_the_weights_and_the_names_of_microgpt_the_losses_are_those_of_microgpt() {
    let letters = letters_of(&NAMES.lines().collect::<Vec<_>>());
    let mut weights = microgpt::weights().into_iter();
    let mut gpt = Gpt::new(letters.len(), || weights.next().unwrap());
    assert_eq!(weights.len(), 0);
    let steps = microgpt::steps();
    assert_eq!(steps.len(), 50);
    for (step, (ids, expected)) in steps.into_iter().enumerate() {
        let loss = gpt.learn(&ids, step, 0.01 * (1.0 - step as f64 / 1000.0));
        // Both compute in f64, in nearly the same order; where a sum or a quotient is rounded differently, that is
        // 1e-16.
        assert!((loss - expected).abs() < 1e-11 * expected, "step {step}: {loss}, not {expected}");
    }
}

#[test]
fn a_word_becomes_ids_between_two_line_breaks() {
    let letters = letters_of(&["abd", "bee"]);
    assert_eq!(letters, ['\n', 'a', 'b', 'd', 'e']);
    assert_eq!(ids_of("bad", &letters), [0, 2, 1, 3, 0]);
    assert_eq!(ids_of("", &letters), [0, 0]);
}

#[test]
fn of_a_word_longer_than_the_context_the_rest_is_not_read() {
    let letters = letters_of(&["ab"]);
    let mut random = 1;
    let mut gpt = Gpt::new(letters.len(), || weight(&mut random));
    let mut loss_of = |word: &str| {
        let loss = gpt.loss(&ids_of(word, &letters));
        gpt.tape.get(loss)
    };
    // The line break and 15 letters go in; 16 letters come out.
    let sixteen = "abababababababab";
    assert_eq!(sixteen.len(), N_CTX);
    let loss = loss_of(&format!("{sixteen}b"));
    assert_eq!(loss_of(&format!("{sixteen}aaa")), loss);
    assert_ne!(loss_of(sixteen.strip_suffix('b').unwrap()), loss);
    assert_ne!(loss_of(&sixteen.replacen('a', "b", 1)), loss);
}

#[test]
fn what_comes_later_changes_nothing_before() {
    let letters = letters_of(&["abcd"]);
    let mut random = 3;
    let mut gpt = Gpt::new(letters.len(), || weight(&mut random));
    let mut scores = |ids: &[usize]| -> Vec<Vec<f64>> {
        let mut past = Vec::new();
        let scores = ids.iter().map(|&id| gpt.scores(id, &mut past).iter().map(|&x| gpt.tape.get(x)).collect());
        scores.collect()
    };
    let (one, other) = (scores(&[0, 1, 2, 3, 4]), scores(&[0, 1, 2, 4, 1]));
    assert_eq!(one[..3], other[..3]);
    assert!(one[3] != other[3] && one[4] != other[4]);
    // The same letter at another place, and after another one, has other scores.
    assert_ne!(scores(&[1, 1])[0], scores(&[1, 1])[1]);
}

#[test]
fn a_model_that_knows_nothing_gives_every_letter_the_same_chance_and_learns() {
    let words = ["anna", "hannah", "ann", "nan"];
    let letters = letters_of(&words);
    let mut gpt = Gpt::new(letters.len(), || 0.0);
    let loss = gpt.loss(&ids_of("anna", &letters));
    let four: f64 = 4.0; // a, h, n and the line break
    assert!((gpt.tape.get(loss) - four.ln()).abs() < 1e-12);
    let mut random = 1;
    let mut gpt = Gpt::new(letters.len(), || weight(&mut random));
    let n_weights = gpt.tape.nodes.len();
    let losses: Vec<f64> = (0..200).map(|step| gpt.learn(&ids_of(words[step % 4], &letters), step, 0.01)).collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[..4]) > 1.2, "{:?}", &losses[..4]);
    // Four words of 3 to 6 letters: which one it is costs ln 4 at least, over their 4.5 letters and the end.
    let last = mean(&losses[196..]);
    assert!(last < 0.6 && last > 0.2, "{last}");
    assert_eq!(gpt.tape.nodes.len(), n_weights, "the tape is cut back after each step");
    let n_right = (0..20).filter(|_| words.contains(&gpt.write(&letters, &mut random).as_str())).count();
    assert!(n_right >= 15, "{n_right}");
    assert_eq!(gpt.tape.nodes.len(), n_weights);
}

#[test]
fn words_are_drawn_by_their_probabilities_sharpened() {
    // A model of zeros gives each of 4 letters, and so the end, 1/4, whatever the temperature. The number of letters of
    // a word is then geometric: 3 on average, if 16 is far enough. (1/4 * sum of n (3/4)^n, cut at 16, is 2.96.)
    let letters = letters_of(&["abc"]);
    let mut gpt = Gpt::new(letters.len(), || 0.0);
    let mut random = 7;
    let words: Vec<String> = (0..4000).map(|_| gpt.write(&letters, &mut random)).collect();
    let mean = words.iter().map(|word| word.len() as f64).sum::<f64>() / 4000.0;
    // The deviation of a length is about 3.4, and of the mean of 4000 about 0.05.
    assert!((mean - 2.96).abs() < 0.2, "{mean}");
    assert!(words.iter().all(|word| word.len() <= N_CTX));
    // Weights whose scores are known: one score is ln 2, the rest 0. Sharpened twice, 4 against 1, 1, 1.
    let mut n_set = 0;
    let mut gpt = Gpt::new(4, || {
        n_set += 1;
        // wte: the first number of each letter is 1, which the norms make sqrt(16) = 4; lm_head reads it.
        let n_before_head = 4 * 16 + 256 + 16 * 128 + 1024;
        match n_set - 1 {
            i if i < 64 && i % N_EMBD == 0 => 1.0,
            i if i == n_before_head + 2 => 2f64.ln() / 4.0, // row 0 of lm_head, the letter with id 2
            _ => 0.0,
        }
    });
    let firsts: Vec<String> = (0..4000).map(|_| gpt.write(&letters, &mut random)).collect();
    let n_b = firsts.iter().filter(|word| word.starts_with('b')).count() as f64;
    assert!((n_b / 4000.0 - 4.0 / 7.0).abs() < 0.04, "{n_b}"); // the deviation is 0.008
}

#[test]
fn the_list_of_names_is_as_its_note_says() {
    let names: Vec<&str> = NAMES.lines().collect();
    assert_eq!(names.len(), 5000);
    assert_eq!((names[0], names[4999]), ("james", "margaux"));
    assert!(names.iter().all(|name| name.len() < N_CTX && name.bytes().all(|byte| byte.is_ascii_lowercase())));
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), 5000, "a name stands there twice");
}
