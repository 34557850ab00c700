//! Reads JLD2 files (Julia's HDF5 subset) without Julia and without libhdf5.
//!
//! # A tour
//!
//! A [`File`] has groups and datasets by path. Arrays of numbers are read whole, in part, or in
//! windows of bounded memory, as the Rust type that they are:
//!
//! ```
//! let file = jld2::File::open("tests/data/struct_arrays.jld2")?;
//! for path in file.dataset_paths()? {
//!     println!("{path}: {}", file.dataset(&path)?.julia_type()?);
//! }
//! assert_eq!(file.dataset("plain")?.read::<i64>()?, [1, 2]);
//! # Ok::<(), jld2::Error>(())
//! ```
//!
//! Tables keep each column as an object of its own; a [`Table`] finds them by name:
//!
//! ```
//! let file = jld2::File::open("tests/data/indexed_table.jld2")?;
//! let table = file.dataset("hydro/data")?.table_in("data")?.expect("a table");
//! let rho: Vec<f64> = table.column("rho")?.read()?;
//! let first: Vec<f64> = table.column("rho")?.slice(0..10)?;
//! assert_eq!(first, rho[..10]);
//! # Ok::<(), jld2::Error>(())
//! ```
//!
//! Everything else is a [`Value`]: structs by field, dictionaries by key, tuples, strings, types,
//! and numbers of their types. Memory is bounded, by [`DEFAULT_LIMIT`] if nothing else is said:
//!
//! ```
//! let file = jld2::File::open("tests/data/dicts.jld2")?;
//! let holder = file.dataset("holder")?.value()?;
//! let dict = holder.field("d").expect("a field");
//! assert_eq!(dict.get("a").and_then(|v| v.as_i64()), Some(1));
//! # Ok::<(), jld2::Error>(())
//! ```
//!
//! What is too large for that is told to a [`Visitor`] as it is read. An [`Error`] names the path
//! and, where there is one, the byte of the file. Damaged and forged files give errors: all that
//! they say is checked, and what they may cost in memory, depth and work is bounded.
//!
//! # What is inside
//!
//! | room | what it does |
//! |---|---|
//! | [`julia`] | Julia's type system as JLD2 stores it: signatures, committed types, values |
//! | [`codec`] | filter payloads, streamed |
//! | [`h5`] | the HDF5 container; knows nothing of Julia |

#![forbid(unsafe_code)]

pub mod codec;
pub mod h5;
pub mod julia;
mod reader;

pub use h5::{Error, ErrorKind, Result};
pub use julia::{
    Array, DEFAULT_LIMIT, Dict, JuliaType, NumberArray, Numeric, Param, Scalar, Struct, Tuple,
    Value, ValueBuilder, Vector, Visitor,
};
pub use reader::{
    Attribute, CacheUsage, ChunkCache, Dataset, File, Group, Item, NumberSlice, NumberType, Rows,
    Scan, Table,
};
