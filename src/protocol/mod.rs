//! Carries messages between supervisor and worker.
//!
//! A frame is a length (u32, little-endian, at most [`FRAME_MAX`]) and a message in bincode. Both
//! sides bound what they read before they allocate for it. A worker's first frame is
//! [`FromWorker::Hello`]; anything else ends the connection.

mod endpoint;
mod frame;
mod log_line;
mod message;
mod token;
mod wire_bytes;

pub use endpoint::{Address, AddressError, Listener, SocketDir};
pub use frame::{Decoder, FRAME_MAX, ProtocolError, decode, encode, encode_payload};
pub use log_line::{LOG_TEXT_MAX, LogLevel, LogLine};
pub use message::{Assignment, Ended, FromWorker, Measured, ToWorker, VERSION, WirePath};
pub use token::Token;
pub use wire_bytes::WireBytes;
