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
    /// The same, to another host.
    MovedTo(&'static str),
    /// Is for those who have this token.
    Gated(&'static str),
    /// Says to everybody what there is, and gives it to nobody.
    GatedFiles,
}

/// What the server was asked for.
#[derive(Debug)]
pub struct Request {
    pub path: String,
    /// The first byte.
    from: Option<usize>,
    /// Whether only for the head.
    pub is_head: bool,
    pub authorization: Option<String>,
}

pub struct Server {
    pub address: String,
    mood: Arc<Mutex<Mood>>,
    log: Arc<Log>,
}

type Log = Mutex<Vec<Request>>;

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

    /// The path of each request since the last call, and the first byte that it asked for.
    pub fn requests(&self) -> Vec<(String, Option<usize>)> {
        self.heard().into_iter().map(|request| (request.path, request.from)).collect()
    }

    /// The requests since the last call, with everything that was heard of them.
    pub fn heard(&self) -> Vec<Request> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

fn answer(mut stream: TcpStream, files: &BTreeMap<&'static str, Vec<u8>>, mood: Mood, log: &Log) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let path = request.split(' ').nth(1).unwrap().to_string();
    let is_head = request.starts_with("HEAD ");
    let (mut from, mut authorization) = (None, None);
    for line in lines.take_while(|line| !line.is_empty()) {
        if line.to_lowercase().starts_with("authorization: ") {
            authorization = Some(line["authorization: ".len()..].to_string());
        }
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse::<usize>().ok();
        }
    }
    let token = authorization.clone();
    log.lock().unwrap().push(Request { path: path.clone(), from, is_head, authorization });
    let name = path.rsplit('/').next().unwrap();
    let mut say = |head: String, body: &[u8]| {
        let _ = stream.write_all(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes());
        if !is_head {
            let _ = stream.write_all(body); // a reader that has enough hangs up
        }
    };
    match (mood, token) {
        (Mood::Gated(_), None) => return say("401 Unauthorized\r\nContent-Length: 0".into(), &[]),
        (Mood::Gated(right), Some(token)) if token != format!("Bearer {right}") => {
            return say("403 Forbidden\r\nContent-Length: 0".into(), &[]);
        }
        (Mood::GatedFiles, _) if path.contains("/resolve/") => {
            return say("403 Forbidden\r\nContent-Length: 0".into(), &[]);
        }
        _ => {}
    }
    let Some(bytes) = files.get(name) else { return say("404 Not Found\r\nContent-Length: 0".into(), &[]) };
    let mut bytes = bytes.clone();
    match mood {
        Mood::NotFound => return say("404 Not Found\r\nContent-Length: 0".into(), &[]),
        Mood::Unavailable => return say("503 Service Unavailable\r\nContent-Length: 0".into(), &[]),
        Mood::Moved if !path.starts_with("/moved") => {
            return say(format!("302 Found\r\nLocation: /moved{path}\r\nContent-Length: 0"), &[]);
        }
        Mood::MovedTo(host) => return say(format!("302 Found\r\nLocation: {host}{path}\r\nContent-Length: 0"), &[]),
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
