//! What people give in place of a model, and what they are told: one line that says what it is and what to do.

use crate::examples::{command, error_of, run, scratch, success};
use gpt60::checkpoint::{self, Dtype, safetensors};
use gpt60::tokenizer::Tokenizer;
use gpt60::{Activation, Config, Gpt2, Rng, Tensor};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Output;

/// Runs `greedy` in `dir` with the model `model`.
fn greedy(dir: &Path, model: &str) -> Output {
    run(&mut command(dir, "greedy", &["--model", model, "--tokens", "2", "the cat"]))
}

/// The one line with which `greedy` refuses `model`, which must contain all of `expected`.
fn refused(dir: &Path, model: &str, expected: &[&str]) {
    let error = error_of(greedy(dir, model), 1);
    assert!(expected.iter().all(|part| error.contains(part)), "{model}: {error}");
    assert!(!error.contains("  ") && error.len() < 500, "{model}: {error}");
}

fn tokenizer() -> Tokenizer {
    Tokenizer::learn("the cat sat on the hat", 262).unwrap()
}

fn config() -> Config {
    Config::new(tokenizer().n_vocab(), 16, 12, 3, 2)
}

/// Writes a small model with a vocabulary, and every file that such a directory may have.
fn write_model(dir: &Path, config: &Config) {
    let model = Gpt2::random(config, &mut Rng::new(1)).unwrap();
    checkpoint::save(dir, &model, Some(&tokenizer()), Dtype::F32).unwrap();
    fs::write(dir.join("generation_config.json"), "{}").unwrap();
}

#[test]
fn a_file_that_is_something_else_is_named_with_the_remedy() {
    let dir = scratch("refusals-files");
    write_model(&dir.join("model"), &config());
    success(greedy(&dir, "model"));
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 548105171\n";
    let files =
        ["config.json", "model.safetensors", "generation_config.json", "tokenizer.json", "vocab.json", "merges.txt"];
    for file in files {
        if file == "vocab.json" {
            fs::remove_file(dir.join("model/tokenizer.json")).unwrap(); // the next two are read in its place
            success(greedy(&dir, "model"));
        }
        let path = dir.join("model").join(file);
        let whole = fs::read(&path).unwrap();
        let is_text = file != "model.safetensors";
        let with_mark = [b"\xEF\xBB\xBF", whole.as_slice()].concat();
        let cases: [(&[u8], &str, bool); 10] = [
            (pointer, "Git LFS pointer to it: run `git lfs pull`", true),
            (b"<!DOCTYPE html><html lang=\"en\">", "is a web page, not the file itself: download it again", true),
            (b"Entry not found", "a server's answer that the file could not be had", true),
            (b"\x1F\x8B\x08\0\0\0\0\0\0\x03", "is compressed with gzip: unpack it", true),
            (b"PK\x03\x04\x14\0\0\0", "is a zip archive: unpack it", is_text),
            (b"PK\x03\x04\0\0\x08\x08\0\0archive/data.pkl", "a Python pickle, under another name", is_text),
            (b"PK\x03\x04\0\0\x08\x08\0\0archive/data.pkl", "zip archive: its last part", !is_text),
            (b"\xFF\xFEO\0n\0c\0e\0", "is UTF-16 text; convert it to UTF-8", true),
            (&with_mark, "begins with a byte order mark", is_text),
            (b"", "is empty; get the file again", ["config.json", "model.safetensors"].contains(&file)),
        ];
        for (bytes, expected, _) in cases.into_iter().filter(|(.., applies)| *applies) {
            fs::write(&path, bytes).unwrap();
            refused(&dir, "model", &[&format!("error: model/{file}: "), expected]);
        }
        fs::write(&path, whole).unwrap();
    }
    success(greedy(&dir, "model"));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_name_that_is_no_directory_leads_to_one() {
    let dir = scratch("refusals-names");
    for name in ["gpt2", "openai-community/gpt2", "weights/gpt2"] {
        let remedy = "`./weights-fetch.sh gpt2` fetches the model of this name into weights/gpt2: then give that";
        refused(&dir, name, &[&format!("error: {name}: there is no such directory; {remedy}\n")]);
    }
    refused(&dir, "distilbert/distilgpt2", &["`./weights-fetch.sh distilgpt2`"]);
    refused(&dir, "someone/some-model", &["`./weights-fetch.sh someone/some-model DIR` fetches it: then give DIR"]);
    let expected = "there is no such directory: expected config.json and model.safetensors in it\n";
    for name in ["my-model", "./model", "a/b/gpt2", "/no/such"] {
        refused(&dir, name, &[&format!("error: {name}: {expected}")]);
    }
    write_model(&dir.join("weights/gpt2"), &config());
    refused(
        &dir,
        "gpt2",
        &["error: gpt2: there is no such directory; the model of this name is in weights/gpt2: give that\n"],
    );
    success(greedy(&dir, "weights/gpt2"));
    let inside = Path::new("weights").join("gpt2");
    let inside =
        format!("error: weights: it has no config.json; there is a model in {}: give that\n", inside.display());
    refused(&dir, "weights", &[&inside]);
    refused(&dir, "", &["error: model: the name of its directory is empty\n"]);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_file_in_place_of_its_directory_says_which_directory() {
    let dir = scratch("refusals-one-file");
    write_model(&dir.join("model"), &config());
    success(greedy(&dir, "model/model.safetensors")); // the file says enough, with what is beside it
    for file in ["config.json", "tokenizer.json"] {
        let name = format!("model/{file}");
        refused(&dir, &name, &[&format!("error: {name}: is a file; give the directory that it is in: model\n")]);
    }
    refused(&dir.join("model"), "config.json", &["give the directory that it is in: .\n"]);
    fs::write(dir.join("a.ggml"), "lmgg").unwrap();
    refused(
        &dir,
        "a.ggml",
        &["a.ggml: is in the form of llama.cpp of before August 2023", "get the model that it was made from"],
    );
    fs::write(dir.join("a.gguf"), "GGUF").unwrap();
    refused(
        &dir,
        "a.gguf",
        &["a.gguf: GGUF: its version, at byte 4, takes 4 bytes, and 0 are left: is the file cut short?"],
    );
    fs::write(dir.join("a.gguf"), "version https://git-lfs.github.com/spec/v1").unwrap();
    refused(&dir, "a.gguf", &["a.gguf: is not the file itself but a Git LFS pointer to it"]);
    fs::write(dir.join("text.txt"), "text").unwrap();
    refused(
        &dir,
        "text.txt",
        &["is no model that is read here: give a directory with config.json and model.safetensors, a .gguf, or"],
    );
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_folder_of_the_hugging_face_cache_is_followed_to_its_snapshot() {
    let dir = scratch("refusals-cache");
    let cache = dir.join("models--openai-community--gpt2");
    fs::create_dir_all(cache.join("snapshots")).unwrap();
    fs::create_dir_all(cache.join("blobs")).unwrap();
    let name = "models--openai-community--gpt2";
    refused(&dir, name, &["is a folder of the Hugging Face cache without a snapshot: download the model again"]);
    write_model(&cache.join("snapshots/607a30d7"), &config());
    success(greedy(&dir, name));
    // A second snapshot, of a model that is refused: now it matters which of them is read.
    fs::create_dir_all(cache.join("snapshots/11c5a3d5")).unwrap();
    refused(&dir, name, &["with 2 snapshots, and no refs/main that names one", "snapshots/11c5a3d5\n"]);
    fs::create_dir_all(cache.join("refs")).unwrap();
    fs::write(cache.join("refs/main"), "607a30d7").unwrap();
    success(greedy(&dir, name));
    fs::write(cache.join("refs/main"), "11c5a3d5\n").unwrap();
    refused(
        &dir,
        name,
        &["snapshots/11c5a3d5: it has no config.json: expected config.json and model.safetensors in it"],
    );
    fs::write(cache.join("refs/main"), "../..").unwrap(); // not a name
    refused(&dir, name, &["with 2 snapshots, and no refs/main that names one"]);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn weights_in_a_form_that_is_not_read_here_are_named_with_the_way_to_one_that_is() {
    let dir = scratch("refusals-forms");
    let torch = "may be weights as PyTorch saves them, under another name";
    let rename = "if it is the state dict of a GPT-2, rename it to pytorch_model.bin";
    for (file, parts) in [
        ("weights.pt", [torch, rename]),
        ("model.bin", [torch, rename]),
        ("model-00001-of-00002.safetensors", ["is one part of weights in several files", "get their index too"]),
        (
            "tf_model.h5",
            ["tf_model.h5 is in the form of TensorFlow", "version 4 of the transformers library (from_tf=True)"],
        ),
        (
            "model.ckpt.data-00000-of-00001",
            ["is one part of a checkpoint of TensorFlow", "it is read together with its .index"],
        ),
        ("model.ckpt.meta", ["is one part of a checkpoint of TensorFlow", "give the directory with them"]),
        ("flax_model.msgpack", ["is in the form of Flax", "(from_flax=True)"]),
        ("model-q4.gguf", ["model-q4.gguf may be a model in the form of llama.cpp", "give the file itself"]),
        ("model.onnx", ["model.onnx is in the form of ONNX", "get the model that it was made from"]),
        ("adapter_model.safetensors", ["belongs to a LoRA adapter", "merge it into that model with the peft library"]),
        ("adapter_config.json", ["belongs to a LoRA adapter", "(merge_and_unload)"]),
        (
            "weights.safetensors",
            ["weights.safetensors may be the weights under another name", "rename it to model.safetensors"],
        ),
    ] {
        let model = dir.join("model");
        write_model(&model, &config());
        fs::remove_file(model.join("model.safetensors")).unwrap();
        fs::write(model.join("optimizer.pt"), "beside every checkpoint of a training").unwrap();
        fs::write(model.join("training_args.bin"), "likewise").unwrap();
        refused(&dir, "model", &["error: model: it has no model.safetensors; expected config.json and"]);
        fs::write(model.join(file), "x").unwrap();
        refused(&dir, "model", &["error: model: it has no model.safetensors; ", file, parts[0], parts[1]]);
        fs::remove_file(model.join("config.json")).unwrap();
        refused(&dir, "model", &["error: model: it has no config.json and no model.safetensors; ", parts[0], parts[1]]);
        fs::remove_dir_all(&model).unwrap();
    }
    write_model(&dir.join("model"), &config());
    fs::remove_file(dir.join("model/config.json")).unwrap();
    refused(&dir, "model", &["it has no config.json: beside its model.safetensors there must be one"]);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_model_of_another_kind_is_named() {
    let dir = scratch("refusals-kinds");
    write_model(&dir.join("model"), &config());
    let path = dir.join("model/config.json");
    let gpt2 = fs::read_to_string(&path).unwrap();
    for kind in ["bert", "t5", "llama", "gpt_neox"] {
        // Such a file has none of GPT-2's sizes.
        fs::write(&path, format!("{{\"model_type\": \"{kind}\", \"hidden_size\": 768}}")).unwrap();
        let problem = format!("`model_type` is \"{kind}\", expected \"gpt2\"; models of other kinds are not read here");
        refused(&dir, "model", &["model/config.json: config: ", &problem]);
    }
    fs::write(&path, gpt2.replace("gelu_new", "mish")).unwrap();
    refused(
        &dir,
        "model",
        &["`activation_function` is \"mish\", expected one of those supported here: gelu_new, gelu_fast,"],
    );
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_relative_of_gpt2_runs_and_what_knows_gpt2_alone_says_so() {
    let dir = scratch("refusals-relatives");
    write_model(&dir.join("model"), &Config { activation_function: Activation::Gelu, ..config() });
    success(greedy(&dir, "model"));
    success(run(&mut command(&dir, "explore", &["--model", "model", "the cat"])));
    for (name, problem) in [
        ("sixty_lines", "the sixty lines only know GPT-2's own GELU and attention; use `greedy` for this model"),
        ("greedy_mine", "the exercises are GPT-2's own GELU and attention; use `greedy` for this model"),
    ] {
        let error = error_of(run(&mut command(&dir, name, &["--model", "model", "the cat"])), 1);
        assert_eq!(error, format!("error: {problem}\n"));
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_was_left_out_is_said_once_and_weights_that_are_no_numbers_are_refused() {
    let dir = scratch("refusals-weights");
    write_model(&dir.join("model"), &config());
    let path = dir.join("model/config.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"n_layer\": 2", "\"n_layer\": 1")).unwrap();
    let (_, stderr) = success(greedy(&dir, "model"));
    let note = "[the weights have 2 blocks, and config.json has n_layer 1: the blocks after that are left out]\n";
    assert!(stderr.starts_with(note), "{stderr}");
    fs::write(&path, text.replace("\"n_layer\": 2", "\"n_layer\": 3")).unwrap();
    refused(
        &dir,
        "model",
        &["\"h.2.ln_1.weight\": is missing; config.json has n_layer 3, and the file has 2 blocks\n"],
    );

    let mut model = Gpt2::random(&config(), &mut Rng::new(1)).unwrap();
    model.wpe.data_mut()[12 + 5] = f32::NAN;
    checkpoint::save(dir.join("damaged"), &model, Some(&tokenizer()), Dtype::F16).unwrap();
    let place = "\"transformer.wpe.weight\": 1 of its 192 numbers is NaN or infinite, the first (NaN) at [1, 5];";
    refused(&dir, "damaged", &["damaged/model.safetensors: tensor ", place]);
    fs::write(dir.join("text.txt"), "the cat").unwrap();
    for args in [["perplexity", "text.txt"], ["logits", "the"], ["sample", "the"]] {
        let error = error_of(run(&mut command(&dir, args[0], &["--model", "damaged", args[1]])), 1);
        assert!(error.contains(place), "{error}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_model_larger_than_memory_is_one_line_before_anything_is_taken() {
    let dir = scratch("refusals-large");
    fs::create_dir(dir.join("model")).unwrap();
    // A terabyte, of which the disk holds only the first page: a table of 4 billion rows of 64 numbers.
    let config = Config { n_inner: 64, ..Config::new(4_000_000_000, 1, 64, 1, 1) };
    let (mut entries, mut end) = (Vec::new(), 0_u64);
    for (name, shape) in config.shapes(gpt60::Head::Tied) {
        let begin = end;
        end += 4 * shape.iter().map(|&n| n as u64).product::<u64>();
        entries.push(format!("{name:?}:{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{begin},{end}]}}"));
    }
    let header = format!("{{{}}}", entries.join(","));
    let sizes =
        r#"{"vocab_size": 4000000000, "n_positions": 1, "n_embd": 64, "n_head": 1, "n_layer": 1, "n_inner": 64}"#;
    fs::write(dir.join("model/config.json"), sizes).unwrap();
    let mut file = fs::File::create(dir.join("model/model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    let has_sparse_files = file.set_len(8 + header.len() as u64 + end).is_ok();
    if has_sparse_files && Vec::<u8>::new().try_reserve_exact(end as usize).is_err() {
        refused(
            &dir,
            "model",
            &["model/model.safetensors: the model: its weights need 1025 GB of memory, 4 bytes for each"],
        );
        refused(&dir, "model", &["and that is more than there is; choose a smaller model\n"]);
        let error = safetensors::read(dir.join("model/model.safetensors")).unwrap_err().to_string();
        assert!(error.contains("its 256000000000 numbers need more memory than there is"), "{error}");
    } else {
        // Not with `eprintln!`, which the test runner captures.
        let _ = writeln!(std::io::stderr(), "not tested: a terabyte is no problem here, in a file or in memory");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn names_that_another_program_has_put_in_front_make_no_difference() {
    let dir = scratch("refusals-prefixes");
    write_model(&dir.join("model"), &config());
    let (text, _) = success(greedy(&dir, "model"));
    let model = Gpt2::random(&config(), &mut Rng::new(1)).unwrap();
    let named: Vec<(String, &Tensor)> = model.parameters().unwrap();
    for prefix in ["_orig_mod.transformer.", "module.", "bert."] {
        let renamed: Vec<_> = named.iter().map(|(name, tensor)| (format!("{prefix}{name}"), *tensor)).collect();
        safetensors::write(dir.join("model/model.safetensors"), &renamed, &[], Dtype::F32).unwrap();
        if prefix == "bert." {
            let there = "\"bert.h.0.attn.c_attn.bias\", \"bert.h.0.attn.c_attn.weight\"";
            refused(
                &dir,
                "model",
                &["tensor \"wte.weight\": is missing, and every GPT-2 has it; the file has ", there],
            );
        } else {
            assert_eq!(success(greedy(&dir, "model")).0, text, "{prefix}");
        }
    }
    fs::remove_dir_all(&dir).unwrap();
}
