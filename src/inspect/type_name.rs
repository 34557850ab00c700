//! Writes type names as people read them: `Vector{Float64}` for `Core.Array{Core.Float64,1}`.

/// More parameters or nesting than this are cut.
const MAX_DEPTH: u32 = 8;

/// The type of canonical name `canonical`, in at most `most` characters.
pub(super) fn type_name(canonical: &str, most: usize) -> String {
    let mut rest = canonical;
    let name = part(&mut rest, 0);
    match name.char_indices().nth(most) {
        // Of a long name the head says most.
        Some(_) => match name.split_once('{') {
            Some((head, _)) if head.chars().count() < most => format!("{head}{{…}}"),
            _ => name.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        },
        None => name,
    }
}

/// Takes one type or value off the front.
fn part(rest: &mut &str, depth: u32) -> String {
    let head = take_name(rest);
    let short = head.strip_prefix("Core.").or_else(|| head.strip_prefix("Base.")).unwrap_or(head);
    let Some(inside) = rest.strip_prefix('{') else { return short.to_owned() };
    *rest = inside;
    let mut parameters = Vec::new();
    while !rest.is_empty() && !rest.starts_with('}') {
        if depth >= MAX_DEPTH {
            // Deeper nesting is skipped as it stands.
            skip(rest);
            parameters.push("…".to_owned());
            break;
        }
        parameters.push(part(rest, depth + 1));
        *rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    *rest = rest.strip_prefix('}').unwrap_or(rest);
    match (short, parameters.as_slice()) {
        ("Array", [element, rank]) if rank == "1" => format!("Vector{{{element}}}"),
        ("Array", [element, rank]) if rank == "2" => format!("Matrix{{{element}}}"),
        (name, parameters) => format!("{name}{{{}}}", parameters.join(", ")),
    }
}

/// Up to the next brace or comma; what stands in parentheses is one piece.
fn take_name<'r>(rest: &mut &'r str) -> &'r str {
    let mut open = 0_u32;
    let end = rest.char_indices().find(|(_, c)| {
        match c {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            '{' | '}' | ',' => return open == 0,
            _ => {}
        }
        false
    });
    let (head, tail) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
    *rest = tail;
    head
}

/// Up to the brace that closes what is open.
fn skip(rest: &mut &str) {
    let mut open = 0_u32;
    let end = rest.char_indices().find(|(_, c)| {
        match c {
            '{' => open += 1,
            '}' if open == 0 => return true,
            '}' => open -= 1,
            _ => {}
        }
        false
    });
    *rest = rest.get(end.map_or(rest.len(), |(at, _)| at)..).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::type_name;
    use proptest::prelude::*;

    #[test]
    fn names_as_in_julia() {
        let read = |canonical| type_name(canonical, 100);
        assert_eq!(read("Core.Array{Core.Float64,1}"), "Vector{Float64}");
        assert_eq!(read("Core.Array{Core.Array{Core.UInt8,2},3}"), "Array{Matrix{UInt8}, 3}");
        assert_eq!(read("Base.Dict{Core.Any,Core.Any}"), "Dict{Any, Any}");
        assert_eq!(read("Mera.InfoType"), "Mera.InfoType");
        assert_eq!(read("Core.Tuple{}"), "Tuple{}");
        assert_eq!(
            read("Core.NamedTuple{(:a,:b),Core.Tuple{Core.Int64,Core.String}}"),
            "NamedTuple{(:a,:b), Tuple{Int64, String}}"
        );
        assert_eq!(
            type_name("Core.NamedTuple{(:a,:b),Core.Tuple{Core.Int64}}", 20),
            "NamedTuple{…}"
        );
        assert_eq!(type_name("Abcdefghij", 6), "Abcde…");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[A-C.{},()é:]{0,60}", most in 1_usize..40) {
            prop_assert!(type_name(&text, most).chars().count() <= most.max(1) + 3);
        }
    }
}
