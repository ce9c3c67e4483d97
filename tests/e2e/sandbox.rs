//! Of a sandbox (`tools/sandbox`), which every own node is in, nothing stays behind, however it ends.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cluster::elsewhere;
use crate::support::{await_condition, repository};

/// What a node does: a cgroup below its own, a mount, an interface, a rule, a process apart. Then it says where it is.
const INSIDE: &str = r#"
for hierarchy in /sys/fs/cgroup/*/; do
  [ ! -d "$hierarchy$SANDBOX_CGROUP" ] || mkdir -p "$hierarchy$SANDBOX_CGROUP/pods/one"
done
mkdir /run/mounted && mount -t tmpfs of-a-sandbox /run/mounted
ip link add of-pod type veth peer name of-node
setsid sleep 86397 &
echo 1 >/proc/sys/vm/overcommit_memory
echo "$SANDBOX_CGROUP $SANDBOX_ADDRESS"
read -r _
"#;

const OVERCOMMIT: &str = "/proc/sys/vm/overcommit_memory";

#[tokio::test]
#[ignore = "as root on Linux: make e2e"]
async fn of_a_sandbox_nothing_stays_however_it_ends() {
    if elsewhere().is_some() {
        println!("SKIPPED: no node of our own");
        return;
    }
    let overcommit = std::fs::read(OVERCOMMIT).unwrap();
    for killed in [false, true] {
        let mut sandbox = Command::new(repository("tools/sandbox"))
            .args(["bash", "-c", INSIDE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(sandbox.stdout.take().unwrap()), &mut said).unwrap();
        let (cgroup, address) = said.trim().split_once(' ').unwrap();
        let cgroups = cgroups(cgroup);
        assert!(!cgroups.is_empty() && routes().contains(&network(address)), "it was all there: {said}");
        // Its end would end what is inside; a kill has to do so alone.
        let mut input = sandbox.stdin.take().unwrap();
        if killed {
            sandbox.kill().unwrap();
        } else {
            writeln!(input).unwrap();
        }
        sandbox.wait().unwrap();
        await_condition("the end of all", Duration::from_secs(30), async || {
            let left: Vec<&PathBuf> = cgroups.iter().filter(|path| path.exists()).collect();
            let (routes, processes) = (routes(), sleepers());
            if left.is_empty() && !routes.contains(&network(address)) && processes == 0 {
                Ok(())
            } else {
                Err(format!("{left:?} {routes} {processes}"))
            }
        })
        .await;
        assert!(!std::fs::read_to_string("/proc/self/mountinfo").unwrap().contains("of-a-sandbox"));
        assert_eq!(std::fs::read(OVERCOMMIT).unwrap(), overcommit);
        drop(input);
    }
}

/// Its cgroups, in whichever hierarchies there are.
fn cgroups(name: &str) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let below = std::fs::read_dir(root).unwrap().flatten().map(|entry| entry.path());
    let all = below.chain([root.to_owned()]).map(|hierarchy| hierarchy.join(name.trim_start_matches('/')));
    all.filter(|path| path.exists()).collect()
}

fn routes() -> String {
    let routes = Command::new("ip").args(["-4", "route"]).output().unwrap();
    String::from_utf8(routes.stdout).unwrap()
}

/// The four addresses of its cable.
fn network(address: &str) -> String {
    let (front, last) = address.rsplit_once('.').unwrap();
    format!("{front}.{}/30", last.parse::<u8>().unwrap() / 4 * 4)
}

/// Processes that only the sandbox starts.
fn sleepers() -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line == b"sleep\x0086397\x00").count()
}
