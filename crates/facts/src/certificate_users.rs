//! Which properties name the certificate that a service shows to its clients.

use serde::Deserialize;
use std::sync::OnceLock;

/// Whose certificates a property takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateStore {
    /// AWS Certificate Manager or IAM's server certificates.
    AcmOrIam,
    /// AWS Certificate Manager only.
    Acm,
    /// IAM's server certificates only.
    Iam,
}

/// A property that names a certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateUser {
    /// CloudFormation type name.
    pub r#type: String,
    /// Path of the property.
    pub path: String,
    /// Whose certificates it takes.
    pub kind: CertificateStore,
}

/// Every property that names the certificate of a server.
pub fn certificate_users() -> &'static [CertificateUser] {
    #[derive(Deserialize)]
    struct File {
        user: Vec<CertificateUser>,
    }
    static ROWS: OnceLock<Vec<CertificateUser>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let file: File = toml::from_str(include_str!("../tables/certificate-users.toml"))
            .expect("tables/certificate-users.toml is checked by a test");
        file.user
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let mut seen = std::collections::HashSet::new();
        for user in certificate_users() {
            assert!(user.r#type.starts_with("AWS::"));
            assert!(
                seen.insert((&user.r#type, &user.path)),
                "{} twice",
                user.path
            );
        }
    }
}
