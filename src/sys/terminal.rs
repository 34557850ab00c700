//! Asks the terminal what pictures it can show.
//!
//! Facts: xterm's control sequences (primary device attributes; 4 is sixel), kitty's "Terminal
//! graphics protocol" (querying support: the answer comes before that to device attributes).

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcgetwinsize,
    tcsetattr,
};
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Graphics {
    /// Sixels.
    pub sixel: bool,
    /// Kitty's protocol.
    pub kitty: bool,
    /// Ctrl-C was typed meanwhile.
    pub interrupted: bool,
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
    terminal: BorrowedFd<'t>,
    before: Termios,
}

impl<'t> Quiet<'t> {
    fn new(terminal: BorrowedFd<'t>) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        // Without signals, so that none leaves the terminal as it is now.
        quiet.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 0;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(terminal, OptionalActions::Now, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

fn asked(wait: Duration) -> io::Result<Graphics> {
    let (stdin, stdout) = (io::stdin(), io::stdout());
    if !stdin.is_terminal() || !stdout.is_terminal() {
        return Ok(Graphics::default());
    }
    match tcgetpgrp(&stdin) {
        Ok(foreground) if foreground != getpgrp() => return Ok(Graphics::default()),
        // Not the terminal that could stop this process.
        Ok(_) | Err(Errno::NOTTY) => {}
        Err(error) => return Err(error.into()),
    }
    let mut out = stdout.lock();
    let quiet = Quiet::new(stdin.as_fd())?;
    out.write_all(QUESTION)?;
    out.flush()?;
    let answer = answer(stdin.as_fd(), Instant::now() + wait);
    out.write_all(WIPED)?;
    out.flush()?;
    drop(quiet);
    let (bytes, interrupted) = answer?;
    Ok(Graphics { interrupted, ..understood(&bytes).unwrap_or_default() })
}

/// What comes until the answer is complete or time is up, and whether Ctrl-C was typed.
fn answer(terminal: BorrowedFd<'_>, until: Instant) -> io::Result<(Vec<u8>, bool)> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 256]);
    while understood(&bytes).is_none() && bytes.len() < MOST {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut ready = [PollFd::new(&terminal, PollFlags::IN)];
        match poll(&mut ready, Some(&timeout)) {
            Ok(0) => break,
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let count = rustix::io::read(terminal, &mut piece)?;
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
    let sixel = numbers.any(|number| number == b"4");
    Some(Graphics { sixel, kitty, interrupted: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood_when_they_are_complete() {
        let graphics = |sixel, kitty| Some(Graphics { sixel, kitty, interrupted: false });
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
