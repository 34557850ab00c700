//! What a rewrite makes of containers that were put together by hand.

use super::{EncodeOptions, rewrite};
use crate::codec::Codec;
use crate::convert::{Chunking, Silent};
use crate::h5::encode::{self, HeaderForm, NewMessage};
use crate::h5::sample::Sample;
use crate::h5::{
    Class, Datatype, Extent, File, FillValue, Object, ObjectKind, RelAddr, Source, header_flag,
    kind,
};

fn rewritten(bytes: Vec<u8>) -> File {
    let input = File::from_source(Source::from_bytes(bytes)).unwrap();
    let out = tempfile::tempfile().unwrap();
    let encoding = EncodeOptions {
        wanted: None,
        fallback: Codec::None,
        shuffle: false,
        chunk: Chunking::Auto,
        small_outside: false,
        threads: 1,
        readable: &|_| true,
        written: &|_, client| client.to_vec(),
    };
    rewrite(&input, &out, &encoding, &Silent).unwrap();
    File::from_source(Source::from_file(out).unwrap()).unwrap()
}

fn linked(file: &File, name: &str) -> std::sync::Arc<Object> {
    let root = file.object(file.superblock().root).unwrap();
    let ObjectKind::Group(group) = &root.kind else { panic!("no group") };
    file.object(group.held.iter().find(|l| l.name == name).unwrap().target).unwrap()
}

fn vlen(count: u32, heap: RelAddr, index: u32) -> Vec<u8> {
    [&count.to_le_bytes()[..], &heap.0.to_le_bytes(), &index.to_le_bytes()].concat()
}

/// A reference, a string, and a list of lists of references, as a fill value in each version of the
/// message, beside an attribute of the same type and an element of it.
#[test]
fn whatever_leads_elsewhere_leads_there_afterwards() {
    let inner = Datatype::vlen_references();
    let lists = Datatype::new(Class::Vlen { string: false, base: Box::new(inner) }, 16);
    let record = Datatype::record([
        ("ref".into(), Datatype::reference()),
        ("text".into(), Datatype::vlen_string()),
        ("lists".into(), lists),
    ]);
    let mut sample = Sample::new();
    // Something that a rewrite leaves behind, so that nothing stays where it was.
    sample.raw(&[7; 3000]);
    let target = sample.group(&[]);
    let strings = sample.raw(&encode::heap(&[b"another".to_vec(), b"the text".to_vec()]));
    let refs = sample.raw(&encode::heap(&[[target.0.to_le_bytes(), [0; 8]].concat()]));
    let list = sample.raw(&encode::heap(&[[vlen(2, refs, 1), vlen(0, RelAddr::NULL, 0)].concat()]));
    let value = [target.0.to_le_bytes().to_vec(), vlen(8, strings, 2), vlen(2, list, 1)].concat();
    let size = u32::try_from(value.len()).unwrap().to_le_bytes();
    let heads: [(u8, &[u8]); 4] = [
        (kind::OLD_FILL_VALUE, &[]),
        (kind::FILL_VALUE, &[1, 2, 2, 1]),
        (kind::FILL_VALUE, &[2, 1, 0, 1]),
        (kind::FILL_VALUE, &[3, 0x29]),
    ];
    let space = encode::dataspace(Extent::Scalar, &[]);
    let datatype = encode::datatype(&record);
    let datasets = heads.map(|(message, head)| {
        sample.object(&[
            NewMessage::new(message, 0, [head, &size, &value].concat()),
            NewMessage::new(kind::DATASPACE, 0, space.clone()),
            NewMessage::new(
                kind::ATTRIBUTE,
                0,
                encode::attribute("a", false, &datatype, &space, &value),
            ),
            NewMessage::new(kind::DATATYPE, 1, datatype.clone()),
            NewMessage::new(kind::LAYOUT, 0, encode::compact(&value)),
        ])
    });
    let names = ["0", "1", "2", "3"];
    let mut links: Vec<_> = names.into_iter().zip(datasets).collect();
    links.push(("target", target));
    let root = sample.group(&links);
    let file = rewritten(sample.finish(root));
    let target = linked(&file, "target").addr();
    let read = |at: &[u8], base| {
        let (offset, len) = file.vlen(at, 0, base).unwrap().unwrap();
        file.source().read(offset, usize::try_from(len).unwrap(), "sequence").unwrap()
    };
    let check = |value: &[u8], what: &str| {
        assert_eq!(value[..8], target.0.to_le_bytes(), "{what}");
        assert_eq!(read(&value[8..24], 1), b"the text", "{what}");
        let lists = read(&value[24..40], 16);
        assert_eq!(lists[16..], [0; 16], "{what}");
        assert_eq!(read(&lists[..16], 8), [target.0.to_le_bytes(), [0; 8]].concat(), "{what}");
    };
    for name in names {
        let object = linked(&file, name);
        let fills = FillValue::all(&object.header).unwrap();
        assert_eq!(fills.len(), 1);
        check(fills[0].bytes, "fill value");
        check(&object.attributes[0].data, "attribute");
        let at = file.stored_offset(object.dataset().unwrap()).unwrap().unwrap();
        check(&file.source().read(at, 40, "element").unwrap(), "element");
    }
}

#[test]
fn headers_keep_times_bounds_and_the_order_of_creation() {
    let space = encode::dataspace(Extent::Scalar, &[]);
    let attribute = |name: &str, order| {
        let body = encode::attribute(
            name,
            false,
            &encode::datatype(&Datatype::float64()),
            &space,
            &[1; 8],
        );
        NewMessage { order, ..NewMessage::new(kind::ATTRIBUTE, 0, body) }
    };
    for flags in (0..16).map(|bits| bits << 2) {
        let times = if flags & header_flag::TIMES != 0 { 16 } else { 0 };
        let bounds = if flags & header_flag::PHASE_CHANGE != 0 { 4 } else { 0 };
        let form = HeaderForm { flags, extra: (1..=times + bounds).collect() };
        let mut sample = Sample::new();
        sample.raw(&[7; 100]);
        let header = encode::object_header_as(
            &form,
            &[
                NewMessage::new(kind::DATASPACE, 0, space.clone()),
                NewMessage::new(kind::DATATYPE, 1, encode::datatype(&Datatype::float64())),
                NewMessage::new(kind::LAYOUT, 0, encode::compact(&[2; 8])),
                attribute("last", 7),
                attribute("first", 0),
                attribute("middle", 300),
            ],
        );
        let d = sample.unaligned(&header.bytes);
        let root = sample.group(&[("d", d)]);
        let file = rewritten(sample.finish(root));
        let header = &linked(&file, "d").header;
        assert_eq!(header.flags & header_flag::KEPT, flags);
        assert_eq!(header.extra, form.extra);
        let orders: Vec<_> = header.of_kind(kind::ATTRIBUTE).map(|m| m.order).collect();
        let tracked = flags & header_flag::ORDER_TRACKED != 0;
        assert_eq!(orders, [7, 0, 300].map(|order| tracked.then_some(order)));
    }
}
