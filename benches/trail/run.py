#!/usr/bin/env python3
"""Ask a million CloudTrail events three questions with `lockfast trail`, DuckDB and Polars, however these are fed.

Prints the report and writes it to RESULTS.md beside this file. Linux. See README.md.
"""

import argparse
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "scan"))

from common import CACHE, ROOT, Run, check, default_binary, machine, met, must, say, table  # noqa: E402

RESULTS = HERE / "RESULTS.md"
TIMEOUT = 3600
QUESTIONS = {
    "usage": "uses by key, principal and day",
    "decryptors": "who decrypts most",
    "new": "pairs of principal and key first seen in the last week",
}
PEERS = {
    "duckdb-ndjson": "DuckDB, fed with NDJSON",
    "duckdb-raw": "DuckDB, CloudTrail's files",
    "polars-ndjson": "Polars, fed with NDJSON",
    "polars-raw": "Polars, file by file",
}
RATIO_OF_PEERS, RATIO_OF_INFLATION, SECOND_MS, MEMORY_MB = 1 / 4, 2.5, 50, 300


def install():
    folder = CACHE / "bench-trail-venv"
    python = folder / "bin" / "python"
    done = folder / "done"
    if not done.exists():
        say(f"installing DuckDB and Polars into {folder}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*pip, "-r", str(HERE / "requirements.txt")], check=True)
        done.touch()
    return python


def launch(command, scratch, repeats=1):
    """The run with least CPU time, and what it said."""
    best, told = None, None
    for _ in range(repeats):
        numbers, out, err = check.launch([str(part) for part in command], scratch, TIMEOUT)
        run = must(Run(**numbers, err=err.read_text(errors="replace")), (0,))
        if best is None or run.cpu < best.cpu:
            best, told = run, out.read_text()
    return best, told


def sql(question):
    uses = "key_uses WHERE cryptographic AND error_code IS NULL"
    return {
        "usage": f"SELECT event_day, key, principal, count(*) FROM {uses} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        "decryptors": f"SELECT principal, count(*) AS n FROM {uses} AND operation = 'Decrypt' GROUP BY 1 ORDER BY n DESC, principal LIMIT 20",
        "new": f"""SELECT principal, key, day FROM (SELECT principal, key, min(event_day) AS day,
            max(max(event_day)) OVER () AS last FROM {uses} GROUP BY 1, 2) WHERE day > last - INTERVAL '7 days' ORDER BY 1, 2""",
    }[question]


def rows(text):
    return [[str(value) for value in row.values()] for row in json.loads(text)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=default_binary(), help="lockfast, of a release build with --features trail")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip-peers", action="store_true")
    parser.add_argument("--large", type=int, default=0, help="and so many events, for memory and linearity: 50000000")
    args = parser.parse_args()
    tools = args.binary.parent / "examples"
    ndjson, inflation = tools / "ndjson", tools / "speed"
    if not ndjson.exists():
        subprocess.run(["cargo", "build", "--release", "-q", "-p", "lockfast-cloudtrail", "--examples"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="lockfast-trail-") as scratch:
        scratch = pathlib.Path(scratch)
        logs = scratch / "logs"
        made, said = launch([args.binary, "trail", "generate", logs, "--events", args.events, "--files", args.files], scratch)
        say(said.strip())
        inflate, told = launch([inflation, "--inflate", logs], scratch, args.repeats)
        inflated = int(told.split()[0])
        say(f"bare inflation: {inflate.cpu:.2f} s CPU")
        results, answers = {}, {}
        for question in QUESTIONS:
            run, out = launch([args.binary, "trail", "sql", sql(question), logs, "-f", "json"], scratch, args.repeats)
            results["lockfast", question], answers["lockfast", question] = run, rows(out)
            say(f"lockfast {question}: {run.cpu:.2f} s CPU, {run.wall:.2f} s, {run.peak_mb:.0f} MB, {len(answers['lockfast', question])} rows")
        usage, _ = launch([args.binary, "trail", "usage", logs, "-f", "json"], scratch, args.repeats)
        index = scratch / "index"
        indexing, _ = launch([args.binary, "trail", "index", logs, "--into", index], scratch)
        seconds = {}
        for question in QUESTIONS:
            run, out = launch([args.binary, "trail", "sql", sql(question), index, "-f", "json"], scratch, args.repeats)
            seconds[question] = run
            if rows(out) != answers["lockfast", question]:
                sys.exit(f"{question}: the index does not say what the logs say")
        say(f"index: {indexing.cpu:.2f} s CPU; then " + ", ".join(f"{run.wall * 1000:.0f} ms" for run in seconds.values()))
        differences = []
        if not args.skip_peers:
            python = install()
            for tool in PEERS:
                for question in QUESTIONS:
                    command = [python, HERE / "peers.py", tool, question, logs]
                    if tool.endswith("ndjson"):
                        words = " ".join(shlex.quote(str(word)) for word in command)
                        command = ["/bin/bash", "-o", "pipefail", "-c", f"{shlex.quote(str(ndjson))} {shlex.quote(str(logs))} | {words}"]
                    run, out = launch(command, scratch)
                    results[tool, question] = run
                    own, other = answers["lockfast", question], json.loads(out)
                    if own != other:
                        differences.append((PEERS[tool], question, len(own), len(other), sum(1 for row in own if row not in other)))
                    say(f"{tool} {question}: {run.cpu:.2f} s CPU, {run.wall:.2f} s, {run.peak_mb:.0f} MB")
        large = []
        if args.large:
            del logs
            many = scratch / "many"
            launch([args.binary, "trail", "generate", many, "--events", args.large, "--files", args.large // 500], scratch)
            run, _ = launch([args.binary, "trail", "sql", sql("usage"), many, "-f", "json"], scratch)
            large = [(f"{args.large:,}", f"{run.cpu:.1f}", f"{run.wall:.1f}", f"{run.peak_mb:.0f}")]
            say(f"{args.large:,} events: {run.cpu:.1f} s CPU, {run.wall:.1f} s, {run.peak_mb:.0f} MB")
    report(args, said, inflate, inflated, results, usage, indexing, seconds, differences, large)


def report(args, said, inflate, inflated, results, usage, indexing, seconds, differences, large):
    ours = results["lockfast", "usage"]
    head = ["question"] + [f"{name}, s CPU" for name in ["lockfast", *(PEERS.values() if not args.skip_peers else [])]]
    body = []
    for question, title in QUESTIONS.items():
        tools = ["lockfast", *([] if args.skip_peers else PEERS)]
        body.append([title] + [f"{results[tool, question].cpu:.2f}" for tool in tools])
    targets = [
        ("beside bare inflation, DataFusion and start included", f"{RATIO_OF_INFLATION} ×", f"{ours.cpu / inflate.cpu:.2f} ×", met(ours.cpu <= RATIO_OF_INFLATION * inflate.cpu)),
        ("peak memory", f"{MEMORY_MB} MB", f"{max(run.peak_mb for (tool, _), run in results.items() if tool == 'lockfast'):.0f} MB", met(ours.peak_mb < MEMORY_MB)),
    ]
    for question, run in seconds.items():
        targets.append((f"of the index: {QUESTIONS[question]}", f"{SECOND_MS} ms", f"{run.wall * 1000:.0f} ms", met(run.wall * 1000 < SECOND_MS)))
    if not args.skip_peers:
        best = min((results[tool, "usage"].cpu, name) for tool, name in PEERS.items())
        targets.insert(0, (f"CPU beside the best peer ({best[1]}), however it is fed", "1/4", f"1/{best[0] / ours.cpu:.1f}", met(ours.cpu <= RATIO_OF_PEERS * best[0])))
    gigabytes = inflated / 1e9
    parts = [
        "# `lockfast trail` beside DuckDB and Polars",
        f"{machine()}\n\n{said.strip().split(': ', 1)[1]}. CPU is user and system time of all processes.",
        table(["target", "", "is", ""], targets),
        table(head, body),
        f"Bare inflation (libdeflate) of the same files: {inflate.cpu:.2f} s CPU. `trail usage` with all its columns: {usage.cpu:.2f} s. "
        f"`trail index`: {indexing.cpu:.2f} s CPU, {indexing.wall:.2f} s. Of the first question: {args.events / ours.cpu / 1e6:.2f} million events and "
        f"{gigabytes / ours.cpu:.2f} GB of JSON a second and core; {ours.wall:.2f} s wall on {os.cpu_count()} cores.",
    ]
    if not args.skip_peers:
        peaks = [(name, f"{max(results[tool, q].peak_mb for q in QUESTIONS):.0f}") for tool, name in {"lockfast": "lockfast", **PEERS}.items()]
        parts.append(table(["", "peak memory, MB"], peaks))
        parts.append("All say the same." if not differences else table(["differs", "question", "rows of lockfast", "its rows", "not among them"], differences))
    if large:
        parts.append(table(["events", "s CPU", "s wall", "peak MB"], large))
    text = "\n\n".join(parts) + "\n"
    RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
