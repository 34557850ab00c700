//! A JLD2 file that is written from front to back.

use anyhow::{Result, bail};
use jldconv::h5::RelAddr;
use jldconv::h5::checksum::Lookup3;
use jldconv::h5::encode::{self, NewMessage, object_header};
use jldconv::h5::sample::superblock;
use jldconv::h5::{Datatype, Extent, kind};
use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;

const TEXT: &[u8] = b"HDF5-based Julia Data Format, version 0.2.0\0 (generated)\0";
/// Where addresses count from; the superblock stands there.
const BASE: u64 = 512;
/// Bytes of the superblock.
pub(super) const SUPERBLOCK: u64 = 48;
/// Bytes of a group's messages beside its links: link info, group info, placeholder.
const GROUP_REST: u64 = 22 + 6 + 20;

pub(super) struct Writer<'a> {
    file: &'a File,
    out: BufWriter<&'a File>,
    /// Address of the next byte.
    at: u64,
    root: Option<u64>,
    /// What fills room that was left.
    later: Vec<(u64, Vec<u8>)>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(file: &'a File) -> Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let mut front = TEXT.to_vec();
        front.resize(usize::try_from(BASE + SUPERBLOCK)?, 0);
        out.write_all(&front)?;
        Ok(Self { file, out, at: SUPERBLOCK, root: None, later: Vec::new() })
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Room for what is known [`later`](Self::later).
    pub(super) fn zeros(&mut self, len: u64) -> Result<()> {
        self.bytes(&vec![0; usize::try_from(len)?])
    }

    /// Zeros that take no room on the disk.
    pub(super) fn hole(&mut self, len: u64) -> Result<()> {
        self.out.seek(SeekFrom::Current(i64::try_from(len)?))?;
        self.at += len;
        Ok(())
    }

    /// What stands at an address that was left free.
    pub(super) fn later(&mut self, addr: u64, bytes: Vec<u8>) {
        self.later.push((addr, bytes));
    }

    /// Zeros to the next multiple of eight.
    pub(super) fn align(&mut self) -> Result<()> {
        self.zeros(self.at.next_multiple_of(8) - self.at)
    }

    /// An object header; gives its address.
    pub(super) fn object(&mut self, messages: &[NewMessage]) -> Result<u64> {
        let addr = self.at;
        self.bytes(&object_header(messages).bytes)?;
        Ok(addr)
    }

    /// The header of an array whose data, of `bytes`, follow at the next multiple of eight.
    pub(super) fn array(
        &mut self,
        datatype: &NewMessage,
        attribute: Option<&NewMessage>,
        elements: u64,
        bytes: u64,
    ) -> Result<u64> {
        let messages = |data| array(datatype.clone(), attribute.cloned(), elements, bytes, data);
        let len = object_header(&messages(0)).bytes.len() as u64;
        let addr = self.object(&messages((self.at + len).next_multiple_of(8)))?;
        self.align()?;
        Ok(addr)
    }

    /// A group of `count` links to what `link` says, whose names have `name_len` bytes.
    ///
    /// JLD2 leaves room for links up to four; here there are so many at least.
    pub(super) fn group(
        &mut self,
        count: u64,
        name_len: u64,
        mut link: impl FnMut(u64) -> (String, u64),
    ) -> Result<u64> {
        let addr = self.at;
        let size = GROUP_REST + count * (4 + 12 + name_len);
        let mut head = b"OHDR\x02".to_vec();
        match size {
            0..=0xff => head.extend([0, u8::try_from(size)?]),
            0x100..=0xffff => {
                head.push(1);
                head.extend(u16::try_from(size)?.to_le_bytes());
            }
            _ => {
                head.push(2);
                let Ok(size) = u32::try_from(size) else {
                    bail!("JLD2 cannot write a group of {count} links");
                };
                head.extend(size.to_le_bytes());
            }
        }
        let mut hash = Lookup3::of_len(head.len() as u64 + size);
        let mut put = |bytes: &[u8]| -> Result<()> {
            hash.update(bytes);
            self.out.write_all(bytes)?;
            self.at += bytes.len() as u64;
            Ok(())
        };
        let mut rest = encode::group(&[] as &[(&str, RelAddr)]);
        // The room that JLD2 leaves.
        rest.retain(|m| m.kind != kind::NIL);
        for message in rest {
            message.write(&mut head);
        }
        put(&head)?;
        let mut bytes = Vec::new();
        for i in 0..count {
            let (name, target) = link(i);
            bytes.clear();
            NewMessage::new(kind::LINK, 0, encode::link(&name, RelAddr(target))).write(&mut bytes);
            put(&bytes)?;
        }
        bytes.clear();
        NewMessage::placeholder().write(&mut bytes);
        put(&bytes)?;
        let sum = hash.finish();
        self.bytes(&sum.to_le_bytes())?;
        Ok(addr)
    }

    /// The root group, with few links.
    pub(super) fn root(&mut self, links: &[(&str, u64)]) -> Result<()> {
        let links: Vec<_> = links.iter().map(|(n, a)| ((*n).to_owned(), RelAddr(*a))).collect();
        let addr = self.object(&encode::group(&links))?;
        self.set_root(addr);
        Ok(())
    }

    pub(super) fn set_root(&mut self, addr: u64) {
        self.root = Some(addr);
    }

    /// Writes the superblock; gives the file's length.
    pub(super) fn finish(self) -> Result<u64> {
        let Self { file, out, at, root, later } = self;
        out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        let Some(root) = root else { bail!("a file without a root group") };
        file.write_all_at(&superblock(BASE, BASE + at, RelAddr(root)), BASE)?;
        for (at, bytes) in later {
            file.write_all_at(&bytes, BASE + at)?;
        }
        Ok(BASE + at)
    }
}

/// A type that is spelled out.
pub(super) fn inline(datatype: &Datatype) -> NewMessage {
    NewMessage::new(kind::DATATYPE, 1, encode::datatype(datatype))
}

/// A committed type.
pub(super) fn committed(addr: u64) -> NewMessage {
    NewMessage::new(kind::DATATYPE, 3, encode::shared(RelAddr(addr)))
}

fn dataset(space: Vec<u8>, datatype: NewMessage, layout: Vec<u8>) -> Vec<NewMessage> {
    vec![
        NewMessage::fill_value(),
        NewMessage::new(kind::DATASPACE, 0, space),
        datatype,
        NewMessage::new(kind::LAYOUT, 0, layout),
        NewMessage::placeholder(),
    ]
}

/// The messages of a single value.
pub(super) fn value(datatype: NewMessage, bytes: &[u8]) -> Vec<NewMessage> {
    dataset(encode::dataspace(Extent::Scalar, &[]), datatype, encode::compact(bytes))
}

/// The messages of an array.
pub(super) fn array(
    datatype: NewMessage,
    attribute: Option<NewMessage>,
    elements: u64,
    bytes: u64,
    data: u64,
) -> Vec<NewMessage> {
    let layout = encode::contiguous(RelAddr(data), bytes);
    let mut out = dataset(encode::dataspace(Extent::Simple, &[elements]), datatype, layout);
    if let Some(attribute) = attribute {
        out.insert(2, attribute);
    }
    out
}
