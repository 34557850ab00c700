//! Listens to signals to the supervisor.

use crate::sys::process::{ignores, signal_name};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::{Handle, Signals};
use std::io;

/// What a signal asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Come to an end; the signal's name.
    End(String),
    /// Say what you are doing.
    Status,
}

/// Listens to signals until it is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    handle: Handle,
}

impl Listening {
    /// Starts the thread. `drain_on_usr1` makes SIGUSR1 (a SLURM job's warning) ask for the end.
    ///
    /// # Errors
    /// The handlers cannot be set, or there is no thread left.
    pub(crate) fn start(
        drain_on_usr1: bool,
        tell: impl Fn(Asked) + Send + 'static,
    ) -> io::Result<Self> {
        let mut wanted = vec![SIGINT, SIGTERM, SIGUSR1];
        // `nohup` asks to outlive the terminal.
        if !ignores(SIGHUP) {
            wanted.push(SIGHUP);
        }
        let mut signals = Signals::new(wanted)?;
        let handle = signals.handle();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            let mut drains = 0;
            for signal in signals.forever() {
                if signal == SIGUSR1 {
                    // The warning may come more than once; only the first is one.
                    if !drain_on_usr1 {
                        tell(Asked::Status);
                    } else if drains == 0 {
                        drains += 1;
                        tell(Asked::End(signal_name(signal)));
                    }
                } else {
                    drains += 1;
                    tell(Asked::End(signal_name(signal)));
                }
            }
        })?;
        Ok(Self { handle })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.handle.close();
    }
}
