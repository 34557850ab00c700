//! Holds what is told of a file; its JSON is what `jldconv inspect --json` prints.

use super::outlook::Outlook;
use crate::migrate::{Finding, Readers};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A Mera file: one group for each data type.
    Mera,
    /// A map that Mera saved (`savemap`).
    Meramap,
    /// A movie that Mera saved (`savemovie`).
    Meramovie,
    /// A catalogue of clumps that Mera saved.
    Meraclumps,
    /// A report that Mera saved.
    Merareport,
    /// Any other JLD2 file.
    Jld2,
    /// A file of JLD.jl, JLD2's predecessor.
    Jld1,
    /// Plain HDF5 that Mera wrote before it turned to JLD2.
    Merafile,
    /// Any other HDF5 file.
    Hdf5,
    /// A JLD2 file that is damaged or cut off.
    Damaged,
    /// Nothing of the kind.
    Unknown,
    /// It cannot be opened.
    Unreadable,
}

/// A file that could be read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Its path as it was given.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it is.
    pub kind: Kind,
    /// What it says of itself.
    pub format: Option<Format>,
    /// The HDF5 container.
    pub container: Container,
    /// The data of a Mera file, one for each data type.
    pub data: Vec<DataGroup>,
    /// What Mera's conversion noted in `convertstat`: the only record that a file is a subset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<Map<String, Value>>,
    /// The target that findings and action are about.
    pub target: String,
    /// What a reader of the target meets, the worst first.
    pub findings: Vec<Finding>,
    /// Packages that the findings are about, of which the target says nothing and could: as they are
    /// named behind it, `DataFrames@1.4`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// What readers that are built on HDF5, like h5py, cannot open: how much of it there is.
    pub readers: Readers,
    /// The same in words, with what mends it.
    pub hdf5: Vec<String>,
    /// What a conversion would do.
    pub action: Action,
    /// How it stands, and what to run.
    pub verdict: Outlook,
    /// Groups and datasets.
    pub tree: TreeNode,
}

/// A file that could not be read, or that is none of JLD2's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Its path as it was given.
    pub path: String,
    /// Its size in bytes, if that is known.
    pub bytes: Option<u64>,
    /// What it is.
    pub kind: Kind,
    /// What is wrong with it, and where.
    pub error: String,
}

/// The text in front of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Format {
    /// Format version, for instance `0.1.1`.
    pub version: String,
    /// Whether it is JLD2's text of before format 0.1.
    pub legacy: bool,
    /// The Julia that wrote it last, for instance `Julia 1.10.0 64-bit LE`.
    pub writer: String,
}

/// The HDF5 container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Container {
    /// Version of the superblock.
    pub superblock: u8,
    /// Where the superblock stands.
    pub base: u64,
    /// End of the container, counted from the start of the file.
    pub end_of_file: u64,
    /// Bytes of the file behind that end.
    pub bytes_behind: u64,
    /// Bytes that nothing refers to: what deletions and alignment left.
    pub bytes_unreachable: u64,
    /// Stored bytes of all data outside headers.
    pub bytes_data: u64,
    /// Groups.
    pub groups: u64,
    /// Datasets, linked or not.
    pub datasets: u64,
    /// Committed datatypes.
    pub types: u64,
}

/// The data of one type in a Mera file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataGroup {
    /// Name of the group: `hydro`, `gravity`, `particles`, `clumps` or `rt`.
    pub name: String,
    /// Julia type of its `data`.
    pub julia_type: String,
    /// The Mera that most likely wrote it; none if no Mera ever wrote these types.
    pub era: Option<EraGuess>,
    /// What `information/compression` says: a type's name, `false`, or nothing if it is missing.
    pub codec_object: Option<String>,
    /// Rows of its table; none if it has no table (a run without clumps).
    pub rows: Option<u64>,
    /// The table's columns.
    pub columns: Vec<ColumnInfo>,
    /// Lowest level that was loaded.
    pub lmin: Option<i64>,
    /// Highest level that was loaded.
    pub lmax: Option<i64>,
    /// Lowest level of the simulation.
    pub levelmin: Option<i64>,
    /// Highest level of the simulation.
    pub levelmax: Option<i64>,
    /// Length of the box in code units.
    pub boxlen: Option<f64>,
    /// Ranges of the box that were loaded: xmin, xmax, ymin, ymax, zmin, zmax as shares of it.
    pub ranges: Vec<f64>,
    /// Number of the simulation's output.
    pub output: Option<i64>,
    /// The simulation code.
    pub simcode: Option<String>,
    /// Time in code units.
    pub time: Option<f64>,
    /// Time in Myr, as Mera's `gettime` tells it; none where that is not a number.
    pub time_myr: Option<f64>,
    /// What the user noted.
    pub comments: Option<String>,
    /// Versions of the packages in the writer's environment.
    pub versions: BTreeMap<String, String>,
}

/// Which Mera wrote some data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EraGuess {
    /// Short name, for instance `E4b`.
    pub id: String,
    /// With the releases of that time, for instance `E4b (Mera 1.2.0 - 1.4.4)`.
    pub text: String,
    /// Others that cannot be excluded, the likeliest first.
    pub others: Vec<String>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// Julia type of its elements.
    pub julia_type: String,
    /// How many there are.
    pub rows: u64,
    /// Bytes in the file.
    pub bytes_stored: u64,
    /// Bytes in memory.
    pub bytes_logical: u64,
    /// How it is encoded, for instance `lz4 (frame)`; none if it is not.
    pub codec: Option<String>,
}

/// What a conversion would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Action {
    /// Nothing: the file is as the target wants it.
    Nothing,
    /// Change some bytes.
    Patch {
        /// Bytes behind the old end.
        bytes_appended: u64,
        /// Bytes that are replaced.
        bytes_replaced: u64,
        /// In so many places.
        places: u64,
    },
    /// Lay the file out again.
    Rewrite {
        /// Why patching is not enough.
        reason: String,
    },
    /// Nothing can be done.
    Refuse {
        /// What stands in the way.
        reason: String,
    },
}

/// A group or a dataset, or a link that leads to a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreeNode {
    /// The last part of its path; `/` for the root.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// Bytes of it and of all objects that are met through it first.
    pub bytes: u64,
    /// Julia type of its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub julia_type: Option<String>,
    /// Shape in Julia's order, of an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dims: Option<Vec<u64>>,
    /// How its own data are encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// Where a soft or external link leads: a path, or a file and a path with a colon between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What a group leads to, sorted by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<TreeNode>,
    /// Children that are left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: u64,
}

/// The kinds of [`TreeNode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// Leads to others.
    Group,
    /// Holds a value.
    Dataset,
    /// A committed datatype.
    Datatype,
    /// Something that JLD2 does not read.
    Foreign,
    /// A link to a path, which need not exist.
    SoftLink,
    /// A link to a path in another file.
    ExternalLink,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Inspection {
    /// Whether the file needs nothing, or can be brought to the target.
    pub fn is_fine(&self) -> bool {
        !matches!(self.action, Action::Refuse { .. })
    }
}
