//! Builds datasets, groups and their headers.

use crate::h5::encode::{self, EncodedHeader, NewMessage};
use crate::h5::{Datatype, Extent, RelAddr, kind};
use crate::julia::builder::Build;
use crate::julia::builder::data::{Data, Fill, ObjectRef};
use crate::julia::builder::pending::{Blob, LaterPart, Raw};

/// Larger scalars are stored outside their header.
const MAX_COMPACT: usize = 8192;

impl Build<'_> {
    /// A scalar dataset: of a committed type, or of a plain one.
    pub fn dataset(
        &mut self,
        committed: Option<ObjectRef>,
        plain: Option<&Datatype>,
        data: &Data,
    ) -> ObjectRef {
        self.any_dataset(committed, plain, Extent::Scalar, &[], data)
    }

    /// A dataset of a type without data.
    pub fn empty_dataset(&mut self, committed: ObjectRef) -> ObjectRef {
        self.any_dataset(Some(committed), None, Extent::Null, &[], &Data::default())
    }

    /// A dataset of any shape, its data unfiltered; `dims` in HDF5's order.
    pub fn any_dataset(
        &mut self,
        committed: Option<ObjectRef>,
        plain: Option<&Datatype>,
        extent: Extent,
        dims: &[u64],
        data: &Data,
    ) -> ObjectRef {
        self.dataset_with(committed, plain, (extent, dims), &[], data)
    }

    /// As [`Build::any_dataset`], with attributes: the bodies of their messages.
    pub fn dataset_with(
        &mut self,
        committed: Option<ObjectRef>,
        plain: Option<&Datatype>,
        shape: (Extent, &[u64]),
        attributes: &[Data],
        data: &Data,
    ) -> ObjectRef {
        let raw = if data.len() < MAX_COMPACT { None } else { Some(Raw::Held(data.clone())) };
        self.dataset_of(committed, plain, shape, attributes, raw.ok_or(data))
    }

    /// As [`Build::dataset_with`], of an array whose data somebody else makes.
    pub fn dataset_later(
        &mut self,
        committed: Option<ObjectRef>,
        plain: Option<&Datatype>,
        dims: &[u64],
        attributes: &[Data],
        part: LaterPart,
    ) -> ObjectRef {
        let shape = (Extent::Simple, dims);
        self.dataset_of(committed, plain, shape, attributes, Ok(Raw::Later(part)))
    }

    /// A dataset whose data stand outside its header, or else inside it.
    fn dataset_of(
        &mut self,
        committed: Option<ObjectRef>,
        plain: Option<&Datatype>,
        (extent, dims): (Extent, &[u64]),
        attributes: &[Data],
        raw: Result<Raw, &Data>,
    ) -> ObjectRef {
        let mut fills = Vec::new();
        let mut messages = vec![
            NewMessage::fill_value(),
            NewMessage::new(kind::DATASPACE, 0, encode::dataspace(extent, dims)),
        ];
        for attribute in attributes {
            fills.extend(attribute.fills.iter().map(|&(p, f)| (messages.len(), p, f)));
            messages.push(NewMessage::new(kind::ATTRIBUTE, 0, attribute.bytes.clone()));
        }
        let datatype = match (committed, plain) {
            (Some(ObjectRef::Existing(addr)), _) => {
                NewMessage::new(kind::DATATYPE, 3, encode::shared(addr))
            }
            (Some(ObjectRef::New(n)), _) => {
                fills.push((messages.len(), 2, Fill::Object(n)));
                NewMessage::new(kind::DATATYPE, 3, encode::shared(RelAddr::NULL))
            }
            (None, Some(d)) => NewMessage::new(kind::DATATYPE, 1, encode::datatype(d)),
            (None, None) => {
                NewMessage::new(kind::DATATYPE, 1, encode::datatype(&Datatype::boolean()))
            }
        };
        messages.push(datatype);
        let layout = match &raw {
            Err(data) => {
                fills.extend(data.fills.iter().map(|&(p, f)| (messages.len(), 4 + p, f)));
                encode::compact(&data.bytes)
            }
            Ok(raw) => encode::contiguous(RelAddr::UNDEF, raw.len()),
        };
        messages.push(NewMessage::new(kind::LAYOUT, 0, layout));
        let layout_at = messages.len() - 1;
        if self.placeholder {
            messages.push(NewMessage::placeholder());
        }
        self.header(&messages, fills, raw.ok().map(|raw| (layout_at, raw)))
    }

    /// A group.
    pub fn group(&mut self, links: &[(impl AsRef<[u8]>, ObjectRef)]) -> ObjectRef {
        let named: Vec<_> = links
            .iter()
            .map(|(name, to)| match to {
                ObjectRef::Existing(addr) => (name, *addr),
                ObjectRef::New(_) => (name, RelAddr::UNDEF),
            })
            .collect();
        let messages = encode::group(&named);
        let link_messages =
            (0..messages.len()).filter(|&i| messages.get(i).is_some_and(|m| m.kind == kind::LINK));
        let mut fills = Vec::new();
        for (i, (_, to)) in link_messages.zip(links) {
            if let (ObjectRef::New(n), Some(m)) = (to, messages.get(i)) {
                fills.push((i, m.body.len() - 8, Fill::Object(*n)));
            }
        }
        self.header(&messages, fills, None)
    }

    /// A header chunk that continues a group: links and a placeholder. Gives its length in bytes.
    pub fn group_continuation(
        &mut self,
        links: &[(impl AsRef<[u8]>, ObjectRef)],
    ) -> (ObjectRef, u64) {
        let mut bytes = b"OCHK".to_vec();
        let mut fills = Vec::new();
        for (name, to) in links {
            let addr = match to {
                ObjectRef::Existing(addr) => *addr,
                ObjectRef::New(_) => RelAddr::UNDEF,
            };
            NewMessage::new(kind::LINK, 0, encode::link(name, addr)).write(&mut bytes);
            if let ObjectRef::New(n) = to {
                fills.push((bytes.len() - 8, Fill::Object(*n)));
            }
        }
        NewMessage::placeholder().write(&mut bytes);
        bytes.extend([0; 4]);
        let len = bytes.len() as u64;
        let data = Data { bytes, fills };
        (self.push(Blob { data, header: true, outside: None }), len)
    }

    /// Takes a header in; fills are given by message and position in its body.
    pub(in crate::julia::builder) fn header(
        &mut self,
        messages: &[NewMessage],
        fills: Vec<(usize, usize, Fill)>,
        outside: Option<(usize, Raw)>,
    ) -> ObjectRef {
        let EncodedHeader { bytes, bodies } = encode::object_header(messages);
        let place = |message: usize, at: usize| bodies.get(message).map_or(at, |b| b + at);
        let fills = fills.into_iter().map(|(m, at, f)| (place(m, at), f)).collect();
        let outside = outside.map(|(m, raw)| (place(m, 2), raw));
        self.push(Blob { data: Data { bytes, fills }, header: true, outside })
    }
}
