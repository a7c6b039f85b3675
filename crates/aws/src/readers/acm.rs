//! AWS Certificate Manager: certificates, requested and imported (`Type` tells them apart).

use super::prelude::*;
use aws_sdk_acm::Client;
use aws_sdk_acm::types::{
    CertificateDetail, CertificateKeyPairOrigin, CertificateSummary, DomainValidation, Filters,
    KeyAlgorithm,
};

const LIST: &str = "acm:ListCertificates";
const DESCRIBE: &str = "acm:DescribeCertificate";
const KIND: &str = "AWS::CertificateManager::Certificate";

pub(super) static READER: Reader = Reader {
    service: "acm",
    scope: Scope::Regional,
    kinds: &[KIND],
    calls: &[LIST, DESCRIBE],
    secret_calls: &[],
    read: |cx| read(cx).boxed(),
};

async fn read(cx: Cx) {
    let client = Client::new(&cx.config());
    // Without a filter, ACM lists certificates with RSA 2048 keys only, and leaves out those that ACME clients requested.
    let every = Filters::builder().set_key_types(Some(vec![
        KeyAlgorithm::Rsa1024,
        KeyAlgorithm::Rsa2048,
        KeyAlgorithm::Rsa3072,
        KeyAlgorithm::Rsa4096,
        KeyAlgorithm::EcPrime256v1,
        KeyAlgorithm::EcSecp384r1,
        KeyAlgorithm::EcSecp521r1,
    ]));
    let request = client
        .list_certificates()
        .includes(every.build())
        .certificate_key_pair_origins(CertificateKeyPairOrigin::AwsManaged)
        .certificate_key_pair_origins(CertificateKeyPairOrigin::CustomerProvided)
        .certificate_key_pair_origins(CertificateKeyPairOrigin::Acme);
    let certificates = cx.list(LIST, &[KIND], items!(request)).await;
    cx.each(certificates, |certificate| {
        let (cx, client) = (cx.clone(), client.clone());
        async move { one(&cx, &client, &certificate).await }
    })
    .await;
}

async fn one(cx: &Cx, client: &Client, certificate: &CertificateSummary) {
    let Some(arn) = certificate.certificate_arn() else {
        return;
    };
    let detail = cx
        .get(
            DESCRIBE,
            client.describe_certificate().certificate_arn(arn).send(),
        )
        .await
        .map(|answer| answer.certificate);
    let props = match detail {
        Ok(Some(detail)) => described(&detail),
        Ok(None) => return,
        Err(failure) => listed(certificate, &failure),
    };
    // Its ARN ends in an id that says nothing to people.
    let name = certificate.domain_name().or_else(|| arn.rsplit('/').next());
    cx.emit(KIND, name.unwrap_or(arn), Some(arn), props);
}

fn described(detail: &CertificateDetail) -> Props {
    // Every name is validated in the same way.
    let method = detail
        .domain_validation_options()
        .iter()
        .find_map(|option| option.validation_method());
    let options = detail.options();
    // Nobody can opt out any more, but certificates of those who did stay as they are.
    #[allow(deprecated)]
    let logging = options.and_then(|options| options.certificate_transparency_logging_preference());
    let export = options.and_then(|options| options.export());
    let renewal = detail.renewal_summary().map(|renewal| {
        Props::new()
            .put("RenewalStatus", renewal.renewal_status().as_str())
            .put(
                "RenewalStatusReason",
                renewal
                    .renewal_status_reason()
                    .map(|reason| reason.as_str()),
            )
            .put(
                "DomainValidationOptions",
                validations(renewal.domain_validation_options()),
            )
            .put("UpdatedAt", renewal.updated_at())
    });
    // A certificate that nobody uses is not renewed: an empty list is an answer.
    let users: Value = detail
        .in_use_by()
        .iter()
        .cloned()
        .map(Value::String)
        .collect();
    Props::of(DESCRIBE)
        .put("DomainName", detail.domain_name())
        .put(
            "SubjectAlternativeNames",
            detail.subject_alternative_names(),
        )
        .put("ValidationMethod", method.map(|method| method.as_str()))
        .put(
            "DomainValidationOptions",
            validations(detail.domain_validation_options()),
        )
        .put("KeyAlgorithm", detail.key_algorithm().map(algorithm))
        .put(
            "CertificateTransparencyLoggingPreference",
            logging.map(|logging| logging.as_str()),
        )
        .put("CertificateExport", export.map(|export| export.as_str()))
        .put(
            "CertificateAuthorityArn",
            detail.certificate_authority_arn(),
        )
        .put("Status", detail.status().map(|status| status.as_str()))
        .put("Type", detail.r#type().map(|kind| kind.as_str()))
        .put(
            "ManagedBy",
            detail.managed_by().map(|manager| manager.as_str()),
        )
        .put("CreatedAt", detail.created_at())
        .put("IssuedAt", detail.issued_at())
        .put("ImportedAt", detail.imported_at())
        .put("RevokedAt", detail.revoked_at())
        .put("NotBefore", detail.not_before())
        .put("NotAfter", detail.not_after())
        .put("InUseBy", users)
        .put(
            "RenewalEligibility",
            detail
                .renewal_eligibility()
                .map(|eligibility| eligibility.as_str()),
        )
        .put("RenewalSummary", renewal)
        .put("SignatureAlgorithm", detail.signature_algorithm())
        .put("Issuer", detail.issuer())
        .put("Subject", detail.subject())
        .put("Serial", detail.serial())
        .put(
            "FailureReason",
            detail.failure_reason().map(|reason| reason.as_str()),
        )
}

/// What the list tells, when nothing more is known.
fn listed(certificate: &CertificateSummary, failure: &Failure) -> Props {
    let mut props = Props::of(LIST)
        .put("DomainName", certificate.domain_name())
        .put("KeyAlgorithm", certificate.key_algorithm().map(algorithm))
        .put("Status", certificate.status().map(|status| status.as_str()))
        .put("Type", certificate.r#type().map(|kind| kind.as_str()))
        .put(
            "ManagedBy",
            certificate.managed_by().map(|manager| manager.as_str()),
        )
        .put("CreatedAt", certificate.created_at())
        .put("IssuedAt", certificate.issued_at())
        .put("ImportedAt", certificate.imported_at())
        .put("RevokedAt", certificate.revoked_at())
        .put("NotBefore", certificate.not_before())
        .put("NotAfter", certificate.not_after())
        .put(
            "RenewalEligibility",
            certificate
                .renewal_eligibility()
                .map(|eligibility| eligibility.as_str()),
        )
        .from(DESCRIBE);
    for name in [
        "SubjectAlternativeNames",
        "ValidationMethod",
        "DomainValidationOptions",
        "CertificateTransparencyLoggingPreference",
        "CertificateExport",
        "CertificateAuthorityArn",
        "InUseBy",
        "RenewalSummary",
        "SignatureAlgorithm",
        "Issuer",
        "FailureReason",
    ] {
        props.set(name, failure.clone());
    }
    props
}

/// ACM describes `RSA-2048` what its lists, its requests and CloudFormation call `RSA_2048`.
fn algorithm(algorithm: &KeyAlgorithm) -> String {
    algorithm.as_str().replace('-', "_")
}

fn validations(options: &[DomainValidation]) -> Vec<Props> {
    let options = options.iter().map(|option| {
        let record = option.resource_record().map(|record| {
            Props::new()
                .put("Name", record.name())
                .put("Type", record.r#type().as_str())
                .put("Value", record.value())
        });
        Props::new()
            .put("DomainName", option.domain_name())
            .put("ValidationDomain", option.validation_domain())
            .put(
                "ValidationMethod",
                option.validation_method().map(|method| method.as_str()),
            )
            .put(
                "ValidationStatus",
                option.validation_status().map(|status| status.as_str()),
            )
            .put("ResourceRecord", record)
    });
    options.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_have_the_names_of_cloudformation() {
        assert_eq!(algorithm(&KeyAlgorithm::from("RSA-2048")), "RSA_2048");
        assert_eq!(
            algorithm(&KeyAlgorithm::from("EC-prime256v1")),
            "EC_prime256v1"
        );
        assert_eq!(
            algorithm(&KeyAlgorithm::from("EC_secp384r1")),
            "EC_secp384r1"
        );
    }
}
