-- Every event, with the columns of lockfast's table `events`.
-- A condition on partition_day saves money, for Athena bills by the byte scanned: WHERE partition_day >= '2026/01/31'. It is the day
-- of delivery (UTC), some minutes and at times hours after the event's. partition_account and partition_region do the same.
-- Of copies in the same account, region and day one is a row. Copies delivered before and after midnight lie in two partitions and
-- are two rows: whoever counts takes those of the first partition, as the questions do. Otherwise no condition could save anything.
-- `record` is put together again from the table's columns: keys are sorted, and what the table has no column for is missing.
CREATE OR REPLACE VIEW {{table}}_events AS
WITH copies AS (
  SELECT
    l.*,
    row_number() OVER (PARTITION BY l.eventid, l.account, l.region, l.day) AS copy
  FROM {{table}} l
),
once AS (
  SELECT
    c.*,
    CAST(TRY(from_iso8601_timestamp(c.eventtime)) AT TIME ZONE 'UTC' AS timestamp(3)) AS moment
  FROM copies c
  WHERE c.copy = 1 OR c.eventid IS NULL
)
SELECT
  eventid AS event_id,
  moment AS event_time,
  CAST(moment AS date) AS event_day,
  eventsource AS event_source,
  eventname AS event_name,
  eventtype AS event_type,
  eventcategory AS category,
  CASE readonly WHEN 'true' THEN true WHEN 'false' THEN false END AS read_only,
  recipientaccountid AS account,
  awsregion AS region,
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
  useridentity.principalid AS principal_id,
  useridentity.accesskeyid AS access_key_id,
  useridentity.invokedby AS invoked_by,
  useridentity.sessioncontext.sourceidentity AS source_identity,
  useridentity.sessioncontext.attributes.mfaauthenticated = 'true' AS mfa,
  sourceipaddress AS source_ip,
  useragent AS user_agent,
  errorcode AS error_code,
  errormessage AS error_message,
  coalesce(
    transform(filter(resources, r -> r.arn IS NOT NULL), r -> r.arn),
    CAST(ARRAY[] AS array(varchar))
  ) AS resources,
  requestparameters AS request_parameters,
  responseelements AS response_elements,
  additionaleventdata AS additional_event_data,
  tlsdetails.tlsversion AS tls_version,
  tlsdetails.ciphersuite AS cipher_suite,
  tlsdetails.clientprovidedhostheader AS tls_host,
  vpcendpointid AS vpc_endpoint_id,
  sharedeventid AS shared_event_id,
  json_format(CAST(map_from_entries(filter(ARRAY[
    ROW('addendum', CASE WHEN addendum IS NOT NULL THEN CAST(map_from_entries(filter(ARRAY[
      ROW('originalEventID', addendum.originaleventid),
      ROW('originalRequestID', addendum.originalrequestid),
      ROW('reason', addendum.reason),
      ROW('updatedFields', addendum.updatedfields)
    ], e -> e[2] IS NOT NULL)) AS json) END),
    ROW('additionalEventData', TRY(json_parse(additionaleventdata))),
    ROW('apiVersion', CAST(apiversion AS json)),
    ROW('awsRegion', CAST(awsregion AS json)),
    ROW('edgeDeviceDetails', TRY(json_parse(edgedevicedetails))),
    ROW('errorCode', CAST(errorcode AS json)),
    ROW('errorMessage', CAST(errormessage AS json)),
    ROW('eventCategory', CAST(eventcategory AS json)),
    ROW('eventID', CAST(eventid AS json)),
    ROW('eventName', CAST(eventname AS json)),
    ROW('eventSource', CAST(eventsource AS json)),
    ROW('eventTime', CAST(eventtime AS json)),
    ROW('eventType', CAST(eventtype AS json)),
    ROW('eventVersion', CAST(eventversion AS json)),
    ROW('managementEvent', TRY(json_parse(managementevent))),
    ROW('readOnly', TRY(json_parse(readonly))),
    ROW('recipientAccountId', CAST(recipientaccountid AS json)),
    ROW('requestID', CAST(requestid AS json)),
    ROW('requestParameters', TRY(json_parse(requestparameters))),
    ROW('resources', CAST(transform(resources, r -> map_from_entries(filter(ARRAY[
      ROW('ARN', r.arn),
      ROW('accountId', r.accountid),
      ROW('type', r.type)
    ], e -> e[2] IS NOT NULL))) AS json)),
    ROW('responseElements', TRY(json_parse(responseelements))),
    ROW('serviceEventDetails', TRY(json_parse(serviceeventdetails))),
    ROW('sessionCredentialFromConsole', CAST(sessioncredentialfromconsole AS json)),
    ROW('sharedEventID', CAST(sharedeventid AS json)),
    ROW('sourceIPAddress', CAST(sourceipaddress AS json)),
    ROW('tlsDetails', CASE WHEN tlsdetails IS NOT NULL THEN CAST(map_from_entries(filter(ARRAY[
      ROW('cipherSuite', tlsdetails.ciphersuite),
      ROW('clientProvidedHostHeader', tlsdetails.clientprovidedhostheader),
      ROW('tlsVersion', tlsdetails.tlsversion)
    ], e -> e[2] IS NOT NULL)) AS json) END),
    ROW('userAgent', CAST(useragent AS json)),
    ROW('userIdentity', CASE WHEN useridentity IS NOT NULL THEN CAST(map_from_entries(filter(ARRAY[
      ROW('accessKeyId', CAST(useridentity.accesskeyid AS json)),
      ROW('accountId', CAST(useridentity.accountid AS json)),
      ROW('arn', CAST(useridentity.arn AS json)),
      ROW('invokedBy', CAST(useridentity.invokedby AS json)),
      ROW('onBehalfOf', CASE WHEN useridentity.onbehalfof IS NOT NULL THEN CAST(map_from_entries(filter(ARRAY[
        ROW('identityStoreArn', useridentity.onbehalfof.identitystorearn),
        ROW('userId', useridentity.onbehalfof.userid)
      ], e -> e[2] IS NOT NULL)) AS json) END),
      ROW('principalId', CAST(useridentity.principalid AS json)),
      ROW('sessionContext', CASE WHEN useridentity.sessioncontext IS NOT NULL THEN CAST(map_from_entries(filter(ARRAY[
        ROW('attributes', CASE WHEN useridentity.sessioncontext.attributes IS NOT NULL THEN CAST(map_from_entries(filter(ARRAY[
          ROW('creationDate', useridentity.sessioncontext.attributes.creationdate),
          ROW('mfaAuthenticated', useridentity.sessioncontext.attributes.mfaauthenticated)
        ], e -> e[2] IS NOT NULL)) AS json) END),
        ROW('ec2RoleDelivery', CAST(useridentity.sessioncontext.ec2roledelivery AS json)),
        ROW('sessionIssuer', CASE WHEN useridentity.sessioncontext.sessionissuer IS NOT NULL THEN CAST(map_from_entries(filter(ARRAY[
          ROW('accountId', useridentity.sessioncontext.sessionissuer.accountid),
          ROW('arn', useridentity.sessioncontext.sessionissuer.arn),
          ROW('principalId', useridentity.sessioncontext.sessionissuer.principalid),
          ROW('type', useridentity.sessioncontext.sessionissuer.type),
          ROW('userName', useridentity.sessioncontext.sessionissuer.username)
        ], e -> e[2] IS NOT NULL)) AS json) END),
        ROW('sourceIdentity', CAST(useridentity.sessioncontext.sourceidentity AS json)),
        ROW('webIdFederationData', CASE WHEN useridentity.sessioncontext.webidfederationdata IS NOT NULL THEN
          CAST(map_from_entries(filter(ARRAY[
            ROW('attributes', CAST(useridentity.sessioncontext.webidfederationdata.attributes AS json)),
            ROW('federatedProvider', CAST(useridentity.sessioncontext.webidfederationdata.federatedprovider AS json))
          ], e -> e[2] IS NOT NULL)) AS json) END)
      ], e -> e[2] IS NOT NULL)) AS json) END),
      ROW('type', CAST(useridentity.type AS json)),
      ROW('userName', CAST(useridentity.username AS json))
    ], e -> e[2] IS NOT NULL)) AS json) END),
    ROW('vpcEndpointAccountId', CAST(vpcendpointaccountid AS json)),
    ROW('vpcEndpointId', CAST(vpcendpointid AS json))
  ], e -> e[2] IS NOT NULL)) AS json)) AS record,
  account AS partition_account,
  region AS partition_region,
  day AS partition_day
FROM once;
