//! Fill values: where they stand, and where they lead.

use crate::h5::encode::{self, NewMessage};
use crate::h5::sample::Sample;
use crate::h5::{
    Cursor, Datatype, Edge, EdgeKind, Error, Extent, File, FillValue, RelAddr, Result, Sequence,
    Source, Trace, Visitor, kind,
};
use proptest::prelude::*;

/// The body of a message of each version that defines this value.
fn defining(value: &[u8]) -> [(u8, Vec<u8>); 4] {
    let sized = |head: &[u8]| {
        let size = u32::try_from(value.len()).unwrap().to_le_bytes();
        [head, &size, value].concat()
    };
    [
        (kind::OLD_FILL_VALUE, sized(&[])),
        (kind::FILL_VALUE, sized(&[1, 2, 2, 1])),
        (kind::FILL_VALUE, sized(&[2, 1, 0, 1])),
        (kind::FILL_VALUE, sized(&[3, 0x29])),
    ]
}

fn parse(message: u8, body: &[u8]) -> Result<Option<(u64, Vec<u8>)>> {
    let mut c = Cursor::new(body, 100, "fill value");
    let value = FillValue::parse(&mut c, message == kind::OLD_FILL_VALUE)?;
    Ok(value.map(|v| (v.offset, v.bytes.to_vec())))
}

proptest! {
    #[test]
    fn values_are_read_as_written(value in prop::collection::vec(any::<u8>(), 1..100)) {
        for (message, body) in defining(&value) {
            let at = 100 + (body.len() - value.len()) as u64;
            prop_assert_eq!(parse(message, &body).unwrap(), Some((at, value.clone())));
            for cut in 0..body.len() {
                prop_assert!(parse(message, &body[..cut]).is_err() || body[0] == 3 && cut == 0);
            }
        }
    }

    #[test]
    fn any_bytes_as_a_fill_value(body in prop::collection::vec(any::<u8>(), 0..40), old in any::<bool>()) {
        let message = if old { kind::OLD_FILL_VALUE } else { kind::FILL_VALUE };
        if let Ok(Some((at, value))) = parse(message, &body) {
            prop_assert!(at + value.len() as u64 <= 100 + body.len() as u64);
        }
    }
}

#[test]
fn undefined_values_are_none() {
    assert_eq!(parse(kind::FILL_VALUE, &[3, 9]).unwrap(), None);
    assert_eq!(parse(kind::FILL_VALUE, &[2, 1, 0, 0]).unwrap(), None);
    assert_eq!(parse(kind::FILL_VALUE, &[1, 2, 2, 0, 0, 0, 0, 0]).unwrap(), None);
    assert_eq!(parse(kind::FILL_VALUE, &[1, 2, 2, 0, 0xff, 0xff, 0xff, 0xff]).unwrap(), None);
    assert_eq!(parse(kind::OLD_FILL_VALUE, &[0; 4]).unwrap(), None);
    assert!(parse(kind::FILL_VALUE, &[4, 9]).is_err());
    assert!(parse(kind::FILL_VALUE, &[3, 0x20, 0xff, 0xff, 0xff, 0x7f]).is_err());
}

#[derive(Default)]
struct Met {
    fills: Vec<RelAddr>,
    broken: Vec<String>,
    sequences: u64,
}

impl Visitor for Met {
    fn edge(&mut self, edge: Edge) -> Result<()> {
        if edge.kind == EdgeKind::FillReference {
            self.fills.push(edge.target);
        }
        Ok(())
    }

    fn broken_fill(&mut self, path: &str) {
        self.broken.push(path.to_owned());
    }

    fn sequence(&mut self, _: Sequence<'_>) -> Result<()> {
        self.sequences += 1;
        Ok(())
    }
}

/// A dataset without elements whose type leads elsewhere, and this fill value.
fn trace(message: u8, body: Vec<u8>, sample: Sample) -> std::result::Result<Met, Error> {
    let mut sample = sample;
    let record = Datatype::record([
        ("ref".into(), Datatype::reference()),
        ("list".into(), Datatype::vlen_references()),
    ]);
    let d = sample.object(&[
        NewMessage::new(message, 0, body),
        NewMessage::new(kind::DATASPACE, 0, encode::dataspace(Extent::Simple, &[0])),
        NewMessage::new(kind::DATATYPE, 1, encode::datatype(&record)),
        NewMessage::new(kind::LAYOUT, 0, encode::contiguous(RelAddr::UNDEF, 0)),
    ]);
    let root = sample.group(&[("d", d)]);
    let file = File::from_source(Source::from_bytes(sample.finish(root)))?;
    let mut met = Met::default();
    Trace::run(&file, &mut met)?;
    Ok(met)
}

#[test]
fn what_a_fill_value_leads_to_is_reached() {
    for version in 0..4 {
        let mut sample = Sample::new();
        let [one, two] = [(); 2].map(|()| sample.group(&[]));
        let heap = sample.raw(&encode::heap(&[two.0.to_le_bytes().to_vec()]));
        let mut value = one.0.to_le_bytes().to_vec();
        value.extend(1_u32.to_le_bytes());
        value.extend(heap.0.to_le_bytes());
        value.extend(1_u32.to_le_bytes());
        let (message, body) = defining(&value)[version].clone();
        let met = trace(message, body, sample).unwrap();
        assert_eq!((met.fills.as_slice(), met.sequences), ([one].as_slice(), 1));
    }
}

/// JLD2 does not look at it: all else can be read.
#[test]
fn a_fill_value_that_leads_nowhere_is_told() {
    for (target, heap, index) in
        [(7_u64, 0_u64, 0_u32), (1 << 40, 0, 0), (0, 48, 1), (0, 1 << 40, 9)]
    {
        let mut value = target.to_le_bytes().to_vec();
        value.extend(1_u32.to_le_bytes());
        value.extend(heap.to_le_bytes());
        value.extend(index.to_le_bytes());
        for (message, body) in defining(&value) {
            let met = trace(message, body, Sample::new()).unwrap();
            assert_eq!(met.broken, ["/d"]);
            assert!(met.fills.is_empty() && met.sequences == 0);
        }
    }
}

#[test]
fn a_fill_value_of_another_size_is_damage() {
    for len in [1, 23, 25, 48] {
        for (message, body) in defining(&vec![0; len]) {
            let error = trace(message, body, Sample::new()).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("fill value: expected an element"), "{error}");
        }
    }
    // Null references lead nowhere.
    for (message, body) in defining(&[0; 24]) {
        assert!(trace(message, body, Sample::new()).unwrap().fills.is_empty());
    }
}
