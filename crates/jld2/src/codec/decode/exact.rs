//! Reads a stream of a known length, and nothing behind it.

use crate::codec::{Error, Reader};
use std::io::{self, BufRead, Read};

/// Gives exactly as many bytes as a dataset has, or an error; never a wrong count quietly.
pub(super) struct Exact<'a> {
    inner: Reader<'a>,
    total: u64,
    left: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The end has not been looked at.
    Open,
    /// The inner stream ends where it must.
    Checked,
    Failed,
}

impl<'a> Exact<'a> {
    pub(super) fn new(inner: Reader<'a>, total: u64) -> Self {
        Self { inner, total, left: total, state: State::Open }
    }

    /// Fails for good.
    fn fail<T>(&mut self, error: impl Into<io::Error>) -> io::Result<T> {
        let error = error.into();
        if error.kind() != io::ErrorKind::Interrupted {
            self.state = State::Failed;
        }
        Err(error)
    }

    /// Once all bytes have been given, the inner stream must end.
    fn check_end(&mut self) -> io::Result<()> {
        if self.left > 0 || self.state != State::Open {
            return Ok(());
        }
        match self.inner.fill_buf() {
            Ok([]) => self.state = State::Checked,
            Ok(_) => return self.fail(Error::Long { expected: self.total }),
            Err(error) => return self.fail(error),
        }
        Ok(())
    }

    fn short(&self) -> Error {
        Error::Short { expected: self.total, found: self.total.saturating_sub(self.left) }
    }
}

impl Read for Exact<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.state == State::Failed {
            return Err(Error::Failed.into());
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let buf = buf.get_mut(..wanted).unwrap_or_default();
        if !buf.is_empty() {
            match self.inner.read(buf) {
                Ok(0) => {
                    let short = self.short();
                    return self.fail(short);
                }
                Ok(n) => {
                    self.left = self.left.saturating_sub(n as u64);
                    // Who has the last byte may never ask again.
                    self.check_end()?;
                    return Ok(n);
                }
                Err(error) => return self.fail(error),
            }
        }
        self.check_end()?;
        Ok(0)
    }
}

impl BufRead for Exact<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.state == State::Failed {
            return Err(Error::Failed.into());
        }
        self.check_end()?;
        if self.left == 0 {
            return Ok(&[]);
        }
        match self.inner.fill_buf().map(<[u8]>::len) {
            Ok(0) => {
                let short = self.short();
                return self.fail(short);
            }
            Ok(n) if n as u64 > self.left => {
                return self.fail(Error::Long { expected: self.total });
            }
            Ok(_) => {}
            Err(error) => return self.fail(error),
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.inner.consume(amount);
        self.left = self.left.saturating_sub(amount as u64);
    }
}
