//! A stack for values that nest deeply.

use std::io;
use std::panic::resume_unwind;
use std::thread;

/// Virtual bytes of the stack that [`on_deep_stack`] gives; only what the deepest value needs is ever
/// touched. A test holds that a chain of
/// references as long as a dump follows one fits.
pub const DEEP_STACK: usize = 512 << 20;

/// Runs `work` on a thread of its own, whose stack suffices for the deepest value that a
/// [`Dumper`](super::Dumper) follows.
///
/// # Errors
/// If no thread can be started.
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let worker = thread::Builder::new().stack_size(DEEP_STACK).spawn_scoped(scope, work)?;
        worker.join().map_or_else(|panic| resume_unwind(panic), Ok)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::{Datatype, Extent, File, RelAddr, Source};
    use crate::julia::builder::{Build, Data, NewField, ObjectRef, record};
    use crate::julia::grown::grown;
    use crate::julia::{Digest, Dumper, TypeTable};

    /// Structs inside each other in one object, and objects that lead to each other.
    const NESTED: usize = 55;
    const LINKED: usize = 2990;

    /// A chain of objects at the deepest that a dump follows.
    fn chain(build: &mut Build<'_>) -> ObjectRef {
        let mut datatype = Datatype::reference();
        let mut last = None;
        for level in 0..NESTED {
            let mut signature = build.text(&format!("Main.Level{level}"));
            signature.push(&Data::new([0; 16]));
            let field = NewField { name: "next".into(), datatype: Some(datatype), committed: last };
            datatype = record(std::slice::from_ref(&field));
            last = Some(build.commit(&signature, &datatype, &[field]).unwrap());
        }
        let mut next = ObjectRef::Existing(RelAddr::NULL);
        for _ in 0..LINKED {
            let data = Data::reference(next);
            next = build.any_dataset(last, None, Extent::Scalar, &[], &data);
        }
        next
    }

    #[test]
    fn the_deepest_value_fits() {
        let (bytes, first) = grown(chain);
        let file = File::from_source(Source::from_bytes(bytes)).unwrap();
        let mut out = Vec::new();
        on_deep_stack(|| {
            let types = TypeTable::new(&file);
            Dumper::new(&types, Digest::Xxh3).node(first, &mut out).unwrap();
        })
        .unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("Main.Level54\"").count(), LINKED);
        assert_eq!(text.matches("Main.Level0\"").count(), LINKED);
    }
}
