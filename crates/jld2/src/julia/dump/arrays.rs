//! Arrays.

use super::super::array::{MAX_ELEMENT, each_element};
use super::super::node::comma;
use super::super::number::{digits, hex, number};
use super::super::{Column, Element, JuliaType, Param};
use super::session::{Session, offset};
use super::watch::Stored;
use super::{Digest, put};
use crate::h5::{Attribute, Class, Dataset, Datatype, Error, Extent, Object, RefPlan, Result};
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::Xxh3;

impl Session<'_> {
    pub(super) fn array(
        &mut self,
        object: &Object,
        dataset: &Dataset,
        element: &Element,
        dims: &[u64],
    ) -> Result<()> {
        let dumper = self.dumper;
        let id = self.new_id(object.addr());
        let eltype = dumper.types.element_type(object, element)?;
        let t = JuliaType::array(eltype, dims.len());
        self.head(&t, Some(id))?;
        put(write!(self.out, ",\"dims\":{dims:?}"))?;
        if element.is_number() {
            if self.dumper.limit.is_some() {
                return self.number_head(dataset, element);
            }
            let digest = self.number_digest(dataset, element.datatype())?;
            put(write!(self.out, ",\"sha256\":\"{digest}\"}}"))?;
            return Ok(());
        }
        self.raw(",\"items\":[")?;
        if dataset.dataspace.extent == Extent::Null {
            let n = dims.iter().try_fold(1_u64, |n, &d| n.checked_mul(d)).unwrap_or(u64::MAX);
            let at = offset(object);
            // Elements without data take no space: any number could be claimed.
            if n > 1 << 24 {
                return Err(Error::corrupt(
                    at,
                    "dimensions",
                    "at most 2^24 empty elements",
                    n.to_string(),
                ));
            }
            let Some(Param::Type(eltype)) = t.params().first().cloned() else { return Ok(()) };
            let wanted = self.dumper.limit.unwrap_or(n).min(n);
            for i in 0..wanted {
                put(comma(self.out, usize::from(i > 0)))?;
                self.singleton(&eltype, None)?;
            }
            self.end(n - wanted)
        } else {
            self.items(dataset, element)
        }
    }

    /// The value of an attribute; its type and shape are all that says what it is.
    pub(super) fn attribute(&mut self, attribute: &Attribute) -> Result<()> {
        let Attribute { datatype, dataspace, offset: at, data, .. } = attribute;
        let element = self.types().element(datatype)?;
        match dataspace.extent {
            Extent::Null => return self.singleton(&element.julia_type(), None),
            Extent::Scalar => return self.value(&element, data, *at, None),
            Extent::Simple => {}
        }
        let dims: Vec<u64> = dataspace.dims.iter().rev().copied().collect();
        self.head(&JuliaType::array(element.julia_type(), dims.len()), None)?;
        put(write!(self.out, ",\"dims\":{dims:?},\"items\":["))?;
        // Elements without data take no space: any number could be claimed.
        let size = element.size().max(1);
        for (i, bytes) in data.chunks(size).enumerate() {
            put(comma(self.out, usize::from(i > 0)))?;
            self.value(&element, bytes, at + (i * size) as u64, None)?;
        }
        self.end(0)
    }

    /// The items of an array, and the end of both.
    pub(super) fn items(&mut self, dataset: &Dataset, element: &Element) -> Result<()> {
        let limit = self.dumper.limit;
        let more = self.each(dataset, element, limit, |s, i, bytes, at| {
            put(comma(s.out, usize::from(i > 0)))?;
            s.value(element, bytes, at, None)
        })?;
        self.end(more)
    }

    /// Does `write` for the elements of an array, with number and offset of each; as many as
    /// `limit` says. Gives the number of those left out.
    pub(super) fn each(
        &mut self,
        dataset: &Dataset,
        element: &Element,
        limit: Option<u64>,
        mut write: impl FnMut(&mut Self, u64, &[u8], u64) -> Result<()>,
    ) -> Result<u64> {
        let datatype = element.datatype();
        let column = Column::new(self.dumper.types.file(), dataset, datatype)?;
        if !dataset.filters.is_empty() && !RefPlan::new(datatype)?.is_empty() {
            // JLD2 compresses plain data only; and decoders inside decoders would take much memory.
            return Err(Error::foreign(column.offset(), "references inside a filtered chunk"));
        }
        let n = dataset.dataspace.elements().unwrap_or(0);
        let size = element.size().min(MAX_ELEMENT);
        let window = self.window();
        let buffer = usize::try_from(column.len()).unwrap_or(usize::MAX).min(window).max(size);
        self.holding(buffer, column.offset(), |s| {
            each_element(&column, element.size(), n, limit, window, |i, bytes, at| {
                write(s, i, bytes, at)
            })
        })
    }

    /// `],"more":…}`
    pub(super) fn end(&mut self, more: u64) -> Result<()> {
        if more > 0 {
            return put(write!(self.out, "],\"more\":{more}}}"));
        }
        self.raw("]}")
    }

    /// `,"head":[…]}`: the first of many numbers.
    fn number_head(&mut self, dataset: &Dataset, element: &Element) -> Result<()> {
        self.raw(",\"head\":[")?;
        let column = Column::new(self.dumper.types.file(), dataset, element.datatype())?;
        let n = dataset.dataspace.elements().unwrap_or(0);
        let class = &element.datatype().class;
        let limit = self.dumper.limit;
        let more =
            each_element(&column, element.size(), n, limit, self.window(), |i, bytes, _| {
                put(comma(self.out, usize::from(i > 0)))?;
                let json = match class {
                    Class::FixedPoint { signed, .. } => number(bytes, *signed),
                    Class::Bitfield => bytes.iter().any(|&b| b != 0).to_string(),
                    _ => format!("\"0x{}\"", digits(bytes)),
                };
                self.raw(&json)
            })?;
        self.end(more)
    }

    fn number_digest(&self, dataset: &Dataset, datatype: &Datatype) -> Result<String> {
        let file = self.types().file();
        let column = Column::new(file, dataset, datatype)?;
        let digests = match self.dumper.digests {
            Some(digests) => {
                Stored::of(file, dataset, datatype, column.len())?.map(|stored| (digests, stored))
            }
            None => None,
        };
        if let Some(known) = digests.and_then(|(digests, stored)| digests.get(&stored)) {
            return Ok(known);
        }
        let mut stream = column.open()?;
        let mut sha = Sha256::new();
        let mut xxh = Xxh3::new();
        let boolean = matches!(datatype.class, Class::Bitfield);
        let mut buffer =
            vec![0; usize::try_from(stream.left()).unwrap_or(usize::MAX).min(256 << 10)];
        while stream.left() > 0 {
            let n = usize::try_from(stream.left()).unwrap_or(usize::MAX).min(buffer.len());
            let Some(window) = buffer.get_mut(..n) else { break };
            stream.fill(window)?;
            if let Some(progress) = self.dumper.progress {
                progress(window.len() as u64)?;
            }
            if boolean {
                for b in &mut *window {
                    *b = u8::from(*b != 0);
                }
            }
            match self.dumper.digest {
                Digest::Sha256 => sha.update(window),
                Digest::Xxh3 => xxh.update(window),
            }
        }
        stream.finish()?;
        let digest = match self.dumper.digest {
            Digest::Sha256 => hex(sha.finalize().iter()),
            Digest::Xxh3 => format!("{:032x}", xxh.digest128()),
        };
        if let Some((digests, stored)) = digests {
            digests.put(stored, &digest);
        }
        Ok(digest)
    }
}
