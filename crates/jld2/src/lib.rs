//! Reads JLD2 files (Julia's HDF5 subset) without Julia and without libhdf5.
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
