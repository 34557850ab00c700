use super::*;
use proptest::prelude::*;

/// Whether a condition holds where the names have these values.
fn holds(text: &str, values: &[(&str, Number)]) -> bool {
    let condition = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let of = |variable: &Variable| {
        values.iter().find(|(name, _)| *name == variable.name).expect("a value").1
    };
    condition.holds(&condition.variables().iter().map(of).collect::<Vec<_>>())
}

const ROW: [(&str, Number); 5] = [
    ("level", Number::Integer(10)),
    ("rho", Number::Float(2e-3)),
    ("id", Number::Integer(9_007_199_254_740_993)),
    ("rho-", Number::Float(1.0)),
    ("bad", Number::Float(f64::NAN)),
];

#[test]
fn conditions_as_people_write_them() {
    for text in [
        "level == 10 && rho > 1e-3",
        "level==10&&rho>.001",
        "  level >= 10  ",
        "rho[nH] < 1 && rho > 0",
        "1 < level < 11 <= 11",
        "level < 5 || rho < 1e-2 && level == 10",
        "!(level < 5) && !(rho > 1)",
        "level^2 == 100 && level*level == 1e2 && level/4 == 2.5",
        "-level^2 == -100",
        "2^-1 == 0.5",
        "level - 1 - 1 == 8 && 2 - -3 == 5 && +level == 10",
        "2 + 3 * 4 == 14 && (2 + 3) * 4 == 20 && 2^3^2 == 512",
        "id == 9007199254740993 && id != 9007199254740992",
        "id > 9007199254740992.0",
        "`rho-` == 1",
        "isnan(bad) && !isfinite(bad) && bad != bad && !(bad == bad)",
        "abs(-3) == 3 && sqrt(4) == 2 && max(1, 2.5) == 2.5 && min(level, 3) == 3",
        "log10(1000) > 2.9 && log(exp(1)) > 0.99",
        "Inf > level && !(NaN < 1)",
        "level ≥ 10 && rho ≤ 1 && level ≠ 9",
        "isnan(min(bad, 1)) && isnan(max(1, bad))",
    ] {
        assert!(holds(text, &ROW), "{text}");
    }
    for text in ["level != 10", "level < 10 || rho > 1", "bad < 1", "bad >= 1", "10 < level < 12"] {
        assert!(!holds(text, &ROW), "{text}");
    }
}

#[test]
fn names_are_listed_once_with_their_units() {
    let condition =
        parse("rho > 1 && rho[nH] > 2 && rho < 3 && `mass_cl`[Msol] > vϕ_cylinder").unwrap();
    let found: Vec<_> =
        condition.variables().iter().map(|v| (v.name.as_str(), v.unit.as_deref())).collect();
    let expected =
        [("rho", None), ("rho", Some("nH")), ("mass_cl", Some("Msol")), ("vϕ_cylinder", None)];
    assert_eq!(found, expected);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, column, message) in [
        ("", 1, "a number or a name is missing, here is the end"),
        ("level", 1, "the whole is a number: compare it with something"),
        ("level = 10", 7, "compare with =="),
        ("level == ", 10, "here is the end"),
        ("level == 10 & rho > 1", 13, "write && where both must hold"),
        ("level == 10 | rho > 1", 13, "write || where one must hold"),
        ("level == 10 and rho > 1", 13, "and cannot follow here"),
        ("not level == 10", 1, "write ! for not"),
        ("(level == 10", 13, "this bracket wants ) here, not the end"),
        ("level == 10)", 12, ") cannot follow here"),
        ("level == 10 rho", 13, "rho cannot follow here"),
        ("rho[] > 1", 5, "a unit's name is missing, here is ]"),
        ("rho[nH > 1", 8, "a unit wants ] here, not >"),
        ("[nH] > 1", 1, "a unit in brackets follows a name"),
        ("3rho > 1", 1, "3r is not a number; write * to multiply"),
        ("1.2.3 > 1", 1, "is not a number"),
        (". > 1", 1, "a point without digits"),
        ("rho > 'a'", 7, "texts are not compared"),
        ("`rho > 1", 1, "this ` has no other behind it"),
        ("sin(rho) > 1", 1, "sin is not a function here; there are abs, sqrt"),
        ("max(rho) > 1", 1, "max wants 2 numbers, 1 given"),
        ("isnan() && level > 1", 1, "isnan wants 1 number, 0 given"),
        ("(rho > 1) + 2 > 3", 1, "arithmetic wants a number"),
        ("(rho > 1) == (rho > 2)", 1, "a comparison wants a number"),
        ("rho && level > 1", 1, "what stands before && is a number"),
        ("!rho", 2, "what follows ! is a number"),
        ("rho > 1 # 2", 9, "# means nothing here"),
        ("rho % 2 > 1", 5, "% is not an operator"),
    ] {
        let error = parse(text).unwrap_err();
        let told = error.to_string();
        assert!(told.contains(message), "{text}: {told}");
        assert!(told.starts_with(&format!("condition, character {column}: ")), "{text}: {told}");
    }
    let told = parse("rho > oops(1)").unwrap_err().to_string();
    assert!(told.ends_with("\n  rho > oops(1)\n        ^"), "{told}");
    assert!(!parse("rho > \u{1b}[2J").unwrap_err().to_string().contains('\u{1b}'));
}

#[test]
fn length_depth_and_size_are_bounded() {
    let deep = |n: usize| format!("{}1{} > 0", "(".repeat(n), ")".repeat(n));
    assert!(parse(&deep(60)).is_ok());
    assert!(parse(&deep(70)).unwrap_err().to_string().contains("nested more than 64 deep"));
    for sign in ["-", "!", "+"] {
        let told = parse(&format!("{}rho > 0", sign.repeat(1000))).unwrap_err().to_string();
        assert!(told.contains("deep") || told.contains("a number"), "{told}");
    }
    assert!(parse(&"2^".repeat(500)).unwrap_err().to_string().contains("deep"));
    let long = format!("{}1 > 0", "1+".repeat(600));
    assert!(parse(&long).unwrap_err().to_string().contains("more than 512 parts"));
    let longer = format!("rho > {}", "1".repeat(5000));
    assert!(parse(&longer).unwrap_err().to_string().contains("4096 are read"));
}

/// A random expression as text, with what it must come to.
#[derive(Debug, Clone)]
struct Sample {
    text: String,
    value: f64,
}

fn number() -> impl Strategy<Value = Sample> {
    let leaf = prop_oneof![
        (-1000_i32..1000).prop_map(|i| Sample { text: format!("({i})"), value: f64::from(i) }),
        (0.001_f64..1000.0).prop_map(|x| Sample { text: format!("{x:?}"), value: x }),
        Just(Sample { text: "level".to_owned(), value: 10.0 }),
        Just(Sample { text: "rho".to_owned(), value: 2e-3 }),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), 0..4_usize).prop_map(|(a, b, op)| {
                let (sign, value) = match op {
                    0 => ("+", a.value + b.value),
                    1 => ("-", a.value - b.value),
                    2 => ("*", a.value * b.value),
                    _ => ("/", a.value / b.value),
                };
                Sample { text: format!("({} {sign} {})", a.text, b.text), value }
            }),
            inner.clone().prop_map(|a| Sample { text: format!("-{}", a.text), value: -a.value }),
            inner.prop_map(|a| Sample { text: format!("abs({})", a.text), value: a.value.abs() }),
        ]
    })
}

proptest! {
    #[test]
    fn random_comparisons_come_out_as_they_should(a in number(), b in number()) {
        // Integers are exact where floats are rounded: only clear cases are decided alike.
        prop_assume!((a.value - b.value).abs() > 1e-9 * (a.value.abs() + b.value.abs()));
        prop_assume!(a.value.is_finite() && b.value.is_finite());
        let less = format!("{} < {}", a.text, b.text);
        prop_assert_eq!(holds(&less, &ROW), a.value < b.value, "{}", less);
        let both = format!("{less} && !({} >= {})", a.text, b.text);
        prop_assert_eq!(holds(&both, &ROW), a.value < b.value);
        let either = format!("{less} || {} > {}", a.text, b.text);
        prop_assert!(holds(&either, &ROW));
    }

    #[test]
    fn no_text_does_more_than_fail(text in "[-a-c0-9.eE()\\[\\]<>=!&|+*/^ ,`≤ϕ]{0,60}") {
        if let Ok(condition) = parse(&text) {
            let values = vec![Number::Integer(3); condition.variables().len()];
            condition.holds(&values);
        }
    }

    #[test]
    fn any_text_at_all_does_no_more(text in any::<String>()) {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
