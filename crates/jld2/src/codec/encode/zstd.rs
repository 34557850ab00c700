//! Encodes one zstd frame, with the library's own threads.
//!
//! The library cuts the input into jobs whose size does not depend on the number of its threads,
//! and with one thread or more (not with none) it always gives the same bytes. This thread, which
//! decodes the input, takes turns with the library's where only one is asked for.

use super::output::Output;
use crate::codec::{Error, Reader};
use std::io::{self, BufRead as _};
use zstd::zstd_safe::{
    CCtx, CParameter, InBuffer, OutBuffer, compress_bound, get_error_name, max_c_level,
    min_c_level, zstd_sys::ZSTD_EndDirective,
};

const CODEC: &str = "zstd";
/// Bytes of a job, of which each thread holds some.
const JOB: u32 = 2 << 20;
/// Window as a power of two: what a reader has to hold, once for each plane of shuffled data.
const WINDOW_LOG: u32 = 20;
/// More threads than that are not asked for.
const THREADS_MAX: usize = 64;

/// Writes one frame that tells its size and has a checksum.
pub(super) fn encode(
    level: i32,
    mut input: Reader<'_>,
    total: u64,
    threads: usize,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    check_level(level)?;
    let mut context = context(level, total, threads)?;
    let mut buf = vec![0; CCtx::out_size()];
    let mut done = 0_u64;
    loop {
        let to_job_end = JOB as usize - usize::try_from(done % u64::from(JOB)).unwrap_or(0);
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk.get(..chunk.len().min(to_job_end)).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let n = chunk.len();
        done = done.saturating_add(n as u64);
        if done > total {
            return Err(Error::Long { expected: total });
        }
        if n == 0 && done < total {
            return Err(Error::Short { expected: total, found: done });
        }
        let end = n == 0;
        let mut pending = InBuffer::around(chunk);
        loop {
            let mut room = OutBuffer::around(buf.as_mut_slice());
            let how = if end {
                ZSTD_EndDirective::ZSTD_e_end
            } else {
                ZSTD_EndDirective::ZSTD_e_continue
            };
            let left = context.compress_stream2(&mut room, &mut pending, how).map_err(refused)?;
            out.write(room.as_slice())?;
            if if end { left == 0 } else { pending.pos() >= n } {
                break;
            }
        }
        input.consume(n);
        if threads <= 1 && n == to_job_end {
            wait(&mut context, &mut buf, out)?;
        }
        out.report(done)?;
        if end {
            return Ok(());
        }
    }
}

/// Waits until the library has nothing to do, and writes what it makes.
fn wait(context: &mut CCtx<'_>, buf: &mut [u8], out: &mut Output<'_>) -> Result<(), Error> {
    loop {
        let mut room = OutBuffer::around(buf);
        let mut nothing = InBuffer::around(&[]);
        let how = ZSTD_EndDirective::ZSTD_e_continue;
        // Without input it waits for output, as long as any is to come.
        context.compress_stream2(&mut room, &mut nothing, how).map_err(refused)?;
        let made = room.as_slice();
        if made.is_empty() {
            return Ok(());
        }
        out.write(made)?;
    }
}

fn check_level(level: i32) -> Result<(), Error> {
    let levels = min_c_level()..=max_c_level();
    if levels.contains(&level) {
        return Ok(());
    }
    let what = format!("level {level} ({} to {})", levels.start(), levels.end());
    Err(Error::Unsupported { codec: CODEC, what })
}

/// Encodes inputs that lie in memory, each as one frame that tells its size and has a checksum.
pub(super) struct Whole(CCtx<'static>);

impl Whole {
    pub(super) fn new(level: i32) -> Result<Self, Error> {
        check_level(level)?;
        let mut context = created()?;
        for parameter in [
            CParameter::CompressionLevel(level),
            CParameter::ChecksumFlag(true),
            CParameter::ContentSizeFlag(true),
        ] {
            context.set_parameter(parameter).map_err(refused)?;
        }
        Ok(Self(context))
    }

    /// Puts `input` at the start of `out`, which has [`room`] for it; how much of it is used.
    pub(super) fn encode(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        self.0.compress2(out, input).map_err(refused)
    }
}

/// Room that any input of `length` bytes fits into.
pub(super) fn room(length: usize) -> usize {
    compress_bound(length)
}

fn created() -> Result<CCtx<'static>, Error> {
    CCtx::try_create().ok_or_else(|| {
        let what = "encoding with so little memory".to_owned();
        Error::Unsupported { codec: CODEC, what }
    })
}

fn context(level: i32, total: u64, threads: usize) -> Result<CCtx<'static>, Error> {
    let mut context = created()?;
    let workers = u32::try_from(threads.clamp(1, THREADS_MAX)).unwrap_or(1);
    for parameter in [
        CParameter::CompressionLevel(level),
        CParameter::WindowLog(WINDOW_LOG),
        CParameter::ChecksumFlag(true),
        CParameter::ContentSizeFlag(true),
        CParameter::NbWorkers(workers),
        CParameter::JobSize(JOB),
    ] {
        context.set_parameter(parameter).map_err(refused)?;
    }
    context.set_pledged_src_size(Some(total)).map_err(refused)?;
    Ok(context)
}

/// What the library says is about memory or parameters, never about the input.
fn refused(code: usize) -> Error {
    Error::Unsupported { codec: CODEC, what: format!("encoding ({})", get_error_name(code)) }
}
