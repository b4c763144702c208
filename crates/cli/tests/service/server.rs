//! A service that gives the answers it was told to give, one after the other.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What to answer; nothing at all, where there is no status.
pub(crate) struct Answer {
    status: &'static str,
    headers: &'static str,
    body: String,
}

/// This status with a body of JSON.
pub(crate) fn answer(status: &'static str, body: &str) -> Answer {
    Answer { status, headers: "content-type: application/json\r\n", body: body.to_owned() }
}

impl Answer {
    pub(crate) fn with(self, headers: &'static str) -> Self {
        Self { headers, ..self }
    }
}

/// Hangs up.
pub(crate) fn silence() -> Answer {
    answer("", "")
}

#[derive(Clone, Default)]
struct State {
    answers: Arc<Mutex<Vec<Answer>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// Hangs up on whoever comes after the last answer.
pub(crate) struct Server {
    pub(crate) port: u16,
    state: State,
}

impl Server {
    pub(crate) fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State::default();
        let server = Self { port, state: state.clone() };
        server.then(answers);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                // A client that hangs up has its reasons.
                let _ = socket.and_then(|socket| serve(socket, &state));
            }
        });
        server
    }

    /// Gives these answers after those that are left.
    pub(crate) fn then(&self, mut answers: Vec<Answer>) {
        answers.reverse();
        let mut left = self.state.answers.lock().unwrap();
        answers.append(&mut left);
        *left = answers;
    }

    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// What came in so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }
}

fn serve(mut socket: TcpStream, state: &State) -> io::Result<()> {
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let request = read(&mut BufReader::new(&socket))?;
    state.requests.lock().unwrap().push(request);
    let Some(Answer { status, headers, body }) = state.answers.lock().unwrap().pop() else {
        return Ok(());
    };
    if status.is_empty() {
        return Ok(());
    }
    let length = body.len();
    write!(
        socket,
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

fn read(reader: &mut impl BufRead) -> io::Result<Request> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Request { line, headers, body: String::from_utf8(body).unwrap() })
}
