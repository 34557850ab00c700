//! Writes the batch script of a job array: one shard a task.
//!
//! SLURM's warning before the wall time goes to the batch shell alone (`--signal=B:`), so the shell
//! stays, hands it on, and waits: the supervisor then drains and ends with exit code 3, and the
//! shell has the task queued again. A task that was cancelled is not queued again. No argument is
//! ever read by a shell as anything but itself: see [`quote`].

use super::flags::Layer;
use super::slurm::SlurmFlags;
use super::usage_error::UsageError;
use crate::cli::raw_settings::Said;
use crate::text::quote;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Settings that hold a file which each task writes for itself.
const PER_TASK: [&str; 2] = ["report", "log"];

const TAIL: &str = r#"
# SLURM's warning before the wall time reaches this shell only: hand it on. SIGTERM (scancel)
# reaches the supervisor by itself: only wait for its clean end.
pid=
warned=
early=
again=1
drain() {
    warned=1 again=1
    if [ -n "$pid" ]; then kill -USR1 "$pid" 2>/dev/null; else early=1; fi
}
trap drain USR1
trap 'warned= again=1' TERM

"$supervisor" "${arguments[@]}" &
pid=$!
[ -z "$early" ] || drain
while [ -n "$again" ]; do
    again=
    wait "$pid"
    code=$?
done

# 3: stopped on the way. The next run of this task goes on where this one stopped.
if [ "$code" -eq 3 ] && [ -n "$warned" ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$requeues" ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
"#;

/// Makes the batch script.
///
/// `program` is the supervisor's path, `said` all settings, with absolute paths.
///
/// # Errors
/// Where settings do not go together with a job array.
pub fn script(
    ask: &SlurmFlags,
    program: &Path,
    said: &Said,
    layer: &Layer,
) -> Result<String, UsageError> {
    if said.has("shard") {
        let why = "each task of the array gets its own shard";
        return Err(UsageError::Conflict("--shard".into(), "slurm".into(), why));
    }
    let grace = layer.batch.grace.map_or(Duration::from_mins(1), |grace| grace.0);
    if grace >= Duration::from_secs(ask.warn.into()) {
        let warn = format!("--warn {}", ask.warn);
        let why = "running files would still be at work when the wall time is over";
        return Err(UsageError::Conflict("--grace".into(), warn, why));
    }
    let mut text = String::from("#!/bin/bash\n");
    for option in options(ask) {
        let _ = writeln!(text, "#SBATCH {option}");
    }
    text.push_str(
        "\n# Made by jldconv-supervisor slurm. Each task converts one shard of the archive; ",
    );
    text.push_str("a task\n# that is run again goes on where it stopped.\n");
    let _ = writeln!(text, "requeues={}", ask.requeues);
    let _ = writeln!(text, "supervisor={}", quote(program.as_os_str()));
    text.push_str("arguments=(\n");
    let mut own = said.clone();
    own.set("yes", "true");
    own.set("drain-on-usr1", "true");
    for key in PER_TASK {
        own.unset(key);
    }
    let _ = writeln!(text, "    \"--shard=${{SLURM_ARRAY_TASK_ID:?}}/{}\"", ask.tasks);
    for (key, path) in PER_TASK.iter().zip([&layer.batch.report, &layer.batch.log]) {
        if let Some(path) = path {
            let _ = writeln!(text, "    {}", per_task(key, path));
        }
    }
    for _ in 0..layer.verbose {
        text.push_str("    -v\n");
    }
    for arg in own.args() {
        let _ = writeln!(text, "    {}", quote(&arg));
    }
    text.push_str(")\n");
    text.push_str(TAIL);
    Ok(text)
}

fn options(ask: &SlurmFlags) -> Vec<String> {
    let mut options = vec![format!("--job-name={}", ask.job_name)];
    let limit = ask.at_a_time.map_or_else(String::new, |most| format!("%{most}"));
    options.push(format!("--array=1-{}{limit}", ask.tasks));
    options.extend(
        ["--nodes=1", "--ntasks=1", "--output=%x-%A_%a.out", "--open-mode=append", "--requeue"]
            .map(str::to_owned),
    );
    options.push(format!("--signal=B:USR1@{}", ask.warn));
    let cpus = ask.cpus_per_task.map(|cpus| cpus.to_string());
    let said = [
        ("cpus-per-task", &cpus),
        ("time", &ask.time),
        ("mem", &ask.mem),
        ("partition", &ask.partition),
        ("account", &ask.account),
        ("qos", &ask.qos),
    ];
    let said = said.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    options.extend(said.map(|(name, value)| format!("--{name}={value}")));
    options.extend(ask.sbatch.iter().cloned());
    options
}

/// `--key=path` with the task's number before the path's extension.
fn per_task(key: &str, path: &Path) -> String {
    let mut before = OsString::from(format!("--{key}="));
    before.push(path.with_extension(""));
    before.push("-");
    let mut after = OsString::new();
    if let Some(extension) = path.extension() {
        after.push(".");
        after.push(extension);
    }
    format!("{}\"$SLURM_ARRAY_TASK_ID\"{}", quote(&before), quote(&after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::supervisor::{Parsed, SupervisorCommand};
    use crate::text::bash;
    use std::fs;
    use std::process::{Command, Stdio};

    fn made(args: &[&str], program: &Path) -> Result<String, UsageError> {
        let args = ["jldconv-supervisor", "slurm"].iter().chain(args).map(OsString::from);
        let mut parsed = Parsed::from_args(args).unwrap();
        let Some(SupervisorCommand::Slurm(slurm)) = parsed.cli.command else { panic!("no slurm") };
        parsed.said.make_absolute().unwrap();
        let layer = parsed.said.layer().unwrap();
        script(&slurm.ask, program, &parsed.said, &Layer { verbose: slurm.layer.verbose, ..layer })
    }

    #[test]
    fn the_least_that_one_can_ask_for() {
        let text = made(&["/in", "/out", "--tasks", "20"], Path::new("/bin/jldconv-supervisor"));
        insta::assert_snapshot!(text.unwrap(), @r#"
        #!/bin/bash
        #SBATCH --job-name=jldconv
        #SBATCH --array=1-20
        #SBATCH --nodes=1
        #SBATCH --ntasks=1
        #SBATCH --output=%x-%A_%a.out
        #SBATCH --open-mode=append
        #SBATCH --requeue
        #SBATCH --signal=B:USR1@120

        # Made by jldconv-supervisor slurm. Each task converts one shard of the archive; a task
        # that is run again goes on where it stopped.
        requeues=20
        supervisor='/bin/jldconv-supervisor'
        arguments=(
            "--shard=${SLURM_ARRAY_TASK_ID:?}/20"
            '--drain-on-usr1'
            '--yes'
            '--'
            '/in'
            '/out'
        )

        # SLURM's warning before the wall time reaches this shell only: hand it on. SIGTERM (scancel)
        # reaches the supervisor by itself: only wait for its clean end.
        pid=
        warned=
        early=
        again=1
        drain() {
            warned=1 again=1
            if [ -n "$pid" ]; then kill -USR1 "$pid" 2>/dev/null; else early=1; fi
        }
        trap drain USR1
        trap 'warned= again=1' TERM

        "$supervisor" "${arguments[@]}" &
        pid=$!
        [ -z "$early" ] || drain
        while [ -n "$again" ]; do
            again=
            wait "$pid"
            code=$?
        done

        # 3: stopped on the way. The next run of this task goes on where this one stopped.
        if [ "$code" -eq 3 ] && [ -n "$warned" ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$requeues" ]; then
            scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
        fi
        exit "$code"
        "#);
    }

    #[test]
    fn all_that_one_can_ask_for() {
        let text = made(
            &[
                "/in put/it's",
                "/out\nput/-x",
                "--tasks=4",
                "--at-a-time=2",
                "--time=04:00:00",
                "--mem=8G",
                "--partition=long",
                "--cpus-per-task=8",
                "--account=astro",
                "--qos=low",
                "--job-name=up",
                "--sbatch=--constraint=ssd",
                "--warn=300",
                "--requeues=3",
                "--workers=auto",
                "--range=100-200,250",
                "--force",
                "--report=/r/run.v1.json",
                "--log",
                "/r/a 'log'",
                "-vv",
                "--rules=/a.toml",
                "--rules=/b$(x).toml",
            ],
            Path::new("/opt/my tools/jldconv-supervisor"),
        );
        let text = text.unwrap();
        let head = text.split_once("\n# SLURM's warning").unwrap().0;
        insta::assert_snapshot!(head, @r#"
        #!/bin/bash
        #SBATCH --job-name=up
        #SBATCH --array=1-4%2
        #SBATCH --nodes=1
        #SBATCH --ntasks=1
        #SBATCH --output=%x-%A_%a.out
        #SBATCH --open-mode=append
        #SBATCH --requeue
        #SBATCH --signal=B:USR1@300
        #SBATCH --cpus-per-task=8
        #SBATCH --time=04:00:00
        #SBATCH --mem=8G
        #SBATCH --partition=long
        #SBATCH --account=astro
        #SBATCH --qos=low
        #SBATCH --constraint=ssd

        # Made by jldconv-supervisor slurm. Each task converts one shard of the archive; a task
        # that is run again goes on where it stopped.
        requeues=3
        supervisor='/opt/my tools/jldconv-supervisor'
        arguments=(
            "--shard=${SLURM_ARRAY_TASK_ID:?}/4"
            '--report=/r/run.v1-'"$SLURM_ARRAY_TASK_ID"'.json'
            '--log=/r/a '\''log'\''-'"$SLURM_ARRAY_TASK_ID"''
            -v
            -v
            '--drain-on-usr1'
            '--force'
            '--range=100-200,250'
            '--rules=/a.toml'
            '--rules=/b$(x).toml'
            '--workers=auto'
            '--yes'
            '--'
            '/in put/it'\''s'
            $'/out\x0aput/-x'
        )
        "#);
        let checked = bash(&text, &["-n"]);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let message = |args: &[&str]| {
            let args = [&["/in", "/out", "--tasks=4"], args].concat();
            made(&args, Path::new("/s")).unwrap_err().to_string()
        };
        insta::assert_snapshot!(message(&["--shard=1/4"]), @"--shard and slurm exclude each other: each task of the array gets its own shard");
        insta::assert_snapshot!(message(&["--grace=2min"]), @"--grace and --warn 120 exclude each other: running files would still be at work when the wall time is over");
        for bad in [
            "--tasks=0",
            "--time=a b",
            "--mem=8G\n#SBATCH --x",
            "--partition=",
            "--sbatch=-x",
            "--sbatch=--x y",
            "--account=$(x)",
            "--qos='",
            "--job-name=-x",
            "--warn=0",
        ] {
            let args = ["jldconv-supervisor", "slurm", "/in", "/out", "--tasks=4", bad];
            let error = Parsed::from_args(args.iter().map(OsString::from)).map(|_| ());
            assert_eq!(error.map_err(|error| error.exit_code()), Err(2), "{bad}");
        }
    }

    /// Runs a script whose supervisor writes its arguments down and then does as `body` says.
    struct Task {
        dir: tempfile::TempDir,
        script: String,
    }

    impl Task {
        fn new(body: &str, args: &[&str]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let tool = |name: &str, body: &str| {
                let path = dir.path().join(name);
                let noted = dir.path().join(format!("{name}.args"));
                let text =
                    format!("#!/bin/bash\nprintf '%s\\0' \"$@\" >>'{}'\n{body}\n", noted.display());
                // Not written by this process: another test's fork would keep it busy.
                let made = bash(
                    &text,
                    &["-c", "install -m 755 /dev/stdin \"$0\"", path.to_str().unwrap()],
                );
                assert!(made.status.success());
                path
            };
            let supervisor = tool("a supervisor", body);
            tool("scontrol", "");
            let script = made(&[&["--tasks=4"], args].concat(), &supervisor).unwrap();
            Self { dir, script }
        }

        fn noted(&self, tool: &str) -> Vec<Vec<u8>> {
            let noted = fs::read(self.dir.path().join(format!("{tool}.args"))).unwrap_or_default();
            noted
                .split(|byte| *byte == 0)
                .filter(|arg| !arg.is_empty())
                .map(<[u8]>::to_vec)
                .collect()
        }

        /// Runs the script, as SLURM's task 3 that was started `restarts` times before; sends it
        /// `signal` as soon as its supervisor says that it is ready.
        fn run(&self, signal: Option<nix::sys::signal::Signal>, restarts: u32) -> Option<i32> {
            let file = self.dir.path().join("script");
            fs::write(&file, &self.script).unwrap();
            let path = format!("{}:{}", self.dir.path().display(), std::env::var("PATH").unwrap());
            let mut task = Command::new("bash")
                .arg(&file)
                .env("PATH", path)
                .env("SLURM_ARRAY_TASK_ID", "3")
                .env("SLURM_ARRAY_JOB_ID", "77")
                .env("SLURM_RESTART_COUNT", restarts.to_string())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut out = std::io::BufReader::new(task.stdout.take().unwrap());
            if let Some(signal) = signal {
                let mut ready = String::new();
                std::io::BufRead::read_line(&mut out, &mut ready).unwrap();
                assert_eq!(ready, "ready\n");
                let pid = nix::unistd::Pid::from_raw(task.id().try_into().unwrap());
                nix::sys::signal::kill(pid, signal).unwrap();
            }
            task.wait().unwrap().code()
        }
    }

    /// A supervisor that drains on USR1, slowly, and ends with 3.
    const DRAINS: &str = "trap 'sleep 0.2; exit 3' USR1; echo ready; while :; do sleep 0.05; done";

    #[test]
    fn the_supervisor_gets_every_argument_as_it_was() {
        let names = ["/in put/it's\n'$(x)`y`\"\\", "/out/-x*?[a]\r\n#SBATCH --foo\t!~"];
        let task = Task::new("exit 0", &["--log=/l/a b.txt", "--", names[0], names[1]]);
        assert_eq!(task.run(None, 0), Some(0));
        let args = task.noted("a supervisor");
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        assert_eq!(args[..2], [b"--shard=3/4".as_slice(), b"--log=/l/a b-3.txt"]);
        assert_eq!(args[args.len() - 3..], [b"--", names[0].as_bytes(), names[1].as_bytes()]);
        assert_eq!(task.noted("scontrol").len(), 0);
    }

    #[test]
    fn a_warning_is_handed_on_and_the_task_queued_again() {
        let task = Task::new(DRAINS, &["/in", "/out"]);
        assert_eq!(task.run(Some(nix::sys::signal::Signal::SIGUSR1), 19), Some(3));
        assert_eq!(task.noted("scontrol"), [b"requeue".to_vec(), b"77_3".to_vec()]);
    }

    #[test]
    fn a_task_is_not_queued_again_for_ever() {
        let task = Task::new(DRAINS, &["/in", "/out"]);
        assert_eq!(task.run(Some(nix::sys::signal::Signal::SIGUSR1), 20), Some(3));
        assert_eq!(task.noted("scontrol").len(), 0);
    }

    #[test]
    fn a_cancelled_task_is_waited_for_and_not_queued_again() {
        // SLURM signals the supervisor, too; here it stops by itself.
        let task = Task::new("echo ready; sleep 0.3; exit 3", &["/in", "/out"]);
        assert_eq!(task.run(Some(nix::sys::signal::Signal::SIGTERM), 0), Some(3));
        assert_eq!(task.noted("scontrol").len(), 0);
    }

    #[test]
    fn the_supervisors_exit_code_is_the_tasks() {
        for code in [0, 1, 2, 4, 5] {
            let task = Task::new(&format!("exit {code}"), &["/in", "/out"]);
            assert_eq!(task.run(None, 0), Some(code));
            assert_eq!(task.noted("scontrol").len(), 0);
        }
    }
}
