//! Encodes pictures as PNG: 8 bits each of red, green and blue, one stream of scan lines.
//!
//! Facts: PNG specification (third edition), sections 5 (chunks), 9 (filters), 11.2 (IHDR, IDAT, IEND), 11.3.3 (tEXt).

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use std::io::{self, Write};

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
/// Colours without palette and transparency, in 8 bits each.
const DEPTH: u8 = 8;
const TRUE_COLOUR: u8 = 2;

/// Writes the pixels, row by row, three bytes each.
pub(super) fn write(
    out: &mut dyn Write,
    (width, height): (u32, u32),
    software: Option<&str>,
    pixels: &[u8],
) -> io::Result<()> {
    out.write_all(&SIGNATURE)?;
    let mut header = Vec::with_capacity(13);
    header.extend_from_slice(&width.to_be_bytes());
    header.extend_from_slice(&height.to_be_bytes());
    // Compression, filters and interlacing have one usual kind each.
    header.extend_from_slice(&[DEPTH, TRUE_COLOUR, 0, 0, 0]);
    chunk(out, *b"IHDR", &header)?;
    if let Some(software) = software {
        chunk(out, *b"tEXt", &[b"Software\0", software.as_bytes()].concat())?;
    }
    let mut lines = ZlibEncoder::new(Vec::new(), Compression::default());
    for line in pixels.chunks(3 * width as usize) {
        // No filter.
        lines.write_all(&[0])?;
        lines.write_all(line)?;
    }
    chunk(out, *b"IDAT", &lines.finish()?)?;
    chunk(out, *b"IEND", &[])
}

fn chunk(out: &mut dyn Write, name: [u8; 4], data: &[u8]) -> io::Result<()> {
    let len = u32::try_from(data.len()).map_err(io::Error::other)?;
    let mut crc = Crc::new();
    crc.update(&name);
    crc.update(data);
    out.write_all(&len.to_be_bytes())?;
    out.write_all(&name)?;
    out.write_all(data)?;
    out.write_all(&crc.sum().to_be_bytes())
}
