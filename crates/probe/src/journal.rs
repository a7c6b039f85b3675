//! Records on disk as they come: a snapshot in plain JSON, a line each, that can be gone on with.

use lockfast_snapshot::{End, FORMAT, Found, Header, NETWORK, Record, Unit};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A snapshot of endpoints under way.
pub struct Journal<W: Write = BufWriter<File>> {
    out: W,
    resources: u64,
}

/// What every snapshot begins with.
const BEGINNING: &[u8] = b"{\"snapshot\":";

/// What is wrong with a file to go on with.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct JournalError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub what: String,
}

impl Journal {
    /// Goes on with a file that was cut off, or begins it; tells the endpoints that it holds, so that they are not measured again.
    /// A last line that was cut off is overwritten, and a record that is not to be kept taken out.
    ///
    /// # Errors
    /// When it cannot be read or written, or is no such snapshot.
    pub fn resume(
        path: &Path,
        taken: &str,
        keep: impl Fn(&Found) -> bool,
    ) -> Result<(Self, Vec<Found>), JournalError> {
        let wrong = |what: String| JournalError {
            path: path.to_owned(),
            what,
        };
        let io = |error: io::Error| wrong(error.to_string());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(io)?;
        let mut found = Vec::new();
        let mut names = HashSet::new();
        // Where the last whole line ends; the first two are one, so that no snapshot is without its unit.
        let (mut whole, mut begun) = (0u64, 0u64);
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(io)?;
            if !line.ends_with(b"\n") {
                let ours = BEGINNING.starts_with(&line) || line.starts_with(BEGINNING);
                if number == 1 && !ours {
                    return Err(wrong("this is no snapshot of endpoints".into()));
                }
                break;
            }
            let record = serde_json::from_slice(&line);
            let record = record.map_err(|error| wrong(format!("line {number}: {error}")))?;
            begun += read as u64;
            match (number, record) {
                (1, Record::Snapshot(_)) => continue,
                (2, Record::Unit(_)) => {}
                (3.., Record::Resource(resource)) if resource.kind == crate::ENDPOINT => {
                    if names.insert(resource.name.clone()) {
                        found.push(resource);
                    }
                }
                (3.., Record::End(_)) => break,
                _ => {
                    return Err(wrong(format!(
                        "line {number}: this is no snapshot of endpoints"
                    )));
                }
            }
            whole = begun;
        }
        drop(reader);
        let before = found.len();
        found.retain(keep);
        if found.len() < before {
            return Ok((Journal::anew(path, taken, &found).map_err(io)?, found));
        }
        file.set_len(whole).map_err(io)?;
        file.seek(SeekFrom::Start(whole)).map_err(io)?;
        let out = BufWriter::new(file);
        let journal = match whole {
            0 => Journal::begin(out, taken).map_err(io)?,
            _ => Journal {
                out,
                resources: found.len() as u64,
            },
        };
        Ok((journal, found))
    }

    /// Puts another file with these in the place of one, and goes on with it.
    fn anew(path: &Path, taken: &str, found: &[Found]) -> io::Result<Self> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let mut journal = Journal::begin(BufWriter::new(File::create(&beside)?), taken)?;
        for found in found {
            journal.add(found)?;
        }
        std::fs::rename(&beside, path)?;
        Ok(journal)
    }
}

impl<W: Write + 'static> Journal<W> {
    /// The same, whatever it writes to.
    pub fn boxed(self) -> Journal<Box<dyn Write>> {
        Journal {
            out: Box::new(self.out),
            resources: self.resources,
        }
    }
}

impl<W: Write> Journal<W> {
    /// Begins a snapshot.
    ///
    /// # Errors
    /// What the output says.
    pub fn begin(out: W, taken: &str) -> io::Result<Self> {
        let mut journal = Journal { out, resources: 0 };
        journal.line(&Record::Snapshot(Header {
            format: FORMAT,
            made_by: format!("lockfast {}", env!("CARGO_PKG_VERSION")),
            taken: taken.to_owned(),
            accounts: Vec::new(),
            regions: Vec::new(),
            services: vec![NETWORK.into()],
        }))?;
        journal.line(&Record::Unit(Unit {
            region: "global".into(),
            service: NETWORK.into(),
            ..Unit::default()
        }))?;
        Ok(journal)
    }

    /// Adds an endpoint, and hands it on at once.
    ///
    /// # Errors
    /// What the output says.
    pub fn add(&mut self, found: &Found) -> io::Result<()> {
        self.resources += 1;
        self.line(&Record::Resource(found.clone()))
    }

    /// Adds the end mark.
    ///
    /// # Errors
    /// What the output says.
    pub fn end(mut self) -> io::Result<()> {
        let end = End {
            resources: self.resources,
        };
        self.line(&Record::End(end))
    }

    fn line(&mut self, record: &Record) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, record)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(name: &str) -> Found {
        Found {
            kind: crate::ENDPOINT.into(),
            name: name.into(),
            properties: serde_json::json!({}),
            ..Found::default()
        }
    }

    #[test]
    fn a_file_cut_off_anywhere_is_gone_on_with() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("endpoints.jsonl");
        let (mut journal, found) =
            Journal::resume(&path, "2026-11-27T00:00:00Z", |_| true).expect("a new file");
        assert!(found.is_empty());
        journal.add(&endpoint("a:443")).expect("space");
        journal.add(&endpoint("b:443")).expect("space");
        journal.end().expect("space");
        let whole = std::fs::read(&path).expect("the file");
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("space");
            let (mut journal, found) =
                Journal::resume(&path, "2026-11-27T00:00:00Z", |_| true).expect("goes on");
            for name in ["a:443", "b:443"] {
                if !found.iter().any(|found| found.name == name) {
                    journal.add(&endpoint(name)).expect("space");
                }
            }
            journal.end().expect("space");
            assert_eq!(
                std::fs::read(&path).expect("the file"),
                whole,
                "cut at {cut}"
            );
            lockfast_snapshot::load(&path).expect("a snapshot");
        }
    }

    #[test]
    fn what_is_not_kept_is_measured_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("endpoints.jsonl");
        let taken = "2026-11-27T00:00:00Z";
        let (mut journal, _) = Journal::resume(&path, taken, |_| true).expect("a new file");
        journal.add(&endpoint("a:443")).expect("space");
        journal.add(&endpoint("b:443")).expect("space");
        journal.end().expect("space");
        let (mut journal, found) =
            Journal::resume(&path, taken, |found| found.name != "a:443").expect("goes on");
        assert_eq!(found, [endpoint("b:443")]);
        journal.add(&endpoint("a:443")).expect("space");
        journal.end().expect("space");
        let loaded = lockfast_snapshot::load(&path).expect("a snapshot");
        let names: Vec<&str> = loaded
            .inventory
            .resources()
            .iter()
            .map(|r| &*r.name)
            .collect();
        assert_eq!(names, ["b:443", "a:443"]);
        assert_eq!(
            std::fs::read_dir(folder.path())
                .expect("the folder")
                .count(),
            1
        );
    }

    #[test]
    fn another_file_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notes.txt");
        // The last is whole only in that nothing follows it.
        for text in ["not ours\n", "{\"a\":1}\n", "not ours"] {
            std::fs::write(&path, text).expect("space");
            assert!(Journal::resume(&path, "", |_| true).is_err(), "{text}");
            assert_eq!(std::fs::read_to_string(&path).expect("the file"), text);
        }
    }
}
