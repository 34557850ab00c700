//! Finds the first place where two values differ, while both are walked through, in memory that
//! does not depend on their length.

use crate::h5::{self, Error};
use crate::julia::{
    Bounded, Canonical, Digest, Digests, JuliaType, Number, Numbers, Parts, Shape, TextStream,
    TypeName, Visitor, on_deep_stack,
};
use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Bytes of a piece, and pieces on their way.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;
/// Longer names are cut.
const MAX_NAME: usize = 200;

/// A value that is compared.
#[derive(Clone, Copy)]
pub(in crate::inspect) struct Side<'a> {
    /// Tells a visitor of it.
    pub(in crate::inspect) walk: &'a (dyn Fn(&mut dyn Visitor) -> h5::Result<()> + Sync),
    /// Digests of columns of the file that it is in.
    pub(in crate::inspect) digests: &'a Digests,
    /// Bytes of that file.
    pub(in crate::inspect) len: u64,
}

/// Where two values begin to differ: fields and elements on the way there; none if they do not.
///
/// # Errors
/// If a walk fails before that.
pub(in crate::inspect) fn first_difference(a: Side<'_>, b: Side<'_>) -> h5::Result<Option<String>> {
    thread::scope(|scope| {
        let start = |side| {
            let (send, receive) = sync_channel(PIECES);
            (receive, scope.spawn(move || produce(side, send)))
        };
        let ((from_a, worker_a), (from_b, worker_b)) = (start(a), start(b));
        let place = differ(&mut Pieces::new(from_a), &mut Pieces::new(from_b));
        // Without receivers, walks that are not through yet end with a broken pipe.
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

fn produce(side: Side<'_>, send: SyncSender<Piece>) -> h5::Result<()> {
    let work = move || {
        let stream = Stream { piece: RefCell::default(), send };
        let mut out = &stream;
        let mut out = Bounded::new(&mut out, side.len);
        let canonical = Canonical::new(&mut out, Digest::Xxh3, Some(side.digests));
        (side.walk)(&mut Told { canonical, stream: &stream })?;
        stream.send().map_err(Error::output)
    };
    on_deep_stack(work).map_err(Error::output)?
}

/// A stretch of a value's canonical form, and what its bytes are part of.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    /// Each with the number of bytes in front of it.
    marks: Vec<(usize, Mark)>,
}

/// A step of a walk that leads to another place in the value.
enum Mark {
    Enter(Nesting),
    Field(String),
    Item(u64),
    Leave,
}

/// What a place is in.
enum Nesting {
    Fields(String),
    Items(u64),
    Pairs(u64),
    /// A key and a value, which are told by the number of their pair.
    Pair,
}

/// The pieces on their way to whoever compares them.
struct Stream {
    piece: RefCell<Piece>,
    send: SyncSender<Piece>,
}

impl Stream {
    fn mark(&self, mark: Mark) -> h5::Result<()> {
        let full = {
            let mut piece = self.piece.borrow_mut();
            let at = piece.bytes.len();
            piece.marks.push((at, mark));
            piece.marks.len() >= PIECE / size_of::<(usize, Mark)>()
        };
        if full { self.send().map_err(Error::output) } else { Ok(()) }
    }

    fn send(&self) -> io::Result<()> {
        let piece = self.piece.take();
        self.send.send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let full = {
            let mut piece = self.piece.borrow_mut();
            piece.bytes.extend_from_slice(bytes);
            piece.bytes.len() >= PIECE
        };
        if full {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a value in the canonical form, and marks where its parts begin.
struct Told<'o> {
    canonical: Canonical<'o>,
    stream: &'o Stream,
}

impl Visitor for Told<'_> {
    fn number(&mut self, t: TypeName<'_>, number: Number<'_>) -> h5::Result<()> {
        self.canonical.number(t, number)
    }

    fn text(&mut self, t: TypeName<'_>, text: &[u8]) -> h5::Result<()> {
        self.canonical.text(t, text)
    }

    fn long_text(&mut self, t: TypeName<'_>, text: &mut TextStream<'_>) -> h5::Result<()> {
        self.canonical.long_text(t, text)
    }

    fn type_value(&mut self, kind: &'static str, value: &JuliaType) -> h5::Result<()> {
        self.canonical.type_value(kind, value)
    }

    fn known(&mut self, t: TypeName<'_>, json: &str) -> h5::Result<()> {
        self.canonical.known(t, json)
    }

    fn numbers(
        &mut self,
        t: TypeName<'_>,
        id: Option<u64>,
        dims: &[u64],
        numbers: &Numbers<'_>,
    ) -> h5::Result<()> {
        self.canonical.numbers(t, id, dims, numbers)
    }

    fn enter(&mut self, t: TypeName<'_>, id: Option<u64>, shape: Shape<'_>) -> h5::Result<()> {
        self.canonical.enter(t, id, shape)?;
        self.stream.mark(Mark::Enter(match shape {
            Shape::Struct => Nesting::Fields(String::new()),
            Shape::Tuple | Shape::Array(_) => Nesting::Items(0),
            Shape::Dict { .. } => Nesting::Pairs(0),
        }))
    }

    fn enter_pair(&mut self, t: Option<&JuliaType>) -> h5::Result<()> {
        self.canonical.enter_pair(t)?;
        self.stream.mark(Mark::Enter(Nesting::Pair))
    }

    fn field(&mut self, index: usize, name: &str) -> h5::Result<()> {
        self.canonical.field(index, name)?;
        let cut = (0..=MAX_NAME).rev().find(|&n| name.is_char_boundary(n)).unwrap_or(0);
        let name = name.get(..cut).unwrap_or(name);
        self.stream.mark(Mark::Field(name.to_owned()))
    }

    fn item(&mut self, index: u64) -> h5::Result<()> {
        self.canonical.item(index)?;
        self.stream.mark(Mark::Item(index))
    }

    fn leave(&mut self, parts: Parts, more: u64) -> h5::Result<()> {
        self.canonical.leave(parts, more)?;
        self.stream.mark(Mark::Leave)
    }

    fn again(&mut self, id: u64) -> h5::Result<()> {
        self.canonical.again(id)
    }

    fn undefined(&mut self) -> h5::Result<()> {
        self.canonical.undefined()
    }
}

/// What one side is told, byte by byte.
struct Pieces {
    receive: Receiver<Piece>,
    bytes: std::vec::IntoIter<u8>,
    marks: std::iter::Peekable<std::vec::IntoIter<(usize, Mark)>>,
    /// Bytes of the piece that were given.
    given: usize,
    place: Vec<Nesting>,
}

impl Pieces {
    fn new(receive: Receiver<Piece>) -> Self {
        let Piece { bytes, marks } = Piece::default();
        let (bytes, marks) = (bytes.into_iter(), marks.into_iter().peekable());
        Self { receive, bytes, marks, given: 0, place: Vec::new() }
    }

    fn next(&mut self) -> Option<u8> {
        loop {
            while let Some((_, mark)) = self.marks.next_if(|(at, _)| *at <= self.given) {
                self.follow(mark);
            }
            if let Some(byte) = self.bytes.next() {
                self.given += 1;
                return Some(byte);
            }
            let piece = self.receive.recv().ok()?;
            self.bytes = piece.bytes.into_iter();
            self.marks = piece.marks.into_iter().peekable();
            self.given = 0;
        }
    }

    fn follow(&mut self, mark: Mark) {
        match (mark, self.place.last_mut()) {
            (Mark::Enter(frame), _) => self.place.push(frame),
            (Mark::Leave, _) => {
                self.place.pop();
            }
            (Mark::Field(name), Some(Nesting::Fields(field))) => *field = name,
            (Mark::Item(i), Some(Nesting::Items(index) | Nesting::Pairs(index))) => *index = i,
            (Mark::Field(_) | Mark::Item(_), _) => {}
        }
    }

    /// Fields and elements on the way from the value to here: `.scale.Mpc`, `[3]`.
    fn path(&self) -> String {
        let part = |frame: &Nesting| match frame {
            Nesting::Fields(name) => format!(".{name}"),
            Nesting::Items(index) => format!("[{}]", index + 1),
            Nesting::Pairs(index) => format!("[pair {}]", index + 1),
            Nesting::Pair => String::new(),
        };
        self.place.iter().map(part).collect()
    }
}

fn differ(a: &mut Pieces, b: &mut Pieces) -> Option<String> {
    loop {
        match (a.next(), b.next()) {
            (None, None) => return None,
            (Some(x), Some(y)) if x == y => {}
            // Up to here both were told the same.
            _ => return Some(a.path()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Steps<'a> = &'a (dyn Fn(&mut dyn Visitor) -> h5::Result<()> + Sync);

    fn first(a: Steps<'_>, b: Steps<'_>) -> h5::Result<Option<String>> {
        let digests = Digests::default();
        let side = |walk| Side { walk, digests: &digests, len: 1 << 20 };
        first_difference(side(a), side(b))
    }

    fn int(v: &mut dyn Visitor, value: i64) -> h5::Result<()> {
        let bytes = value.to_le_bytes();
        let number = Number { kind: crate::julia::NumberKind::Signed, bytes: &bytes };
        v.number(TypeName::Name("Core.Int64"), number)
    }

    /// A struct with a tuple of two in its first field, and a number in its second.
    fn record(
        name: &'static str,
        [a, b, c]: [i64; 3],
    ) -> impl Fn(&mut dyn Visitor) -> h5::Result<()> {
        move |v| {
            v.enter(TypeName::Name(name), None, Shape::Struct)?;
            v.field(0, "x\"{")?;
            v.enter(TypeName::Name("B"), None, Shape::Tuple)?;
            v.item(0)?;
            int(v, a)?;
            v.item(1)?;
            int(v, b)?;
            v.leave(Parts::Items, 0)?;
            v.field(1, "y")?;
            int(v, c)?;
            v.leave(Parts::Fields, 0)
        }
    }

    #[test]
    fn the_place_is_told_by_fields_and_elements() {
        let a = record("A", [1, 2, 3]);
        let other = |b: Steps<'_>| first(&a, b).unwrap();
        assert_eq!(other(&a), None);
        assert_eq!(other(&record("A", [7, 2, 3])).unwrap(), ".x\"{[1]");
        assert_eq!(other(&record("A", [1, 7, 3])).unwrap(), ".x\"{[2]");
        assert_eq!(other(&record("A", [1, 2, 7])).unwrap(), ".y");
        assert_eq!(other(&record("C", [1, 2, 3])).unwrap(), "");
        let dict = |z: i64| {
            move |v: &mut dyn Visitor| {
                v.enter(TypeName::Name("D"), None, Shape::Dict { pairs: None })?;
                for i in 0..2 {
                    v.item(i)?;
                    v.enter_pair(None)?;
                    v.item(0)?;
                    v.text(TypeName::Name("Core.String"), b"k")?;
                    v.item(1)?;
                    v.enter(TypeName::Name("S"), None, Shape::Struct)?;
                    v.field(0, "z")?;
                    int(v, if i == 1 { z } else { 0 })?;
                    v.leave(Parts::Fields, 0)?;
                    v.leave(Parts::Pair, 0)?;
                }
                v.leave(Parts::Items, 0)
            }
        };
        assert_eq!(first(&dict(1), &dict(1)).unwrap(), None);
        assert_eq!(first(&dict(1), &dict(2)).unwrap().unwrap(), "[pair 2].z");
    }

    fn long(last: i64) -> impl Fn(&mut dyn Visitor) -> h5::Result<()> {
        move |v| {
            v.enter(TypeName::Name("A"), None, Shape::Array(&[100_001]))?;
            for i in 0..100_001 {
                v.item(i)?;
                int(v, if i == 100_000 { last } else { 5 })?;
            }
            v.leave(Parts::Items, 0)
        }
    }

    #[test]
    fn long_values_differ_at_their_end() {
        assert_eq!(first(&long(1), &long(1)).unwrap(), None);
        assert_eq!(first(&long(1), &long(2)).unwrap().unwrap(), "[100001]");
    }

    #[test]
    fn a_walk_that_fails_is_an_error() {
        let fails = |_: &mut dyn Visitor| Err(Error::foreign(7, "something"));
        assert!(first(&fails, &long(1)).is_err());
    }
}
