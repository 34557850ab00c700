//! Committed types, and the heap with their names.

use super::file::{SUPERBLOCK, Writer, committed, value};
use anyhow::{Result, ensure};
use jldconv::h5::encode::{self, NewMessage};
use jldconv::h5::{Datatype, Extent, RelAddr, kind};

/// Bytes of the first heap of a file.
const HEAP: u64 = encode::heap_len(0);

/// The heap id of `count` elements in an object of a heap.
pub(super) fn id(count: u64, heap: u64, index: u64) -> Result<Vec<u8>> {
    let mut out = u32::try_from(count)?.to_le_bytes().to_vec();
    out.extend(heap.to_le_bytes());
    out.extend(u32::try_from(index)?.to_le_bytes());
    Ok(out)
}

/// The committed types of a file. `DataType` is the first, and the heap with the names of all follows.
pub(super) struct Types {
    heap: u64,
    objects: Vec<Vec<u8>>,
    committed: Vec<u64>,
}

impl Types {
    pub(super) fn new(out: &mut Writer<'_>) -> Result<Self> {
        let members = [
            ("name".to_owned(), Datatype::vlen_string()),
            ("parameters".to_owned(), Datatype::vlen_references()),
        ];
        let messages = |types: &mut Self| -> Result<Vec<NewMessage>> {
            let own = types.named("Core.DataType", &[])?;
            let body = encode::datatype(&Datatype::record(members.clone()));
            let own = attribute("julia_type", SUPERBLOCK, &own);
            Ok(vec![NewMessage::new(kind::DATATYPE, 0x40, body), own])
        };
        let mut types = Self { heap: 0, objects: Vec::new(), committed: vec![out.at()] };
        let len = encode::object_header(&messages(&mut types)?).bytes.len() as u64;
        types.heap = (out.at() + len).next_multiple_of(8);
        types.objects.clear();
        out.object(&messages(&mut types)?)?;
        out.align()?;
        out.zeros(HEAP)?;
        Ok(types)
    }

    fn text(&mut self, text: &str) -> Result<Vec<u8>> {
        self.objects.push(text.as_bytes().to_vec());
        id(text.len() as u64, self.heap, self.objects.len() as u64)
    }

    /// A type as a value: its name, and parameters if it has any.
    fn named(&mut self, name: &str, parameters: &[u64]) -> Result<Vec<u8>> {
        let mut out = self.text(name)?;
        if parameters.is_empty() {
            out.extend([0; 16]);
        } else {
            self.objects.push(parameters.iter().flat_map(|p| p.to_le_bytes()).collect());
            out.extend(id(parameters.len() as u64, self.heap, self.objects.len() as u64)?);
        }
        Ok(out)
    }

    /// A type as an object of its own: a parameter of others, or an element type.
    pub(super) fn value(
        &mut self,
        out: &mut Writer<'_>,
        name: &str,
        parameters: &[u64],
    ) -> Result<u64> {
        let own = self.named(name, parameters)?;
        out.object(&value(committed(SUPERBLOCK), &own))
    }

    /// Commits a type of these fields; `written` is what `written_type` says, where it is another.
    pub(super) fn commit(
        &mut self,
        out: &mut Writer<'_>,
        (name, parameters): (&str, &[u64]),
        written: Option<&str>,
        fields: &[(&str, Datatype)],
    ) -> Result<u64> {
        let fields = fields.iter().map(|(name, datatype)| ((*name).to_owned(), datatype.clone()));
        let datatype = Datatype::record(fields);
        let mut messages = vec![NewMessage::new(kind::DATATYPE, 0x40, encode::datatype(&datatype))];
        let own = self.named(name, parameters)?;
        messages.push(attribute("julia_type", SUPERBLOCK, &own));
        if let Some(written) = written {
            let own = self.named(written, &[])?;
            messages.push(attribute("written_type", SUPERBLOCK, &own));
        }
        let addr = out.object(&messages)?;
        self.committed.push(addr);
        Ok(addr)
    }

    /// The attribute of an array that names the type of its elements, where that is stored as another.
    pub(super) fn element(addr: u64) -> NewMessage {
        let space = encode::dataspace(Extent::Scalar, &[]);
        let datatype = encode::datatype(&Datatype::reference());
        let value = addr.to_le_bytes();
        let body = encode::attribute("julia_type", false, &datatype, &space, &value);
        NewMessage::new(kind::ATTRIBUTE, 0, body)
    }

    /// The group of committed types; the names go to their heap.
    pub(super) fn finish(self, out: &mut Writer<'_>) -> Result<u64> {
        let heap = encode::heap(&self.objects);
        ensure!(heap.len() as u64 == HEAP, "too many names of types");
        out.later(self.heap, heap);
        let links: Vec<_> = (1..).zip(&self.committed).map(numbered).collect();
        out.object(&encode::group(&links))
    }
}

fn numbered((number, addr): (u32, &u64)) -> (String, RelAddr) {
    (format!("{number:08}"), RelAddr(*addr))
}

/// An attribute that is a type.
fn attribute(name: &str, datatype: u64, value: &[u8]) -> NewMessage {
    let space = encode::dataspace(Extent::Scalar, &[]);
    let shared = encode::shared(RelAddr(datatype));
    NewMessage::new(kind::ATTRIBUTE, 0, encode::attribute(name, true, &shared, &space, value))
}
