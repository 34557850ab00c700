//! What is said of single types.

use super::reading::TypeReading;
use super::resolved::{Parameter, Resolved};
use super::walk::{Session, Stop};
use crate::h5::{Datatype, File, RelAddr};
use crate::julia::{Committed, Field, JuliaType, Param, TypeTable};
use crate::migrate::finding::Severity;
use crate::migrate::target::Target;
use std::path::Path;
use std::rc::Rc;

const FILE: &str = "tests/data/mera/e4b-lz4/output_00100.jld2";

fn committed(name: &str, fields: &[(&str, Datatype)]) -> Committed {
    let datatype = Datatype::record(fields.iter().map(|(n, d)| ((*n).to_owned(), d.clone())));
    let members = datatype.members().unwrap().to_vec();
    let fields = members.into_iter().map(|m| Field {
        name: m.name,
        offset: Some(m.offset),
        datatype: Some(m.datatype),
        committed: None,
    });
    Committed {
        addr: RelAddr::NULL,
        julia_type: JuliaType::plain(name),
        written_type: None,
        empty: false,
        fields: fields.collect(),
        typed_fields: false,
        is_plain: false,
        datatype: datatype.into(),
    }
}

fn resolved(session: &mut Session<'_>, t: &JuliaType) -> Rc<Resolved> {
    let mut params = Vec::new();
    for param in t.params() {
        params.push(match param {
            Param::Type(t) => Parameter::Type(resolved(session, t)),
            _ => Parameter::Value(None),
        });
    }
    session.resolved(t.name().to_owned(), params).unwrap_or_else(|_| panic!())
}

/// What is said in a session of a target, and with the user's own packages.
fn readings(c: &Committed) -> [TypeReading; 2] {
    let file = File::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)).unwrap();
    let types = TypeTable::new(&file);
    let target = Target::builtin("mera-1.9").unwrap();
    [false, true].map(|others| {
        let mut session = Session::new(&types, &target, others);
        let t = resolved(&mut session, &c.julia_type);
        match session.constructed(c, &t, &c.julia_type) {
            Ok(made) => made.reading,
            Err(Stop::File(error)) => panic!("{error}"),
            Err(Stop::Dies(_) | Stop::Limit) => panic!(),
        }
    })
}

fn reading(c: &Committed) -> TypeReading {
    let [here, _] = readings(c);
    here
}

fn scales(count: usize) -> Committed {
    let name = "Mera.ScalesType001";
    let layouts = crate::mera::types::layouts();
    let layout = layouts.iter().rfind(|l| l.name == name && l.fields.len() == count).unwrap();
    let fields: Vec<_> = layout.fields.iter().map(|f| (f.as_str(), Datatype::float64())).collect();
    committed(name, &fields)
}

#[test]
fn layouts_between_releases_are_read_with_warnings() {
    assert_eq!(reading(&scales(52)), TypeReading::default());
    let fewer = reading(&scales(50));
    assert!(fewer.reconstructed);
    assert_eq!(
        fewer.said.unwrap(),
        "saved type Mera.ScalesType001 is missing field K_mu in workspace type; reconstructing"
    );
    let more = reading(&scales(75));
    assert!(!more.reconstructed);
    let said = more.said.unwrap();
    assert!(said.contains("not present in the type in the workspace: erg_g_K, keV_cm2"), "{said}");
}

#[test]
fn types_that_are_not_there_are_told_by_where_they_could_be() {
    let gone = reading(&committed("Mera.ScalesType", &[]));
    assert_eq!(
        gone.said.as_deref().unwrap(),
        "type Mera.ScalesType does not exist in workspace; reconstructing"
    );
    assert!(gone.reconstructed && gone.severity() == Severity::Warning);
    let [here, with_packages] = readings(&committed("Main.Foo", &[]));
    assert!(here.text.unwrap().contains("load its package first"));
    assert_eq!(with_packages, TypeReading::default());
    let mut inside = committed("Base.RefValue", &[]);
    let params = vec![Param::Type(JuliaType::plain("Mera.ScalesType"))];
    inside.julia_type = JuliaType::Named { name: "Base.RefValue".into(), params };
    let said = reading(&inside).said.unwrap();
    assert_eq!(said, "some parameters could not be resolved for type Base.RefValue{…}");
    assert_eq!(reading(&committed("Dates.DateTime", &[])), TypeReading::default());
}

/// No package brings back what Julia numbered.
#[test]
fn anonymous_functions_are_never_there() {
    let [here, with_packages] = readings(&committed("Main.#3#4", &[]));
    assert_eq!(here, with_packages);
    assert!(here.text.as_deref().unwrap().contains("anonymous function"));
    assert!(!here.text.unwrap().contains("package"));
    assert_eq!(readings(&committed("Main.#f", &[]))[1], TypeReading::default());
}

#[test]
fn fields_must_fit_what_is_declared() {
    let text = ("blocksize", Datatype::vlen_string());
    let said = reading(&committed("JLD2Lz4.Lz4Filter", &[text])).said.unwrap();
    assert!(
        said.contains(
            "has field blocksize::String, but workspace type has field \
                           blocksize::UInt32"
        ),
        "{said}"
    );
    // Numbers convert, and behind a reference can be anything.
    for fits in [Datatype::float64(), Datatype::reference()] {
        let c = committed("JLD2Lz4.Lz4Filter", &[("blocksize", fits)]);
        assert_eq!(reading(&c), TypeReading::default());
    }
}
