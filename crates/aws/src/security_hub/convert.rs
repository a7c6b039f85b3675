//! The findings between the JSON that reports are written in and the SDK's types.
//!
//! Whatever the JSON holds is carried over, or refused by name: a field that a report gains and this file does not know
//! would otherwise be lost on the way, in silence.

use aws_sdk_securityhub::types::{
    AwsSecurityFinding, Compliance, ComplianceStatus, FindingProviderFields,
    FindingProviderSeverity, Note, Partition, Recommendation, RecordState, Remediation, Resource,
    ResourceDetails, Severity, SeverityLabel, Workflow, WorkflowStatus,
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// A field that is not known here, or whose value has another type than it should.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has no place in a finding of the SDK")]
pub(crate) struct NoPlace(String);

/// An object whose fields are taken one by one; what is left at the end has no place.
struct Fields {
    path: String,
    map: Map<String, Value>,
}

impl Fields {
    fn of(path: String, value: Value) -> Result<Self, NoPlace> {
        match value {
            Value::Object(map) => Ok(Fields { path, map }),
            _ => Err(NoPlace(path)),
        }
    }

    fn path(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    fn take<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(String, Value) -> Result<T, NoPlace>,
    ) -> Result<Option<T>, NoPlace> {
        match self.map.remove(name) {
            Some(value) => read(self.path(name), value).map(Some),
            None => Ok(None),
        }
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, NoPlace> {
        self.take(name, text)
    }

    fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, NoPlace> {
        self.take(name, |path, value| list(path, value, text))
    }

    fn pairs(&mut self, name: &str) -> Result<Option<HashMap<String, String>>, NoPlace> {
        self.take(name, |path, value| {
            let fields = Fields::of(path.clone(), value)?;
            fields
                .map
                .into_iter()
                .map(|(name, value)| Ok((name.clone(), text(format!("{path}.{name}"), value)?)))
                .collect()
        })
    }

    fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields) -> Result<T, NoPlace>,
    ) -> Result<Option<T>, NoPlace> {
        self.take(name, |path, value| whole(path, value, read))
    }
}

fn text(path: String, value: Value) -> Result<String, NoPlace> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(NoPlace(path)),
    }
}

fn list<T>(
    path: String,
    value: Value,
    read: impl Fn(String, Value) -> Result<T, NoPlace>,
) -> Result<Vec<T>, NoPlace> {
    match value {
        Value::Array(items) => items
            .into_iter()
            .map(|item| read(path.clone(), item))
            .collect(),
        _ => Err(NoPlace(path)),
    }
}

/// Reads an object, all of it.
fn whole<T>(
    path: String,
    value: Value,
    read: impl FnOnce(&mut Fields) -> Result<T, NoPlace>,
) -> Result<T, NoPlace> {
    let mut fields = Fields::of(path, value)?;
    let read = read(&mut fields)?;
    match fields.map.keys().next() {
        Some(name) => Err(NoPlace(fields.path(name))),
        None => Ok(read),
    }
}

/// A finding of a report as the SDK has it.
pub(crate) fn finding(value: Value) -> Result<AwsSecurityFinding, NoPlace> {
    whole(String::new(), value, |fields| {
        Ok(AwsSecurityFinding::builder()
            .set_schema_version(fields.text("SchemaVersion")?)
            .set_id(fields.text("Id")?)
            .set_product_arn(fields.text("ProductArn")?)
            .set_product_name(fields.text("ProductName")?)
            .set_company_name(fields.text("CompanyName")?)
            .set_generator_id(fields.text("GeneratorId")?)
            .set_aws_account_id(fields.text("AwsAccountId")?)
            .set_types(fields.texts("Types")?)
            .set_created_at(fields.text("CreatedAt")?)
            .set_updated_at(fields.text("UpdatedAt")?)
            .set_severity(fields.object("Severity", severity)?)
            .set_finding_provider_fields(fields.object("FindingProviderFields", provider_fields)?)
            .set_title(fields.text("Title")?)
            .set_description(fields.text("Description")?)
            .set_remediation(fields.object("Remediation", remediation)?)
            .set_product_fields(fields.pairs("ProductFields")?)
            .set_resources(fields.take("Resources", |path, value| {
                list(path, value, |path, value| whole(path, value, resource))
            })?)
            .set_compliance(fields.object("Compliance", compliance)?)
            .set_workflow(fields.object("Workflow", |fields| {
                let status = fields.text("Status")?;
                Ok(Workflow::builder()
                    .set_status(status.as_deref().map(WorkflowStatus::from))
                    .build())
            })?)
            .set_record_state(
                fields
                    .text("RecordState")?
                    .as_deref()
                    .map(RecordState::from),
            )
            .set_note(fields.object("Note", |fields| {
                Ok(Note::builder()
                    .set_text(fields.text("Text")?)
                    .set_updated_by(fields.text("UpdatedBy")?)
                    .set_updated_at(fields.text("UpdatedAt")?)
                    .build())
            })?)
            .build())
    })
}

fn severity(fields: &mut Fields) -> Result<Severity, NoPlace> {
    let label = fields.text("Label")?;
    Ok(Severity::builder()
        .set_label(label.as_deref().map(SeverityLabel::from))
        .set_original(fields.text("Original")?)
        .build())
}

fn provider_fields(fields: &mut Fields) -> Result<FindingProviderFields, NoPlace> {
    let severity = fields.object("Severity", |fields| {
        let label = fields.text("Label")?;
        Ok(FindingProviderSeverity::builder()
            .set_label(label.as_deref().map(SeverityLabel::from))
            .set_original(fields.text("Original")?)
            .build())
    })?;
    Ok(FindingProviderFields::builder()
        .set_severity(severity)
        .set_types(fields.texts("Types")?)
        .build())
}

fn remediation(fields: &mut Fields) -> Result<Remediation, NoPlace> {
    let recommendation = fields.object("Recommendation", |fields| {
        Ok(Recommendation::builder()
            .set_text(fields.text("Text")?)
            .set_url(fields.text("Url")?)
            .build())
    })?;
    Ok(Remediation::builder()
        .set_recommendation(recommendation)
        .build())
}

fn resource(fields: &mut Fields) -> Result<Resource, NoPlace> {
    let partition = fields.text("Partition")?;
    let details = fields.object("Details", |fields| {
        Ok(ResourceDetails::builder()
            .set_other(fields.pairs("Other")?)
            .build())
    })?;
    Ok(Resource::builder()
        .set_type(fields.text("Type")?)
        .set_id(fields.text("Id")?)
        .set_partition(partition.as_deref().map(Partition::from))
        .set_region(fields.text("Region")?)
        .set_details(details)
        .build())
}

fn compliance(fields: &mut Fields) -> Result<Compliance, NoPlace> {
    let status = fields.text("Status")?;
    Ok(Compliance::builder()
        .set_status(status.as_deref().map(ComplianceStatus::from))
        .set_security_control_id(fields.text("SecurityControlId")?)
        .set_related_requirements(fields.texts("RelatedRequirements")?)
        .build())
}

/// A finding that Security Hub has, as far as its provider may import it again: without what only customers change
/// (`Note`, `Workflow`), and without what AWS adds to it.
pub(crate) fn importable(finding: &AwsSecurityFinding) -> Value {
    let mut own = Map::new();
    for (name, text) in [
        ("SchemaVersion", finding.schema_version()),
        ("Id", finding.id()),
        ("ProductArn", finding.product_arn()),
        ("ProductName", finding.product_name()),
        ("CompanyName", finding.company_name()),
        ("GeneratorId", finding.generator_id()),
        ("AwsAccountId", finding.aws_account_id()),
        ("CreatedAt", finding.created_at()),
        ("UpdatedAt", finding.updated_at()),
        ("Title", finding.title()),
        ("Description", finding.description()),
        (
            "RecordState",
            finding.record_state().map(RecordState::as_str),
        ),
    ] {
        put(&mut own, name, text);
    }
    if !finding.types().is_empty() {
        own.insert("Types".into(), json!(finding.types()));
    }
    if let Some(severity) = finding.severity() {
        own.insert(
            "Severity".into(),
            labelled(severity.label(), severity.original()),
        );
    }
    if let Some(provided) = finding.finding_provider_fields() {
        let mut fields = Map::new();
        if let Some(severity) = provided.severity() {
            fields.insert(
                "Severity".into(),
                labelled(severity.label(), severity.original()),
            );
        }
        if !provided.types().is_empty() {
            fields.insert("Types".into(), json!(provided.types()));
        }
        own.insert("FindingProviderFields".into(), fields.into());
    }
    if let Some(recommendation) = finding.remediation().and_then(|r| r.recommendation()) {
        let mut fields = Map::new();
        put(&mut fields, "Text", recommendation.text());
        put(&mut fields, "Url", recommendation.url());
        own.insert("Remediation".into(), json!({ "Recommendation": fields }));
    }
    if let Some(fields) = finding.product_fields() {
        // The names that begin so are AWS's, and refused from others.
        let fields = fields.iter().filter(|(name, _)| !name.starts_with("aws/"));
        own.insert("ProductFields".into(), pairs(fields));
    }
    let resources: Vec<Value> = finding.resources().iter().map(resource_of).collect();
    own.insert("Resources".into(), resources.into());
    if let Some(compliance) = finding.compliance() {
        let mut fields = Map::new();
        put(
            &mut fields,
            "Status",
            compliance.status().map(ComplianceStatus::as_str),
        );
        put(
            &mut fields,
            "SecurityControlId",
            compliance.security_control_id(),
        );
        if !compliance.related_requirements().is_empty() {
            let requirements = json!(compliance.related_requirements());
            fields.insert("RelatedRequirements".into(), requirements);
        }
        own.insert("Compliance".into(), fields.into());
    }
    own.into()
}

fn put(fields: &mut Map<String, Value>, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        fields.insert(name.to_owned(), text.into());
    }
}

fn labelled(label: Option<&SeverityLabel>, original: Option<&str>) -> Value {
    let mut fields = Map::new();
    put(&mut fields, "Label", label.map(SeverityLabel::as_str));
    put(&mut fields, "Original", original);
    fields.into()
}

fn pairs<'a>(fields: impl Iterator<Item = (&'a String, &'a String)>) -> Value {
    fields
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect::<Map<_, _>>()
        .into()
}

fn resource_of(resource: &Resource) -> Value {
    let mut fields = Map::new();
    put(&mut fields, "Type", resource.r#type());
    put(&mut fields, "Id", resource.id());
    put(
        &mut fields,
        "Partition",
        resource.partition().map(Partition::as_str),
    );
    put(&mut fields, "Region", resource.region());
    if let Some(other) = resource.details().and_then(ResourceDetails::other) {
        fields.insert("Details".into(), json!({ "Other": pairs(other.iter()) }));
    }
    fields.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_securityhub::Client;
    use aws_sdk_securityhub::config::{BehaviorVersion, Credentials, Region};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use std::sync::{Arc, Mutex};

    /// Every field that crates/report writes.
    fn every_field() -> Value {
        json!({
            "SchemaVersion": "2018-10-08",
            "Id": "lockfast/eu-west-1/111111111111/0123456789abcdef0123",
            "ProductArn": "arn:aws:securityhub:eu-west-1:111111111111:product/111111111111/default",
            "ProductName": "Lockfast",
            "CompanyName": "Lockfast",
            "GeneratorId": "lockfast/key-rotation",
            "AwsAccountId": "111111111111",
            "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
            "CreatedAt": "2026-11-27T10:00:00.000Z",
            "UpdatedAt": "2026-11-27T11:00:00.000Z",
            "Severity": { "Label": "HIGH", "Original": "high" },
            "FindingProviderFields": {
                "Severity": { "Label": "HIGH", "Original": "high" },
                "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
            },
            "Title": "Keys rotate",
            "Description": "schlüssel \"eins\": does not rotate",
            "Remediation": { "Recommendation": { "Text": "Turn on rotation." } },
            "ProductFields": { "lockfast/Verdict": "fail", "lockfast/ScanTaken": "2026-11-27T10:00:00Z" },
            "Resources": [{
                "Type": "AwsKmsKey",
                "Id": "arn:aws:kms:eu-west-1:111111111111:key/1",
                "Partition": "aws",
                "Region": "eu-west-1",
                "Details": { "Other": { "Type": "AWS::KMS::Key", "Stack": "111111111111/eu-west-1" } },
            }],
            "Compliance": {
                "Status": "FAILED",
                "SecurityControlId": "key-rotation",
                "RelatedRequirements": ["AWS Encryption & Key Management Policy/KEY-2"],
            },
            "Workflow": { "Status": "SUPPRESSED" },
            "RecordState": "ACTIVE",
            "Note": { "Text": "Waived: soon", "UpdatedBy": "me", "UpdatedAt": "2026-11-27T11:00:00.000Z" },
        })
    }

    /// Answers every request with success, and keeps what it said.
    #[derive(Clone, Debug, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl HttpConnector for Heard {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            *self.0.lock().expect("whole") = request.body().bytes().unwrap_or_default().to_vec();
            let answer = r#"{"FailedCount":0,"SuccessCount":1,"FailedFindings":[]}"#;
            let status = StatusCode::try_from(200).expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer))))
        }
    }

    #[tokio::test]
    async fn what_a_report_writes_is_what_the_wire_carries() {
        let heard = Heard::default();
        let connector = heard.clone();
        let config = aws_sdk_securityhub::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .credentials_provider(Credentials::new("a", "b", None, None, "test"))
            .http_client(http_client_fn(move |_, _| {
                SharedHttpConnector::new(connector.clone())
            }))
            .build();
        Client::from_conf(config)
            .batch_import_findings()
            .findings(finding(every_field()).expect("every field has its place"))
            .send()
            .await
            .expect("an answer");
        let body: Value = serde_json::from_slice(&heard.0.lock().expect("whole")).expect("JSON");
        assert_eq!(body["Findings"][0], every_field());
    }

    #[test]
    fn what_is_imported_again_is_the_same_but_for_what_customers_change() {
        let mut wanted = every_field();
        let fields = wanted.as_object_mut().expect("an object");
        fields.remove("Note");
        fields.remove("Workflow");
        let mut there = finding(every_field()).expect("every field has its place");
        there
            .product_fields
            .get_or_insert_default()
            .insert("aws/securityhub/ProductName".into(), "Lockfast".into());
        there.processed_at = Some("2026-11-27T11:00:01.000Z".into());
        let again = importable(&there);
        assert_eq!(again, wanted);
        assert!(finding(again).is_ok());
    }

    #[test]
    fn what_has_no_place_is_refused_by_name() {
        let mut value = every_field();
        value["Resources"][0]["Colour"] = json!("red");
        let error = finding(value).err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("Resources.Colour has no place in a finding of the SDK")
        );
        let mut value = every_field();
        value["Title"] = json!(1);
        assert!(finding(value).is_err());
    }
}
