//! Any GPT-2 of the hub: each form of weights arrives with what belongs to it, and no more.

use crate::hub::{COMMIT, REPOSITORY, hub, hub_that_says, large, list, names_in, small};
use crate::machine::{Files, Machine, git_hash, tools};
use crate::server::Mood;
use std::fs;
use std::io::Write;

const INDEX: &[u8] =
    br#"{"metadata": {"total_size": 9}, "weight_map": {"wte.weight": "model-00001-of-00002.safetensors",
    "h.0.\"x\"": "model-00002-of-00002.safetensors", "wpe.weight": "model-00001-of-00002.safetensors"}}"#;

/// Repositories: what they have beyond README.md, and the names that shall arrive of it.
fn forms() -> Vec<(&'static str, Files, Vec<&'static str>)> {
    let with = |small_ones: &[&'static str], large_ones: &[&'static str]| {
        let mut files = small(small_ones);
        files.extend(large_ones.iter().zip(1..).map(|(&name, seed)| (name, large(seed))));
        files
    };
    let split = ["config.json", "merges.txt", "vocab.json"];
    let others = ["pytorch_model.bin", "model.q8_0.gguf", "ckpt.pt", "tf_model.h5"];
    let parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

    let mut cases = Vec::new();
    let all = ["model.safetensors"].iter().chain(&others).copied().collect::<Vec<_>>();
    cases.push(("safetensors", with(&split, &all), [&split[..], &["model.safetensors"]].concat()));

    let mut files = with(&["config.json", "tokenizer.json", "vocab.json", "merges.txt"], &parts);
    files.insert("model.safetensors.index.json", INDEX.to_vec());
    let index = ["config.json", "tokenizer.json", "model.safetensors.index.json", parts[0], parts[1]];
    cases.push(("index", files, index.to_vec()));

    let beside = [
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "generation_config.json",
        "chat_template.jinja",
    ];
    let expected = [&split[..], &beside, &["pytorch_model.bin"]].concat();
    cases.push(("torch", with(&[&split[..], &beside].concat(), &others), expected));

    let mut files = with(&["config.json", "merges.txt"], &["pytorch_model-00001-of-00001.bin"]);
    files.insert(
        "pytorch_model.bin.index.json",
        br#"{"weight_map": {"wte.weight": "pytorch_model-00001-of-00001.bin"}}"#.to_vec(),
    );
    let expected = ["config.json", "merges.txt", "pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin"];
    cases.push(("torch-index", files, expected.to_vec()));

    // nanoGPT's file has its configuration in it, and is only read as such where there is no config.json.
    cases.push(("nano", with(&split, &["ckpt.pt", "tf_model.h5"]), vec!["merges.txt", "vocab.json", "ckpt.pt"]));
    cases
}

/// With README.md, which nobody needs.
fn with_readme(mut files: Files) -> Files {
    files.extend(small(&["README.md"]));
    files
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    names.sort();
    names
}

#[test]
fn each_form_arrives_from_the_commit_that_was_described_and_is_checked() {
    for tool in tools() {
        for (name, files, expected) in forms() {
            let machine = hub(name, tool, with_readme(files));
            let said = machine.success(&[REPOSITORY]);
            let dir = "weights/tiny_gpt2.x";
            machine.present(dir, false); // every byte
            assert_eq!(names_in(&machine, dir), sorted(&expected), "{tool}, {name}: {said}");
            assert_eq!(said.matches("NOT VERIFIED").count(), 1, "{said}");
            assert_eq!(said.matches(": whole, as the hub describes it").count(), expected.len(), "{said}");
            assert!(said.contains(
                "Now run:\n\n    cargo run --release --example greedy -- --model weights/tiny_gpt2.x \"Alan"
            ));

            // One question, and one request for each file.
            let mut requests: Vec<String> = machine.server.requests().into_iter().map(|(path, _)| path).collect();
            assert_eq!(requests.remove(0), format!("/api/models/{REPOSITORY}/revision/main?blobs=true"));
            requests.sort();
            let base = format!("/{REPOSITORY}/resolve/{COMMIT}");
            assert_eq!(requests, sorted(&expected).iter().map(|name| format!("{base}/{name}")).collect::<Vec<_>>());

            let said = machine.success(&[REPOSITORY]);
            assert_eq!(said.matches("is there already, as the hub describes it").count(), expected.len(), "{said}");
            assert_eq!(machine.server.requests().len(), 1, "{tool}, {name}");
        }
    }
}

#[test]
fn a_mirror_without_a_list_is_asked_for_each_name() {
    for tool in tools() {
        for (name, files, expected) in forms() {
            let machine = hub_that_says(&format!("{name}-names"), tool, with_readme(files), None);
            let said = machine.success(&[&format!("{REPOSITORY}@refs/pr/1"), "here"]);
            machine.present("here", false);
            assert_eq!(names_in(&machine, "here"), sorted(&expected), "{tool}, {name}: {said}");
            assert_eq!(said.matches(": whole (not verified)").count(), expected.len(), "{said}");
            // It was known how large the weights are.
            assert!(said.contains(": about 1 MB to fetch into here"), "{said}");
            let heard = machine.server.heard();
            assert_eq!(heard[0].path, format!("/api/models/{REPOSITORY}/revision/refs%2Fpr%2F1?blobs=true"));
            let base = format!("/{REPOSITORY}/resolve/refs%2Fpr%2F1/");
            assert!(heard[1..].iter().all(|request| request.path.starts_with(&base)), "{tool}, {name}: {heard:?}");
            let n_fetched = heard[1..].iter().filter(|request| !request.is_head).count();
            assert_eq!(n_fetched, expected.len(), "{tool}, {name}: {heard:?}");

            let said = machine.success(&[&format!("{REPOSITORY}@refs/pr/1"), "here"]);
            assert_eq!(said.matches("is there already (there is no hash").count(), expected.len(), "{said}");
        }
    }
}

#[test]
fn a_directory_can_be_the_mirror_of_a_repository() {
    if !tools().contains(&"curl") {
        let _ = writeln!(std::io::stderr(), "not tested: there is no curl here");
        return;
    }
    for (name, files, expected) in forms() {
        let machine = hub(&format!("{name}-directory"), "curl", files);
        let mirror = machine.dir.join(format!("mirror/{REPOSITORY}/resolve/main"));
        fs::create_dir_all(&mirror).unwrap();
        for (name, bytes) in &machine.files {
            fs::write(mirror.join(name), bytes).unwrap();
        }
        let address = format!("file://{}", machine.dir.join("mirror").display());
        let output = machine.command(&[REPOSITORY, "here"]).env("GPT60_MIRROR", address).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        machine.present("here", false);
        assert_eq!(names_in(&machine, "here"), sorted(&expected), "{name}");
    }
}

#[test]
fn of_several_gguf_one_is_taken_and_another_can_be_named() {
    let names: [&'static str; 4] = ["x.Q4_K_M.gguf", "x.Q8_0.gguf", "x.bf16.gguf", "x.f16.gguf"];
    let repository = |n: &[usize]| -> Files {
        let mut files = small(&["config.json", "tokenizer.json"]);
        files.extend(n.iter().map(|&i| (names[i], large(i as u32))));
        files.insert("x.Q2_K-00001-of-00002.gguf", large(9)); // in parts, which are not read
        files
    };
    for tool in tools() {
        for (present, expected) in [(&[0, 1, 2, 3][..], 1), (&[0, 2, 3], 3), (&[0, 2], 0), (&[2], 2)] {
            let machine = hub("gguf", tool, repository(present));
            let said = machine.success(&[REPOSITORY]);
            assert_eq!(names_in(&machine, "weights/tiny_gpt2.x"), [names[expected]], "{said}");
            assert!(said.contains(&format!("--model weights/tiny_gpt2.x/{} ", names[expected])), "{said}");
            let choice: Vec<&str> = present.iter().map(|&i| names[i]).collect();
            let note = format!("{} is taken. To choose, name one after the directory", names[expected]);
            assert_eq!(said.contains(&note), present.len() > 1, "{said}");
            assert_eq!(said.contains(&format!("FILE one of {}\n", choice.join(", "))), present.len() > 1, "{said}");
        }
        let machine = hub("gguf-named", tool, repository(&[0, 1]));
        machine.success(&[REPOSITORY, "here", names[0]]);
        assert_eq!(names_in(&machine, "here"), [names[0]]);
        assert!(machine.failure(&[REPOSITORY, "here", names[3]], 1).contains("has no x.f16.gguf"));
        // A mirror that cannot say which there are.
        let machine = hub_that_says("gguf-unlisted", tool, repository(&[0, 1]), None);
        machine.success(&[REPOSITORY, "here", names[0]]);
        assert_eq!(names_in(&machine, "here"), [names[0]]);
        assert!(machine.failure(&[REPOSITORY, "there"], 1).contains("a .gguf can be named as the third argument"));
    }
}

#[test]
fn a_part_goes_on_where_it_was_and_damage_is_found() {
    for tool in tools() {
        let (_, files, expected) = forms().remove(1); // the one with an index
        let machine = hub("parts", tool, files);
        machine.server.set(Mood::Cut(60_000));
        let error = machine.failure(&[REPOSITORY, "here"], 1);
        assert!(error.contains("model-00001-of-00002.safetensors could not be fetched"), "{error}");
        let part = machine.dir.join("here/model-00001-of-00002.safetensors.part");
        let n_there = fs::metadata(&part).unwrap().len() as usize;
        machine.server.requests();
        machine.server.set(Mood::Good);
        machine.success(&[REPOSITORY, "here"]);
        assert_eq!(machine.present("here", false), expected.len());
        let requests = machine.server.requests();
        assert!(
            requests.iter().any(|(path, from)| path.ends_with("-00001-of-00002.safetensors") && *from == Some(n_there))
        );

        // A file that has changed, small or large, is not taken for the right one.
        for name in ["config.json", "tokenizer.json", "model-00002-of-00002.safetensors"] {
            let file = machine.dir.join("here").join(name);
            let right = fs::read(&file).unwrap();
            let mut wrong = right.clone();
            wrong[7] ^= 1;
            fs::write(&file, &wrong).unwrap();
            let error = machine.failure(&[REPOSITORY, "here"], 1);
            assert!(
                error.contains(&format!("{name} is there and is not")) && error.contains("has changed since"),
                "{error}"
            );
            assert_eq!(fs::read(&file).unwrap(), wrong);
            fs::write(&file, right).unwrap();
        }
    }
}

#[test]
fn a_repository_on_record_is_verified_under_its_full_name_too() {
    for tool in tools().into_iter().take(1) {
        let machine = Machine::new("full-name", tool);
        let said = machine.success(&["openai-community/gpt2"]);
        assert!(!said.contains("NOT VERIFIED") && said.matches(": whole, and right").count() == 4, "{said}");
        // Somebody else's model of that name is another one.
        let machine = hub("namesake", tool, forms().remove(0).1);
        assert!(machine.success(&["some-one/gpt2", "here"]).contains("NOT VERIFIED"));
    }
}

#[test]
fn a_model_without_a_vocabulary_is_run_with_ids() {
    for tool in tools().into_iter().take(1) {
        let mut files = small(&["config.json", "vocab.txt"]);
        files.insert("model.safetensors", large(1));
        let said = hub("ids", tool, files).success(&[REPOSITORY]);
        assert!(
            said.contains("has no vocabulary") && said.contains("--model weights/tiny_gpt2.x --ids \"0 1 2\""),
            "{said}"
        );
    }
}

#[test]
fn a_large_file_of_which_the_hub_gives_no_hash_is_not_called_verified() {
    for tool in tools().into_iter().take(1) {
        let (_, files, _) = forms().remove(0);
        let described = String::from_utf8(list(&files)).unwrap().replace("{\"sha256\":", "{\"other\":");
        let machine = hub_that_says("no-hash", tool, files, Some(described.into_bytes()));
        let said = machine.success(&[REPOSITORY]);
        assert!(said.contains("model.safetensors: whole (not verified)\n"), "{said}");
        assert!(said.contains("config.json: whole, as the hub describes it\n"), "{said}");
    }
}

#[test]
fn the_hash_of_a_small_file_is_gits() {
    // What `git hash-object` says of a file with "hello" and a newline.
    assert_eq!(git_hash(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    for tool in tools().into_iter().take(1) {
        let mut files = small(&["config.json"]);
        files.insert("merges.txt", b"hello\n".to_vec());
        files.insert("model.safetensors", large(1));
        let mut described = String::from_utf8(list(&files)).unwrap();
        assert!(described.contains("ce013625030ba8dba906f756967f9e9ca394464a"));
        described = described.replace("ce013625", "ce013626");
        let machine = hub_that_says("git", tool, files, Some(described.into_bytes()));
        let error = machine.failure(&[REPOSITORY], 1);
        assert!(error.contains("merges.txt is not what was expected: its SHA-1 (in git) is ce013625"), "{error}");
        assert_eq!(names_in(&machine, "weights/tiny_gpt2.x"), ["config.json"]);
    }
}
