//! scratch
use jldconv::{h5::*, julia::*};
use std::io::Write;
fn main() {
    let mut args = std::env::args().skip(1);
    let cmd = args.next().unwrap_or_default();
    if cmd == "walk" {
        let f = File::open(args.next().unwrap().as_ref()).unwrap();
        let types = TypeTable::new(&f);
        let from: u64 = args.next().and_then(|a| a.parse().ok()).unwrap_or(0);
        struct W<'a>(&'a TypeTable<'a>, u64);
        impl Visitor for W<'_> {
            fn object(&mut self, o: &Object, p: &str) -> Result<()> {
                let at = o.header.chunks[0].offset;
                if at < self.1 {
                    return Ok(());
                }
                print!("{at} rel {} {p} ", o.addr());
                match &o.kind {
                    ObjectKind::Group(g) => println!(
                        "group {:?}",
                        g.links.iter().map(|l| (&l.name, l.target.0)).collect::<Vec<_>>()
                    ),
                    ObjectKind::Datatype(_) => {
                        let c = self.0.committed(o.addr())?;
                        println!(
                            "type {} written {:?} size {} empty {} fields {:?}",
                            c.julia_type,
                            c.written_type.as_ref().map(|t| t.to_string()),
                            c.datatype.size,
                            c.empty,
                            c.fields
                                .iter()
                                .map(|f| (f.name.as_str(), f.offset, f.committed))
                                .collect::<Vec<_>>()
                        );
                    }
                    ObjectKind::Dataset(d) => {
                        let e = self.0.element(&d.datatype)?;
                        println!(
                            "dataset {} {:?} {:?} {}",
                            e.julia_type(),
                            d.dataspace,
                            match &d.layout {
                                Layout::Compact { size, .. } => format!("compact {size}"),
                                l => format!("{l:?}"),
                            },
                            matches!(e, Element::Committed(_))
                        );
                    }
                }
                for m in &o.header.messages {
                    print!("   {:02x}/{:02x}:{}", m.kind, m.flags, m.len);
                }
                println!();
                for a in &o.attributes {
                    println!(
                        "     @{} {:?} {:?} {}",
                        a.name,
                        a.dataspace.dims,
                        matches!(a.datatype, TypeRef::Shared { .. }),
                        a.data.iter().take(64).map(|b| format!("{b:02x}")).collect::<String>()
                    );
                }
                Ok(())
            }
        }
        Trace::run(&f, &mut W(&types, from)).unwrap();
        return;
    }
    if cmd == "convert" {
        use jldconv::convert::*;
        let c = Converter::new(Options { verify: VerifyLevel::Content, force: true, ..Options::default() }).unwrap();
        for (i, p) in args.enumerate() {
            let name = std::path::Path::new(&p).file_name().unwrap().to_owned();
            let job = Job { input: p.clone().into(), output: std::path::Path::new("/tmp/conv/out").join(format!("{i}-{}", name.display())), temp_dir: "/tmp/conv/tmp".into(), temp_name: format!("t{i}") };
            match c.convert(&job, &Silent) { Ok(r) => println!("{p}: {:?} {} {} {:?}", r.outcome, r.bytes_appended, r.bytes_replaced, r.digest), Err(e) => println!("{p}: FAILED {:?} {e}", e.fault) }
        }
        return;
    }
    if cmd == "plan" {
        for p in args {
            let f = File::open(p.as_ref()).unwrap();
            let target = jldconv::migrate::target::Target::builtin("mera-1.9").unwrap();
            match jldconv::migrate::plan(&f, &target, false) {
                Err(e) => println!("{p}: ERROR {e}"),
                Ok(m) => {
                    for x in &m.findings { println!("{p}: {x}"); }
                    if let Some(e) = &m.edits {
                        println!("{p}: appended {} replaced {}", e.bytes_appended(), e.bytes_replaced());
                        let mut b = std::fs::read(&p).unwrap();
                        b.truncate(e.append_at() as usize);
                        for r in e.replace() { b[r.offset as usize..r.offset as usize + r.new.len()].copy_from_slice(&r.new); }
                        b.extend(e.append());
                        std::fs::write(format!("/tmp/out/{}", p.replace('/', "_")), b).unwrap();
                    }
                }
            }
        }
        return;
    }
    for p in args {
        let r = File::open(p.as_ref()).and_then(|f| {
            let types = TypeTable::new(&f);
            let paths = datasets(&f)?;
            let mut out: Box<dyn Write> = if cmd == "dump" {
                Box::new(std::io::BufWriter::new(std::io::stdout()))
            } else {
                Box::new(std::io::sink())
            };
            Dumper::new(&types, Digest::Sha256).all(&paths, &mut *out)
        });
        match r {
            Ok(()) => {
                if cmd != "dump" {
                    println!("{p}: ok")
                }
            }
            Err(e) => eprintln!("{p}: ERROR {e}"),
        }
    }
}
