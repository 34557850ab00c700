//! Works out of every record of any container what rules can compute of its fields, in every way.
#![no_main]

use jldconv::h5::{
    Checksums, Dataset, Error, Extent, File, Object, Result, Source, Trace, TypeRef, Visitor,
};
use jldconv::julia::{Column, Derived, NumberType, TypeTable, Worked};
use jldconv_fuzz::{memory, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

/// Records with more fields, and more bytes of one, are left out: the number of ways grows with
/// their square.
const FIELDS: usize = 12;
const BYTES: u32 = 4096;

struct Each<'f> {
    types: &'f TypeTable<'f>,
}

impl Each<'_> {
    fn record(&self, dataset: &Dataset) -> Result<()> {
        let TypeRef::Shared { addr, .. } = dataset.datatype else { return Ok(()) };
        let c = self.types.committed(addr)?;
        if c.fields.len() > FIELDS || c.datatype.size > BYTES || c.datatype.members().is_none() {
            return Ok(());
        }
        let mut bytes = vec![0; c.datatype.size as usize];
        let mut at = 0;
        if dataset.dataspace.extent != Extent::Null {
            let column = Column::new(self.types.file(), dataset, &c.datatype)?;
            let mut stream = column.open()?;
            at = stream.offset();
            if stream.left() < bytes.len() as u64 {
                return Ok(());
            }
            stream.fill(&mut bytes)?;
        }
        // One more than there are.
        for field in 0..=c.fields.len() {
            let each = |other| {
                [
                    Derived::Length { field },
                    Derived::Indices { field, of: NumberType::UInt8 },
                    Derived::Converted { field, to: NumberType::Int16 },
                    Derived::Converted { field, to: NumberType::Float64 },
                    Derived::Text { field, symbol: true },
                    Derived::Live { slots: field, keys: other },
                    Derived::Part { field, part: other },
                    Derived::Element { field, index: other, count: c.fields.len() },
                ]
            };
            for derived in (0..=c.fields.len()).flat_map(each) {
                let _ = c.part(self.types, field, 0);
                match derived.work_out(self.types, &c, &bytes, at) {
                    Ok(Worked::Made(t, made)) => assert_eq!(made.len() % t.size(), 0),
                    Ok(_) => {}
                    Err(error) => assert!(error.to_string().len() < 2000),
                }
            }
        }
        Ok(())
    }
}

impl Visitor for Each<'_> {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        if let Some(dataset) = object.dataset() {
            // What is wrong with one object says nothing of the next.
            let _ = self.record(dataset);
        }
        Ok(())
    }

    fn foreign(&mut self, _: &str, _: Error) -> Result<()> {
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    memory::bounded(|| {
        let source = Source::from_bytes(data.to_vec());
        let Ok(file) = File::with_checksums(source, Checksums::Ignored) else { return };
        let types = TypeTable::new(&file);
        let _ = Trace::run(&file, &mut Each { types: &types });
    });
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::container(data, size, max_size, seed, fuzzer_mutate)
});
