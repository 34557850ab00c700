//! What a rescue tells: what was found, kept under which name, and lost, and why.

use serde::Serialize;

/// How a rescue ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The file is whole; nothing was written.
    NothingToRescue,
    /// Everything that was found is in the output, under its own name.
    Rescued,
    /// Something is lost, in part or with its name, or may be.
    RescuedInPart,
    /// There is nothing left that could be kept; nothing was written.
    NothingLeft,
}

/// What a rescue did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The damaged file.
    pub input: String,
    /// The file that was made.
    pub output: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Size of the input in bytes.
    pub bytes_in: u64,
    /// Size of the output in bytes.
    pub bytes_out: Option<u64>,
    /// What is wrong with text and superblock, if anything is.
    pub front: Option<String>,
    /// What the scan found.
    pub found: Found,
    /// Datasets in the output, by path.
    pub rescued: Vec<Rescued>,
    /// What is lost: first what a name is left of.
    pub lost: Vec<Lost>,
    /// Groups of which names may be lost.
    pub groups_cut: Vec<GroupCut>,
    /// Whole datasets that nothing names although all names are there: what was replaced or deleted.
    /// They are left out.
    pub left_out: Vec<LeftOut>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// What the scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Object headers with their checksums.
    pub headers: u64,
    /// Signatures of object headers without.
    pub damaged_headers: u64,
    /// Global heap collections.
    pub heaps: u64,
    /// Bytes in blocks of 512 zeros.
    pub zero_bytes: u64,
}

/// What is known of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct What {
    /// Its Julia type.
    #[serde(rename = "type")]
    pub julia_type: Option<String>,
    /// Its dimensions in Julia's order, if it is an array.
    pub dims: Option<Vec<u64>>,
    /// Bytes that its data take in the file.
    pub bytes: Option<u64>,
}

/// A dataset in the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rescued {
    /// Its path in the output.
    pub path: String,
    /// Where its header stands in the input.
    pub offset: u64,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
    /// Whether its path is a new one, since no group is left that names it.
    pub renamed: bool,
    /// Where one without a name came from: the field of a lost object that referred to it, or its name
    /// in a group that is not part of the tree any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Elements that are undefined now, in it or what it refers to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undefined: Vec<UndefinedElements>,
    /// Elements of arrays in chunks that were lost and are the fill value now, in it or what it refers
    /// to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filled: Vec<Filled>,
    /// Data that may have been zeroed, in it or what it refers to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubtful: Vec<Doubtful>,
}

/// Elements of an array that were lost and are undefined now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UndefinedElements {
    /// Where the header of the array stands in the input.
    pub offset: u64,
    /// How many there are.
    pub count: u64,
    /// Elements of the array.
    pub of: u64,
    /// The numbers of the first ten, from 1.
    pub first: Vec<u64>,
}

/// Elements of an array in chunks that were lost with their chunks, and are the fill value now: zeros,
/// unless the array has another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filled {
    /// Where the header of the array stands in the input.
    pub offset: u64,
    /// The field of the object, or of what it refers to, that leads to the array, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// How many elements there are.
    pub count: u64,
    /// Elements of the array.
    pub of: u64,
    /// Chunks that are lost.
    pub chunks: u64,
    /// Chunks of the array.
    pub of_chunks: u64,
    /// All of the elements: boxes, each as the first and the last index in each dimension, from 1 and
    /// in Julia's order.
    pub rows: Vec<Vec<(u64, u64)>>,
    /// Elements that the index does not list, likewise. They are the fill value in the damaged file,
    /// too, and may be lost or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<Vec<(u64, u64)>>,
    /// Why the first of them is lost.
    pub reason: String,
}

/// Boxes of elements as people read them: `1:512, 1025:1536`, `(1:10, 5:8)`.
pub(super) fn rows_said(boxes: &[Vec<(u64, u64)>]) -> String {
    let one = |dims: &Vec<(u64, u64)>| {
        let spans: Vec<_> = dims.iter().map(|(first, last)| format!("{first}:{last}")).collect();
        if spans.len() == 1 { spans.concat() } else { format!("({})", spans.join(", ")) }
    };
    boxes.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Data that are part of a block of zeros: theirs, or somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubtful {
    /// Where the header of the object stands in the input.
    pub offset: u64,
    /// How many of its bytes are in such blocks.
    pub bytes: u64,
    /// The first of them in the input, and behind the last of those that follow at once.
    pub first: (u64, u64),
}

/// Something that is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// Its path, if a name is left.
    pub path: Option<String>,
    /// Where its header stands, or stood, in the input.
    pub offset: u64,
    /// `dataset`, `type`, `group` or `unknown`.
    pub kind: &'static str,
    /// What it is, as far as that can be told.
    #[serde(flatten)]
    pub what: What,
    /// Why.
    pub reason: String,
}

/// A group of which links may be lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupCut {
    /// Its path.
    pub path: String,
    /// Where its header stands in the input.
    pub offset: u64,
    /// Why.
    pub reason: String,
}

/// A dataset that is not in the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Where its header stands in the input.
    pub offset: u64,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
}
