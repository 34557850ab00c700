//! Copies of all sizes, and what can go wrong.

use super::stream::WINDOW;
use super::*;
use crate::sys::buffer::SIZE as PIECE;
use crate::sys::file::is_full;
use crate::sys::writeback;
use proptest::prelude::*;
use std::os::unix::fs::MetadataExt;

fn nothing(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Two files on a real disk, not in memory.
fn files() -> (File, File) {
    let file = || tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    (file(), file())
}

fn bytes(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 4096).to_le_bytes()[0] ^ seed).collect()
}

/// What a copy of `data` must tell of them.
fn sums_of(data: &[u8], method: CopyMethod) -> Vec<Stretch> {
    let mut sums = Sums::default();
    if method == CopyMethod::ReadWrite {
        sums.push(data);
    }
    sums.finish()
}

fn content(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn files_of_all_sizes_come_over() {
    let (piece, small, window) = (PIECE as u64, SMALL, WINDOW);
    for len in [0, 1, 4096, piece - 1, piece + 1, small, small + 1, window + 1, 2 * window + 5] {
        let (src, dst) = files();
        let data = bytes(usize::try_from(len).unwrap(), 1);
        src.write_all_at(&data, 0).unwrap();
        let mut told = 0;
        let mut progress = |done| {
            assert!(done >= told);
            told = done;
            ControlFlow::Continue(())
        };
        let copied = copy_and_sum(&src, &dst, len, &mut progress).unwrap();
        assert!(content(&dst) == data, "{len}");
        assert_eq!(told, len);
        assert_eq!(copied.sums, sums_of(&data, copied.method), "{len}");
    }
}

#[test]
fn only_so_much_is_copied_as_asked() {
    for len in [1000, SMALL + 1000] {
        let (src, dst) = files();
        let data = bytes(usize::try_from(len).unwrap(), 2);
        src.write_all_at(&data, 0).unwrap();
        src.write_all_at(&data, len).unwrap();
        copy_file(&src, &dst, len, &mut nothing).unwrap();
        assert!(content(&dst) == data);
    }
}

#[test]
fn a_cut_input_is_noticed() {
    for len in [1000, SMALL + 1000, 2 * WINDOW] {
        let (src, dst) = files();
        src.set_len(len - 1).unwrap();
        let error = copy_file(&src, &dst, len, &mut nothing).unwrap_err();
        let CopyError::Truncated { expected, found } = error else { panic!("{error}") };
        assert_eq!((expected, found), (len, len - 1));
    }
    // And so is one that is cut while it is read.
    let (src, dst) = files();
    src.write_all_at(&bytes(3 * PIECE, 3), 0).unwrap();
    let mut cut = |_| {
        src.set_len(PIECE as u64 + 7).unwrap();
        ControlFlow::Continue(())
    };
    let error = copy_file(&src, &dst, 3 * PIECE as u64, &mut cut).unwrap_err();
    assert!(matches!(error, CopyError::Truncated { found, .. } if found == PIECE as u64 + 7));
}

#[test]
fn it_stops_when_asked() {
    let (src, dst) = files();
    let len = 3 * SMALL;
    src.write_all_at(&bytes(usize::try_from(len).unwrap(), 4), 0).unwrap();
    let mut stop = |done| {
        if done < SMALL { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let error = copy_file(&src, &dst, len, &mut stop).unwrap_err();
    assert!(matches!(error, CopyError::Stopped { .. }), "{error}");
}

#[test]
fn a_full_disk_says_so() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (src, _) = files();
    src.write_all_at(&bytes(1000, 5), 0).unwrap();
    match copy_file(&src, &full, 1000, &mut nothing) {
        Err(CopyError::Write { source, .. }) => assert!(is_full(&source)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_cache_stays_as_it_was() {
    for (len, keep) in [(4 * WINDOW, false), (4 * WINDOW, true), (2 * SMALL, true)] {
        let (src, dst) = files();
        src.write_all_at(&bytes(usize::try_from(len).unwrap(), 6), 0).unwrap();
        src.sync_all().unwrap();
        if !writeback::is_cached(&src, 0) {
            return; // a file system that cannot tell
        }
        if !keep {
            writeback::drop_pages(&src, 0, len);
        }
        if copy_file(&src, &dst, len, &mut nothing).unwrap() != CopyMethod::ReadWrite {
            return; // nothing was read
        }
        for window in (0..len).step_by(usize::try_from(WINDOW).unwrap()) {
            let middle = window.midpoint(len.min(window + WINDOW));
            assert_eq!(writeback::is_cached(&src, middle), keep, "input at {middle}");
            assert!(!writeback::is_cached(&dst, middle), "output at {middle}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn holes_stay_holes(
        stretches in proptest::collection::vec((1_u64..40, 1_usize..3000), 0..6),
        more in 0_u64..40,
    ) {
        let (src, dst) = files();
        let (mut len, mut data) = (0, 0);
        for (hole, size) in stretches {
            len += hole << 18;
            src.write_all_at(&bytes(size << 7, 7), len).unwrap();
            len += (size as u64) << 7;
            data += (size as u64) << 7;
        }
        len += more << 18;
        src.set_len(len).unwrap();
        let Copied { method, sums } = copy_and_sum(&src, &dst, len, &mut nothing).unwrap();
        prop_assert!(content(&dst) == content(&src));
        prop_assert_eq!(sums, sums_of(&content(&src), method));
        if method == CopyMethod::ReadWrite && len > SMALL {
            dst.sync_all().unwrap();
            src.sync_all().unwrap();
            let (took, of) = (dst.metadata().unwrap().blocks(), src.metadata().unwrap().blocks());
            prop_assert!(took <= of + 2048, "{took} blocks where {of} and {data} bytes");
        }
    }
}
