//! Makes small JLD2 files for tests, put together with the encoders.

use crate::h5::encode::{self, NewMessage};
use crate::h5::sample::Sample;
use crate::h5::{Class, Datatype, Extent, File, RelAddr, Source, kind};

/// A file in the making, with the type of types in it.
pub(crate) struct World {
    pub(crate) sample: Sample,
    /// The committed `Core.DataType`.
    pub(crate) datatype: RelAddr,
    types: Vec<RelAddr>,
}

/// A scalar's dataspace.
fn scalar_space() -> Vec<u8> {
    encode::dataspace(Extent::Scalar, &[])
}

impl World {
    pub(crate) fn new() -> Self {
        let mut sample = Sample::new();
        let name = text(&mut sample, "Core.DataType");
        let datatype = sample.next();
        let layout = Datatype::record([
            ("name".into(), Datatype::vlen_string()),
            ("parameters".into(), Datatype::vlen_references()),
        ]);
        let value = [name.to_vec(), vec![0; 16]].concat();
        let shared = encode::shared(datatype);
        let body = encode::attribute("julia_type", true, &shared, &scalar_space(), &value);
        sample.object(&[
            NewMessage::new(kind::DATATYPE, 0x40, encode::datatype(&layout)),
            NewMessage::new(kind::ATTRIBUTE, 0, body),
        ]);
        Self { sample, datatype, types: vec![datatype] }
    }

    /// The sixteen bytes of a string of variable length.
    pub(crate) fn text(&mut self, s: &str) -> [u8; 16] {
        text(&mut self.sample, s)
    }

    /// The sixteen bytes of a sequence of references.
    pub(crate) fn references(&mut self, to: &[RelAddr]) -> [u8; 16] {
        if to.is_empty() {
            return [0; 16];
        }
        let bytes: Vec<u8> = to.iter().flat_map(|a| a.0.to_le_bytes()).collect();
        sequence(&mut self.sample, to.len(), &bytes)
    }

    /// The 32 bytes of a `DataType` value.
    pub(crate) fn type_value(&mut self, name: &str, params: &[RelAddr]) -> Vec<u8> {
        let name = self.text(name);
        let params = self.references(params);
        [name, params].concat()
    }

    /// A dataset that holds a `DataType` value.
    pub(crate) fn type_object(&mut self, name: &str, params: &[RelAddr]) -> RelAddr {
        let value = self.type_value(name, params);
        self.scalar(self.datatype, &value)
    }

    /// An attribute of type `DataType`.
    pub(crate) fn julia_type(&self, name: &str, value: &[u8]) -> NewMessage {
        let shared = encode::shared(self.datatype);
        let body = encode::attribute(name, true, &shared, &scalar_space(), value);
        NewMessage::new(kind::ATTRIBUTE, 0, body)
    }

    /// A committed type; `fields` are the committed types of its members, null for none.
    pub(crate) fn commit(
        &mut self,
        name: &str,
        params: &[RelAddr],
        layout: &Datatype,
        fields: &[RelAddr],
    ) -> RelAddr {
        let value = self.type_value(name, params);
        let mut messages = vec![
            NewMessage::new(kind::DATATYPE, 0x40, encode::datatype(layout)),
            self.julia_type("julia_type", &value),
        ];
        if !fields.is_empty() {
            let data: Vec<u8> = fields.iter().flat_map(|a| a.0.to_le_bytes()).collect();
            let space = encode::dataspace(Extent::Simple, &[fields.len() as u64]);
            let reference = encode::datatype(&Datatype::reference());
            let body = encode::attribute("field_datatypes", false, &reference, &space, &data);
            messages.push(NewMessage::new(kind::ATTRIBUTE, 0, body));
        }
        let addr = self.sample.object(&messages);
        self.types.push(addr);
        addr
    }

    /// A committed type without data.
    pub(crate) fn commit_empty(&mut self, name: &str) -> RelAddr {
        let value = self.type_value(name, &[]);
        let one = encode::datatype(&Datatype::integer(1, false));
        let empty = encode::attribute("empty", false, &one, &scalar_space(), &[1]);
        let layout = encode::datatype(&Datatype::new(Class::Opaque, 1));
        let addr = self.sample.object(&[
            NewMessage::new(kind::DATATYPE, 0x40, layout),
            self.julia_type("julia_type", &value),
            NewMessage::new(kind::ATTRIBUTE, 0, empty),
        ]);
        self.types.push(addr);
        addr
    }

    /// The messages of a dataset of a committed type.
    pub(crate) fn messages(
        committed: RelAddr,
        extent: Extent,
        dims: &[u64],
        data: &[u8],
    ) -> Vec<NewMessage> {
        vec![
            NewMessage::fill_value(),
            NewMessage::new(kind::DATASPACE, 0, encode::dataspace(extent, dims)),
            NewMessage::new(kind::DATATYPE, 3, encode::shared(committed)),
            NewMessage::new(kind::LAYOUT, 0, encode::compact(data)),
            NewMessage::placeholder(),
        ]
    }

    /// One value of a committed type.
    pub(crate) fn scalar(&mut self, committed: RelAddr, data: &[u8]) -> RelAddr {
        self.sample.object(&Self::messages(committed, Extent::Scalar, &[], data))
    }

    /// A dataset of a plain type, its data elsewhere.
    pub(crate) fn plain(
        &mut self,
        d: &Datatype,
        extent: Extent,
        dims: &[u64],
        data: &[u8],
    ) -> RelAddr {
        let at = self.sample.raw(data);
        self.sample.object(&[
            NewMessage::fill_value(),
            NewMessage::new(kind::DATASPACE, 0, encode::dataspace(extent, dims)),
            NewMessage::new(kind::DATATYPE, 1, encode::datatype(d)),
            NewMessage::new(kind::LAYOUT, 0, encode::contiguous(at, data.len() as u64)),
            NewMessage::placeholder(),
        ])
    }

    /// The file; links are added for the types.
    pub(crate) fn finish(mut self, links: &[(&str, RelAddr)]) -> File {
        let names: Vec<_> = (1..=self.types.len()).map(|i| format!("{i:08}")).collect();
        let types: Vec<_> =
            names.iter().map(String::as_str).zip(self.types.iter().copied()).collect();
        let types = self.sample.group(&types);
        let mut links = links.to_vec();
        links.push(("_types", types));
        let root = self.sample.group(&links);
        File::from_source(Source::from_bytes(self.sample.finish(root))).unwrap()
    }
}

fn text(sample: &mut Sample, s: &str) -> [u8; 16] {
    sequence(sample, s.len(), s.as_bytes())
}

fn sequence(sample: &mut Sample, count: usize, bytes: &[u8]) -> [u8; 16] {
    let heap = sample.raw(&encode::heap(&[bytes.to_vec()]));
    let mut out = [0; 16];
    out[..4].copy_from_slice(&u32::try_from(count).unwrap().to_le_bytes());
    out[4..12].copy_from_slice(&heap.0.to_le_bytes());
    out[12] = 1;
    out
}
