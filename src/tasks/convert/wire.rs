//! Carries what a conversion's task says between supervisor and worker: paths need not be UTF-8.

use crate::convert::publish::Existing;
use crate::convert::{Claim, FileReport, Mode, Options, Wanted};
use crate::protocol::{WireBytes, WirePath};
use crate::sys::stat::StatData;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// [`Options`] whose paths survive the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireOptions {
    options: Options,
    rules: Vec<WirePath>,
}

impl From<&Options> for WireOptions {
    fn from(options: &Options) -> Self {
        let rules = options.rules.iter().map(|rule| rule.as_path().into()).collect();
        Self { options: Options { rules: Vec::new(), ..options.clone() }, rules }
    }
}

impl From<WireOptions> for Options {
    fn from(wire: WireOptions) -> Self {
        let rules = wire.rules.into_iter().map(PathBuf::from).collect();
        Self { rules, ..wire.options }
    }
}

/// [`Existing`] whose path survives the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WireExisting {
    /// See [`Existing::Keep`].
    Keep,
    /// See [`Existing::Replace`].
    Replace(StatData),
    /// See [`Existing::SetAside`].
    SetAside(StatData, WirePath),
}

impl From<&Existing> for WireExisting {
    fn from(existing: &Existing) -> Self {
        match existing {
            Existing::Keep => Self::Keep,
            Existing::Replace(what) => Self::Replace(*what),
            Existing::SetAside { what, dir } => Self::SetAside(*what, dir.as_path().into()),
        }
    }
}

impl From<WireExisting> for Existing {
    fn from(wire: WireExisting) -> Self {
        match wire {
            WireExisting::Keep => Self::Keep,
            WireExisting::Replace(what) => Self::Replace(what),
            WireExisting::SetAside(what, dir) => Self::SetAside { what, dir: dir.into() },
        }
    }
}

/// What a worker needs to know to make an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvertOptions {
    /// How to convert: [`WireOptions`], encoded. They are the same for most jobs of a run.
    pub options: WireBytes,
    /// What may be replaced.
    pub existing: WireExisting,
    /// What an earlier attempt was about to give the output's name: if that is there, it may be
    /// replaced, too.
    pub leftover: Option<StatData>,
    /// The mode in which an output was made that is to be checked at a higher level, and made again
    /// only if it does not pass.
    pub recheck: Option<Mode>,
}

/// What a worker needs to know to find out what an output is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExamineOptions {
    /// How to convert.
    pub options: WireOptions,
    /// What to find out.
    pub wanted: Wanted,
}

/// What an attempt to make an output gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Product {
    /// An output.
    Made(FileReport),
    /// An output in the place of one that did not pass a check, and why that did not.
    Remade(FileReport, String),
    /// The output that was there passed its check.
    Held(Box<Claim>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::inplace::Earlier;
    use crate::convert::{ClaimedFile, Compress, Depth, Outcome, Recipe, Unchanged, VerifyLevel};
    use crate::migrate::Readers;
    use crate::protocol::{decode, encode_payload};
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    fn options() -> impl Strategy<Value = Options> {
        let paths = prop::collection::vec(any::<Vec<u8>>(), 0..3)
            .prop_map(|paths| paths.into_iter().map(|p| OsString::from_vec(p).into()).collect());
        (any::<String>(), paths, any::<i32>(), any::<bool>(), any::<usize>()).prop_map(
            |(target, rules, level, force, threads)| Options {
                mode: Mode::Rewrite,
                target,
                rules,
                verify: Some(VerifyLevel::Content),
                unchanged: Unchanged::Link,
                compress: Compress::Zstd(level),
                force,
                threads,
                ..Options::default()
            },
        )
    }

    prop_compose! {
        fn stat()(ino: u64, size: u64, mtime_ns: i64, ctime_ns: i64) -> StatData {
            StatData { ino, size, mtime_ns, ctime_ns }
        }
    }

    fn existing() -> impl Strategy<Value = Existing> {
        prop_oneof![
            Just(Existing::Keep),
            stat().prop_map(Existing::Replace),
            (stat(), any::<Vec<u8>>()).prop_map(|(what, dir)| Existing::SetAside {
                what,
                dir: OsString::from_vec(dir).into()
            }),
        ]
    }

    fn claim() -> impl Strategy<Value = Claim> {
        let file = || {
            (any::<String>(), stat(), any::<Option<String>>())
                .prop_map(|(path, stat, digest)| ClaimedFile { path, stat, digest })
        };
        (file(), prop::option::of(file()), options(), any::<String>()).prop_map(
            |(input, output, options, rules)| Claim {
                input,
                output,
                version: "1".into(),
                recipe: Recipe {
                    target: options.target,
                    rules,
                    mode: options.mode,
                    compress: options.compress,
                    shuffle: options.shuffle,
                    block_size: options.block_size,
                    chunk: options.chunk,
                    repack: options.repack,
                    flat_links: options.flat_links,
                    portable: options.portable,
                },
                verify: VerifyLevel::Content,
            },
        )
    }

    prop_compose! {
        fn convert()(
            options in options(), existing in existing(), leftover in prop::option::of(stat()),
            recheck in prop::option::of(Just(Mode::Rewrite)),
        ) -> ConvertOptions {
            let options = encode_payload(&WireOptions::from(&options)).unwrap();
            ConvertOptions {
                options: WireBytes(options), existing: (&existing).into(), leftover, recheck,
            }
        }
    }

    prop_compose! {
        fn examine()(options in options(), input_digest: bool, output_digest: bool)
            -> ExamineOptions
        {
            let wanted = Wanted {
                input_digest, output_digest, compare: Some(Depth::Payload),
                made: Some(Mode::Patch),
            };
            ExamineOptions { options: (&options).into(), wanted }
        }
    }

    prop_compose! {
        fn report()(
            findings: Vec<String>, bytes_in: u64, bytes_out: u64, bytes_appended: u64,
            bytes_replaced: u64, digest: Option<String>, claim in prop::option::of(claim()),
            before: Option<[u64; 3]>,
        ) -> FileReport {
            let changed_before = before.map(|[bytes_in, bytes_appended, bytes_replaced]| {
                Earlier { bytes_in, bytes_appended, bytes_replaced }
            });
            FileReport {
                outcome: Outcome::Converted, mode: Mode::Patch, findings, bytes_in, bytes_out,
                bytes_appended, bytes_replaced, verify: VerifyLevel::Structure, digest,
                claim: claim.map(Box::new), changed_before,
                readers: Readers { hdf5_2: bytes_in, ..Readers::default() },
            }
        }
    }

    fn product() -> impl Strategy<Value = Product> {
        prop_oneof![
            report().prop_map(Product::Made),
            (report(), any::<String>()).prop_map(|(report, why)| Product::Remade(report, why)),
            claim().prop_map(|claim| Product::Held(Box::new(claim))),
        ]
    }

    proptest! {
        #[test]
        fn options_and_paths_survive(options in options(), existing in existing()) {
            prop_assert_eq!(Options::from(WireOptions::from(&options)), options);
            prop_assert_eq!(Existing::from(WireExisting::from(&existing)), existing);
        }

        #[test]
        fn what_is_said_comes_over(
            convert in convert(), examine in examine(), product in product(),
        ) {
            let there = encode_payload(&convert).unwrap();
            prop_assert_eq!(decode::<ConvertOptions>(&there).unwrap(), convert);
            let there = encode_payload(&examine).unwrap();
            prop_assert_eq!(decode::<ExamineOptions>(&there).unwrap(), examine);
            let back = encode_payload(&product).unwrap();
            prop_assert_eq!(decode::<Product>(&back).unwrap(), product);
        }
    }
}
