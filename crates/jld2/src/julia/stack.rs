//! A stack for values that nest deeply.

use std::cell::Cell;
use std::io;
use std::panic::resume_unwind;
use std::thread;

/// Virtual bytes of the stack that [`on_deep_stack`] gives; only what the deepest value needs is ever
/// touched. A test holds that a chain of
/// references as long as a dump follows one fits.
pub const DEEP_STACK: usize = 512 << 20;

thread_local! {
    /// This thread has such a stack.
    static DEEP: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on a thread whose stack suffices for the deepest value that a
/// [`Dumper`](super::Dumper) follows: a new one, or this one if it was made here. So whoever has much
/// to do goes to such a thread once, with all of it.
///
/// # Errors
/// If no thread can be started.
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    if DEEP.get() {
        return Ok(work());
    }
    thread::scope(|scope| {
        let deep = || {
            DEEP.set(true);
            work()
        };
        let worker = thread::Builder::new().stack_size(DEEP_STACK).spawn_scoped(scope, deep)?;
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
    fn who_is_on_a_deep_stack_stays_there() {
        let id = || thread::current().id();
        let (outer, inner) = on_deep_stack(|| (id(), on_deep_stack(id).unwrap())).unwrap();
        assert_eq!(outer, inner);
        assert_ne!(outer, id());
        assert_ne!(on_deep_stack(id).unwrap(), id(), "the next time it is another one");
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
