//! A program on a terminal of its own.

use nix::pty::{Winsize, openpty};
use std::fs::File;
use std::io::Read as _;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};

/// A program whose input, output and errors are one terminal.
pub(crate) struct Pty {
    pub(crate) child: Child,
    /// What is written here is typed.
    pub(crate) keys: File,
    /// What the program wrote; at an end when it and all that it started are gone.
    pub(crate) pieces: Receiver<Vec<u8>>,
}

impl Pty {
    /// Starts `command` on a terminal of so many rows and columns.
    pub(crate) fn start(mut command: Command, (rows, columns): (u16, u16)) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let (keys, theirs) = (File::from(pty.master), File::from(pty.slave));
        command.env("TERM", "xterm");
        command.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap());
        let child = command.stderr(theirs).spawn().unwrap();
        // With it goes our side of what the program has.
        drop(command);
        let mut reader = keys.try_clone().unwrap();
        let (told, pieces) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // A terminal that its last program left gives an error.
            while let Ok(count @ 1..) = reader.read(&mut piece) {
                if told.send(piece[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keys, pieces }
    }
}
