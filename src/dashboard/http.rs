//! Reads the heads of requests and writes answers (HTTP/1.1, RFC 9112): GET only, one request a
//! connection.

use crate::protocol::Token;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longest head of a request in bytes.
const HEAD_MAX: usize = 8 << 10;
/// Most fields of a head.
const FIELDS: usize = 64;
/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The page itself.
    Page,
    /// What changes on it.
    Events,
    /// Something that is not there.
    Nothing,
    /// Anything, by somebody who does not know the secret.
    Stranger,
    /// Something else than to read.
    Method,
    /// Nothing that could be understood.
    Nonsense,
}

/// Hears the head of a request.
///
/// # Errors
/// It does not come in time, or the connection is gone.
pub(super) fn hear(stream: &mut TcpStream, secret: &Token) -> io::Result<Asked> {
    let until = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut bytes = [0; 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let count = match stream.read(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        head.extend_from_slice(bytes.get(..count).unwrap_or_default());
        if let Some(asked) = asked(&head, secret) {
            return Ok(asked);
        }
        if head.len() > HEAD_MAX {
            return Ok(Asked::Nonsense);
        }
    }
}

/// What a head asks for; none if it is not complete.
fn asked(head: &[u8], secret: &Token) -> Option<Asked> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return None,
        Err(_) => return Some(Asked::Nonsense),
    }
    if request.method != Some("GET") {
        return Some(Asked::Method);
    }
    let path = request.path.unwrap_or_default();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let given = query.split('&').find_map(|pair| pair.strip_prefix("token="));
    // The comparison takes the same time wherever the two differ.
    if given.and_then(Token::from_hex).as_ref() != Some(secret) {
        return Some(Asked::Stranger);
    }
    Some(match path {
        "/" => Asked::Page,
        "/events" => Asked::Events,
        _ => Asked::Nothing,
    })
}

/// What every answer says beside its content.
const ALWAYS: &str = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
                      Referrer-Policy: no-referrer\r\nX-Frame-Options: DENY\r\n\
                      Cross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n";

/// Answers with a text; `more` are further fields.
pub(super) fn answer(
    out: &mut impl Write,
    status: &str,
    kind: &str,
    more: &str,
    body: &str,
) -> io::Result<()> {
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n\
         {ALWAYS}{more}\r\n{body}"
    );
    out.write_all(answer.as_bytes())
}

/// Answers with a few words.
pub(super) fn refuse(out: &mut impl Write, status: &str, more: &str, why: &str) -> io::Result<()> {
    answer(out, status, "text/plain", more, &format!("{why}\n"))
}

/// Begins a stream of events (HTML standard, section 9.2).
pub(super) fn begin_events(out: &mut impl Write) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{ALWAYS}\r\n");
    out.write_all(head.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(head: &str, secret: &Token) -> Option<Asked> {
        asked(head.as_bytes(), secret)
    }

    #[test]
    fn only_who_knows_the_secret_may_read_and_nobody_write() {
        let secret = Token::random().unwrap();
        let hex = secret.to_hex();
        let get = |path: &str| of(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"), &secret);
        assert_eq!(get(&format!("/?token={hex}")), Some(Asked::Page));
        assert_eq!(get(&format!("/events?a=b&token={hex}")), Some(Asked::Events));
        assert_eq!(get(&format!("/other?token={hex}")), Some(Asked::Nothing));
        let mut wrong = hex.clone();
        wrong.replace_range(63.., if hex.ends_with('0') { "1" } else { "0" });
        for token in [wrong.as_str(), "", &hex[..62], &format!("{hex}00"), "%00"] {
            assert_eq!(get(&format!("/?token={token}")), Some(Asked::Stranger), "{token}");
        }
        assert_eq!(get("/"), Some(Asked::Stranger));
        assert_eq!(get("/events"), Some(Asked::Stranger));
        for method in ["POST", "PUT", "HEAD", "DELETE", "OPTIONS"] {
            let head = format!("{method} /?token={hex} HTTP/1.1\r\n\r\n");
            assert_eq!(of(&head, &secret), Some(Asked::Method));
        }
        assert_eq!(of("GET / HT", &secret), None, "not complete");
        assert_eq!(of("\x16\x03\x01 TLS", &secret), Some(Asked::Nonsense));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let secret = Token::random().unwrap();
            let asked = asked(&bytes, &secret);
            prop_assert!(!matches!(asked, Some(Asked::Page | Asked::Events | Asked::Nothing)));
        }
    }
}
