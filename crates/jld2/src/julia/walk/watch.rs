//! Tells others of a walk while it goes: which objects it meets.

use super::super::JuliaType;
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

    /// A stored type that no step of the walk tells: that of a dictionary's pairs or
    /// hash table. It follows from the dictionary's own unless the file is damaged.
    fn untold(&self, _t: &JuliaType) {}
}
