//! Lists the groups and datasets of a file, with types, shapes and sizes.

use super::columns::codec;
use super::model::{NodeKind, TreeNode};
use crate::h5::{Group, Link, Object, ObjectKind, RelAddr, Result, Symbolic};
use crate::julia::{JuliaType, TypeTable};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};

/// Groups deeper than this are not entered.
const MAX_DEPTH: u32 = 64;
/// Nodes of a tree that is not asked for in full.
const MAX_NODES: usize = 10_000;

/// A node of which nothing is known yet but its name and kind.
fn bare(name: &str, kind: NodeKind) -> TreeNode {
    TreeNode {
        name: name.to_owned(),
        kind,
        bytes: 0,
        julia_type: None,
        dims: None,
        codec: None,
        target: None,
        problem: None,
        children: Vec::new(),
        omitted: 0,
    }
}

/// The path of what a group at `path` calls `name`.
pub(super) fn below(path: &str, name: &str) -> String {
    let separator = if path == "/" { "" } else { "/" };
    format!("{path}{separator}{name}")
}

/// A link that is sorted by its name; of one name, by where it stands.
struct ByName(Link);

impl Ord for ByName {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.0.name, self.0.at).cmp(&(&other.0.name, other.0.at))
    }
}

impl PartialOrd for ByName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ByName {}

/// Builds trees.
pub(super) struct Trees<'a> {
    types: &'a TypeTable<'a>,
    /// Nodes that may still be made.
    left: usize,
    /// Groups on the way from the root: one that is linked below itself would never end.
    inside: HashSet<RelAddr>,
}

impl<'a> Trees<'a> {
    /// With `full`, the committed types too, and however many nodes.
    pub(super) fn new(types: &'a TypeTable<'a>, full: bool) -> Self {
        let left = if full { usize::MAX } else { MAX_NODES };
        Self { types, left, inside: HashSet::new() }
    }

    /// The whole tree. What its nodes take, and what is amiss inside them, is filled in by
    /// [`Usage`](super::usage::Usage).
    pub(super) fn root(&mut self) -> Result<TreeNode> {
        self.node("/", "/", self.types.file().superblock().root, 0)
    }

    fn node(&mut self, name: &str, path: &str, addr: RelAddr, depth: u32) -> Result<TreeNode> {
        let object = match self.types.file().object(addr).map_err(|e| e.in_object(path)) {
            Err(error) if error.is_foreign() && depth > 0 => {
                let problem = Some(error.to_string());
                return Ok(TreeNode { problem, ..bare(name, NodeKind::Foreign) });
            }
            object => object?,
        };
        let mut node = bare(name, NodeKind::Group);
        match &object.kind {
            ObjectKind::Group(group) => self.children(&mut node, group, path, addr, depth)?,
            ObjectKind::Dataset(dataset) => {
                node.kind = NodeKind::Dataset;
                let element = self.types.element(&dataset.datatype)?;
                node.dims = self.types.julia_dims(&object, dataset)?;
                node.julia_type = Some(match &node.dims {
                    Some(dims) => {
                        JuliaType::array(self.types.element_type(&object, &element)?, dims.len())
                            .to_string()
                    }
                    None => element.julia_type().to_string(),
                });
                node.codec = codec(self.types.file(), dataset)?;
            }
            ObjectKind::Datatype(_) => {
                node.kind = NodeKind::Datatype;
                node.julia_type = Some(self.datatype(&object)?);
            }
        }
        Ok(node)
    }

    fn datatype(&self, object: &Object) -> Result<String> {
        Ok(self.types.committed(object.addr())?.julia_type.to_string())
    }

    fn children(
        &mut self,
        node: &mut TreeNode,
        group: &Group,
        path: &str,
        addr: RelAddr,
        depth: u32,
    ) -> Result<()> {
        if depth >= MAX_DEPTH || !self.inside.insert(addr) {
            node.omitted = group.len() + group.symbolic.len() as u64;
            return Ok(());
        }
        let hides_types = depth == 0 && self.left != usize::MAX;
        let (links, left_out) = self.first(group, hides_types)?;
        node.omitted += left_out;
        for link in links {
            if hides_types && link.name == "_types" {
                continue;
            }
            if self.left == 0 {
                node.omitted += 1;
                continue;
            }
            if self.left != usize::MAX {
                self.left -= 1;
            }
            let path = below(path, &link.name);
            node.children.push(self.node(&link.name, &path, link.target, depth + 1)?);
        }
        for link in &group.symbolic {
            if self.left == 0 {
                node.omitted += 1;
                continue;
            }
            if self.left != usize::MAX {
                self.left -= 1;
            }
            let kind = match link.to {
                Symbolic::Soft(_) => NodeKind::SoftLink,
                Symbolic::External { .. } => NodeKind::ExternalLink,
            };
            let target = Some(link.to.to_string());
            node.children.push(TreeNode { target, ..bare(&link.name, kind) });
        }
        if !group.symbolic.is_empty() {
            node.children.sort_by(|a, b| a.name.cmp(&b.name));
        }
        self.inside.remove(&addr);
        Ok(())
    }

    /// The links of a group by name, as many as there is room for; and how many others there are.
    fn first(&self, group: &Group, hides_types: bool) -> Result<(Vec<Link>, u64)> {
        let file = self.types.file();
        let most = self.left.saturating_add(usize::from(hides_types));
        let mut left_out = 0;
        let mut first: BinaryHeap<ByName> = BinaryHeap::new();
        for link in group.links(file) {
            let link = link?;
            let is_shown = !(hides_types && link.name == "_types");
            let last = first.peek().filter(|_| first.len() >= most);
            if most == 0 || last.is_some_and(|last| last.0.name <= link.name) {
                left_out += u64::from(is_shown);
                continue;
            }
            if last.is_some()
                && let Some(last) = first.pop()
            {
                left_out += u64::from(!(hides_types && last.0.name == "_types"));
            }
            first.push(ByName(link.into_owned()));
        }
        Ok((first.into_sorted_vec().into_iter().map(|link| link.0).collect(), left_out))
    }
}
