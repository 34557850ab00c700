//! Extensible arrays (HDF5 specification VII.D): entries for chunks along one dimension that grows.
//!
//! The first entries stand in the index block. Behind them come groups of data blocks, each group
//! (the specification's "super block") twice as large as the one before: the addresses of the first
//! data blocks are in the index block, those of the others in secondary blocks.

use super::blocks::Blocks;
use super::entry::{EntryForm, Slot};
use crate::h5::{Cursor, Error, File, RelAddr, Result};
use std::ops::Range;

const WHAT: &str = "extensible array of chunks";
/// Bytes of the header.
const HEADER: u64 = 72;
/// More bits than numbers of entries have.
const MAX_BITS: u8 = 63;
/// More entries than a page of any writer has.
const MAX_PAGE_BITS: u8 = 20;

/// The array at an address.
#[derive(Debug)]
pub(super) struct ExtensibleArray<'a> {
    blocks: Blocks<'a>,
    header: RelAddr,
    form: EntryForm,
    client: u8,
    /// Bytes of an entry.
    width: u64,
    /// Bytes of an offset in the array.
    offset_width: u64,
    /// Entries in the index block.
    direct: u64,
    /// Entries of the smallest data block.
    least: u64,
    /// Groups whose data blocks the index block has the addresses of.
    direct_groups: u32,
    /// Groups that there can be.
    groups: u32,
    /// Entries of a page; larger data blocks have pages.
    page: u64,
    /// Offset of the index block; none if it was never made.
    index: Option<u64>,
}

/// Data blocks of one size.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// How many there are.
    blocks: u64,
    /// Entries of each.
    entries: u64,
    /// The first entry, behind those of the index block.
    first: u64,
    /// The first data block.
    first_block: u64,
}

impl<'a> ExtensibleArray<'a> {
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
        c.expect(b"EAHD\0", "signature and version of an extensible array")?;
        let client = u8::from(filtered);
        c.expect_u8(client, "kind of an extensible array")?;
        let at = c.offset();
        let width = c.u8()?;
        let form = EntryForm::new(filtered, usize::from(width), chunk_bytes, at)?;
        let at = c.offset();
        let [bits, direct, least, pointers, page_bits] =
            [c.u8()?, c.u8()?, c.u8()?, c.u8()?, c.u8()?];
        let least_bits = least.checked_ilog2().unwrap_or(0);
        let fits = (1..=MAX_BITS).contains(&bits)
            && least.is_power_of_two()
            && pointers.is_power_of_two()
            && page_bits <= MAX_PAGE_BITS
            && u32::from(bits) >= least_bits;
        if !fits {
            let expected = "powers of two, and at most 63 bits for entries and 20 for pages";
            let found = format!("{bits}, {direct}, {least}, {pointers}, {page_bits}");
            return Err(Error::corrupt(at, "numbers of an extensible array", expected, found));
        }
        // How much there is of what.
        c.take(48)?;
        let index = c.addr()?;
        let index = if index.is_undef() { None } else { Some(file.offset(index, WHAT)?) };
        Ok(Self {
            blocks,
            header,
            form,
            client,
            width: u64::from(width),
            offset_width: u64::from(bits).div_ceil(8),
            direct: u64::from(direct),
            least: u64::from(least),
            direct_groups: 2 * pointers.checked_ilog2().unwrap_or(0),
            groups: 1 + u32::from(bits) - least_bits,
            page: 1 << page_bits,
            index,
        })
    }

    pub(super) fn blocks(&mut self) -> &mut Blocks<'a> {
        &mut self.blocks
    }

    /// The group of this number; `None` if it is too large to be.
    fn group(&self, number: u32) -> Option<Group> {
        // Sizes double in turns: the number of blocks, and the entries of each.
        let blocks = 1_u64.checked_shl(number / 2)?;
        let entries = self.least.checked_mul(1_u64.checked_shl(number.div_ceil(2))?)?;
        // All groups before have one data block less in all than twice as many, by turns.
        let first = self.least.checked_mul((1_u64.checked_shl(number)?).checked_sub(1)?)?;
        let first_block = match number % 2 {
            0 => 2 * (blocks - 1),
            _ => 3 * blocks - 2,
        };
        Some(Group { blocks, entries, first, first_block })
    }

    /// Takes what each block begins with.
    fn begin(&self, c: &mut Cursor<'_>, signature: &[u8], named: &'static str) -> Result<()> {
        c.expect(signature, named)?;
        c.expect_u8(self.client, "kind of a block")?;
        Blocks::owned(c, self.header, WHAT)
    }

    /// What stands in an entry.
    pub(super) fn get(&mut self, index: u64) -> Result<Slot> {
        let Some(offset) = self.index else { return Ok(Slot::missing(u64::MAX)) };
        // Data blocks of the direct groups: the addresses come one behind the other.
        let pointers = self.group(self.direct_groups).map_or(0, |group| group.first_block);
        let secondary = u64::from(self.groups.saturating_sub(self.direct_groups));
        let len = 14 + self.direct * self.width + 8 * (pointers + secondary) + 4;
        let block = self.blocks.read(offset, len, WHAT)?;
        self.blocks.tell(offset, len);
        let mut c = Cursor::new(&block, offset, WHAT);
        self.begin(&mut c, b"EAIB\0", "signature and version of an index block")?;
        let Some(behind) = index.checked_sub(self.direct) else {
            c.take(usize::try_from(index * self.width).unwrap_or(usize::MAX))?;
            return Ok(Slot::of(self.form.take(&mut c)?, index));
        };
        let number = (behind / self.least).saturating_add(1).ilog2();
        let Some(group) = self.group(number).filter(|_| number < self.groups) else {
            let expected = format!("entry {index}");
            let found = format!("room for {} groups", self.groups);
            return Err(Error::corrupt(offset, WHAT, expected, found));
        };
        let within = behind.saturating_sub(group.first);
        let which = within / group.entries;
        let entry = within % group.entries;
        let start = self.direct.saturating_add(group.first);
        let next_block = start.saturating_add((which + 1).saturating_mul(group.entries));
        let next_group = start.saturating_add(group.blocks.saturating_mul(group.entries));
        let pages = group.entries.div_ceil(self.page);
        c.take(usize::try_from(self.direct * self.width).unwrap_or(usize::MAX))?;
        if number < self.direct_groups {
            let at = 8 * (group.first_block + which);
            c.take(usize::try_from(at).unwrap_or(usize::MAX))?;
            let data = c.addr()?;
            if pages > 1 {
                let what = "an extensible array whose index block leads to pages";
                return Err(Error::foreign(offset, what));
            }
            // libhdf5 counts blocks through all groups here, and so says another number than the
            // first entry.
            let said = group.first + (group.first_block + which) * group.entries;
            return self.data(data, group, (entry, said), index, next_block, None);
        }
        let at = 8 * (pointers + u64::from(number - self.direct_groups));
        c.take(usize::try_from(at).unwrap_or(usize::MAX))?;
        let addr = c.addr()?;
        if addr.is_undef() {
            return Ok(Slot::missing(next_group));
        }
        self.secondary(addr, group, (which, entry), index, next_block)
    }

    /// Goes on through a secondary block, to entry `entry` of its data block `which`.
    fn secondary(
        &mut self,
        addr: RelAddr,
        group: Group,
        (which, entry): (u64, u64),
        index: u64,
        next_block: u64,
    ) -> Result<Slot> {
        let offset = self.blocks.file.offset(addr, WHAT)?;
        let pages = group.entries.div_ceil(self.page);
        // A bit for each page, in bytes of their own for each data block.
        let bits = if pages > 1 { group.blocks.saturating_mul(pages.div_ceil(8)) } else { 0 };
        let head = 14 + self.offset_width;
        let addresses = group.blocks.saturating_mul(8);
        let len = head.saturating_add(bits).saturating_add(addresses).saturating_add(4);
        let block = self.blocks.read(offset, len, WHAT)?;
        self.blocks.tell(offset, len);
        let mut c = Cursor::new(&block, offset, WHAT);
        self.begin(&mut c, b"EASB\0", "signature and version of a secondary block")?;
        self.numbered(&mut c, group.first)?;
        let bitmap = c.take(usize::try_from(bits).unwrap_or(usize::MAX))?;
        c.take(usize::try_from(which * 8).unwrap_or(usize::MAX))?;
        let data = c.addr()?;
        let page = (pages > 1).then(|| {
            let page = entry / self.page;
            // Pages are counted through all data blocks; the highest bit is the first.
            let bit = which.saturating_mul(pages).saturating_add(page);
            let byte = usize::try_from(bit / 8).ok().and_then(|at| bitmap.get(at).copied());
            (page, byte.unwrap_or(0) & (0x80 >> (bit % 8)) != 0)
        });
        let said = group.first.saturating_add(which.saturating_mul(group.entries));
        self.data(data, group, (entry, said), index, next_block, page)
    }

    /// Fails unless a block says that it begins with this entry behind those of the index block.
    fn numbered(&self, c: &mut Cursor<'_>, first: u64) -> Result<()> {
        let at = c.offset();
        let found = c.uint(usize::try_from(self.offset_width).unwrap_or(8))?;
        if found == first {
            return Ok(());
        }
        let expected = format!("a block of the entries from {first} on");
        Err(Error::corrupt(at, WHAT, expected, format!("one from {found} on")))
    }

    /// Entry `entry` of a data block that says to begin with `said`; `page` is its page, and whether
    /// that was ever written.
    fn data(
        &mut self,
        addr: RelAddr,
        group: Group,
        (entry, said): (u64, u64),
        index: u64,
        next_block: u64,
        page: Option<(u64, bool)>,
    ) -> Result<Slot> {
        if addr.is_undef() {
            return Ok(Slot::missing(next_block));
        }
        let offset = self.blocks.file.offset(addr, WHAT)?;
        let head = 14 + self.offset_width;
        let entries = group.entries.saturating_mul(self.width);
        let checksums = 4 * if page.is_some() { 1 + group.entries.div_ceil(self.page) } else { 1 };
        let whole = head.saturating_add(entries).saturating_add(checksums);
        let len = if page.is_some() { head + 4 } else { whole };
        let block = self.blocks.read(offset, len, WHAT)?;
        self.blocks.tell(offset, whole);
        let mut c = Cursor::new(&block, offset, WHAT);
        self.begin(&mut c, b"EADB\0", "signature and version of a data block")?;
        self.numbered(&mut c, said)?;
        let Some((page, written)) = page else {
            c.take(usize::try_from(entry * self.width).unwrap_or(usize::MAX))?;
            return Ok(Slot::of(self.form.take(&mut c)?, index));
        };
        let within = entry % self.page;
        if !written {
            return Ok(Slot::missing(index.saturating_add(self.page - within)));
        }
        let size = self.page * self.width + 4;
        let at = offset.saturating_add(len).saturating_add(page.saturating_mul(size));
        let block = self.blocks.read(at, size, WHAT)?;
        let mut c = Cursor::new(&block, at, WHAT);
        c.take(usize::try_from(within * self.width).unwrap_or(usize::MAX))?;
        Ok(Slot::of(self.form.take(&mut c)?, index))
    }

    pub(super) fn take_parts(&mut self) -> Vec<Range<u64>> {
        self.blocks.take_parts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::sample;

    #[test]
    fn groups_follow_one_another() {
        let file = File::from_source(sample::empty_file()).unwrap();
        let array = ExtensibleArray {
            blocks: Blocks::new(&file),
            header: RelAddr(0),
            form: EntryForm::new(false, 8, 8, 0).unwrap(),
            client: 0,
            width: 8,
            offset_width: 4,
            direct: 4,
            least: 16,
            direct_groups: 4,
            groups: 29,
            page: 1024,
            index: None,
        };
        let (mut first, mut first_block) = (0, 0);
        for number in 0..29_u32 {
            let group = array.group(number).unwrap();
            assert_eq!((group.first, group.first_block), (first, first_block), "{number}");
            first += group.blocks * group.entries;
            first_block += group.blocks;
        }
        assert!(array.group(64).is_none() && array.group(200).is_none());
    }
}
