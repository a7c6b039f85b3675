-- Who used which key on which day, for what, how often; making data keys is a use.
WITH uses AS (
  SELECT *
  FROM (
    SELECT u.*, rank() OVER (PARTITION BY u.event_id ORDER BY u.partition_day, u.partition_account, u.partition_region) AS copy
    FROM {{table}}_key_uses u
    WHERE ({{partitions}})
  )
  WHERE (copy = 1 OR event_id IS NULL) AND cryptographic
)
SELECT
  event_day AS day,
  key,
  principal,
  operation,
  count(*) AS uses,
  count(error_code) AS failed,
  coalesce(bool_or(cross_account), false) AS cross_account,
  count(DISTINCT via) AS services,
  min(via) AS via,
  count(DISTINCT encryption_context) AS contexts,
  min(encryption_context) AS a_context,
  min(event_time) AS first_seen,
  max(event_time) AS last_seen
FROM uses
GROUP BY event_day, key, principal, operation
ORDER BY day, key, principal, operation;
