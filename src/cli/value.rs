//! Parses values as people write them: `24GiB`, `1h30m`, `zstd:7`, `auto`.
//!
//! One reader a kind, shared by flags, environment and config file.

use crate::convert::{Chunking, Compress};
use crate::supervisor::Count;
use bytesize::ByteSize;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// Most slots or threads that make sense on one machine.
const MOST: usize = 4096;

/// A number of bytes, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().parse::<ByteSize>() {
            Ok(ByteSize(0)) => Err("it must not be zero".to_owned()),
            Ok(ByteSize(bytes)) => Ok(Self(bytes)),
            Err(_) => Err("write a size, for instance 24GiB, 500MB or 1073741824".to_owned()),
        }
    }
}

impl fmt::Display for Size {
    /// As it may be written: in the largest unit of which it is a whole number.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let whole =
            units.into_iter().find(|(bits, _)| self.0 > 0 && self.0.trailing_zeros() >= *bits);
        match whole {
            Some((bits, unit)) => write!(out, "{}{unit}", self.0 >> bits),
            None => self.0.fmt(out),
        }
    }
}

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map(Self)
            .map_err(|error| format!("{error}; write a time, for instance 60s, 10min or 1h30m"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(out)
    }
}

/// A share above 0 and at most 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().parse::<f64>() {
            Ok(share) if share > 0.0 && share <= 1.0 => Ok(Self(share)),
            _ => Err("write a share of the limit above 0 and at most 1, for instance 0.8".into()),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Where to listen, if anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(pub Option<SocketAddr>);

/// Reads an address with a port; of a port alone it is this machine's own. `true` is any free port,
/// `false` none at all.
pub(super) fn listen(text: &str) -> Result<Listen, String> {
    let own = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let text = text.trim();
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    match text {
        "true" => return Ok(Listen(Some(SocketAddr::new(own, 0)))),
        "false" => return Ok(Listen(None)),
        _ => {}
    }
    if let Ok(port) = port.parse::<u16>() {
        return Ok(Listen(Some(SocketAddr::new(own, port))));
    }
    text.parse::<SocketAddr>().map(|address| Listen(Some(address))).map_err(|_| {
        "write an address and a port, for instance 127.0.0.1:8080, or a port alone".to_owned()
    })
}

/// Reads `auto` or a number of slots or threads.
pub(super) fn count(text: &str) -> Result<Count, String> {
    if text.trim() == "auto" {
        return Ok(Count::Auto);
    }
    at_least_one(text)
        .map(Count::Exactly)
        .map_err(|_| format!("write \"auto\" or a number from 1 to {MOST}"))
}

/// Reads a number of slots or threads.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number @ 1..=MOST) => Ok(number),
        _ => Err(format!("write a number from 1 to {MOST}")),
    }
}

/// Reads a codec with its level.
pub(super) fn compress(text: &str) -> Result<Compress, String> {
    let (name, level) = match text.trim().split_once(':') {
        Some((name, level)) => (name, Some(level)),
        None => (text.trim(), None),
    };
    match (name, level) {
        ("keep", None) => Ok(Compress::Keep),
        ("lz4", None) => Ok(Compress::Lz4),
        ("lz4-frame", None) => Ok(Compress::Lz4Frame),
        ("none", None) => Ok(Compress::None),
        ("zstd", None) => Ok(Compress::Zstd(3)),
        ("zstd", Some(level)) => match level.parse() {
            Ok(level @ 1..=22) => Ok(Compress::Zstd(level)),
            _ => Err("zstd has levels 1 to 22".to_owned()),
        },
        ("deflate", None) => Ok(Compress::Deflate(6)),
        ("deflate", Some(level)) => match level.parse() {
            Ok(level @ 1..=9) => Ok(Compress::Deflate(level)),
            _ => Err("deflate has levels 1 to 9".to_owned()),
        },
        ("keep" | "lz4" | "lz4-frame" | "none", Some(_)) => Err(format!("{name} has no levels")),
        _ => Err("write keep, lz4, lz4-frame, zstd[:N], deflate[:N] or none".to_owned()),
    }
}

/// Reads how columns are cut into chunks.
pub(super) fn chunking(text: &str) -> Result<Chunking, String> {
    match text.trim() {
        "auto" => Ok(Chunking::Auto),
        "one" => Ok(Chunking::One),
        size => match size.parse::<ByteSize>() {
            Ok(ByteSize(bytes)) if Chunking::BOUNDS.contains(&bytes) => Ok(Chunking::Of(bytes)),
            _ => Err("write auto, one, or a size from 1KiB to 64MiB".to_owned()),
        },
    }
}

/// Reads the beginning of an archive's file names.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    if text.contains('/') {
        return Err("it is the beginning of a file name, without a directory".to_owned());
    }
    if text.starts_with('.') {
        return Err("files whose names begin with a dot are hidden".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes() {
        assert_eq!("24GiB".parse(), Ok(Size(24 << 30)));
        assert_eq!("500MB".parse(), Ok(Size(500_000_000)));
        assert_eq!("1.5 GiB".parse(), Ok(Size(3 << 29)));
        assert_eq!("1073741824".parse(), Ok(Size(1 << 30)));
        for text in ["24GiB", "1536MiB", "1KiB", "500000000", "3TiB"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        for bad in ["", "0", "0GiB", "-1GB", "GiB", "24 apples", "NaN"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }

    #[test]
    fn spans() {
        let span = |text: &str| text.parse::<Span>().map(|span| span.0.as_secs());
        assert_eq!(span("60s"), Ok(60));
        assert_eq!(span("10min"), Ok(600));
        assert_eq!(span("1h30m"), Ok(5400));
        insta::assert_snapshot!(
            span("60").unwrap_err(),
            @"time unit needed, for example 60sec or 60ms; write a time, for instance 60s, 10min or 1h30m"
        );
        assert!(span("").is_err());
        assert!(span("-1s").is_err());
    }

    #[test]
    fn shares() {
        assert_eq!("0.8".parse(), Ok(Share(0.8)));
        assert_eq!("1".parse(), Ok(Share(1.0)));
        for bad in ["0", "1.01", "-0.5", "NaN", "inf", "80%", ""] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }

    #[test]
    fn counts() {
        assert_eq!(count("auto"), Ok(Count::Auto));
        assert_eq!(count("8"), Ok(Count::Exactly(8)));
        for bad in ["0", "-1", "4097", "many", ""] {
            assert!(count(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn codecs() {
        assert_eq!(compress("keep"), Ok(Compress::Keep));
        assert_eq!(compress("zstd"), Ok(Compress::Zstd(3)));
        assert_eq!(compress("zstd:19"), Ok(Compress::Zstd(19)));
        assert_eq!(compress("deflate:9"), Ok(Compress::Deflate(9)));
        assert_eq!(compress("lz4-frame"), Ok(Compress::Lz4Frame));
        for bad in ["zstd:0", "zstd:23", "zstd:", "deflate:10", "lz4:1", "bzip2", "LZ4", ""] {
            assert!(compress(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn chunks() {
        assert_eq!(chunking("auto"), Ok(Chunking::Auto));
        assert_eq!(chunking("one"), Ok(Chunking::One));
        assert_eq!(chunking("4KiB"), Ok(Chunking::Of(4096)));
        assert_eq!(chunking("64MiB"), Ok(Chunking::Of(64 << 20)));
        for bad in ["", "0", "1000", "65MiB", "all", "-1"] {
            assert!(chunking(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn prefixes() {
        assert_eq!(prefix("run5_"), Ok("run5_".to_owned()));
        assert!(prefix("a/b").is_err());
        assert!(prefix(".hidden").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = text.parse::<Size>();
            let _ = text.parse::<Span>();
            let _ = text.parse::<Share>();
            let _ = (count(&text), compress(&text), chunking(&text), prefix(&text));
        }
    }
}
