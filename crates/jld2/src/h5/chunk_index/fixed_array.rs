//! Fixed arrays (HDF5 specification VII.C): an entry for each chunk that there can be.

use super::blocks::Blocks;
use super::entry::{EntryForm, Slot};
use crate::h5::{Cursor, Error, File, RelAddr, Result};
use std::ops::Range;

const WHAT: &str = "fixed array of chunks";
/// Bytes of the header.
const HEADER: u64 = 28;
/// More entries than a page of any writer has.
const MAX_PAGE_BITS: u8 = 20;

/// The array at an address.
#[derive(Debug)]
pub(super) struct FixedArray<'a> {
    blocks: Blocks<'a>,
    header: RelAddr,
    form: EntryForm,
    client: u8,
    /// Bytes of an entry.
    width: u64,
    entries: u64,
    /// Entries of a page, where there are pages.
    page: Option<u64>,
    /// Offset of the data block; none if it was never made.
    data: Option<u64>,
}

impl<'a> FixedArray<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// If it is damaged, or does not go with the layout.
    pub(super) fn open(
        file: &'a File,
        header: RelAddr,
        filtered: bool,
        chunk_bytes: u64,
    ) -> Result<Self> {
        let (blocks, offset, bytes) = Blocks::open(file, header, HEADER, WHAT)?;
        let mut c = Cursor::new(&bytes, offset, WHAT);
        c.expect(b"FAHD\0", "signature and version of a fixed array")?;
        let client = u8::from(filtered);
        c.expect_u8(client, "kind of a fixed array")?;
        let at = c.offset();
        let width = c.u8()?;
        let form = EntryForm::new(filtered, usize::from(width), chunk_bytes, at)?;
        let at = c.offset();
        let bits = c.u8()?;
        if bits > MAX_PAGE_BITS {
            let expected = format!("at most {MAX_PAGE_BITS}");
            return Err(Error::corrupt(
                at,
                "page bits of a fixed array",
                expected,
                bits.to_string(),
            ));
        }
        let entries = c.u64()?;
        let data = c.addr()?;
        let data = if data.is_undef() { None } else { Some(file.offset(data, WHAT)?) };
        let page = Some(1_u64 << bits).filter(|&page| entries > page);
        let width = u64::from(width);
        let mut array = Self { blocks, header, form, client, width, entries, page, data };
        if let Some(data) = data {
            let whole = array.whole();
            array.blocks.file.extent(data, whole, WHAT)?;
            array.blocks.tell(data, whole);
        }
        Ok(array)
    }

    pub(super) fn blocks(&mut self) -> &mut Blocks<'a> {
        &mut self.blocks
    }

    /// Bytes of the data block before its entries or pages, without a checksum: signature, version,
    /// client, address of the header, and a bit for each page.
    fn head(&self) -> u64 {
        14 + self.page.map_or(0, |page| self.entries.div_ceil(page).div_ceil(8))
    }

    /// Bytes of the data block with all that is in it.
    fn whole(&self) -> u64 {
        let entries = self.entries.saturating_mul(self.width);
        let checksums = self.page.map_or(0, |page| self.entries.div_ceil(page)).saturating_add(1);
        self.head().saturating_add(entries).saturating_add(checksums.saturating_mul(4))
    }

    /// What stands in an entry.
    pub(super) fn get(&mut self, index: u64) -> Result<Slot> {
        let Some(data) = self.data else { return Ok(Slot::missing(u64::MAX)) };
        if index >= self.entries {
            let (expected, found) = (format!("entry {index}"), format!("{} entries", self.entries));
            return Err(Error::corrupt(data, WHAT, expected, found));
        }
        let head = self.head();
        let entries = self.entries.saturating_mul(self.width);
        let len = head + 4 + if self.page.is_none() { entries } else { 0 };
        let block = self.blocks.read(data, len, WHAT)?;
        let mut c = Cursor::new(&block, data, WHAT);
        c.expect(b"FADB\0", "signature and version of a data block")?;
        c.expect_u8(self.client, "kind of a data block")?;
        Blocks::owned(&mut c, self.header, WHAT)?;
        let Some(page) = self.page else {
            return self.slot(&block, data, head + index * self.width, index);
        };
        let number = index / page;
        let byte = usize::try_from(number / 8).ok().and_then(|at| c.rest().get(at).copied());
        // The highest bit is the first page's.
        if byte.unwrap_or(0) & (0x80 >> (number % 8)) == 0 {
            return Ok(Slot::missing((number + 1).saturating_mul(page)));
        }
        let first = number * page;
        let count = page.min(self.entries - first);
        let at = data.saturating_add(len).saturating_add(number * (page * self.width + 4));
        let block = self.blocks.read(at, count * self.width + 4, WHAT)?;
        self.slot(&block, at, (index - first) * self.width, index)
    }

    fn slot(&self, block: &[u8], offset: u64, within: u64, index: u64) -> Result<Slot> {
        let start = usize::try_from(within).unwrap_or(usize::MAX);
        let entry = block.get(start..).unwrap_or_default();
        let mut c = Cursor::new(entry, offset.saturating_add(within), WHAT);
        Ok(Slot::of(self.form.take(&mut c)?, index))
    }

    pub(super) fn take_parts(&mut self) -> Vec<Range<u64>> {
        self.blocks.take_parts()
    }
}
