//! The first place where two streams of canonical JSON differ, in memory that does not depend on
//! their length.

use crate::h5::{self, Error};
use crate::julia::on_deep_stack;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Bytes of a piece, and pieces on their way.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;
/// Longer names are cut.
const MAX_NAME: usize = 200;

/// Whatever writes a value to a stream.
pub(in crate::inspect) type Producer<'a> = &'a (dyn Fn(&mut dyn Write) -> h5::Result<()> + Sync);

/// Where the streams of two producers begin to differ; none if they do not.
///
/// # Errors
/// If a producer fails before that.
pub(in crate::inspect) fn first_difference(
    a: Producer<'_>,
    b: Producer<'_>,
) -> h5::Result<Option<String>> {
    thread::scope(|scope| {
        let start = |producer| {
            let (send, receive) = sync_channel(PIECES);
            (receive, scope.spawn(move || produce(producer, send)))
        };
        let ((from_a, worker_a), (from_b, worker_b)) = (start(a), start(b));
        let place = differ(&mut Pieces::new(from_a), &mut Pieces::new(from_b));
        // Without receivers, producers that are not through yet end with a broken pipe.
        let mut failed = None;
        for worker in [worker_a, worker_b] {
            match worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                Err(error) if !is_broken(&error) => failed = Some(error),
                _ => {}
            }
        }
        match (place, failed) {
            (_, Some(error)) => Err(error),
            (place, None) => Ok(place),
        }
    })
}

fn is_broken(error: &Error) -> bool {
    matches!(error.kind(), h5::ErrorKind::Output(e) if e.kind() == io::ErrorKind::BrokenPipe)
}

fn produce(producer: Producer<'_>, send: SyncSender<Vec<u8>>) -> h5::Result<()> {
    let work = move || {
        let mut out = io::BufWriter::with_capacity(PIECE, Sender(send));
        producer(&mut out)?;
        out.flush().map_err(Error::output)
    };
    on_deep_stack(work).map_err(Error::output)?
}

struct Sender(SyncSender<Vec<u8>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes of one stream, one after the other.
struct Pieces {
    receive: Receiver<Vec<u8>>,
    piece: std::vec::IntoIter<u8>,
}

impl Pieces {
    fn new(receive: Receiver<Vec<u8>>) -> Self {
        Self { receive, piece: Vec::new().into_iter() }
    }

    fn next(&mut self) -> Option<u8> {
        loop {
            if let Some(byte) = self.piece.next() {
                return Some(byte);
            }
            self.piece = self.receive.recv().ok()?.into_iter();
        }
    }
}

fn differ(a: &mut Pieces, b: &mut Pieces) -> Option<String> {
    let mut place = Place::default();
    loop {
        match (a.next(), b.next()) {
            (None, None) => return None,
            (Some(a), Some(b)) if a == b => place.feed(a),
            _ => return Some(place.path()),
        }
    }
}

/// Where in a value a stream of its JSON has come to.
#[derive(Default)]
struct Place {
    frames: Vec<Frame>,
    /// The string that is being read.
    string: Option<Vec<u8>>,
    escaped: bool,
}

enum Frame {
    Object { key: Vec<u8>, in_value: bool },
    Array { index: u64 },
}

impl Place {
    fn feed(&mut self, byte: u8) {
        if let Some(string) = &mut self.string {
            if !self.escaped && byte == b'"' {
                let string = std::mem::take(string);
                self.string = None;
                if let Some(Frame::Object { key, in_value: false }) = self.frames.last_mut() {
                    *key = string;
                }
                return;
            }
            self.escaped = !self.escaped && byte == b'\\';
            if string.len() < MAX_NAME {
                string.push(byte);
            }
            return;
        }
        match byte {
            b'"' => self.string = Some(Vec::new()),
            b'{' => self.frames.push(Frame::Object { key: Vec::new(), in_value: false }),
            b'[' => self.frames.push(Frame::Array { index: 0 }),
            b'}' | b']' => {
                self.frames.pop();
            }
            b':' | b',' => match self.frames.last_mut() {
                Some(Frame::Object { in_value, .. }) => *in_value = byte == b':',
                Some(Frame::Array { index }) => *index += 1,
                None => {}
            },
            _ => {}
        }
    }

    /// Fields and elements on the way from the value to here: `.scale.Mpc`, `[3]`.
    fn path(&self) -> String {
        use std::fmt::Write as _;
        let mut path = String::new();
        let mut frames = self.frames.iter();
        while let Some(Frame::Object { key, .. }) = frames.next() {
            match (key.as_slice(), frames.next()) {
                (b"fields", Some(Frame::Object { key, .. })) => {
                    path.push('.');
                    path.push_str(&String::from_utf8_lossy(key));
                }
                (b"items", Some(Frame::Array { index })) => {
                    let _ = write!(path, "[{}]", index + 1);
                }
                (b"pairs", Some(Frame::Array { index })) => {
                    let _ = write!(path, "[pair {}]", index + 1);
                    frames.next();
                }
                _ => break,
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(a: &str, b: &str) -> Option<String> {
        let say = |text: &str| {
            let text = text.to_owned();
            move |out: &mut dyn Write| out.write_all(text.as_bytes()).map_err(Error::output)
        };
        first_difference(&say(a), &say(b)).unwrap()
    }

    #[test]
    fn the_place_is_told_by_fields_and_elements() {
        let a = r#"{"t":"A","fields":{"x\"{":{"t":"B","items":[{"v":1},{"v":2}]},"y":{"v":3}}}"#;
        assert_eq!(first(a, a), None);
        assert_eq!(first(a, &a.replace("\"v\":2", "\"v\":7")).unwrap(), ".x\\\"{[2]");
        assert_eq!(first(a, &a.replace("\"v\":3", "\"v\":7")).unwrap(), ".y");
        assert_eq!(first(a, &a.replace("\"A\"", "\"C\"")).unwrap(), "");
        let dict = r#"{"t":"D","pairs":[[{"v":"k"},{"v":1}],[{"v":"l"},{"t":"S","fields":{"z":{"v":1}}}]]}"#;
        let other = dict.replace("\"z\":{\"v\":1}", "\"z\":{\"v\":2}");
        assert_eq!(first(dict, &other).unwrap(), "[pair 2].z");
    }

    #[test]
    fn long_streams_differ_at_their_end() {
        let long = |last: u8| {
            move |out: &mut dyn Write| {
                for _ in 0..100_000 {
                    out.write_all(b"{\"v\":\"0123456789\"},").map_err(Error::output)?;
                }
                out.write_all(&[last]).map_err(Error::output)
            }
        };
        assert_eq!(first_difference(&long(b'1'), &long(b'1')).unwrap(), None);
        assert!(first_difference(&long(b'1'), &long(b'2')).unwrap().is_some());
    }

    #[test]
    fn a_producer_that_fails_is_an_error() {
        let fails = |_: &mut dyn Write| Err(Error::foreign(7, "something"));
        let good = |out: &mut dyn Write| out.write_all(&vec![1; 1 << 20]).map_err(Error::output);
        assert!(first_difference(&fails, &good).is_err());
    }
}
