//! Logs in a bucket of moto.

use crate::run;
use crate::servers::Account;

const UPLOAD: &str = "import boto3, os, sys
s3 = boto3.client('s3', region_name='eu-central-1')
s3.create_bucket(Bucket='trail-logs', CreateBucketConfiguration={'LocationConstraint': 'eu-central-1'})
root = sys.argv[1]
count = 0
for folder, _, names in os.walk(root):
    for name in names:
        if not name.endswith('.json.gz'):
            continue
        path = os.path.join(folder, name)
        beside = path + '.sig'
        metadata = {'signature': open(beside).read()} if os.path.exists(beside) else {}
        s3.upload_file(path, 'trail-logs', 'own/' + os.path.relpath(path, root), ExtraArgs={'Metadata': metadata})
        count += 1
print(count)";

#[test]
fn logs_of_a_bucket_are_fetched_once_and_only_those_that_are_needed() {
    let account = Account::start();
    // Digests are as many as hours: those of a few days are enough.
    let made = run(account.lockfast().args([
        "trail",
        "generate",
        "few",
        "--events",
        "600",
        "--files",
        "10",
        "--accounts",
        "2",
        "--days",
        "2",
        "--quiet-days",
        "--digests",
    ]));
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let few = account.path().join("few");
    let count: usize = account
        .python(UPLOAD, &[few.to_str().expect("a name")])
        .trim()
        .parse()
        .expect("a count");
    let ask = |args: &[&str]| {
        let mut command = account.lockfast();
        command
            .env("LOCKFAST_LOG_CACHE", account.path().join("cache"))
            .arg("trail")
            .args(args);
        run(&mut command)
    };
    let narrow = [
        "usage",
        "s3://trail-logs/own",
        "--region",
        "eu-central-1",
        "--all",
        "-f",
        "json",
    ];
    let one_region = ask(&narrow);
    assert_eq!(one_region.code, 0, "{}", one_region.err);
    let local = run(account.lockfast().args([
        "trail",
        "usage",
        "few",
        "--region",
        "eu-central-1",
        "--all",
        "-f",
        "json",
    ]));
    assert_eq!(one_region.out, local.out);
    let number = |text: &str| -> usize {
        let (_, rest) = text.split_once("own: ").expect("what was fetched");
        rest.split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .expect("a count")
    };
    assert!(number(&one_region.err) < count, "{}", one_region.err);
    // The signatures of digests come along.
    let whole = ask(&[
        "verify",
        "s3://trail-logs/own/",
        "--public-keys",
        "few/public-keys",
        "-f",
        "json",
    ]);
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    assert_eq!(number(&whole.err.replace("own/: ", "own: ")), count);
    let again = ask(&narrow);
    assert!(again.err.contains(" 0 of them fetched"), "{}", again.err);
    let none = ask(&["usage", "s3://trail-logs/other"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("no log file"), "{}", none.err);
    let missing = ask(&["usage", "s3://no-such-bucket-of-ours/"]);
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("NoSuchBucket"), "{}", missing.err);
}
