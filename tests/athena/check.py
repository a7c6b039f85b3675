#!/usr/bin/env python3
"""Runs what `lockfast trail athena` writes on DuckDB, and compares it with lockfast's own answers.

    check.py --sql FOLDER_OR_FILE... --logs FOLDER --answers FOLDER

Athena cannot be had in a test. What stands in its place: sqlglot parses every statement in Athena's dialect and writes it in
DuckDB's; the table is filled from the log files as the SerDe would fill it, by the types and the path of the CREATE TABLE itself.
The answers are `lockfast trail usage|secrets|tls LOGS -f json`, as usage.json, secrets.json and tls.json. Of every other question,
and of the tables, the rows are compared where an answer lies there (decryptors.json; events.json, key_uses.json,
secret_reads.json: `lockfast trail sql 'SELECT * FROM key_uses' LOGS -f json`). What the projection of partitions lists is not
looked at: all accounts, regions and days count.

Exits with 0 when all rows are equal, with 1 when any differ, and with 2 when it could not be compared.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import ErrorLevel, exp

# What the placeholders of templates stand for here; rendered files have none.
RENDERED = {
    "table": "cloudtrail",
    "location": "s3://example-trail/AWSLogs/",
    "accounts": "111122223333",
    "regions": "eu-central-1",
    "since": "2025/01/01",
    "partitions": "TRUE",
}
COMPARED = ("usage", "secrets", "tls")
VIEWS = ("events", "key_uses", "secret_reads")
# A question is known by its columns, for in one file with others it has no name.
QUESTIONS = {
    "usage": "day key principal operation uses failed cross_account services via contexts a_context first_seen last_seen",
    "secrets": "secret kind principal reads failed addresses an_address user_agents long_lived_credentials first_seen last_seen"
    " new secret_changed",
    "tls": "verdict principal event_source tls_version cipher_suite user_agent an_address addresses a_host calls first_seen"
    " last_seen",
    "new_pairs": "key principal uses failed cross_account an_operation operations an_address first_seen last_seen",
    "decryptors": "principal decrypts failed keys a_key contexts days services via first_seen last_seen",
    "denied": "principal kind operation error_code refused names a_name addresses an_address first_seen last_seen",
}
PARTITIONS = ("partition_account", "partition_region", "partition_day")
# Only a file's reader knows these.
NOT_IN_VIEWS = {"file", "file_offset"}
SHOWN = 5

# Functions that sqlglot leaves as they are, or whose DuckDB namesakes do otherwise.
MACROS = """
CREATE MACRO trino_regexp_extract(text, pattern, number) AS
    CASE WHEN regexp_matches(text, pattern) THEN regexp_extract(text, pattern, number) END;
CREATE MACRO utc(text) AS make_timestamp(epoch_us(CAST(text AS TIMESTAMPTZ)));
CREATE MACRO cast_to_json(value) AS to_json(value);
CREATE TABLE parsed (text VARCHAR, value JSON);
CREATE MACRO try_json_parse(json) AS (SELECT value FROM parsed WHERE parsed.text = json);
"""


class Failed(Exception):
    """It could not be compared."""


# --- The SQL ---


class Statements:
    """The statements, by what they are: the table, the views, the questions."""

    def __init__(self, paths: list[Path]) -> None:
        self.table: exp.Create | None = None
        self.views: dict[str, exp.Create] = {}
        self.questions: dict[str, exp.Query] = {}
        for path in files_of_sql(paths):
            for statement in parsed(path):
                self.add(path, statement)
        missing = [name for name in VIEWS if name not in self.views]
        missing += [name for name in QUESTIONS if name not in self.questions]
        if self.table is None or missing:
            raise Failed(f"not among the statements: {', '.join(missing) or 'the table'}")

    def add(self, path: Path, statement: exp.Expression) -> None:
        if isinstance(statement, exp.Create) and statement.kind == "TABLE":
            once(self.table is None, path, "table")
            self.table = statement
        elif isinstance(statement, exp.Create) and statement.kind == "VIEW":
            name = next((name for name in VIEWS if statement.this.name.endswith(f"_{name}")), None)
            if name is None:
                raise Failed(f"{path}: a view that is none of ours: {statement.this.name}")
            once(name not in self.views, path, name)
            self.views[name] = statement
        elif isinstance(statement, exp.Query):
            columns = " ".join(statement.named_selects)
            name = next((name for name, known in QUESTIONS.items() if known == columns), None)
            if name is None:
                raise Failed(f"{path}: a question with columns that none has: {columns}")
            once(name not in self.questions, path, name)
            self.questions[name] = statement
        else:
            raise Failed(f"{path}: a statement of an unexpected kind: {type(statement).__name__}")


def once(new: bool, path: Path, name: str) -> None:
    if not new:
        raise Failed(f"{path}: {name} is there twice")


def files_of_sql(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(path.glob("*.sql"))
        else:
            yield path


def parsed(path: Path) -> list[exp.Expression]:
    text = path.read_text(encoding="utf-8")
    if not text.startswith("-- "):
        raise Failed(f"{path}: it does not begin with a comment that says what it answers")
    for name, value in RENDERED.items():
        text = text.replace("{{" + name + "}}", value)
    if left := re.search(r"\{\{\w*\}\}", text):
        raise Failed(f"{path}: a placeholder that is not known: {left[0]}")
    # One by one, as Athena takes them: sqlglot takes all of a text for Hive's SQL that begins with a table.
    alone = re.split(r"(?<=;)\n", text)
    statements = [one for own in alone for one in sqlglot.parse(own, read="athena", error_level=ErrorLevel.RAISE)]
    found = [statement for statement in statements if statement is not None and not isinstance(statement, exp.Semicolon)]
    # What sqlglot does not understand it passes on as it is.
    if any(statement.find(exp.Command) for statement in found) or not found:
        raise Failed(f"{path}: a statement that sqlglot does not understand")
    return found


def in_duckdb(statement: exp.Expression) -> str:
    def translated(node: exp.Expression) -> exp.Expression:
        # DuckDB has time zones in an extension that would be fetched; this is in UTC without.
        if isinstance(node, exp.FromISO8601Timestamp):
            return exp.Anonymous(this="utc", expressions=[node.this])
        if isinstance(node, exp.AtTimeZone) and node.args["zone"].name == "UTC":
            return node.this
        if isinstance(node, exp.Try) and isinstance(node.this, exp.ParseJSON):
            return exp.Anonymous(this="try_json_parse", expressions=[node.this.this])
        # DuckDB's cast of text to JSON parses it; Trino's makes a JSON string of it.
        if isinstance(node, exp.Cast) and node.to.is_type("json"):
            return exp.Anonymous(this="cast_to_json", expressions=[node.this])
        if isinstance(node, exp.Struct):
            fields = [field.expression if isinstance(field, exp.PropertyEQ) else field for field in node.expressions]
            return exp.Anonymous(this="row", expressions=fields)
        if isinstance(node, exp.RegexpExtract):
            return exp.Anonymous(this="trino_regexp_extract", expressions=[node.this, node.expression, node.args["group"]])
        if isinstance(node, exp.RegexpReplace):
            replacement = re.sub(r"\$(\d)", r"\\\1", node.args["replacement"].this)
            node.set("replacement", exp.Literal.string(replacement))
        return node

    statement = statement.copy()
    # The inner ones first, for what stands in a node's place is not looked into again.
    for node in reversed(list(statement.walk())):
        instead = translated(node)
        if instead is not node:
            node.replace(instead)
    return statement.sql("duckdb", unsupported_level=ErrorLevel.RAISE)


# --- The logs ---


class Table:
    """The table of CREATE TABLE, and how log files fill it."""

    def __init__(self, statement: exp.Create) -> None:
        self.name = statement.this.this.name
        self.columns = types(statement.this.expressions)
        partitioned = statement.find(exp.PartitionedByProperty)
        if partitioned is None:
            raise Failed("the table has no partitions")
        self.partitions = types(partitioned.this.expressions)
        properties = {of.name: of.args["value"].name for of in statement.find_all(exp.Property) if type(of) is exp.Property}
        location = statement.find(exp.LocationProperty)
        if location is None:
            raise Failed("the table has no location")
        self.path = template(properties["storage.location.template"], location.this.name, self.partitions)

    def create(self) -> str:
        columns = [f"{name} {kind}" for name, kind in self.in_duckdb().items()]
        return f"CREATE TABLE {self.name} ({', '.join(columns)})"

    def in_duckdb(self) -> dict[str, str]:
        """The types of all columns."""
        return {name: kind.sql("duckdb") for name, kind in {**self.columns, **self.partitions}.items()}

    def rows(self, folder: Path) -> Iterator[dict[str, Any]]:
        """The records of all log files, as the SerDe gives them."""
        readers = {name: reader(kind) for name, kind in self.columns.items()}
        for path in sorted(folder.rglob("*.json.gz")):
            place = self.path.search(path.relative_to(folder).as_posix())
            if place is None:
                continue
            with gzip.open(path, "rt", encoding="utf-8") as file:
                records = json.load(file)["Records"]
            for record in records:
                fields = {key.lower(): value for key, value in record.items()}
                row = {name: read(fields.get(name)) for name, read in readers.items()}
                yield row | place.groupdict()


def types(columns: list[exp.Expression]) -> dict[str, exp.DataType]:
    return {column.name: column.args["kind"] for column in columns}


def template(text: str, location: str, partitions: dict[str, exp.DataType]) -> re.Pattern[str]:
    """What `storage.location.template` says of paths below the location."""
    if not text.startswith(location) or not location.endswith("/"):
        raise Failed(f"storage.location.template is not below the location: {text}")
    pattern = re.escape(text.removeprefix(location))
    for name in partitions:
        one = r"\d{4}/\d{2}/\d{2}" if name == "day" else "[^/]+"
        pattern = pattern.replace(re.escape("${" + name + "}"), f"(?P<{name}>{one})")
    return re.compile(rf"(?:^|/)AWSLogs/(?:o-[^/]+/)?{pattern}[^/]+$")


def reader(kind: exp.DataType) -> Callable[[Any], Any]:
    """Makes a JSON value one of this type: objects in a column of text are their compact text."""
    if kind.is_type("struct"):
        inner = {name: reader(one) for name, one in types(kind.expressions).items()}

        def struct(value: Any) -> Any:
            if not isinstance(value, dict):
                raise Failed(f"no object where the table has a STRUCT: {value!r}")
            fields = {key.lower(): one for key, one in value.items()}
            return {name: read(fields.get(name)) for name, read in inner.items()}

        made: Callable[[Any], Any] = struct
    elif kind.is_type("array"):
        element = reader(kind.expressions[0])
        made = lambda value: [element(one) for one in value]
    elif kind.is_type("map"):
        element = reader(kind.expressions[1])
        made = lambda value: {key: element(one) for key, one in value.items()}
    else:
        made = lambda value: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return lambda value: None if value is None else made(value)


def sorted_json(text: str) -> str:
    """Trino's json_parse sorts the keys of objects."""
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def database(statements: Statements, table: Table, logs: Path) -> tuple[duckdb.DuckDBPyConnection, int]:
    connection = duckdb.connect()
    connection.execute(MACROS)
    connection.execute(table.create())
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".ndjson") as file:
        for row in table.rows(logs):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        read = f"read_json(?, format = 'newline_delimited', columns = {table.in_duckdb()!r})"
        connection.execute(f"INSERT INTO {table.name} SELECT * FROM {read}", [file.name])
    (records,) = connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()
    if records == 0:
        raise Failed(f"{logs}: no log file is where the table would look for it")
    parse(connection, table)
    for name in VIEWS:
        connection.execute(in_duckdb(statements.views[name]))
    return connection, records


def parse(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """What Trino's json_parse gives of every text in the table, for DuckDB does not sort the keys of objects."""
    texts = [name for name, kind in table.columns.items() if kind.is_type("text", "varchar")]
    every = " UNION ".join(f"SELECT {name} FROM {table.name} WHERE substr({name}, 1, 1) IN ('{{', '[', 't', 'f')" for name in texts)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".ndjson") as file:
        for (text,) in connection.execute(every).fetchall():
            try:
                file.write(json.dumps({"text": text, "value": sorted_json(text)}) + "\n")
            except ValueError:
                pass
        file.flush()
        read = "read_json(?, format = 'newline_delimited', columns = {'text': 'VARCHAR', 'value': 'VARCHAR'})"
        connection.execute(f"INSERT INTO parsed SELECT text, CAST(value AS JSON) FROM {read}", [file.name])


# --- Comparing ---


def asked(connection: duckdb.DuckDBPyConnection, sql: str, table: Table) -> tuple[list[str], list[tuple[Any, ...]]]:
    found = connection.execute(sql)
    names = [column[0] for column in found.description]
    return names, [tuple(plain(name, value, table.columns) for name, value in zip(names, row)) for row in found.fetchall()]


def of_view(name: str, view: exp.Create) -> str:
    """Of copies in several partitions those of the first."""
    return (
        f"SELECT * EXCLUDE (copy, {', '.join(PARTITIONS)}) FROM (SELECT *, rank() OVER (PARTITION BY event_id ORDER BY "
        f"partition_day, partition_account, partition_region) AS copy FROM {view.this.name}) WHERE copy = 1 OR event_id IS NULL"
    )


def plain(name: str, value: Any, kinds: dict[str, exp.DataType]) -> Any:
    """A value as it is compared: times in UTC, JSON by what it says."""
    if isinstance(value, datetime):
        value = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value):
        return plain(name, datetime.fromisoformat(value), kinds)
    if isinstance(value, str) and name in ("request_parameters", "response_elements", "additional_event_data"):
        return sorted_json(value)
    if isinstance(value, str) and name == "record":
        return sorted_json(json.dumps(known(json.loads(value), kinds)))
    return value


def known(value: Any, kinds: dict[str, exp.DataType]) -> Any:
    """What a view can put together again of a record: what the table has columns for, without what is null."""
    if isinstance(value, list):
        return [known(inner, kinds) for inner in value]
    kept = {}
    for key, inner in value.items():
        kind = kinds.get(key.lower())
        if kind is None or inner is None:
            continue
        element = kind.expressions[0] if kind.is_type("array") else kind
        kept[key] = known(inner, types(element.expressions)) if element.is_type("struct") else inner
    return kept


def answer(path: Path, table: Table) -> tuple[list[str], list[tuple[Any, ...]]]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not rows:
        raise Failed(f"{path}: an answer without rows proves nothing; ask of more logs")
    names = list(rows[0])
    return names, [tuple(plain(name, row[name], table.columns) for name in names) for row in rows]


def compare(name: str, ours: tuple[list[str], list], theirs: tuple[list[str], list], out: list[str]) -> bool:
    """Whether they are equal; what is not is told."""
    (columns, rows), (expected_columns, expected) = ours, theirs
    keep = [at for at, column in enumerate(expected_columns) if name not in VIEWS or column not in NOT_IN_VIEWS]
    expected_columns = [expected_columns[at] for at in keep]
    if columns != expected_columns:
        out.append(f"{name}: columns differ\n  Athena:   {columns}\n  lockfast: {expected_columns}")
        return False
    here, there = Counter(rows), Counter(tuple(row[at] for at in keep) for row in expected)
    only_here, only_there = here - there, there - here
    if not only_here and not only_there:
        out.append(f"{name}: {len(rows)} rows, equal")
        return True
    out.append(f"{name}: {len(rows)} rows by Athena's SQL, {len(expected)} by lockfast; {only_here.total()} and {only_there.total()} differ")
    for label, some in (("only Athena's SQL", only_here), ("only lockfast", only_there)):
        for row in sorted(some, key=repr)[:SHOWN]:
            out.append(f"  {label}: {json.dumps(dict(zip(columns, row)), ensure_ascii=False)}")
    return False


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sql", type=Path, nargs="+", required=True, help="folders or files of SQL, templates or rendered")
    arguments.add_argument("--logs", type=Path, required=True, help="the folder that AWSLogs is in")
    arguments.add_argument("--answers", type=Path, required=True, help="the folder of lockfast's answers")
    given = arguments.parse_args()
    out: list[str] = []
    equal = True
    try:
        statements = Statements(given.sql)
        table = Table(statements.table)
        connection, records = database(statements, table, given.logs)
        out.append(f"{records} records in the table")
        queries = {name: in_duckdb(question) for name, question in statements.questions.items()}
        queries |= {name: of_view(name, statements.views[name]) for name in VIEWS}
        for name, sql in queries.items():
            path = given.answers / f"{name}.json"
            if name in COMPARED or path.exists():
                equal &= compare(name, asked(connection, sql, table), answer(path, table), out)
            else:
                (rows,) = connection.execute(f"SELECT count(*) FROM ({sql})").fetchone()
                out.append(f"{name}: {rows} rows, not compared")
    except (Failed, OSError, KeyError, ValueError, sqlglot.errors.SqlglotError, duckdb.Error) as error:
        print("\n".join(out))
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print("\n".join(out))
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
