//! Finds how things stand with one output: not there, up to date, to be made again, or not ours.
//!
//! Decided from what `stat` and the journals tell. Only where these do not suffice is a question
//! asked, which a worker answers by looking into the files.

use crate::convert::{Claim, Depth, Examined, Mode, Recipe, VerifyLevel, Wanted, outputs_hold};
use crate::supervisor::journal::Claimed;
use crate::sys::stat::StatData;
use rustix::fs::FileType;
use std::path::Path;

/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;
const MICROSECOND: i64 = 1_000;

/// All that is known of one output and its input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) input_path: &'a Path,
    pub(super) input: StatData,
    /// What has the output's name.
    pub(super) output: Option<(StatData, FileType)>,
    /// What the journals say was made under that name.
    pub(super) claimed: Option<&'a Claimed>,
    /// Whether that was made of a file in the directory of this input.
    pub(super) same_dir: bool,
    /// What is asked for.
    pub(super) asked: &'a Recipe,
    /// The check that is asked for.
    pub(super) verify: VerifyLevel,
    /// The answer to an earlier question; an error is why there is none.
    pub(super) answer: Option<Result<&'a Examined, &'a str>>,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Standing {
    /// Nothing has the output's name.
    Absent,
    /// It is the output, and up to date. A claim is there if the journals do not have it like this.
    Complete { why: &'static str, bytes: u64, claim: Option<Box<Claim>> },
    /// It is this program's own, but would not be made like this any more.
    Stale { why: String, output: StatData },
    /// It is up to date, made in this mode, but passed a lower check than is asked for.
    Unchecked { made: Mode, output: StatData },
    /// It is not this program's own, or not any more.
    Conflict { why: String, what: StatData },
    /// Somebody has to look into the files.
    Ask(Wanted),
}

/// Whose an output is that is not what its input gives.
enum Whose {
    /// This program's own.
    Ours,
    /// Not, or not any more; why.
    Not(String),
}

/// What a claim's input is to the input at hand.
enum Input {
    Same,
    Changed(String),
}

impl Known<'_> {
    /// How things stand.
    pub(super) fn standing(&self) -> Standing {
        let Some((output, kind)) = self.output else { return Standing::Absent };
        if kind != FileType::RegularFile {
            return conflict(output, format!("{}, not a file", kind_name(kind)));
        }
        match self.claimed {
            Some(Claimed { claim: Some(claim), .. }) if claim.output.is_some() => {
                self.claimed(output, claim)
            }
            Some(Claimed { claim: None, bytes_out, .. }) if *bytes_out != output.size => {
                self.compared(output, None, Whose::Not(other_size(output, *bytes_out)))
            }
            Some(Claimed { claim: None, input, .. }) if self.same_dir => {
                // That version gave each output the input's time, and some file systems cut it off.
                let cut = output.mtime_ns % MICROSECOND == 0
                    && output.mtime_ns.abs_diff(input.mtime_ns) < SECOND;
                let touched = output.mtime_ns != input.mtime_ns && !cut;
                let changed = || Whose::Not("it was changed since the journal recorded it".into());
                self.compared(output, None, if touched { changed() } else { Whose::Ours })
            }
            // A claim that nothing was left here says nothing of what is here.
            Some(_) | None => {
                self.compared(output, None, Whose::Not("no journal records it".to_owned()))
            }
        }
    }

    /// Whether there is no output because none was needed.
    pub(super) fn left_out(&self) -> bool {
        let claim = self.claimed.and_then(|claimed| claimed.claim.as_ref());
        claim.is_some_and(|claim| {
            claim.output.is_none()
                && claim.input.stat == self.input
                && outputs_hold(&claim.version)
                && self.asked.missed_by(&claim.recipe).is_none()
        })
    }

    /// An output of which the journals tell all.
    fn claimed(&self, output: StatData, claim: &Claim) -> Standing {
        let Some(made) = &claim.output else { return Standing::Absent };
        let same = self.input == claim.input.stat;
        // The same file at another place, or its links or permissions changed.
        let maybe = !same && self.input.same_size_and_mtime(&claim.input.stat);
        let touched = output != made.stat;
        let mode = self.asked.missed_by(&claim.recipe).is_none().then_some(claim.recipe.mode);
        let other = |why: String| self.compared(output, mode, Whose::Not(why));
        let later = "it is no longer the output that the journal records";
        if output.size != made.stat.size {
            return other(other_size(output, made.stat.size));
        }
        if output.mtime_ns != made.stat.mtime_ns {
            return other(later.to_owned());
        }
        let mut input = if same { Input::Same } else { self.change(claim) };
        if touched || maybe {
            let wanted =
                Wanted { input_digest: maybe, output_digest: touched, compare: None, made: None };
            let examined = match self.answer {
                None => return Standing::Ask(wanted),
                // It is ours all the same: whoever makes it again will tell what is wrong.
                Some(Err(why)) if !touched && self.same_dir => {
                    let why = format!("it cannot be told whether the input changed ({why})");
                    return Standing::Stale { why, output };
                }
                Some(Err(why)) => return unknown(output, why),
                Some(Ok(examined)) => examined,
            };
            let equal =
                |a: &Option<String>, b: &Option<String>| a.is_some() && a.as_ref() == b.as_ref();
            if touched && !equal(&examined.output.digest, &made.digest) {
                return other(later.to_owned());
            }
            if maybe {
                input = if equal(&examined.input.digest, &claim.input.digest) {
                    Input::Same
                } else {
                    let what = "its metadata, under the old size and time of modification";
                    Input::Changed(format!("the input changed ({what})"))
                };
            }
        }
        if let Input::Changed(why) = input {
            if self.same_dir {
                return Standing::Stale { why, output };
            }
            return conflict(output, format!("is the output of {}", claim.input.path));
        }
        let path = self.input_path.to_string_lossy().into_owned();
        let moved = claim.input.path != path;
        let mut fresh = claim.clone();
        (fresh.input.path, fresh.input.stat) = (path, self.input);
        if let Some(made) = &mut fresh.output {
            made.stat = output;
        }
        self.up_to_date(output, fresh, touched || maybe || moved, "complete")
    }

    /// An output of which the journals do not tell all, or that is not what they tell: a run may
    /// have been killed before it could write. It is ours if it is what this input gives, made in
    /// this mode where it is known.
    fn compared(&self, output: StatData, made: Option<Mode>, whose: Whose) -> Standing {
        let retimed = output.mtime_ns != self.input.mtime_ns;
        let depth = if retimed || self.verify > VerifyLevel::Structure {
            Depth::Payload
        } else {
            Depth::Metadata
        };
        let wanted =
            Wanted { input_digest: false, output_digest: false, compare: Some(depth), made };
        let compared = match self.answer {
            None => return Standing::Ask(wanted),
            Some(Err(why)) => return unknown(output, why),
            Some(Ok(examined)) => &examined.compared,
        };
        match (compared, whose) {
            (None, _) => Standing::Ask(wanted),
            (Some(Ok(claim)), _) => {
                let why = "complete (no journal records it: compared with what its input gives)";
                self.up_to_date(output, claim.clone(), true, why)
            }
            (Some(Err(why)), Whose::Ours) => {
                let why = format!("its journal does not record what it was made of, and {why}");
                Standing::Stale { why, output }
            }
            (Some(Err(why)), Whose::Not(known)) => {
                conflict(output, format!("{known}, and it is not what its input gives: {why}"))
            }
        }
    }

    /// An output that is ours, and made of this input.
    fn up_to_date(
        &self,
        output: StatData,
        claim: Claim,
        unknown: bool,
        why: &'static str,
    ) -> Standing {
        if !outputs_hold(&claim.version) {
            let why =
                format!("made by version {}, whose outputs are known to be wrong", claim.version);
            return Standing::Stale { why, output };
        }
        if let Some(why) = self.asked.missed_by(&claim.recipe) {
            return Standing::Stale { why, output };
        }
        // A link to the input itself has nothing that could be checked.
        let link = claim.output.as_ref().is_some_and(|it| it.stat.ino == claim.input.stat.ino);
        if claim.verify < self.verify && !link {
            return Standing::Unchecked { made: claim.recipe.mode, output };
        }
        let claim = unknown.then(|| Box::new(claim));
        Standing::Complete { why, bytes: output.size, claim }
    }

    /// How the input differs from the one that was claimed.
    fn change(&self, claim: &Claim) -> Input {
        let (now, then) = (self.input, claim.input.stat);
        let what = if now.size == then.size {
            "time of modification".to_owned()
        } else {
            format!("size {} to {} bytes", then.size, now.size)
        };
        Input::Changed(format!("the input changed ({what})"))
    }
}

fn other_size(output: StatData, made: u64) -> String {
    let size = output.size;
    format!("it has {size} bytes, not the {made} of the output that the journal records")
}

fn conflict(what: StatData, why: impl Into<String>) -> Standing {
    Standing::Conflict { why: why.into(), what }
}

/// What cannot be looked into is not taken for ours.
fn unknown(what: StatData, why: &str) -> Standing {
    conflict(what, format!("it cannot be told whether it is the output: {why}"))
}

fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "is a directory",
        FileType::Symlink => "is a symbolic link",
        FileType::Fifo => "is a pipe",
        FileType::Socket => "is a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "is a device",
        FileType::RegularFile | FileType::Unknown => "is something else",
    }
}
