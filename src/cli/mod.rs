//! Command lines: argument types, config file, environment; no logic.

mod flags;
mod resolve;
mod source;
mod value;

pub use flags::{BatchFlags, ConversionFlags, Layer};
pub use resolve::{DEFAULT_PREFIX, Run, UsageError, View, options, resolve};
pub use source::{CONFIG_FILE, FromEnv, Said, SourceError, from_env, from_file};
pub use value::{Share, Size, Span};
