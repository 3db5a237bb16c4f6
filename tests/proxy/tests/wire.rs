//! Each fault looks on the wire as it says, before an upstream that counts what reaches it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use neap_fault_proxy::{Fault, FaultProxy, Only, Strike};

/// The body of every answer of the upstream.
const BODY: &str = r#"{"service":{"serviceName":"web"}}"#;

/// Answers every request with `BODY`, in chunks, and counts them.
fn upstream() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let carried_out = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&carried_out);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut input = BufReader::new(&stream);
            let mut length = 0;
            let mut line = String::new();
            while input.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                line.clear();
            }
            input.read_exact(&mut vec![0; length]).expect("the body");
            counter.fetch_add(1, Ordering::SeqCst);
            let (first, second) = BODY.split_at(10);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Kept: yes\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
                first.len(),
                second.len(),
            );
            (&stream).write_all(answer.as_bytes()).expect("an answer");
        }
    });
    (endpoint, carried_out)
}

struct Bench {
    proxy: FaultProxy,
    carried_out: Arc<AtomicUsize>,
}

impl Bench {
    fn new(fault: Fault) -> Self {
        let (endpoint, carried_out) = upstream();
        let proxy = FaultProxy::start(&endpoint, Duration::ZERO).expect("a proxy");
        proxy.script(vec![Strike { only: Only::Mutating, nth: 1, times: 1, fault }]);
        Self { proxy, carried_out }
    }

    fn connect(&self) -> TcpStream {
        let address = self.proxy.endpoint();
        TcpStream::connect(address.trim_start_matches("http://")).expect("a connection")
    }

    /// All that comes back for one request on one connection.
    fn ask(&self) -> String {
        let mut stream = self.connect();
        send(&mut stream, "close");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an end");
        String::from_utf8(answer).expect("text")
    }

    fn carried_out(&self) -> usize {
        self.carried_out.load(Ordering::SeqCst)
    }

    /// The fault strikes once; the next request is answered in full.
    fn check_next(&self, carried_out: usize) {
        assert_eq!(self.carried_out(), carried_out);
        assert!(self.ask().ends_with(BODY), "the next one passes");
        assert_eq!(self.carried_out(), carried_out + 1);
    }
}

fn send(stream: &mut TcpStream, connection: &str) {
    let scope = "test/20260101/us-east-1/ecs/aws4_request";
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\nX-Amz-Target: ECS.CreateService\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={scope}, Signature=0\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).expect("sent");
}

fn full(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200 OK\r\n")
        && answer.contains("X-Kept: yes\r\n")
        && answer.contains(&format!("content-length: {}\r\n", BODY.len()))
        && answer.ends_with(BODY)
}

#[test]
fn a_throttled_request_is_refused_and_not_carried_out() {
    let bench = Bench::new(Fault::Throttle);
    let answer = bench.ask();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.ends_with(r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#), "{answer}");
    bench.check_next(0);
}

#[test]
fn a_broken_service_answers_in_its_shape_and_a_broken_proxy_in_html() {
    let bench = Bench::new(Fault::Broken(500));
    let answer = bench.ask();
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("\"InternalFailure\""), "{answer}");
    bench.check_next(0);
    let bench = Bench::new(Fault::Page(503));
    let answer = bench.ask();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("<!doctype html>"), "{answer}");
    bench.check_next(0);
}

#[test]
fn a_refused_connection_closes_without_a_byte_and_nothing_is_carried_out() {
    let bench = Bench::new(Fault::Refuse);
    assert_eq!(bench.ask(), "");
    bench.check_next(0);
}

#[test]
fn a_dropped_answer_was_carried_out_and_has_no_byte() {
    let bench = Bench::new(Fault::Drop);
    assert_eq!(bench.ask(), "");
    bench.check_next(1);
}

#[test]
fn a_cut_answer_was_carried_out_and_ends_in_the_middle_of_its_length() {
    let bench = Bench::new(Fault::Cut);
    let answer = bench.ask();
    assert!(answer.contains(&format!("content-length: {}\r\n", BODY.len())), "{answer}");
    assert!(answer.ends_with(&format!("\r\n\r\n{}", &BODY[..BODY.len() / 2])), "{answer}");
    bench.check_next(1);
}

#[test]
fn a_slow_answer_is_whole_in_the_end() {
    let time = Duration::from_millis(200);
    for fault in [Fault::Hold(time), Fault::Trickle(time)] {
        let bench = Bench::new(fault);
        let started = Instant::now();
        assert!(full(&bench.ask()), "{fault:?}");
        assert!(started.elapsed() >= time, "{fault:?} after {:?}", started.elapsed());
        bench.check_next(1);
    }
}

#[test]
fn an_answer_at_the_gate_was_carried_out_and_comes_when_the_gate_opens() {
    let bench = Bench::new(Fault::Gate);
    thread::scope(|scope| {
        let asking = scope.spawn(|| bench.ask());
        bench.proxy.await_gate();
        assert_eq!(bench.carried_out(), 1);
        assert!(!asking.is_finished(), "no answer yet");
        bench.proxy.open_gate();
        assert!(full(&asking.join().expect("an answer")));
    });
    bench.check_next(1);
}

#[test]
fn a_denied_request_names_its_action_and_is_not_carried_out() {
    let bench = Bench::new(Fault::Deny);
    let answer = bench.ask();
    assert!(answer.contains("AccessDeniedException"), "{answer}");
    assert!(answer.contains("is not authorized to perform: ecs:CreateService"), "{answer}");
    bench.check_next(0);
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let bench = Bench::new(Fault::Throttle);
    let mut stream = bench.connect();
    for (last, expected) in [("keep-alive", "Rate exceeded\"}"), ("keep-alive", BODY), ("close", BODY)] {
        send(&mut stream, last);
        let mut answer = Vec::new();
        while !answer.ends_with(expected.as_bytes()) {
            let mut buffer = [0; 1024];
            let read = stream.read(&mut buffer).expect("an answer");
            assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&buffer[..read]);
        }
    }
    assert_eq!(stream.read(&mut [0; 1]).expect("an end"), 0, "the client wanted it closed");
    assert_eq!(bench.carried_out(), 2);
}

#[test]
fn a_client_is_killed_before_or_after_its_request_is_carried_out() {
    for (fault, carried_out) in [(Fault::KillBefore, 0), (Fault::KillAfter, 1)] {
        let bench = Bench::new(fault);
        // Any process will do: the request is made on its behalf.
        let child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("a child");
        let victim = Arc::new(Mutex::new(child));
        bench.proxy.aim_at(&victim);
        assert_eq!(bench.ask(), "", "no byte of an answer");
        let status = victim.lock().expect("the child").try_wait().expect("its status").expect("dead");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
        bench.check_next(carried_out);
    }
}

#[test]
fn what_went_through_is_counted_in_order_with_what_struck_it() {
    let bench = Bench::new(Fault::Drop);
    bench.ask();
    bench.ask();
    bench.proxy.settle();
    let seen: Vec<_> = bench
        .proxy
        .take()
        .into_iter()
        .map(|seen| (seen.operation.to_string(), seen.fault, seen.status))
        .collect();
    let operation = || "ecs:CreateService".to_owned();
    assert_eq!(seen, [(operation(), Some(Fault::Drop), Some(200)), (operation(), None, Some(200))]);
    assert_eq!(bench.proxy.take_counts().requests, 0, "taken");
    bench.ask();
    bench.proxy.settle();
    let counts = bench.proxy.take_counts();
    assert_eq!((counts.requests, counts.mutations, counts.waves, counts.most_in_flight), (1, 1, 1, 1));
}
