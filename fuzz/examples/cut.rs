//! `cut OUT_DIR MAX_BYTES FILE...`: cuts each dataset of the files out into a file of its own.

use jldconv::h5::{File, Source};
use jldconv::julia::datasets;
use jldconv_fuzz::cut::cut;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: cut OUT_DIR MAX_BYTES FILE...";
    let out = args.next().ok_or(usage)?;
    let most: usize = args.next().ok_or(usage)?.parse()?;
    let (mut written, mut larger, mut bad) = (0, 0, 0);
    for path in args {
        let bytes = std::fs::read(&path)?;
        let stem = Path::new(&path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let listed =
            File::from_source(Source::from_bytes(bytes.clone())).and_then(|f| datasets(&f));
        let Ok(listed) = listed else {
            bad += 1;
            continue;
        };
        for (i, (name, addr)) in listed.iter().enumerate() {
            match cut(&bytes, name.trim_start_matches('/'), *addr) {
                Ok(small) if small.len() <= most => {
                    std::fs::write(Path::new(&out).join(format!("{stem}-{i}")), small)?;
                    written += 1;
                }
                Ok(_) => larger += 1,
                Err(_) => bad += 1,
            }
        }
    }
    eprintln!("{written} written, {larger} too large, {bad} damaged");
    Ok(())
}
