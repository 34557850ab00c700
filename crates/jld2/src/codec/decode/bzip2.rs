//! Decodes bzip2 streams, one behind the other.

use super::{
    deflate::difference,
    stream::{Complaint, Stepped, StreamDecoder},
};
use bzip2::{Decompress, Status};

/// Undoes the bzip2 filter. Takes 3.7 MB at the largest block size, which JLD2 writes.
pub(super) struct Bunzip(Decompress);

impl Bunzip {
    pub(super) fn new() -> Self {
        Self(Decompress::new(false))
    }
}

impl StreamDecoder for Bunzip {
    const CODEC: &'static str = "bzip2";

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Stepped, Complaint> {
        let (read, written) = (self.0.total_in(), self.0.total_out());
        let status = self
            .0
            .decompress(input, output)
            .map_err(|error| Complaint { expected: "a bzip2 stream", found: error.to_string() })?;
        if status == Status::MemNeeded {
            let found = "too little memory for its blocks".to_owned();
            return Err(Complaint { expected: "a bzip2 stream", found });
        }
        Ok(Stepped {
            read: difference(self.0.total_in(), read),
            written: difference(self.0.total_out(), written),
            ended: status == Status::StreamEnd,
        })
    }

    fn restart(&mut self) -> bool {
        *self = Self::new();
        true
    }

    fn may_begin(first: u8) -> bool {
        first == b'B'
    }
}
