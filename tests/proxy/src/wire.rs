//! HTTP/1.1 on a stream: requests and answers, read whole and written in whichever parts.
//!
//! Decides where a message ends (length, chunks, the end of the stream) and which headers belong to one connection only.
//! Must not know what is in a message.

use std::io::{self, BufRead, Read, Write};

/// Longer heads are refused.
const LONGEST_HEAD: usize = 1 << 20;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Whether the client wants the connection closed after it.
    pub(crate) is_last: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The next request on `input`; `output` is told to go on where the client asks first. None at the end.
    pub(crate) fn read(input: &mut impl BufRead, output: &mut impl Write) -> io::Result<Option<Self>> {
        let Some(head) = read_head(input)? else { return Ok(None) };
        let mut slots = [httparse::EMPTY_HEADER; 128];
        let mut parsed = httparse::Request::new(&mut slots);
        parsed.parse(&head).map_err(io::Error::other)?;
        let headers = owned(parsed.headers);
        let is_old = parsed.version == Some(0);
        let closes = header(&headers, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if header(&headers, "expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            output.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            output.flush()?;
        }
        let body = if is_chunked(&headers) {
            read_chunks(input)?
        } else {
            read_exact(input, length(&headers)?.unwrap_or(0))?
        };
        Ok(Some(Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            is_last: is_old || closes,
            headers,
            body,
        }))
    }

    /// Writes it for the only request of a connection.
    pub(crate) fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        put_headers(&mut bytes, &self.headers);
        bytes.extend_from_slice(b"connection: close\r\n");
        // A length of nothing is left out where a body has no meaning.
        if !self.body.is_empty() || !matches!(self.method.as_str(), "GET" | "HEAD" | "DELETE") {
            bytes.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        output.write_all(&bytes)?;
        output.flush()
    }
}

impl Answer {
    /// The answer to a request made with `method`, after those that only say that it is going on.
    pub(crate) fn read(input: &mut impl BufRead, method: &str) -> io::Result<Self> {
        loop {
            let head = read_head(input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let mut slots = [httparse::EMPTY_HEADER; 128];
            let mut parsed = httparse::Response::new(&mut slots);
            parsed.parse(&head).map_err(io::Error::other)?;
            let status = parsed.code.unwrap_or_default();
            if (100..200).contains(&status) {
                continue;
            }
            let headers = owned(parsed.headers);
            let body = if method == "HEAD" || matches!(status, 204 | 304) {
                Vec::new()
            } else if is_chunked(&headers) {
                read_chunks(input)?
            } else if let Some(length) = length(&headers)? {
                read_exact(input, length)?
            } else {
                let mut body = Vec::new();
                input.read_to_end(&mut body)?;
                body
            };
            let reason = parsed.reason.unwrap_or_default().to_owned();
            return Ok(Self { status, reason, headers, body });
        }
    }

    /// Its head as sent for a request made with `method`. An answer to HEAD keeps the length it speaks of.
    pub(crate) fn head(&self, method: &str) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {} {}\r\n", self.status, self.reason).into_bytes();
        put_headers(&mut bytes, &self.headers);
        let length = if method == "HEAD" {
            header(&self.headers, "content-length").map(str::to_owned)
        } else {
            Some(self.body.len().to_string()).filter(|_| self.status != 204)
        };
        if let Some(length) = length {
            bytes.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// Its body as sent for a request made with `method`.
    pub(crate) fn content(&self, method: &str) -> &[u8] {
        if method == "HEAD" { &[] } else { &self.body }
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn owned(headers: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect()
}

/// All but those that are about one connection, or about how the body is framed.
fn put_headers(bytes: &mut Vec<u8>, headers: &[(String, String)]) {
    const OF_A_CONNECTION: [&str; 9] = [
        "connection",
        "keep-alive",
        "transfer-encoding",
        "content-length",
        "expect",
        "te",
        "trailer",
        "upgrade",
        "proxy-connection",
    ];
    for (name, value) in headers {
        if !OF_A_CONNECTION.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
    }
}

/// The bytes up to and with the empty line; none if the stream ends before the first.
fn read_head(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    loop {
        let read = input.read_until(b'\n', &mut head)?;
        if read == 0 {
            return if head.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        if head.ends_with(b"\r\n\r\n") || head.ends_with(b"\n\n") {
            return Ok(Some(head));
        }
        if head.len() > LONGEST_HEAD {
            return Err(io::Error::other("the head of a message is too long"));
        }
    }
}

fn length(headers: &[(String, String)]) -> io::Result<Option<usize>> {
    header(headers, "content-length").map(|value| value.trim().parse().map_err(io::Error::other)).transpose()
}

fn is_chunked(headers: &[(String, String)]) -> bool {
    header(headers, "transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
}

fn read_exact(input: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(body)
}

fn read_chunks(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(input)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size == 0 {
            // Trailers, up to the empty line.
            while !read_line(input)?.trim().is_empty() {}
            return Ok(body);
        }
        if input.by_ref().take(size).read_to_end(&mut body)? as u64 != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read_line(input)?;
    }
}

fn read_line(input: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> (Option<Request>, String) {
        let mut output = Vec::new();
        let request = Request::read(&mut text.as_bytes(), &mut output).expect("a request");
        (request, String::from_utf8(output).expect("text"))
    }

    #[test]
    fn a_body_ends_where_its_length_or_its_last_chunk_says() {
        let (plain, _) = request("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET");
        assert_eq!(plain.expect("one").body, b"abc");
        let (chunked, _) = request(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
        );
        assert_eq!(chunked.expect("one").body, b"abc0123456789");
        assert!(request("").0.is_none(), "the stream ended");
    }

    #[test]
    fn who_asks_whether_to_go_on_is_told_so() {
        let (_, said) = request("PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx");
        assert_eq!(said, "HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(request("PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx").1, "");
    }

    #[test]
    fn a_forwarded_request_keeps_its_headers_but_for_those_of_the_connection() {
        let (request, _) = request(
            "POST /a?b HTTP/1.1\r\nHost: h\r\nX-Amz-Target: T\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        );
        let mut sent = Vec::new();
        request.expect("one").write(&mut sent).expect("written");
        let expected = "POST /a?b HTTP/1.1\r\nHost: h\r\nX-Amz-Target: T\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx";
        assert_eq!(String::from_utf8_lossy(&sent), expected);
    }

    #[test]
    fn an_answer_without_a_length_goes_on_to_the_end() {
        let read = |text: &str, method| Answer::read(&mut text.as_bytes(), method).expect("an answer");
        assert_eq!(read("HTTP/1.0 200 OK\r\n\r\nall of it", "GET").body, b"all of it");
        let after = read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "PUT");
        assert_eq!((after.status, after.body.len()), (204, 0));
        let head = read("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "HEAD");
        assert!(String::from_utf8_lossy(&head.head("HEAD")).contains("content-length: 7\r\n"));
        assert_eq!(head.content("HEAD"), b"");
    }
}
