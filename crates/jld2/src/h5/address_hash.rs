//! Maps by address that are quick.
//!
//! A file of a few kilobytes has hundreds of objects, each of which is looked up several times: the
//! hash of the standard library, made for keys of any length, took a twentieth of a conversion.
//! foldhash takes one multiplication for an address, with a key of its own for each map, so that a
//! file cannot be forged whose addresses all fall together.

use super::RelAddr;
use std::collections::HashMap;

/// Something by address.
pub type AddressHashMap<V> = HashMap<RelAddr, V, foldhash::fast::RandomState>;
