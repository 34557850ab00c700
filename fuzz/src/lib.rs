//! What the fuzz targets share: bounds on memory, and mutations that keep checksums right.

pub mod chunks;
pub mod cut;
pub mod memory;
pub mod mutate;
pub mod repair;
