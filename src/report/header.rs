//! Prints what a run is about to do and what it has for it, as a block of text.

use crate::supervisor::{Machine, Means, MemoryStatus, RunStart};
use crate::text::{self, float};
use std::fmt::Write as _;

const FEW: usize = 3;

/// The block at the beginning of a run: system and plan.
pub fn header(start: &RunStart) -> String {
    let mut block = String::new();
    let _ = writeln!(block, "  machine     {}", machine(&start.machine));
    block.push_str(&plan(start));
    let _ = writeln!(block, "  memory      {}", memory(&start.memory));
    if start.jobs == 0 {
        return block;
    }
    let (slots, reason) = (start.slots, start.slots_reason.as_str());
    block.push_str(&workers(slots, reason, start.threads_per_worker));
    block
}

/// What is told of the machine before a run: it, its memory, and how many workers that gives.
pub fn means_told(means: &Means) -> String {
    let Means { machine: it, memory: of, slots, slots_reason, threads } = means;
    let (it, of, workers) = (machine(it), memory(of), workers(*slots, slots_reason, *threads));
    format!("  machine     {it}\n  memory      {of}\n{workers}")
}

fn workers(slots: u32, reason: &str, threads: u32) -> String {
    let threads = text::count(threads.into(), "thread");
    format!("  workers     {slots} ({reason}), {threads} each\n")
}

/// What is to be done: all of it that is not the machine's.
pub(super) fn plan(start: &RunStart) -> String {
    let mut block = String::new();
    let _ = writeln!(block, "  input       {}", text::tame(&start.input_dir));
    let _ = writeln!(block, "  output      {}", text::tame(&start.output_dir));
    if start.shard != "1/1" {
        let _ = writeln!(block, "  shard       {}", start.shard);
    }
    let (files, bytes) = (text::count(start.jobs, "file"), text::bytes(start.bytes));
    let skipped = if start.skipped > 0 {
        format!("; {} {} done already", start.skipped, text::is_are(start.skipped))
    } else {
        String::new()
    };
    let first = match start.first.join(", ") {
        first if first.is_empty() => first,
        first => {
            let more = text::and_more(start.jobs.saturating_sub(start.first.len() as u64));
            text::tame(&format!(": {first}{more}"))
        }
    };
    let _ = writeln!(block, "  to do       {files}, {bytes}{first}{skipped}");
    let stale: Vec<_> = start.stale.iter().map(|it| format!("{}: {}", it.name, it.why)).collect();
    names(&mut block, "stale", &stale, "made again");
    names(&mut block, "in the way", &start.conflicts, "not this program's own, or not any more");
    names(&mut block, "failed", &start.failed_before, "left alone; --resume-failed tries again");
    block
}

fn machine(machine: &Machine) -> String {
    let Machine { host, processor, cores, memory, system, kernel } = machine;
    let cores = text::count(*cores, "core");
    let processor = if processor.is_empty() { cores } else { format!("{processor}, {cores}") };
    let memory = text::bytes(*memory);
    text::tame(&format!("{host}: {processor}, {memory}; {system}, kernel {kernel}"))
}

fn memory(memory: &MemoryStatus) -> String {
    let free = text::bytes(memory.limit.saturating_sub(memory.used));
    let limit = text::bytes(memory.limit);
    let budget = text::bytes(memory.budget);
    let source = &memory.limit_source;
    let share = text::percent(float(memory.budget), float(memory.limit));
    let over = if memory.used > memory.budget {
        "; more than that is in use already: ending other programs helps"
    } else {
        ""
    };
    format!("{free} of {limit} free ({source}); the margin is {share}, {budget}{over}")
}

fn names(block: &mut String, title: &str, names: &[String], what: &str) {
    if names.is_empty() {
        return;
    }
    let names: Vec<String> = names.iter().map(|name| text::tame(name)).collect();
    let _ = writeln!(block, "  {title:<11} {} ({what})", text::few(&names, FEW));
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::supervisor::Stale;

    pub(in crate::report) fn start() -> RunStart {
        RunStart {
            run_id: "20261121-001122-a1b2".into(),
            version: "0.1.0".into(),
            input_dir: "/data/old".into(),
            output_dir: "/data/new".into(),
            shard: "1/1".into(),
            jobs: 10,
            files: 10,
            bytes: 8_972_940,
            first: ["output_00100.jld2", "output_00101.jld2"].map(str::to_owned).to_vec(),
            skipped: 0,
            incomplete: Vec::new(),
            stale: Vec::new(),
            conflicts: Vec::new(),
            failed_before: Vec::new(),
            slots: 2,
            slots_reason: "2 cores".into(),
            threads_per_worker: 1,
            memory: MemoryStatus {
                limit: 24 << 30,
                limit_source: "physical memory".into(),
                budget: (24 << 30) / 5 * 4,
                used: 2 << 30,
            },
            machine: Machine {
                host: "node5".into(),
                processor: "AMD EPYC 7B13".into(),
                cores: 2,
                memory: 24 << 30,
                system: "Debian GNU/Linux 13".into(),
                kernel: "6.12.48".into(),
            },
        }
    }

    #[test]
    fn a_first_run() {
        insta::assert_snapshot!(header(&start()), @r"
        machine     node5: AMD EPYC 7B13, 2 cores, 24.0 GiB; Debian GNU/Linux 13, kernel 6.12.48
        input       /data/old
        output      /data/new
        to do       10 files, 8.6 MiB: output_00100.jld2, output_00101.jld2 and 8 more
        memory      22.0 GiB of 24.0 GiB free (physical memory); the margin is 80.0 %, 19.2 GiB
        workers     2 (2 cores), 1 thread each
        ");
    }

    #[test]
    fn a_later_run_of_a_shard() {
        let mut start = start();
        start.shard = "3/20".into();
        start.skipped = 1;
        start.jobs = 1;
        start.first.truncate(1);
        let stale = |number: u32| Stale {
            name: format!("output_{number:05}.jld2"),
            why: "made by other rules".into(),
        };
        start.stale = (1..=5).map(stale).collect();
        start.conflicts = vec!["output_00007.jld2".into()];
        start.failed_before = vec!["output_00009.jld2".into()];
        start.memory.used = 23 << 30;
        start.threads_per_worker = 4;
        insta::assert_snapshot!(header(&start), @r"
        machine     node5: AMD EPYC 7B13, 2 cores, 24.0 GiB; Debian GNU/Linux 13, kernel 6.12.48
        input       /data/old
        output      /data/new
        shard       3/20
        to do       1 file, 8.6 MiB: output_00100.jld2; 1 is done already
        stale       output_00001.jld2: made by other rules, output_00002.jld2: made by other rules, output_00003.jld2: made by other rules and 2 more (made again)
        in the way  output_00007.jld2 (not this program's own, or not any more)
        failed      output_00009.jld2 (left alone; --resume-failed tries again)
        memory      1.0 GiB of 24.0 GiB free (physical memory); the margin is 80.0 %, 19.2 GiB; more than that is in use already: ending other programs helps
        workers     2 (2 cores), 4 threads each
        ");
    }
}
