//! Superblocks that are not as they must be.

use crate::h5::sample::{Sample, superblock};
use crate::h5::{Checked, Checksums, File, RelAddr, Source, checksum::lookup3};

/// The error of a file whose superblock was changed, its checksum put right.
fn say(at: usize, bytes: &[u8]) -> String {
    let mut sample = Sample::new();
    let root = sample.group(&[]);
    let mut file = sample.finish(root);
    file[512 + at..512 + at + bytes.len()].copy_from_slice(bytes);
    if at < 44 {
        let sum = lookup3(&file[512..556]).to_le_bytes();
        file[556..560].copy_from_slice(&sum);
    }
    match File::from_source(Source::from_bytes(file)) {
        Ok(_) => "fine".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn each_field_is_checked() {
    assert_eq!(say(0, &[0x89]), "fine");
    assert_eq!(say(8, &[3]), "fine");
    assert!(say(8, &[0]).contains("versions in the superblock"));
    assert!(say(8, &[4]).contains("expected 0 to 3, found 4"));
    assert!(say(9, &[4]).contains("offsets of 4"));
    assert!(say(10, &[2]).contains("lengths of 2"));
    assert!(say(12, &0_u64.to_le_bytes()).contains("base address"));
    // JLD2 does not look at the extension.
    assert_eq!(say(20, &64_u64.to_le_bytes()), "fine");
    assert!(say(28, &u64::MAX.to_le_bytes()).contains("truncated"));
    assert!(say(28, &1_000_000_u64.to_le_bytes()).contains("truncated"));
    assert!(say(28, &0_u64.to_le_bytes()).contains("end of file"));
    assert!(say(28, &559_u64.to_le_bytes()).contains("end of file"));
    assert!(say(28, &560_u64.to_le_bytes()).contains("fine"));
    assert!(say(44, &[0, 0]).contains("checksum"));
    assert!(say(0, b"X").contains("superblock signature"));
}

#[test]
fn it_may_stand_elsewhere() {
    for base in [0_u64, 1024, 2048, 4096] {
        let mut bytes = vec![0; usize::try_from(base).unwrap()];
        bytes.extend(superblock(base, base + 48, RelAddr(48)));
        let file = File::from_source(Source::from_bytes(bytes)).unwrap();
        assert_eq!(file.superblock().offset, base);
        assert!(file.object(RelAddr(48)).is_err(), "the root is missing");
        assert!(file.object(RelAddr(u64::MAX)).is_err());
        assert!(file.object(RelAddr(base.wrapping_neg())).is_err());
    }
}

#[test]
fn a_user_block_that_jld2_does_not_write_is_named() {
    let say = |bytes: Vec<u8>| match File::from_source(Source::from_bytes(bytes)) {
        Ok(_) => "fine".into(),
        Err(error) => error.to_string(),
    };
    // Further behind than JLD2 looks, zero or not.
    for base in [8192_u64, 16384, 1 << 20] {
        for fill in [0, b'#'] {
            let mut bytes = vec![fill; usize::try_from(base).unwrap()];
            bytes.extend(superblock(base, base + 48, RelAddr(48)));
            let said = say(bytes);
            assert!(said.contains(&format!("a user block of {base} bytes")), "{said}");
        }
    }
    // Something was put in front of a whole file.
    let mut sample = Sample::new();
    let root = sample.group(&[]);
    let whole = sample.finish(root);
    for extra in [512, 1536, 3584] {
        let said = say([vec![b' '; extra], whole.clone()].concat());
        assert!(said.contains(&format!("a user block of {} bytes", 512 + extra)), "{said}");
        assert!(said.contains(&format!("tail -c +{}", extra + 1)), "{said}");
    }
}

#[test]
fn a_wrong_checksum_is_let_pass_where_checksums_are_ignored() {
    let mut sample = Sample::new();
    let root = sample.group(&[]);
    let mut bytes = sample.finish(root);
    for sum in [[0; 4], [1, 2, 3, 4]] {
        bytes[556..560].copy_from_slice(&sum);
        let open = |checksums| File::with_checksums(Source::from_bytes(bytes.clone()), checksums);
        // JLD2 compares this one: even a zero is no lost checksum.
        assert!(open(Checksums::Trusted).unwrap_err().is_checksum());
        assert_eq!(open(Checksums::Ignored).unwrap().superblock().checked, Checked::Wrong);
    }
}

#[test]
fn every_length_of_a_file_is_answered() {
    let mut sample = Sample::new();
    let root = sample.group(&[]);
    let whole = sample.finish(root);
    for len in 0..whole.len() {
        let opened = File::from_source(Source::from_bytes(whole[..len].to_vec()));
        assert!(opened.is_err(), "{len} bytes");
    }
}
