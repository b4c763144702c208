//! The least of an HTTP/1.1 client: one connection, one request at a time, and no doubt about
//! whether an answer came whole.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer that came whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> serde_json::Value {
        let read = serde_json::from_slice(&self.body);
        read.unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A connection that stays open, and the token that goes with each request.
pub(super) struct Http {
    port: u16,
    token: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Http {
    pub(super) fn new(port: u16, token: &str) -> Self {
        Self { port, token: token.to_owned(), connection: None }
    }

    /// A second connection with the same token.
    pub(super) fn another(&self) -> Self {
        Self::new(self.port, &self.token)
    }

    pub(super) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.call("GET", path, None, "")
    }

    pub(super) fn post(&mut self, path: &str, body: &str) -> io::Result<Answer> {
        self.call("POST", path, None, body)
    }

    /// An error says that no whole answer came, and nothing of what became of the request.
    pub(super) fn call(
        &mut self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: &str,
    ) -> io::Result<Answer> {
        let answer = self.attempt(method, path, key, body);
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    fn attempt(
        &mut self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: &str,
    ) -> io::Result<Answer> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect(self.port)?),
        };
        let key = key.map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
        let typed = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n{key}{typed}content-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        connection.get_mut().write_all(request.as_bytes())?;
        let status = line(connection)?;
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status line"))?;
        let mut length = 0;
        loop {
            let header = line(connection)?;
            let Some((name, value)) = header.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body)?;
        Ok(Answer { status, body })
    }
}

fn connect(port: u16) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(BufReader::new(stream))
}

/// A line of the head without its end; empty at the end of the head.
fn line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end().len());
    Ok(line)
}
