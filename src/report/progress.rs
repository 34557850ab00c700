//! Decides in which way a run is shown.

/// What appears while a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Progress {
    /// Bars on a terminal, lines otherwise.
    #[default]
    Auto,
    /// One bar for the run and one line for each busy slot.
    Bar,
    /// One line for each file.
    Plain,
    /// One JSON object for each event.
    Json,
    /// Nothing but errors.
    None,
}
