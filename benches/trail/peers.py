"""One question, asked of one peer: `peers.py TOOL QUESTION FOLDER`, for run.py. Prints the rows as JSON.

`*-ndjson` read records one on a line from standard input; the others read CloudTrail's files themselves.
"""

import glob
import gzip
import io
import json
import sys

FIELDS = {
    "eventID": "VARCHAR",
    "eventTime": "VARCHAR",
    "eventSource": "VARCHAR",
    "eventName": "VARCHAR",
    "errorCode": "VARCHAR",
    "userIdentity": "STRUCT(type VARCHAR, arn VARCHAR, accountId VARCHAR, invokedBy VARCHAR, sessionContext STRUCT(sessionIssuer STRUCT(arn VARCHAR)))",
    "resources": "STRUCT(ARN VARCHAR, type VARCHAR)[]",
}
# What does cryptography with a key.
OPERATIONS = [
    "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext", "GenerateMac", "ReEncrypt", "Sign", "Verify", "VerifyMac", "DeriveSharedSecret",
]  # fmt: skip
LAST_DAYS = 7


# --- DuckDB ---


def duckdb(question, source):
    import duckdb as db

    names = ", ".join(f"'{name}'" for name in OPERATIONS)
    uses = f"""
        WITH events AS (SELECT DISTINCT ON (eventID) * FROM ({source}) WHERE eventSource = 'kms.amazonaws.com' AND eventName IN ({names}) AND errorCode IS NULL),
        uses AS (SELECT substr(eventTime, 1, 10) AS day, eventName AS operation,
            coalesce(CASE WHEN userIdentity.type = 'AssumedRole' THEN userIdentity.sessionContext.sessionIssuer.arn END,
                     userIdentity.arn, userIdentity.invokedBy, 'arn:aws:iam::' || userIdentity.accountId || ':root') AS principal,
            unnest(list_filter(resources, lambda r: r.type = 'AWS::KMS::Key')).ARN AS key FROM events)
    """
    queries = {
        "usage": "SELECT day, key, principal, count(*) FROM uses GROUP BY ALL ORDER BY ALL",
        "decryptors": "SELECT principal, count(*) FROM uses WHERE operation = 'Decrypt' GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT 20",
        "new": f"""SELECT principal, key, min(day) FROM uses GROUP BY ALL
            HAVING min(day)::DATE > (SELECT max(day)::DATE FROM uses) - {LAST_DAYS} ORDER BY ALL""",
    }
    connection = db.connect()
    connection.execute("SET threads = 2")
    return [list(map(str, row)) for row in connection.sql(uses + queries[question]).fetchall()]


def duckdb_raw(question, folder):
    struct = ", ".join(f'"{name}" {kind}' for name, kind in FIELDS.items())
    source = f"""SELECT unnest(Records, max_depth := 2) FROM read_json('{folder}/**/*.json.gz',
        columns = {{'Records': 'STRUCT({struct})[]'}}, maximum_object_size = 268435456)"""
    return duckdb(question, source)


def duckdb_ndjson(question, _):
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in FIELDS.items())
    source = f"SELECT * FROM read_json('/dev/stdin', format = 'newline_delimited', columns = {{{columns}}}, maximum_object_size = 16777216)"
    return duckdb(question, source)


# --- Polars ---


def schema():
    import polars as pl

    issuer = pl.Struct({"sessionIssuer": pl.Struct({"arn": pl.String})})
    return {
        "eventID": pl.String,
        "eventTime": pl.String,
        "eventSource": pl.String,
        "eventName": pl.String,
        "errorCode": pl.String,
        "userIdentity": pl.Struct({"type": pl.String, "arn": pl.String, "accountId": pl.String, "invokedBy": pl.String, "sessionContext": issuer}),
        "resources": pl.List(pl.Struct({"ARN": pl.String, "type": pl.String})),
    }


def polars(question, events):
    import polars as pl

    identity = pl.col("userIdentity").struct
    issuer = identity.field("sessionContext").struct.field("sessionIssuer").struct.field("arn")
    uses = (
        events.filter(pl.col("eventSource") == "kms.amazonaws.com", pl.col("eventName").is_in(OPERATIONS), pl.col("errorCode").is_null())
        .unique("eventID", keep="any")
        .select(
            pl.col("eventTime").str.slice(0, 10).alias("day"),
            pl.col("eventName").alias("operation"),
            pl.coalesce(pl.when(identity.field("type") == "AssumedRole").then(issuer), identity.field("arn"), identity.field("invokedBy"),
                pl.format("arn:aws:iam::{}:root", identity.field("accountId"))).alias("principal"),
            pl.col("resources"),
        )
        .explode("resources")
        .filter(pl.col("resources").struct.field("type") == "AWS::KMS::Key")
        .with_columns(pl.col("resources").struct.field("ARN").alias("key"))
    )
    if question == "usage":
        answer = uses.group_by("day", "key", "principal").len().sort("day", "key", "principal")
    elif question == "decryptors":
        answer = uses.filter(pl.col("operation") == "Decrypt").group_by("principal").len().sort(["len", "principal"], descending=[True, False]).head(20)
    else:
        day = pl.col("day").str.to_date()
        last = uses.select(day.max()).collect().item()
        first = uses.group_by("principal", "key").agg(pl.col("day").min())
        answer = first.filter(pl.col("day").str.to_date() > last - pl.duration(days=LAST_DAYS)).sort("principal", "key")
    return [list(map(str, row)) for row in answer.collect().rows()]


def polars_raw(question, folder):
    import polars as pl

    # Kept as they come, of each file: all of them at once would not fit into the memory.
    wanted = schema()
    frames = []
    for path in glob.glob(f"{folder}/**/*.json.gz", recursive=True):
        with gzip.open(path) as file:
            records = pl.read_json(io.BytesIO(file.read()), schema={"Records": pl.List(pl.Struct(wanted))})
        frame = records.explode("Records").unnest("Records")
        frames.append(frame.filter(pl.col("eventSource") == "kms.amazonaws.com"))
    return polars(question, pl.concat(frames).lazy())


def polars_ndjson(question, _):
    import polars as pl

    frames = []
    rest = b""
    while True:
        block = sys.stdin.buffer.read(64 << 20)
        lines, _, rest = (rest + block).rpartition(b"\n")
        if lines:
            frame = pl.read_ndjson(io.BytesIO(lines + b"\n"), schema=schema(), ignore_errors=True)
            frames.append(frame.filter(pl.col("eventSource") == "kms.amazonaws.com"))
        if not block:
            break
    return polars(question, pl.concat(frames).lazy())


if __name__ == "__main__":
    tool, question, folder = sys.argv[1:]
    print(json.dumps(globals()[tool.replace("-", "_")](question, folder)))
