//! Describes the machine that this runs on: its memory, its processor, its system. Read with
//! `sysinfo`.

use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::io;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, System};

/// The machine's memory in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MachineMemory {
    /// What there is.
    pub total: u64,
    /// What could be given to a process without swapping.
    pub available: u64,
}

/// The machine, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its name in the network.
    pub host: String,
    /// Name of its processor; empty where the kernel does not tell.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: u64,
    /// Memory in bytes.
    pub memory: u64,
    /// Name and version of the operating system.
    pub system: String,
    /// Version of the kernel.
    pub kernel: String,
}

thread_local! {
    /// Kept: making a new one reads more than the memory.
    static SYSTEM: RefCell<Option<System>> = const { RefCell::new(None) };
}

/// The machine's memory.
///
/// # Errors
/// `/proc/meminfo` cannot be read.
pub fn memory() -> io::Result<MachineMemory> {
    SYSTEM.with_borrow_mut(|slot| {
        let system = match slot {
            Some(system) => system,
            None => slot.insert(System::new().map_err(io::Error::other)?),
        };
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        match (system.total_memory(), system.available_memory()) {
            (0, _) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "/proc/meminfo tells nothing"))
            }
            (total, available) => Ok(MachineMemory { total, available }),
        }
    })
}

/// The machine, as far as it tells.
pub fn machine() -> Machine {
    let mut processor = String::new();
    if let Ok(mut system) = System::new() {
        system.refresh_cpu_list(CpuRefreshKind::nothing());
        processor = system.cpus().first().map_or_else(String::new, |cpu| cpu.brand().to_owned());
    }
    let name = System::name().unwrap_or_else(|_| "Linux".to_owned());
    let version = System::os_version().map_or_else(|_| String::new(), |it| format!(" {it}"));
    Machine {
        host: super::process::hostname(),
        processor: processor.split_whitespace().collect::<Vec<_>>().join(" "),
        cores: std::thread::available_parallelism().map_or(1, usize::from) as u64,
        memory: memory().unwrap_or_default().total,
        system: format!("{name}{version}"),
        kernel: System::kernel_version().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel itself says, in bytes.
    fn meminfo(key: &str) -> u64 {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap();
        line.trim().strip_suffix("kB").unwrap().trim().parse::<u64>().unwrap() << 10
    }

    #[test]
    fn the_memory_is_what_the_kernel_says() {
        let before = meminfo("MemAvailable");
        let read = memory().unwrap();
        let after = meminfo("MemAvailable");
        assert_eq!(read.total, meminfo("MemTotal"));
        // Others take and give memory meanwhile.
        let slack = 256 << 20;
        assert!(read.available >= before.min(after).saturating_sub(slack), "{read:?} {before}");
        assert!(read.available <= before.max(after) + slack, "{read:?} {after}");
    }

    #[test]
    fn a_machine_has_a_name_memory_cores_and_a_system() {
        let machine = machine();
        assert_eq!(machine.memory, meminfo("MemTotal"));
        assert!(machine.cores > 0 && !machine.host.is_empty());
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(machine.kernel, release.trim());
        assert!(!machine.system.is_empty());
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        if let Some(line) = cpuinfo.lines().find(|line| line.starts_with("model name")) {
            let name = line.split_once(':').unwrap().1;
            let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(machine.processor, name);
        }
    }
}
