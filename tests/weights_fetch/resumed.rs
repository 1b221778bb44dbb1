//! A download that was interrupted goes on where it was, whatever interrupted it.

use crate::machine::{Machine, find, tools};
use crate::server::Mood;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

#[test]
fn a_broken_download_goes_on_where_it_was() {
    for tool in tools() {
        let machine = Machine::new("resumed", tool);
        machine.server.set(Mood::Cut(100_000));
        let error = machine.failure(&[], 1);
        assert!(error.contains("model.safetensors") && error.contains("same command again"), "{tool}: {error}");
        // The small files were whole.
        assert_eq!(machine.present("weights/gpt2", true), 3, "{tool}");
        // wget tries a second time by itself, and goes on too.
        let n_there = fs::metadata(machine.dir.join("weights/gpt2/model.safetensors.part")).unwrap().len() as usize;
        assert!((100_000..300_000).contains(&n_there), "{tool}: {n_there}");
        machine.server.requests();
        machine.server.set(Mood::Good);
        machine.success(&[]);
        assert_eq!(machine.present("weights/gpt2", false), 4, "{tool}");
        let requests = machine.server.requests();
        assert_eq!((requests.len(), requests[0].1), (1, Some(n_there)), "{tool}");
    }
}

#[test]
fn a_part_that_is_whole_already_is_taken_and_one_that_fits_nothing_is_thrown_away() {
    for tool in tools() {
        let machine = Machine::new("parts", tool);
        let part = machine.dir.join("weights/gpt2/model.safetensors.part");
        let whole = machine.files["model.safetensors"].clone();
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        for bytes in [whole.clone(), vec![7; 1000], vec![7; 300_000], vec![7; 400_000]] {
            fs::write(&part, &bytes).unwrap();
            machine.success(&[]);
            assert_eq!(machine.present("weights/gpt2", false), 4, "{tool}: a part of {} bytes", bytes.len());
            fs::remove_file(part.with_extension("")).unwrap();
        }
    }
}

#[test]
fn a_server_that_sends_no_parts_is_asked_for_the_whole() {
    for tool in tools() {
        let machine = Machine::new("without-parts", tool);
        machine.server.set(Mood::Cut(100_000));
        machine.failure(&[], 1);
        machine.server.set(Mood::WithoutParts);
        machine.success(&[]);
        assert_eq!(machine.present("weights/gpt2", false), 4, "{tool}");
    }
}

#[test]
fn a_server_that_is_out_of_order_costs_nothing_of_what_has_arrived() {
    for tool in tools() {
        let machine = Machine::new("unavailable", tool);
        machine.server.set(Mood::Cut(100_000));
        machine.failure(&[], 1);
        let part = machine.dir.join("weights/gpt2/model.safetensors.part");
        let before = fs::read(&part).unwrap();
        machine.server.set(Mood::Unavailable);
        machine.failure(&[], 1);
        assert_eq!(fs::read(&part).unwrap(), before, "{tool}");
    }
}

#[test]
fn a_disk_that_gets_full_leaves_a_part_to_go_on_with() {
    for tool in tools() {
        let machine = Machine::new("full", tool);
        // A limit on the size of a file does what a full disk does: a write fails. (In blocks of 512 or 1024 bytes. The
        // signal that comes with it is ignored, because the write itself has to fail.)
        let mut command = Command::new(find("bash").unwrap());
        let limited = "trap '' XFSZ; ulimit -f 120; exec bash weights-fetch.sh";
        command.args(["-c", limited]).current_dir(&machine.dir).stdin(Stdio::null());
        command.env_clear().env("PATH", machine.dir.join("bin")).env("GPT60_MIRROR", &machine.server.address);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains("Is the disk full?"), "{tool}: {text}");
        assert_eq!(machine.present("weights/gpt2", true), 3, "{tool}");
        machine.success(&[]); // there is room again
        assert_eq!(machine.present("weights/gpt2", false), 4, "{tool}");
    }
}

#[test]
fn a_stopped_download_ends_at_once_and_can_be_gone_on_with() {
    // (SIGHUP is not tried: under `nohup`, a test has it ignored, and so has the script.)
    for tool in tools() {
        let machine = Machine::new("stopped", tool);
        machine.server.set(Mood::Stall(50_000));
        let child = machine.command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let part = machine.dir.join("weights/gpt2/model.safetensors.part");
        // The first bytes arrive, and then no more.
        while fs::metadata(&part).map_or(0, |data| data.len()) == 0 {
            thread::sleep(Duration::from_millis(5));
        }
        // Meanwhile, a second run must not touch anything.
        assert!(machine.failure(&[], 1).contains("another run"), "{tool}");
        Command::new("kill").args(["-TERM".to_string(), child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap(); // also waits for the child's child, which holds the pipe
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(143), "{tool}: {text}");
        assert!(text.contains("run the same command again"), "{tool}: {text}");
        assert_eq!(machine.present("weights/gpt2", true), 3, "{tool}");
        machine.server.set(Mood::Good);
        machine.success(&[]);
        assert_eq!(machine.present("weights/gpt2", false), 4, "{tool}");
    }
}

#[test]
fn a_run_that_was_killed_does_not_lock_the_directory_for_ever() {
    for tool in tools().into_iter().take(1) {
        let machine = Machine::new("killed", tool);
        let mut done = Command::new("true").spawn().unwrap();
        done.wait().unwrap(); // the number belongs to no process any more
        fs::create_dir_all(machine.dir.join("weights/gpt2/.fetching")).unwrap();
        fs::write(machine.dir.join("weights/gpt2/.fetching/pid"), done.id().to_string()).unwrap();
        machine.success(&[]);
        assert_eq!(machine.present("weights/gpt2", false), 4);
    }
}
