//! Columns as they stand in a file, and the messages that tell so.

use super::column::Column;
use anyhow::{Context as _, Result};
use jldconv::codec::{self, Codec, StreamSource as _, ids};
use jldconv::h5::encode::{self, NewMessage};
use jldconv::h5::{Extent, FilterEntry, RelAddr, kind};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use std::io::{self, Write};
use std::ops::ControlFlow;

/// Level of deflate, as Mera asked for when that was its codec.
const DEFLATE_LEVEL: u32 = 9;
/// Bytes of a block in the registered LZ4 format.
const LZ4_BLOCK: u32 = codec::LZ4_BLOCK_SIZE;

/// How columns are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Packing {
    /// LZ4 frames of linked blocks of 64 KiB, as JLD2 wrote them before 0.6.
    Lz4Frame,
    /// The registered LZ4 format, as JLD2 writes it since 0.6.
    Lz4,
    /// Zlib streams.
    Deflate,
    /// Not at all.
    None,
    /// Not at all, and not written either: columns are holes that take no space, and all their
    /// values are 0.
    Sparse,
}

impl Packing {
    /// Writes a column; gives the number of bytes.
    pub(super) fn write(self, column: &Column, out: &mut (dyn Write + Send)) -> Result<u64> {
        let codec = match self {
            Self::None => Codec::None,
            Self::Sparse => return Ok(column.total()),
            Self::Lz4 => Codec::Lz4 { block_size: LZ4_BLOCK },
            Self::Deflate => Codec::Deflate(DEFLATE_LEVEL),
            Self::Lz4Frame => return write_frame(column, out),
        };
        let on = &mut |_| ControlFlow::Continue(());
        Ok(codec::encode(codec, None, column, out, 1, on)?.written)
    }

    /// The header of a column whose payload of `size` bytes stands at `addr`. All but its shape,
    /// place and filters is as in the template.
    pub(super) fn header(
        self,
        template: &[NewMessage],
        column: &Column,
        size: u64,
        addr: RelAddr,
    ) -> Result<Vec<u8>> {
        let width = u32::try_from(column.width())?;
        let rows = column.total() / u64::from(width);
        let mut messages = Vec::new();
        for message in template {
            let new = |body| NewMessage::new(message.kind, message.flags, body);
            match message.kind {
                kind::FILTER_PIPELINE => {}
                kind::DATASPACE => messages.push(new(encode::dataspace(Extent::Simple, &[rows]))),
                kind::LAYOUT => match self.filters() {
                    None => messages.push(new(encode::contiguous(addr, size))),
                    Some(filters) => {
                        messages.push(NewMessage::new(kind::FILTER_PIPELINE, 0, filters));
                        let chunk = encode::single_chunk(&[rows], width, size, 0, addr);
                        messages.push(new(chunk));
                    }
                },
                _ => messages.push(message.clone()),
            }
        }
        Ok(encode::object_header(&messages).bytes)
    }

    fn filters(self) -> Option<Vec<u8>> {
        let entry = |id, name: Option<&str>, client| {
            let name = name.map(str::to_owned);
            encode::filter_pipeline(&[FilterEntry { id, name, flags: 0, client: vec![client] }])
        };
        match self {
            Self::None | Self::Sparse => None,
            Self::Lz4 => Some(entry(ids::LZ4, Some("LZ4H5"), LZ4_BLOCK)),
            Self::Deflate => Some(entry(ids::DEFLATE, None, DEFLATE_LEVEL)),
            Self::Lz4Frame => {
                // JLD2 before 0.4.51 neither ended nor padded the name.
                let mut body = vec![2, 1];
                body.extend(ids::LZ4.to_le_bytes());
                body.extend([3, 0, 0, 0, 1, 0]);
                body.extend(b"LZ4");
                body.extend(5_u32.to_le_bytes());
                Some(body)
            }
        }
    }
}

fn write_frame(column: &Column, out: &mut dyn Write) -> Result<u64> {
    let info = FrameInfo::new().block_mode(BlockMode::Linked).block_size(BlockSize::Max64KB);
    let mut counted = Counted { out, written: 0 };
    let mut encoder = FrameEncoder::with_frame_info(info, &mut counted);
    io::copy(&mut column.open()?, &mut encoder).context("cannot write a column")?;
    encoder.finish()?;
    Ok(counted.written)
}

/// Counts what goes through.
struct Counted<'a> {
    out: &'a mut dyn Write,
    written: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.written += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
