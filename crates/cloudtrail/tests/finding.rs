//! Which files are found.
#![allow(clippy::unwrap_used)]

mod shared;

use lockfast_cloudtrail::files::{Error, Kind, find};
use shared::{key, write};

#[test]
fn logs_of_folders_sorted_and_the_rest_counted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for day in [2, 1] {
        write(root, &key("111122223333", "eu-west-1", day, "a"), "");
    }
    write(
        root,
        "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/111122223333_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260301T000512Z.json.gz",
        "",
    );
    write(root, "exported.JSON", "");
    write(root, "lines.ndjson", "");
    write(root, ".hidden/x.json", "");
    write(root, ".gitignore", "*");
    write(root, "notes.txt", "");
    write(root, "x.json.gz.part", "");
    let named = write(root, "elsewhere/notes.txt", "");
    let found = find(&[
        root.join("elsewhere/notes.txt"),
        root.to_owned(),
        root.join("lines.ndjson"),
    ])
    .unwrap();
    let names: Vec<_> = found
        .files
        .iter()
        .map(|file| file.path.strip_prefix(root).unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "elsewhere/notes.txt",
            ".hidden/x.json",
            "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/111122223333_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260301T000512Z.json.gz",
            &key("111122223333", "eu-west-1", 1, "a"),
            &key("111122223333", "eu-west-1", 2, "a"),
            "exported.JSON",
            "lines.ndjson",
        ]
    );
    assert_eq!(found.files[0].path, named);
    assert_eq!(found.files[2].kind, Kind::Digest);
    assert_eq!(found.files[3].kind, Kind::Log);
    let place = found.files[3].place.as_ref().unwrap();
    assert_eq!(place.organization.as_deref(), Some("o-abc123"));
    assert!(found.files[5].place.is_none());
    // Of the folder, `elsewhere/notes.txt` among them.
    assert_eq!(found.skipped, 4);
    assert_eq!(found.problems, []);
}

#[test]
fn what_is_not_there_is_an_error() {
    let error = find(&["/no/such/folder".into()]).unwrap_err();
    let Error::Io { path, .. } = &error;
    assert_eq!(path.to_str(), Some("/no/such/folder"));
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_loops_are_not() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let elsewhere = tempfile::tempdir().unwrap();
    write(elsewhere.path(), "b.json", "");
    write(root, "a.json", "");
    symlink(root, root.join("loop")).unwrap();
    symlink(elsewhere.path(), root.join("linked")).unwrap();
    symlink(root.join("nowhere"), root.join("broken.json")).unwrap();
    let found = find(&[root.to_owned()]).unwrap();
    let names: Vec<_> = found.files.iter().map(|file| file.path.clone()).collect();
    assert_eq!(names, [root.join("a.json"), root.join("linked/b.json")]);
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].path, root.join("broken.json"));
}
