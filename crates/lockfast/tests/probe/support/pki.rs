//! Certificates, made by openssl.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with an authority's certificate and key, and those that it signs.
pub struct Pki {
    pub folder: tempfile::TempDir,
}

impl Pki {
    pub fn new() -> Self {
        let pki = Pki {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        pki.openssl(
            "req -x509 -nodes -days 3650 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=Authority \
             -addext keyUsage=critical,keyCertSign,cRLSign -keyout authority.key -out authority.pem",
        );
        pki
    }

    /// Runs openssl in the folder.
    pub fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .current_dir(&self.folder)
            .args(arguments.split_whitespace())
            .output()
            .expect("openssl runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {said}");
    }

    /// `NAME.pem` and `NAME.key`, signed by the authority, for these names and so many days.
    pub fn signed(&self, name: &str, names: &str, days: u32) {
        self.openssl(&format!(
            "req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=localhost -keyout {name}.key -out {name}.csr"
        ));
        let extensions = format!(
            "subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
             extendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n"
        );
        std::fs::write(self.path(&format!("{name}.ext")), extensions).expect("written");
        self.openssl(&format!(
            "x509 -req -days {days} -in {name}.csr -CA authority.pem -CAkey authority.key -CAcreateserial -extfile {name}.ext -out {name}.pem"
        ));
    }

    /// What was usual in 2010: 1024 bits and SHA-1, signed by itself, without a subject alternative name.
    pub fn old(&self, name: &str) {
        self.openssl(&format!(
            "req -x509 -nodes -days 365 -sha1 -newkey rsa:1024 -subj /CN=localhost -keyout {name}.key -out {name}.pem"
        ));
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn roots(&self) -> String {
        shown(&self.path("authority.pem"))
    }
}

fn shown(path: &Path) -> String {
    path.to_str().expect("a path of UTF-8").to_owned()
}
