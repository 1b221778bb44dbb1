//! Running a program that may do anything, within bounds: of time, of memory, and of what is kept of its output.

use super::records::cut;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How many bytes of memory it may take. The checks themselves need less than a twentieth.
pub const MEMORY: u64 = 1_000_000_000;
/// How many lines of its output are shown.
const SHOWN: usize = 40;
/// How many bytes are kept from the beginning of each of its two outputs,
const FIRST: usize = 1 << 15;
/// and from the end.
const LAST: usize = 1 << 12;

/// Why it was stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stop {
    /// It took too much memory.
    Memory,
    /// It noted nothing for too long.
    Silence,
}

/// How a program ended.
pub struct End {
    pub status: ExitStatus,
    pub stopped: Option<Stop>,
    pub stdout: Kept,
    pub stderr: Kept,
}

impl End {
    /// The first lines of what it printed.
    pub fn printed(&self) -> Vec<String> {
        [self.stdout.first_lines(), self.stderr.first_lines()].concat()
    }
}

/// What is kept of an output.
#[derive(Debug, Default, Clone)]
pub struct Kept {
    first: Vec<u8>,
    last: Vec<u8>,
    n_lines: u64,
    /// Whether the last line has no end yet.
    is_open: bool,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        let room = FIRST.saturating_sub(self.first.len());
        self.first.extend_from_slice(&bytes[..room.min(bytes.len())]);
        self.last.extend_from_slice(&bytes[bytes.len().saturating_sub(LAST)..]);
        self.last.drain(..self.last.len().saturating_sub(LAST));
        self.n_lines += bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.is_open = bytes.last() != Some(&b'\n');
    }

    fn first_lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.first);
        let mut lines: Vec<String> = text.lines().take(SHOWN).map(cut).collect();
        let n_more = (self.n_lines + u64::from(self.is_open)).saturating_sub(lines.len() as u64);
        if n_more > 0 {
            lines.push(format!("... and {n_more} lines more"));
        }
        lines
    }

    /// The end of it.
    pub fn last_text(&self) -> String {
        String::from_utf8_lossy(&self.last).into_owned()
    }

    /// Its last line that says anything.
    pub fn last_line(&self) -> Option<String> {
        self.last_text().lines().rev().find(|line| !line.trim().is_empty()).map(cut)
    }
}

/// Runs the program to its end, or stops it: when it takes too much memory, or when the file, to which it writes what it
/// does, has not grown for longer than a single step may take.
pub fn run(command: &mut Command, file: &Path, patience: Duration) -> io::Result<End> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (sender, closed) = channel();
    let stdout = child.stdout.take().map(|stdout| keep(stdout, sender.clone()));
    let stderr = child.stderr.take().map(|stderr| keep(stderr, sender));
    let (status, stopped) = wait(&mut child, file, patience)?;
    for _ in 0..2 {
        // A program that it has started itself may hold the outputs open.
        let _ = closed.recv_timeout(Duration::from_secs(1));
    }
    let kept = |output: Option<Arc<Mutex<Kept>>>| output.map_or(Kept::default(), |kept| lock(&kept).clone());
    Ok(End { status, stopped, stdout: kept(stdout), stderr: kept(stderr) })
}

/// Reads an output to its end. Somebody must: a pipe that is full makes the writer wait.
fn keep(mut output: impl Read + Send + 'static, closed: Sender<()>) -> Arc<Mutex<Kept>> {
    let kept = Arc::new(Mutex::new(Kept::default()));
    let own = kept.clone();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match output.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => lock(&own).add(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let _ = closed.send(());
    });
    kept
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Waits for the end, and watches memory and progress.
fn wait(child: &mut Child, file: &Path, patience: Duration) -> io::Result<(ExitStatus, Option<Stop>)> {
    // The child gives up a function by itself, with a better verdict: this is for one that keeps it from doing that.
    let patience = patience + Duration::from_secs(5);
    let (start, mut length, mut grown) = (Instant::now(), 0, Instant::now());
    let mut turn = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, None));
        }
        let now = fs::metadata(file).map_or(0, |data| data.len());
        if now != length {
            (length, grown) = (now, Instant::now());
        }
        let stop = if memory_of(child.id(), turn).is_some_and(|bytes| bytes > MEMORY) {
            Some(Stop::Memory)
        } else if grown.elapsed() > patience {
            Some(Stop::Silence)
        } else {
            None
        };
        if stop.is_some() {
            child.kill()?;
            return Ok((child.wait()?, stop));
        }
        // Most end within a few milliseconds.
        turn += 1;
        std::thread::sleep(Duration::from_millis(if start.elapsed().as_millis() < 50 { 1 } else { 5 }));
    }
}

/// How many bytes of memory a program holds, where the system tells.
fn memory_of(id: u32, turn: u64) -> Option<u64> {
    let kilobytes = if cfg!(target_os = "linux") {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?.trim().parse::<u64>()
    } else if cfg!(unix) && turn % 50 == 49 {
        let output = Command::new("ps").args(["-o", "rss=", "-p", &id.to_string()]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse()
    } else {
        return None;
    };
    Some(kilobytes.ok()? * 1024)
}
