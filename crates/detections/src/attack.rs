//! ATT&CK's techniques, as far as rules about keys, secrets and trails are of any.

/// A technique of MITRE ATT&CK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Technique {
    /// As `T1485`.
    pub id: &'static str,
    /// Its name; of a sub-technique with that of the technique.
    pub name: &'static str,
    /// What it is for.
    pub tactic: &'static str,
}

const fn technique(id: &'static str, name: &'static str, tactic: &'static str) -> Technique {
    Technique { id, name, tactic }
}

/// Those that our own rules are about.
const TECHNIQUES: &[Technique] = &[
    technique(
        "T1078.004",
        "Valid Accounts: Cloud Accounts",
        "Initial Access",
    ),
    technique("T1098", "Account Manipulation", "Persistence"),
    technique("T1485", "Data Destruction", "Impact"),
    technique("T1486", "Data Encrypted for Impact", "Impact"),
    technique("T1490", "Inhibit System Recovery", "Impact"),
    technique("T1526", "Cloud Service Discovery", "Discovery"),
    technique("T1537", "Transfer Data to Cloud Account", "Exfiltration"),
    technique(
        "T1555.006",
        "Credentials from Password Stores: Cloud Secrets Management Stores",
        "Credential Access",
    ),
    technique("T1562", "Impair Defenses", "Defense Evasion"),
    technique(
        "T1562.001",
        "Impair Defenses: Disable or Modify Tools",
        "Defense Evasion",
    ),
    technique(
        "T1562.007",
        "Impair Defenses: Disable or Modify Cloud Firewall",
        "Defense Evasion",
    ),
    technique(
        "T1562.008",
        "Impair Defenses: Disable or Modify Cloud Logs",
        "Defense Evasion",
    ),
    technique("T1580", "Cloud Infrastructure Discovery", "Discovery"),
    technique("T1600", "Weaken Encryption", "Defense Evasion"),
];

/// The techniques that tags name, as `attack.t1485`.
pub(crate) fn techniques(tags: &[String]) -> Vec<&'static Technique> {
    let ids = tags.iter().filter_map(|tag| tag.strip_prefix("attack."));
    let known = ids.filter_map(|id| {
        let mut known = TECHNIQUES.iter();
        known.find(|technique| technique.id.eq_ignore_ascii_case(id))
    });
    known.collect()
}
