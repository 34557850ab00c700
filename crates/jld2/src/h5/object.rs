//! Tells what an object header is: a group, a dataset or a committed datatype.

use super::group::Group;
use super::header::kind;
use super::message::link::AnyLink;
use super::message::{filter, layout::Layout};
use super::{
    Attribute, Class, Dataspace, Datatype, Error, Extent, FillValue, FilterEntry, Message,
    ObjectHeader, RelAddr, Result, TypeRef,
};
use crate::h5::budget::ATTRIBUTE_BYTES;
use std::sync::Arc;

/// An object of the file.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its header, with offsets.
    pub header: ObjectHeader,
    /// Its attributes, in order.
    pub attributes: Vec<Attribute>,
    /// What it is.
    pub kind: ObjectKind,
}

/// The kinds of object.
#[derive(Debug, Clone)]
pub enum ObjectKind {
    /// Links to other objects.
    Group(Group),
    /// Data.
    Dataset(Dataset),
    /// A committed datatype.
    Datatype(Arc<Datatype>),
}

/// A dataset.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Its shape.
    pub dataspace: Dataspace,
    /// Its element type.
    pub datatype: TypeRef,
    /// Where its data stand.
    pub layout: Layout,
    /// Its filters, in the order of writing.
    pub filters: Vec<FilterEntry>,
    /// What elements that were never written are: the bytes of one. Zeros if there is none.
    pub fill: Option<Vec<u8>>,
}

impl Dataset {
    /// Whether none of its data were ever written, so that fill values stand for them.
    pub fn is_unwritten(&self) -> bool {
        match &self.layout {
            Layout::Compact { .. } => false,
            Layout::Contiguous { addr, size, .. } => addr.is_undef() && *size > 0,
            Layout::Chunked(chunked) => chunked.addr.is_undef(),
        }
    }

    /// Whether it is a string of JLD2 0.1.12 to 0.3.1, n bytes that are declared as n strings of n
    /// bytes. `datatype` is that of its elements.
    pub fn is_old_string(&self, datatype: &Datatype) -> bool {
        let stored = match &self.layout {
            Layout::Compact { size, .. } | Layout::Contiguous { size, .. } => *size,
            Layout::Chunked(_) => return false,
        };
        matches!(datatype.class, Class::String)
            && self.dataspace.extent == Extent::Simple
            && self.dataspace.dims.as_slice() == [stored]
            && u64::from(datatype.size) == stored
            // One byte is a vector of one string to later JLD2, whoever wrote it.
            && stored > 1
    }

    /// Whether it is an empty string as JLD2 writes it: of a type without size, which HDF5 from 1.14 on
    /// cannot open. `datatype` is that of its elements.
    pub fn is_empty_string(&self, datatype: &Datatype) -> bool {
        let nothing = match &self.layout {
            Layout::Compact { size, .. } | Layout::Contiguous { size, .. } => *size == 0,
            Layout::Chunked(_) => false,
        };
        // JLD2 0.1.12 to 0.3.1 declared it as no strings.
        let shape = match self.dataspace.extent {
            Extent::Scalar => true,
            Extent::Simple => self.dataspace.dims.as_slice() == [0],
            Extent::Null => false,
        };
        matches!(datatype.class, Class::String) && datatype.size == 0 && nothing && shape
    }

    /// Whether the data are stored in one piece, with or without filters, and nothing else with
    /// them.
    ///
    /// Those in several chunks are not, nor those in one chunk that is larger than they are: HDF5
    /// stores chunks at an edge in full. JLD2 makes none like that, and does not look at the
    /// dimensions of the one chunk.
    pub fn is_in_one_piece(&self) -> bool {
        let Some(chunked) = self.layout.chunked() else { return true };
        let (dims, chunk) = (&self.dataspace.dims, &chunked.dims);
        let larger = dims.len() == chunk.len()
            && dims != chunk
            && dims.iter().zip(chunk).all(|(dim, chunk)| dim <= chunk);
        chunked.single().is_some() && !chunked.addr.is_undef() && !larger
    }
}

impl Object {
    /// Makes sense of a header, which has all of the object: links and attributes that are kept
    /// elsewhere, too.
    ///
    /// # Errors
    /// If a message is damaged or foreign, or the messages do not go together.
    pub fn parse(header: ObjectHeader) -> Result<Self> {
        Self::parse_with(header, &mut Err)
    }

    /// As [`Self::parse`]; of a group, the errors of links that make no sense go to `lost`, and cost
    /// no others.
    pub(super) fn parse_left(header: ObjectHeader, lost: &mut Vec<Error>) -> Result<Self> {
        Self::parse_with(header, &mut |error| {
            lost.push(error);
            Ok(())
        })
    }

    fn parse_with(
        header: ObjectHeader,
        broken_link: &mut dyn FnMut(Error) -> Result<()>,
    ) -> Result<Self> {
        header.messages.iter().try_for_each(unshared)?;
        let attributes = attributes(&header)?;
        let kind = if header.of_kind(kind::LAYOUT).next().is_some() {
            ObjectKind::Dataset(dataset(&header).map_err(|e| e.of_dataset(true))?)
        } else if let Some(m) = header.of_kind(kind::DATASPACE).next() {
            return Err(Error::corrupt(m.offset, "dataset", "a layout message", "none"));
        } else if let Some(m) = header.single(kind::DATATYPE, "committed datatype")? {
            let mut c = header.cursor(m, "committed datatype");
            ObjectKind::Datatype(Arc::new(Datatype::parse(&mut c)?))
        } else {
            ObjectKind::Group(group(&header, broken_link)?)
        };
        Ok(Self { header, attributes, kind })
    }

    /// Its address.
    pub fn addr(&self) -> RelAddr {
        self.header.addr
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name == name)
    }

    /// The dataset, if it is one.
    pub fn dataset(&self) -> Option<&Dataset> {
        match &self.kind {
            ObjectKind::Dataset(d) => Some(d),
            _ => None,
        }
    }
}

/// Refuses what is kept in a heap for several objects. Of the messages that can be, only datatypes
/// are written so unless a file is set up for it, and those lead to committed ones.
pub(super) fn unshared(m: &Message) -> Result<()> {
    let other = matches!(
        m.kind,
        kind::DATASPACE | kind::LAYOUT | kind::FILTER_PIPELINE | kind::LINK_INFO | kind::LINK
    );
    if m.flags & 2 != 0 && other {
        let what = "a message shared through a heap, which JLD2 does not read either";
        return Err(Error::foreign(m.offset, what));
    }
    Ok(())
}

fn attributes(header: &ObjectHeader) -> Result<Vec<Attribute>> {
    let bytes: usize = header.of_kind(kind::ATTRIBUTE).map(|m| header.body(m).len()).sum();
    if bytes > ATTRIBUTE_BYTES {
        let at = header.chunks.first().map_or(0, |c| c.offset);
        return Err(Error::foreign(at, format!("{bytes} bytes of attributes on one object")));
    }
    header
        .of_kind(kind::ATTRIBUTE)
        .map(|m| {
            if m.flags & 2 != 0 {
                return Err(Error::foreign(m.offset, "a shared attribute"));
            }
            let mut attribute = Attribute::parse(&mut header.cursor(m, "attribute"))?;
            if let (1, TypeRef::Inline(datatype)) = (header.version, &attribute.datatype) {
                let size = datatype.size;
                attribute.unpad(size);
            }
            Ok(attribute)
        })
        .collect()
}

fn dataset(header: &ObjectHeader) -> Result<Dataset> {
    let at = header.chunks.first().map_or(0, |c| c.offset);
    let need = |kind: u8, what: &'static str| {
        header.single(kind, what)?.ok_or_else(|| {
            Error::corrupt(at, "dataset", format!("a {what} message"), "none".to_owned())
        })
    };
    if let Some(m) = header.of_kind(kind::EXTERNAL_FILES).next() {
        return Err(Error::foreign(m.offset, "data in external files"));
    }
    let m = need(kind::DATASPACE, "dataspace")?;
    let dataspace = Dataspace::parse(&mut header.cursor(m, "dataspace"))?;
    let m = need(kind::DATATYPE, "datatype")?;
    let datatype = TypeRef::parse(&mut header.cursor(m, "datatype"), m.flags & 2 != 0)?;
    let m = need(kind::LAYOUT, "layout")?;
    let layout = Layout::parse(&mut header.cursor(m, "layout"))?;
    let filters = match header.single(kind::FILTER_PIPELINE, "filter pipeline")? {
        Some(m) => filter::parse(&mut header.cursor(m, "filter pipeline"))?,
        None => Vec::new(),
    };
    let chunked = matches!(layout, Layout::Chunked(_));
    if !chunked && !filters.is_empty() {
        return Err(Error::corrupt(at, "dataset", "filters of chunked data only", "otherwise"));
    }
    // Only of these can some be missing, or all.
    let unwritten = matches!(&layout, Layout::Contiguous { addr, .. } if addr.is_undef());
    let fill = if chunked || unwritten {
        FillValue::of(header)?.map(|fill| fill.bytes.to_vec())
    } else {
        None
    };
    Ok(Dataset { dataspace, datatype, layout, filters, fill })
}

fn group(header: &ObjectHeader, broken_link: &mut dyn FnMut(Error) -> Result<()>) -> Result<Group> {
    let at = header.chunks.first().map_or(0, |c| c.offset);
    let info = header.single(kind::LINK_INFO, "link info")?.is_some();
    // JLD2 takes what has links for a group, whatever else there is.
    let any = header.of_kind(kind::LINK).chain(header.of_kind(kind::GROUP_INFO)).next().is_some();
    let any = any || header.runs.is_some() || header.listed.is_some();
    let mut group = match &header.symbols {
        Some(group) => group.clone(),
        None if info || any => Group::default(),
        None => {
            return Err(Error::corrupt(
                at,
                "object header",
                "a group, a dataset or a datatype",
                "none of them",
            ));
        }
    };
    for runs in header.runs.iter().chain(&header.listed) {
        group.symbolic.extend(runs.symbolic().iter().cloned());
        if group.stored.replace(Arc::clone(runs)).is_some() {
            let what = "a group with very many links in its header, and others outside it";
            return Err(Error::foreign(at, what));
        }
    }
    for m in header.of_kind(kind::LINK) {
        match AnyLink::parse(&mut header.cursor(m, "link")) {
            Ok(link) => group.push(link),
            Err(error) => broken_link(error)?,
        }
    }
    Ok(group)
}
