//! Does a worker's part: to make an output, or to find out what one is.

use super::engine::Convert;
use super::wire::{ConvertOptions, ExamineOptions, Product, WireOptions};
use crate::convert::publish::{Destination, Existing};
use crate::convert::{
    Examined, Failure, FailureKind, FileReport, Job, Observer, Options, Recheck, scratch,
};
use crate::protocol::decode;
use crate::sys::dir::Missing;
use crate::sys::stat::StatData;
use crate::worker::{Task, shortened};

/// Bytes of findings that are reported; more help nobody.
const FINDINGS_MAX: usize = 256 << 10;

/// Makes outputs.
pub struct ConvertTask<'a>(pub &'a dyn Convert);

/// Finds out what outputs are.
pub struct ExamineTask<'a>(pub &'a dyn Convert);

impl Task for ConvertTask<'_> {
    type Options = ConvertOptions;
    type Output = Product;
    const NAME: &'static str = "convert";

    fn run(
        &self,
        job: &Job,
        options: ConvertOptions,
        observer: &dyn Observer,
    ) -> Result<Product, Failure> {
        scratch::beside_output(&job.temp_dir);
        let ConvertOptions { options, existing, leftover, recheck } = options;
        let options = decode::<WireOptions>(&options.0).map_err(|error| {
            Failure::new(FailureKind::Internal, format!("the options of a job: {error}"))
        })?;
        let options = Options::from(options);
        let existing = after(leftover, existing.into(), job);
        let Some(made) = recheck else {
            let report = self.0.convert(job, &existing, &options, observer)?;
            return Ok(Product::Made(trim_report(report)));
        };
        Ok(match self.0.recheck(job, made, &existing, &options, observer)? {
            Recheck::Held(claim) => Product::Held(Box::new(claim)),
            Recheck::Remade(report, why) => Product::Remade(trim_report(report), shortened(why)),
        })
    }

    fn clean(&self, job: &Job) {
        remove_rest(job);
    }
}

impl Task for ExamineTask<'_> {
    type Options = ExamineOptions;
    type Output = Examined;
    const NAME: &'static str = "examine";

    fn run(
        &self,
        job: &Job,
        options: ExamineOptions,
        observer: &dyn Observer,
    ) -> Result<Examined, Failure> {
        scratch::beside_output(&job.temp_dir);
        let ExamineOptions { options, wanted } = options;
        let mut examined = self.0.examine(job, &wanted, &options.into(), observer)?;
        examined.compared = examined.compared.map(|compared| compared.map_err(shortened));
        Ok(examined)
    }
}

/// What may be replaced after an attempt that died while it published `leftover`: that, if it is
/// there.
fn after(leftover: Option<StatData>, existing: Existing, job: &Job) -> Existing {
    let Some(leftover) = leftover else { return existing };
    match StatData::entry(&job.output) {
        Ok(Some((now, rustix::fs::FileType::RegularFile))) if now.same_but_for_ctime(&leftover) => {
            Existing::Replace(now)
        }
        _ => existing,
    }
}

/// Removes the temporary file of a job that panicked; what cannot be removed is swept by the next
/// run.
fn remove_rest(job: &Job) {
    let to = Destination::of(&job.output, &job.temp_dir, Missing::Fail);
    let dir = to.and_then(|to| to.own(&job.temp_dir, Missing::Fail));
    if let Ok(dir) = dir {
        let _ = dir.remove(std::ffi::OsStr::new(&job.temp_name));
    }
}

fn trim_report(mut report: FileReport) -> FileReport {
    let mut room = FINDINGS_MAX;
    let mut kept = 0;
    for finding in &report.findings {
        // Beside its text each line takes a few bytes of the frame.
        let Some(rest) = room.checked_sub(finding.len() + 16) else { break };
        room = rest;
        kept += 1;
    }
    let dropped = report.findings.len() - kept;
    if dropped > 0 {
        report.findings.truncate(kept);
        report.findings.push(format!("and {dropped} more"));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::{Mode, Outcome, VerifyLevel};
    use crate::migrate::Readers;
    use crate::protocol::{Ended, FromWorker, Measured, WireBytes, encode, encode_payload};

    fn report(findings: Vec<String>) -> FileReport {
        FileReport {
            outcome: Outcome::Converted,
            mode: Mode::Patch,
            findings,
            bytes_in: 1,
            bytes_out: 1,
            bytes_appended: 0,
            bytes_replaced: 0,
            verify: VerifyLevel::Structure,
            digest: None,
            claim: None,
            changed_before: None,
            readers: Readers::default(),
        }
    }

    #[test]
    fn whatever_comes_out_fits_into_a_frame() {
        for findings in [vec!["x".repeat(5 << 20)], vec!["y".repeat(9); 1 << 20], vec!["z".into()]]
        {
            let count = findings.len();
            let trimmed = trim_report(report(findings));
            assert!(count == 1 || trimmed.findings.len() > 1000);
            assert!(trimmed.findings.len() <= count);
            let ended = Ended {
                job: u32::MAX,
                attempt: u32::MAX,
                result: Ok(WireBytes(encode_payload(&Product::Made(trimmed)).unwrap())),
                measured: Measured::default(),
                time: (0, 0),
                gives_back: false,
            };
            encode(&FromWorker::Outcome(Box::new(ended))).unwrap();
        }
        assert_eq!(trim_report(report(vec!["z".into()])).findings, ["z"]);
    }
}
