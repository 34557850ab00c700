//! `jldconv dump`.

use super::{Stop, failed};
use jldconv::cli::DumpArgs;
use jldconv::h5::File;
use jldconv::julia::{Digest, Dumper, TypeTable, datasets};
use jldconv::supervisor::ExitCode;
use std::io::{self, BufWriter, Write as _};

pub(super) fn dump(args: &DumpArgs) -> Result<ExitCode, Stop> {
    let wrong = |error: jldconv::h5::Error| failed(format!("{}: {error}", args.file.display()));
    let file = File::open(&args.file).map_err(wrong)?;
    let types = TypeTable::new(&file);
    let mut paths = datasets(&file).map_err(wrong)?;
    if let Some(path) = &args.path {
        let path = format!("/{}", path.trim_matches('/'));
        let below = format!("{}/", path.trim_end_matches('/'));
        paths.retain(|(name, _)| *name == path || name.starts_with(&below));
        if paths.is_empty() {
            return Err(failed(format!("{}: nothing at {path}", args.file.display())));
        }
    }
    let mut out = BufWriter::new(io::stdout().lock());
    Dumper::new(&types, Digest::Sha256).all(&paths, &mut out).map_err(wrong)?;
    out.flush().map_err(failed)?;
    Ok(ExitCode::Done)
}
