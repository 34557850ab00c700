//! Object headers, versions 1 and 2, with continuations (docs/jld2-format.md, section 2; HDF5
//! specification IV.A).

mod chunks;
mod kinds;
mod limits;
mod long;
mod lost;
mod messages;
mod model;
mod read;
mod stray;

pub(in crate::h5) use chunks::AT_ONCE;
pub use kinds::{header_flag, kind};
pub use model::{Chunk, Message, ObjectHeader, Piece};
pub(in crate::h5) use read::Peeked;
