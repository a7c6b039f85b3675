-- Who was refused access to keys and secrets, and how often; a refusal that does not name the key is not among them.
WITH asked AS (
  SELECT
    'key' AS kind, key AS name, operation, principal, error_code, source_ip, event_time, event_id,
    rank() OVER (PARTITION BY event_id ORDER BY partition_day, partition_account, partition_region) AS copy
  FROM {{table}}_key_uses
  WHERE ({{partitions}})
  UNION ALL
  SELECT
    kind, secret AS name, operation, principal, error_code, source_ip, event_time, event_id,
    rank() OVER (PARTITION BY event_id ORDER BY partition_day, partition_account, partition_region) AS copy
  FROM {{table}}_secret_reads
  WHERE ({{partitions}})
)
SELECT
  principal,
  kind,
  operation,
  error_code,
  count(*) AS refused,
  count(DISTINCT name) AS names,
  min(name) AS a_name,
  count(DISTINCT source_ip) AS addresses,
  min(source_ip) AS an_address,
  min(event_time) AS first_seen,
  max(event_time) AS last_seen
FROM asked
WHERE (copy = 1 OR event_id IS NULL) AND error_code LIKE '%AccessDenied%'
GROUP BY principal, kind, operation, error_code
ORDER BY refused DESC, principal, kind, operation, error_code;
