//! Objects like others, which are not parsed again.

use crate::h5::encode::{self, NewMessage};
use crate::h5::sample::Sample;
use crate::h5::{
    ByteOrder, Class, Datatype, Extent, File, Layout, Member, Object, ObjectHeader, RelAddr,
    Result, Source, kind,
};

/// The object at `addr`, parsed by itself.
fn alone(file: &File, addr: RelAddr) -> Result<Object> {
    let header = ObjectHeader::read(file.source(), file.superblock(), addr, file.checksums())?;
    Object::parse(header)
}

/// A record that holds all that a type can nest, with places of its own.
fn record() -> Datatype {
    let member = |name: &str, offset, datatype| Member { name: name.into(), offset, datatype };
    let sequence = Class::Vlen { string: false, base: Box::new(Datatype::reference()) };
    Datatype::new(
        Class::Compound(vec![
            member("a", 0, Datatype::float64()),
            member("b", 8, Datatype::vlen_string()),
            member("c", 24, Datatype::new(sequence, 16)),
        ]),
        40,
    )
}

fn messages(datatype: NewMessage, layout: Vec<u8>, more: Option<NewMessage>) -> Vec<NewMessage> {
    let space = encode::dataspace(Extent::Scalar, &[]);
    let mut out = vec![
        NewMessage::fill_value(),
        NewMessage::new(kind::DATASPACE, 0, space),
        datatype,
        NewMessage::new(kind::LAYOUT, 0, layout),
    ];
    out.extend(more);
    out.push(NewMessage::placeholder());
    out
}

fn inline(datatype: &Datatype) -> NewMessage {
    NewMessage::new(kind::DATATYPE, 1, encode::datatype(datatype))
}

/// Every object is what it is when it is parsed by itself, whatever was read in front of it.
#[test]
fn objects_like_others_are_what_they_are_alone() {
    let mut sample = Sample::new();
    let named = sample.object(&[NewMessage::new(kind::DATATYPE, 0, encode::datatype(&record()))]);
    let attribute = |of: &Datatype, data: &[u8]| {
        let (datatype, space) = (encode::datatype(of), encode::dataspace(Extent::Scalar, &[]));
        let body = encode::attribute("a", false, &datatype, &space, data);
        NewMessage::new(kind::ATTRIBUTE, 0, body)
    };
    let big = Datatype::new(Class::FixedPoint { signed: true, order: ByteOrder::Big }, 8);
    let mut at = Vec::new();
    // More than are remembered: the last ones take over the memory of others.
    for i in 0..400_u64 {
        let number = i.to_le_bytes();
        let committed = NewMessage::new(kind::DATATYPE, 3, encode::shared(named));
        let text = vec![b'x'; 1 + usize::try_from(i % 3).unwrap()];
        let string = Datatype::new(Class::String, u32::try_from(text.len()).unwrap());
        let data = RelAddr(48 + 8 * (i % 5));
        let unwritten = encode::contiguous(RelAddr::UNDEF, 8);
        let mut more = attribute(&big, &number);
        more.flags = 4 * u8::try_from(i % 2).unwrap();
        for object in [
            messages(inline(&Datatype::float64()), encode::compact(&number), None),
            // Of the same length as the last one.
            messages(inline(&Datatype::float64()), encode::compact(&(!i).to_le_bytes()), None),
            messages(inline(&record()), encode::compact(&[number; 5].concat()), None),
            messages(committed, encode::compact(&[number; 5].concat()), None),
            messages(inline(&string), encode::compact(&text), None),
            messages(inline(&big), encode::contiguous(data, 8), None),
            messages(inline(&big), unwritten, None),
            messages(inline(&big), encode::compact(&number), Some(more)),
            messages(inline(&big), encode::compact(&number), Some(attribute(&big, &[7; 8]))),
        ] {
            at.push(sample.object(&object));
        }
    }
    let root = sample.group(&[]);
    let bytes = sample.finish(root);
    let file = File::from_source(Source::from_bytes(bytes.clone())).unwrap();
    let mut held = Vec::new();
    for (i, &addr) in at.iter().enumerate() {
        let (found, expected) = (file.object(addr).unwrap(), alone(&file, addr).unwrap());
        let expected = format!("{expected:?}");
        assert_eq!(format!("{found:?}"), expected);
        if i % 7 == 0 {
            held.push((found, expected));
        }
    }
    for (found, expected) in held {
        assert_eq!(format!("{found:?}"), expected, "what somebody holds stays as it is");
    }
    let last = file.object(*at.last().unwrap()).unwrap();
    assert_eq!(last.attributes[0].data, [7; 8]);

    // Something like it was read before; damage is found all the same, in the data and elsewhere.
    for pair in at.windows(10).take(9) {
        let [like, .., addr] = *pair else { panic!("ten objects") };
        let object = file.object(addr).unwrap();
        let dataset = object.dataset().unwrap();
        let data = match &dataset.layout {
            Layout::Compact { offset, .. } => *offset,
            Layout::Contiguous { at, .. } => *at,
            Layout::Chunked(_) => panic!("compact or contiguous"),
        };
        for at in [data, object.header.chunks[0].offset + 12, object.header.chunks[0].checksum] {
            let mut bytes = bytes.clone();
            bytes[usize::try_from(at).unwrap()] ^= 1;
            let file = File::from_source(Source::from_bytes(bytes)).unwrap();
            file.object(like).unwrap();
            let error = file.object(addr).unwrap_err().to_string();
            assert!(error.contains("checksum"), "{error}");
        }
    }
}
