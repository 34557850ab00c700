//! scratch
use jldconv::{h5::*, julia::*};
use std::io::Write;
fn main() {
    let mut args = std::env::args().skip(1);
    let cmd = args.next().unwrap_or_default();
    for p in args {
        let r = File::open(p.as_ref()).and_then(|f| {
            let types = TypeTable::new(&f);
            let paths = datasets(&f)?;
            let mut out: Box<dyn Write> = if cmd == "dump" { Box::new(std::io::BufWriter::new(std::io::stdout())) } else { Box::new(std::io::sink()) };
            Dumper::new(&types, Digest::Sha256).all(&paths, &mut *out)
        });
        match r { Ok(()) => if cmd != "dump" { println!("{p}: ok") }, Err(e) => eprintln!("{p}: ERROR {e}") }
    }
}
