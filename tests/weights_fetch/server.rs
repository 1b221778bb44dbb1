//! A web server of a few lines, in any mood.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mood {
    Good,
    /// Promises everything, sends that many bytes of each file, and hangs up.
    Cut(usize),
    /// The same, but waits instead of hanging up.
    Stall(usize),
    /// Does not support partial downloads.
    WithoutParts,
    /// Sends other bytes.
    Wrong,
    NotFound,
    Unavailable,
    /// Says that everything has moved to another address, where it is.
    Moved,
}

pub struct Server {
    pub address: String,
    mood: Arc<Mutex<Mood>>,
    log: Arc<Log>,
}

/// The path of each request, and the first byte that it asked for.
type Log = Mutex<Vec<(String, Option<usize>)>>;

impl Server {
    /// Serves these files under any directory.
    pub fn new(files: BTreeMap<&'static str, Vec<u8>>) -> Server {
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

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<(String, Option<usize>)> {
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
        let _ = stream.write_all(body); // a reader that has enough hangs up
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
