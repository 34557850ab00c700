//! Tells what an object header is: a group, a dataset or a committed datatype.

use super::header::kind;
use super::message::{filter, layout::Layout};
use super::{
    Attribute, Class, Dataspace, Datatype, Error, Extent, FillValue, FilterEntry, Link,
    ObjectHeader, RelAddr, Result, TypeRef,
};
use crate::h5::budget::ATTRIBUTE_BYTES;

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
    Datatype(Datatype),
}

/// A group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its links, in order.
    pub links: Vec<Link>,
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
    /// What elements of a chunk that was never written are: the bytes of one. Zeros if there is none.
    pub fill: Option<Vec<u8>>,
}

impl Dataset {
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
    /// Makes sense of a header.
    ///
    /// # Errors
    /// If a message is damaged or foreign, or the messages do not go together.
    pub fn parse(header: ObjectHeader) -> Result<Self> {
        let attributes = attributes(&header)?;
        let kind = if header.of_kind(kind::LAYOUT).next().is_some() {
            ObjectKind::Dataset(dataset(&header)?)
        } else if let Some(m) = header.of_kind(kind::DATASPACE).next() {
            return Err(Error::corrupt(m.offset, "dataset", "a layout message", "none"));
        } else if let Some(m) = header.single(kind::DATATYPE, "committed datatype")? {
            let mut c = header.cursor(m, "committed datatype");
            ObjectKind::Datatype(Datatype::parse(&mut c)?)
        } else {
            ObjectKind::Group(group(&header)?)
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

fn attributes(header: &ObjectHeader) -> Result<Vec<Attribute>> {
    if let Some(m) = header.of_kind(kind::ATTRIBUTE_INFO).next() {
        // Version, flags, [max index], then the heap: undefined while attributes are in the header.
        let mut c = header.cursor(m, "attribute info");
        c.u8()?;
        if c.u8()? & 1 != 0 {
            c.u16()?;
        }
        if !c.addr()?.is_undef() {
            return Err(Error::foreign(m.offset, "attributes in a fractal heap"));
        }
    }
    let bytes: usize = header.of_kind(kind::ATTRIBUTE).map(|m| usize::from(m.len)).sum();
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
            Attribute::parse(&mut header.cursor(m, "attribute"))
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
    // Only of these can some be missing.
    let fill = if chunked { FillValue::of(header)?.map(|fill| fill.bytes.to_vec()) } else { None };
    Ok(Dataset { dataspace, datatype, layout, filters, fill })
}

fn group(header: &ObjectHeader) -> Result<Group> {
    if let Some(m) = header.of_kind(kind::SYMBOL_TABLE).next() {
        return Err(Error::foreign(m.offset, "a group with a symbol table"));
    }
    let at = header.chunks.first().map_or(0, |c| c.offset);
    let Some(m) = header.single(kind::LINK_INFO, "link info")? else {
        return Err(Error::corrupt(
            at,
            "object header",
            "a group, a dataset or a datatype",
            "none of them",
        ));
    };
    let mut c = header.cursor(m, "link info");
    c.expect_u8(0, "link info version")?;
    if c.u8()? & 1 != 0 {
        c.u64()?;
    }
    if !c.addr()?.is_undef() {
        return Err(Error::foreign(m.offset, "a group with its links in a fractal heap"));
    }
    let links = header
        .of_kind(kind::LINK)
        .map(|m| Link::parse(&mut header.cursor(m, "link")))
        .collect::<Result<Vec<_>>>()?;
    Ok(Group { links })
}
