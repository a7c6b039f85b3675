-- Who decrypts most: per principal how often, with how many keys, for how many encryption contexts, and how much was refused.
WITH uses AS (
  SELECT *
  FROM (
    SELECT u.*, rank() OVER (PARTITION BY u.event_id ORDER BY u.partition_day, u.partition_account, u.partition_region) AS copy
    FROM {{table}}_key_uses u
    WHERE ({{partitions}})
  )
  WHERE (copy = 1 OR event_id IS NULL) AND operation = 'Decrypt'
)
SELECT
  principal,
  count(*) AS decrypts,
  count(error_code) AS failed,
  count(DISTINCT key) AS keys,
  min(key) AS a_key,
  count(DISTINCT encryption_context) AS contexts,
  count(DISTINCT event_day) AS days,
  count(DISTINCT via) AS services,
  min(via) AS via,
  min(event_time) AS first_seen,
  max(event_time) AS last_seen
FROM uses
GROUP BY principal
ORDER BY decrypts DESC, principal;
