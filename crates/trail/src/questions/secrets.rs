//! Who read which secret.

use super::{About, all, among};

/// Readers of secrets and parameters: how often, from where, since when; whether they are new within so many days of the last
/// event; and when the secret was last changed, as far as the logs tell.
pub fn secrets(about: &About, new_days: u32) -> String {
    let mut conditions = about.conditions();
    conditions.extend(among("secret", &about.secrets));
    let of_times = About {
        principals: Vec::new(),
        ..about.clone()
    };
    let mut changes = of_times.conditions();
    changes.push("event_source = 'secretsmanager.amazonaws.com'".to_owned());
    changes.push("error_code IS NULL".to_owned());
    changes.push(
        "event_name IN ('RotateSecret', 'RotationSucceeded', 'PutSecretValue', 'UpdateSecret', 'CreateSecret')"
            .to_owned(),
    );
    // A secret is known by its ARN in some requests and by its name in others: `…:secret:NAME-XXXXXX`.
    let name = |of: &str| {
        format!(
            "regexp_replace({of}, '^arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:(.*)-[A-Za-z0-9]{{6}}$', '\\1')"
        )
    };
    let in_json = |column: &str| {
        format!(
            "(regexp_match({column}, '\"(?:secretId|arn|aRN|name|additionalEventData)\" *: *\"([^\"]+)\"'))[1]"
        )
    };
    format!(
        "WITH reads AS (SELECT *, {read_name} AS secret_name FROM secret_reads {where_reads}), \
         changed AS (SELECT {changed_name} AS secret_name, max(event_time) AS changed FROM \
           (SELECT event_time, coalesce({sent}, {answered}, {added}) AS secret FROM events {where_changes}) \
           GROUP BY 1), \
         last AS (SELECT max(event_time) AS at FROM reads) \
         SELECT r.secret_name AS secret, r.kind, r.principal, count(*) AS reads, count(r.error_code) AS failed, \
           count(DISTINCT r.source_ip) AS addresses, min(r.source_ip) AS an_address, \
           count(DISTINCT r.user_agent) AS user_agents, \
           coalesce(bool_or(r.access_key_id LIKE 'AKIA%'), false) AS long_lived_credentials, \
           min(r.event_time) AS first_seen, max(r.event_time) AS last_seen, \
           min(r.event_time) > max(l.at) - INTERVAL '{new_days} days' AS new, \
           max(c.changed) AS secret_changed \
         FROM reads r CROSS JOIN last l LEFT JOIN changed c ON c.secret_name = r.secret_name \
         GROUP BY r.secret_name, r.kind, r.principal ORDER BY secret, reads DESC, principal, kind",
        read_name = name("secret"),
        changed_name = name("secret"),
        sent = in_json("request_parameters"),
        answered = in_json("response_elements"),
        added = in_json("additional_event_data"),
        where_reads = all(&conditions),
        where_changes = all(&changes),
    )
}
