//! The terminal as bars are drawn on it, with the cursor left where a key that is typed does no harm.
//!
//! What draws the bars fills their last line up to the terminal's edge; a `^C` that the terminal
//! echoes there would take a line of its own, and all that is drawn later would be off by one. So
//! the filling is left out, and the cursor stays behind the last word.

use indicatif::TermLike;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

/// Stands at the end of the last line of the bars; nothing is seen of it.
pub(super) const END: char = '\u{2063}';

/// Standard error.
#[derive(Debug)]
pub(super) struct BarTerm {
    size: fn() -> (u16, u16),
    /// What was written since the last flush.
    written: Mutex<String>,
}

impl BarTerm {
    /// `size` tells rows and columns.
    pub(super) fn new(size: fn() -> (u16, u16)) -> Self {
        Self { size, written: Mutex::default() }
    }

    fn add(&self, text: &str) {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
    }

    /// Moves the cursor `n` places; `way` is the last letter of the order.
    fn go(&self, n: usize, way: char) {
        if n > 0 {
            self.add(&format!("\x1b[{n}{way}"));
        }
    }
}

/// `written` without what fills the last line behind its end.
fn unfilled(written: &str) -> &str {
    let text = written.trim_end_matches(' ');
    text.strip_suffix(END).unwrap_or(written)
}

impl TermLike for BarTerm {
    fn width(&self) -> u16 {
        (self.size)().1
    }

    fn height(&self) -> u16 {
        (self.size)().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.go(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.go(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.go(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.go(n, 'D');
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.add(text);
        self.add("\n");
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add("\r\x1b[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let text = std::mem::take(&mut *written);
        let mut err = io::stderr().lock();
        err.write_all(unfilled(&text).as_bytes())?;
        err.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fills_the_last_line_is_left_out() {
        assert_eq!(unfilled("a  \nb c\u{2063}    "), "a  \nb c");
        assert_eq!(unfilled("a line that was printed    "), "a line that was printed    ");
        assert_eq!(unfilled(""), "");
    }
}
