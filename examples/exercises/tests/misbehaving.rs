//! What is said of exercises whose functions do not return: they print for ever, end the whole program, fill its memory.
//!
//! A copy of the exercises, with one such function in each, is compiled here with the checks, against the library that
//! is built already.

use super::super::checks::read_status;
use super::super::stubs;
use super::super::verdict::{State, States, verdict};
use super::Guide;
use gpt60::checkpoint::Json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// An exercise, what its function does in the place of `not_started()`, and what the verdict says.
type Case = (&'static str, &'static str, &'static str);

/// Functions that never come to an end.
const ENDLESS: &[Case] = &[
    ("softmax", r#"loop { println!("x"); }"#, "no answer after 1 seconds: does a loop never end, or take too long?"),
    (
        "gelu",
        r#"loop { eprint!("no end of line "); }"#,
        "no answer after 1 seconds: does a loop never end, or take too long?",
    ),
    ("mlp", "loop { std::thread::sleep(std::time::Duration::MAX); }", "no answer after 1 seconds"),
];

/// Functions that end their program, fill its memory, or start a thread that panics.
const FATAL: &[Case] = &[
    ("linear", "std::process::exit(0)", "it ended the whole program with exit status 0: is there a call of"),
    ("matmul", "std::process::exit(3)", "it ended the whole program with exit status 3: is there a call of"),
    ("gpt2", "std::process::abort()", "it ended the whole program ("),
    ("layer_norm", "forward(ln, x)", "the stack is full: it calls itself too deep"),
    // Its orders are not the library's, but right, and accepted. On the last graph, 100,000 calls are under way at once.
    (
        "topological_order",
        "fn dive(node: usize, inputs: &[Vec<usize>], order: &mut Vec<usize>, seen: &mut [bool]) {
            if !std::mem::replace(&mut seen[node], true) {
                inputs[node].iter().for_each(|&input| dive(input, inputs, order, seen));
                order.push(node);
            }
        }
        let (mut order, mut seen) = (Vec::new(), vec![false; inputs.len()]);
        (0..inputs.len()).for_each(|node| dive(node, inputs, &mut order, &mut seen));
        order",
        "with a chain of 100,000 nodes, each made from the next one:\n    the stack is full: it calls itself too deep",
    ),
    (
        "embedding",
        "let (mut list, more) = (Vec::new(), vec![1; 1 << 20]); loop { list.extend_from_slice(&more); }",
        "it took more than 1000 MB of memory, and was stopped: does a list grow without end?",
    ),
    (
        "causal_mask",
        "let list = Vec::<u64>::with_capacity(1 << 59); panic!(\"{:p}\", list.as_ptr())",
        "it asked for 4611686018427387904 bytes of memory at once, which the system does not give",
    ),
    (
        "multi_head",
        "std::thread::spawn(|| -> Tensor { panic!(\"in a thread\") }).join().map_err(|_| unreachable!())",
        "a thread that it started panicked at src/exercises/multi_head.rs:",
    ),
    // The answer itself is right.
    (
        "block",
        "std::thread::spawn(|| panic!(\"left alone\")); block.forward(x.clone(), gpt60::Pass::new(x.n_rows()))",
        "a thread that it started panicked at src/exercises/block.rs:",
    ),
];

/// A right solution of `training`.
const TRAINING: &str = "
    let (n_vocab, targets) = (linear.bias.len(), &ids[1..]);
    let mut x = Tensor::zeros(&[targets.len(), n_vocab]);
    ids[..targets.len()].iter().enumerate().for_each(|(t, &id)| x.row_mut(t)[id as usize] = 1.0);
    let (mut of_weight, mut of_bias) = (AdamW::new(n_vocab * n_vocab, 0.1), AdamW::new(n_vocab, 0.0));
    let mut losses = Vec::new();
    for step in 0..schedule.steps {
        let logits = linear.forward(&x)?;
        losses.push(parts::cross_entropy(&logits, targets)?.iter().sum::<f32>() / targets.len() as f32);
        let d = parts::cross_entropy_gradient(&logits, targets, 1.0)?;
        let mut grad = Linear::zeros(n_vocab, n_vocab);
        parts::linear_backward(linear, &x, &d, &mut grad)?;
        let lr = schedule.rate(step); // `learning_rate` never ends in this copy
        parts::adamw(&mut of_weight, linear.weight.tensor_mut()?.data_mut(), grad.weight.tensor()?.data(), lr);
        parts::adamw(&mut of_bias, linear.bias.data_mut(), grad.bias.data(), lr);
    }
    Ok(losses)";

/// The copy: a directory, and the program of its checks.
struct Copy {
    dir: PathBuf,
    program: PathBuf,
}

impl Copy {
    fn new() -> Copy {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let dir = std::env::temp_dir().join(format!("gpt60-misbehaving-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        for folder in ["src/exercises", "tests/exercises"] {
            copy_folder(&root.join(folder), &dir.join(folder));
        }
        for (name, body, _) in [ENDLESS, FATAL].concat() {
            begin(&dir, name, body);
        }
        begin(&dir, "n_parameters", "config.n_parameters()");
        begin(&dir, "attention", "let _ = parts::causal_mask(1); unreachable!()");
        begin(&dir, "learning_rate", "super::parts::gelu(0.5)");
        begin(&dir, "merge_pair", "if merged == 77 { loop {} }; Vec::new()"); // its own check ends
        begin(&dir, "byte_to_symbol", "super::parts::merge_pair(&[], 1, 1, 7); 'x'"); // there it is right
        begin(&dir, "encode", "super::parts::merge_pair(&[1], 1, 1, 77)");
        begin(&dir, "greedy", "loop { super::parts::merge_pair(&[1], 1, 1, 7); }"); // its own loop
        begin(&dir, "value_backward", "(a + b, [b, a])"); // the first of six functions
        // Right, but for one input that is not the first.
        begin(&dir, "min_p", "if p == 1.0 { loop {} } gpt60::generate::knobs::min_p(logits, p)");
        begin(&dir, "training", TRAINING);
        begin(&dir, "top_k", "panic!(\"of several\\nlines\")");
        let program = dir.join(format!("exercises{}", std::env::consts::EXE_SUFFIX));
        let library = library();
        let mut compile = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        compile.args(["--edition", "2024", "--crate-name", "exercises", "--cap-lints", "allow"]);
        compile.arg("tests/exercises/main.rs").arg("-o").arg(&program);
        compile.arg("--extern").arg(format!("gpt60={}", library.display()));
        compile.env("CARGO_MANIFEST_DIR", &dir).current_dir(&dir);
        let output = compile.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Copy { dir, program }
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(&self.program).current_dir(&self.dir).args(args).stdin(Stdio::null()).output().unwrap()
    }

    /// The verdicts on these exercises, and what they printed. `patience` is how many seconds they have for an input.
    fn states(&self, patience: &str, names: &[&str]) -> (States, String) {
        let output = self.run(&[&["--status", "--patience", patience], names].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        read_status(&String::from_utf8(output.stdout).unwrap())
    }
}

/// Puts this into the function's body.
pub fn begin(dir: &Path, name: &str, body: &str) {
    let file = dir.join(format!("src/exercises/{name}.rs"));
    let text = fs::read_to_string(&file).unwrap();
    // Whatever a learner has written by now is not what is tested here.
    let fresh = stubs::read(dir).unwrap().into_iter().find(|stub| stub.name == name).unwrap().fresh();
    let text = fresh.unwrap_or(text).replacen("    not_started()\n", &format!("    {body}\n"), 1);
    assert!(text.contains(body), "{name}");
    fs::write(file, text).unwrap();
}

pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

/// The library as the checks are built with it, from cargo's messages.
pub fn library() -> PathBuf {
    let output = Guide::new().checks.build_command().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let library = text.lines().filter_map(|line| Json::parse(line).ok()).find_map(|message| {
        let is_library = message.get("target")?.get("name")?.as_str() == Some("gpt60");
        let files = message.get("filenames").filter(|_| is_library)?.as_array()?;
        files.iter().filter_map(Json::as_str).find(|file| file.ends_with(".rlib")).map(PathBuf::from)
    });
    library.expect("the library is among what cargo says it has built")
}

/// Each verdict names the place, and says what is expected, in few lines.
fn assert_all_are_named(cases: &[Case], states: &States) {
    for (name, _, expected) in cases {
        let said = verdict(name, states.get(*name), &[]);
        assert!(said.starts_with(&format!("{name}: wrong\n  src/exercises/{name}.rs:")), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(said.lines().count() <= 4, "{said}");
    }
}

#[test]
fn a_function_that_does_not_return_is_wrong_for_a_reason_and_the_other_exercises_keep_their_verdicts() {
    let copy = Copy::new();
    std::thread::scope(|scope| {
        scope.spawn(|| endless_functions_are_given_up_and_the_first_lines_that_they_print_are_shown(&copy));
        scope.spawn(|| functions_that_end_their_program_say_how(&copy));
        scope.spawn(|| a_piece_that_does_not_return_is_named(&copy));
        scope.spawn(|| a_piece_that_only_its_own_check_rejects_is_named(&copy));
        scope.spawn(|| a_test_run_fails_when_a_function_ends_its_program(&copy));
        scope.spawn(|| what_a_model_has_learned_is_shown(&copy));
        scope.spawn(|| a_function_has_its_cause_while_others_of_its_exercise_are_not_started(&copy));
    });
    fs::remove_dir_all(&copy.dir).unwrap();
}

fn endless_functions_are_given_up_and_the_first_lines_that_they_print_are_shown(copy: &Copy) {
    let names: Vec<&str> = ENDLESS.iter().map(|(name, ..)| *name).collect();
    let (states, printed) = copy.states("1", &names);
    assert_all_are_named(ENDLESS, &states);
    // On which input, too.
    let softmax = verdict("softmax", states.get("softmax"), &[]);
    assert!(softmax.contains(", with x of shape [1, 2], whose first row is [0.0, 1.0986123]:\n"), "{softmax}");
    let (states, _) = copy.states("1", &["min_p"]);
    let min_p = verdict("min_p", states.get("min_p"), &[]);
    assert!(min_p.contains(", with p = 1 and logits [") && min_p.contains("no answer after 1 seconds"), "{min_p}");
    // In the order of the book: softmax, gelu, mlp.
    let (softmax, gelu) = printed.split_once(" lines more\n").unwrap();
    let n_more = softmax.strip_prefix(&("x\n".repeat(40) + "... and ")).unwrap();
    assert!(n_more.parse::<u64>().unwrap() > 0, "{printed}");
    // One line without end: its beginning.
    assert!(gelu.starts_with("no end of line no end of line ") && gelu.ends_with(" ...\n"), "{gelu}");
    assert_eq!(gelu.lines().count(), 1, "{gelu}");
    assert!(gelu.len() < 1100, "{gelu}");
}

fn functions_that_end_their_program_say_how(copy: &Copy) {
    let names: Vec<&str> = FATAL.iter().map(|(name, ..)| *name).collect();
    let (states, _) = copy.states("60", &[&names[..], &["n_parameters", "temperature", "top_k"]].concat());
    assert_all_are_named(FATAL, &states);
    assert_eq!(states.get("n_parameters"), Some(&State::Done));
    assert_eq!(states.get("temperature"), Some(&State::NotStarted));
    let top_k = verdict("top_k", states.get("top_k"), &[]);
    assert!(top_k.contains("it panicked at src/exercises/top_k.rs:"), "{top_k}");
    assert!(top_k.ends_with("\n      of several\n      lines\n"), "{top_k}");
    assert_eq!(states.len(), FATAL.len() + 3);
}

fn a_piece_that_does_not_return_is_named(copy: &Copy) {
    let (states, _) = copy.states("1", &["causal_mask", "attention", "learning_rate"]);
    let attention = verdict("attention", states.get("attention"), &[]);
    assert!(attention.contains("it asked for 4611686018427387904 bytes"), "{attention}");
    assert!(
        attention.ends_with("piece that this one calls: `causal_mask` is wrong. Mend that first.\n"),
        "{attention}"
    );
    // Even if nobody has asked for the piece's own verdict.
    let learning_rate = verdict("learning_rate", states.get("learning_rate"), &[]);
    assert!(learning_rate.contains("no answer after 1 seconds"), "{learning_rate}");
    let piece = "  It was in a piece that this one calls: `gelu`, src/exercises/gelu.rs:";
    assert!(learning_rate.contains(piece) && learning_rate.ends_with(". Mend that first.\n"), "{learning_rate}");
    // And even if the piece's own check comes to its end. But a piece that returns each time is not at fault.
    let (states, _) = copy.states("1", &["merge_pair", "encode", "greedy"]);
    let [merge_pair, encode, greedy] =
        ["merge_pair", "encode", "greedy"].map(|name| verdict(name, states.get(name), &[]));
    assert!(merge_pair.contains("wrong") && !merge_pair.contains("no answer"), "{merge_pair}");
    assert!(encode.contains("no answer after 1 seconds"), "{encode}");
    assert!(encode.contains("piece that this one calls: `merge_pair`, src/exercises/merge_pair.rs:"), "{encode}");
    assert!(greedy.contains("no answer after 1 seconds") && !greedy.contains("Mend that first"), "{greedy}");
    // The piece itself has no other to blame.
    assert!(!verdict("causal_mask", states.get("causal_mask"), &[]).contains("Mend that first"));
}

fn a_piece_that_only_its_own_check_rejects_is_named(copy: &Copy) {
    let (states, _) = copy.states("1", &["byte_to_symbol"]);
    let said = verdict("byte_to_symbol", states.get("byte_to_symbol"), &[]);
    let piece = "It may begin in a piece that this one calls: `merge_pair` is wrong, as its own check finds.";
    assert!(said.ends_with(&format!("  {piece} Mend that first.\n")), "{said}");
    assert!(states.get("byte_to_symbol").unwrap().blames("merge_pair"));
}

fn a_function_has_its_cause_while_others_of_its_exercise_are_not_started(copy: &Copy) {
    let (states, _) = copy.states("60", &["value_backward"]);
    let said = verdict("value_backward", states.get("value_backward"), &[]);
    assert!(said.contains("with add(") && said.contains("add has the other input as slope, as in a product"), "{said}");
}

fn what_a_model_has_learned_is_shown(copy: &Copy) {
    let (states, printed) = copy.states("60", &["training"]);
    assert_eq!(states.get("training"), Some(&State::Done), "{}", verdict("training", states.get("training"), &[]));
    // The sentence has 15 words.
    let sentence = printed.strip_prefix("what the trained model writes: A fox that lived by ").unwrap();
    assert_eq!(sentence.split_whitespace().count(), 15 - 5, "{printed}");
}

/// `cargo test` runs the program like this.
fn a_test_run_fails_when_a_function_ends_its_program(copy: &Copy) {
    let output = copy.run(&["--exact", "linear", "n_parameters", "temperature", "checker::linear"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(101), "{text}");
    let lines = [
        "test n_parameters ... ok\n",
        "test linear ... FAILED\n",
        "test temperature ... ignored, not started\n",
        "test checker::linear ... ok\n",
        "it ended the whole program with exit status 0",
        "test result: FAILED. 2 passed; 1 failed; 1 ignored;",
    ];
    for line in lines {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
