-- Who read which secret or parameter, how often, from where, since when; who is new within the last 7 days of the logs; and when the
-- secret was last changed, as far as the logs tell. A secret is known by its ARN in some requests and by its name in others.
WITH reads AS (
  SELECT
    r.*,
    regexp_replace(r.secret, '^arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:(.*)-[A-Za-z0-9]{6}$', '$1') AS secret_name
  FROM (
    SELECT u.*, rank() OVER (PARTITION BY u.event_id ORDER BY u.partition_day, u.partition_account, u.partition_region) AS copy
    FROM {{table}}_secret_reads u
    WHERE ({{partitions}})
  ) r
  WHERE r.copy = 1 OR r.event_id IS NULL
),
changes AS (
  SELECT
    event_time,
    coalesce(
      regexp_extract(request_parameters, '"(?:secretId|arn|aRN|name|additionalEventData)" *: *"([^"]+)"', 1),
      regexp_extract(response_elements, '"(?:secretId|arn|aRN|name|additionalEventData)" *: *"([^"]+)"', 1),
      regexp_extract(additional_event_data, '"(?:secretId|arn|aRN|name|additionalEventData)" *: *"([^"]+)"', 1)
    ) AS secret
  FROM {{table}}_events
  WHERE ({{partitions}})
    AND event_source = 'secretsmanager.amazonaws.com'
    AND error_code IS NULL
    AND event_name IN ('RotateSecret', 'RotationSucceeded', 'PutSecretValue', 'UpdateSecret', 'CreateSecret')
),
changed AS (
  SELECT
    regexp_replace(secret, '^arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:(.*)-[A-Za-z0-9]{6}$', '$1') AS secret_name,
    max(event_time) AS changed
  FROM changes
  GROUP BY 1
),
latest AS (
  SELECT max(event_time) AS moment FROM reads
)
SELECT
  r.secret_name AS secret,
  r.kind,
  r.principal,
  count(*) AS reads,
  count(r.error_code) AS failed,
  count(DISTINCT r.source_ip) AS addresses,
  min(r.source_ip) AS an_address,
  count(DISTINCT r.user_agent) AS user_agents,
  coalesce(bool_or(r.access_key_id LIKE 'AKIA%'), false) AS long_lived_credentials,
  min(r.event_time) AS first_seen,
  max(r.event_time) AS last_seen,
  min(r.event_time) > max(l.moment) - INTERVAL '7' DAY AS new,
  max(c.changed) AS secret_changed
FROM reads r
CROSS JOIN latest l
LEFT JOIN changed c ON c.secret_name = r.secret_name
GROUP BY r.secret_name, r.kind, r.principal
ORDER BY secret, reads DESC, principal, kind;
