//! Tells which version of Mera wrote a group of a file.
//!
//! Files carry version numbers, but those of the packages that happened to be in the writer's
//! environment, and often none of Mera. The types tell more: their names and fields, the kind of
//! codec object, and the format version in the header. A file that was appended to can hold
//! several eras, so the question is asked of each group (`hydro`, `particles`, ...) on its own.

use super::history;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::LazyLock};

/// What stands in a group's `information/compression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    /// `CodecZlib.ZlibCompressor`.
    Zlib,
    /// `CodecBzip2.Bzip2Compressor`.
    Bzip2,
    /// `CodecLz4.LZ4FrameCompressor` of CodecLz4 up to 0.4.2: its `header` is a
    /// `TranscodingStreams.Memory` within the object. Today's JLD2 warns of this one.
    Lz4FrameMemory,
    /// `CodecLz4.LZ4FrameCompressor` of CodecLz4 from 0.4.3: its `header` is a vector of bytes.
    Lz4FrameVector,
    /// `JLD2Lz4.Lz4Filter`.
    Lz4Filter,
    /// No compression: `false` or the symbol `:nothing`.
    None,
    /// Anything else: what an earlier conversion left behind, or a codec Mera never used.
    Other,
}

impl Codec {
    /// The codec of an object with this type name and these stored members.
    ///
    /// JLD2 stores no pointers; of the two LZ4 layouts only the older one stores `ctx`.
    pub fn of<S: AsRef<str>>(type_name: &str, members: &[S]) -> Self {
        match type_name {
            "CodecZlib.ZlibCompressor" => Self::Zlib,
            "CodecBzip2.Bzip2Compressor" => Self::Bzip2,
            "CodecLz4.LZ4FrameCompressor" => {
                if members.iter().any(|member| member.as_ref() == "ctx") {
                    Self::Lz4FrameMemory
                } else {
                    Self::Lz4FrameVector
                }
            }
            "JLD2Lz4.Lz4Filter" => Self::Lz4Filter,
            "Core.Bool" | "Core.Symbol" => Self::None,
            _ => Self::Other,
        }
    }

    /// Whether a user of any era could ask for it, so that it says nothing about the era.
    fn is_free_choice(self) -> bool {
        matches!(self, Self::Zlib | Self::Bzip2 | Self::None | Self::Other)
    }
}

/// What is known of a group's writer. An empty slice of fields means that the type was not found.
#[derive(Debug, Clone, Copy)]
pub struct Fingerprint<'a> {
    /// Name and fields of the type of `info.scale`.
    pub scales: (&'a str, &'a [&'a str]),
    /// Name and fields of the type of `info.constants`.
    pub units: (&'a str, &'a [&'a str]),
    /// The codec object of the group.
    pub codec: Codec,
    /// The format version in the file's header, for instance `0.1.1`. It is that of the last
    /// writer: a low one shows that no later era had its hand in the file, a high one little.
    pub header: &'a str,
}

/// A span of Mera's history with one way of writing files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Era {
    /// Short name, for instance `E4b`.
    pub id: String,
    /// First day, `YYYY-MM-DD`.
    pub since: String,
    /// Last day; none for the present.
    pub until: Option<String>,
    /// The releases of Mera in this span; none where only development versions wrote files.
    pub releases: Option<String>,
    scales: (String, usize),
    member: Option<String>,
    units: (String, usize),
    codecs: Vec<Codec>,
    header: String,
}

/// The eras in `history.toml`.
#[derive(Debug, Default, Deserialize)]
struct Eras {
    #[serde(rename = "era")]
    eras: Vec<Era>,
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.releases {
            Some(releases) => write!(f, "{} (Mera {releases})", self.id),
            None => write!(f, "{} (Mera of {})", self.id, self.since),
        }
    }
}

impl Era {
    fn admits(&self, seen: &Fingerprint<'_>) -> bool {
        let same = |(name, fields): (&str, &[&str]), of: &(String, usize)| {
            name == of.0 && fields.len() == of.1
        };
        same(seen.scales, &self.scales)
            && same(seen.units, &self.units)
            && self.member.as_deref().is_none_or(|member| seen.scales.1.contains(&member))
            && (seen.codec.is_free_choice() || self.codecs.contains(&seen.codec))
            && *self.header <= *seen.header
    }

    /// How well the hints that do not exclude an era speak for it.
    fn likeness(&self, seen: &Fingerprint<'_>) -> u8 {
        u8::from(self.codecs.first() == Some(&seen.codec)) * 2
            + u8::from(self.releases.is_some()) * 2
            + u8::from(self.header == seen.header)
    }
}

/// All eras, oldest first.
pub fn eras() -> &'static [Era] {
    static ERAS: LazyLock<Vec<Era>> = LazyLock::new(|| history::part::<Eras>().eras);
    &ERAS
}

/// The eras that could have written such a group, the likeliest first; none if Mera never did.
pub fn candidates(seen: &Fingerprint<'_>) -> Vec<&'static Era> {
    let mut found: Vec<_> = eras().iter().rev().filter(|era| era.admits(seen)).collect();
    // Stable: among equals the latest stays in front.
    found.sort_by_key(|era| std::cmp::Reverse(era.likeness(seen)));
    found
}

/// The era that most likely wrote such a group.
pub fn era(seen: &Fingerprint<'_>) -> Option<&'static Era> {
    candidates(seen).first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mera::types::{Kind, layouts};

    fn fields(kind: Kind, name: &str, count: usize, member: Option<&str>) -> Vec<&'static str> {
        layouts()
            .iter()
            .filter(|l| l.kind == kind && l.name == name && l.fields.len() == count)
            .map(|l| l.fields.iter().map(String::as_str).collect::<Vec<_>>())
            .find(|fields| member.is_none_or(|member| fields.contains(&member)))
            .unwrap()
    }

    #[test]
    fn the_embedded_eras_parse() {
        let parsed: Result<Eras, _> = toml::from_str(history::TEXT);
        assert_eq!(parsed.err().map(|error| error.to_string()), None);
    }

    #[test]
    fn each_era_is_recognised_by_what_it_wrote_by_default() {
        for era in eras() {
            let scales = fields(Kind::Scales, &era.scales.0, era.scales.1, era.member.as_deref());
            let units = fields(Kind::Units, &era.units.0, era.units.1, None);
            let seen = Fingerprint {
                scales: (&era.scales.0, &scales),
                units: (&era.units.0, &units),
                codec: era.codecs[0],
                header: &era.header,
            };
            let found = super::candidates(&seen);
            assert!(found.contains(&era), "{era} among {found:?}");
            // Ten days of April 2023 look like a release whose user asked for zlib.
            let expected = if era.id == "E4a" { "E4b" } else { &era.id };
            assert_eq!(found[0].id, expected);
        }
    }

    #[test]
    fn a_low_header_excludes_later_eras_and_a_high_one_none() {
        let scales = fields(Kind::Scales, "Mera.ScalesType001", 52, None);
        let units = fields(Kind::Units, "Mera.PhysicalUnitsType001", 24, None);
        let seen = |codec, header| {
            let seen = Fingerprint {
                scales: ("Mera.ScalesType001", &scales),
                units: ("Mera.PhysicalUnitsType001", &units),
                codec,
                header,
            };
            era(&seen).map(|era| era.id.as_str())
        };
        // A later append by JLD2 0.5 or 0.6 sets the header to 0.2.0 whoever wrote the rest.
        assert_eq!(seen(Codec::Lz4FrameMemory, "0.2.0"), Some("E4b"));
        assert_eq!(seen(Codec::Lz4FrameMemory, "0.1.1"), Some("E4b"));
        assert_eq!(seen(Codec::Lz4FrameVector, "0.1.1"), Some("E4c"));
        assert_eq!(seen(Codec::Lz4FrameVector, "0.2.0"), Some("E4d"));
        assert_eq!(seen(Codec::None, "0.1.1"), Some("E4b"));
        assert_eq!(seen(Codec::None, "0.2.0"), Some("E4d"));
        assert_eq!(seen(Codec::Lz4Filter, "0.2.0"), None);
    }

    #[test]
    fn foreign_types_belong_to_no_era() {
        let seen = Fingerprint {
            scales: ("Mera.ScalesType003", &["Mpc"]),
            units: ("Mera.PhysicalUnitsType002", &[]),
            codec: Codec::Lz4Filter,
            header: "0.2.0",
        };
        assert_eq!(era(&seen), None);
    }

    #[test]
    fn codecs_are_told_apart_by_name_and_members() {
        let name = "CodecLz4.LZ4FrameCompressor";
        let old = ["ctx", "prefs", "header", "write_header"];
        assert_eq!(Codec::of(name, &old), Codec::Lz4FrameMemory);
        assert_eq!(Codec::of(name, &old[1..]), Codec::Lz4FrameVector);
        assert_eq!(Codec::of::<&str>("Core.Bool", &[]), Codec::None);
        assert_eq!(Codec::of("JLD2.ReconstructedMutable", &old), Codec::Other);
    }
}
