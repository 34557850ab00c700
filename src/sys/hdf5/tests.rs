//! A real file through libhdf5, and what it must refuse.

use super::*;
use std::fs::File;
use std::path::Path;

fn library(name: &str) -> (Library, crate::h5::File) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera").join(name);
    let ours = crate::h5::File::open(&path).unwrap();
    (Library::open(&File::open(path).unwrap(), 1 << 20).unwrap(), ours)
}

#[test]
fn objects_are_found_by_name_and_read() {
    let (library, ours) = library("e4b-none/output_00021.jld2");
    let root = library.object(ours.superblock().root.0).unwrap();
    assert_eq!(root.kind(), Kind::Group);
    assert!(root.links().unwrap() > 1);
    let addr = root.linked("hydro/information/versions/merafile_version").unwrap();
    let version = library.object(addr).unwrap();
    assert_eq!(version.kind(), Kind::Dataset);
    assert_eq!(version.element().unwrap(), (TypeClass::Float, 8));
    assert_eq!(version.shape().unwrap(), Shape::Scalar);
    assert!(version.can_decode().unwrap());
    let mut bytes = [0; 8];
    version.read(&[], &[], &mut bytes).unwrap();
    assert_eq!(bytes, 1_f64.to_le_bytes());
    let t = library.object(root.linked("_types/00000001").unwrap()).unwrap();
    assert_eq!(t.kind(), Kind::Datatype);
    assert_eq!(t.element().unwrap().0, TypeClass::Compound);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (library, ours) = library("e4b-none/output_00021.jld2");
    let root = library.object(ours.superblock().root.0).unwrap();
    assert!(root.linked("nothing").unwrap_err().to_string().contains("nothing"));
    assert!(root.linked("a\0b").is_err());
    assert!(root.shape().is_err());
    assert!(root.read(&[], &[], &mut []).is_err());
    assert!(root.first_chunk().is_err());
    assert!(library.object(1).is_err());
    assert!(library.object(u64::MAX - 7).is_err());
    let addr = root.linked("hydro/information/versions/merafile_version").unwrap();
    let version = library.object(addr).unwrap();
    assert!(version.read(&[], &[], &mut [0; 7]).is_err());
    assert!(version.read(&[0], &[1], &mut [0; 8]).is_err());
    assert!(version.first_chunk().is_err());
    let nothing = tempfile::tempfile().unwrap();
    assert!(Library::open(&nothing, 1 << 20).is_err());
}
