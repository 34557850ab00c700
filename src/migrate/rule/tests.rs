//! Tests of [`super`].

use super::*;
use crate::{
    mera::types::{Kind, layouts},
    migrate::{target::Target, userrules},
};
use proptest::prelude::*;

fn stored<'a>(names: &[&'a str]) -> Vec<Member<'a>> {
    names.iter().map(|name| Member::stored(name)).collect()
}

fn seen<'a>(type_name: &'a str, members: &'a [Member<'a>]) -> Seen<'a> {
    Seen { type_name, parameters: &[], members, places: &[], rewriting: false }
}

fn retype(rules: &str) -> Retype {
    let rules = userrules::parse(rules, "test").unwrap();
    match rules.into_iter().next().unwrap().action {
        Action::Retype(retype) => retype,
        _ => panic!("not a retype"),
    }
}

#[test]
fn fields_are_renamed_dropped_and_added() {
    let retype = retype(
        r#"
        [[rule]]
        id = "r"
        from = ["Main.Particle"]
        to = "Plasma.Ion"
        rename = { m = "mass" }
        drop = ["scratch"]
        add = [["q", { int64 = 1 }], ["species", { string = "H+" }]]
        "#,
    );
    let plan = retype.plan("Main.Particle", &stored(&["m", "scratch", "q"]), &[], None).unwrap();
    let species = Literal::String("H+".to_owned());
    let expected = [
        ("mass", FieldSource::Stored(0)),
        ("q", FieldSource::Stored(2)),
        ("species", FieldSource::Constant(&species)),
    ];
    assert_eq!(plan.fields, expected);
    assert_eq!(plan.dropped, ["scratch"]);
}

#[test]
fn every_layout_in_meras_history_becomes_todays() {
    let target = Target::builtin("mera-1.9").unwrap();
    for layout in layouts() {
        let members: Vec<_> = layout.fields.iter().map(String::as_str).collect();
        let fields = stored(&members);
        let rule = target.rule_for(&seen(&layout.name, &fields));
        let newest = match layout.kind {
            Kind::Scales => "Mera.ScalesType003",
            Kind::Units => "Mera.PhysicalUnitsType002",
        };
        let Some(rule) = rule else {
            assert_eq!(layout.name, newest);
            continue;
        };
        let Action::Retype(retype) = &rule.action else { panic!("{rule:?}") };
        assert_eq!(retype.to.as_deref(), Some(newest));
        let def = target.type_def(newest).unwrap();
        let plan = retype.plan(&layout.name, &fields, &[], Some(def)).unwrap();
        assert!(plan.fields.iter().map(|(name, _)| *name).eq(def.fields.iter().map(|f| &f.name)));
        for (name, source) in &plan.fields {
            match source {
                FieldSource::Stored(at) => assert_eq!(members[*at], *name),
                FieldSource::Computed(formula) => {
                    assert!(!members.contains(name));
                    assert!(formula.provides(name));
                    assert_eq!(formula.needs_units(), layout.kind == Kind::Scales);
                }
                _ => panic!("{name}"),
            }
        }
        let gone: Vec<_> = members
            .iter()
            .filter(|m| ["Etherm", "potential_energy_per_cell"].contains(m))
            .collect();
        assert!(plan.dropped.iter().eq(gone));
    }
}

#[test]
fn a_field_without_a_value_is_named() {
    let target = Target::builtin("mera-1.9").unwrap();
    let retype = Retype { to: Some("JLD2Lz4.Lz4Filter".to_owned()), ..Retype::default() };
    let error = retype
        .plan("A.B", &stored(&["size"]), &[], target.type_def("JLD2Lz4.Lz4Filter"))
        .unwrap_err();
    assert_eq!(error.to_string(), "no value for field \"blocksize\" of JLD2Lz4.Lz4Filter");
}

#[test]
fn conditions_hold_together() {
    let rules = userrules::parse(
        r#"
        [[rule]]
        id = "r"
        from = ["Sim.*"]
        when = { has = ["a"], lacks = ["z"], members = 2, parameter = [":*X"], at = ["/x/*"], rewriting = true }
        replace = "nothing"
        "#,
        "test",
    )
    .unwrap();
    let ab = stored(&["a", "b"]);
    let [bc, az, a, ghost] = [&["b", "c"][..], &["a", "z"], &["a"], &["a", "b", "c"]].map(stored);
    let mut one = ghost.clone();
    one[1].content = false;
    let fits = Seen {
        type_name: "Sim.Grid",
        parameters: &[":A.X", "Core.Int64"],
        members: &ab,
        places: &["/y", "/x/1"],
        rewriting: true,
    };
    assert!(rules[0].matches(&fits));
    // Fields without content have names, but are not members that count.
    assert!(rules[0].matches(&Seen { members: &one, ..fits }));
    for misfit in [
        Seen { type_name: "Sam.Grid", ..fits },
        Seen { parameters: &[], ..fits },
        Seen { parameters: &["Core.Int64", ":A.X"], ..fits },
        Seen { members: &bc, ..fits },
        Seen { members: &az, ..fits },
        Seen { members: &a, ..fits },
        Seen { members: &ghost, ..fits },
        Seen { places: &["/y"], ..fits },
        Seen { places: &[], ..fits },
        Seen { rewriting: false, ..fits },
    ] {
        assert!(!rules[0].matches(&misfit), "{misfit:?}");
    }
}

#[test]
fn formulas_give_values_by_name() {
    let units = scales::Units { length: 2.0, density: 3.0, time: 5.0, mass: 24.0 };
    assert_eq!(Formula::MeraScales.value("cm3", Some(&units)), Some(8.0));
    assert_eq!(Formula::MeraScales.value("cm3", None), None);
    assert_eq!(Formula::MeraConstants.value("hr", None), Some(3600.0));
    assert_eq!(Formula::MeraConstants.value("cm3", Some(&units)), None);
}

proptest! {
    /// Carrying a rule out and asking again finds nothing more to do.
    #[test]
    fn a_rule_is_idle_after_it_was_carried_out(stored in proptest::sample::subsequence(vec!["a", "b", "c", "d"], 1..5)) {
        let rules = "[[rule]]\nid = \"r\"\nfrom = [\"A.T\"]\nrename = { a = \"e\" }\ndrop = [\"b\"]\nadd = [[\"d\", \"nothing\"]]\n";
        let rule = userrules::parse(rules, "test").unwrap().remove(0);
        let Action::Retype(retype) = &rule.action else { panic!() };
        let before: Vec<_> = stored.iter().map(|name| Member::stored(name)).collect();
        let plan = retype.plan("A.T", &before, &[], None).unwrap();
        let after: Vec<_> = plan.fields.iter().map(|(name, _)| Member::stored(name)).collect();
        prop_assert!(rule.is_idle(&seen("A.T", &after), None));
        let idle = !stored.contains(&"a") && !stored.contains(&"b") && stored.contains(&"d");
        prop_assert_eq!(rule.is_idle(&seen("A.T", &before), None), idle);
    }
}
