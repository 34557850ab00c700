//! Makes seeds for the target `chunks`: one of each dataset in chunks of small HDF5 files.
//! Usage: chunk_seeds OUT FILE...

use jldconv::h5::{Dataset, File, Object, Result, Trace, Visitor};
use jldconv_fuzz::chunks;
use std::path::Path;

struct Found(Vec<Dataset>);

impl Visitor for Found {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        self.0.extend(object.dataset().cloned());
        Ok(())
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1);
    let out = args.next().ok_or("usage: chunk_seeds OUT FILE...")?;
    let out = Path::new(&out);
    for path in args {
        let bytes = std::fs::read(&path)?;
        let mut found = Found(Vec::new());
        Trace::run(&File::open(Path::new(&path))?, &mut found)?;
        let name = Path::new(&path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for (i, dataset) in found.0.iter().enumerate() {
            if let Some(seed) = chunks::write(dataset, &bytes) {
                std::fs::write(out.join(format!("{name}-{i}")), seed)?;
            }
        }
    }
    Ok(())
}
