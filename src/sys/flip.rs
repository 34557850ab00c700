//! Flips one bit of an output between writing and checking, in builds with the feature `fault`.
//!
//! `JLDCONV_FLIP` holds `OFFSET@NAME[,OFFSET@NAME...]`: in the output of each input whose file name
//! contains NAME, bit 3 of the byte at OFFSET is another one on the disk than was written. Every
//! level of checks has to notice what it promises to notice. Without the feature nothing is looked
//! at.

use std::fs::File;
use std::io;
use std::path::Path;

/// To be called when all of the output of `input` is written to `file`.
///
/// # Errors
/// What the system says of the byte, or that the variable makes no sense.
#[cfg(feature = "fault")]
pub fn here(input: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    let Some(wanted) = std::env::var_os("JLDCONV_FLIP") else { return Ok(()) };
    let wanted = wanted.to_string_lossy();
    let name = input.file_name().unwrap_or_default().to_string_lossy();
    for flip in wanted.split(',') {
        let parsed = flip.split_once('@').and_then(|(at, of)| Some((at.parse().ok()?, of)));
        let Some((at, of)) = parsed else {
            return Err(io::Error::other(format!("JLDCONV_FLIP: {flip:?} is not OFFSET@NAME")));
        };
        if name.contains(of) {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at)?;
            file.write_all_at(&[byte[0] ^ 8], at)?;
            file.sync_data()?;
        }
    }
    Ok(())
}

/// Does nothing.
///
/// # Errors
/// None.
#[cfg(not(feature = "fault"))]
pub fn here(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}
