//! What is encoded is read again as the same.

use super::strategy::datatype;
use crate::h5::encode::{self, NewMessage};
use crate::h5::message::filter;
use crate::h5::{
    Attribute, ChunkIndex, Chunked, Class, Cursor, Dataspace, Datatype, Extent, FilterEntry,
    Layout, Link, RelAddr, TypeRef,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn parse(bytes: &[u8]) -> crate::h5::Result<Datatype> {
    let mut c = Cursor::new(bytes, 100, "datatype");
    let parsed = Datatype::parse(&mut c)?;
    assert_eq!(c.remaining(), 0);
    assert_eq!((parsed.offset, parsed.len as usize), (100, bytes.len()));
    Ok(parsed)
}

fn extent() -> impl Strategy<Value = (Extent, Vec<u64>)> {
    prop_oneof![
        Just((Extent::Scalar, vec![])),
        Just((Extent::Null, vec![])),
        vec(any::<u64>(), 0..33).prop_map(|dims| (Extent::Simple, dims)),
    ]
}

proptest! {
    #[test]
    fn datatypes(d in datatype()) {
        let bytes = encode::datatype(&d);
        let parsed = parse(&bytes).unwrap();
        prop_assert!(parsed.same_layout(&d));
        prop_assert_eq!(encode::datatype(&parsed), bytes);
    }

    #[test]
    fn datatypes_without_a_version_nibble(d in datatype()) {
        // As JLD2 0.4.51 wrote them, at least at the top.
        let mut bytes = encode::datatype(&d);
        bytes[0] &= 0x0f;
        prop_assert!(parse(&bytes).unwrap().same_layout(&d));
    }

    #[test]
    fn any_bytes_as_a_datatype(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Datatype::parse(&mut Cursor::new(&bytes, 0, "datatype"));
    }

    #[test]
    fn a_datatype_cut_short_or_changed(
        d in datatype(), cut in any::<prop::sample::Index>(), value: u8, truncate: bool,
    ) {
        let mut bytes = encode::datatype(&d);
        let at = cut.index(bytes.len());
        if truncate {
            bytes.truncate(at);
            let parsed = Datatype::parse(&mut Cursor::new(&bytes, 7, "datatype"));
            let error = parsed.unwrap_err();
            prop_assert!(error.offset().is_some_and(|o| o >= 7 && o <= 7 + bytes.len() as u64));
        } else {
            bytes[at] = value;
            let _ = Datatype::parse(&mut Cursor::new(&bytes, 7, "datatype"));
        }
    }

    #[test]
    fn dataspaces((extent, dims) in extent()) {
        let bytes = encode::dataspace(extent, &dims);
        let parsed = Dataspace::parse(&mut Cursor::new(&bytes, 0, "dataspace")).unwrap();
        prop_assert_eq!(&parsed, &Dataspace { extent, dims: dims.clone(), max_dims: None });
        let product = dims.iter().try_fold(1_u128, |n, &d| n.checked_mul(u128::from(d)));
        match extent {
            Extent::Null => prop_assert_eq!(parsed.elements(), Some(0)),
            Extent::Scalar => prop_assert_eq!(parsed.elements(), Some(1)),
            Extent::Simple => if let Some(n) = parsed.elements() {
                prop_assert_eq!(product, Some(u128::from(n)));
            }
        }
    }

    #[test]
    fn attributes(
        name in "[a-z_ ü]{0,40}", d in datatype(), (extent, dims) in extent(),
        data in vec(any::<u8>(), 0..100), shared in proptest::option::of(any::<u64>()),
    ) {
        let space = encode::dataspace(extent, &dims);
        let datatype = match shared {
            Some(addr) => encode::shared(RelAddr(addr)),
            None => encode::datatype(&d),
        };
        let bytes = encode::attribute(&name, shared.is_some(), &datatype, &space, &data);
        let a = Attribute::parse(&mut Cursor::new(&bytes, 1000, "attribute")).unwrap();
        prop_assert_eq!(a.name, name);
        prop_assert_eq!(a.offset, 1000 + (bytes.len() - data.len()) as u64);
        prop_assert_eq!(a.data, data);
        prop_assert_eq!(a.dataspace, Dataspace { extent, dims, max_dims: None });
        match (a.datatype, shared) {
            (TypeRef::Inline(read), None) => prop_assert!(read.same_layout(&d)),
            (TypeRef::Shared { addr, at }, Some(want)) => {
                prop_assert_eq!(addr.0, want);
                let at = usize::try_from(at - 1000).unwrap();
                prop_assert_eq!(&bytes[at..at + 8], &want.to_le_bytes());
            }
            (read, _) => prop_assert!(false, "{:?}", read),
        }
    }

    #[test]
    fn links(name in "[a-zA-Zäöüß€]{0,400}", target: u64) {
        let bytes = encode::link(&name, RelAddr(target));
        let link = Link::parse(&mut Cursor::new(&bytes, 64, "link")).unwrap();
        prop_assert_eq!(link.name, name);
        prop_assert_eq!(link.target, RelAddr(target));
        prop_assert_eq!(link.at, 64 + bytes.len() as u64 - 8);
    }

    #[test]
    fn filters(
        entries in vec((any::<u16>(), "[ -~]{0,20}", 0_u16..2, vec(any::<u32>(), 0..5)), 0..33),
    ) {
        let entries: Vec<_> = entries.into_iter().map(|(id, name, flags, client)| {
            FilterEntry { id, name: (id >= 256).then_some(name), flags, client }
        }).collect();
        let bytes = encode::filter_pipeline(&entries);
        let mut c = Cursor::new(&bytes, 0, "filters");
        prop_assert_eq!(filter::parse(&mut c).unwrap(), entries);
        prop_assert_eq!(c.remaining(), 0);
    }

    #[test]
    fn filters_with_fewer_values_keep_their_length(
        entries in vec((any::<u16>(), "[ -~]{0,20}", vec(any::<u32>(), 0..5)), 0..33),
        at_most in 0_usize..5, version_1: bool,
    ) {
        let entries: Vec<_> = entries.into_iter().map(|(id, name, client)| {
            let name = (version_1 || id >= 256).then_some(name).filter(|name| !name.is_empty());
            FilterEntry { id, name, flags: 0, client }
        }).collect();
        let bytes = if version_1 { pipeline_1(&entries) } else { encode::filter_pipeline(&entries) };
        let read = |bytes: &[u8]| {
            let mut entries = filter::parse(&mut Cursor::new(bytes, 0, "filters")).unwrap();
            entries.iter_mut().for_each(|e| e.name = e.name.take().filter(|name| !name.is_empty()));
            entries
        };
        let keep = |_: u16, client: &[u32]| client.len().min(at_most);
        let fewer =
            filter::with_fewer_values(&mut Cursor::new(&bytes, 0, "filters"), &keep).unwrap();
        let excess = |e: &&FilterEntry| e.client.len() > at_most;
        match fewer {
            Some(fewer) => {
                prop_assert_eq!(fewer.len(), bytes.len());
                let mut want = entries;
                want.iter_mut().for_each(|e| e.client.truncate(at_most));
                prop_assert_eq!(read(&fewer), want);
            }
            None => prop_assert!(
                !entries.iter().any(|e| excess(&e))
                    || !version_1 && entries.iter().filter(excess).any(|e| e.id < 256)
            ),
        }
    }

    #[test]
    fn layouts(
        data in vec(any::<u8>(), 0..300), addr: u64, size: u64, dims in vec(any::<u64>(), 0..32),
        element: u32, filter_mask: u32,
    ) {
        let read = |bytes: &[u8]| Layout::parse(&mut Cursor::new(bytes, 10, "layout")).unwrap();
        let addr = RelAddr(addr);
        prop_assert_eq!(
            read(&encode::compact(&data)),
            Layout::Compact { offset: 14, size: data.len() as u64 }
        );
        prop_assert_eq!(
            read(&encode::contiguous(addr, size)),
            Layout::Contiguous { addr, size, at: 12 }
        );
        let bytes = encode::single_chunk(&dims, element, size, filter_mask, addr);
        let at = 10 + bytes.len() as u64 - 8;
        let element_size = u64::from(element);
        let index = ChunkIndex::Single { filtered: Some((size, filter_mask)) };
        let chunked =
            Chunked { version: 4, dims, element_size, index, addr, at, plain_edges: false };
        prop_assert_eq!(read(&bytes), Layout::Chunked(chunked));
    }
}

#[test]
fn hdf5_takes_three_bytes_for_offsets_in_records_of_middle_size() {
    // record { a: 70,000 opaque bytes, b: record { c: Float64, .. 65,600 bytes } }
    let inner = |width: usize| {
        let mut out = vec![0x36, 2, 0, 0];
        out.extend(65_608_u32.to_le_bytes());
        for (name, offset, d) in [
            (b"c\0", 0_u32, Datatype::float64()),
            (b"d\0", 8, Datatype::new(Class::Opaque, 65_600)),
        ] {
            out.extend(name);
            out.extend(&offset.to_le_bytes()[..width]);
            out.extend(encode::datatype(&d));
        }
        out
    };
    let outer = |width: usize| {
        let mut out = vec![0x36, 2, 0, 0];
        out.extend((70_000_u32 + 65_608).to_le_bytes());
        out.extend(b"a\0");
        out.extend(&0_u32.to_le_bytes()[..width]);
        out.extend(encode::datatype(&Datatype::new(Class::Opaque, 70_000)));
        out.extend(b"b\0");
        out.extend(&70_000_u32.to_le_bytes()[..width]);
        out.extend(inner(width));
        out
    };
    let ours = parse(&outer(4)).unwrap();
    let theirs = parse(&outer(3)).unwrap();
    assert!(ours.same_layout(&theirs));
    assert_eq!(encode::datatype(&theirs), outer(4));
}

#[test]
fn records_in_records_are_not_tried_in_all_combinations() {
    // Sixty levels of a size whose offsets have two widths, and an error at the very end.
    let mut bytes = Vec::new();
    for _ in 0..60 {
        bytes.extend([0x36, 1, 0, 0]);
        bytes.extend(0x1_0000_u32.to_le_bytes());
        bytes.extend(b"x\0\0\0\0\0");
    }
    bytes.extend([0xff; 8]);
    assert!(Datatype::parse(&mut Cursor::new(&bytes, 0, "datatype")).is_err());
}

#[test]
fn deep_types_end() {
    let nested = |levels: usize| {
        let mut bytes = [0x39, 0, 0, 0, 16, 0, 0, 0].repeat(levels);
        bytes.extend(encode::datatype(&Datatype::reference()));
        Datatype::parse(&mut Cursor::new(&bytes, 0, "datatype"))
    };
    assert!(nested(60).is_ok());
    assert!(nested(8000).unwrap_err().to_string().contains("64 levels"));
}

#[test]
fn arrays_must_be_as_large_as_their_elements() {
    let base = Box::new(Datatype::float64());
    for (dims, size) in [(vec![2, 3], 40), (vec![u32::MAX, u32::MAX], 8), (vec![1 << 31, 2], 0)] {
        let wrong = Datatype::new(Class::Array { dims, base: base.clone() }, size);
        assert!(parse(&encode::datatype(&wrong)).is_err());
    }
}

#[test]
fn what_an_error_quotes_is_short() {
    let name = vec![b'x'; 60_000];
    let mut body = vec![1, 0x19, 1, 1];
    body.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    body.extend(&name);
    body.extend([0; 8]);
    let error = Link::parse(&mut Cursor::new(&body, 0, "link")).unwrap_err();
    assert!(error.to_string().contains("soft link"));
    assert!(error.to_string().len() < 500);
    assert_eq!(NewMessage::placeholder().len(), 20);
}

/// A filter pipeline of version 1, as HDF5 writes it into files for its older versions.
fn pipeline_1(filters: &[FilterEntry]) -> Vec<u8> {
    let mut out = vec![1, u8::try_from(filters.len()).unwrap(), 0, 0, 0, 0, 0, 0];
    for f in filters {
        let mut name = f.name.clone().unwrap_or_default().into_bytes();
        if !name.is_empty() {
            name.push(0);
        }
        name.resize(name.len().next_multiple_of(8), 0);
        let lens = [f.id, u16::try_from(name.len()).unwrap(), f.flags];
        out.extend(lens.into_iter().flat_map(u16::to_le_bytes));
        out.extend(u16::try_from(f.client.len()).unwrap().to_le_bytes());
        out.extend(name);
        out.extend(f.client.iter().flat_map(|v| v.to_le_bytes()));
        if f.client.len() % 2 == 1 {
            out.extend([0; 4]);
        }
    }
    out
}
