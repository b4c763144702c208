//! A client that costs little: HTTP/1.1 over plain sockets, the same request again and again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where the service is, and what it is told about who asks.
pub(crate) struct Client {
    port: u16,
    token: String,
}

/// How fast answers came.
pub(crate) struct Measured {
    /// Credentials a second.
    pub(crate) rate: f64,
    /// Milliseconds within which half of the requests were answered.
    pub(crate) p50: f64,
    /// Milliseconds within which 99 of 100 were.
    pub(crate) p99: f64,
}

impl Client {
    pub(crate) fn new(port: u16, token: &str) -> Self {
        Self { port, token: token.to_owned() }
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let (token, length) = (&self.token, body.len());
        format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// One request, and its answer.
    pub(crate) fn post(&self, path: &str, body: &str) -> Value {
        serde_json::from_str(&self.ask("POST", path, body)).unwrap()
    }

    /// Whether there is something at this path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.answer("GET", path, "").0.starts_with("HTTP/1.1 200")
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let (head, body) = self.answer(method, path, body);
        assert!(head.starts_with("HTTP/1.1 2"), "{head}{body}");
        body
    }

    /// The head of an answer and its body.
    fn answer(&self, method: &str, path: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(&self.request(method, path, body)).unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    /// How many credentials the service has issued.
    pub(crate) fn issued(&self) -> u64 {
        let metrics = self.ask("GET", "/metrics", "");
        let line = metrics.lines().find_map(|line| line.strip_prefix("bonafide_issued_total "));
        line.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    #[allow(clippy::disallowed_methods)]
    pub(crate) fn wait_until_ready(&self) {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "not ready");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(self.ask("GET", "/readyz", ""), "ready\n");
    }

    /// The same request over `connections` connections; each is for `size` credentials.
    pub(crate) fn load(
        &self,
        path: &str,
        body: &str,
        connections: usize,
        size: usize,
        duration: Duration,
    ) -> Measured {
        let request = self.request("POST", path, body);
        let port = self.port;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // What is slow only at first does not count.
            all(port, &request, connections, duration / 10).await;
            let mut taken = all(port, &request, connections, duration).await;
            taken.sort_unstable();
            let at = |part: usize| taken[(taken.len() * part / 100).min(taken.len() - 1)];
            let count = u32::try_from(taken.len() * size).unwrap();
            Measured {
                rate: f64::from(count) / duration.as_secs_f64(),
                p50: at(50).as_secs_f64() * 1e3,
                p99: at(99).as_secs_f64() * 1e3,
            }
        })
    }
}

async fn all(port: u16, request: &[u8], connections: usize, duration: Duration) -> Vec<Duration> {
    let request: std::sync::Arc<[u8]> = request.into();
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(one(port, std::sync::Arc::clone(&request), duration)))
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.unwrap());
    }
    taken
}

#[allow(clippy::disallowed_methods)]
async fn one(port: u16, request: std::sync::Arc<[u8]>, duration: Duration) -> Vec<Duration> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (began, mut taken, mut buffer) = (Instant::now(), Vec::new(), vec![0; 1 << 16]);
    while began.elapsed() < duration {
        let asked = Instant::now();
        stream.write_all(&request).await.unwrap();
        answer(&mut stream, &mut buffer).await;
        // Answers that came after the end belong to no second of it.
        if began.elapsed() < duration {
            taken.push(asked.elapsed());
        }
    }
    taken
}

/// Reads one answer, which has to be good, and throws its body away.
async fn answer(stream: &mut tokio::net::TcpStream, buffer: &mut [u8]) {
    let mut filled = stream.read(buffer).await.unwrap();
    let end = loop {
        if let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        let read = stream.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the service closed the connection");
        filled += read;
    };
    let text = std::str::from_utf8(&buffer[..end]).unwrap().to_ascii_lowercase();
    let good = text.starts_with("http/1.1 200") || text.starts_with("http/1.1 201");
    assert!(good, "{text}{}", String::from_utf8_lossy(&buffer[end..filled]));
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
    let mut left = length.trim().parse::<usize>().unwrap() - (filled - end);
    while left > 0 {
        let most = left.min(buffer.len());
        let read = stream.read(&mut buffer[..most]).await.unwrap();
        assert!(read > 0, "the service closed the connection");
        left -= read;
    }
}
