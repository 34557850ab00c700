//! Random graphs of objects, written by the project's own builder behind real files: whatever
//! refers to whatever, once or often, in circles or not, reads the same after any rewrite.

use crate::graph_file::{self, Types, dump};
use jldconv::convert::{Compress, Converter, Job, Options, Outcome, Silent, VerifyLevel};
use jldconv::h5::{Datatype, Extent, RelAddr};
use jldconv::julia::JuliaType;
use jldconv::julia::builder::{Build, Data, FieldStyle, NewField, ObjectRef};
use proptest::prelude::*;
use proptest::sample::select;
use std::fs;
use std::path::{Path, PathBuf};

/// An object; numbers are places in the list of all.
#[derive(Debug, Clone)]
enum Node {
    Int(i64),
    Text(String),
    /// A column: rows, and what its numbers are made from.
    Column(usize, u64),
    /// A matrix of Int32 with these dimensions.
    Matrix(u64, u64),
    /// A `Vector{Any}`.
    Anything(Vec<usize>),
    /// An instance of a committed type: a number, a reference, a string.
    Instance(i64, usize, String),
    /// A group; links to earlier objects only, for groups form no circles.
    Group(Vec<usize>),
}

fn node() -> impl Strategy<Value = Node> {
    let text = "[a-zäλ☃ ]{0,40}";
    prop_oneof![
        any::<i64>().prop_map(Node::Int),
        text.prop_map(Node::Text),
        (0..30_000_usize, any::<u64>()).prop_map(|(rows, seed)| Node::Column(rows, seed)),
        (0..20_u64, 0..20_u64).prop_map(|(a, b)| Node::Matrix(a, b)),
        prop::collection::vec(any::<usize>(), 0..1500).prop_map(Node::Anything),
        (any::<i64>(), any::<usize>(), text).prop_map(|(a, b, c)| Node::Instance(a, b, c)),
        prop::collection::vec(any::<usize>(), 0..12).prop_map(Node::Group),
    ]
}

/// Builds `nodes`, which refer to `all`; gives them.
fn build(build: &mut Build<'_>, nodes: &[Node], all: &[ObjectRef]) -> Vec<ObjectRef> {
    let int = Datatype::integer(8, true);
    // Values refer to values.
    let values: Vec<_> =
        all.iter().zip(nodes).filter(|(_, n)| !matches!(n, Node::Group(_))).collect();
    let to = |i: &usize| match values.len() {
        0 => Data::reference(ObjectRef::Existing(RelAddr::NULL)),
        n => Data::reference(*values[i % n].0),
    };
    let field = |name: &str, datatype: &Datatype| NewField {
        name: name.into(),
        datatype: Some(datatype.clone()),
        committed: None,
    };
    let mut made = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        let object = match node {
            Node::Int(i) => build.dataset(None, Some(&int), &Data::new(i.to_le_bytes())),
            Node::Text(text) => {
                let data = build.text(text);
                build.dataset(None, Some(&Datatype::vlen_string()), &data)
            }
            Node::Column(rows, seed) => {
                // Runs of like numbers, then noise.
                let value = |i: u64| if i % 7 < 4 { i / 64 } else { i.wrapping_mul(*seed) };
                let bytes: Vec<u8> =
                    (0..*rows as u64).flat_map(|i| value(i).to_le_bytes()).collect();
                let float = Datatype::float64();
                let dims = [*rows as u64];
                build.any_dataset(None, Some(&float), Extent::Simple, &dims, &Data::new(bytes))
            }
            Node::Matrix(a, b) => {
                let count = u32::try_from(a * b).unwrap();
                let bytes: Vec<u8> = (0..count).flat_map(u32::to_le_bytes).collect();
                let narrow = Datatype::integer(4, true);
                let dims = [*b, *a];
                build.any_dataset(None, Some(&narrow), Extent::Simple, &dims, &Data::new(bytes))
            }
            Node::Anything(targets) => {
                let mut data = Data::default();
                targets.iter().for_each(|t| data.push(&to(t)));
                let dims = [targets.len() as u64];
                let reference = Datatype::reference();
                build.any_dataset(None, Some(&reference), Extent::Simple, &dims, &data)
            }
            Node::Instance(number, next, text) => {
                let fields = [
                    field("number", &int),
                    field("next", &Datatype::reference()),
                    field("text", &Datatype::vlen_string()),
                ];
                let named = JuliaType::plain("Main.Link");
                let committed = build.find_or_commit_record(&named, &fields).unwrap();
                let mut data = Data::new(number.to_le_bytes());
                data.push(&to(next));
                data.push(&build.text(text));
                build.dataset(Some(committed), None, &data)
            }
            Node::Group(targets) => {
                let earlier = targets.iter().filter(|_| place > 0).map(|t| t % place.max(1));
                let mut links: Vec<_> = earlier.map(|i| (format!("link{i}"), made[i])).collect();
                links.sort_by(|a, b| a.0.cmp(&b.0));
                links.dedup_by(|a, b| a.0 == b.0);
                build.group(&links)
            }
        };
        made.push(object);
    }
    made
}

/// The file `base` with nothing but its types and the nodes.
fn write(base: &Path, nodes: &[Node], path: &Path) {
    let make = |builder: &mut Build<'_>, all: &[ObjectRef]| build(builder, nodes, all);
    graph_file::write(base, Types::All, FieldStyle::NamesAndTypes, nodes.len(), path, make);
}

fn convert(input: &Path, output: &Path, options: Options) -> Outcome {
    let dir = input.parent().unwrap();
    let job = Job {
        input: input.to_owned(),
        output: output.to_owned(),
        temp_dir: dir.to_owned(),
        temp_name: "temporary".into(),
    };
    Converter::new(options).unwrap().convert(&job, &Silent).unwrap().outcome
}

fn codec() -> impl Strategy<Value = Options> {
    let codecs = select(vec![
        Compress::Keep,
        Compress::Lz4,
        Compress::Lz4Frame,
        Compress::Zstd(1),
        Compress::Deflate(1),
        Compress::None,
    ]);
    (codecs, any::<bool>(), 1..3_usize, select(vec![None, Some(4096), Some(65_536)])).prop_map(
        |(compress, shuffle, threads, block_size)| Options {
            compress,
            shuffle: shuffle && compress != Compress::Keep,
            threads,
            block_size: block_size.filter(|_| compress == Compress::Lz4),
            repack: true,
            verify: Some(VerifyLevel::Content),
            ..Options::default()
        },
    )
}

fn base(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera").join(name)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn graphs_read_the_same_after_any_two_rewrites(
        nodes in prop::collection::vec(node(), 1..24),
        codecs in (codec(), codec()),
        era in select(vec!["real-mera-1.9/output_00001.jld2", "e4b-none/output_00021.jld2"]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let [first, second, third] = ["1", "2", "3"].map(|n| dir.path().join(n));
        write(&base(era), &nodes, &first);
        let wanted = dump(&first);
        prop_assert_eq!(convert(&first, &second, codecs.0), Outcome::Converted);
        prop_assert_eq!(&dump(&second), &wanted);
        prop_assert_eq!(convert(&second, &third, codecs.1), Outcome::Converted);
        prop_assert_eq!(&dump(&third), &wanted);
        // What is not reachable any more is gone.
        let [before, after] = [&first, &second].map(|p| fs::metadata(p).unwrap().len());
        prop_assert!(after < before, "{} bytes became {}", before, after);
    }
}
