//! One certificate that ACM or IAM keeps.

use crate::accounts::http_client;
use crate::unit::failure;
use aws_config::{BehaviorVersion, Region};
use lockfast_snapshot::Failure;

/// The certificate of an ARN and its chain, in PEM: of ACM, or a server certificate of IAM. The private key is not asked for.
///
/// # Errors
/// What the ARN lacks, or AWS said instead.
pub async fn certificate(
    arn: &str,
    profile: Option<String>,
    endpoint_url: Option<String>,
) -> Result<String, String> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, service, region, _, resource] = parts[..] else {
        return Err("an ARN has six parts: arn:aws:acm:REGION:ACCOUNT:certificate/ID".into());
    };
    // IAM has one region.
    let region = if region.is_empty() {
        "us-east-1"
    } else {
        region
    };
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .region(Region::new(region.to_owned()));
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let config = loader.load().await;
    let (leaf, chain) = match (service, resource.split_once('/')) {
        ("acm", Some(("certificate", _))) => {
            let client = aws_sdk_acm::Client::new(&config);
            let answer = client.get_certificate().certificate_arn(arn).send().await;
            let answer = answer.map_err(|error| said(&failure("acm:GetCertificate", &error)))?;
            (answer.certificate, answer.certificate_chain)
        }
        ("iam", Some(("server-certificate", path))) => {
            let name = path.rsplit('/').next().unwrap_or(path);
            let client = aws_sdk_iam::Client::new(&config);
            let answer = client
                .get_server_certificate()
                .server_certificate_name(name)
                .send()
                .await;
            let answer =
                answer.map_err(|error| said(&failure("iam:GetServerCertificate", &error)))?;
            let found = answer
                .server_certificate
                .ok_or("IAM told of no certificate")?;
            (Some(found.certificate_body), found.certificate_chain)
        }
        _ => {
            return Err(
                "it is no certificate's: those are of acm, and IAM's server certificates".into(),
            );
        }
    };
    let leaf = leaf.ok_or("AWS told of no certificate; it may not be issued yet")?;
    Ok(format!("{leaf}\n{}", chain.unwrap_or_default()))
}

fn said(failure: &Failure) -> String {
    format!("{} gave no answer: {}", failure.call, failure.error)
}
