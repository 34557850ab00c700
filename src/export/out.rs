//! Where a format goes that is not written from front to end alone.

use std::io::{Seek, Write};

/// A file in the making.
pub trait Out: Write + Seek + Send {}

impl<T: Write + Seek + Send> Out for T {}
