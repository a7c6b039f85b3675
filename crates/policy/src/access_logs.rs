//! Buckets that access logs are delivered to. Amazon S3 and the load balancers deliver to buckets with
//! SSE-S3 only (Amazon S3 User Guide, "Enabling Amazon S3 server access logging"; User Guide for
//! Application Load Balancers, "Access logs"; a Network Load Balancer's may have a customer managed key).

use crate::prelude::*;
use std::collections::HashSet;

/// Why a customer managed key cannot be asked of such a bucket.
pub(crate) const ONLY_SSE_S3: &str =
    "access logs are delivered to it, which AWS does under SSE-S3 only";

/// The buckets of the inventory that access logs are delivered to.
pub(crate) fn destinations(cx: &Cx<'_>) -> HashSet<ResourceId> {
    let mut found = HashSet::new();
    let mut add = |user: Subject<'_>, bucket: Read<&Value>| {
        if let Read::Found(bucket, _) = bucket {
            found.extend(named(cx, user.resource, bucket).map(|bucket| bucket.id));
        }
    };
    for bucket in cx.subjects(&["AWS::S3::Bucket"]) {
        add(
            bucket,
            bucket.at("LoggingConfiguration.DestinationBucketName"),
        );
    }
    for balancer in cx.subjects(&["AWS::ElasticLoadBalancing::LoadBalancer"]) {
        add(balancer, balancer.at("AccessLoggingPolicy.S3BucketName"));
    }
    for balancer in cx.subjects(&["AWS::ElasticLoadBalancingV2::LoadBalancer"]) {
        let kind = balancer.at("Type").string().found();
        if kind.is_some_and(|kind| kind != "application") {
            continue;
        }
        for attribute in balancer
            .each("LoadBalancerAttributes.*")
            .into_iter()
            .filter_map(Read::found)
        {
            if attribute.at("Key").string().found().as_deref() == Some("access_logs.s3.bucket") {
                add(balancer, attribute.at("Value"));
            }
        }
    }
    found
}

fn named<'a>(cx: &Cx<'a>, user: &Resource, bucket: &Value) -> Option<&'a Resource> {
    if let Some((target, _)) = cx.inventory.target(bucket) {
        return Some(target);
    }
    let text = bucket.at("").text().found()?;
    let name = cx.inventory.written_name(user.stack, &text)?;
    cx.inventory
        .named("AWS::S3::Bucket", "BucketName", &name)
        .next()
}
