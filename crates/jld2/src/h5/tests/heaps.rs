//! Heap collections.

use crate::h5::sample::Sample;
use crate::h5::{Error, File, Heap, RelAddr, Source, encode};
use proptest::collection::vec;
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<(File, Heap), Error> {
    let mut sample = Sample::new();
    let addr = sample.raw(bytes);
    let root = sample.group(&[]);
    let file = File::from_source(Source::from_bytes(sample.finish(root))).unwrap();
    let heap = Heap::read(file.source(), file.superblock(), addr)?;
    Ok((file, heap))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn objects_are_read_as_written(objects in vec(vec(any::<u8>(), 0..500), 0..60)) {
        let (file, heap) = read(&encode::heap(&objects)).unwrap();
        prop_assert_eq!(heap.objects.len(), objects.len());
        for (i, (object, written)) in (1..).zip(heap.objects.iter().zip(&objects)) {
            prop_assert_eq!(u32::from(object.index), i);
            prop_assert_eq!(heap.object(i), Some(*object));
            let bytes = file.source().read(object.offset, written.len(), "object").unwrap();
            prop_assert_eq!(&bytes, written);
            prop_assert_eq!(object.size, written.len() as u64);
        }
        prop_assert_eq!(heap.object(0), None);
        prop_assert_eq!(heap.object(u32::try_from(objects.len()).unwrap() + 1), None);
        prop_assert_eq!(heap.object(1 << 16), None);
    }

    #[test]
    fn any_bytes_as_a_heap(
        mut bytes in vec(prop_oneof![Just(0_u8), Just(1), any::<u8>()], 16..400), size in 0_u64..500,
    ) {
        bytes[..8].copy_from_slice(b"GCOL\x01\0\0\0");
        bytes[8..16].copy_from_slice(&size.to_le_bytes());
        if let Ok((file, heap)) = read(&bytes) {
            for o in &heap.objects {
                prop_assert!(o.offset + o.size <= file.superblock().end_of_file);
            }
        }
    }
}

/// A collection as libhdf5 fills it: all of `size` bytes are its own, and what is left over, if no
/// head of a free object fits, keeps whatever stood there.
fn libhdf5(objects: &[Vec<u8>], size: usize, left_over: u8) -> Vec<u8> {
    let mut out = b"GCOL\x01\0\0\0".to_vec();
    out.extend((size as u64).to_le_bytes());
    for (i, object) in (1_u16..).zip(objects) {
        out.extend(i.to_le_bytes());
        out.extend([0; 6]);
        out.extend((object.len() as u64).to_le_bytes());
        out.extend(object);
        out.resize(out.len().next_multiple_of(8), 0);
    }
    assert!(out.len() <= size);
    if size - out.len() >= 16 {
        out.extend([0; 8]);
        out.extend(((size - out.len() + 8) as u64).to_le_bytes());
    }
    out.resize(size, left_over);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn heaps_of_libhdf5_end_where_the_next_structure_begins(
        objects in vec(vec(any::<u8>(), 0..300), 0..40),
        spare in prop_oneof![Just(0_usize), Just(8), 16_usize..100],
        left_over in any::<u8>(),
        behind in vec(any::<u8>(), 0..64),
    ) {
        let used: usize = objects.iter().map(|o| 16 + o.len().next_multiple_of(8)).sum();
        let size = 16 + used + spare.next_multiple_of(8);
        let mut bytes = libhdf5(&objects, size, left_over);
        bytes.extend(&behind);
        let (file, heap) = read(&bytes).unwrap();
        prop_assert_eq!(heap.objects.len(), objects.len());
        for (object, written) in heap.objects.iter().zip(&objects) {
            let bytes = file.source().read(object.offset, written.len(), "object").unwrap();
            prop_assert_eq!(&bytes, written);
        }
        prop_assert_eq!(heap.end(), heap.offset + size as u64);
    }
}

#[test]
fn an_object_alone_in_a_heap_of_jld2_reaches_behind_the_stored_size() {
    // JLD2 makes a collection of max(object, 4096) bytes and reserves the head on top.
    for data in [4064_u64, 4072, 4080, 5000, 100_000] {
        let object = 16 + data.next_multiple_of(8);
        let size = object.max(4096);
        let mut bytes = b"GCOL\x01\0\0\0".to_vec();
        bytes.extend(size.to_le_bytes());
        bytes.extend([1, 0, 1, 0, 0, 0, 0, 0]);
        bytes.extend(data.to_le_bytes());
        bytes.resize(bytes.len() + usize::try_from(object - 16).unwrap(), b'x');
        bytes.resize(usize::try_from(16 + size).unwrap(), 0);
        let (_, heap) = read(&bytes).unwrap();
        assert_eq!(heap.object(1).map(|o| o.size), Some(data));
        assert_eq!(heap.end() - heap.offset, size.max(32 + data), "{data}");
    }
}

#[test]
fn a_heap_can_be_full() {
    let objects = vec![Vec::new(); encode::MAX_HEAP_OBJECTS];
    let (_, heap) = read(&encode::heap(&objects)).unwrap();
    assert_eq!(heap.object(65535).map(|o| o.size), Some(0));
}

#[test]
fn damage_is_told_with_its_place() {
    let good = encode::heap(&[b"abc".to_vec(), b"defghijkl".to_vec()]);
    let change = |at: usize, bytes: &[u8]| {
        let mut heap = good.clone();
        heap[at..at + bytes.len()].copy_from_slice(bytes);
        read(&heap).map(|_| ()).map_err(|e| e.to_string())
    };
    assert!(change(0, b"GCOK").unwrap_err().contains("at byte 560"));
    assert!(change(4, &[2]).is_err());
    assert!(change(8, &u64::MAX.to_le_bytes()).unwrap_err().contains("at byte 568"));
    // The second object: a falling index, a size beyond the collection.
    assert!(change(40, &[1]).unwrap_err().contains("at byte 600"));
    assert!(change(48, &5000_u64.to_le_bytes()).unwrap_err().contains("at byte 600"));
    assert!(change(48, &u64::MAX.to_le_bytes()).is_err());
    // A gap in the numbers is legal.
    assert!(change(40, &[9]).is_ok());
}

#[test]
fn sequences_are_held_against_their_heap_objects() {
    let mut sample = Sample::new();
    let heap = sample.raw(&encode::heap(&[b"abcdefgh".to_vec()]));
    let root = sample.group(&[]);
    let file = File::from_source(Source::from_bytes(sample.finish(root))).unwrap();
    let vlen = |count: u32, addr: RelAddr, index: u32| {
        let mut out = count.to_le_bytes().to_vec();
        out.extend(addr.0.to_le_bytes());
        out.extend(index.to_le_bytes());
        out
    };
    let ask = |bytes: &[u8], base: u32| file.vlen(bytes, 99, base);
    assert_eq!(ask(&vlen(8, heap, 1), 1).unwrap(), Some((592, 8)));
    assert_eq!(ask(&vlen(1, heap, 1), 8).unwrap(), Some((592, 8)));
    assert_eq!(ask(&vlen(0, RelAddr::NULL, 0), 1).unwrap(), None);
    for (bytes, base) in [
        (vlen(7, heap, 1), 1),
        (vlen(8, heap, 1), 0),
        (vlen(8, heap, 2), 1),
        (vlen(8, heap, 0x1_0001), 1),
        (vlen(8, RelAddr(0), 1), 1),
        (vlen(8, RelAddr(u64::MAX), 1), 1),
        (vlen(u32::MAX, heap, 1), u32::MAX),
        (vec![0; 15], 1),
    ] {
        assert!(ask(&bytes, base).is_err(), "{bytes:?}");
    }
}

#[test]
fn heaps_in_use_stay_remembered() {
    // More heaps than are kept; one of them is asked for again and again.
    let mut sample = Sample::new();
    let empty = vec![Vec::new(); 60_000];
    let heaps: Vec<_> = (0..8).map(|_| sample.raw(&encode::heap(&empty))).collect();
    let root = sample.group(&[]);
    let file = File::from_source(Source::from_bytes(sample.finish(root))).unwrap();
    let first = file.heap(heaps[0]).unwrap();
    for heap in &heaps {
        file.heap(*heap).unwrap();
        assert!(std::sync::Arc::ptr_eq(&first, &file.heap(heaps[0]).unwrap()));
    }
    let again = file.heap(heaps[1]).unwrap();
    assert_eq!(again.objects.len(), 60_000, "forgotten ones are read again");
}
