//! Decodes zlib streams (RFC 1950).

use super::stream::{Complaint, Stepped, StreamDecoder};
use flate2::{Decompress, FlushDecompress, Status};

/// Undoes the deflate filter. Takes some 50 kB.
pub(super) struct Inflate(Decompress);

impl Inflate {
    pub(super) fn new() -> Self {
        Self(Decompress::new(true))
    }
}

impl StreamDecoder for Inflate {
    const CODEC: &'static str = "deflate";

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Stepped, Complaint> {
        let (read, written) = (self.0.total_in(), self.0.total_out());
        let status =
            self.0.decompress(input, output, FlushDecompress::None).map_err(|error| Complaint {
                expected: "a zlib stream",
                found: error.message().map_or_else(|| error.to_string(), str::to_owned),
            })?;
        Ok(Stepped {
            read: difference(self.0.total_in(), read),
            written: difference(self.0.total_out(), written),
            ended: status == Status::StreamEnd,
        })
    }

    fn restart(&mut self) -> bool {
        false
    }

    fn may_begin(_: u8) -> bool {
        false
    }
}

/// How far a library's counter went in one step.
pub(super) fn difference(now: u64, before: u64) -> usize {
    usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX)
}
