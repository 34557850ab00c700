//! The numbers of flags and messages of object headers.

/// Flags of an object header (HDF5 specification IV.A.1.b).
pub mod header_flag {
    /// Message heads hold the order in which attributes were created.
    pub const ORDER_TRACKED: u8 = 0x04;
    /// Attributes are indexed by that order, too.
    pub const ORDER_INDEXED: u8 = 0x08;
    /// Bounds on the number of attributes kept in the header are stored.
    pub const PHASE_CHANGE: u8 = 0x10;
    /// Times are stored.
    pub const TIMES: u8 = 0x20;
    /// What of an object does not depend on how its header is laid out.
    pub const KEPT: u8 = ORDER_TRACKED | ORDER_INDEXED | PHASE_CHANGE | TIMES;
}

/// Message types that JLD2 writes or reads (HDF5 specification IV.A.2).
pub mod kind {
    /// Filler.
    pub const NIL: u8 = 0x00;
    /// Dimensions.
    pub const DATASPACE: u8 = 0x01;
    /// How links are stored.
    pub const LINK_INFO: u8 = 0x02;
    /// Element type.
    pub const DATATYPE: u8 = 0x03;
    /// Fill value, as HDF5 before 1.6 wrote it.
    pub const OLD_FILL_VALUE: u8 = 0x04;
    /// Fill value.
    pub const FILL_VALUE: u8 = 0x05;
    /// One link of a group.
    pub const LINK: u8 = 0x06;
    /// External files.
    pub const EXTERNAL_FILES: u8 = 0x07;
    /// Where the data stand.
    pub const LAYOUT: u8 = 0x08;
    /// Sizes a group reckons with.
    pub const GROUP_INFO: u8 = 0x0a;
    /// Filter pipeline.
    pub const FILTER_PIPELINE: u8 = 0x0b;
    /// Attribute.
    pub const ATTRIBUTE: u8 = 0x0c;
    /// More messages elsewhere.
    pub const CONTINUATION: u8 = 0x10;
    /// A group of the old kind.
    pub const SYMBOL_TABLE: u8 = 0x11;
    /// Attributes stored in a fractal heap, perhaps.
    pub const ATTRIBUTE_INFO: u8 = 0x15;
    /// How many links lead to the object, if it is not one.
    pub const REFERENCE_COUNT: u8 = 0x16;
    /// The highest type that the specification knows.
    pub const LAST: u8 = 0x17;
}
