//! What may not be fetched from the hub, and what cannot be: names that lead elsewhere, other models, what is not there.

use crate::hub::{REPOSITORY, hub, hub_that_says, install_script, large, list, names_in, small};
use crate::machine::{Files, Machine, tools};
use crate::server::Mood;
use std::net::TcpListener;

const DIR: &str = "weights/tiny_gpt2.x";

fn gpt2() -> Files {
    let mut files = small(&["config.json", "tokenizer.json"]);
    files.insert("model.safetensors", large(1));
    files
}

/// Whether the server was asked for a file of this name; only of it, with the head alone.
fn was_fetched(machine: &Machine, name: &str) -> bool {
    machine.server.heard().iter().any(|request| request.path.ends_with(name) && !request.is_head)
}

#[test]
fn another_kind_of_model_is_refused_before_its_weights_are_fetched() {
    for tool in tools() {
        for listed in [true, false] {
            let mut files = gpt2();
            // A `model_type` deeper inside says nothing about the model.
            let llama = br#"{"text": {"model_type": "gpt2"}, "model_type": "llama"}"#;
            files.insert("config.json", llama.to_vec());
            let described = listed.then(|| list(&files));
            let machine = hub_that_says(&format!("llama-{listed}"), tool, files, described);
            let error = machine.failure(&[REPOSITORY], 1);
            assert!(error.contains("some-one/tiny_gpt2.x is no GPT-2") && error.contains("\"llama\""), "{error}");
            assert!(!was_fetched(&machine, "model.safetensors"));
            assert_eq!(names_in(&machine, DIR), [""; 0]);
        }
        let mut files = small(&[]);
        files.insert("x.gguf", large(1));
        let described = String::from_utf8(list(&files)).unwrap();
        let described =
            described.replace("\"usedStorage\"", r#""gguf":{"total":9,"architecture":"llama"},"usedStorage""#);
        let machine = hub_that_says("llama-gguf", tool, files, Some(described.into_bytes()));
        assert!(machine.failure(&[REPOSITORY], 1).contains("the hub calls it \"llama\""));
        assert!(!was_fetched(&machine, "x.gguf"));
    }
}

#[test]
fn a_part_cannot_lead_out_of_the_directory() {
    let bad =
        ["../evil.bin", "/etc/evil.bin", "a/evil.bin", "-o.bin", "..bin", ".evil.bin", "evil.bin/..", "config.json"];
    let worse =
        ["", "evil$(x).bin", "e vil.bin", "..\\\\evil.bin", "evil\\u002f.bin", "evil\n.bin", "evil\t.bin", "*.bin"];
    for tool in tools().into_iter().take(1) {
        for (i, name) in bad.into_iter().chain(worse).enumerate() {
            let mut files = gpt2();
            files.remove("model.safetensors");
            let index = format!(r#"{{"weight_map": {{"wte.weight": "a.bin", "wpe.weight": "{name}"}}}}"#);
            files.insert("pytorch_model.bin.index.json", index.into_bytes());
            for name in ["a.bin", "evil.bin", "-o.bin", ".evil.bin"] {
                files.insert(name, large(2));
            }
            let machine =
                hub_that_says(&format!("leaves-{i}"), tool, files.clone(), (i % 2 == 0).then(|| list(&files)));
            let error = machine.failure(&[REPOSITORY, "a/here"], 1);
            assert!(error.contains("names a part that is no plain name"), "{name:?}: {error}");
            assert_eq!(names_in(&machine, "a/here"), ["config.json", "pytorch_model.bin.index.json"], "{name:?}");
            assert_eq!(names_in(&machine, "a"), ["here"], "{name:?}");
        }
    }
}

#[test]
fn a_list_cannot_lead_out_of_the_directory_and_what_is_not_plain_is_not_seen() {
    for tool in tools() {
        let mut files = gpt2();
        files.remove("model.safetensors");
        for name in [
            "../evil.gguf",
            "sub/model.safetensors",
            "-o.gguf",
            "..gguf",
            "e..vil.gguf",
            "e vil.gguf",
            ".gguf",
            "e\\\"vil.gguf",
        ] {
            files.insert(name, large(3));
        }
        let machine = hub("list", tool, files);
        let error = machine.failure(&[REPOSITORY], 1);
        assert!(error.ends_with("it has: config.json, tokenizer.json"), "{error}");
        assert_eq!(machine.server.requests().len(), 1);
    }
}

#[test]
fn what_is_missing_is_said_with_what_is_there() {
    for tool in tools() {
        let mut files = gpt2();
        files.remove("model.safetensors");
        files.insert("tf_model.h5", large(4));
        let error = hub("h5", tool, files).failure(&[REPOSITORY], 1);
        assert!(error.contains("has no weights that are read here"), "{error}");
        assert!(error.ends_with("it has: config.json, tf_model.h5, tokenizer.json"), "{error}");

        let mut files = gpt2();
        files.remove("config.json");
        assert!(hub("no-config", tool, files).failure(&[REPOSITORY], 1).contains("has no config.json"));

        let mut files = small(&["config.json"]);
        let index = r#"{"weight_map": {"a": "model-00001-of-00002.safetensors"}}"#;
        files.insert("model.safetensors.index.json", index.as_bytes().to_vec());
        for (name, listed) in [("incomplete", true), ("incomplete-unlisted", false)] {
            let machine = hub_that_says(name, tool, files.clone(), listed.then(|| list(&files)));
            assert!(machine.failure(&[REPOSITORY], 1).contains("the repository is not complete"));
        }
        files.insert("model.safetensors.index.json", b"{}".to_vec());
        assert!(hub("empty-index", tool, files).failure(&[REPOSITORY], 1).contains("names no parts"));

        // Nothing at all: there is no such repository, or no such revision.
        let machine = hub_that_says("nothing", tool, Files::new(), None);
        let error = machine.failure(&[&format!("{REPOSITORY}@v2")], 1);
        assert!(error.contains("there is no GPT-2 at") && error.contains("at v2. Check the name"), "{error}");
    }
}

#[test]
fn an_answer_that_is_not_the_hubs_is_not_taken_for_one() {
    for tool in tools() {
        let page = b"<html><a href=\"x\">Log in to this network: {}</a></html>".to_vec();
        let machine = hub_that_says("page", tool, gpt2(), Some(page.clone()));
        let error = machine.failure(&[REPOSITORY], 1);
        assert!(error.contains("is no list of files"), "{error}");
        assert_eq!(names_in(&machine, DIR), [""; 0]);

        let mut files = gpt2();
        files.insert("config.json", b"not found, says this page".to_vec());
        let error = hub_that_says("page-as-file", tool, files, None).failure(&[REPOSITORY], 1);
        assert!(error.contains("is no JSON") || error.contains("is no GPT-2"), "{error}");

        // Half a list is none.
        let machine = hub("half-a-list", tool, gpt2());
        machine.server.set(Mood::Cut(150));
        assert!(machine.failure(&[REPOSITORY], 1).contains("could not be asked for"));
        machine.server.set(Mood::Unavailable);
        assert!(machine.failure(&[REPOSITORY], 1).contains("status 503"));
        assert_eq!(names_in(&machine, DIR), [""; 0]);
    }
}

#[test]
fn a_hub_that_is_not_there_is_not_taken_for_one_that_refuses() {
    for tool in tools() {
        let machine = hub("nobody", tool, gpt2());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(); // free again
        let mut command = machine.command(&[REPOSITORY]);
        let output = command.env("GPT60_MIRROR", format!("http://127.0.0.1:{port}")).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("could not be asked for at") && said.contains("no connection to the host"), "{said}");
        // Without a network, no name is found: curl ends with 6, and wget with 4.
        let (status, expected) = if tool == "curl" { (6, "was not found") } else { (4, "no connection") };
        install_script(&machine, tool, &format!("exit {status}"));
        let error = machine.failure(&[REPOSITORY], 1);
        assert!(error.contains("could not be asked for at") && error.contains(expected), "{error}");
    }
}

#[test]
fn a_wrong_call_for_a_repository_is_refused_before_anything_is_asked() {
    for tool in tools().into_iter().take(1) {
        let machine = hub("calls", tool, gpt2());
        for name in [
            "a/b/c", "/b", "a/", "../b", "a/..", "-a/b", "a/-b", "a/b@", "a/b@-x", "a/b@../c", "a b/c", "a/b?c", "a/.b",
        ] {
            assert!(machine.failure(&[name], 2).contains("OWNER/NAME"), "{name}");
        }
        assert!(machine.failure(&["a/b", ""], 2).contains("use:"));
        assert!(machine.failure(&["a/b", "here", "x.bin"], 2).contains("no file of weights that is read here"));
        assert!(machine.failure(&["a/b", "here", "../x.gguf"], 2).contains("no file of weights that is read here"));
        assert!(machine.failure(&["a/b", "here", ""], 2).contains("no file of weights that is read here"));
        assert!(machine.failure(&["a/b", "here", "x.gguf", "more"], 2).contains("use:"));
        assert_eq!(machine.server.requests(), []);
        let help = String::from_utf8(machine.run(&["--help"]).stdout).unwrap();
        for word in ["OWNER/NAME[@REVISION] [DIR [FILE]]", "HF_TOKEN", "GPT60_MIRROR", "weights/NAME", "default: main"]
        {
            assert!(help.contains(word), "{help}");
        }
    }
}

#[test]
fn too_little_room_for_a_repository_is_said_before_its_weights_are_fetched() {
    for tool in tools().into_iter().take(1) {
        let machine = hub("room", tool, gpt2());
        let heading = "Filesystem 1024-blocks Used Available Capacity Mounted on";
        install_script(&machine, "df", &format!("echo '{heading}'; echo '/dev/disk 9 9 100 9% /'"));
        assert!(machine.failure(&[REPOSITORY], 1).contains("has room for 1 MB"));
        assert!(!was_fetched(&machine, "model.safetensors"));
    }
}
