//! A child process that cannot outlive the test process, its log, and the end of all logs when a test panics.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, Once};
use std::thread::ThreadId;

/// Lines of each log that a failed test shows: enough for a stack trace or the last reconcile.
const TAIL: usize = 25;

/// A running process. Dropping it kills it.
pub struct Process {
    child: Child,
    /// Its end is what ends the process, see `tools/guard`.
    input: Option<ChildStdin>,
    log: PathBuf,
}

impl Process {
    /// Starts a program under `tools/guard`; `configure` adds arguments and environment.
    pub fn guarded(name: &str, program: &Path, configure: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(super::repository("tools/guard"));
        configure(command.arg(program));
        Self::start(name, command)
    }

    /// Starts a program that ends by itself when its standard input does.
    pub fn start(name: &str, mut command: Command) -> Self {
        let log = scratch(name).with_extension("log");
        let output = File::create(&log).expect("the log file can be created");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(output.try_clone().expect("the log file can be shared"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name} ({command:?}): {error}"));
        let input = child.stdin.take();
        show_on_panic(&log);
        Self { child, input, log }
    }

    /// The exit status, if the process has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child can be asked")
    }

    /// Sends a signal (`TERM`, `STOP`, `CONT`) to a guarded program.
    pub fn signal(&mut self, name: &str) {
        let input = self.input.as_mut().expect("the process was not killed before");
        writeln!(input, "{name}").expect("the guard is there");
    }

    /// Kills the process with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        self.input.take();
        self.child.wait().expect("the child can be waited for");
    }

    /// Everything that the process has written.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).expect("the log can be read")).into_owned()
    }

    /// Shows the end of the log when any test panics, not only one of the thread that started the process.
    pub fn share(&self) {
        self.show_to(None);
    }

    /// Shows the end of the log from now on when the test of this thread panics.
    pub fn taken_over(&self) {
        self.show_to(Some(std::thread::current().id()));
    }

    fn show_to(&self, of: Option<ThreadId>) {
        logs().iter_mut().filter(|shown| shown.path == self.log).for_each(|shown| shown.of = of);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        logs().retain(|shown| shown.path != self.log);
    }
}

/// A new path in the directory of this run. Runs that are over leave their directory until the next one starts, so that
/// logs can be read.
pub fn scratch(name: &str) -> PathBuf {
    static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runs");
        let own = all.join(std::process::id().to_string());
        std::fs::create_dir_all(&own).expect("the directory of this run can be created");
        for run in std::fs::read_dir(&all).expect("the runs can be listed").flatten() {
            if !is_alive(&run.file_name().to_string_lossy()) {
                // Another run may be removing it too.
                let _ = std::fs::remove_dir_all(run.path());
            }
        }
        own
    });
    static COUNT: AtomicU32 = AtomicU32::new(1);
    DIRECTORY.join(format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed)))
}

fn is_alive(pid: &str) -> bool {
    Command::new("sh")
        .args(["-c", "kill -0 \"$1\"", "sh", pid])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

struct Shown {
    path: PathBuf,
    /// The test that started the process; `None` when all use it.
    of: Option<ThreadId>,
}

static LOGS: Mutex<Vec<Shown>> = Mutex::new(Vec::new());

fn logs() -> std::sync::MutexGuard<'static, Vec<Shown>> {
    LOGS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn show_on_panic(log: &Path) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            default(info);
            let this = std::thread::current().id();
            for shown in logs().iter().filter(|shown| shown.of.is_none_or(|of| of == this)) {
                eprintln!("--- the end of {}:\n{}", shown.path.display(), tail(&shown.path));
            }
        }));
    });
    logs().push(Shown { path: log.to_owned(), of: Some(std::thread::current().id()) });
}

fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n")
}
