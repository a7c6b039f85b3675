//! What is unusual in the use of keys and secrets, learned from all of it in the order of time.

use crate::questions::{About, all, each};
use crate::trail::{Error, Trail};
use futures::StreamExt;
use lockfast_anomalies::{Detector, Feedback, Report, SubjectKind, Tuning, Use};

/// Asks what is unusual.
///
/// # Errors
/// What is wrong with what is read.
pub async fn unusual(
    trail: &Trail,
    about: &About,
    tuning: Tuning,
    feedback: Feedback,
) -> Result<Report, Error> {
    let conditions = about.conditions();
    let mut of_none = conditions.clone();
    // Who looks around asks for lists, which are about no single key.
    of_none.push("event_source = 'kms.amazonaws.com'".into());
    of_none.push("event_name IN ('ListKeys', 'ListAliases', 'ListRetirableGrants', 'DescribeCustomKeyStores')".into());
    let conditions = all(&conditions);
    let of_none = all(&of_none);
    let frame = trail
        .sql(&format!(
            "SELECT event_id, event_time, key, 'key', operation, cryptographic, principal, account, region, via, \
               encryption_context, error_code, source_ip, user_agent FROM key_uses {conditions} \
             UNION ALL SELECT event_id, event_time, secret, 'secret', operation, true, principal, account, region, \
               invoked_by, NULL, error_code, source_ip, user_agent FROM secret_reads {conditions} \
             UNION ALL SELECT event_id, event_time, '', 'key', event_name, false, principal, account, region, \
               invoked_by, NULL, error_code, source_ip, user_agent FROM events {of_none} \
             ORDER BY event_time"
        ))
        .await?;
    let mut detector = Detector::new(tuning, feedback);
    let mut rows = frame.execute_stream().await?;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        for row in each(std::slice::from_ref(&batch)) {
            // What has no time has no place among the others.
            let Some(time) = row.time(1) else {
                continue;
            };
            let text = |column| row.str(column);
            let kind = match text(3) {
                Some("secret") => SubjectKind::Secret,
                _ => SubjectKind::Key,
            };
            let (account, region) = (text(7).unwrap_or_default(), text(8).unwrap_or_default());
            let subject = text(2).unwrap_or_default();
            detector.add(&Use {
                event_id: text(0).unwrap_or_default(),
                time,
                subject: match kind {
                    SubjectKind::Secret => whole(subject, account, region).into(),
                    SubjectKind::Key => subject.into(),
                },
                kind,
                operation: text(4).unwrap_or_default(),
                cryptographic: row.flag(5).unwrap_or_default(),
                principal: text(6).unwrap_or_default(),
                account,
                region,
                via: text(9),
                encryption_context: text(10),
                failed: text(11),
                source_ip: text(12),
                user_agent: text(13),
            });
        }
    }
    Ok(detector.finish())
}

/// A secret's name that is nobody else's, however a request names it: its ARN without the suffix that Secrets Manager adds, a
/// parameter's with its account and region.
fn whole(name: &str, account: &str, region: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    let is_suffix = |end: &str| end.len() == 6 && end.bytes().all(|b| b.is_ascii_alphanumeric());
    match name.rsplit_once('-') {
        Some((stem, end)) if name.starts_with("arn:") && is_suffix(end) => stem.to_owned(),
        _ if name.starts_with("arn:") => name.to_owned(),
        _ if name.starts_with('/') => format!("arn:aws:ssm:{region}:{account}:parameter{name}"),
        _ => format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_same_by_name_and_by_arn() {
        let arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/db-a1B2c3";
        let whole = |name| whole(name, "111122223333", "eu-central-1");
        assert_eq!(whole(arn), whole("prod/db"));
        assert_eq!(
            whole("/prod/db"),
            "arn:aws:ssm:eu-central-1:111122223333:parameter/prod/db"
        );
        assert_eq!(whole(""), "");
    }
}
