-- Who calls AWS with TLS below 1.2, without forward secrecy or without TLS, the weak ones first; well protected calls are left out.
-- Services that ask for themselves have no tlsDetails: of them nothing is said. TLS 1.3 always has forward secrecy.
WITH calls AS (
  SELECT
    u.*,
    CASE
      WHEN u.tls_version IN ('TLSv1', 'TLSv1.0', 'TLSv1.1', 'SSLv3', 'SSLv2') THEN 'below TLS 1.2'
      WHEN u.tls_version IS NOT NULL AND u.cipher_suite IS NULL THEN 'unknown: no cipher suite told'
      WHEN u.tls_version IS NOT NULL AND NOT (
        u.cipher_suite LIKE 'ECDHE-%' OR u.cipher_suite LIKE 'DHE-%' OR u.cipher_suite LIKE 'TLS_ECDHE_%'
        OR u.cipher_suite LIKE 'TLS_DHE_%' OR u.tls_version = 'TLSv1.3') THEN 'no forward secrecy'
      WHEN u.tls_version IS NOT NULL THEN 'ok'
      WHEN (u.source_ip LIKE '%:%' OR regexp_like(u.source_ip, '^[0-9.]+$')) AND u.event_source = 's3.amazonaws.com'
        AND u.additional_event_data LIKE '%"SignatureVersion"%'
        AND u.additional_event_data NOT LIKE '%"CipherSuite"%' THEN 'plain HTTP'
      WHEN u.source_ip LIKE '%:%' OR regexp_like(u.source_ip, '^[0-9.]+$') THEN 'unknown: no tlsDetails'
      ELSE 'asked by a service: no tlsDetails'
    END AS verdict
  FROM (
    SELECT e.*, rank() OVER (PARTITION BY e.event_id ORDER BY e.partition_day, e.partition_account, e.partition_region) AS copy
    FROM {{table}}_events e
    WHERE ({{partitions}})
  ) u
  WHERE u.copy = 1 OR u.event_id IS NULL
)
SELECT
  verdict,
  principal,
  event_source,
  tls_version,
  cipher_suite,
  user_agent,
  min(source_ip) AS an_address,
  count(DISTINCT source_ip) AS addresses,
  min(tls_host) AS a_host,
  count(*) AS calls,
  min(event_time) AS first_seen,
  max(event_time) AS last_seen
FROM calls
WHERE verdict NOT IN ('ok', 'asked by a service: no tlsDetails')
GROUP BY verdict, principal, event_source, tls_version, cipher_suite, user_agent
ORDER BY
  CASE verdict
    WHEN 'plain HTTP' THEN 0
    WHEN 'below TLS 1.2' THEN 1
    WHEN 'no forward secrecy' THEN 2
    ELSE 4
  END,
  calls DESC, principal, event_source, user_agent, tls_version, cipher_suite, verdict;
