//! Which stores hold data of their own, and whether they can be given a key.

use crate::prelude::*;
use lockfast_facts::Origin;

/// Types that keep settings, or pass on what others hold.
const NO_DATA: [&str; 6] = [
    "AWS::Lambda::EventSourceMapping",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::Config::ConfigurationRecorder",
    "AWS::Config::DeliveryChannel",
    "AWS::GuardDuty::Detector",
    "AWS::SecurityHub::Hub",
];

/// True for a store whose key is a choice about the data in it. Code, tasks and settings hold none; a
/// function does when it has environment variables; of Systems Manager's parameters only a `SecureString` has a key.
pub(crate) fn has_own_data(cx: &Cx<'_>, store: &Store) -> bool {
    if NO_DATA.contains(&store.spec.name.as_str()) {
        return false;
    }
    match store.spec.noun.as_str() {
        "task" | "task-cluster" | "function-code" => false,
        // No template makes one that has a key, so one whose type a template does not tell has none.
        "parameter" => match store.subject(cx.inventory).at("Type").string() {
            Read::Found(kind, _) => kind == "SecureString",
            Read::Unknown(..) => cx.inventory.origin() == Origin::Live,
            Read::Absent(_) => false,
        },
        "function" => {
            let variables = store
                .subject(cx.inventory)
                .at("Environment.Variables")
                .map_value();
            !matches!(variables, Read::Absent(_))
                && variables.found().is_none_or(|map| !map.0.is_empty())
        }
        _ => true,
    }
}

/// True when the type can be given a customer managed key, itself or through what it inherits from.
pub(crate) fn takes_a_key(store: &Store) -> bool {
    use lockfast_facts::tables::DefaultProtection;
    !store.spec.key.is_empty() || store.spec.default == DefaultProtection::Inherits
}

/// True for types that hold an application's data, as opposed to a service's own records.
pub(crate) fn is_data_store(store: &Store) -> bool {
    const NOUNS: [&str; 11] = [
        "database",
        "cache",
        "table",
        "bucket",
        "stream",
        "volume",
        "search",
        "time-series",
        "file-system",
        "queue",
        "warehouse",
    ];
    NOUNS.iter().any(|noun| store.spec.noun.starts_with(noun))
}

/// How data is encrypted, as the end of a sentence: `is encrypted with AWS managed key alias/aws/sqs`.
pub(crate) fn encrypted_with(cx: &Cx<'_>, protection: &Protection) -> String {
    match protection {
        Protection::None => "is not encrypted".to_owned(),
        Protection::SseS3 => "is encrypted with SSE-S3, a key of Amazon S3".to_owned(),
        Protection::AwsOwned => "is encrypted with a key that AWS owns".to_owned(),
        other => format!("is encrypted with {}", other.label(cx.inventory)),
    }
}
