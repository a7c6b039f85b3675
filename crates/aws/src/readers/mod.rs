//! Readers: one file per service, each of which turns the service's answers into resources of CloudFormation's shape.
//!
//! A reader lists what there is, asks for what the lists leave out, and gives each resource to [`Cx::emit`] with the properties
//! that the CloudFormation schema of its type has, in that shape, whatever the API calls them. What AWS tells beside the schema
//! keeps its API name at the top level. Rules:
//!
//! - A call that fails is *unknown*, never absent: put the [`lockfast_snapshot::Failure`] where its answer would stand.
//!   Only error codes that the API reference documents as "there is none" are absence ([`Cx::get_unless`]).
//! - Absent stays absent. Where the API says `false` or an empty list and the schema has a property for it, put it.
//! - Values that may hold secrets (environment variables, parameters' values) go through [`Cx::cover`], and the actions
//!   that tell them stand in `secret_calls`.
//! - As few calls as the service allows: lists that tell everything need no calls for single resources. Tags come from the tagging
//!   API for all of a region at once; a reader gives `Tags` only where its lists hold them anyway.

mod acm;
mod apigateway;
mod appsync;
mod athena;
mod backup;
mod cloudformation;
mod cloudfront;
mod cloudtrail;
mod cloudwatch;
mod config;
mod dax;
mod dms;
mod dynamodb;
mod ec2;
mod ecr;
mod ecs;
mod efs;
mod elasticache;
mod elasticloadbalancing;
mod es;
mod events;
mod firehose;
mod fsx;
mod glue;
mod iam;
mod kafka;
mod kinesis;
mod kms;
mod lambda;
mod logs;
mod memorydb;
mod mq;
mod organizations;
mod rds;
mod redshift;
mod route53;
mod s3;
mod sagemaker;
mod secretsmanager;
mod sns;
mod sqs;
mod ssm;
mod states;
mod timestream;
mod timestream_influxdb;

use crate::unit::Cx;
use futures::future::BoxFuture;

/// Where a service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// In every region.
    Regional,
    /// Once an account.
    Global,
}

/// How a service is read.
pub(crate) struct Reader {
    /// Its IAM prefix.
    pub service: &'static str,
    /// Where it is asked.
    pub scope: Scope,
    /// The types of the resources it gives.
    pub kinds: &'static [&'static str],
    /// The IAM actions that its calls need.
    pub calls: &'static [&'static str],
    /// Those of which the answers may hold secrets, so that they never touch a disk.
    pub secret_calls: &'static [&'static str],
    /// Reads it.
    pub read: fn(Cx) -> BoxFuture<'static, ()>,
}

/// What looking at some objects of each bucket takes ([`crate::ScanOptions::sample_objects`]); nothing else reads data,
/// and of these answers only how the objects are encrypted is kept: their names never touch a disk.
pub(crate) const SAMPLING: [&str; 2] = ["s3:ListBucket", "s3:GetObject"];

/// Every reader.
pub(crate) static READERS: &[&Reader] = &[
    &acm::READER,
    &apigateway::READER,
    &appsync::READER,
    &athena::READER,
    &backup::READER,
    &cloudformation::READER,
    &cloudfront::READER,
    &cloudtrail::READER,
    &cloudwatch::READER,
    &config::READER,
    &dax::READER,
    &dms::READER,
    &dynamodb::READER,
    &ec2::READER,
    &ecr::READER,
    &ecs::READER,
    &efs::READER,
    &elasticache::READER,
    &elasticloadbalancing::READER,
    &es::READER,
    &events::READER,
    &firehose::READER,
    &fsx::READER,
    &glue::READER,
    &iam::READER,
    &kafka::READER,
    &kinesis::READER,
    &kms::READER,
    &lambda::READER,
    &logs::READER,
    &memorydb::READER,
    &mq::READER,
    &organizations::READER,
    &rds::READER,
    &redshift::READER,
    &route53::READER,
    &s3::READER,
    &sagemaker::READER,
    &secretsmanager::READER,
    &sns::READER,
    &sqs::READER,
    &ssm::READER,
    &states::READER,
    &timestream::READER,
    &timestream_influxdb::READER,
];
/// What a reader's file needs.
mod prelude {
    pub(crate) use super::{Reader, Scope};
    #[allow(unused_imports)]
    pub(crate) use crate::props::{Props, Put, document, names, tag_map, tags};
    #[allow(unused_imports)]
    pub(crate) use crate::unit::{Cx, items, malformed, pages};
    pub(crate) use futures::FutureExt;
    #[allow(unused_imports)]
    pub(crate) use lockfast_snapshot::Failure;
    #[allow(unused_imports)]
    pub(crate) use serde_json::{Value, json};
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn every_reader_gives_types_that_the_tables_know() {
        for reader in READERS {
            for kind in reader.kinds {
                assert!(
                    lockfast_facts::tables::is_known_type(kind)
                        || *kind == lockfast_snapshot::MANAGED_KEY,
                    "{}: {kind}",
                    reader.service
                );
            }
        }
    }

    /// Tables of crates that are built without the SDK name what is read here; which types a reader has beside those.
    fn differences(named: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
        let own: BTreeMap<&str, &[&str]> = READERS.iter().map(|r| (r.service, r.kinds)).collect();
        let wrong = |service: &String, kind: &String| {
            let kinds = own.get(service.as_str());
            !kinds.is_some_and(|kinds| kinds.contains(&kind.as_str()))
        };
        named
            .iter()
            .flat_map(|(service, kinds)| kinds.iter().map(move |kind| (service, kind)))
            .filter(|(service, kind)| wrong(service, kind))
            .map(|(service, kind)| format!("{service} does not read {kind}"))
            .collect()
    }

    #[test]
    fn drift_says_missing_only_of_types_that_are_read() {
        let text = include_str!("../../../drift/tables/scanned.toml");
        let mut named: BTreeMap<String, BTreeSet<String>> = toml::from_str(text).expect("TOML");
        // What templates call otherwise than the API does.
        #[derive(serde::Deserialize)]
        struct Types {
            live_as: BTreeMap<String, String>,
        }
        let types = include_str!("../../../drift/tables/types.toml");
        let types: Types = toml::from_str(types).expect("TOML");
        for kinds in named.values_mut() {
            kinds.retain(|kind| !types.live_as.contains_key(kind));
        }
        assert_eq!(differences(&named), [""; 0]);
    }

    #[test]
    fn files_of_aws_config_are_taken_for_what_a_scan_reads() {
        let table = lockfast_facts::tables::scanned_services().iter();
        let named = table.map(|s| (s.name.clone(), s.types.iter().cloned().collect()));
        let named: BTreeMap<String, BTreeSet<String>> = named.collect();
        assert_eq!(differences(&named), [""; 0]);
        let services: BTreeSet<&str> = READERS.iter().map(|reader| reader.service).collect();
        let told: BTreeSet<&str> = named.keys().map(String::as_str).collect();
        let untold: Vec<_> = services.difference(&told).collect();
        assert!(untold.is_empty(), "no row for {untold:?}");
    }

    #[test]
    fn every_action_belongs_to_a_service_and_is_declared_once() {
        for reader in READERS {
            let mut seen = BTreeSet::new();
            for action in reader.calls.iter().chain(reader.secret_calls) {
                assert!(action.contains(':'), "{action}");
                assert!(seen.insert(action), "{}: {action} twice", reader.service);
            }
        }
    }
}
