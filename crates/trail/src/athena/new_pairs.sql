-- Which principals used a key for the first time within the last 7 days of the logs; ask it of more than 7 days, or every pair is new.
WITH uses AS (
  SELECT *
  FROM (
    SELECT u.*, rank() OVER (PARTITION BY u.event_id ORDER BY u.partition_day, u.partition_account, u.partition_region) AS copy
    FROM {{table}}_key_uses u
    WHERE ({{partitions}})
  )
  WHERE (copy = 1 OR event_id IS NULL) AND cryptographic
),
latest AS (
  SELECT max(event_time) AS moment FROM uses
)
SELECT
  u.key,
  u.principal,
  count(*) AS uses,
  count(u.error_code) AS failed,
  coalesce(bool_or(u.cross_account), false) AS cross_account,
  min(u.operation) AS an_operation,
  count(DISTINCT u.operation) AS operations,
  min(u.source_ip) AS an_address,
  min(u.event_time) AS first_seen,
  max(u.event_time) AS last_seen
FROM uses u
CROSS JOIN latest l
GROUP BY u.key, u.principal
HAVING min(u.event_time) > max(l.moment) - INTERVAL '7' DAY
ORDER BY first_seen, u.key, u.principal;
