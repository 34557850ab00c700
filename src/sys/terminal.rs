//! Asks the terminal what pictures it can show.
//!
//! Facts: xterm's control sequences (primary device attributes; 4 is sixel), kitty's "Terminal
//! graphics protocol" (querying support: the answer comes before that to device attributes).

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcgetwinsize,
    tcsetattr,
};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant};

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Graphics {
    /// Sixels.
    pub sixel: bool,
    /// Kitty's protocol.
    pub kitty: bool,
}

/// How large a terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Characters across and down.
    pub characters: [usize; 2],
    /// Pixels across and down, where it says so.
    pub pixels: Option<[usize; 2]>,
}

/// A picture of one pixel that is not to be shown, and the attributes of the device. What a terminal
/// that does not know the first may have printed is wiped away.
const QUESTION: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c";
const WIPED: &[u8] = b"\r\x1b[K";
/// Bytes of an answer, at most.
const MOST: usize = 4096;

/// Asks the terminal of this process, for so long at most. A process in the background does not ask:
/// it would be stopped.
pub fn graphics(wait: Duration) -> Graphics {
    asked(wait).unwrap_or_default()
}

/// The size of the terminal behind standard output.
pub fn size() -> Option<TerminalSize> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    let pair = |x: u16, y: u16| (x > 0 && y > 0).then(|| [usize::from(x), usize::from(y)]);
    let characters = pair(size.ws_col, size.ws_row)?;
    Some(TerminalSize { characters, pixels: pair(size.ws_xpixel, size.ws_ypixel) })
}

/// The terminal as it was, which it is again in the end.
struct Quiet<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Quiet<'t> {
    fn new(terminal: &'t File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        // Without signals, so that none leaves the terminal as it is now.
        quiet.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 0;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Drain, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Drain, &self.before);
    }
}

fn asked(wait: Duration) -> io::Result<Graphics> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut terminal = File::from(rustix::fs::open("/dev/tty", flags, Mode::empty())?);
    if tcgetpgrp(&terminal)? != getpgrp() {
        return Ok(Graphics::default());
    }
    let reader = terminal.try_clone()?;
    let quiet = Quiet::new(&reader)?;
    terminal.write_all(QUESTION)?;
    let answer = answer(&reader, Instant::now() + wait);
    terminal.write_all(WIPED)?;
    drop(quiet);
    let (bytes, interrupted) = answer?;
    if interrupted {
        // Ctrl-C was meant for the program.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT);
    }
    Ok(understood(&bytes).unwrap_or_default())
}

/// What comes until the answer is complete or time is up, and whether Ctrl-C was typed.
fn answer(mut terminal: &File, until: Instant) -> io::Result<(Vec<u8>, bool)> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 256]);
    while understood(&bytes).is_none() && bytes.len() < MOST {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let timeout = rustix::event::Timespec::try_from(left).map_err(io::Error::other)?;
        let mut ready = [PollFd::new(&terminal, PollFlags::IN)];
        match poll(&mut ready, Some(&timeout)) {
            Ok(0) => break,
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let count = terminal.read(&mut piece)?;
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
        if bytes.contains(&0x03) {
            return Ok((bytes, true));
        }
    }
    Ok((bytes, false))
}

/// What an answer says; none while it is not complete.
fn understood(bytes: &[u8]) -> Option<Graphics> {
    let find = |what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
    let attributes = find(b"\x1b[?")? + 3;
    let rest = bytes.get(attributes..)?;
    let end = rest.iter().position(|byte| *byte == b'c')?;
    let mut numbers = rest.get(..end)?.split(|byte| *byte == b';');
    let kitty = find(b"\x1b_Gi=31;OK").is_some();
    Some(Graphics { sixel: numbers.any(|number| number == b"4"), kitty })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood_when_they_are_complete() {
        let graphics = |sixel, kitty| Some(Graphics { sixel, kitty });
        for (bytes, expected) in [
            (&b""[..], None),
            (b"\x1b[?62;4", None),
            (b"\x1b_Gi=31;OK\x1b\\", None),
            (b"\x1b[?62;4;22c", graphics(true, false)),
            (b"\x1b[?62;44c", graphics(false, false)),
            (b"\x1b_Gi=31;OK\x1b\\\x1b[?62c", graphics(false, true)),
            (b"typed\x1b_Gi=31;ENOTSUP:no\x1b\\\x1b[?6c", graphics(false, false)),
        ] {
            assert_eq!(understood(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
