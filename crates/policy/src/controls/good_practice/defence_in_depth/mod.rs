use crate::prelude::*;

control! {
    /// For every confidential or restricted store, counts the layers that protect it: encryption at
    /// rest with a customer managed key, encryption in transit, and access from inside only. In
    /// transit, AWS APIs are HTTPS; a bucket needs a policy that refuses plain HTTP, a database a
    /// parameter that forces TLS. Access: a bucket blocks public access, a database is not publicly
    /// accessible. All three layers must hold; one that cannot be known leaves the store undecided.
    id: "defence-in-depth",
    title: "Sensitive data is protected at rest, in transit and by access, all three",
    clauses: ["BP-1"],
    severity: Medium,
    fix: "Add the layer that is missing: a customer managed key, enforced TLS, or closed public access.",
    cloudformation: r#"Type: AWS::S3::Bucket
Properties:
  PublicAccessBlockConfiguration:
    {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}
"#,
    cdk: r#"new s3.Bucket(this, 'Invoices', {
  encryptionKey: key,
  enforceSSL: true,
  blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
});
"#,
}

/// A layer holds, is missing, or is not knowable, because.
enum Layer {
    Holds,
    Missing(&'static str),
    Unknown(String),
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.inventory.stores() {
        if !matches!(store.spec.noun.as_str(), "bucket" | "database" | "table" | "queue" | "topic" | "time-series" | "secret") {
            continue;
        }
        let classification = cx.classification(store.resource);
        if !classification.value().is_some_and(|c| c.is_sensitive()) {
            continue;
        }
        let subject = store.subject(cx.inventory);
        let layers = [at_rest(store), in_transit(cx, subject, store), access(subject, store)];
        let missing: Vec<&str> = layers
            .iter()
            .filter_map(|l| match l {
                Layer::Missing(what) => Some(*what),
                _ => None,
            })
            .collect();
        let unknown = layers.iter().find_map(|l| match l {
            Layer::Unknown(what) => Some(what),
            _ => None,
        });
        let judgement = match (missing.as_slice(), unknown) {
            ([], None) => Judgement::pass(store, "it is protected at rest, in transit and by access"),
            ([], Some(what)) => Judgement::unknown(store, format!("cannot tell {what}")),
            (missing, _) => Judgement::fail(store, missing.join("; ")),
        };
        out.push(
            judgement
                .fact_as("key", &store.protection, |p| p.label(cx.inventory))
                .fact("classification", classification),
        );
    }
}

fn at_rest(store: &Store) -> Layer {
    match &store.protection {
        Known::Unknown(why, _) => Layer::Unknown(format!("its encryption at rest: {why}")),
        known if known.value().is_some_and(|p| p.customer_key().is_some()) => Layer::Holds,
        _ => Layer::Missing("at rest no customer managed key protects it"),
    }
}

fn in_transit(cx: &Cx<'_>, subject: Subject<'_>, store: &Store) -> Layer {
    match store.spec.noun.as_str() {
        "bucket" => {
            let policies: Vec<&Resource> = cx
                .inventory
                .referrers(subject.id())
                .filter(|r| &*r.kind == "AWS::S3::BucketPolicy")
                .collect();
            if policies.is_empty() {
                return Layer::Missing("in transit no bucket policy refuses plain HTTP");
            }
            let refuses = policies.iter().any(|policy| {
                policy.variants.iter().any(|v| {
                    v.properties.each("PolicyDocument.Statement.*").into_iter().filter_map(Read::found).any(|s| {
                        s.at("Effect").string().found().as_deref() == Some("Deny")
                            && s.at("Condition.Bool.aws:SecureTransport").string().found().as_deref() == Some("false")
                    })
                })
            });
            if refuses {
                Layer::Holds
            } else {
                Layer::Missing("in transit its bucket policy does not refuse plain HTTP")
            }
        }
        "database" => {
            let group = ["DBParameterGroupName", "DBClusterParameterGroupName"]
                .iter()
                .find_map(|p| subject.at(p).found())
                .and_then(|value| cx.inventory.target(value));
            let Some((group, _)) = group else {
                return Layer::Unknown("whether its engine forces TLS: its parameter group is not in the input".into());
            };
            let on = ["rds.force_ssl", "require_secure_transport", "tls", "neptune_enforce_ssl"].iter().find_map(|name| {
                match group.at("Parameters").map_value() {
                    Read::Found(map, _) => map.get(name).and_then(|v| v.at("").string().found()),
                    _ => None,
                }
            });
            match on.as_deref() {
                Some("1" | "ON" | "on" | "true" | "enabled") => Layer::Holds,
                Some(_) => Layer::Missing("in transit its parameter group lets clients in without TLS"),
                None => Layer::Unknown("whether its engine forces TLS: its parameter group does not say".into()),
            }
        }
        _ => Layer::Holds,
    }
}

fn access(subject: Subject<'_>, store: &Store) -> Layer {
    match store.spec.noun.as_str() {
        // Since April 2023 new buckets block public access.
        "bucket" => match subject.at("PublicAccessBlockConfiguration.RestrictPublicBuckets").bool() {
            Read::Found(false, _) => Layer::Missing("by access its public access is not blocked"),
            Read::Unknown(why, _) => Layer::Unknown(format!("whether public access is blocked: {why}")),
            _ => Layer::Holds,
        },
        "database" => match subject.at("PubliclyAccessible").bool() {
            Read::Found(true, _) => Layer::Missing("by access it is reachable from the internet"),
            Read::Unknown(why, _) => Layer::Unknown(format!("whether it is publicly accessible: {why}")),
            _ => Layer::Holds,
        },
        _ => Layer::Holds,
    }
}
