//! Many workers over one archive.
