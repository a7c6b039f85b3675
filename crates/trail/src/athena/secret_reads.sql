-- Who read which secret or decrypted parameter, with the columns of lockfast's table `secret_reads`: a row for each secret of an event.
-- A condition on partition_day saves money, for Athena bills by the byte scanned: WHERE partition_day >= '2026/01/31'. It is the day
-- of delivery (UTC), some minutes and at times hours after the event's. partition_account and partition_region do the same.
-- Of copies in the same account, region and day one is counted; those delivered before and after midnight are in two partitions.
-- A parameter read without withDecryption gives no secret away: a SecureString stays encrypted.
CREATE OR REPLACE VIEW {{table}}_secret_reads AS
WITH copies AS (
  SELECT
    l.*,
    row_number() OVER (PARTITION BY l.eventid, l.account, l.region, l.day) AS copy
  FROM {{table}} l
  WHERE (l.eventsource = 'secretsmanager.amazonaws.com' AND l.eventname IN ('GetSecretValue', 'BatchGetSecretValue'))
    OR (l.eventsource = 'ssm.amazonaws.com'
      AND l.eventname IN ('GetParameter', 'GetParameters', 'GetParametersByPath', 'GetParameterHistory'))
),
once AS (
  SELECT
    c.*,
    CAST(TRY(from_iso8601_timestamp(c.eventtime)) AT TIME ZONE 'UTC' AS timestamp(3)) AS moment,
    TRY(json_parse(c.requestparameters)) AS sent
  FROM copies c
  WHERE c.copy = 1 OR c.eventid IS NULL
),
reads AS (
  SELECT
    o.*,
    CASE
      WHEN o.eventname LIKE '%SecretValue' THEN 'secret'
      WHEN o.eventname = 'GetParametersByPath' THEN 'path'
      ELSE 'parameter'
    END AS kind,
    CASE o.eventname
      WHEN 'GetSecretValue' THEN ARRAY[json_extract_scalar(o.sent, '$.secretId')]
      WHEN 'BatchGetSecretValue' THEN TRY(CAST(json_extract(o.sent, '$.secretIdList') AS array(varchar)))
      WHEN 'GetParameters' THEN TRY(CAST(json_extract(o.sent, '$.names') AS array(varchar)))
      WHEN 'GetParametersByPath' THEN ARRAY[regexp_replace(json_extract_scalar(o.sent, '$.path'), '/?$', '/')]
      ELSE ARRAY[json_extract_scalar(o.sent, '$.name')]
    END AS names
  FROM once o
  WHERE o.eventsource = 'secretsmanager.amazonaws.com' OR json_format(json_extract(o.sent, '$.withDecryption')) = 'true'
),
-- An event that names nothing that could be read is a row with an empty name: somebody tried.
named AS (
  SELECT
    r.*,
    CASE WHEN cardinality(filter(r.names, n -> n IS NOT NULL)) > 0 THEN filter(r.names, n -> n IS NOT NULL) ELSE ARRAY[''] END AS secrets
  FROM reads r
)
SELECT
  n.eventid AS event_id,
  n.moment AS event_time,
  CAST(n.moment AS date) AS event_day,
  n.recipientaccountid AS account,
  n.awsregion AS region,
  n.kind,
  s.secret,
  n.eventname AS operation,
  coalesce(
    CASE WHEN coalesce(n.useridentity.type, 'AssumedRole') = 'AssumedRole' THEN n.useridentity.sessioncontext.sessionissuer.arn END,
    n.useridentity.arn,
    n.useridentity.invokedby,
    'arn:' || CASE WHEN n.awsregion LIKE 'cn-%' THEN 'aws-cn' WHEN n.awsregion LIKE 'us-gov-%' THEN 'aws-us-gov' ELSE 'aws' END
      || ':iam::' || n.useridentity.accountid || ':root',
    n.useridentity.type
  ) AS principal,
  n.useridentity.type AS principal_type,
  n.useridentity.arn AS principal_arn,
  n.useridentity.accountid AS principal_account,
  n.useridentity.invokedby AS invoked_by,
  n.errorcode AS error_code,
  n.sourceipaddress AS source_ip,
  n.useragent AS user_agent,
  n.useridentity.accesskeyid AS access_key_id,
  n.vpcendpointid AS vpc_endpoint_id,
  n.tlsdetails.tlsversion AS tls_version,
  n.account AS partition_account,
  n.region AS partition_region,
  n.day AS partition_day
FROM named n
CROSS JOIN UNNEST(n.secrets) AS s (secret);
