//! Plans the migration of any bytes, and checks that a file that could be read can be read
//! afterwards: to the usual target, and by rules that turn its own types, or arrays of them.
#![no_main]

use jldconv::h5::{
    Checked, Checksums, Class, Error, File, Object, ObjectKind, RelAddr, Result, Source, Trace,
    Visitor, set_scratch_budget,
};
use jldconv::julia::{Committed, Digest, Dumper, TypeTable, datasets};
use jldconv::migrate::{Request, plan_for, target::Target, userrules};
use jldconv_fuzz::{memory, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use std::sync::LazyLock;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    Target::builtin(Target::default_name()).unwrap_or_else(|error| panic!("{error}"))
});

/// Whatever checksums were lost, they are put right.
struct Sound;

impl Visitor for Sound {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        assert!(object.header.chunks.iter().all(|c| c.checked == Checked::Right), "{path}");
        Ok(())
    }

    /// What cannot be read stays as it is.
    fn foreign(&mut self, _: &str, error: Error) -> Result<()> {
        if error.is_foreign_dataset() { Ok(()) } else { Err(error) }
    }
}

/// What is turned is put together in memory: only files with arrays of no more bytes in all.
const BYTES: u64 = 4 << 20;
/// Rules that are tried one at a time.
const ALONE: usize = 8;

/// Finds the committed types of a file, and how long its arrays are.
struct Stored<'f> {
    table: &'f TypeTable<'f>,
    types: Vec<RelAddr>,
    bytes: u64,
}

impl Visitor for Stored<'_> {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        if let ObjectKind::Datatype(_) = object.kind {
            self.types.push(object.header.addr);
        } else if let Some(dataset) = object.dataset() {
            let count = dataset.dataspace.elements().unwrap_or(u64::MAX);
            let size = self.table.element(&dataset.datatype).map_or(0, |element| element.size());
            self.bytes = self.bytes.saturating_add(count.saturating_mul(size as u64));
        }
        Ok(())
    }

    fn foreign(&mut self, _: &str, _: Error) -> Result<()> {
        Ok(())
    }
}

/// The rule number `i`, which turns values of a type, or arrays of them.
fn rule(c: &Committed, i: usize, rows: bool) -> Option<String> {
    let name = c.julia_type.name();
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c));
    if !plain(name) || !c.fields.iter().all(|field| plain(&field.name)) {
        return None;
    }
    let names: Vec<_> = c.fields.iter().map(|field| format!("{:?}", field.name)).collect();
    let when = names.join(", ");
    // Some that have a name, and some that have none.
    let unnamed = i % 2 == 0 && name != "Core.NamedTuple";
    let to = if unnamed { "Core.NamedTuple".to_owned() } else { format!("Main.To{i}") };
    let way = if rows { "rows" } else { "columns" };
    let head = format!("[[rule]]\nid = \"r{i}\"\nfrom = [{name:?}]\n");
    let text = format!("{head}when = {{ has = [{when}] }}\n{way} = {to:?}\n");
    // No rule is for what Julia itself defines.
    userrules::parse(&text, "rules").is_ok().then_some(text)
}

/// Texts of rules for the types of a file: for all of them at once, and for single ones.
fn turning(data: &[u8]) -> Vec<String> {
    let source = Source::from_bytes(data.to_vec());
    let Ok(file) = File::with_checksums(source, Checksums::Ignored) else { return Vec::new() };
    let table = TypeTable::new(&file);
    let mut stored = Stored { table: &table, types: Vec::new(), bytes: 0 };
    if Trace::run(&file, &mut stored).is_err() || stored.bytes > BYTES {
        return Vec::new();
    }
    let (mut all, mut out) = (String::new(), Vec::new());
    let types = stored.types.iter().filter_map(|addr| table.committed(*addr).ok());
    let types = types.filter(|c| !c.fields.is_empty() && c.datatype.members().is_some());
    for (i, c) in types.enumerate() {
        let reference = |d: &jldconv::h5::Datatype| matches!(d.class, Class::Reference);
        let refer = c.fields.iter().all(|field| field.datatype.as_ref().is_some_and(reference));
        let Some(text) = rule(&c, i, refer) else { continue };
        all.push_str(&text);
        if out.len() < ALONE {
            out.push(text);
            // Structs of references are elements of arrays, too.
            out.extend(if refer { rule(&c, i, false) } else { None });
        }
    }
    if out.len() > 1 {
        out.push(all);
    }
    out
}

fn run(data: &[u8]) {
    for checksums in [Checksums::Trusted, Checksums::Ignored] {
        for portable in [false, true] {
            migrate(data, checksums, portable, &TARGET);
        }
    }
    // New arrays are made when they are read.
    set_scratch_budget(0);
    for text in turning(data) {
        // Structs of arrays, of which there are none in any bytes, come of arrays of structs.
        let Some(turned) = turn(data, &text) else { continue };
        for back in turning(&turned).into_iter().filter(|text| text.contains("rows = ")) {
            turn(&turned, &back);
        }
    }
    set_scratch_budget(12 << 20);
}

fn turn(data: &[u8], text: &str) -> Option<Vec<u8>> {
    let rules = userrules::parse(text, "rules").unwrap_or_else(|e| panic!("{e}: {text}"));
    // Some are for what others make.
    let target = TARGET.clone().with_rules(rules, "rules").ok()?;
    migrate(data, Checksums::Ignored, false, &target)
}

/// Gives the bytes of what comes of a file, if anything does.
fn migrate(data: &[u8], checksums: Checksums, portable: bool, target: &Target) -> Option<Vec<u8>> {
    let source = Source::from_bytes(data.to_vec());
    let file = File::with_checksums(source, checksums).ok()?;
    let request = Request { portable, ..Request::default() };
    let migration = plan_for(&file, target, &request).ok()?;
    let edits = migration.edits?;
    let after = edits.laid_over(Source::from_bytes(data.to_vec()));
    let unread = !migration.survey.unread.is_empty();
    let checksums = if unread { checksums } else { Checksums::Trusted };
    let after = File::with_checksums(after, checksums);
    let after = after.unwrap_or_else(|e| panic!("after migration: {e}"));
    if let Err(e) = Trace::run(&after, &mut Sound) {
        panic!("after migration: {e}");
    }
    // What is read afterwards is what was planned.
    let write = |file: &File, expected: bool| -> Option<Vec<u8>> {
        let types = if expected {
            TypeTable::with_renames(file, migration.renames.clone())
        } else {
            TypeTable::new(file)
        };
        let paths = datasets(file).ok()?;
        let mut dumper = Dumper::new(&types, Digest::Xxh3);
        if expected {
            dumper = dumper.with_overrides(&migration.overrides);
        }
        let mut out = Vec::new();
        dumper.all(&paths, &mut out).ok()?;
        Some(out)
    };
    if let Some(expected) = write(&file, true) {
        let found = write(&after, false);
        assert!(found == Some(expected), "other values after migration");
    }
    let len = usize::try_from(after.source().len()).ok()?;
    after.source().read(0, len, "file").ok()
}

fuzz_target!(|data: &[u8]| {
    memory::bounded(|| run(data));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::container(data, size, max_size, seed, fuzzer_mutate)
});
