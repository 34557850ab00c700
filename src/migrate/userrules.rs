//! Reads a user's own rules (`--rules FILE`), described in `docs/rules.md`.

use super::error::TargetError;
use super::rule::{RawRule, Rule};
use super::versions::WrittenBy;
use serde::Deserialize;
use std::path::Path;

/// Reads a rules file.
///
/// # Errors
/// The file cannot be read, is not TOML, says something unknown, or contradicts itself; the error
/// names the file and what is wrong.
pub fn read(path: &Path) -> Result<Vec<Rule>, TargetError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| TargetError::Read { path: path.to_owned(), source })?;
    parse(&text, &path.display().to_string())
}

/// Reads the text of a rules file that is called `origin` in errors.
///
/// # Errors
/// As of [`read`].
pub fn parse(text: &str, origin: &str) -> Result<Vec<Rule>, TargetError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct RulesFile {
        /// What must hold for all of them.
        #[serde(default)]
        when: WrittenBy,
        rule: Vec<RawRule>,
    }
    let file: RulesFile = toml::from_str(text)
        .map_err(|source| TargetError::Syntax { origin: origin.to_owned(), source })?;
    let mut rules = check(file.rule, origin)?;
    rules.iter_mut().for_each(|rule| rule.when.and(&file.when));
    Ok(rules)
}

/// All rules, each sound and no two of one id.
pub(super) fn check(raw: Vec<RawRule>, origin: &str) -> Result<Vec<Rule>, TargetError> {
    let invalid = |problem| TargetError::Invalid { origin: origin.to_owned(), problem };
    let mut rules: Vec<Rule> = Vec::with_capacity(raw.len());
    for raw in raw {
        let rule = raw.check().map_err(invalid)?;
        if rules.iter().any(|other| other.id == rule.id) {
            return Err(invalid(format!("two rules are called {:?}", rule.id)));
        }
        rules.push(rule);
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::target::Target;

    /// The examples of the user's page, as they stand there.
    #[test]
    fn the_examples_in_the_docs_are_good_rules() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
        let page = std::fs::read_to_string(page).unwrap();
        let blocks: Vec<_> =
            page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert_eq!(blocks.len(), 10);
        let mut rules = parse(&blocks.join("\n"), "docs/rules.md").unwrap();
        let ids: Vec<_> = rules.drain(..).map(|rule| rule.id).collect();
        assert_eq!((ids.len(), ids[0].as_str()), (20, "particle-to-ion"));
    }

    #[test]
    fn a_bad_file_is_refused_with_its_name_and_the_reason() {
        let rule = |body: &str| format!("[[rule]]\nid = \"r\"\nfrom = [\"A.B\"]\n{body}\n");
        for (text, reason) in [
            ("rule = 1".to_owned(), "invalid type"),
            (rule("colour = \"red\""), "unknown field `colour`"),
            (rule(""), "it does nothing"),
            (rule("when = { has = [\"a\"] }"), "it does nothing"),
            (rule("when = { had = [\"a\"] }\nto = \"A.C\""), "unknown field `had`"),
            (rule("when = { at = [\"x\"] }\nto = \"A.C\""), "must begin with /"),
            (rule("to = \"C\""), "not the full name"),
            (rule("to = \"A.C\"\nreplace = \"nothing\""), "stands alone"),
            (rule("rename = { a = \"b\" }\ndrop = [\"a\"]"), "both renamed and dropped"),
            (rule("rename = { a = \"b\", c = \"b\" }"), "two fields are renamed"),
            (rule("rename = { a = \"\" }"), "renamed to nothing"),
            (rule("add = [[\"a\", { int8 = 1 }], [\"a\", { int8 = 1 }]]"), "added twice"),
            (rule("rename = { b = \"a\" }\nadd = [[\"a\", { int8 = 1 }]]"), "both added and"),
            (rule("add = [[\"a\", { int8 = 300 }]]"), "300"),
            (rule("fill = \"mera.magic\""), "mera.magic"),
            (rule("to = \"A.C\"").replace("A.B", "Int64"), "lacks its module"),
            (rule("to = \"A.C\"").replace("\"A.B\"", ""), "for no type"),
            (rule("to = \"A.C\"").replace("\"r\"", "\"a b\""), "letters, digits and hyphens"),
            (rule("drop = [\"a\"]").repeat(2), "two rules are called \"r\""),
            (rule("to = \"A.*\""), "stands for what one `*` takes"),
            (rule("to = \"A.*.*\""), "not the full name"),
            (rule("convert = { a = \"Complex\" }"), "cannot be converted to"),
            (rule("convert = { a = \"Int8\" }\nadd = [[\"a\", { int8 = 1 }]]"), "and converted"),
            (rule("compute = [[\"a\", { sum = \"b\" }]]"), "there are `copy`, `length`"),
            (rule("compute = [[\"a\", {}]]"), "one operation"),
            (rule("compute = [[\"a\", { copy = \"b\", length = \"c\" }]]"), "not of \"copy\" and"),
            (rule("compute = [[\"a\", { live = { slots = \"b\" } }]]"), "missing field `keys`"),
            (rule("to = \"A.C\"").replace("A.B", "Core.Float64"), "what Julia itself defines"),
            (rule("to = \"A.C\"").replace("A.B", "Core.*"), "what Julia itself defines"),
            (rule("when = { julia = \"1.6\" }\nto = \"A.C\""), "no bound on a version"),
            (rule("when = { jld2 = \"<0.4\" }\nto = \"A.C\""), "bounds are 0.2, 0.3 and 0.5"),
            (format!("[when]\nhas = [\"a\"]\n{}", rule("to = \"A.C\"")), "unknown field `has`"),
            (rule("compute = [[\"a\", { default = \"Main.A\" }]]"), "no default value"),
            (
                rule("compute = [[\"a\", { length = \"b\" }], [\"a\", { copy = \"b\" }]]"),
                "added twice",
            ),
            (
                rule(
                    "compute = [[\"a\", { indices = { of = \"b\", type = \"Int8\", parameter = 1 } }]]",
                ),
                "not both",
            ),
            (rule("parameters = [{ type = \"Foo\" }]"), "written in full"),
            (rule("extract = true\ndrop = [\"a\"]"), "stands alone"),
            (rule("unwrap = \"Sim\""), "not the full name"),
            (rule("unwrap = \"Main.*\"\nextract = true"), "exclude one another"),
            (rule("columns = \"A.C\"\nrows = \"A.D\""), "exclude one another"),
            (rule("columns = \"A.C\"\ndrop = [\"a\"]"), "stands alone"),
            (rule("rows = \"A.C\"\nextract = true"), "stands alone"),
            (rule("rows = \"C\""), "written in full"),
            (rule("columns = \"Core.Tuple\""), "defined by Julia itself"),
            (rule("columns = \"NamedTuple{(:a,),Tuple{Int64}}\""), "follow from the fields"),
            (rule("columns = \"A.C\"\nwhen = { at = [\"/x\"] }"), "cannot ask `at`"),
        ] {
            let error = parse(&text, "mine.toml").unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(error.starts_with("in mine.toml: "), "{error}");
        }
        let missing = read(Path::new("/nonexistent/rules.toml")).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read /nonexistent/rules.toml"), "{missing}");
    }

    #[test]
    fn rules_are_held_against_the_targets_types() {
        let add = |rules: &str| {
            let target = Target::builtin("mera-1.9").unwrap();
            target.with_rules(parse(rules, "mine.toml").unwrap(), "mine.toml")
        };
        let rule = |body: &str| format!("[[rule]]\nid = \"r\"\nfrom = [\"A.B\"]\n{body}\n");
        assert!(add(&rule("to = \"Mera.InfoType\"\nrename = { x = \"boxlen\" }")).is_ok());
        for (text, reason) in [
            (rule("to = \"Mera.InfoType\"\nrename = { x = \"box\" }"), "no field \"box\""),
            (rule("to = \"Mera.InfoType\"\nadd = [[\"box\", { int8 = 1 }]]"), "no field \"box\""),
            (rule("to = \"A.C\"\nfill = \"mera.scales\""), "needs a `to` that the target defines"),
            (rule("drop = [\"a\"]").replace("\"r\"", "\"mera-scales\""), "two rules are called"),
            (
                rule("replace = { struct = { type = \"JLD2Lz4.Lz4Filter\", fields = [] } }"),
                "JLD2Lz4.Lz4Filter has the fields",
            ),
        ] {
            let error = add(&text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
