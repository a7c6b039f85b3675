//! The same answers on a cluster of a scheduler and two executors, and when one of them is killed.

use crate::{path, trail};
use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Cluster {
    url: String,
    scheduler: Child,
    executors: Vec<Child>,
    work: tempfile::TempDir,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.executors.iter_mut().chain([&mut self.scheduler]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that was free a moment ago, whose successor was as well.
fn port() -> u16 {
    loop {
        let one = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = one.local_addr().expect("an address").port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

fn start(args: &[&str]) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin("lockfast"))
        .arg("cluster")
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

fn wait_for(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nothing listens at {port}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Cluster {
    fn start() -> Cluster {
        let work = tempfile::tempdir().expect("a folder");
        let at = port();
        let address = format!("127.0.0.1:{at}");
        let scheduler = start(&["scheduler", "--listen", &address]);
        wait_for(at);
        let executors = (0..2)
            .map(|number| {
                let listen = port();
                let folder = work.path().join(number.to_string());
                let own = start(&[
                    "executor",
                    "--scheduler",
                    &address,
                    "--listen",
                    &format!("127.0.0.1:{listen}"),
                    "--threads",
                    "2",
                    "--work-folder",
                    folder.to_str().expect("a name"),
                ]);
                wait_for(listen);
                own
            })
            .collect();
        Cluster {
            url: format!("df://{address}"),
            scheduler,
            executors,
            work,
        }
    }
}

/// What there is in a folder, at any depth.
fn entries(folder: &Path) -> BTreeSet<PathBuf> {
    let below = std::fs::read_dir(folder).into_iter().flatten().flatten();
    below
        .flat_map(|entry| {
            let mut own = entries(&entry.path());
            own.insert(entry.path());
            own
        })
        .collect()
}

/// By an absolute path: executors are elsewhere.
fn logs() -> String {
    path().join("logs").to_string_lossy().into_owned()
}

#[test]
fn every_question_has_the_same_answer_and_a_killed_executor_changes_none() {
    let mut cluster = Cluster::start();
    let logs = logs();
    let count = "SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM events";
    let copies = "SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM event_copies";
    let questions: [&[&str]; 6] = [
        &["sql", count],
        // Had every task read all files, there would be more.
        &["sql", copies],
        &["usage", "--by", "day,key,principal,operation", "--all"],
        &["secrets"],
        &["tls", "--all"],
        &["sql", "SELECT count(*) AS n FROM problems"],
    ];
    for question in questions {
        let own = trail(&[question, &[logs.as_str(), "-f", "csv"]].concat());
        let there = trail(
            &[
                question,
                &[logs.as_str(), "-f", "csv", "--cluster", &cluster.url],
            ]
            .concat(),
        );
        assert_eq!(own.code, 0, "{question:?}: {}", own.err);
        assert_eq!(
            (there.code, &there.out),
            (0, &own.out),
            "{question:?}: {}",
            there.err
        );
    }
    // One is killed while it works.
    let own = trail(&["sql", copies, &logs, "-f", "csv"]);
    let url = cluster.url.clone();
    let folders = [0, 1].map(|number: usize| cluster.work.path().join(number.to_string()));
    let before = folders.each_ref().map(|folder| entries(folder));
    let asked = {
        let logs = logs.clone();
        std::thread::spawn(move || trail(&["sql", copies, &logs, "-f", "csv", "--cluster", &url]))
    };
    // As soon as one has worked something out (the scheduler may give all of it to either): what it has is lost, and what it is
    // at as well. What older queries left may be removed meanwhile.
    let deadline = Instant::now() + Duration::from_secs(60);
    let worked = loop {
        let is_new = |number: &usize| !entries(&folders[*number]).is_subset(&before[*number]);
        if let Some(number) = [0, 1].iter().copied().find(is_new) {
            break number;
        }
        assert!(Instant::now() < deadline, "nobody was given anything to do");
        std::thread::sleep(Duration::from_millis(5));
    };
    cluster.executors[worked].kill().expect("killed");
    assert!(
        !asked.is_finished(),
        "it was over before the executor was killed"
    );
    let there = asked.join().expect("it ends");
    assert_eq!((there.code, &there.out), (0, &own.out), "{}", there.err);
    let nobody = trail(&["sql", count, &logs, "--cluster", "127.0.0.1:1"]);
    assert_eq!(nobody.code, 2, "{}", nobody.err);
}
