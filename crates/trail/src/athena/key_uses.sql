-- What was done with KMS keys, with the columns of lockfast's table `key_uses`: of ReEncrypt two rows, ReEncryptFrom and ReEncryptTo.
-- A condition on partition_day saves money, for Athena bills by the byte scanned: WHERE partition_day >= '2026/01/31'. It is the day
-- of delivery (UTC), some minutes and at times hours after the event's. partition_account and partition_region do the same.
-- Of copies in the same account, region and day one is counted; those delivered before and after midnight are in two partitions.
CREATE OR REPLACE VIEW {{table}}_key_uses AS
WITH copies AS (
  SELECT
    l.*,
    row_number() OVER (PARTITION BY l.eventid, l.account, l.region, l.day) AS copy
  FROM {{table}} l
  WHERE l.eventsource = 'kms.amazonaws.com' AND l.eventname IS NOT NULL
),
-- json_parse sorts the keys of objects, which json_extract of text would leave as they are written.
once AS (
  SELECT
    c.*,
    CAST(TRY(from_iso8601_timestamp(c.eventtime)) AT TIME ZONE 'UTC' AS timestamp(3)) AS moment,
    TRY(json_parse(c.requestparameters)) AS sent,
    TRY(json_parse(c.additionaleventdata)) AS added
  FROM copies c
  WHERE c.copy = 1 OR c.eventid IS NULL
),
-- Keys among the resources, then those that the request names and the one that the message of a refusal does. A key's name is its
-- ARN, an alias, an alias's ARN or an identifier. Older records leave the resource's type out.
named AS (
  SELECT
    o.*,
    filter(o.resources, r ->
      (r.type = 'AWS::KMS::Key' AND (
        regexp_like(r.arn, '^arn:([^:]*:){4}(key/|alias/.)')
        OR (r.arn NOT LIKE 'arn:%' AND r.arn NOT IN ('', 'alias/'))))
      OR (r.type IS NULL AND regexp_like(r.arn, '^arn:([^:]*:){4}key/'))
    ) AS among,
    transform(
      ARRAY[
        json_extract_scalar(o.sent, '$.keyId'),
        json_extract_scalar(o.sent, '$.sourceKeyId'),
        json_extract_scalar(o.sent, '$.destinationKeyId')
      ],
      n -> CASE
        WHEN regexp_like(n, '^arn:([^:]*:){4}(key/|alias/.)') THEN n
        WHEN n NOT LIKE 'arn:%' AND n NOT IN ('', 'alias/') THEN n
      END
    ) AS names,
    regexp_replace(regexp_extract(o.errormessage, 'on resource: ([^ ,"]*)', 1), '\.+$', '') AS refused
  FROM once o
),
found AS (
  SELECT
    n.*,
    element_at(n.among, 1).arn AS first_key,
    element_at(n.among, 2).arn AS second_key,
    element_at(n.names, 1) AS sent_key,
    element_at(n.names, 2) AS source_key,
    element_at(n.names, 3) AS destination_key,
    CASE WHEN regexp_like(n.refused, '^arn:([^:]*:){4}(key/|alias/.)') THEN n.refused END AS refused_key
  FROM named n
),
-- Which of the resources ReEncrypt's parameters mean: by the same name, or by the identifier at the end of the ARN.
meant AS (
  SELECT
    f.*,
    f.eventname LIKE 'ReEncrypt%' AS again,
    coalesce(f.first_key = f.source_key
      OR (f.source_key NOT LIKE 'arn:%' AND regexp_extract(f.first_key, '^arn:(?:[^:]*:){4}key/(.*)$', 1) = f.source_key), false)
      AS first_is_source,
    coalesce(f.first_key = f.destination_key
      OR (f.destination_key NOT LIKE 'arn:%' AND regexp_extract(f.first_key, '^arn:(?:[^:]*:){4}key/(.*)$', 1) = f.destination_key), false)
      AS first_is_destination,
    coalesce(f.second_key = f.source_key
      OR (f.source_key NOT LIKE 'arn:%' AND regexp_extract(f.second_key, '^arn:(?:[^:]*:){4}key/(.*)$', 1) = f.source_key), false)
      AS second_is_source,
    coalesce(f.second_key = f.destination_key
      OR (f.destination_key NOT LIKE 'arn:%' AND regexp_extract(f.second_key, '^arn:(?:[^:]*:){4}key/(.*)$', 1) = f.destination_key), false)
      AS second_is_destination
  FROM found f
),
-- The source comes first, unless the parameters say that it does not.
ordered AS (
  SELECT
    m.*,
    (m.first_is_destination AND NOT m.second_is_destination) OR (m.second_is_source AND NOT m.first_is_source) AS swapped
  FROM meant m
),
keyed AS (
  SELECT
    o.*,
    CASE
      WHEN NOT o.again THEN coalesce(o.first_key, o.sent_key, o.refused_key)
      WHEN o.first_key IS NULL AND o.source_key IS NULL AND o.destination_key IS NULL THEN coalesce(o.sent_key, o.refused_key)
      WHEN o.first_key IS NOT NULL AND o.second_key IS NULL AND NOT o.first_is_source AND NOT o.first_is_destination THEN o.first_key
    END AS only_key,
    CASE
      WHEN NOT o.again THEN NULL
      WHEN o.first_key IS NULL THEN o.source_key
      WHEN o.second_key IS NOT NULL AND o.swapped THEN o.second_key
      WHEN o.second_key IS NOT NULL THEN o.first_key
      WHEN o.first_is_source THEN o.first_key
      WHEN o.first_is_destination THEN o.source_key
    END AS from_key,
    CASE
      WHEN NOT o.again THEN NULL
      WHEN o.first_key IS NULL THEN o.destination_key
      WHEN o.second_key IS NOT NULL AND o.swapped THEN o.first_key
      WHEN o.second_key IS NOT NULL THEN o.second_key
      WHEN o.first_is_destination THEN o.first_key
      WHEN o.first_is_source THEN o.destination_key
    END AS to_key
  FROM ordered o
),
uses AS (
  SELECT
    k.*,
    CASE p.part WHEN 'From' THEN k.from_key WHEN 'To' THEN k.to_key ELSE k.only_key END AS used_key,
    CASE p.part WHEN 'Only' THEN k.eventname ELSE 'ReEncrypt' || p.part END AS operation,
    json_format(json_extract(k.sent, '$.encryptionContext')) AS context,
    CASE p.part
      WHEN 'From' THEN json_format(json_extract(k.sent, '$.sourceEncryptionContext'))
      WHEN 'To' THEN json_format(json_extract(k.sent, '$.destinationEncryptionContext'))
    END AS own_context
  FROM keyed k
  CROSS JOIN UNNEST(ARRAY['Only', 'From', 'To']) AS p (part)
)
SELECT
  eventid AS event_id,
  moment AS event_time,
  CAST(moment AS date) AS event_day,
  recipientaccountid AS account,
  awsregion AS region,
  used_key AS key,
  CASE WHEN used_key LIKE 'arn:%' THEN split_part(used_key, ':', 5) END AS key_account,
  operation,
  operation IN ('Decrypt', 'Encrypt', 'Sign', 'Verify', 'GenerateMac', 'VerifyMac', 'DeriveSharedSecret')
    OR operation LIKE 'GenerateDataKey%'
    OR operation LIKE 'ReEncrypt%' AS cryptographic,
  coalesce(
    CASE WHEN coalesce(useridentity.type, 'AssumedRole') = 'AssumedRole' THEN useridentity.sessioncontext.sessionissuer.arn END,
    useridentity.arn,
    useridentity.invokedby,
    'arn:' || CASE WHEN awsregion LIKE 'cn-%' THEN 'aws-cn' WHEN awsregion LIKE 'us-gov-%' THEN 'aws-us-gov' ELSE 'aws' END
      || ':iam::' || useridentity.accountid || ':root',
    useridentity.type
  ) AS principal,
  useridentity.type AS principal_type,
  useridentity.arn AS principal_arn,
  useridentity.accountid AS principal_account,
  CASE WHEN used_key LIKE 'arn:%' THEN split_part(used_key, ':', 5) END <> useridentity.accountid AS cross_account,
  coalesce(
    useridentity.invokedby,
    json_extract_scalar(added, '$.invokedBy'),
    json_extract_scalar(added, '$.viaService'),
    json_extract_scalar(sent, '$.viaService'),
    CASE WHEN sourceipaddress LIKE '%.amazonaws.com' THEN sourceipaddress END
  ) AS via,
  nullif(
    coalesce(CASE WHEN own_context LIKE '{%' THEN own_context END, CASE WHEN context LIKE '{%' THEN context END),
    '{}'
  ) AS encryption_context,
  errorcode AS error_code,
  sourceipaddress AS source_ip,
  useragent AS user_agent,
  useridentity.accesskeyid AS access_key_id,
  vpcendpointid AS vpc_endpoint_id,
  tlsdetails.tlsversion AS tls_version,
  tlsdetails.ciphersuite AS cipher_suite,
  sharedeventid AS shared_event_id,
  account AS partition_account,
  region AS partition_region,
  day AS partition_day
FROM uses
WHERE used_key IS NOT NULL;
