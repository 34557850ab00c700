//! Lets a worker in: accepts its connection, and checks that its hello comes from the process that
//! was started.

use super::message::WorkerMessage;
use crate::protocol::{FromWorker, Listener, Token, VERSION};
use interprocess::TryClone;
use interprocess::local_socket::{Stream, traits::Stream as _};
use std::os::fd::{AsFd, BorrowedFd};

/// The way in for one worker.
pub(super) struct Handshake {
    /// Open until the worker is connected.
    listener: Option<Listener>,
    token: Token,
    greeted: bool,
}

impl Handshake {
    pub(super) fn new(listener: Listener, token: Token) -> Self {
        Self { listener: Some(listener), token, greeted: false }
    }

    /// What to wait on for a connection; nothing any more after one.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.listener.as_ref().map(AsFd::as_fd)
    }

    /// Whether the worker said hello.
    pub(super) fn is_over(&self) -> bool {
        self.greeted
    }

    /// Nobody is let in any more.
    pub(super) fn close(&mut self) {
        self.listener = None;
    }

    /// The connection of the process `pid`, if it came; strangers are shown out.
    pub(super) fn accept(&mut self, pid: u32) -> Result<Option<Stream>, String> {
        let Some(listener) = &self.listener else { return Ok(None) };
        let Some(stream) = listener.accept_from(pid).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        stream.set_nonblocking(true).map_err(|error| error.to_string())?;
        self.listener = None;
        Ok(Some(stream))
    }

    /// What a message of the process `pid` means that came over `stream`: the first one has to be
    /// its hello. An error is what the worker did wrong.
    pub(super) fn hear(
        &mut self,
        message: FromWorker,
        pid: u32,
        stream: &Stream,
    ) -> Result<WorkerMessage, String> {
        match message {
            FromWorker::Hello { .. } if self.greeted => Err("said hello twice".to_owned()),
            message if self.greeted => Ok(WorkerMessage::Said(message)),
            message => self.greet(&message, pid, stream),
        }
    }

    fn greet(
        &mut self,
        message: &FromWorker,
        worker: u32,
        stream: &Stream,
    ) -> Result<WorkerMessage, String> {
        let FromWorker::Hello { version, pid, token } = message else {
            return Err("did not begin with hello".to_owned());
        };
        if *version != VERSION {
            return Err(format!("speaks version {version} of the protocol, not {VERSION}"));
        }
        if *pid != worker || *token != self.token {
            return Err("is not the process that was started".to_owned());
        }
        let writer = stream.try_clone().map_err(|_| "its connection cannot be kept")?;
        self.greeted = true;
        Ok(WorkerMessage::Ready(writer))
    }
}
