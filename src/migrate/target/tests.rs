//! Tests of [`super`].

use super::*;
use crate::mera::types::layouts;

fn target() -> Target {
    Target::builtin(Target::default_name()).unwrap()
}

const CODEC: &str = "CodecLz4.LZ4FrameCompressor";
const HERE: [&str; 1] = ["/hydro/information/compression"];

fn codec<'a>(type_name: &'a str, parameters: &'a [&'a str]) -> Seen<'a> {
    Seen { type_name, parameters, members: &[], places: &HERE, rewriting: false }
}

fn rule(seen: &Seen<'_>) -> Option<String> {
    target().rule_for(seen).map(|rule| rule.id.clone())
}

#[test]
fn the_types_of_the_newest_layouts_are_the_targets() {
    for name in ["Mera.ScalesType003", "Mera.PhysicalUnitsType002"] {
        let layout = layouts().iter().find(|layout| layout.name == name).unwrap();
        let target = target();
        let def = target.type_def(name).unwrap();
        assert!(def.mutable);
        assert!(def.fields.iter().map(|field| &field.name).eq(&layout.fields));
        assert!(def.fields.iter().all(|field| field.julia_type == "Core.Float64"));
    }
    assert_eq!(target().type_def("Mera.InfoType").unwrap().fields.len(), 55);
}

#[test]
fn codec_objects_are_replaced_only_where_they_say_how_a_file_is_encoded() {
    assert_eq!(rule(&codec(CODEC, &[])).as_deref(), Some("mera-codec-lz4"));
    let in_stat = Seen { places: &["/convertstat"], ..codec(CODEC, &[]) };
    assert_eq!(rule(&in_stat).as_deref(), Some("mera-codec-lz4"));
    assert_eq!(rule(&Seen { places: &["/mine"], ..codec(CODEC, &[]) }), None);

    let names = [":CodecLz4.LZ4FrameCompressor", "(:ctx,:prefs)"];
    let made_up = codec("JLD2.ReconstructedMutable", &names);
    assert_eq!(rule(&made_up).as_deref(), Some("mera-codec-leftover"));
    assert_eq!(rule(&codec("JLD2.ReconstructedMutable", &[":Main.Grid"])), None);
    let gensym = codec("JLD2.ReconstructedTypes.##LZ4FrameCompressor#312", &[]);
    assert_eq!(rule(&gensym).as_deref(), Some("mera-codec-leftover-0-4"));
}

#[test]
fn zlib_stays_and_bzip2_goes_with_its_columns() {
    assert_eq!(rule(&codec("CodecZlib.ZlibCompressor", &[])), None);
    let bzip2 = codec("CodecBzip2.Bzip2Compressor", &[]);
    assert_eq!(rule(&bzip2), None);
    let rewriting = Seen { rewriting: true, ..bzip2 };
    assert_eq!(rule(&rewriting).as_deref(), Some("mera-codec-bzip2"));
}

#[test]
fn the_version_range_becomes_what_jld2_writes_today() {
    let at = ["/hydro/information/versions/JLD2compatible_versions"];
    let seen = Seen { places: &at, ..codec("Pkg.Types.VersionRange", &[]) };
    let target = target();
    let Action::Replace(value) = &target.rule_for(&seen).unwrap().action else { panic!() };
    assert_eq!(
        value.julia_type(),
        "Core.NamedTuple{(:lower,:upper),Core.Tuple{Base.VersionNumber,Base.VersionNumber}}"
    );
}

#[test]
fn names_are_resolved_as_the_targets_session_would() {
    let target = target();
    assert!(matches!(target.resolve("Mera.InfoType"), Resolution::Defined(_)));
    assert!(matches!(target.resolve("Mera.ScalesType001"), Resolution::Defined(_)));
    assert_eq!(target.resolve("Mera.ScalesType"), Resolution::Gone);
    assert_eq!(target.resolve("Core.Array"), Resolution::Loaded);
    assert_eq!(target.resolve("JLD2.SerializedDict"), Resolution::Loaded);
    assert_eq!(target.resolve("JLD2.ReconstructedTypes.##X#1"), Resolution::Gone);
    assert_eq!(target.resolve("DataFrames.DataFrame"), Resolution::Foreign);
    assert_eq!(target.resolve("Main.Grid"), Resolution::Foreign);
    assert_eq!(target.resolve(""), Resolution::Foreign);
}

#[test]
fn filters_are_read_or_named() {
    let target = target();
    for id in [1, 2, 32004, 32015] {
        assert!(target.filter(id).unwrap().reads);
    }
    let bzip2 = target.filter(307).unwrap();
    assert!(!bzip2.reads && bzip2.why.is_some());
    assert_eq!(target.filter(32001), None);
}

#[test]
fn pointers_are_not_stored() {
    let target = target();
    let def = target.type_def(CODEC).unwrap();
    let stored: Vec<_> =
        def.fields.iter().filter(|field| field.is_stored()).map(|field| &field.name).collect();
    assert_eq!(stored, ["prefs", "header", "write_header"]);
}

#[test]
fn a_contradictory_target_is_refused() {
    let good = source::builtin("mera-1.9").unwrap();
    let refused = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        Target::parse(&good.replace(from, to), "mine").unwrap_err().to_string()
    };
    for (from, to, reason) in [
        ("title =", "tittle =", "unknown field `tittle`"),
        ("reads = false", "reads = 7", "invalid type"),
        ("default = \"lz4\"", "default = \"snappy\"", "snappy"),
        ("level = \"level\"", "level = \"size\"", "no field \"size\""),
        ("id = \"mera-constants\"", "id = \"mera-scales\"", "two rules are called"),
        ("\"Mpc\", \"kpc\",", "\"Mpc\", \"Mpc\",", "two fields are called"),
        ("field-type = \"Core.Float64\"\n", "", "has no type"),
        ("uint32 = 0x40000000", "int32 = 0x40000000", "JLD2Lz4.Lz4Filter has the fields"),
        ("[codec.objects.lz4]\nvalue", "[codec.objects.none2]\nvalue", "none2"),
        ("to = \"Mera.ScalesType003\"", "to = \"Mera.ScalesType004\"", "needs a `to`"),
    ] {
        let error = refused(from, to);
        assert!(error.contains(reason), "{to}: {error}");
    }
    let unknown = Target::builtin("mera-0.1").unwrap_err().to_string();
    assert_eq!(unknown, "there is no target \"mera-0.1\"; there are: julia-2026, mera-1.9");
}
