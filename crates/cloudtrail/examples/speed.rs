//! How fast logs are read, beside bare inflation: `cargo run --release -p lockfast-cloudtrail --example speed`.
//!
//! Writes files as CloudTrail delivers them (by default 100 of 2,000 records, one in 20 of AWS KMS) to a temporary folder.

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use lockfast_cloudtrail::inflate::Inflater;
use lockfast_cloudtrail::{Needle, Seen, files, kms, read, split};
use std::error::Error;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const FILES: u64 = 100;
const RECORDS: u64 = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    // `--inflate FOLDER` inflates what is there and no more, for whoever measures processes.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, folder] = arguments.as_slice()
        && flag == "--inflate"
    {
        let mut inflater = Inflater::default();
        let mut bytes = 0;
        for file in files::find(&[folder.into()])?.files {
            bytes += inflater.inflate(&std::fs::read(&file.path)?).text.len();
        }
        println!("{bytes} bytes");
        return Ok(());
    }
    // `--read FOLDER` reads the events of AWS KMS there, each once.
    if let [flag, folder] = arguments.as_slice()
        && flag == "--read"
    {
        let seen = Seen::default();
        let uses = AtomicUsize::new(0);
        let found = files::find(&[folder.into()])?.files;
        let report = read(&found, &[Needle::new(kms::SOURCE)], |_, event| {
            if event.id.as_deref().is_none_or(|id| seen.is_new(id)) {
                uses.fetch_add(kms::uses(event).len(), Ordering::Relaxed);
            }
        });
        println!(
            "{} records, {} matched, {uses:?} uses of keys",
            report.records, report.matched
        );
        return Ok(());
    }
    let folder = std::env::temp_dir().join(format!("lockfast-speed-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&folder);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut random = 88172645463325252_u64;
    for file in 0..FILES {
        let mut text = String::from("{\"Records\":[");
        for at in 0..RECORDS {
            if at > 0 {
                text.push(',');
            }
            record(&mut text, at, &mut random);
        }
        text.push_str("]}");
        let name = format!("111122223333_CloudTrail_eu-west-1_20260301T0005Z_{file:04}.json.gz");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text.as_bytes())?;
        std::fs::write(folder.join(name), gzip.finish()?)?;
    }
    let found = files::find(&[folder.to_owned()])?;
    let one_thread = |work: &mut dyn FnMut() -> u64| {
        let times = (0..5).map(|_| {
            let start = Instant::now();
            let bytes = work();
            (start.elapsed().as_secs_f64(), bytes)
        });
        times.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
    };
    let mut inflater = Inflater::default();
    let (bare, bytes) = one_thread(&mut || {
        let texts = found.files.iter().filter_map(|file| {
            let gzip = std::fs::read(&file.path).ok()?;
            Some(inflater.inflate(&gzip).text.len() as u64)
        });
        texts.sum()
    });
    println!(
        "bare inflation: {:.0} MB/s, one thread",
        bytes as f64 / bare / 1e6
    );
    let (streamed, _) = one_thread(&mut || {
        let lengths = found.files.iter().filter_map(|file| {
            let gzip = std::fs::read(&file.path).ok()?;
            let mut text = Vec::new();
            GzDecoder::new(&gzip[..])
                .read_to_end(&mut text)
                .ok()
                .map(|length| length as u64)
        });
        lengths.sum()
    });
    println!(
        "the same by flate2: {:.0} MB/s",
        bytes as f64 / streamed / 1e6
    );
    let gzip = std::fs::read(&found.files[0].path)?;
    let text = Inflater::default().inflate(&gzip).text.to_vec();
    println!(
        "one file: {} bytes in gzip, {} inflated",
        gzip.len(),
        text.len()
    );
    let (time, _) = one_thread(&mut || split::records(&text).filter(Result::is_ok).count() as u64);
    println!("splitting: {:.0} MB/s", text.len() as f64 / time / 1e6);
    let needles = [Needle::new(kms::SOURCE)];
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()?;
        let (time, _) = one_thread(&mut || {
            let seen = Seen::default();
            let report = pool.install(|| {
                read(&found.files, &needles, |_, event| {
                    if event.id.as_deref().is_none_or(|id| seen.is_new(id)) {
                        std::hint::black_box(kms::uses(event));
                    }
                })
            });
            assert_eq!(report.matched, FILES * RECORDS / 20);
            assert_eq!(report.problems, []);
            report.inflated
        });
        println!(
            "reading: {:.0} MB/s, {:.2} million records/s on {threads} thread(s), {:.2} times as long as bare inflation",
            bytes as f64 / time / 1e6,
            (FILES * RECORDS) as f64 / time / 1e6,
            time / bare,
        );
    }
    Ok(())
}

fn record(text: &mut String, at: u64, random: &mut u64) {
    let mut next = || {
        // xorshift64: whatever is not the same in each record.
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        *random
    };
    let (a, b, c) = (next(), next(), next());
    let (source, name) = match at % 20 {
        7 => ("kms.amazonaws.com", "Decrypt"),
        n if n % 3 == 0 => ("s3.amazonaws.com", "GetObject"),
        n if n % 3 == 1 => ("sts.amazonaws.com", "AssumeRole"),
        _ => ("ec2.amazonaws.com", "DescribeInstances"),
    };
    let (account, second, role) = (a % 1_000_000, b % 60, c % 50);
    text.push_str(&format!(
        r#"{{"eventVersion":"1.09","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE{role:010}:session-{a:016x}","arn":"arn:aws:sts::111122223333:assumed-role/service-role-{role}/session-{a:016x}","accountId":"111122223333","accessKeyId":"ASIA{b:016X}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE{role:010}","arn":"arn:aws:iam::111122223333:role/service-role-{role}","accountId":"111122223333","userName":"service-role-{role}"}},"attributes":{{"creationDate":"2026-03-01T00:00:{second:02}Z","mfaAuthenticated":"false"}}}}}},"eventTime":"2026-03-01T00:04:{second:02}Z","eventSource":"{source}","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"10.{}.{}.{}","userAgent":"aws-sdk-java/2.25.{} md/io#sync md/http#Apache ua/2.0 os/Linux#5.10 lang/java#17.0.{}","requestParameters":{{"keyId":"arn:aws:kms:eu-west-1:111122223333:key/0f3c1a52-7b1e-4c1d-9d0b-{account:012}","encryptionContext":{{"aws:s3:arn":"arn:aws:s3:::bucket-{role}/objects/{c:016x}"}},"encryptionAlgorithm":"SYMMETRIC_DEFAULT","filter":"{{\"state\":\"running\"}}"}},"responseElements":null,"requestID":"{:08x}-1111-4222-8333-{:012x}","eventID":"{:08x}-5555-4666-8777-{:012x}","readOnly":true,"resources":[{{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":"arn:aws:kms:eu-west-1:111122223333:key/0f3c1a52-7b1e-4c1d-9d0b-{account:012}"}}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"service.eu-west-1.amazonaws.com"}}}}"#,
        a % 250, b % 250, c % 250, role, role % 9,
        a >> 32, b & 0xffff_ffff_ffff, c >> 32, (a ^ b) & 0xffff_ffff_ffff,
    ));
}
