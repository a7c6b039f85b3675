//! An account: moto for all services but AWS KMS and the event history, which this project's fake answers.

use crate::{lockfast, root};
use assert_cmd::Command;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The account's id, in both.
pub const ACCOUNT: &str = "111111111111";

/// The servers of one test; they end with it.
pub struct Account {
    pub folder: tempfile::TempDir,
    pub kms: String,
    moto: String,
    _servers: [Child; 2],
}

fn python() -> String {
    std::env::var("LOCKFAST_MOTO_PYTHON").expect(
        "LOCKFAST_MOTO_PYTHON names no Python with moto: run `cargo xtask test`, which installs it",
    )
}

impl Account {
    /// Starts both, empty.
    pub fn start() -> Account {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let moto = std::process::Command::new(python())
            .arg(root().join("tests/moto/server.py"))
            .args(["-p", &port.to_string()])
            .envs([("END_WITH_STDIN", "1"), ("MOTO_ACCOUNT_ID", ACCOUNT)])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto starts");
        let mut kms = std::process::Command::new(python())
            .arg(root().join("tests/kms-fake/kms_fake.py"))
            .args(["--port", "0"])
            .env("END_WITH_STDIN", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the fake starts");
        let mut line = String::new();
        let out = kms.stdout.as_mut().expect("its output");
        BufReader::new(out)
            .read_line(&mut line)
            .expect("where it listens");
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .expect("an address")
            .to_owned();
        let deadline = Instant::now() + Duration::from_secs(120);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "moto does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        Account {
            folder: tempfile::tempdir().expect("a folder"),
            kms: url,
            moto: format!("http://127.0.0.1:{port}"),
            _servers: [moto, kms],
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `lockfast` in this account, as whoever has an access key.
    pub fn as_caller(&self, access_key: &str) -> Command {
        let mut command = lockfast(self.path());
        command
            .env("AWS_ENDPOINT_URL", &self.moto)
            .env("AWS_ENDPOINT_URL_KMS", &self.kms)
            .env("AWS_ENDPOINT_URL_CLOUDTRAIL", &self.kms)
            .env("AWS_ACCESS_KEY_ID", access_key)
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", self.path().join("none"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.path().join("none"));
        command
    }

    /// `lockfast` as the root user.
    pub fn lockfast(&self) -> Command {
        self.as_caller("AKIAIOSFODNN7EXAMPLE")
    }

    /// Tells the fake something, or asks it.
    pub fn control(&self, what: &str, body: Option<Value>) -> Value {
        let url = format!("{}/_control/{what}", self.kms);
        let text = match body {
            Some(body) => ureq::post(&url)
                .header("content-type", "application/json")
                .send(body.to_string())
                .expect("it answers")
                .body_mut()
                .read_to_string(),
            None => ureq::get(&url)
                .call()
                .expect("it answers")
                .body_mut()
                .read_to_string(),
        };
        serde_json::from_str(&text.expect("a text")).expect("JSON")
    }

    /// A call of AWS KMS's API, as the root user; an error's code stands under `__type`.
    pub fn call(&self, operation: &str, body: Value) -> Value {
        let answer = ureq::post(&self.kms)
            .config()
            .http_status_as_error(false)
            .build()
            .header("x-amz-target", format!("TrentService.{operation}"))
            .header("content-type", "application/x-amz-json-1.1")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261128/eu-central-1/kms/aws4_request, SignedHeaders=host, Signature=0",
            )
            .send(body.to_string());
        let text = answer
            .expect("it answers")
            .body_mut()
            .read_to_string()
            .expect("a text");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// A new key's ARN.
    pub fn key(&self, of: Value) -> String {
        let made = self.call("CreateKey", of);
        made["KeyMetadata"]["Arn"]
            .as_str()
            .expect("an ARN")
            .to_owned()
    }

    /// A new key with material of one's own (AWS KMS Developer Guide, "Importing key material").
    pub fn imported_key(&self) -> String {
        let key = self.key(json!({"Origin": "EXTERNAL"}));
        let how = json!({"KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"});
        let given = self.call("GetParametersForImport", how);
        let wrapped = self.python(
            "import base64, os, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
key = serialization.load_der_public_key(base64.b64decode(sys.argv[1]))
sha = hashes.SHA256()
print(base64.b64encode(key.encrypt(os.urandom(32), padding.OAEP(padding.MGF1(sha), sha, None))).decode())",
            &[given["PublicKey"].as_str().expect("a key")],
        );
        self.call(
            "ImportKeyMaterial",
            json!({"KeyId": key, "ImportToken": given["ImportToken"], "EncryptedKeyMaterial": wrapped.trim(),
                "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}),
        );
        key
    }

    /// What a script of Python prints, which may ask moto by boto3.
    pub fn python(&self, script: &str, args: &[&str]) -> String {
        let ran = std::process::Command::new(python())
            .args(["-c", script])
            .args(args)
            .env("AWS_ENDPOINT_URL", &self.moto)
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_DEFAULT_REGION", "eu-central-1")
            .output()
            .expect("Python runs");
        let err = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{err}");
        String::from_utf8(ran.stdout).expect("UTF-8")
    }

    /// The state of a key.
    pub fn state(&self, key: &str) -> String {
        let told = self.call("DescribeKey", json!({"KeyId": key}));
        told["KeyMetadata"]["KeyState"]
            .as_str()
            .expect("a state")
            .to_owned()
    }

    /// How often an operation was carried out.
    pub fn count(&self, operation: &str) -> usize {
        let log = self.control("log", None);
        let log = log.as_array().expect("a log").iter();
        log.filter(|call| call["operation"] == operation && call["outcome"] == "ok")
            .count()
    }

    /// People with SSH keys, a policy file that lets two of them approve, and an hour-old-at-most snapshot of only what the
    /// fake knows.
    pub fn people(&self, observation_hours: u32) {
        let mut text = format!(
            "[approvals]\nquorum = 2\nobservation_hours = {observation_hours}\npending_window_days = 7\n\
             [[classification.rule]]\nclassification = \"restricted\"\nnames = [\"*\"]\n"
        );
        for name in ["anna", "ben", "cleo", "dora"] {
            let made = std::process::Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(self.path().join(name))
                .status()
                .expect("ssh-keygen is installed (openssh-client)");
            assert!(made.success());
            // Dora is nobody in the rules.
            if name != "dora" {
                let key = std::fs::read_to_string(self.path().join(format!("{name}.pub")))
                    .expect("a key");
                text += &format!(
                    "[[approvals.person]]\nname = \"{name}\"\nkeys = [\"{}\"]\n",
                    key.trim()
                );
            }
        }
        std::fs::write(self.path().join("lockfast.toml"), text).expect("written");
        self.snapshot();
    }

    /// A snapshot of the services that the servers know whole; of all others, that they were asked and have nothing.
    pub fn snapshot(&self) {
        self.lockfast()
            .args(["scan", "--region", "eu-central-1", "--region", "eu-west-1"])
            .args([
                "--service",
                "kms,iam,s3,secretsmanager,sqs",
                "--attempts",
                "2",
                "--backoff",
                "20",
            ])
            .args(["--no-judge", "--snapshot", "now.snapshot"])
            .assert()
            .success();
        let path = self.path().join("now.snapshot");
        let packed = std::fs::read(&path).expect("the snapshot");
        let told = zstd::decode_all(packed.as_slice()).expect("zstd");
        let told = String::from_utf8(told).expect("UTF-8");
        let (body, end) = told.trim_end().rsplit_once('\n').expect("lines");
        let mut whole = body.to_owned();
        for service in lockfast_facts::tables::scanned_services() {
            for region in ["eu-central-1", "eu-west-1", "global"] {
                let unit = json!({"account": ACCOUNT, "region": region, "service": service.name});
                let known = format!("\"region\":\"{region}\",\"service\":\"{}\"", service.name);
                if !told.contains(&known) {
                    whole.push_str(&format!("\n{}", json!({"unit": unit})));
                }
            }
        }
        std::fs::write(&path, format!("{whole}\n{end}\n")).expect("written");
    }
}
