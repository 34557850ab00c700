//! Files of libhdf5: superblocks and headers of old versions, symbol tables, fractal heaps, soft and
//! external links.

use crate::damaged::{Place, check, spread};
use crate::samples::hdf5;
use crate::truth::Truth;

#[test]
fn files_of_libhdf5_cut_anywhere_keep_what_is_whole() {
    for name in ["old.h5", "dense.h5"] {
        let truth = Truth::of(&hdf5(name));
        let mut kept = 0;
        for at in spread(truth.bytes.len(), 40).chain([truth.bytes.len() as u64 - 1]) {
            let report = check(&truth, name, at, None);
            kept += report["rescued"].as_array().unwrap().len();
        }
        assert!(kept > 200, "{name}: {kept}");
    }
}

#[test]
fn blocks_of_zeros_in_files_of_libhdf5_cost_what_they_hit() {
    for name in ["old.h5", "dense.h5"] {
        let truth = Truth::of(&hdf5(name));
        let len = truth.bytes.len() as u64;
        for start in (0..len).step_by(512) {
            check(&truth, name, start, Some((start + 512).min(len)));
        }
    }
}

#[test]
fn whole_files_of_libhdf5_are_left_alone() {
    for name in ["old.h5", "dense.h5"] {
        let place = Place::with(&hdf5(name));
        let (code, report) = place.rescue();
        let outcome = report["outcome"].as_str();
        assert_eq!((code, outcome), (0, Some("nothing-to-rescue")), "{name}: {report:#}");
    }
    // But for the text that JLD2 asks for in front.
    let place = Place::with(&hdf5("matlab.mat"));
    let (code, report) = place.rescue();
    assert_eq!((code, report["outcome"].as_str()), (0, Some("rescued")), "{report:#}");
}

/// Links that lead to names survive, whatever else is lost.
#[test]
fn soft_and_external_links_survive_a_rescue() {
    for (name, lost, links) in [
        ("old.h5", "/data", &[("/soft", "/many/own"), ("/nowhere", "/not/there")][..]),
        ("dense.h5", "/data", &[("/many/outside", "other.h5:/x")]),
    ] {
        let mut bytes = hdf5(name);
        let (_, report) = Place::with(&bytes).rescue();
        let known = report["rescued"].as_array().unwrap().iter().find(|it| it["path"] == lost);
        let at = usize::try_from(known.unwrap()["offset"].as_u64().unwrap()).unwrap();
        bytes[at..at + 8].fill(0xee);
        let place = Place::with(&bytes);
        let (code, report) = place.rescue();
        assert_eq!(code, 6, "{name}: {report:#}");
        let said = place.jldconv(&["dump", "out.jld2"]).stdout;
        let said = String::from_utf8(said).unwrap();
        for (link, target) in links {
            assert!(said.contains(&format!("{link} -> {target}\n")), "{name}: {said}");
        }
    }
}
