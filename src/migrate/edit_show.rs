//! Prints an edit list for people, as `--dry-run` prints it.

use super::edit::{EditList, hex};
use crate::h5::AppendedPiece;
use std::fmt;

impl fmt::Display for EditList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(f, "nothing to change in {} bytes", self.file_len());
        }
        write!(
            f,
            "{} bytes become {}: {} appended, {} replaced",
            self.file_len(),
            self.new_len(),
            self.bytes_appended(),
            self.bytes_replaced()
        )?;
        if self.append_at() < self.file_len() {
            let junk = self.file_len() - self.append_at();
            write!(f, "\n  {:#012x}  give up {junk} bytes behind the HDF5 end", self.append_at())?;
        }
        for (at, piece) in self.append().pieces() {
            let at = self.append_at().saturating_add(at);
            match piece {
                AppendedPiece::Held(bytes) => write!(f, "\n  {at:#012x}  append {}", hex(bytes))?,
                piece => {
                    let len = piece.len();
                    write!(f, "\n  {at:#012x}  append {len} bytes that are made of stored ones")?;
                }
            }
        }
        for replace in self.in_stages() {
            write!(f, "\n  {:#012x}  stage {}: {}", replace.offset, replace.stage, replace.why)?;
            write!(f, "\n                old {}", hex(&replace.old))?;
            write!(f, "\n                new {}", hex(&replace.new))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::migrate::edit::EditBuilder;

    #[test]
    fn a_dry_run_reads_well() {
        let mut edits = EditBuilder::with_junk(1000, 996);
        edits.append(&[0xab; 30]);
        edits.replace(520, [1, 2, 3], [1, 9, 3], 1, "codec type of /hydro/data");
        edits.replace(48, [0xff; 4], [0; 4], 0, "superblock: end of file");
        insta::assert_snapshot!(edits.finish().unwrap().to_string(), @r"
        1000 bytes become 1026: 30 appended, 5 replaced
          0x00000003e4  give up 4 bytes behind the HDF5 end
          0x00000003e4  append abababababababababababababababababababababababab… (30 bytes)
          0x0000000030  stage 0: superblock: end of file
                        old ffffffff
                        new 00000000
          0x0000000208  stage 1: codec type of /hydro/data
                        old 010203
                        new 010903
        ");
        insta::assert_snapshot!(EditBuilder::new(7).finish().unwrap().to_string(), @"nothing to change in 7 bytes");
    }
}
