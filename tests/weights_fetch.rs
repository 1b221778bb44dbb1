//! `weights-fetch.sh`: whole, resumed, damaged, refused, interrupted, on a full disk. Nothing but the right file ever gets
//! its name.
//!
//! The script runs against a small server on this machine. The real weights are not here, so a copy of the script is used in
//! which their hashes are replaced by those of the server's files; nothing else is changed.
#![cfg(unix)]

#[path = "common/examples.rs"]
mod examples;

use examples::scratch;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is fetched, and what is on record: the model, its revision, and the SHA-256 of config.json and model.safetensors.
const MODELS: [[&str; 4]; 4] = [
    [
        "gpt2",
        "607a30d783dfa663caf39e06633721c8d4cfcd7e",
        "0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4",
        "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
    ],
    [
        "gpt2-medium",
        "6dcaa7a952f72f9298047fd5137cd6e4f05f41da",
        "ef1a44d889ad1a0acc7731c78134f1b87d2d222f110e97dd10fd4117331caf22",
        "fc5a354a19255ad494f3d71549390baca1ccf61d1d822b9408971705c687c9cd",
    ],
    [
        "gpt2-large",
        "32b71b12589c2f8d625668d2335a01cac3249519",
        "7fccdcfd6622055342a734c663ee0b61ff4fd697f42467595df0bf4448c8c170",
        "5f47f3e12f91cd33b662ce7e433b6150ad5512b5884a2cee961b50e9c3bbebce",
    ],
    [
        "gpt2-xl",
        "15ea56dee5df4983c59b2538573817e1667135e2",
        "be48115d52314bc27327e160bf10197760db02ea689d10adb24db4102edf7a8a",
        "0f8b28eb05a8075f48b61b6f35332978c74fc7763fa9fb4051a1c30511736a6a",
    ],
];
const VOCAB: &str = "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783";
const MERGES: &str = "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5";
const NAMES: [&str; 4] = ["config.json", "vocab.json", "merges.txt", "model.safetensors"];

// ---------------------------------------------------------------------------------------------------------------------
// A server
// ---------------------------------------------------------------------------------------------------------------------

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Good,
    /// Promises everything, sends so many bytes of each file, and hangs up.
    Cut(usize),
    /// The same, but waits instead of hanging up.
    Stall(usize),
    /// Knows nothing of parts.
    WithoutParts,
    /// Sends other bytes.
    Wrong,
    NotFound,
    Unavailable,
    /// Says that everything has moved to another address, where it is.
    Moved,
}

struct Server {
    address: String,
    mood: Arc<Mutex<Mood>>,
    log: Arc<Log>,
}

/// The path of each request, and the byte from which it asked.
type Log = Mutex<Vec<(String, Option<usize>)>>;

impl Server {
    /// Serves these files under any directory.
    fn new(files: BTreeMap<&'static str, Vec<u8>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Server { address, mood: Arc::new(Mutex::new(Mood::Good)), log: Arc::default() };
        let (mood, log) = (server.mood.clone(), server.log.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (files, mood, log) = (files.clone(), *mood.lock().unwrap(), log.clone());
                thread::spawn(move || answer(stream.unwrap(), &files, mood, &log));
            }
        });
        server
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The requests since the last call.
    fn requests(&self) -> Vec<(String, Option<usize>)> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

fn answer(mut stream: TcpStream, files: &BTreeMap<&'static str, Vec<u8>>, mood: Mood, log: &Log) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let path = request.split(' ').nth(1).unwrap().to_string();
    let mut from = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse::<usize>().ok();
        }
    }
    log.lock().unwrap().push((path.clone(), from));
    let name = path.rsplit('/').next().unwrap();
    let mut say = |head: String, body: &[u8]| {
        let _ = stream.write_all(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes());
        let _ = stream.write_all(body); // whoever has enough hangs up
    };
    let Some(bytes) = files.get(name) else { return say("404 Not Found\r\nContent-Length: 0".into(), &[]) };
    let mut bytes = bytes.clone();
    match mood {
        Mood::NotFound => return say("404 Not Found\r\nContent-Length: 0".into(), &[]),
        Mood::Unavailable => return say("503 Service Unavailable\r\nContent-Length: 0".into(), &[]),
        Mood::Moved if !path.starts_with("/moved") => {
            return say(format!("302 Found\r\nLocation: /moved{path}\r\nContent-Length: 0"), &[]);
        }
        Mood::WithoutParts => from = None,
        Mood::Wrong => bytes.iter_mut().for_each(|byte| *byte ^= 1),
        _ => {}
    }
    let head = match from {
        None => format!("200 OK\r\nContent-Length: {}", bytes.len()),
        Some(from) if from >= bytes.len() => {
            let range = format!("Content-Range: bytes */{}", bytes.len());
            return say(format!("416 Range Not Satisfiable\r\n{range}\r\nContent-Length: 0"), &[]);
        }
        Some(from) => format!(
            "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}\r\nContent-Length: {}",
            bytes.len() - 1,
            bytes.len(),
            bytes.len() - from
        ),
    };
    let rest = &bytes[from.unwrap_or(0)..];
    match mood {
        Mood::Cut(n) => say(head, &rest[..n.min(rest.len())]),
        Mood::Stall(n) if n < rest.len() => {
            say(head, &rest[..n]);
            let _ = stream.read(&mut [0]); // until the other side hangs up
        }
        _ => say(head, rest),
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The script, and a machine with some of the tools
// ---------------------------------------------------------------------------------------------------------------------

fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(tool)).find(|file| file.is_file())
}

/// Those of the two that this machine has. A test that finds none says so.
fn tools() -> Vec<&'static str> {
    let tools: Vec<&str> = ["curl", "wget"].into_iter().filter(|tool| find(tool).is_some()).collect();
    if tools.is_empty() || find("bash").is_none() {
        // Not by `eprintln!`, which the test runner keeps to itself.
        let _ = writeln!(std::io::stderr(), "not tested: there is no bash here, or neither curl nor wget");
        return Vec::new();
    }
    tools
}

struct Machine {
    dir: PathBuf,
    server: Server,
    files: BTreeMap<&'static str, Vec<u8>>,
}

impl Machine {
    fn new(name: &str, tool: &str) -> Machine {
        let dir = scratch(&format!("fetch-{name}-{tool}"));
        let config = r#"{"n_embd": 768}"#.as_bytes().to_vec();
        let weights: Vec<u8> = (0..300_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let contents = [config, b"{\"a\": 1}".to_vec(), b"#version: 0.2\na b\n".to_vec(), weights];
        let files: BTreeMap<&'static str, Vec<u8>> = NAMES.into_iter().zip(contents).collect();
        // Not in the script's own directory, as nobody has to stand there.
        let mut script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("weights-fetch.sh")).unwrap();
        for (hash, name) in [MODELS[0][2], VOCAB, MERGES, MODELS[0][3]].into_iter().zip(NAMES) {
            assert_eq!(script.matches(hash).count(), 1);
            script = script.replace(hash, &sha256(&files[name]));
        }
        script = script.replace("548105171", "300000");
        fs::write(dir.join("weights-fetch.sh"), script).unwrap();
        let machine = Machine { dir, server: Server::new(files.clone()), files };
        machine.install(&[
            "bash",
            "cat",
            "wc",
            "tr",
            "cut",
            "df",
            "awk",
            "mkdir",
            "mv",
            "rm",
            "sha256sum",
            "shasum",
            "perl",
            tool,
        ]);
        machine
    }

    /// A directory with these tools and no others, if this machine has them.
    fn install(&self, tools: &[&str]) {
        let bin = self.dir.join("bin");
        let _ = fs::remove_dir_all(&bin);
        fs::create_dir(&bin).unwrap();
        for tool in tools {
            if let Some(file) = find(tool) {
                symlink(file, bin.join(tool)).unwrap();
            }
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(find("bash").unwrap());
        command.arg("weights-fetch.sh").args(args).current_dir(&self.dir).stdin(Stdio::null());
        command.env_clear().env("PATH", self.dir.join("bin")).env("GPT60_MIRROR", &self.server.address);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a run says that must succeed.
    fn success(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && output.stdout.is_empty(), "{text}");
        text
    }

    /// What a run says that must fail with this status: its last line, which is the error.
    fn failure(&self, args: &[&str], status: i32) -> String {
        let output = self.run(args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{text}");
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{text}");
        assert!(!text.contains("line ") && !text.contains("unbound"), "bash itself complains: {text}");
        errors[0].to_string()
    }

    /// Which of the files are under their names in `dir`, each of which must be whole and right; nothing else is left behind.
    fn present(&self, dir: &str, and_parts: bool) -> usize {
        let Ok(entries) = fs::read_dir(self.dir.join(dir)) else { return 0 };
        let mut n = 0;
        for entry in entries.map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if and_parts && name.ends_with(".part") {
                continue;
            }
            assert_eq!(&fs::read(entry.path()).unwrap(), self.files.get(&*name).expect(&name), "{name}");
            n += 1;
        }
        n
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn sha256(bytes: &[u8]) -> String {
    let tool = if find("sha256sum").is_some() { "sha256sum" } else { "shasum" };
    let args: &[&str] = if tool == "shasum" { &["-a", "256"] } else { &[] };
    let mut child = Command::new(tool)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sha256sum or shasum");
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_string()
}

// ---------------------------------------------------------------------------------------------------------------------
// The tests
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn the_script_holds_what_is_on_record() {
    let script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("weights-fetch.sh")).unwrap();
    for [model, revision, config, weights] in MODELS {
        let begin = script.find(&format!("\n        {model})\n")).expect(model);
        let part = &script[begin..begin + script[begin..].find(";;").unwrap()];
        assert!(part.contains(&format!("revision={revision}\n")), "{model}");
        assert!(part.contains(&format!("config={config}\n")), "{model}");
        assert!(part.contains(&format!("weights=\"{weights} ")), "{model}");
    }
    assert!(script.contains(&format!("vocab={VOCAB}\n")) && script.contains(&format!("merges={MERGES}\n")));
}

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
fn a_file_of_somebody_elses_is_left_alone() {
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
fn without_a_hash_on_record_it_says_that_nothing_is_verified() {
    for tool in tools() {
        let machine = Machine::new("unverified", tool);
        let said = machine.success(&["distilgpt2", "here"]);
        assert!(said.contains("NOT VERIFIED"), "{said}");
        assert_eq!(machine.present("here", false), 4);
        assert_eq!(machine.server.requests()[0].0, "/distilbert/distilgpt2/resolve/main/config.json");
        // What is there is kept, whatever it is.
        let said = machine.success(&["distilgpt2", "here"]);
        assert_eq!(said.matches("is there already").count(), 4, "{said}");
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

#[test]
fn a_disk_that_gets_full_leaves_a_part_to_go_on_with() {
    for tool in tools() {
        let machine = Machine::new("full", tool);
        // A limit on the size of a file does what a full disk does: a write fails. (In blocks of 512 or 1024 bytes. The signal
        // that comes with it is ignored, so that the write fails instead.)
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
        // Meanwhile a second run keeps its hands off.
        assert!(machine.failure(&[], 1).contains("another run"), "{tool}");
        Command::new("kill").args(["-TERM".to_string(), child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap(); // also waits for whoever holds the pipe: the child's child
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
        done.wait().unwrap(); // nobody has this number any more
        fs::create_dir_all(machine.dir.join("weights/gpt2/.fetching")).unwrap();
        fs::write(machine.dir.join("weights/gpt2/.fetching/pid"), done.id().to_string()).unwrap();
        machine.success(&[]);
        assert_eq!(machine.present("weights/gpt2", false), 4);
    }
}
