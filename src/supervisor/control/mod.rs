//! Lets a run be asked, from another process of its user on the same machine, what it is doing, and
//! told to end.
//!
//! Each run listens on a socket in its own directory, `OUT/.jldconv/control-<I>-of-<N>.sock` of mode
//! 0600, and says in `control-<I>-of-<N>.json` beside it where it can be reached; where that file
//! system has no sockets, they lie in a private directory elsewhere. One JSON line asks, one
//! answers. Those who connect are held to their user id, a few hundred bytes and a few seconds, in a
//! thread of their own: whatever they send, the run goes on as without them.

mod client;
mod server;

pub(crate) use client::{AskError, Place, ask, place};
pub(crate) use server::{Command, Control};

use super::live::Live;
use crate::archive::Shard;
use serde::{Deserialize, Serialize};

/// What a user is told where a run cannot be asked.
pub(crate) fn unasked(error: &std::io::Error) -> String {
    format!("nobody can ask this run for its status or tell it to end from elsewhere: {error}")
}

/// Version of what is said.
pub(super) const FORMAT: u32 = 1;

/// Name of the socket of a run on `shard`.
pub(super) fn socket_name(shard: Shard) -> String {
    format!("control-{}-of-{}.sock", shard.index, shard.count)
}

/// Name of the file that says where a run on `shard` is reached.
pub(super) fn notice_name(shard: Shard) -> String {
    format!("control-{}-of-{}.json", shard.index, shard.count)
}

/// Where a run is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notice {
    pub(super) control: u32,
    pub(super) run_id: String,
    pub(super) host: String,
    /// Of the machine since it was started: names may be the same elsewhere.
    pub(super) boot: String,
    pub(super) pid: u32,
    /// Where the socket is, if it is not beside this file.
    pub(super) elsewhere: Option<String>,
}

/// What is asked of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub(crate) enum Ask {
    /// What it is doing.
    Live,
    /// To finish what runs and to take no more.
    Drain,
    /// To stop what runs.
    Stop,
}

/// What a run answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// What it is doing; of an order, what it was doing when that came.
    Live(Box<Live>),
    /// It was not understood.
    Refused {
        /// Why.
        why: String,
    },
}

/// What names this machine since it was started; empty where it has no such name.
pub(super) fn boot_id() -> String {
    crate::sys::process::boot_id().unwrap_or_default()
}
