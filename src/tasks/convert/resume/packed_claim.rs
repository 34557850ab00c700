//! Packs claims: what many of them say is held once, and paths that are a job's own not at all.

use crate::convert::{Claim, ClaimedFile, Recipe, VerifyLevel};
use crate::supervisor::PlannedJob;
use crate::sys::stat::StatData;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// Packs claims, and knows what they have in common.
#[derive(Debug, Clone, Default)]
pub(super) struct ClaimPacker(HashSet<Arc<Common>>);

/// What a claim says that others say, too.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Common {
    version: String,
    recipe: Recipe,
    verify: VerifyLevel,
}

/// A claim of a job that whoever unpacks it knows.
#[derive(Debug, Clone)]
pub(super) struct PackedClaim {
    common: Arc<Common>,
    input: PackedFile,
    output: Option<PackedFile>,
}

/// A file of a claim.
#[derive(Debug, Clone)]
pub(super) struct PackedFile {
    /// None is the job's own.
    path: Option<Box<str>>,
    stat: StatData,
    digest: Digest,
}

/// A digest in as few bytes as it has.
#[derive(Debug, Clone)]
enum Digest {
    None,
    /// Of 32 hexadecimal digits, as ours are.
    Hex([u8; 16]),
    Text(Box<str>),
}

impl Digest {
    fn of(digest: Option<String>) -> Self {
        let Some(text) = digest else { return Self::None };
        match u128::from_str_radix(&text, 16) {
            Ok(number) if hex(number) == text => Self::Hex(number.to_le_bytes()),
            _ => Self::Text(text.into()),
        }
    }

    fn unpack(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Hex(bytes) => Some(hex(u128::from_le_bytes(*bytes))),
            Self::Text(text) => Some(text.to_string()),
        }
    }
}

fn hex(number: u128) -> String {
    format!("{number:032x}")
}

impl PackedFile {
    /// Packs `file`, which the job knows as `own`.
    pub(super) fn of(file: ClaimedFile, own: &Path) -> Self {
        let ClaimedFile { path, stat, digest } = file;
        let path = (own.to_string_lossy() != path).then(|| path.into());
        Self { path, stat, digest: Digest::of(digest) }
    }

    /// The file as it was.
    pub(super) fn unpack(&self, own: &Path) -> ClaimedFile {
        let path = self.path.as_deref().map(str::to_owned);
        ClaimedFile {
            path: path.unwrap_or_else(|| own.to_string_lossy().into_owned()),
            stat: self.stat,
            digest: self.digest.unpack(),
        }
    }
}

impl ClaimPacker {
    /// Packs a claim of `job`.
    pub(super) fn pack(&mut self, claim: Claim, job: &PlannedJob) -> Box<PackedClaim> {
        let Claim { input, output, version, recipe, verify } = claim;
        let common = Common { version, recipe, verify };
        let common = if let Some(known) = self.0.get(&common) {
            Arc::clone(known)
        } else {
            let new = Arc::new(common);
            self.0.insert(Arc::clone(&new));
            new
        };
        let input = PackedFile::of(input, &job.input);
        let output = output.map(|output| PackedFile::of(output, &job.output));
        Box::new(PackedClaim { common, input, output })
    }
}

impl PackedClaim {
    /// The claim as it was, of the same `job`.
    pub(super) fn unpack(&self, job: &PlannedJob) -> Claim {
        let Common { version, recipe, verify } = (*self.common).clone();
        let input = self.input.unpack(&job.input);
        let output = self.output.as_ref().map(|output| output.unpack(&job.output));
        Claim { input, output, version, recipe, verify }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::convert::Options;

    pub(in super::super) fn stat(ino: u64) -> StatData {
        StatData { ino, size: 1, mtime_ns: 2, ctime_ns: 3 }
    }

    pub(in super::super) fn job(number: usize) -> PlannedJob {
        PlannedJob {
            name: format!("output_{number}.jld2"),
            number: Some(number as u64),
            input: format!("/in/output_{number}.jld2").into(),
            output: format!("/out/output_{number}.jld2").into(),
            bytes: number as u64,
            mtime_ns: 0,
            obstacle: None,
        }
    }

    /// One with and without all that can be left out, different for each number.
    pub(in super::super) fn claim(number: usize) -> Claim {
        let job = job(number);
        let file = |own: &Path, elsewhere: bool| ClaimedFile {
            path: if elsewhere { "/before/x".into() } else { own.to_str().unwrap().into() },
            stat: stat(number as u64),
            digest: match number % 4 {
                0 => None,
                1 => Some(format!("{:032x}", u128::MAX - number as u128)),
                2 => Some(format!("{number:032X}A")),
                _ => Some(format!("{number:032x}")),
            },
        };
        Claim {
            input: file(&job.input, number.is_multiple_of(2)),
            output: (!number.is_multiple_of(7))
                .then(|| file(&job.output, number.is_multiple_of(4))),
            version: "1".into(),
            recipe: Recipe::of(&Options::default()).unwrap(),
            verify: [VerifyLevel::Bytes, VerifyLevel::None][number % 2],
        }
    }

    #[test]
    fn what_goes_in_comes_out() {
        let mut packer = ClaimPacker::default();
        for number in 0..30 {
            let packed = packer.pack(claim(number), &job(number));
            assert_eq!(packed.unpack(&job(number)), claim(number));
        }
        assert_eq!(packer.0.len(), 2, "what they have in common is there once");
        assert!(size_of::<PackedClaim>() <= 160, "{}", size_of::<PackedClaim>());
    }
}
