//! What cannot work is an error that says why, and leaves nothing wrong behind.

use crate::machine::{Machine, sha256, tools};
use crate::server::Mood;
use std::fs;
use std::net::TcpListener;
use std::process::Command;

#[test]
fn a_wrong_file_never_gets_the_name_and_is_not_kept() {
    for tool in tools() {
        let machine = Machine::new("wrong", tool);
        machine.server.set(Mood::Wrong);
        let error = machine.failure(&[], 1);
        let found: Vec<u8> = machine.files["config.json"].iter().map(|byte| byte ^ 1).collect();
        assert!(error.contains("config.json"), "{error}");
        assert!(error.contains(&sha256(&found)) && error.contains(&sha256(&machine.files["config.json"])), "{error}");
        assert_eq!(machine.present("weights/gpt2", false), 0);
        machine.server.set(Mood::Good);
        machine.success(&[]);
    }
}

#[test]
fn somebody_elses_file_is_left_alone() {
    for tool in tools() {
        let machine = Machine::new("foreign", tool);
        fs::create_dir_all(machine.dir.join("weights/gpt2")).unwrap();
        let file = machine.dir.join("weights/gpt2/config.json");
        fs::write(&file, "precious").unwrap();
        let error = machine.failure(&[], 1);
        assert!(error.contains("config.json") && error.contains("another directory"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), b"precious");
        assert_eq!(machine.server.requests(), []);
    }
}

#[test]
fn what_the_server_does_not_have_is_an_error_with_its_address() {
    for tool in tools() {
        let machine = Machine::new("missing", tool);
        machine.server.set(Mood::NotFound);
        let error = machine.failure(&[], 1);
        assert!(error.contains(&machine.server.address) && error.contains("the server refuses it"), "{error}");
        assert_eq!(machine.present("weights/gpt2", true), 0);
    }
}

#[test]
fn a_host_that_is_not_there_is_an_error_with_a_remedy() {
    for tool in tools() {
        let machine = Machine::new("nobody", tool);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(); // free again
        let output = machine.command(&[]).env("GPT60_MIRROR", format!("http://127.0.0.1:{port}")).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains("no connection to the host"), "{text}");
        assert!(text.contains("GPT60_MIRROR"), "{text}");
        assert_eq!(machine.present("weights/gpt2", true), 0);
    }
}

#[test]
fn a_missing_tool_is_named_before_anything_is_fetched() {
    if tools().is_empty() {
        return;
    }
    let machine = Machine::new("tools", "curl");
    let basics = ["bash", "cat", "wc", "tr", "cut", "df", "awk", "mkdir", "mv", "rm"];
    machine.install(&[&basics[..], &["sha256sum", "shasum", "perl"]].concat());
    assert!(machine.failure(&[], 1).contains("neither curl nor wget"));
    machine.install(&[&basics[..], &["curl", "wget"]].concat());
    assert!(machine.failure(&[], 1).contains("neither sha256sum nor shasum"));
    machine.install(&["bash", "curl", "wget", "sha256sum", "shasum"]);
    assert!(machine.failure(&[], 1).contains("is missing"));
    assert_eq!(machine.server.requests(), []);
    assert!(!machine.dir.join("weights").exists());
}

#[test]
fn a_wrong_call_says_what_would_be_right() {
    for tool in tools().into_iter().take(1) {
        let machine = Machine::new("calls", tool);
        assert!(machine.failure(&["gpt3"], 2).contains("gpt2-xl"));
        assert!(machine.failure(&["gpt2", "a", "b"], 2).contains("use:"));
        assert!(machine.failure(&["gpt2", ""], 2).contains("use:"));
        let help = machine.run(&["--help"]);
        assert!(help.status.success() && String::from_utf8(help.stdout).unwrap().contains("GPT60_MIRROR"));
        fs::write(machine.dir.join("file"), "").unwrap();
        for place in ["file", "file/below"] {
            assert!(machine.failure(&["gpt2", place], 1).contains("cannot be made"));
        }
        assert_eq!(machine.server.requests(), []);
    }
}

#[test]
fn too_little_room_is_said_before_anything_is_fetched() {
    for tool in tools().into_iter().take(1) {
        let machine = Machine::new("room", tool);
        fs::remove_file(machine.dir.join("bin/df")).unwrap();
        let df = "#!/bin/sh\necho 'Filesystem 1024-blocks Used Available Capacity Mounted on'\necho '/dev/disk 9 9 100 9% /'\n";
        fs::write(machine.dir.join("bin/df"), df).unwrap();
        Command::new("chmod").arg("+x").arg(machine.dir.join("bin/df")).status().unwrap();
        let error = machine.failure(&[], 1);
        assert!(error.contains("has room for 1 MB") && error.contains("make room"), "{error}");
        assert_eq!(machine.server.requests(), []);
        assert_eq!(machine.present("weights/gpt2", false), 0);
    }
}
