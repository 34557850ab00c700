//! Parses dataspaces (HDF5 specification IV.A.2.b).

use crate::h5::bytes::Cursor;
use crate::h5::{Error, Result};
use serde::{Deserialize, Serialize};

/// HDF5's own bound on the rank.
const MAX_RANK: u8 = 32;

/// How many elements, in which arrangement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extent {
    /// One element.
    Scalar,
    /// As many as the dimensions say.
    Simple,
    /// None.
    Null,
}

/// The shape of a dataset or an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataspace {
    /// What kind of shape.
    pub extent: Extent,
    /// The dimensions in HDF5's order, slowest first: the reverse of Julia's.
    pub dims: Vec<u64>,
    /// What the dimensions may grow to, [`UNLIMITED`](Self::UNLIMITED) or a number; `None` if they
    /// stay as they are, as JLD2's do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_dims: Option<Vec<u64>>,
}

impl Dataspace {
    /// Parses a dataspace message.
    ///
    /// # Errors
    /// If it is damaged or of an unknown version.
    pub fn parse(c: &mut Cursor<'_>) -> Result<Self> {
        let at = c.offset();
        let version = c.u8()?;
        let rank = c.u8()?;
        let flags = c.u8()?;
        let extent = match version {
            1 => {
                c.take(5)?;
                if rank == 0 { Extent::Scalar } else { Extent::Simple }
            }
            2 => match c.u8()? {
                0 => Extent::Scalar,
                1 => Extent::Simple,
                2 => Extent::Null,
                other => {
                    return Err(Error::corrupt(
                        at + 3,
                        "dataspace type",
                        "0 to 2",
                        other.to_string(),
                    ));
                }
            },
            other => {
                return Err(Error::corrupt(at, "dataspace version", "1 or 2", other.to_string()));
            }
        };
        if rank > MAX_RANK || (extent != Extent::Simple && rank != 0) {
            return Err(Error::corrupt(
                at + 1,
                "dataspace rank",
                "at most 32, and 0 unless simple",
                rank.to_string(),
            ));
        }
        let dims = (0..rank).map(|_| c.u64()).collect::<Result<Vec<_>>>()?;
        let max_dims = if flags & 1 != 0 {
            Some((0..rank).map(|_| c.u64()).collect::<Result<Vec<_>>>()?)
        } else {
            None
        };
        Ok(Self { extent, dims, max_dims })
    }

    /// A dimension that may grow without a bound.
    pub const UNLIMITED: u64 = u64::MAX;

    /// A scalar.
    pub fn scalar() -> Self {
        Self { extent: Extent::Scalar, dims: Vec::new(), max_dims: None }
    }

    /// How many elements; `None` if that overflows.
    pub fn elements(&self) -> Option<u64> {
        match self.extent {
            Extent::Null => Some(0),
            Extent::Scalar => Some(1),
            Extent::Simple => self.dims.iter().try_fold(1_u64, |n, &d| n.checked_mul(d)),
        }
    }
}
