//! Makes an object's header with the addresses, the layout and the filters of the output.

use super::RewriteError;
use super::context::{Context, NewHeader};
use super::heap_objects::HeapPlace;
use super::kept_header::Kept;
use super::output::Output;
use super::payloads::Payload;
use super::stored_links::{StoredLinks, too_long};
use super::strings::{self, Body};
use crate::h5::encode::{self, HeaderForm, MAX_BODY, NewMessage};
use crate::h5::{
    AnyLink, Attribute, Dataset, FillValue, Group, Layout, Message, Object, ObjectHeader,
    ObjectKind, RefPlan, RelAddr, Result, TypeRef, header_flag, kind,
};

impl Context<'_> {
    /// Bytes of the new header of an object.
    pub(super) fn len(
        &self,
        object: &Object,
        payload: Option<&Payload>,
        place: HeapPlace,
    ) -> Result<u64> {
        if payload.is_none()
            && let Some(kept) = Kept::of(object)
        {
            debug_assert_eq!(kept.len(), self.made(object, place)?.len() as u64);
            return Ok(kept.len());
        }
        let (new, links) = self.header(object, payload, place)?;
        match &links {
            None => Ok(encode::object_header_as(&new.form, &new.messages).bytes.len() as u64),
            Some(links) => links.len(object, &new),
        }
    }

    /// Writes the new header of an object. `place` is the heap object that it gets if it is an empty
    /// string.
    pub(super) fn write(
        &self,
        object: &Object,
        payload: Option<&Payload>,
        place: HeapPlace,
        out: &mut Output<'_>,
    ) -> std::result::Result<(), RewriteError> {
        if payload.is_none()
            && let Some(kept) = Kept::of(object)
        {
            let bytes = kept.bytes(self)?;
            debug_assert_eq!(bytes, self.made(object, place)?, "a header that was to be the same");
            out.write(&bytes)?;
            return Ok(());
        }
        let (new, links) = self.header(object, payload, place)?;
        match &links {
            None => out.write(&encode::object_header_as(&new.form, &new.messages).bytes)?,
            Some(links) => links.write(self, object, &new, out)?,
        }
        Ok(())
    }

    /// The header of an object without data elsewhere, made message by message.
    fn made(&self, object: &Object, place: HeapPlace) -> Result<Vec<u8>> {
        let (new, _) = self.header(object, None, place)?;
        Ok(encode::object_header_as(&new.form, &new.messages).bytes)
    }

    fn header(
        &self,
        object: &Object,
        payload: Option<&Payload>,
        place: HeapPlace,
    ) -> Result<(NewHeader, Option<StoredLinks>)> {
        let mut messages = Vec::new();
        let mut links = StoredLinks::of(object);
        let string = object.dataset().and_then(strings::form);
        let mut attributes = object.attributes.iter();
        for (number, m) in object.header.messages.iter().enumerate() {
            if let Some(links) = &mut links {
                links.come_before(number, messages.len());
            }
            let mut body = object.header.gathered(m);
            let order = m.order.unwrap_or(0);
            match string.map_or(Body::AsItIs, |form| form.body(m.kind, place)) {
                Body::AsItIs => {}
                Body::New(body) => {
                    messages.push(NewMessage { order, ..NewMessage::new(m.kind, m.flags, body) });
                    continue;
                }
                Body::Gone => continue,
            }
            match (m.kind, &object.kind) {
                (kind::NIL | kind::CONTINUATION, _) => continue,
                (kind::SYMBOL_TABLE, ObjectKind::Group(group)) => {
                    self.symbols(group, &mut messages)?;
                    continue;
                }
                (kind::DATATYPE, ObjectKind::Dataset(d)) => {
                    self.shared(&mut body, m, &d.datatype)?;
                }
                // They are in the order of their messages.
                (kind::ATTRIBUTE, _) => match attributes.next() {
                    Some(attribute) => self.attribute(attribute, &mut body, m)?,
                    None => continue,
                },
                (kind::LINK, _) => self.link(object, &mut body, m)?,
                (kind::FILTER_PIPELINE, _) => continue,
                // What is in one piece cannot grow.
                (kind::DATASPACE, ObjectKind::Dataset(d)) if d.dataspace.max_dims.is_some() => {
                    // JLD2 reads an array of references that no attribute gives a type only where
                    // this is of version 1.
                    body = match body.first() {
                        Some(1) => encode::old_dataspace(&d.dataspace.dims),
                        _ => encode::dataspace(d.dataspace.extent, &d.dataspace.dims),
                    };
                }
                (kind::FILL_VALUE | kind::OLD_FILL_VALUE, ObjectKind::Dataset(d)) => {
                    self.fill_value(object, d, &mut body, m)?;
                }
                (kind::LAYOUT, ObjectKind::Dataset(d)) => {
                    if let Some(Payload::Chunk { filters, .. } | Payload::Tree { filters, .. }) =
                        payload
                    {
                        let pipeline = encode::filter_pipeline(filters);
                        messages.push(NewMessage::new(kind::FILTER_PIPELINE, 0, pipeline));
                    }
                    body = self.layout(d, &body, m, payload)?;
                }
                _ => {}
            }
            if body.len() > MAX_BODY {
                return Err(too_long(m.offset, body.len() as u64));
            }
            messages.push(NewMessage { order, ..NewMessage::new(m.kind, m.flags, body) });
        }
        if let Some(links) = &mut links {
            links.come_before(usize::MAX, messages.len());
        }
        if matches!(object.kind, ObjectKind::Group(_)) && object.header.tracks_order() {
            by_creation(&mut messages);
        }
        // Headers of version 1 keep the count of links in front of the messages.
        if object.header.ref_count > 1 {
            let body = [&[0][..], &object.header.ref_count.to_le_bytes()].concat();
            messages.push(NewMessage::new(kind::REFERENCE_COUNT, 0, body));
        }
        match &object.kind {
            ObjectKind::Group(group) => {
                // Room for links, as in a group that JLD2 makes from 0.4.4 on.
                let links = usize::try_from(group.len()).unwrap_or(usize::MAX);
                let links = links.saturating_add(group.symbolic.len());
                let spare = 4_usize.saturating_sub(links) * 24;
                if spare > 4 && has_room(object) {
                    messages.push(NewMessage::new(kind::NIL, 0, vec![0; spare - 4]));
                }
                messages.push(NewMessage::placeholder());
            }
            // Before 0.4.51 datasets had none, and took 20 bytes less each.
            // JLD2 reads beyond the layout of chunks with an index.
            ObjectKind::Dataset(_)
                if fillers(object) != Fillers::None
                    || matches!(payload, Some(Payload::Tree { .. })) =>
            {
                messages.push(NewMessage::placeholder());
            }
            ObjectKind::Dataset(_) | ObjectKind::Datatype(_) => {}
        }
        let ObjectHeader { flags, extra, .. } = &object.header;
        let mut flags = *flags;
        if matches!(object.kind, ObjectKind::Group(_)) {
            // JLD2 adds to a group with heads that have no number of an attribute, and could not
            // open it afterwards (`src/groups.jl`, `save_group`).
            flags &= !(header_flag::ORDER_TRACKED | header_flag::ORDER_INDEXED);
        }
        let form = HeaderForm { flags, extra: extra.clone() };
        Ok((NewHeader { form, messages }, links))
    }

    fn shared(&self, body: &mut [u8], m: &Message, datatype: &TypeRef) -> Result<()> {
        match datatype {
            TypeRef::Shared { addr, at } => self.put(body, m, *at, *addr),
            TypeRef::Inline(_) => Ok(()),
        }
    }

    /// Puts the new address of `old` at the absolute offset `at` of the input, inside `m`.
    fn put(&self, body: &mut [u8], m: &Message, at: u64, old: RelAddr) -> Result<()> {
        write_addr(body, at - m.body, self.new_addr(old, at)?);
        Ok(())
    }

    fn attribute(&self, a: &Attribute, body: &mut Vec<u8>, m: &Message) -> Result<()> {
        a.trim(body, m.body);
        self.shared(body, m, &a.datatype)?;
        let plan = RefPlan::new(&*self.file.resolve(&a.datatype)?)?;
        self.inside(body, m, &plan, a.offset, a.data.len())
    }

    /// The messages of a group that had a symbol table.
    fn symbols(&self, group: &Group, messages: &mut Vec<NewMessage>) -> Result<()> {
        let mut links = Vec::new();
        for link in &group.held {
            links.push((link.name.clone(), self.new_addr(link.target, link.at)?));
        }
        // Room and placeholder follow behind all messages.
        let made = encode::group(&links).into_iter().filter(|m| m.kind != kind::NIL);
        messages.extend(made);
        if group.stored.is_some() {
            // All links follow as they are read.
            return Ok(());
        }
        let symbolic = group.symbolic.iter().map(encode::symbolic_link);
        messages.extend(symbolic.map(|body| NewMessage::new(kind::LINK, 0, body)));
        Ok(())
    }

    fn fill_value(
        &self,
        object: &Object,
        dataset: &Dataset,
        body: &mut [u8],
        m: &Message,
    ) -> Result<()> {
        let plan = RefPlan::new(&*self.file.resolve(&dataset.datatype)?)?;
        if plan.is_empty() {
            return Ok(());
        }
        let old = m.kind == kind::OLD_FILL_VALUE;
        let mut c = object.header.cursor(m, "fill value");
        match FillValue::parse(&mut c, old)? {
            Some(fill) => self.inside(body, m, &plan, fill.offset, fill.bytes.len()),
            None => Ok(()),
        }
    }

    /// Relocates `len` bytes of data that stand at the absolute offset `at` of the input, inside `m`.
    fn inside(
        &self,
        body: &mut [u8],
        m: &Message,
        plan: &RefPlan,
        at: u64,
        len: usize,
    ) -> Result<()> {
        let start = usize::try_from(at - m.body).unwrap_or(usize::MAX);
        match body.get_mut(start..).and_then(|b| b.get_mut(..len)) {
            Some(data) => self.places.map_or(Ok(()), |places| places.relocate(plan, data, at)),
            None => Ok(()),
        }
    }

    fn link(&self, object: &Object, body: &mut [u8], m: &Message) -> Result<()> {
        let AnyLink::Hard(link) = AnyLink::parse(&mut object.header.cursor(m, "link"))? else {
            return Ok(());
        };
        self.put(body, m, link.at, link.target)
    }

    fn layout(
        &self,
        d: &Dataset,
        body: &[u8],
        m: &Message,
        payload: Option<&Payload>,
    ) -> Result<Vec<u8>> {
        let rel = |offset: u64| RelAddr(offset.wrapping_sub(self.base));
        let datatype = self.file.resolve(&d.datatype)?;
        Ok(match (payload, &d.layout) {
            (Some(Payload::Contiguous { offset, size }), _) => {
                encode::contiguous(rel(*offset), *size)
            }
            (Some(Payload::Chunk { offset, size, mask, .. }), _) => {
                encode::single_chunk(&d.dataspace.dims, datatype.size, *size, *mask, rel(*offset))
            }
            (Some(Payload::Tree { layout, .. }), _) => layout.clone(),
            (None, Layout::Compact { offset, size }) => {
                let mut body = body.to_vec();
                let plan = RefPlan::new(&datatype)?;
                let len = usize::try_from(*size).unwrap_or(0);
                self.inside(&mut body, m, &plan, *offset, len)?;
                body
            }
            (None, Layout::Contiguous { size: size @ 1.., addr, .. }) if addr.is_undef() => {
                encode::contiguous(RelAddr::UNDEF, *size)
            }
            // Nothing stored: HDF5 2 wants that compact.
            (None, _) => encode::compact(&[]),
        })
    }
}

/// Puts attributes in the order in which they were created, whose numbers are not written.
fn by_creation(messages: &mut [NewMessage]) {
    let of = |m: &NewMessage| m.kind == kind::ATTRIBUTE;
    let places: Vec<_> =
        (0..).zip(messages.iter()).filter(|(_, m)| of(m)).map(|(i, _)| i).collect();
    let mut sorted: Vec<_> = messages.iter().filter(|m| of(m)).cloned().collect();
    sorted.sort_by_key(|m| m.order);
    for (place, message) in places.into_iter().zip(sorted) {
        if let Some(to) = messages.get_mut::<usize>(place) {
            *to = message;
        }
    }
}

/// Whether a group has, or had, room for more links than it holds.
pub(super) fn has_room(group: &Object) -> bool {
    fillers(group) == Fillers::More
}

/// What a header has room for beside its messages.
#[derive(PartialEq, Eq)]
enum Fillers {
    None,
    /// The filler of [`NewMessage::placeholder`] alone.
    Placeholder,
    /// More, or what was put into its place.
    More,
}

fn fillers(object: &Object) -> Fillers {
    let mut fillers = Fillers::None;
    for m in &object.header.messages {
        fillers = match (m.kind, fillers) {
            (kind::CONTINUATION, _) => return Fillers::More,
            (kind::NIL, Fillers::None) if object.header.body(m).len() == 16 => Fillers::Placeholder,
            (kind::NIL, _) => Fillers::More,
            (_, fillers) => fillers,
        };
    }
    fillers
}

fn write_addr(body: &mut [u8], at: u64, addr: RelAddr) {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    if let Some(to) = body.get_mut(at..).and_then(|b| b.first_chunk_mut::<8>()) {
        *to = addr.0.to_le_bytes();
    }
}
