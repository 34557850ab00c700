//! VTK's files, taken apart as the format says; VTK itself reads them by hand (docs/export.md).

use super::setting::{E4, columns, data, export, export_in, sha256};
use std::fs;
use std::io::Read as _;
use std::path::Path;

/// Arrays of a file by name: their bytes, in the order of the file.
fn arrays(path: &Path) -> (String, Vec<(String, Vec<u8>)>) {
    let bytes = fs::read(path).unwrap();
    let mark = b"<AppendedData encoding=\"raw\">\n_";
    let at = bytes.windows(mark.len()).position(|window| window == mark).unwrap() + mark.len();
    let text = String::from_utf8(bytes[..at].to_vec()).unwrap();
    assert!(bytes.ends_with(b"\n  </AppendedData>\n</VTKFile>\n"));
    let data = &bytes[at..];
    let compressed = text.contains("vtkZLibDataCompressor");
    let mut found = Vec::new();
    for line in text.lines().filter(|line| line.contains("format=\"appended\"")) {
        let attribute = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0.to_owned()
        };
        let offset: usize = attribute("offset").parse().unwrap();
        found.push((attribute("Name"), array(&data[offset..], compressed)));
    }
    (text, found)
}

fn array(data: &[u8], compressed: bool) -> Vec<u8> {
    let number = |i: usize| {
        usize::try_from(u64::from_le_bytes(data[8 * i..8 * i + 8].try_into().unwrap())).unwrap()
    };
    if !compressed {
        return data[8..8 + number(0)].to_vec();
    }
    let (blocks, size, rest) = (number(0), number(1), number(2));
    let mut at = 8 * (3 + blocks);
    let mut all = Vec::new();
    for block in 0..blocks {
        let stored = number(3 + block);
        let before = all.len();
        flate2::read::ZlibDecoder::new(&data[at..at + stored]).read_to_end(&mut all).unwrap();
        let last = block + 1 == blocks && rest > 0;
        assert_eq!(all.len() - before, if last { rest } else { size });
        at += stored;
    }
    all
}

fn attribute(text: &str, name: &str) -> u64 {
    let (_, rest) = text.split_once(&format!("{name}=\"")).unwrap();
    rest.split_once('"').unwrap().0.parse().unwrap()
}

fn integers(bytes: &[u8]) -> Vec<i64> {
    bytes.chunks_exact(8).map(|it| i64::from_le_bytes(it.try_into().unwrap())).collect()
}

fn floats(bytes: &[u8]) -> Vec<f64> {
    bytes.chunks_exact(8).map(|it| f64::from_le_bytes(it.try_into().unwrap())).collect()
}

#[test]
fn cells_are_voxels_that_share_corners_and_have_the_columns() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (data(E4), dir.path().join("a.vtu"));
    for level in ["0", "1"] {
        let more = ["--level", level, "--unit", "x=kpc", "--force", "--discard-replaced"];
        export(&file, "hydro", "vtu", &out, &more);
        let (text, arrays) = arrays(&out);
        assert!(text.contains("Name=\"TimeValue\""), "{text}");
        let truth = columns(&file, "hydro");
        for ((name, bytes), (column, sha)) in arrays.iter().zip(&truth) {
            assert_eq!((name, &sha256(bytes)), (column, sha));
        }
        let [points, connectivity, offsets, types] = &arrays[truth.len()..] else {
            panic!("{text}")
        };
        let (cells, count) =
            (attribute(&text, "NumberOfCells"), attribute(&text, "NumberOfPoints"));
        assert_eq!(cells, 8000);
        let points = floats(&points.1);
        assert_eq!(points.len() as u64, 3 * count);
        assert!(count < 8 * cells, "corners are shared");
        let connectivity = integers(&connectivity.1);
        assert_eq!(connectivity.len() as u64, 8 * cells);
        assert!(connectivity.iter().all(|&point| (0..count.cast_signed()).contains(&point)));
        let offsets = integers(&offsets.1);
        assert!(offsets.iter().zip(1..).all(|(&end, cell)| end == 8 * cell));
        assert_eq!(types.1, vec![11; 8000]);
        // Middle and size of each cell are what its columns say.
        let column = |name: &str| {
            let at = truth.iter().position(|(column, _)| column == name).unwrap();
            let small = integers(&arrays[at].1).into_iter().map(|i| i32::try_from(i).unwrap());
            small.collect::<Vec<_>>()
        };
        let (level, places) = (column("level"), ["cx", "cy", "cz"].map(column));
        for (cell, corners) in connectivity.chunks(8).enumerate() {
            let size = 48.0 / f64::from(1 << level[cell]);
            let at = |corner: usize, axis: usize| {
                points[3 * usize::try_from(corners[corner]).unwrap() + axis]
            };
            for (axis, place) in places.iter().enumerate() {
                let (low, high) = (at(0, axis), at(7, axis));
                let middle = (f64::from(place[cell]) - 0.5) * size;
                assert!((high - low - size).abs() < 1e-9, "{cell}: {low} {high}");
                assert!((f64::midpoint(low, high) - middle).abs() < 1e-9, "{cell}: {low} {middle}");
            }
            // x runs first.
            assert!(at(1, 0) > at(0, 0) && at(1, 1).to_bits() == at(0, 1).to_bits());
        }
    }
}

#[test]
fn places_are_counted_from_the_centre() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(E4);
    let points = |name: &str, more: &[&str]| {
        let out = dir.path().join(name);
        export(&file, "hydro", "vtu", &out, &[&["--columns", "rho"], more].concat());
        floats(&arrays(&out).1[1].1)
    };
    let corner = points("corner.vtu", &[]);
    let middle = points("middle.vtu", &["--center", "bc"]);
    assert!(corner.iter().zip(&middle).all(|(a, b)| (a - 24.0 - b).abs() < 1e-12));
}

#[test]
fn particles_are_points() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (data(E4), dir.path().join("a.vtu"));
    export(&file, "particles", "vtu", &out, &["--columns", "mass,x,y,z", "--unit", "mass=Msol"]);
    let (text, arrays) = arrays(&out);
    assert!(text.contains("<PointData>") && text.contains("Name=\"mass [Msol]\""), "{text}");
    assert_eq!(attribute(&text, "NumberOfPoints"), 400);
    let place = |i: usize| floats(&arrays[i].1);
    let points = floats(&arrays[4].1);
    let told: Vec<_> = (0..400).flat_map(|i| [place(1)[i], place(2)[i], place(3)[i]]).collect();
    assert_eq!(points, told);
    assert_eq!(integers(&arrays[5].1), (0..400).collect::<Vec<_>>());
    assert_eq!(arrays[7].1, vec![1; 400]);
}

#[test]
fn what_has_no_place_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = data("small/0.6.5-zstd-arr-Int64.jld2");
    let done = export_in(dir.path(), &[path.to_str().unwrap(), "/arr", "--to", "vtu"]);
    assert_ne!(done.status.code(), Some(0));
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
}
