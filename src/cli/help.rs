//! What the help of each command ends with: examples, and what its exit codes mean.

pub(super) const INSPECT: &str = "\
Examples:
  jldconv inspect output_00100.jld2                what it is, what Julia would warn of, what to run
  jldconv inspect archive -r                       a line for each file of a tree
  jldconv inspect output_00100.jld2 --full         with whole trees and types

Exit codes: 0 each file was read, and can be converted where it must be, 1 a file cannot be read or
converted, or a directory not be listed, 2 usage.";

pub(super) const CONVERT: &str = "\
Examples:
  jldconv convert old.jld2 new.jld2                make it current: a copy, patched
  jldconv convert old.jld2 --dry-run -v            the exact bytes that would change
  jldconv convert old.jld2 --mode in-place         no copy; jldconv undo old.jld2 takes it back
  jldconv convert old.jld2 new.jld2 --compress zstd:7 --verify content
                                                   laid out again, every value compared
Whole archives: jldconv-supervisor.

Exit codes: 0 done, 1 it cannot be read or converted, or OUT is there, 2 usage, 3 interrupted,
5 internal error.";

pub(super) const VERIFY: &str = "\
Examples:
  jldconv verify old.jld2 new.jld2                 do rules explain every difference?
  jldconv verify old.jld2 new.jld2 --strict -v     each difference, whatever explains it
  jldconv verify archive upgraded -r               two trees, by the paths of their files
Many large files: jldconv-supervisor verify, with a worker for each pair.

Exit codes: 0 equal, or explained by rules, 1 something differs, is missing or cannot be read,
2 usage, 4 nothing to compare.";

pub(super) const DUMP: &str = "\
Examples:
  jldconv dump output_00100.jld2                   all values, in short
  jldconv dump output_00100.jld2 /hydro/info       those at and below a path
  jldconv dump output_00100.jld2 hydro/rho --json  a column, in the canonical form
  jldconv dump output_00100.jld2 hydro/rho --raw > rho.bin

Exit codes: 0 done, 1 the file, or a part of it, cannot be read, or there is no such path, 2 usage.";

pub(super) const INFO: &str = "\
Examples:
  jldconv info output_00100.jld2                   time, box, levels, columns and their units
  jldconv info output_00100.jld2 --scan            with smallest and largest numbers, and masses
  jldconv info archive                             a line for each file

Exit codes: 0 done, 1 a file cannot be read or is not Mera's, 2 usage.";

pub(super) const RESCUE: &str = "\
Examples:
  jldconv rescue broken.jld2 saved.jld2            what is whole, as a new file
  jldconv rescue broken.jld2 saved.jld2 --partial  arrays of which chunks are lost, too

Exit codes: 0 nothing is lost, 1 nothing could be saved, or OUT is there, 2 usage, 6 rescued in part.";

pub(super) const UNDO: &str = "\
Examples:
  jldconv undo output_00100.jld2                   the old bytes again
  jldconv undo archive -r                          of all files of a tree

Exit codes: 0 done, 1 a file could not be brought back, or a directory not be listed, 2 usage, 4 there
are no undo files.";

pub(super) const COMMIT: &str = "\
Examples:
  jldconv commit output_00100.jld2                 no way back from here on
  jldconv commit archive -r --yes                  of all files of a tree, without a question

Exit codes: 0 done, 1 a file could not be made final, or a directory not be listed, 2 usage, 4 there
are no undo files.";

pub(super) const DOCTOR: &str = "\
Examples:
  jldconv doctor                                   this machine: cores, memory, limits
  jldconv doctor archive upgraded                  with what the file systems of both can do

Exit codes: 0 a run can start, 1 something will not work, 2 usage.";

pub(super) const TARGET_LIST: &str = "\
Examples:
  jldconv target list

Exit codes: 0 done, 2 usage.";

pub(super) const TARGET_SHOW: &str = "\
Examples:
  jldconv target show                              the usual one: packages, types, rules
  jldconv target show mine.toml                    one of your own

Exit codes: 0 done, 2 usage, or the target cannot be used.";

pub(super) const TARGET_CHECK: &str = "\
A file of definitions is plain Julia:
  module JLD2Lz4
  struct Lz4Filter <: JLD2.Filters.Filter
      blocksize::UInt32
      level::Int32
  end
  end
Types of packages that are not given are left out of the comparison.

Examples:
  jldconv target check --packages ~/.julia/packages  what newer packages would warn of
  jldconv target check --definitions mine.jl --target mine.toml

Exit codes: 0 all given types are as the target says, 1 some are not or could not be told, 2 usage,
4 no type of the target is given.";

pub(super) const SLURM: &str = "\
Examples:
  jldconv-supervisor slurm old new --tasks 20 > job.sh && sbatch job.sh
  jldconv-supervisor slurm old new --tasks 20 --time 04:00:00 --mem 8G --submit
  jldconv-supervisor status new                    what the tasks do, and which to submit again

Exit codes: 0 printed or submitted, 1 nobody knows what is in a directory of the archive, 2 usage,
4 nothing matched, 5 sbatch refused.";

pub(super) const REPORT: &str = "\
Examples:
  jldconv-supervisor report new                    what all runs and shards came to
  jldconv-supervisor report new --html run.html    as a page, with what ran when
  jldconv-supervisor report new --json | jq .failed

Exit codes: 0 every file of the archive has its output, 1 some failed, 2 no such output directory,
3 shards wait, run or were interrupted, or the archive holds files that no shard took: run the same
command again, 4 no run is recorded.";

pub(super) const STATUS: &str = "\
Examples:
  jldconv-supervisor status new                    from another terminal, while it runs
  jldconv-supervisor status new --json

Exit codes: 0 every shard is done, 1 some files failed, 2 no such output directory, 3 shards run,
wait or were interrupted.";

pub(super) const ORDER: &str = "\
Examples:
  jldconv-supervisor drain new                     finish what runs, take no more
  jldconv-supervisor stop new --shard 3/20         stop one task of a job array

Exit codes: 0 every run that is at work was told, 1 one could not be told (it says why, and what
does), 2 no such output directory, 4 nothing is at work.";

pub(super) const VERIFY_PAIRS: &str = "\
Examples:
  jldconv-supervisor verify old new                do rules explain every difference?
  jldconv-supervisor verify old new -r --journal checks
                                                   a tree; run again, it goes on where it stopped

Exit codes: 0 all pairs are equal or explained, 1 a pair differs, is missing or cannot be read, 2
usage, 3 interrupted (with --journal, run again to go on), 4 no files, 5 internal error.";

pub(super) const SCAN: &str = "\
Each file is looked into by a worker process: what it is, which Mera wrote it, what today's Julia
would warn of or fail on, what a conversion would do, what h5py can open, what is damaged. A block
sums up the archive: eras, gaps, numbers that occur twice, damaged files, and what a conversion
takes, estimated from a few files that are converted into a temporary directory.

Nothing is written into the archive.

Examples:
  jldconv-supervisor scan archive -r               what a tree holds, and the command that converts it
  jldconv-supervisor scan archive --verify content the archive's health check: all data are read
  jldconv-supervisor scan archive --html scan.html --csv scan.csv

Exit codes: 0 every file can be read and converted, 1 one cannot, or is damaged, or a directory cannot
be listed, 2 usage, 3 interrupted (with --journal, run again to go on), 4 no files, 5 internal error.";

pub(super) const TUNE: &str = "\
A sample of the archive is converted with 1, 2, 4 ... workers (and threads, where files are laid out
again), several times each, into a temporary directory below OUT, which is removed again. A number
of workers is recommended only where it is faster than the defaults by more than the same setting
differs from itself.

Examples:
  jldconv-supervisor tune archive /scratch/new     outputs where the real ones will go
  jldconv-supervisor tune archive /scratch/new --compress zstd --html tune.html

Exit codes: 0 measured, 1 a file of the sample cannot be converted, 2 usage, 3 interrupted, 4 no
file fits into the sample, 5 internal error.";

pub(super) const COMPLETIONS: &str = "\
Examples:
  jldconv completions bash > ~/.local/share/bash-completion/completions/jldconv
  jldconv-supervisor completions zsh > ~/.zfunc/_jldconv-supervisor

Exit codes: 0 done, 2 usage.";

#[cfg(test)]
mod tests {
    use crate::cli::{JldconvCli, SupervisorCli};
    use clap::{Command, CommandFactory as _};

    /// All commands below one, by their names.
    fn below(command: &Command, name: &str, out: &mut Vec<(String, Command)>) {
        for sub in command.get_subcommands().filter(|it| !it.is_hide_set()) {
            let name = format!("{name} {}", sub.get_name());
            if sub.has_subcommands() {
                below(sub, &name, out);
            } else {
                out.push((name, sub.clone()));
            }
        }
    }

    #[test]
    fn each_command_says_what_it_does_with_examples_and_exit_codes() {
        let mut all = Vec::new();
        below(&JldconvCli::command(), "jldconv", &mut all);
        below(&SupervisorCli::command(), "jldconv-supervisor", &mut all);
        assert!(all.len() > 20, "{}", all.len());
        for (name, mut command) in all {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.len() > 20 && !about.ends_with('.'), "{name}: {about}");
            let help = command.render_long_help().to_string();
            assert!(help.contains("Examples:\n  jldconv"), "{name} has no examples");
            assert!(help.contains("Exit codes: 0 "), "{name} does not say its exit codes");
            for line in help.lines().skip_while(|line| !line.starts_with("Examples:")) {
                assert!(line.chars().count() <= 110, "{name}: {line}");
            }
        }
    }
}
