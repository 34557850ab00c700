//! Tells others of a walk while it goes: which objects it meets.

use crate::h5::{Object, RelAddr, Result};

/// Whoever wants to know which objects a value is made of.
pub trait Watch {
    /// An object whose value is written next.
    ///
    /// # Errors
    /// The watcher's own, which end the dump.
    fn object(&self, object: &Object) -> Result<()>;

    /// An object with an identity that the present value meets for the first time.
    fn identity(&self, addr: RelAddr);
}
