//! Decodes Zstandard frames, one behind the other.

use super::stream::{Complaint, Stepped, StreamDecoder};
use crate::codec::Error;
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective, get_error_name};

/// Undoes the zstd filter.
///
/// Takes the frame's window and some 200 kB: 2 MiB at the usual levels, 128 MiB at most. Of a
/// window that is larger than the data only what the data fills is ever touched.
pub(super) struct Unzstd {
    context: DCtx<'static>,
    /// Inside a frame.
    begun: bool,
}

/// Largest window that is accepted, as a power of two: what `zstd -22` and JLD2 may write.
const WINDOW_LOG_MAX: u32 = 27;

impl Unzstd {
    pub(super) fn new() -> Result<Self, Error> {
        let no = |what: &str| Error::Unsupported { codec: Self::CODEC, what: what.to_owned() };
        let mut context = DCtx::try_create().ok_or_else(|| no("decoding with so little memory"))?;
        context
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))
            .map_err(|code| no(get_error_name(code)))?;
        Ok(Self { context, begun: false })
    }
}

impl StreamDecoder for Unzstd {
    const CODEC: &'static str = "zstd";

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Stepped, Complaint> {
        let mut input = InBuffer::around(input);
        let mut output = OutBuffer::around(output);
        let left = self.context.decompress_stream(&mut output, &mut input).map_err(|code| {
            Complaint { expected: "a zstd frame", found: get_error_name(code).to_owned() }
        })?;
        self.begun |= input.pos() > 0;
        let ended = self.begun && left == 0;
        self.begun &= !ended;
        Ok(Stepped { read: input.pos(), written: output.pos(), ended })
    }

    fn restart(&mut self) -> bool {
        self.context.reset(ResetDirective::SessionOnly).is_ok()
    }

    fn may_begin(first: u8) -> bool {
        // Magic numbers of frames and of skippable ones.
        first == 0x28 || (0x50..=0x5f).contains(&first)
    }
}
