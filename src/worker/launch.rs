//! Passes on what a worker is told when it is started: one half used by the supervisor, one by the
//! worker.

use crate::convert::scratch;
use crate::protocol::{Address, AddressError, Token};
use crate::sys::process::take_env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};
use tracing::level_filters::LevelFilter;

/// The hidden subcommand by which an executable becomes a worker.
pub const SUBCOMMAND: &str = "__worker";
const SOCKET: &str = "JLDCONV_SOCKET";
const TOKEN: &str = "JLDCONV_TOKEN";
const LOG: &str = "JLDCONV_WORKER_LOG";

/// The only variables that a worker inherits: where shared libraries are, how to tell of panics, and
/// where temporary files go.
const INHERITED: [&str; 5] =
    ["LD_LIBRARY_PATH", "HDF5_PLUGIN_PATH", "RUST_BACKTRACE", "LLVM_PROFILE_FILE", "TMPDIR"];

/// Why a worker cannot begin, or ended too early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// Started by hand, or by another version.
    #[error("a worker is started by jldconv-supervisor only ({0} is missing or wrong)")]
    NotLaunched(&'static str),
    /// The address makes no sense.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The supervisor ended in the meantime.
    #[error("supervisor {parent} is gone")]
    Orphan {
        /// Its process id.
        parent: u32,
    },
    /// Death with the parent or the cores could not be set.
    #[error("cannot set up the worker: {0}")]
    Setup(#[source] std::io::Error),
    /// `JLDCONV_FAULT` makes no sense.
    #[error("JLDCONV_FAULT: {0}")]
    FailureKind(String),
    /// Nobody listens at the address.
    #[error("cannot reach the supervisor: {0}")]
    Connect(#[source] std::io::Error),
    /// The supervisor went away or talked nonsense.
    #[error("lost the supervisor: {0}")]
    Lost(#[source] std::io::Error),
}

/// What a worker is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Where to connect.
    pub address: Address,
    /// What to show there.
    pub token: Token,
    /// The supervisor's process id.
    pub parent: u32,
    /// The cores to stay on; all if empty.
    pub cores: Vec<usize>,
    /// How much the log takes.
    pub log: LevelFilter,
}

impl Launch {
    /// The command that starts a worker: `program` with `args` first. It inherits neither input,
    /// nor output, nor environment beyond the few variables that it needs.
    pub fn command(&self, program: &Path, args: &[OsString]) -> Command {
        let mut command = Command::new(program);
        let cores: Vec<String> = self.cores.iter().map(usize::to_string).collect();
        command
            .args(args)
            .arg(self.parent.to_string())
            .arg(cores.join(","))
            .env_clear()
            .env(SOCKET, self.address.to_text())
            .env(TOKEN, self.token.to_hex())
            .env(LOG, self.log.to_string())
            // A worker has few threads; more arenas only hold memory back.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for name in INHERITED.iter().chain(super::fault::INHERITED) {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        scratch::hand_on(&mut command);
        command
    }

    /// What this process was told. The secret is taken out of the environment.
    pub(super) fn receive(args: impl IntoIterator<Item = OsString>) -> Result<Self, LaunchError> {
        let take =
            |name: &'static str| take_env(OsStr::new(name)).ok_or(LaunchError::NotLaunched(name));
        let (address, token) = (take(SOCKET)?, take(TOKEN)?);
        let log = take_env(OsStr::new(LOG)).unwrap_or_default();
        Self::parse(address, &token, &log, args)
    }

    fn parse(
        address: OsString,
        token: &OsStr,
        log: &OsStr,
        args: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, LaunchError> {
        let token = token.to_str().and_then(Token::from_hex);
        let mut args = args.into_iter();
        let mut next = || args.next().and_then(|arg| arg.into_string().ok());
        let parent = next().and_then(|text| text.parse().ok());
        let cores = next().and_then(|text| {
            text.split(',').filter(|core| !core.is_empty()).map(|core| core.parse().ok()).collect()
        });
        Ok(Self {
            address: Address::from_text(address)?,
            token: token.ok_or(LaunchError::NotLaunched(TOKEN))?,
            parent: parent.ok_or(LaunchError::NotLaunched("the supervisor's id"))?,
            cores: cores.ok_or(LaunchError::NotLaunched("the list of cores"))?,
            // A worker without a log works as well.
            log: log.to_str().and_then(|log| log.parse().ok()).unwrap_or(LevelFilter::OFF),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_told_what_its_supervisor_said() {
        for (cores, log) in [(vec![], LevelFilter::OFF), (vec![3, 5], LevelFilter::DEBUG)] {
            let launch = Launch {
                address: Address::Abstract("here".into()),
                token: Token::random().unwrap(),
                parent: 77,
                cores,
                log,
            };
            let command = launch.command(Path::new("/x"), &[SUBCOMMAND.into()]);
            let envs: Vec<_> = command.get_envs().collect();
            let env = |name: &str| {
                envs.iter().find(|(key, _)| *key == name).unwrap().1.unwrap().to_owned()
            };
            let mut args = command.get_args().map(OsStr::to_owned);
            assert_eq!(args.next().unwrap(), SUBCOMMAND);
            assert_eq!(Launch::parse(env(SOCKET), &env(TOKEN), &env(LOG), args).unwrap(), launch);
            assert!(envs.iter().all(|(key, _)| *key != "HOME" && *key != "PATH"));
        }
    }

    #[test]
    fn a_worker_cannot_be_started_by_hand() {
        let address = || Address::Abstract("here".into()).to_text();
        let token = OsString::from(Token::random().unwrap().to_hex());
        assert!(Launch::parse(address(), &token, OsStr::new(""), []).is_err());
        assert!(Launch::parse(address(), &token, OsStr::new(""), ["1".into()]).is_err());
        assert!(
            Launch::parse(address(), &token, OsStr::new(""), ["1".into(), "0,x".into()]).is_err()
        );
        assert!(
            Launch::parse(address(), OsStr::new("guess"), OsStr::new(""), ["1".into(), "".into()])
                .is_err()
        );
        assert!(Launch::parse("".into(), &token, OsStr::new(""), ["1".into(), "".into()]).is_err());
    }
}
