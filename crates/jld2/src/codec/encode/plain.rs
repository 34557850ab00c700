//! Passes bytes on as they are.

use super::output::Output;
use crate::codec::{Error, Reader};
use std::io::{self, BufRead as _};

/// Writes the input itself.
pub(super) fn encode(mut input: Reader<'_>, total: u64, out: &mut Output<'_>) -> Result<(), Error> {
    let mut done = 0_u64;
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk.get(..chunk.len().min(MOST)).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let n = chunk.len();
        done = done.saturating_add(n as u64);
        if done > total {
            return Err(Error::Long { expected: total });
        }
        if n == 0 {
            let found = done;
            return if done < total {
                Err(Error::Short { expected: total, found })
            } else {
                Ok(())
            };
        }
        out.write(chunk)?;
        input.consume(n);
        out.report(done)?;
    }
}

/// Bytes between two reports, if the whole input lies in memory.
const MOST: usize = 1 << 20;
