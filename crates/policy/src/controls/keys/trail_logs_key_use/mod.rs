use crate::judgement::About;
use crate::prelude::*;

control! {
    /// Where the input has keys, a CloudTrail trail must record their use: logging, in every region
    /// (or the stack's own), management events on with reads and writes, KMS not left out of them,
    /// and with log file validation. Looks at classic and advanced event selectors (AWS CloudTrail
    /// User Guide, "Logging management events"). Without any trail in the input it is unknown: an
    /// organisation's trail may stand in another account.
    id: "trail-logs-key-use",
    title: "CloudTrail logs all use and management of keys",
    clauses: ["KEY-3"],
    severity: High,
    fix: "Make the trail multi-region with IsLogging and EnableLogFileValidation, management events All, and kms.amazonaws.com not excluded.",
    cloudformation: r#"Type: AWS::CloudTrail::Trail
Properties:
  IsLogging: true
  IsMultiRegionTrail: true
  IncludeGlobalServiceEvents: true
  EnableLogFileValidation: true
  S3BucketName: !Ref TrailBucket
"#,
    cdk: r#"new cloudtrail.Trail(this, 'Trail', { isMultiRegionTrail: true, enableFileValidation: true });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let trails = cx.subjects(&["AWS::CloudTrail::Trail"]);
    if trails.is_empty() {
        if cx.inventory.of_kind("AWS::KMS::Key").next().is_some() {
            out.push(Judgement::unknown(
                About::Input,
                format!(
                    "none of the {} stacks given makes a trail; an organisation's trail may log the keys",
                    cx.inventory.stacks().len()
                ),
            ));
        }
        return;
    }
    for subject in trails {
        out.push(trail(subject));
    }
}

fn trail(subject: Subject<'_>) -> Judgement {
    for (property, what) in [
        ("IsLogging", "the trail does not log"),
        ("IsMultiRegionTrail", "the trail covers one region only"),
        ("EnableLogFileValidation", "the trail's files are not validated, so nobody can prove that they are complete"),
    ] {
        match subject.at(property).bool() {
            Read::Found(true, _) => {}
            Read::Found(false, loc) | Read::Absent(loc) => return Judgement::fail(subject, what).at(loc),
            Read::Unknown(why, loc) => return Judgement::cannot_tell(subject, &format!("{property} of the trail"), &why).at(loc),
        }
    }
    for selector in subject.each("EventSelectors.*").into_iter().filter_map(Read::found) {
        if selector.at("IncludeManagementEvents").bool().found() == Some(false) {
            return Judgement::fail(subject, "the trail leaves management events out, and with them the use of keys").at(selector.loc);
        }
        for excluded in selector.each("ExcludeManagementEventSources.*") {
            if matches!(&excluded, Read::Found(v, _) if v.at("").string().found().as_deref() == Some("kms.amazonaws.com")) {
                return Judgement::fail(subject, "the trail leaves KMS out of the management events").at(excluded.loc());
            }
        }
        if let Read::Found(kind, loc) = selector.at("ReadWriteType").string()
            && kind != "All"
        {
            return Judgement::fail(subject, format!("the trail logs {kind} events; decryption is a read, key changes are writes")).at(loc);
        }
    }
    advanced(subject).unwrap_or_else(|| Judgement::pass(subject, "the trail logs all use and management of keys"))
}

/// Advanced selectors: one must take management events and not leave KMS out.
fn advanced(subject: Subject<'_>) -> Option<Judgement> {
    let selectors = match subject.at("AdvancedEventSelectors").list() {
        Read::Found(selectors, _) if !selectors.is_empty() => selectors,
        Read::Unknown(why, loc) => {
            return Some(Judgement::cannot_tell(subject, "which events the trail logs", &why).at(loc));
        }
        _ => return None,
    };
    let mut management = false;
    for selector in selectors {
        let fields: Vec<&Value> = selector.each("FieldSelectors.*").into_iter().filter_map(Read::found).collect();
        let has = |field: &str, operator: &str, value: &str| {
            fields.iter().any(|f| {
                f.at("Field").string().found().as_deref() == Some(field)
                    && f.each(&format!("{operator}.*"))
                        .into_iter()
                        .any(|v| v.string().found().as_deref() == Some(value))
            })
        };
        if has("eventCategory", "Equals", "Management") {
            management = true;
            if has("eventSource", "NotEquals", "kms.amazonaws.com") {
                return Some(Judgement::fail(subject, "the trail leaves KMS out of the management events").at(selector.loc));
            }
            if has("readOnly", "Equals", "false") || has("readOnly", "Equals", "true") {
                return Some(Judgement::fail(subject, "the trail logs reads or writes of keys only").at(selector.loc));
            }
        }
    }
    (!management).then(|| Judgement::fail(subject, "the trail leaves management events out, and with them the use of keys"))
}
