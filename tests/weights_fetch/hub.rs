//! A hub with one repository of which the script knows nothing.

use crate::examples::scratch;
use crate::machine::{Files, Machine, find, git_hash, sha256};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The repository, where none other is said.
pub const REPOSITORY: &str = "some-one/tiny_gpt2.x";
/// The commit that the hub calls `main`.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// What the hub is asked for first: the end of the address of its list.
pub const LIST: &str = "main?blobs=true";

/// The contents of a repository: the files that are small, with something in them.
pub fn small(names: &[&'static str]) -> Files {
    let content = |name: &str| match name {
        "config.json" => br#"{"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}"#.to_vec(),
        _ => format!("what is in {name}\n").into_bytes(),
    };
    names.iter().map(|&name| (name, content(name))).collect()
}

/// Weights, or something as large as they are here.
pub fn large(seed: u32) -> Vec<u8> {
    (0..200_000u32).map(|i| (i.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// What the hub says of a repository with these files: small ones are git's own, and of the others it has the SHA-256.
pub fn list(files: &Files) -> Vec<u8> {
    // With what makes it hard to read: quotes, braces and names of keys inside of strings.
    let mut text = format!(
        r#"{{"_id":"1","id":"x","tags":["a\"b","\\","{{\"siblings\":[{{\"rfilename\":\"evil.bin\"}}]}}"],"gated":false,"sha":"{COMMIT}","cardData":{{"sha":"no"}},"siblings":["#
    );
    for (i, (name, bytes)) in files.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let size = bytes.len();
        write!(text, r#"{comma}{{"rfilename":"{name}","size":{size},"#).unwrap();
        if size < 100_000 {
            write!(text, r#""blobId":"{}"}}"#, git_hash(bytes)).unwrap();
        } else {
            // What git keeps of a large file is a note of a few lines, with a hash of its own.
            let (note, hash) = (git_hash(b"note"), sha256(bytes));
            let lfs = format!(r#"{{"sha256":"{hash}","size":{size},"pointerSize":134}}"#);
            write!(text, r#""blobId":"{note}","lfs":{lfs}}}"#).unwrap();
        }
    }
    text.push_str(r#"],"usedStorage":1}"#);
    text.into_bytes()
}

/// A machine, and a hub that has these files and can say so.
pub fn hub(name: &str, tool: &str, files: Files) -> Machine {
    let described = list(&files);
    hub_that_says(name, tool, files, Some(described))
}

/// The same with another list, or with none.
pub fn hub_that_says(name: &str, tool: &str, files: Files, list: Option<Vec<u8>>) -> Machine {
    let script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("weights-fetch.sh")).unwrap();
    let mut served = files.clone();
    if let Some(list) = list {
        served.insert(LIST, list);
    }
    Machine::with_script(scratch(&format!("fetch-hub-{name}-{tool}")), &script, tool, served, files)
}

/// Puts something else in the place of a tool.
pub fn install_script(machine: &Machine, tool: &str, commands: &str) {
    let path = machine.dir.join("bin").join(tool);
    fs::remove_file(&path).unwrap(); // a link to the tool
    fs::write(&path, format!("#!{}\n{commands}\n", find("bash").unwrap().display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The names in a directory, in order.
pub fn names_in(machine: &Machine, dir: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(machine.dir.join(dir)) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
