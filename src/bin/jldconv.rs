//! scratch
use jldconv::h5::*;
struct Count(usize, usize, Vec<Region>);
impl Visitor for Count {
    fn object(&mut self, _: &Object, _: &str) -> Result<()> { self.0 += 1; Ok(()) }
    fn edge(&mut self, _: Edge) -> Result<()> { self.1 += 1; Ok(()) }
    fn region(&mut self, r: Region) -> Result<()> { self.2.push(r); Ok(()) }
}
fn main() {
    for p in std::env::args().skip(1) {
        let r = File::open(p.as_ref()).and_then(|f| { let mut c = Count(0, 0, vec![]); Trace::run(&f, &mut c)?;
            c.2.sort_by_key(|r| r.start); let mut gaps=0; let mut over=0; let mut at=0; for r in &c.2 { if r.start<at {over+=1} else if r.start-at>7 {gaps+=r.start-at} at=r.end.max(at);} 
            Ok((c.0, c.1, gaps, over, f.superblock().end_of_file - at)) });
        match r { Ok(c) => println!("{p}: {c:?}"), Err(e) => println!("{p}: ERROR {e}") }
    }
}
