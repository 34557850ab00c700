//! Prints the tree of an inspection as text.

use super::model::{NodeKind, TreeNode};
use super::type_name::type_name;
use crate::text::{bytes, tame};
use std::fmt::Write as _;

/// Children of one group, lines of a tree, and characters of a type that is not shown in full.
const CHILDREN: usize = 20;
const LINES: usize = 150;
const TYPE: usize = 48;

/// Appends the tree below `root`.
pub(super) fn tree(out: &mut String, root: &TreeNode, full: bool) {
    let mut lines = Vec::new();
    let most = if full { usize::MAX } else { CHILDREN };
    children(&mut lines, root, "", most);
    let shown = if full { lines.len() } else { lines.len().min(LINES) };
    let of = |column: fn(&Line) -> &str| {
        lines.iter().take(shown).map(|l| column(l).chars().count()).max().unwrap_or(0).min(56)
    };
    let (name, kind) = (of(|l| &l.name), of(|l| &l.kind));
    for line in lines.iter().take(shown) {
        let text = format!(
            "  {:<name$}  {:<kind$}  {:>10}  {}",
            line.name, line.kind, line.bytes, line.rest
        );
        let _ = writeln!(out, "{}", text.trim_end());
    }
    if lines.len() > shown {
        let _ = writeln!(out, "  … {} more lines; --full shows them", lines.len() - shown);
    }
}

struct Line {
    name: String,
    kind: String,
    bytes: String,
    rest: String,
}

fn children(lines: &mut Vec<Line>, node: &TreeNode, indent: &str, most: usize) {
    let hidden = node.children.len().saturating_sub(most) as u64 + node.omitted;
    let shown = node.children.len().min(most);
    for (i, child) in node.children.iter().take(shown).enumerate() {
        let last = i + 1 == shown && hidden == 0;
        let branch = if last { "└─ " } else { "├─ " };
        let slash = if child.kind == NodeKind::Group { "/" } else { "" };
        let dims = child.dims.as_ref().map_or(String::new(), |dims| {
            format!("  {}", dims.iter().map(u64::to_string).collect::<Vec<_>>().join(" x "))
        });
        lines.push(Line {
            name: format!("{indent}{branch}{}{slash}", tame(&child.name)),
            kind: match (&child.julia_type, child.kind) {
                (_, NodeKind::SoftLink | NodeKind::ExternalLink) => {
                    format!("-> {}", tame(child.target.as_deref().unwrap_or_default()))
                }
                (_, NodeKind::Foreign) => "cannot be read".to_owned(),
                (Some(t), NodeKind::Datatype) => format!("type {}", tame(&type_name(t, TYPE))),
                (Some(t), _) => format!("{}{dims}", tame(&type_name(t, TYPE))),
                (None, _) => String::new(),
            },
            bytes: if child.target.is_some() { String::new() } else { bytes(child.bytes) },
            rest: child.codec.clone().unwrap_or_default(),
        });
        let deeper = format!("{indent}{}", if last { "   " } else { "│  " });
        children(lines, child, &deeper, most);
    }
    if hidden > 0 {
        lines.push(Line {
            name: format!("{indent}└─ … {hidden} more"),
            kind: String::new(),
            bytes: String::new(),
            rest: String::new(),
        });
    }
}
