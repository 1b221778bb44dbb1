//! A repository that is not for everybody: the token gets to the hub and to nobody else.

use crate::hub::{REPOSITORY, hub, hub_that_says, install_script, large, list, names_in, small};
use crate::machine::{Files, Machine, find, tools};
use crate::server::{Mood, Server};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

const TOKEN: &str = "hf_Secret123";

fn gpt2() -> Files {
    let mut files = small(&["config.json", "tokenizer.json"]);
    files.insert("model.safetensors", large(1));
    files
}

/// What a run says that has a token: whether it succeeds, and its text.
fn run_with(machine: &Machine, token: &str, model: &str) -> (bool, String) {
    let output = machine.command(&[model, "here"]).env("HF_TOKEN", token).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn a_gated_repository_says_what_to_do_and_a_token_opens_it() {
    for tool in tools() {
        for listed in [true, false] {
            let files = gpt2();
            let described = listed.then(|| list(&files));
            let machine = hub_that_says(&format!("gated-{listed}"), tool, files, described);
            machine.server.set(Mood::Gated(TOKEN));
            let error = machine.failure(&[REPOSITORY, "here"], 1);
            assert!(error.contains("answers 401") && error.contains("set HF_TOKEN to your token"), "{error}");
            let (success, said) = run_with(&machine, "hf_other", REPOSITORY);
            assert!(!success && said.contains("answers 403") && said.contains("the token in HF_TOKEN"), "{said}");
            assert!(!said.contains("hf_other"), "{said}");
            let (success, said) = run_with(&machine, TOKEN, REPOSITORY);
            assert!(success && !said.contains(TOKEN), "{tool}: {said}");
            assert_eq!(machine.present("here", false), 3);
        }
    }
}

#[test]
fn a_file_that_is_gated_though_the_list_is_not_says_the_same() {
    for tool in tools() {
        let machine = hub("files-gated", tool, gpt2());
        machine.server.set(Mood::GatedFiles);
        let error = machine.failure(&[REPOSITORY, "here"], 1);
        assert!(error.contains("answers 403") && error.contains("Ask for access on"), "{error}");
        assert_eq!(names_in(&machine, "here"), [""; 0]);
    }
}

#[test]
fn the_token_is_not_sent_to_another_host() {
    for tool in tools() {
        let machine = hub("elsewhere", tool, gpt2());
        let elsewhere = Server::new(gpt2().into_iter().chain([(crate::hub::LIST, list(&gpt2()))]).collect());
        // Another name for the same machine is another host.
        let address = elsewhere.address.replace("127.0.0.1", "localhost");
        machine.server.set(Mood::MovedTo(address.leak()));
        let (success, said) = run_with(&machine, TOKEN, REPOSITORY);
        assert!(success, "{tool}: {said}");
        assert_eq!(machine.present("here", false), 3);
        let heard = elsewhere.heard();
        assert!(heard.len() >= 4 && heard.iter().all(|request| request.authorization.is_none()), "{tool}: {heard:?}");
        let heard = machine.server.heard();
        let right = format!("Bearer {TOKEN}");
        assert!(heard.iter().all(|request| request.authorization.as_ref() == Some(&right)), "{tool}: {heard:?}");
        // On the hub's own host it is kept, wherever the way goes there.
        let machine = hub("moved", tool, gpt2());
        machine.server.set(Mood::Moved);
        assert!(run_with(&machine, TOKEN, REPOSITORY).0);
        let heard = machine.server.heard();
        assert!(heard.iter().all(|request| request.authorization.as_ref() == Some(&right)), "{tool}: {heard:?}");
    }
}

#[test]
fn the_token_is_on_no_command_line_and_in_no_file_that_stays() {
    for tool in tools() {
        let machine = hub("hidden", tool, gpt2());
        // In place of the tool, something that writes down how it was called.
        let real = find(tool).unwrap();
        install_script(&machine, tool, &format!("printf '%s\\n' \"$@\" >>calls; exec {} \"$@\"", real.display()));
        let (success, said) = run_with(&machine, TOKEN, REPOSITORY);
        assert!(success && !said.contains(TOKEN), "{said}");
        let calls = fs::read_to_string(machine.dir.join("calls")).unwrap();
        assert!(calls.contains("model.safetensors") && !calls.contains(TOKEN), "{calls}");
        assert_eq!(names_in(&machine, "here"), ["config.json", "model.safetensors", "tokenizer.json"]);
        let heard = machine.server.heard();
        assert!(heard.iter().all(|request| request.authorization.is_some()), "{heard:?}");
    }
}

#[test]
fn while_wget_runs_nobody_else_can_read_the_token_and_its_own_settings_count() {
    if !tools().contains(&"wget") {
        let _ = writeln!(std::io::stderr(), "not tested: there is no wget here");
        return;
    }
    let machine = hub("mode", "wget", gpt2());
    fs::write(machine.dir.join(".wgetrc"), "header = Authorization: mine\nuser_agent = mine").unwrap();
    machine.server.set(Mood::Stall(50_000));
    let mut command = machine.command(&[REPOSITORY, "here"]);
    command.env("HF_TOKEN", TOKEN).env("HOME", &machine.dir).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    while fs::metadata(machine.dir.join("here/model.safetensors.part")).map_or(0, |data| data.len()) == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    let settings = machine.dir.join("here/.fetching/wgetrc");
    assert_eq!(fs::metadata(&settings).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&settings).unwrap().starts_with("header = Authorization: mine\nuser_agent = mine\n"));
    Command::new("kill").args(["-TERM".to_string(), child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(143));
    assert!(!machine.dir.join("here/.fetching").exists());
    // The token comes after the user's own.
    let right = format!("Bearer {TOKEN}");
    assert!(machine.server.heard().iter().all(|request| request.authorization.as_ref() == Some(&right)));
}

#[test]
fn a_model_on_record_is_fetched_without_the_token_and_an_odd_one_is_refused() {
    for tool in tools() {
        let machine = Machine::new("on-record", tool);
        assert!(run_with(&machine, TOKEN, "gpt2").0);
        assert!(machine.server.heard().iter().all(|request| request.authorization.is_none()));
        let machine = hub("odd-token", tool, gpt2());
        for token in ["a b", "a\"b", "a\nb", "a\\b"] {
            let output = machine.command(&[REPOSITORY]).env("HF_TOKEN", token).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains("HF_TOKEN has characters") && !said.contains(token), "{said}");
        }
        assert_eq!(machine.server.requests(), []);
    }
}
