//! Everything arrives: at once, through another address, from a directory, and without a hash on record.

use crate::machine::{Machine, tools};
use crate::record::{MODELS, NAMES};
use crate::server::Mood;
use std::fs;
use std::io::Write;

#[test]
fn everything_is_fetched_once_and_a_second_run_finds_it_right() {
    for tool in tools() {
        let machine = Machine::new("whole", tool);
        let said = machine.success(&[]);
        assert_eq!(machine.present("weights/gpt2", false), 4, "{said}");
        assert!(said.contains("MB to fetch") && said.contains("--model weights/gpt2"), "{said}");
        let base = format!("/openai-community/gpt2/resolve/{}", MODELS[0][1]);
        let expected: Vec<_> = NAMES.iter().map(|name| (format!("{base}/{name}"), None)).collect();
        assert_eq!(machine.server.requests(), expected);

        let said = machine.success(&["gpt2"]);
        assert_eq!(said.matches("is there already, and is right").count(), 4, "{said}");
        assert_eq!(machine.server.requests(), []);

        // Another place, with a space in its name, or one that looks like a flag.
        machine.success(&["gpt2", "some where"]);
        machine.success(&["gpt2", "-o"]);
        assert_eq!((machine.present("some where", false), machine.present("-o", false)), (4, 4));
    }
}

#[test]
fn a_file_that_has_moved_is_followed() {
    for tool in tools() {
        let machine = Machine::new("moved", tool);
        machine.server.set(Mood::Moved);
        machine.success(&[]);
        assert_eq!(machine.present("weights/gpt2", false), 4);
    }
}

#[test]
fn a_directory_can_be_a_mirror() {
    if !tools().contains(&"curl") {
        let _ = writeln!(std::io::stderr(), "not tested: there is no curl here");
        return;
    }
    let machine = Machine::new("directory", "curl");
    let mirror = machine.dir.join(format!("mirror/openai-community/gpt2/resolve/{}", MODELS[0][1]));
    fs::create_dir_all(&mirror).unwrap();
    for (name, bytes) in &machine.files {
        fs::write(mirror.join(name), bytes).unwrap();
    }
    let address = format!("file://{}", machine.dir.join("mirror").display());
    let output = machine.command(&[]).env("GPT60_MIRROR", address).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(machine.present("weights/gpt2", false), 4);
}

#[test]
fn without_a_hash_on_record_it_says_that_nothing_is_verified() {
    for tool in tools() {
        let machine = Machine::new("unverified", tool);
        let said = machine.success(&["distilgpt2", "here"]);
        assert!(said.contains("NOT VERIFIED"), "{said}");
        assert_eq!(machine.present("here", false), 4);
        assert_eq!(machine.server.requests()[0].0, "/distilbert/distilgpt2/resolve/main/config.json");
        // An existing file is kept, no matter what it is.
        let said = machine.success(&["distilgpt2", "here"]);
        assert_eq!(said.matches("is there already").count(), 4, "{said}");
    }
}
