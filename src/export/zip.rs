//! Writes ZIP archives, member by member, as APPNOTE.TXT of PKWARE describes them: stored or deflated,
//! with 64-bit sizes where a member or the archive needs them. Times are all the same, so that the same
//! members make the same bytes.

use super::Out;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::{self, SeekFrom, Write};

/// 1 January 1980, the first day that there is.
const DATE: u16 = 0x21;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Names are in UTF-8.
const UTF8: u16 = 1 << 11;
/// Stands for a number that is in the field of 64 bits.
const ELSEWHERE: u32 = u32::MAX;
/// Bytes of the field of 64 bits in front of a member.
const WIDE_FIELD: u16 = 16;

/// An archive in the making.
pub(super) struct Zip<'o> {
    out: &'o mut dyn Out,
    level: u8,
    members: Vec<Member>,
    /// The end of what was written.
    at: u64,
}

struct Member {
    name: String,
    begin: u64,
    sums: Sums,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    crc: u32,
    stored: u64,
    size: u64,
}

impl<'o> Zip<'o> {
    /// An archive whose members are compressed at this level, 0 for not at all. `out` is empty.
    pub(super) fn new(out: &'o mut dyn Out, level: u8) -> Self {
        Self { out, level, members: Vec::new(), at: 0 }
    }

    fn method(&self) -> u16 {
        if self.level == 0 { STORED } else { DEFLATED }
    }

    /// Writes a member of so many bytes, which `fill` writes.
    pub(super) fn member<E: From<io::Error>>(
        &mut self,
        name: &str,
        bytes: u64,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(), E> {
        // Deflated, what does not shrink grows a little.
        let wide = bytes.saturating_add(bytes / 1000).saturating_add(1024) >= u64::from(ELSEWHERE);
        let begin = self.at;
        let front = self.front(name, wide, Sums::default())?;
        self.out.write_all(&front)?;
        let mut counted = Counted::new(&mut *self.out);
        let (crc, size) = if self.level == 0 {
            let mut summed = Summed::new(&mut counted);
            fill(&mut summed)?;
            (summed.crc.finalize(), summed.size)
        } else {
            let level = Compression::new(u32::from(self.level));
            let mut encoder = DeflateEncoder::new(&mut counted, level);
            let mut summed = Summed::new(&mut encoder);
            fill(&mut summed)?;
            let sums = (summed.crc.finalize(), summed.size);
            encoder.finish()?;
            sums
        };
        let sums = Sums { crc, stored: counted.bytes, size };
        let end = begin + front.len() as u64 + sums.stored;
        if size != bytes {
            let message = format!("{name}: {size} bytes were written instead of {bytes}");
            return Err(io::Error::other(message).into());
        }
        self.out.seek(SeekFrom::Start(begin))?;
        let front = self.front(name, wide, sums)?;
        self.out.write_all(&front)?;
        self.out.seek(SeekFrom::Start(end))?;
        self.at = end;
        self.members.push(Member { name: name.to_owned(), begin, sums });
        Ok(())
    }

    /// What stands in front of a member.
    fn front(&self, name: &str, wide: bool, sums: Sums) -> io::Result<Vec<u8>> {
        let mut bytes = b"PK\x03\x04".to_vec();
        put16(&mut bytes, [if wide { 45 } else { 20 }, UTF8, self.method(), 0, DATE]);
        put32(&mut bytes, [sums.crc]);
        if wide {
            put32(&mut bytes, [ELSEWHERE; 2]);
        } else {
            put32(&mut bytes, [narrow(sums.stored)?, narrow(sums.size)?]);
        }
        put16(&mut bytes, [length(name)?, if wide { WIDE_FIELD + 4 } else { 0 }]);
        bytes.extend(name.as_bytes());
        if wide {
            put16(&mut bytes, [1, WIDE_FIELD]);
            put64(&mut bytes, [sums.size, sums.stored]);
        }
        Ok(bytes)
    }

    /// Writes the list of members, with a comment of at most 65,535 bytes behind it.
    pub(super) fn finish(self, comment: &str) -> io::Result<()> {
        let begin = self.at;
        let mut list = Vec::new();
        for member in &self.members {
            let Member { name, begin, sums } = member;
            // Those of 64 bits, in this order.
            let wide = [sums.size, sums.stored, *begin];
            let [size, stored, at] = wide.map(|n| u32::try_from(n).unwrap_or(ELSEWHERE));
            let wide: Vec<u64> = wide.into_iter().filter(|&n| n >= u64::from(ELSEWHERE)).collect();
            let version = if wide.is_empty() { 20 } else { 45 };
            list.extend(b"PK\x01\x02");
            put16(&mut list, [version, version, UTF8, self.method(), 0, DATE]);
            put32(&mut list, [sums.crc, stored, size]);
            let extra = u16::try_from(8 * wide.len()).unwrap_or(0);
            put16(&mut list, [length(name)?, if extra > 0 { extra + 4 } else { 0 }, 0, 0, 0]);
            put32(&mut list, [0, at]);
            list.extend(name.as_bytes());
            if extra > 0 {
                put16(&mut list, [1, extra]);
                put64(&mut list, wide);
            }
        }
        let (count, bytes) = (self.members.len() as u64, list.len() as u64);
        let end = begin + bytes;
        if count >= 0xffff || end >= u64::from(ELSEWHERE) {
            list.extend(b"PK\x06\x06");
            put64(&mut list, [44]);
            put16(&mut list, [45, 45]);
            put32(&mut list, [0, 0]);
            put64(&mut list, [count, count, bytes, begin]);
            list.extend(b"PK\x06\x07");
            put32(&mut list, [0]);
            put64(&mut list, [end]);
            put32(&mut list, [1]);
        }
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        list.extend(b"PK\x05\x06");
        put16(&mut list, [0, 0, count, count]);
        put32(&mut list, [bytes, begin].map(|n| u32::try_from(n).unwrap_or(ELSEWHERE)));
        put16(&mut list, [length(comment)?]);
        list.extend(comment.as_bytes());
        self.out.write_all(&list)?;
        self.out.flush()
    }
}

fn narrow(n: u64) -> io::Result<u32> {
    u32::try_from(n).map_err(|_| io::Error::other("a member that is larger than was said"))
}

fn length(text: &str) -> io::Result<u16> {
    u16::try_from(text.len()).map_err(|_| io::Error::other("a name of more than 65,535 bytes"))
}

fn put16(bytes: &mut Vec<u8>, numbers: impl IntoIterator<Item = u16>) {
    numbers.into_iter().for_each(|n| bytes.extend(n.to_le_bytes()));
}

fn put32(bytes: &mut Vec<u8>, numbers: impl IntoIterator<Item = u32>) {
    numbers.into_iter().for_each(|n| bytes.extend(n.to_le_bytes()));
}

fn put64(bytes: &mut Vec<u8>, numbers: impl IntoIterator<Item = u64>) {
    numbers.into_iter().for_each(|n| bytes.extend(n.to_le_bytes()));
}

/// Counts what goes through.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W> Counted<W> {
    fn new(out: W) -> Self {
        Self { out, bytes: 0 }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Sums up what goes through.
struct Summed<W> {
    out: W,
    crc: crc32fast::Hasher,
    size: u64,
}

impl<W> Summed<W> {
    fn new(out: W) -> Self {
        Self { out, crc: crc32fast::Hasher::new(), size: 0 }
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.crc.update(bytes.get(..written).unwrap_or_default());
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
