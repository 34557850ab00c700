//! Looks at what this machine, its limits and SLURM give a run.

use super::Checkup;
use crate::protocol::SocketDir;
use crate::supervisor::{Bounds, Settings, Slurm};
use crate::sys::machine;
use crate::text;
use nix::sys::resource::{Resource, getrlimit};
use std::io;

/// Descriptors of the supervisor beside those of its workers, and of each worker, rounded up.
const FILES: (u64, u64) = (64, 8);

pub(super) fn examine(checkup: &mut Checkup) {
    let here = machine::machine();
    checkup.ok("version", format!("jldconv {}", env!("CARGO_PKG_VERSION")));
    checkup.ok("system", format!("{}, Linux {}, {}", here.system, here.kernel, here.host));
    let bounds = Bounds::now(Settings::SAFETY_MARGIN, Slurm::from_env());
    cores(checkup, &bounds, here.cores);
    memory(checkup, &bounds);
    limits(checkup, bounds.cores as u64);
    slurm(checkup);
    sockets(checkup);
    workers(checkup);
}

/// Workers are this program again, by a name that only /proc has.
fn workers(checkup: &mut Checkup) {
    match std::fs::File::open("/proc/self/exe") {
        Ok(_) => checkup.ok("workers", "this program can be started again"),
        Err(error) => {
            let found = format!("/proc/self/exe: {error}");
            let advice = "mount -t proc proc /proc: without it no worker can be started";
            checkup.problem("workers", found, advice);
        }
    }
}

fn cores(checkup: &mut Checkup, bounds: &Bounds, machine: u64) {
    let online = std::fs::read_to_string("/proc/cpuinfo")
        .map_or(0, |text| text.lines().filter(|line| line.starts_with("processor")).count() as u64);
    let cores = bounds.cores as u64;
    let source = match bounds.cores_source {
        "cores" => String::new(),
        source => format!(" ({source})"),
    };
    let told = format!("{}{source}", text::count(cores, "core"));
    if cores < machine.max(online) {
        let why = format!("the machine has {}; a run uses what it was given", machine.max(online));
        checkup.note("cores", told, why);
    } else {
        checkup.ok("cores", told);
    }
}

fn memory(checkup: &mut Checkup, bounds: &Bounds) {
    let memory = &bounds.memory;
    let told = format!(
        "{} ({}), {} in use; a run uses up to {}",
        text::bytes(memory.limit),
        memory.limit_source,
        text::bytes(memory.used),
        text::bytes(memory.budget)
    );
    if bounds.memory.limit == 0 {
        let advice = "say --memory-limit: is /proc mounted?";
        checkup.note("memory", "the system does not tell its memory", advice);
    } else if bounds.headroom < 64 << 20 {
        let advice = "end other programs, or ask for more (SLURM: --mem): files would run one at a \
                      time";
        checkup.problem("memory", told, advice);
    } else {
        checkup.ok("memory", told);
    }
}

fn limits(checkup: &mut Checkup, workers: u64) {
    let soft = |resource| getrlimit(resource).map_or(u64::MAX, |(soft, _)| soft);
    let files = soft(Resource::RLIMIT_NOFILE);
    let needed = FILES.0.saturating_add(FILES.1.saturating_mul(workers));
    if files < needed {
        let found = format!("{files} open files a process; {workers} workers need {needed}");
        checkup.problem("limits", found, format!("ulimit -n {needed}, or fewer --workers"));
    }
    let size = soft(Resource::RLIMIT_FSIZE);
    if size != u64::MAX {
        let found = format!("files may not be larger than {} (ulimit -f)", text::bytes(size));
        checkup.problem("limits", found, "ulimit -f unlimited");
    }
    let mut tight = false;
    for (resource, flag) in [(Resource::RLIMIT_AS, "-v"), (Resource::RLIMIT_DATA, "-d")] {
        let bytes = soft(resource);
        if bytes < 1 << 30 {
            tight = true;
            let found = format!("a process may have {} (ulimit {flag})", text::bytes(bytes));
            checkup.note(
                "limits",
                found,
                format!("ulimit {flag} unlimited if workers fail for memory"),
            );
        }
    }
    if files >= needed && size == u64::MAX && !tight {
        checkup.ok("limits", format!("{files} open files, no limit of a file's size"));
    }
}

fn slurm(checkup: &mut Checkup) {
    let job = std::env::var("SLURM_JOB_ID").unwrap_or_default();
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join("sbatch").is_file()));
    match (job.is_empty(), found) {
        (false, _) => {
            let array = std::env::var("SLURM_ARRAY_TASK_ID").unwrap_or_default();
            let array = if array.is_empty() { String::new() } else { format!(", task {array}") };
            checkup.ok("SLURM", format!("job {job}{array}"));
        }
        (true, true) => {
            let advice = "jldconv-supervisor slurm IN OUT writes a job array; login nodes are not for \
                          long runs";
            checkup.note("SLURM", "sbatch is here, and this is not a job", advice);
        }
        (true, false) => checkup.ok("SLURM", "not here, and not needed"),
    }
}

/// Meets itself over a socket, as supervisor and worker do.
fn sockets(checkup: &mut Checkup) {
    let met = (|| -> io::Result<String> {
        let dir = SocketDir::create(&SocketDir::parents())?;
        let address = dir.address(0);
        let listener = address.listen()?;
        let _there = address.connect()?;
        match listener.accept_from(std::process::id())? {
            Some(_) => Ok(address.to_text().to_string_lossy().into_owned()),
            None => Err(io::Error::other("nobody came who had connected")),
        }
    })();
    match met {
        Ok(place) => checkup.ok("sockets", place),
        Err(error) => {
            let advice = "a writable directory with a short name in XDG_RUNTIME_DIR or TMPDIR";
            checkup.problem("sockets", format!("none can be made: {error}"), advice);
        }
    }
}
