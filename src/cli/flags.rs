//! Defines the flags, each once: the command line, `JLDCONV_*` and `jldconv.toml` all read these.
//!
//! Every field is an `Option` (an empty list for lists), `None` where nobody said it: the defaults
//! are applied where [`Layer`] is resolved.

use super::command_words::CommandWords;
use super::value::{self, Share, Size, Span};
use crate::archive::{Glob, Ranges, Shard};
use crate::convert::{Chunking, Compress, Mode, Unchanged, VerifyLevel};
use crate::report::{Color, Progress};
use crate::supervisor::{Count, OnConflict, OnFull, Others};
use clap::ArgAction;
use clap::builder::BoolishValueParser;
use std::path::PathBuf;

/// How each file is converted.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
#[command(next_help_heading = "Conversion")]
pub struct ConversionFlags {
    /// How to carry it out: patch copies the file and changes a few hundred bytes, rewrite lays it
    /// out again, in-place changes the file itself and can be undone; auto takes patch unless a
    /// rewrite is needed [default: auto]
    #[arg(long, value_name = "MODE")]
    pub mode: Option<Mode>,
    /// The package versions to convert for: a target of this program, or a file that defines one
    /// [default: mera-1.9]
    #[arg(long, value_name = "NAME|FILE")]
    pub target: Option<String>,
    /// Further rules, for your own types (may be given several times)
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// How to check each output before it gets its name; each level does what those before it do.
    /// none: every object can be read. structure: all metadata are as planned. bytes: the disk gives
    /// back, past the cache, what was copied or encoded (in place: what was changed). content: every
    /// value is the input's, or what a rule makes of it. hdf5: libhdf5 reads the same [default:
    /// content for a rewrite, else bytes; structure where the file system shares a copy's bytes]
    #[arg(long, value_name = "LEVEL")]
    pub verify: Option<VerifyLevel>,
    /// Largest column that --verify hdf5 compares by value where it is compressed: libhdf5 holds it
    /// in memory as a whole, stored and decoded [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub hdf5_limit: Option<Size>,
    /// What to do with files that need nothing [default: copy]
    #[arg(long, value_name = "WHAT")]
    pub unchanged: Option<Unchanged>,
    /// Codec of the columns: keep, lz4, lz4-frame, zstd[:1-22], deflate[:1-9] or none; anything but
    /// keep means rewrite [default: keep]
    #[arg(long, value_name = "CODEC", value_parser = value::compress)]
    pub compress: Option<Compress>,
    /// Shuffle bytes before compression (smaller floating-point columns)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true)]
    pub shuffle: Option<bool>,
    /// Uncompressed size of a block, for instance 4MiB: what a reader must decode to get one value
    #[arg(long, value_name = "SIZE")]
    pub block_size: Option<Size>,
    /// Uncompressed size of a chunk of a compressed column, for instance 256KiB: what readers decode
    /// at least. auto takes 1MiB for columns that are encoded again, and leaves others as they are, but
    /// for what --repack says; one makes each a single chunk, as JLD2 does, which h5py from 3.16 on
    /// cannot read [default: auto]
    #[arg(long, value_name = "auto|one|SIZE", value_parser = value::chunking)]
    pub chunk: Option<Chunking>,
    /// Lay the file out again without touching compressed bytes: gives back what deletions left. The
    /// few arrays of 65,536 values and more that JLD2 cannot read behind an index (unions, arrays
    /// that are shared) are stored uncompressed, which is told; --chunk one keeps them compressed
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true)]
    pub repack: Option<bool>,
    /// Add hard links to each table's columns by name, for h5py
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true)]
    pub flat_links: Option<bool>,
    /// Let every HDF5 from 1.10 on, and h5py, open the compressed columns: h5py 3.16 opens none of
    /// JLD2's own. Metadata change, data do not; Julia reads what it read. A rewrite suits those
    /// anyway; with this, it puts small arrays where kerchunk and VirtualiZarr find them, too
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true)]
    pub portable: Option<bool>,
    /// Keep outputs that failed their check under .jldconv/quarantine/
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true)]
    pub keep_bad: Option<bool>,
    /// Whether a wrong checksum of metadata means that the file is damaged. With no, it is told, and
    /// put right in the output [default: yes]
    #[arg(long, value_name = "yes|no", value_parser = BoolishValueParser::new(),
          hide_possible_values = true)]
    pub trust_checksums: Option<bool>,
    /// Where the undo files of in-place mode go [default: beside each file]
    #[arg(long, value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
    /// Make every output again; what is replaced that this program did not make is kept under
    /// .jldconv/replaced/
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true)]
    pub force: Option<bool>,
    /// With --force: do not keep what is replaced
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true)]
    pub discard_replaced: Option<bool>,
    /// Show what would be done, write nothing
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true)]
    pub dry_run: Option<bool>,
}

/// Which files a run takes, and how it runs.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
pub struct BatchFlags {
    /// Output numbers, inclusive, for instance 100-200,250,300- [default: all]
    #[arg(long, value_name = "RANGES", help_heading = "Files")]
    pub range: Option<Ranges>,
    /// Beginning of the file names: <PREFIX>NNNNN.jld2 (may be given several times) [default: output_,
    /// with any text before it]
    #[arg(long, value_name = "TEXT", value_parser = value::prefix, help_heading = "Files")]
    pub prefix: Vec<String>,
    /// Take files of any names that match a quoted pattern, for instance '*.jld2'; one with a slash is
    /// about the path below INPUT_DIR (may be given several times)
    #[arg(long = "match", value_name = "GLOB", help_heading = "Files")]
    pub globs: Vec<Glob>,
    /// Take files of directories below, too; the outputs come into directories of the same names
    /// below OUTPUT_DIR. Links to directories are not followed
    #[arg(long, short = 'r', value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true, help_heading = "Files")]
    pub recursive: Option<bool>,
    /// What to do with files that are not JLD2: skip leaves them where they are, copy and link take
    /// them along, so that OUTPUT_DIR can take INPUT_DIR's place [default: skip]
    #[arg(long, value_name = "WHAT", help_heading = "Files")]
    pub others: Option<Others>,
    /// Only part I of N of the files, balanced by bytes [default: from SLURM, else 1/1]
    #[arg(long, value_name = "I/N", help_heading = "Files")]
    pub shard: Option<Shard>,
    /// What to do where a file has an output's name that this program did not make: fail does
    /// nothing at all, skip leaves it alone, keep-both moves it to .jldconv/replaced/ [default: fail]
    #[arg(long, value_name = "WHAT", help_heading = "Files")]
    pub on_conflict: Option<OnConflict>,
    /// Also try again inputs that were found bad in an earlier run
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true, help_heading = "Files")]
    pub resume_failed: Option<bool>,

    /// Worker processes at a time; auto takes cores (two workers for each, where small files go to a
    /// disk), cgroups, SLURM and memory into account [default: auto]
    #[arg(long, short = 'j', value_name = "auto|N", value_parser = value::count,
          help_heading = "Workers and memory")]
    pub workers: Option<Count>,
    /// Lower bound for auto and for what memory shortage leaves [default: 1]
    #[arg(long, value_name = "N", value_parser = value::at_least_one,
          help_heading = "Workers and memory")]
    pub min_workers: Option<usize>,
    /// Upper bound for auto [default: 64]
    #[arg(long, value_name = "N", value_parser = value::at_least_one,
          help_heading = "Workers and memory")]
    pub max_workers: Option<usize>,
    /// Threads of one rewrite, no more than cores [default: auto]
    #[arg(long, value_name = "auto|N", value_parser = value::count,
          help_heading = "Workers and memory")]
    pub threads_per_worker: Option<Count>,
    /// Keep each worker on its own cores
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true, help_heading = "Workers and memory")]
    pub pin: Option<bool>,
    /// Share of the memory limit that may be used [default: 0.8]
    #[arg(long, value_name = "SHARE", help_heading = "Workers and memory")]
    pub safety_margin: Option<Share>,
    /// Memory limit, for instance 24GiB; never above what the system grants [default: detected]
    #[arg(long, value_name = "SIZE", help_heading = "Workers and memory")]
    pub memory_limit: Option<Size>,
    /// Where lists of links and paths go that are too long for a worker's memory (12 MiB), in files
    /// without a name [default: .jldconv/tmp in OUTPUT_DIR]
    #[arg(long, value_name = "DIR", help_heading = "Workers and memory")]
    pub scratch: Option<PathBuf>,

    /// Attempts for a file whose worker was killed or could not write [default: 3]
    #[arg(long, value_name = "N", help_heading = "Faults and stopping")]
    pub retries: Option<u32>,
    /// A worker that shows no life for so long is stopped [default: 10min]
    #[arg(long, value_name = "TIME", help_heading = "Faults and stopping")]
    pub stall_timeout: Option<Span>,
    /// How long running files may go on after Ctrl-C or SIGTERM [default: 60s]
    #[arg(long, value_name = "TIME", help_heading = "Faults and stopping")]
    pub grace: Option<Span>,
    /// What a full disk does: pause until there is space, or fail the file [default: pause]
    #[arg(long, value_name = "WHAT", help_heading = "Faults and stopping")]
    pub on_full: Option<OnFull>,
    /// SIGUSR1 ends the run resumable (exit code 3) instead of printing its status
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true, help_heading = "Faults and stopping")]
    pub drain_on_usr1: Option<bool>,

    /// Write a report of the run: a page if the name ends in .html, a table if in .csv, else JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,
    /// Show the run to browsers while it goes: the pictures of the page that --report x.html writes,
    /// live, and nothing that could be changed. Only who has the printed address, with its token, sees
    /// it [default: a free port of 127.0.0.1]
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, require_equals = true,
          default_missing_value = "127.0.0.1:0", value_parser = value::listen,
          help_heading = "Output")]
    pub dashboard: Option<value::Listen>,
    /// bar draws bars, plain prints one line a file, json prints one JSON object an event
    /// [default: auto]
    #[arg(long, value_name = "HOW", help_heading = "Output")]
    pub progress: Option<Progress>,
    /// Write what -v tells to a file instead of the terminal, as JSON lines
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub log: Option<PathBuf>,
    /// Colours: auto takes them on a terminal; NO_COLOR and CLICOLOR_FORCE count [default: auto]
    #[arg(long, value_name = "WHEN", help_heading = "Output")]
    pub color: Option<Color>,
    /// With --progress plain: a line after each such time without one; 0s for none [default: 1min]
    #[arg(long, value_name = "TIME", help_heading = "Output")]
    pub heartbeat: Option<Span>,
    /// Run a command when the run has ended, however it ended; words as in a shell, but there is no
    /// shell. In its arguments {report}, {outcome} (done, failed, interrupted, error), {code},
    /// {summary}, {output}, {id} and {shard} are filled in; its environment has them as
    /// JLDCONV_RUN_REPORT and so on. Its own failure is told and changes nothing
    #[arg(long, value_name = "COMMAND", help_heading = "Output")]
    pub on_finish: Option<CommandWords>,
    /// How long that command may take before it is killed [default: 1min]
    #[arg(long, value_name = "TIME", help_heading = "Output")]
    pub on_finish_timeout: Option<Span>,
}

/// All that a run can be told, by whichever way.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
pub struct Layer {
    /// The archive: a directory of <PREFIX>NNNNN.jld2; or one or several files, directories and quoted
    /// patterns
    #[arg(value_name = "INPUT_DIR")]
    pub input_dir: Option<PathBuf>,
    /// Where the outputs go; made where it is missing. Of several paths the last, but none in place
    #[arg(value_name = "OUTPUT_DIR")]
    pub output_dir: Option<PathBuf>,
    /// Further paths; the last of all is the output directory.
    #[arg(value_name = "PATH", hide = true)]
    pub more_paths: Vec<PathBuf>,
    /// Which files, and how the run goes.
    #[command(flatten)]
    pub batch: BatchFlags,
    /// How each file is converted.
    #[command(flatten)]
    pub conversion: ConversionFlags,
    /// Do not ask, go
    #[arg(long, short = 'y', value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(),
          hide_possible_values = true, help_heading = "Output")]
    pub yes: Option<bool>,
    /// Say more: -v what happens, -vv why, -vvv everything
    #[arg(long, short = 'v', action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
}
