//! A web server of one's own that can be told to misbehave.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is sent, as it is: the head without its last empty line, and the body. Without a head
/// nothing is, for three seconds.
pub struct Answer {
    pub head: String,
    pub body: Vec<u8>,
    /// Whether the connection then stays open in silence, rather than being closed.
    pub stalls: bool,
}

impl Answer {
    /// All of `body` with its length.
    pub fn whole(body: &[u8]) -> Self {
        Self {
            head: format!("HTTP/1.1 200 OK\r\nContent-Length: {}", body.len()),
            body: body.into(),
            stalls: false,
        }
    }

    /// What follows byte `start`, as it was asked for.
    pub fn part(body: &[u8], start: usize) -> Self {
        let length = body.len() - start;
        let last = body.len() - 1;
        let all = body.len();
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {length}\r\nContent-Range: bytes \
             {start}-{last}/{all}"
        );
        Self { head, body: body[start..].into(), stalls: false }
    }

    /// A status without a body.
    pub fn status(line: &str) -> Self {
        Self {
            head: format!("HTTP/1.1 {line}\r\nContent-Length: 0"),
            body: Vec::new(),
            stalls: false,
        }
    }
}

/// A request: the path, and the byte from which the rest is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub path: String,
    pub from: Option<usize>,
}

/// A server on a port of its own, until the tests end.
pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts one; `answer` is told the request and how many there were before.
    pub fn start(answer: impl Fn(&Asked, usize) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/files", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(request) = read(&stream) else { continue };
                let before = {
                    let mut log = log.lock().unwrap();
                    log.push(request.clone());
                    log.len() - 1
                };
                let Answer { head, body, stalls } = answer(&request, before);
                let _ = send(stream, &head, &body, stalls);
            }
        });
        Self { url, asked }
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    let mut from = None;
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().ok();
        }
    }
    Some(Asked { path, from })
}

fn send(mut stream: TcpStream, head: &str, body: &[u8], stalls: bool) -> std::io::Result<()> {
    if head.is_empty() {
        std::thread::sleep(Duration::from_secs(3));
        return Ok(());
    }
    stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())?;
    stream.write_all(body)?;
    stream.flush()?;
    if stalls {
        // A thread of its own, so that others are served; the client ends the wait.
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(60));
            drop(stream);
        });
    }
    Ok(())
}
