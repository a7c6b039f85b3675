//! Amazon Route 53: hosted zones, and of their records those that certificates need. Once an account.
//!
//! A zone may hold ten thousand records. What is asked of them is whether certificates can be issued and renewed: the CNAME
//! records that validate them, and the CAA records that say who may issue. A zone's own NS record shows that its
//! records were read.

use super::prelude::*;
use aws_sdk_route53::Client;
use aws_sdk_route53::types::{HostedZone, ResourceRecordSet, RrType, VpcRegion};
use lockfast_snapshot::GAP;

const ZONES: &str = "route53:ListHostedZones";
const ZONE: &str = "route53:GetHostedZone";
const RECORDS: &str = "route53:ListResourceRecordSets";

const ZONE_TYPE: &str = "AWS::Route53::HostedZone";
const RECORD_TYPE: &str = "AWS::Route53::RecordSet";

pub(super) static READER: Reader = Reader {
    service: "route53",
    scope: Scope::Global,
    kinds: &[ZONE_TYPE, RECORD_TYPE],
    calls: &[ZONES, ZONE, RECORDS],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    let zones = cx
        .list(
            ZONES,
            &[ZONE_TYPE, RECORD_TYPE],
            items!(client.list_hosted_zones()),
        )
        .await;
    cx.each(zones, |zone| {
        let (cx, client) = (cx.clone(), client.clone());
        async move {
            hosted_zone(&cx, &client, &zone).await;
        }
    })
    .await;
}

async fn hosted_zone(cx: &Cx, client: &Client, zone: &HostedZone) {
    let id = zone.id().trim_start_matches("/hostedzone/");
    let is_private = zone.config().is_some_and(|config| config.private_zone());
    let config = zone.config().map(|config| {
        Props::new()
            .put("Comment", config.comment())
            .put("PrivateZone", config.private_zone())
    });
    let mut props = Props::of(ZONES)
        .put("Name", zone.name())
        .put("HostedZoneConfig", config);
    if is_private {
        // The list does not say whose networks see a private zone.
        let vpcs = cx
            .get(ZONE, client.get_hosted_zone().id(id).send())
            .await
            .map(|answer| {
                let vpcs = answer.vpcs().iter().map(|vpc| {
                    Props::new()
                        .put("VPCId", vpc.vpc_id())
                        .put("VPCRegion", vpc.vpc_region().map(VpcRegion::as_str))
                });
                vpcs.collect::<Vec<_>>()
            });
        props = props.from(ZONE).put("VPCs", vpcs);
    }
    let arn = format!("arn:{}:route53:::hostedzone/{id}", cx.partition());
    cx.emit(ZONE_TYPE, id, Some(&arn), props);
    if !is_private {
        records(cx, client, id).await;
    }
}

async fn records(cx: &Cx, client: &Client, zone: &str) {
    let mut next: Option<(String, Option<RrType>, Option<String>)> = None;
    loop {
        let (name, kind, identifier) = match next.take() {
            Some((name, kind, identifier)) => (Some(name), kind, identifier),
            None => (None, None, None),
        };
        let request = client
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .set_start_record_name(name.clone())
            .set_start_record_type(kind)
            .set_start_record_identifier(identifier);
        let page = match cx.get(RECORDS, request.send()).await {
            Ok(page) => page,
            Err(failure) => {
                let props = Props::of(RECORDS)
                    .put("HostedZoneId", zone)
                    .put("Name", failure.clone())
                    .put("Type", failure.clone())
                    .put("ResourceRecords", failure);
                cx.emit(RECORD_TYPE, &format!("{GAP}.{zone}"), None, props);
                return;
            }
        };
        for record in page.resource_record_sets() {
            if concerns_certificates(record) {
                emit(cx, zone, record);
            }
        }
        match (page.is_truncated(), page.next_record_name()) {
            // A page that names itself as the next would be asked for for ever.
            (true, Some(following))
                if Some(following) != name.as_deref()
                    || page.next_record_identifier().is_some() =>
            {
                next = Some((
                    following.to_owned(),
                    page.next_record_type().cloned(),
                    page.next_record_identifier().map(str::to_owned),
                ));
            }
            _ => return,
        }
    }
}

/// A record that validates a certificate, says who may issue one, or shows that the zone was read.
fn concerns_certificates(record: &ResourceRecordSet) -> bool {
    match record.r#type() {
        RrType::Cname => record.name().starts_with('_'),
        RrType::Caa | RrType::Ns => true,
        _ => false,
    }
}

fn emit(cx: &Cx, zone: &str, record: &ResourceRecordSet) {
    let values = record
        .resource_records()
        .iter()
        .map(|record| record.value().to_owned());
    let props = Props::of(RECORDS)
        .put("HostedZoneId", zone)
        .put("Name", record.name())
        .put("Type", record.r#type().as_str())
        .put("TTL", record.ttl())
        .put("ResourceRecords", values.collect::<Vec<String>>());
    let name = format!("{} {}", record.name(), record.r#type().as_str());
    cx.emit(RECORD_TYPE, &name, None, props);
}
