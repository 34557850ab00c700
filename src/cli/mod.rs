//! Reads command lines, config file and environment; no logic.

mod ask;
mod build_info;
mod command_words;
mod completions;
mod export;
mod flags;
mod help;
mod interactive;
mod limits;
mod look;
mod movie;
mod numbers;
mod one_file;
mod places;
mod prepare;
mod raw_settings;
mod reference;
mod refusal;
mod resolve;
mod rules;
mod scan;
mod scratch;
mod series;
mod settings_sources;
mod slips;
mod slurm;
mod slurm_script;
mod supervisor;
mod target;
mod test_hooks;
mod trust;
mod tune;
mod typed;
mod usage_error;
mod value;

pub use ask::{OrderArgs, StatusArgs};
pub use build_info::build_info;
pub use command_words::CommandWords;
pub use completions::{CompletionsArgs, completions};
pub use export::{ExportAllArgs, ExportArgs, FormatFlag, WantedFlags};
pub use flags::{BatchFlags, ConversionFlags, Layer};
pub use interactive::Dialogue;
pub use limits::LimitFlags;
pub use look::{
    AlongFlag, AxisFlag, DrawFlags, LookArgs, PhaseAxes, Plane, TerminalFlag, ViewFlags,
};
pub use movie::LookAllArgs;
pub use numbers::{InfoArgs, ReadingFlags, ScaleFlag, SelectionFlags, StatsArgs};
pub use one_file::{
    CommitArgs, ConvertArgs, DoctorArgs, DumpArgs, InspectArgs, JldconvCli, JldconvCommand,
    RescueArgs, UndoArgs, VerifyArgs,
};
pub use prepare::{Prepared, prepare};
pub use raw_settings::Said;
pub use reference::reference;
pub use refusal::refuse;
pub use resolve::{Run, View, limit_of_one, options, resolve};
pub use rules::{RulesCommand, RulesDraftArgs, RulesTestArgs, TypesArgs};
pub use scan::{Depth, ScanArgs};
pub use scratch::ScratchFlag;
pub use series::SeriesArgs;
pub use settings_sources::{CONFIG_FILE, FromEnv, SourceError, from_env, from_file};
pub use slips::{Meant, jldconv_meant, path_like, paths_meant, supervisor_meant};
pub use slurm::{SUBMIT, SlurmArgs, SlurmFlags, submit};
pub use slurm_script::script;
pub use supervisor::{
    Gathered, Parsed, ReportArgs, StartFlags, SupervisorCli, SupervisorCommand, VerifyPairsArgs,
    config_file,
};
pub use target::{TargetCheckArgs, TargetCommand, TargetListArgs, TargetShowArgs};
pub use test_hooks::asked_for_in_vain;
pub use tune::TuneArgs;
pub use usage_error::UsageError;
pub use value::{Share, Size, Span};
