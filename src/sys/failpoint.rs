//! Defines points at which a test can make this process die.
//!
//! With the cargo feature `fault`, the environment variable `JLDCONV_CRASH_AT` names one point and
//! the process sends itself SIGKILL there: no unwinding, no destructors, as if the machine's
//! out-of-memory killer had come. Without the feature every function here is empty.
//!
//! The variable holds `[before-|torn-|after-]<step>[:<n>]`: die when the `n`th (default first)
//! passing of that step begins, is half-way through its write, or has ended. `any:<n>` is the `n`th
//! point of whatever step, which lets a test walk through all of them.

/// What the process is about to do to the disk, or has just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Creating the temporary file.
    Create,
    /// Copying one piece of the input.
    Copy,
    /// Writing the appended block of an edit list to a copy.
    EditAppend,
    /// Cutting a copy to its new length.
    EditTruncate,
    /// Writing one replacement to a copy.
    EditReplace,
    /// Giving a finished copy its permissions and times.
    Metadata,
    /// Syncing a finished copy.
    Sync,
    /// Giving the copy its final name.
    Rename,
    /// Syncing the directory that holds the final name.
    DirSync,
    /// Moving what has the output's name out of the way, to be kept.
    SetAside,
    /// Giving a finished copy the name from which it changes places with what it replaces.
    Stage,
    /// Removing what was replaced.
    ReplacedRemove,
    /// Creating the undo file under its provisional name.
    UndoCreate,
    /// Writing the undo file.
    UndoWrite,
    /// Syncing the undo file.
    UndoSync,
    /// Giving the undo file its name.
    UndoRename,
    /// Syncing the undo file's directory.
    UndoDirSync,
    /// Appending to a file in place.
    InPlaceAppend,
    /// Cutting a file in place to its new length.
    InPlaceTruncate,
    /// Replacing bytes in place.
    InPlaceReplace,
    /// Syncing a file changed in place.
    InPlaceSync,
    /// Writing the digest of what was appended into the undo file.
    DigestWrite,
    /// Syncing that digest.
    DigestSync,
    /// Marking the change as complete in the undo file.
    DoneWrite,
    /// Syncing that mark.
    DoneSync,
    /// Marking in the undo file that the old bytes are coming back.
    BackMark,
    /// Syncing that mark.
    BackMarkSync,
    /// Writing old bytes back.
    BackReplace,
    /// Writing the old tail back.
    BackTail,
    /// Setting the old length again.
    BackTruncate,
    /// Setting the old times again.
    BackTimes,
    /// Syncing the restored file.
    BackSync,
    /// Removing the undo file.
    UndoRemove,
}

impl Step {
    /// The step's name in `JLDCONV_CRASH_AT`: its identifier in kebab case, e.g. `edit-append`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for c in format!("{self:?}").chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }
}

#[cfg(not(feature = "fault"))]
mod imp {
    use super::Step;

    #[inline]
    pub(super) fn before(_: Step) {}
    #[inline]
    pub(super) fn after(_: Step) {}
    #[inline]
    pub(super) fn torn(_: Step) -> bool {
        false
    }
    #[inline]
    pub(super) fn die() {}
}

#[cfg(feature = "fault")]
mod imp {
    use super::Step;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Trigger {
        /// `before-rename`, or `any`.
        point: String,
        /// Passings left; dies when it reaches zero.
        left: AtomicU64,
    }

    static TRIGGER: OnceLock<Option<Trigger>> = OnceLock::new();

    fn parse(text: &str) -> Trigger {
        let (point, n) = match text.rsplit_once(':') {
            Some((point, n)) => (point, n.parse().unwrap_or(1)),
            None => (text, 1),
        };
        let prefixed = ["before-", "torn-", "after-"].iter().any(|p| point.starts_with(p));
        let point =
            if prefixed || point == "any" { point.to_owned() } else { format!("before-{point}") };
        Trigger { point, left: AtomicU64::new(n) }
    }

    fn hit(when: &str, step: Step) -> bool {
        let trigger =
            TRIGGER.get_or_init(|| std::env::var("JLDCONV_CRASH_AT").ok().map(|v| parse(&v)));
        let Some(trigger) = trigger else { return false };
        let here = trigger.point == "any" || trigger.point == format!("{when}-{}", step.name());
        here && trigger.left.fetch_sub(1, Ordering::Relaxed) == 1
    }

    pub(super) fn before(step: Step) {
        if hit("before", step) {
            die();
        }
    }
    pub(super) fn after(step: Step) {
        if hit("after", step) {
            die();
        }
    }
    pub(super) fn torn(step: Step) -> bool {
        hit("torn", step)
    }
    pub(super) fn die() {
        let pid = rustix::process::getpid();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        std::process::abort();
    }
}

/// To be called right before `step`.
#[inline]
pub fn before(step: Step) {
    imp::before(step);
}

/// To be called right after `step`.
#[inline]
pub fn after(step: Step) {
    imp::after(step);
}

/// Whether the write that `step` makes is to be cut in half; the writer then calls [`die`].
#[inline]
pub fn torn(step: Step) -> bool {
    imp::torn(step)
}

/// Ends the process with SIGKILL (does nothing without the feature `fault`).
#[inline]
pub fn die() {
    imp::die();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case() {
        assert_eq!(Step::EditAppend.name(), "edit-append");
        assert_eq!(Step::InPlaceSync.name(), "in-place-sync");
        assert_eq!(Step::Sync.name(), "sync");
    }
}
