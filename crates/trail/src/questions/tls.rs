//! Who calls AWS with which TLS.

use super::{About, all};

/// Callers by the protection of their calls, the weak ones first. Services that ask for themselves have no `tlsDetails`: of them
/// nothing is said, and they are counted apart.
pub fn tls(about: &About, everything: bool) -> String {
    let conditions = all(&about.conditions());
    let verdict = verdict_of_call();
    let wanted = match everything {
        true => "",
        false => "WHERE verdict NOT IN ('ok', 'asked by a service: no tlsDetails')",
    };
    format!(
        "WITH calls AS (SELECT principal, event_source, tls_host, user_agent, source_ip, tls_version, cipher_suite, \
           event_time, {verdict} AS verdict FROM events {conditions}) \
         SELECT verdict, principal, event_source, tls_version, cipher_suite, user_agent, \
           min(source_ip) AS an_address, count(DISTINCT source_ip) AS addresses, min(tls_host) AS a_host, \
           count(*) AS calls, min(event_time) AS first_seen, max(event_time) AS last_seen \
         FROM calls {wanted} GROUP BY verdict, principal, event_source, tls_version, cipher_suite, user_agent \
         ORDER BY CASE verdict WHEN 'plain HTTP' THEN 0 WHEN 'below TLS 1.2' THEN 1 WHEN 'no forward secrecy' THEN 2 \
           WHEN 'ok' THEN 5 ELSE 4 END, calls DESC, principal, event_source, user_agent, \
           tls_version, cipher_suite, verdict"
    )
}

/// How well a call is protected, as SQL over the columns of `events`.
pub(crate) fn verdict_of_call() -> String {
    // Suites without forward secrecy exchange the key by RSA; TLS 1.3 has none of them (RFC 8446, section 1.2). CloudTrail writes
    // them as OpenSSL does, and now and then as IANA.
    let pfs = "cipher_suite LIKE 'ECDHE-%' OR cipher_suite LIKE 'DHE-%' OR cipher_suite LIKE 'TLS_ECDHE_%' \
               OR cipher_suite LIKE 'TLS_DHE_%' OR tls_version = 'TLSv1.3'";
    let is_address = "(source_ip LIKE '%:%' OR regexp_like(source_ip, '^[0-9.]+$'))";
    format!(
        "CASE WHEN tls_version IN ('TLSv1', 'TLSv1.0', 'TLSv1.1', 'SSLv3', 'SSLv2') THEN 'below TLS 1.2' \
              WHEN tls_version IS NOT NULL AND cipher_suite IS NULL THEN 'unknown: no cipher suite told' \
              WHEN tls_version IS NOT NULL AND NOT ({pfs}) THEN 'no forward secrecy' \
              WHEN tls_version IS NOT NULL THEN 'ok' \
              WHEN {is_address} AND event_source = 's3.amazonaws.com' \
                AND additional_event_data LIKE '%\"SignatureVersion\"%' \
                AND additional_event_data NOT LIKE '%\"CipherSuite\"%' THEN 'plain HTTP' \
              WHEN {is_address} THEN 'unknown: no tlsDetails' \
              ELSE 'asked by a service: no tlsDetails' END"
    )
}
