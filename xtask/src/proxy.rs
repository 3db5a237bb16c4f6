//! A counting proxy before an emulator: how many requests, of which operation, in how many waves.
//!
//! Decides how requests are told apart and what a wave is: the longest chain of requests that did not overlap.
//! Must not change what passes through.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tiny_http::{Header, Request, Response, Server};

/// One request that went through.
#[derive(Debug, Clone)]
struct Seen {
    operation: String,
    started: Instant,
    ended: Instant,
}

/// A running proxy.
pub(crate) struct CountingProxy {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// What went through since the last look.
#[derive(Debug)]
pub(crate) struct Counts {
    /// All requests.
    pub(crate) requests: usize,
    /// The longest chain of requests that did not overlap.
    pub(crate) waves: usize,
    /// The most at one time.
    pub(crate) most_in_flight: usize,
    /// From the first request's start to the last one's end.
    pub(crate) span: Duration,
    /// Requests by operation.
    pub(crate) operations: BTreeMap<String, usize>,
}

impl CountingProxy {
    /// Starts a proxy before `upstream` that holds each request for `latency`, as a network would.
    pub(crate) fn start(upstream: &str, latency: Duration) -> Result<Self, String> {
        let server =
            Server::http("127.0.0.1:0").map_err(|error| format!("cannot start the proxy: {error}"))?;
        let port =
            server.server_addr().to_ip().map(|address| address.port()).ok_or("the proxy has no port")?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = Arc::new(server);
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        for _ in 0..32 {
            let (server, seen, agent) = (Arc::clone(&server), Arc::clone(&seen), agent.clone());
            let upstream = upstream.to_owned();
            thread::spawn(move || {
                while let Ok(request) = server.recv() {
                    serve(request, &agent, &upstream, latency, &seen);
                }
            });
        }
        Ok(Self { port, seen })
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What went through since the last call.
    pub(crate) fn take(&self) -> Counts {
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        seen.sort_by_key(|request| request.started);
        count(&seen)
    }
}

fn serve(
    mut request: Request,
    agent: &ureq::Agent,
    upstream: &str,
    latency: Duration,
    seen: &Mutex<Vec<Seen>>,
) {
    let started = Instant::now();
    let mut body = Vec::new();
    // A body that cannot be read is passed on as far as it came; the emulator then says what is wrong.
    drop(request.as_reader().read_to_end(&mut body));
    let operation = operation(&request, &body);
    thread::sleep(latency);
    let answer = forward(&request, body, agent, upstream);
    let ended = Instant::now();
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen { operation, started, ended });
    let response = answer.unwrap_or_else(|error| Response::from_string(error).with_status_code(502));
    // The client may have gone; then there is nobody to tell.
    drop(request.respond(response));
}

fn forward(
    request: &Request,
    body: Vec<u8>,
    agent: &ureq::Agent,
    upstream: &str,
) -> Result<Response<std::io::Cursor<Vec<u8>>>, String> {
    let mut builder = ureq::http::Request::builder()
        .method(request.method().as_str())
        .uri(format!("{upstream}{}", request.url()));
    for header in request.headers() {
        let name = header.field.as_str().as_str();
        if !matches!(name.to_ascii_lowercase().as_str(), "content-length" | "connection" | "host") {
            builder = builder.header(name, header.value.as_str());
        }
    }
    let forwarded = builder.body(body).map_err(|error| error.to_string())?;
    let mut answer = agent.run(forwarded).map_err(|error| error.to_string())?;
    let mut content = Vec::new();
    answer.body_mut().as_reader().read_to_end(&mut content).map_err(|error| error.to_string())?;
    let headers = answer.headers().iter().filter(|(name, _)| {
        !matches!(name.as_str(), "content-length" | "connection" | "transfer-encoding" | "content-encoding")
    });
    let headers =
        headers.filter_map(|(name, value)| Header::from_bytes(name.as_str(), value.as_bytes()).ok());
    let mut response = Response::from_data(content).with_status_code(answer.status().as_u16());
    for header in headers {
        response = response.with_header(header);
    }
    Ok(response)
}

/// The operation of a request: its `X-Amz-Target`, the `Action` in its form, or its method and path.
fn operation(request: &Request, body: &[u8]) -> String {
    let target = request.headers().iter().find(|header| header.field.equiv("X-Amz-Target"));
    if let Some(target) = target {
        return target.value.as_str().rsplit('.').next().unwrap_or_default().to_owned();
    }
    let form = String::from_utf8_lossy(body);
    let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
    action.map_or_else(|| format!("{} {}", request.method(), request.url()), str::to_owned)
}

fn count(seen: &[Seen]) -> Counts {
    let mut operations = BTreeMap::new();
    for request in seen {
        *operations.entry(request.operation.clone()).or_insert(0) += 1;
    }
    let mut waves = 0;
    let mut wave_end: Option<Instant> = None;
    for request in seen {
        wave_end = match wave_end {
            Some(end) if request.started < end => Some(end.min(request.ended)),
            _ => {
                waves += 1;
                Some(request.ended)
            }
        };
    }
    let overlapping =
        |at: Instant| seen.iter().filter(|other| other.started <= at && at < other.ended).count();
    let most_in_flight = seen.iter().map(|request| overlapping(request.started)).max().unwrap_or(0);
    let first = seen.first().map(|request| request.started);
    let last = seen.iter().map(|request| request.ended).max();
    let span = first.zip(last).map_or(Duration::ZERO, |(first, last)| last - first);
    Counts { requests: seen.len(), waves, most_in_flight, span, operations }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(spans: &[(u64, u64)]) -> Vec<Seen> {
        let zero = Instant::now();
        let at = |milliseconds: u64| zero + Duration::from_millis(milliseconds);
        let one = |&(started, ended)| Seen { operation: "x".into(), started: at(started), ended: at(ended) };
        spans.iter().map(one).collect()
    }

    #[test]
    fn requests_that_overlap_are_one_wave() {
        let counts = count(&seen(&[(0, 10), (1, 12), (5, 9)]));
        assert_eq!((counts.waves, counts.most_in_flight, counts.requests), (1, 3, 3));
    }

    #[test]
    fn requests_after_each_other_are_waves_of_their_own() {
        let counts = count(&seen(&[(0, 10), (10, 20), (11, 19), (30, 40)]));
        assert_eq!((counts.waves, counts.most_in_flight), (3, 2));
        assert_eq!(counts.span, Duration::from_millis(40));
    }

    #[test]
    fn nothing_is_no_wave() {
        let counts = count(&[]);
        assert_eq!((counts.waves, counts.requests, counts.span), (0, 0, Duration::ZERO));
    }
}
