//! One request and its answer, with or without a fault.
//!
//! Decides what each fault does to the bytes. Must not know when one strikes.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::fault::Fault;
use crate::operation::Operation;
use crate::shape;
use crate::wire::{Answer, Request};

/// How long the emulator may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// In how many pieces an answer trickles.
const PIECES: u32 = 10;

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client has the answer and may send more.
    Answered(u16),
    /// The connection is to be closed. The status is that of the answer that was lost, if there was one.
    Broken(Option<u16>),
}

/// Answers `request` from `upstream` on `output`, as far as `fault` lets it. `kill` kills the client and returns
/// once it is dead; `pass` returns once the gate is open.
pub(crate) fn exchange(
    request: &Request,
    operation: &Operation,
    fault: Option<Fault>,
    upstream: SocketAddr,
    output: &mut impl Write,
    kill: impl FnOnce(),
    pass: impl FnOnce(),
) -> io::Result<End> {
    let method = request.method.as_str();
    let instead = match fault {
        Some(Fault::Throttle) => shape::throttled(operation),
        Some(Fault::Deny) => shape::denied(operation),
        Some(Fault::Broken(status)) => shape::broken(operation, status),
        Some(Fault::Page(status)) => shape::page(status),
        Some(Fault::Refuse) => return Ok(End::Broken(None)),
        Some(Fault::KillBefore) => {
            kill();
            return Ok(End::Broken(None));
        }
        _ => return carried_out(request, fault, upstream, output, kill, pass),
    };
    send(output, &[&instead.head(method), instead.content(method)])?;
    Ok(End::Answered(instead.status))
}

/// The part of [`exchange`] for requests that the emulator gets to see.
fn carried_out(
    request: &Request,
    fault: Option<Fault>,
    upstream: SocketAddr,
    output: &mut impl Write,
    kill: impl FnOnce(),
    pass: impl FnOnce(),
) -> io::Result<End> {
    let answer = forward(request, upstream).unwrap_or_else(|error| shape::unreachable(&error));
    let (head, body) = (answer.head(&request.method), answer.content(&request.method));
    match fault {
        Some(Fault::KillAfter) => kill(),
        Some(Fault::Drop) => {}
        // Where there is no body to cut, the head is.
        Some(Fault::Cut) if body.is_empty() => send(output, &[&head[..head.len() / 2]])?,
        Some(Fault::Cut) => send(output, &[&head, &body[..body.len() / 2]])?,
        Some(Fault::Trickle(time)) => {
            trickle(output, &[head.as_slice(), body].concat(), time)?;
            return Ok(End::Answered(answer.status));
        }
        _ => {
            match fault {
                Some(Fault::Hold(time)) => thread::sleep(time),
                Some(Fault::Gate) => pass(),
                _ => {}
            }
            send(output, &[&head, body])?;
            return Ok(End::Answered(answer.status));
        }
    }
    Ok(End::Broken(Some(answer.status)))
}

fn forward(request: &Request, upstream: SocketAddr) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(upstream)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    request.write(&mut stream)?;
    Answer::read(&mut BufReader::new(stream), &request.method)
}

fn send(output: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    output.write_all(&parts.concat())?;
    output.flush()
}

fn trickle(output: &mut impl Write, bytes: &[u8], time: Duration) -> io::Result<()> {
    let size = bytes.len().div_ceil(PIECES as usize).max(1);
    for piece in bytes.chunks(size) {
        thread::sleep(time / PIECES);
        send(output, &[piece])?;
    }
    Ok(())
}
