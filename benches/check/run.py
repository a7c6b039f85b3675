#!/usr/bin/env python3
"""Compare `lockfast check` with cfn-guard and Checkov in one run.

Every tool reads the same files, in the same run, on the same two cores, and
writes JSON to a file. Measured for each: user and system CPU time, wall time,
peak resident memory, exit code, inputs lost, findings. The result is printed
and written to RESULTS.md beside this file.

Standard library only. See README.md for what is fair about it and what is not.
"""

import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import generate

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RULES = HERE / "encryption.guard"
IDS = HERE / "checkov-ids.txt"
RESULTS = HERE / "RESULTS.md"

CFN_GUARD = "3.2.1"
CHECKOV = "3.3.30"
CORES = 2
TIMEOUT = 240  # seconds for one run of one tool
TEMPLATE_SUFFIXES = {".json", ".yaml", ".yml", ".template"}

# Least times less CPU than the peer, by input.
LESS_CPU = {"corpus": {"cfn-guard": 8, "Checkov": 60}, "assembly": {"cfn-guard": 15, "Checkov": 45}}
PEAK_MB = 100
ONE_FILE_MS = 20
SCALE_STACKS, SCALE_WALL_S = 1000, 2.0
LINEAR_STACKS, LINEAR_TOLERANCE = [250, 500, 1000, 2000], 1.25

RAIN_TEMPLATE = """\
Resources:
  Bucket:
    Type: !Rain::Module "./bucket-module.yaml"
    Properties:
      Name: reports
"""
BROKEN_TEMPLATE = """\
Resources:
  Bucket: [never closed
"""
GOOD_TEMPLATE = """\
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
  Volume:
    Type: AWS::EC2::Volume
    Properties: {AvailabilityZone: eu-west-1a, Size: 10, Encrypted: false}
"""


@dataclasses.dataclass
class Run:
    """One child process, seen from its end."""

    cpu: float
    wall: float
    peak_mb: float
    code: int
    out: bytes
    err: bytes


def launch(command, scratch, timeout, env=None):
    """Run a command to its end: its numbers, which include those of its own children, and the files it printed to."""
    out, err = scratch / "out", scratch / "err"
    launcher = [sys.executable, "-S", str(HERE / "measure.py"), str(timeout), str(out), str(err)]
    done = subprocess.run([*launcher, *command], capture_output=True, check=True, cwd=scratch, env=env)
    return json.loads(done.stdout), out, err


def measure(command, scratch):
    """Run a command to its end, with all that it printed."""
    numbers, out, err = launch(command, scratch, TIMEOUT)
    return Run(**numbers, out=out.read_bytes(), err=err.read_bytes())


@dataclasses.dataclass
class Seen:
    """What a run says of its inputs."""

    findings: int
    lost: list  # names of inputs that were not judged; None in it stands for all of them
    crashed: bool


class CfnGuard:
    name = "cfn-guard"

    def __init__(self, peers):
        self.binary = peers / "bin" / "cfn-guard"
        if not self.binary.exists():
            say(f"installing cfn-guard {CFN_GUARD}")
            command = ["cargo", "install", "cfn-guard", "--version", CFN_GUARD, "--locked", "--root", str(peers), "-j", str(CORES)]
            subprocess.run(command, check=True)
        self.version = text_of([self.binary, "--version"]).split()[-1]

    def command(self, path):
        # Structured output is the faster of its two: the default one re-reads the source to quote it.
        return [str(self.binary), "validate", "-r", str(RULES), "-d", str(path), "-S", "none", "--structured", "-o", "json"]

    def seen(self, run, files):
        try:
            reports = json.loads(run.out)
        except ValueError:
            return Seen(0, [None], True)
        judged = {pathlib.Path(report["name"]).name for report in reports}
        findings = sum(count_clauses(rule["Rule"]["checks"]) for report in reports for rule in report["not_compliant"])
        return Seen(findings, [f.name for f in files if f.name not in judged], run.code not in (0, 19))


def count_clauses(node):
    """cfn-guard nests checks; a finding is a leaf of the tree."""
    if isinstance(node, list):
        return sum(count_clauses(child) for child in node)
    if isinstance(node, dict):
        if "Clause" in node:
            return 1
        return sum(count_clauses(child) for child in node.values())
    return 0


class Checkov:
    name = "Checkov"

    def __init__(self, peers):
        self.binary = peers / "venv" / "bin" / "checkov"
        if not self.binary.exists():
            say(f"installing Checkov {CHECKOV}")
            subprocess.run([sys.executable, "-m", "venv", str(peers / "venv")], check=True)
            subprocess.run([str(peers / "venv" / "bin" / "pip"), "install", "-q", f"checkov=={CHECKOV}"], check=True)
        self.version = text_of([self.binary, "--version"])
        self.ids = ",".join(re.findall(r"^CKV\w+", IDS.read_text(), re.M))

    def command(self, path):
        where = ["-d", str(path)] if path.is_dir() else ["-f", str(path)]
        return [
            str(self.binary), *where, "--framework", "cloudformation", "-c", self.ids,
            "--quiet", "--compact", "--skip-download", "-o", "json",
        ]  # fmt: skip

    def seen(self, run, files):
        try:
            report = json.loads(run.out)
        except ValueError:
            return Seen(0, [None], True)
        summary = report.get("summary", report)  # without any resource the summary is the whole report
        unread = [m.decode(errors="replace") for m in re.findall(rb"error parsing ([^\n:]+)", run.err)]
        lost = sorted({pathlib.Path(path).name for path in unread})
        lost += ["?"] * (summary.get("parsing_errors", 0) - len(lost))
        return Seen(summary.get("failed", 0), lost, run.code not in (0, 1))


class Lockfast:
    name = "lockfast"

    def __init__(self, binary):
        self.binary = binary
        self.version = text_of([binary, "--version"]).split()[-1]

    def command(self, path):
        return [str(self.binary), "check", str(path), "--format", "json"]

    def must_work(self, run):
        """A Lockfast that does nothing is fast: no number of it may be believed."""
        if self.seen(run, []).crashed:
            sys.exit(f"lockfast did not work (exit {run.code}): {run.err.decode(errors='replace')[-2000:]}")

    def seen(self, run, files):
        try:
            json.loads(run.out)
        except ValueError:
            return Seen(0, [None], True)
        # Counted in the text, so that the report may change its shape around the verdicts.
        findings = len(re.findall(rb'"verdict"\s*:\s*"fail"', run.out))
        lost = [f.name for f in files if re.search(re.escape(f.name.encode()) + rb"[^\n]*(not read|unread|cannot be read)", run.err)]
        return Seen(findings, lost or (["?"] if run.code == 3 else []), run.code not in (0, 1, 3, 4))


def text_of(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def templates(folder):
    return sorted(f for f in folder.iterdir() if f.suffix in TEMPLATE_SUFFIXES)


def several(tool, path, repeats, scratch):
    runs = [measure(tool.command(path), scratch) for _ in range(repeats)]
    if isinstance(tool, Lockfast):
        for run in runs:
            tool.must_work(run)
    return runs


def repeated(tool, path, files, repeats, scratch):
    """The run with least CPU of several, and what it says of its inputs."""
    runs = several(tool, path, repeats, scratch)
    best = min(runs, key=lambda run: run.cpu)
    best.wall = min(run.wall for run in runs)
    best.peak_mb = max(run.peak_mb for run in runs)
    seen = tool.seen(best, files)
    say(f"{tool.name}: {best.cpu:.3f} s CPU, exit {best.code}, {seen.findings} findings, lost {len(seen.lost)}")
    return best, seen


def culprits(tool, files, scratch):
    """The files without which a tool that crashes does not: found by halving."""

    def crashes(some):
        with folder_of(some, scratch) as folder:
            return tool.seen(measure(tool.command(folder), scratch), some).crashed

    if not files or not crashes(files):
        return []
    if len(files) == 1:
        return files
    middle = len(files) // 2
    return culprits(tool, files[:middle], scratch) + culprits(tool, files[middle:], scratch)


class folder_of:
    """A folder that holds copies of some files for as long as it is used."""

    def __init__(self, files, scratch):
        self.files, self.scratch = files, scratch

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        for file in self.files:
            shutil.copy(file, self.path)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path)


@dataclasses.dataclass
class Comparison:
    """Every tool on one input."""

    name: str
    title: str
    results: dict  # tool name: (Run, Seen)

    def ratio(self, peer):
        if peer not in self.results or "lockfast" not in self.results:
            return None
        return self.results[peer][0].cpu / max(self.results["lockfast"][0].cpu, 1e-6)


def compare_corpus(tools, corpus, scratch):
    """The corpus as it is; then, if a tool lost a file of it, the part that all read."""
    files = templates(corpus)
    say(f"corpus: {len(files)} files")
    # Checkov's first run is also its warm-up: Python compiles it then.
    whole = Comparison("corpus, all", f"Corpus as it is: {len(files)} files", {})
    excluded = {}
    with folder_of(files, scratch) as folder:
        for tool in tools:
            run, seen = repeated(tool, folder, files, 1, scratch)
            whole.results[tool.name] = run, seen
            lost = [name for name in seen.lost if name not in (None, "?")]
            if seen.crashed:
                lost = [f.name for f in culprits(tool, files, scratch)]
            excluded[tool.name] = lost
    # What Lockfast cannot read it has to answer for: only what a peer lost is left out.
    out = {name for tool, names in excluded.items() if tool != "lockfast" for name in names}
    readable = [f for f in files if f.name not in out]
    size = sum(f.stat().st_size for f in readable)
    part = Comparison("corpus", f"Corpus that every tool reads: {len(readable)} files, {size / 1e6:.2f} MB", {})
    with folder_of(readable, scratch) as folder:
        for tool in tools:
            repeats = 2 if tool.name == "Checkov" else 3
            part.results[tool.name] = repeated(tool, folder, readable, repeats, scratch)
    return whole, part, excluded, readable


def compare_assembly(tools, stacks, scratch):
    """Peers get only the templates; Lockfast the assembly, with manifest and metadata."""
    assembly = scratch / f"cdk-{stacks}"
    counts = generate.generate(assembly, stacks, round(stacks * generate.RESOURCES_PER_STACK))
    title = f"CDK assembly: {stacks} templates, {counts['resources']:,} resources, {counts['template_bytes'] / 1e6:.1f} MB"
    say(title)
    files = sorted(assembly.glob("*.template.json"))
    comparison = Comparison("assembly", title, {})
    with folder_of(files, scratch) as folder:
        for tool in tools:
            path = assembly if tool.name == "lockfast" else folder
            repeats = {"lockfast": 3, "cfn-guard": 2, "Checkov": 1}[tool.name]
            comparison.results[tool.name] = repeated(tool, path, files, repeats, scratch)
    return comparison


def one_file(tools, readable, scratch):
    """Median wall time on the readable YAML template nearest 200 lines that has something to find."""
    length = {f: f.read_bytes().count(b"\n") for f in readable if f.suffix in (".yaml", ".yml")}
    if not length:
        return None, {}
    with_storage = [f for f in length if re.search(rb"AWS::(S3::Bucket|RDS::|DynamoDB::|Logs::LogGroup|Lambda::Function)", f.read_bytes())]
    file = min(with_storage or length, key=lambda f: (abs(length[f] - 200), f.name))
    say(f"one file: {file.name}, {length[file]} lines")
    out = {}
    for tool in tools:
        repeats = {"lockfast": 21, "cfn-guard": 11, "Checkov": 3}[tool.name]
        runs = several(tool, file, repeats, scratch)
        out[tool.name] = statistics.median(r.wall for r in runs) * 1000, max(r.peak_mb for r in runs)
    return f"{file.name}, {length[file]} lines", out


def bad_neighbours(tools, scratch):
    """A good template beside a bad one: are the findings of the good one still told?"""
    out = {}
    for title, text in (("a `!Rain::Module` template", RAIN_TEMPLATE), ("a YAML file cut short", BROKEN_TEMPLATE)):
        with folder_of([], scratch) as folder:
            (folder / "good.yaml").write_text(GOOD_TEMPLATE)
            (folder / "bad.yaml").write_text(text)
            out[title] = {}
            for tool in tools:
                run = measure(tool.command(folder), scratch)
                out[title][tool.name] = run.code, tool.seen(run, templates(folder)).findings
    return out


def scale(lockfast, scratch):
    """Lockfast alone on growing assemblies."""
    out = []
    for stacks in LINEAR_STACKS:
        assembly = scratch / f"cdk-{stacks}"
        counts = generate.generate(assembly, stacks, round(stacks * generate.RESOURCES_PER_STACK))
        runs = several(lockfast, assembly, 3, scratch)
        same = len({run.out for run in runs}) == 1
        best = min(runs, key=lambda r: r.cpu)
        out.append((stacks, counts["resources"], best.cpu, min(r.wall for r in runs), max(r.peak_mb for r in runs), same))
        say(f"{stacks} stacks: {best.cpu:.3f} s CPU, {out[-1][3]:.3f} s wall")
        shutil.rmtree(assembly)
    return out


# --- The report ---


def machine():
    model = platform.processor() or platform.machine()
    try:
        info = pathlib.Path("/proc/cpuinfo").read_text()
        model = re.search(r"^model name\s*:\s*(.+)$", info, re.M).group(1)
        memory = int(re.search(r"^MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M).group(1)) / 1024**2
        model += f", {memory:.0f} GiB"
    except (OSError, AttributeError):
        pass
    return f"{model}, {platform.system()} {platform.release()}, held to {len(os.sched_getaffinity(0))} cores"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def lost_text(seen):
    if None in seen.lost:
        return "all"
    return str(len(seen.lost))


def comparison_table(comparison):
    rows = []
    for name, (run, seen) in comparison.results.items():
        ratio = comparison.ratio(name)
        rows.append((
            name, f"{run.cpu:.3f}", f"{run.wall:.3f}", f"{run.peak_mb:.0f}", run.code,
            lost_text(seen), f"{seen.findings:,}", "1" if name == "lockfast" else f"{ratio:.1f}" if ratio else "-",
        ))  # fmt: skip
    head = ["tool", "CPU s", "wall s", "peak MB", "exit", "inputs lost", "findings", "times lockfast's CPU"]
    return f"### {comparison.title}\n\n{table(head, rows)}\n"


def targets(comparisons, latency, growth):
    rows = []

    def row(name, target, value, met):
        rows.append((name, target, value, "not measured" if met is None else "**yes**" if met else "**no**"))

    for comparison in comparisons:
        for peer, least in LESS_CPU.get(comparison.name, {}).items():
            ratio = comparison.ratio(peer)
            shown = f"{ratio:.1f}×" if ratio else "-"
            row(f"CPU below {peer}'s, {comparison.name}", f"≥ {least}×", shown, ratio and ratio >= least)
    peaks = [c.results["lockfast"][0].peak_mb for c in comparisons if "lockfast" in c.results]
    row("peak memory, on both inputs (growth beyond them: below)", f"< {PEAK_MB} MB", f"{max(peaks):.0f} MB" if peaks else "-", max(peaks) < PEAK_MB if peaks else None)
    one = latency.get("lockfast")
    row("one file", f"< {ONE_FILE_MS} ms", f"{one[0]:.1f} ms" if one else "-", one[0] < ONE_FILE_MS if one else None)
    wall = next((g[3] for g in growth if g[0] == SCALE_STACKS), None)
    row(f"{SCALE_STACKS:,}-stack assembly, wall on {CORES} cores", f"< {SCALE_WALL_S:g} s", f"{wall:.2f} s" if wall else "-", wall and wall < SCALE_WALL_S)
    each = [cpu / resources for _, resources, cpu, *_ in growth]
    value = f"{max(each) / min(each):.2f}" if each else "-"
    row("linear time: most over least CPU per resource", f"≤ {LINEAR_TOLERANCE}", value, max(each) / min(each) <= LINEAR_TOLERANCE if each else None)
    return table(["what", "target", "measured", "met"], rows)


def report(tools, corpus, comparisons, excluded, latency_file, latency, neighbours, growth, load, seconds):
    rules = len(re.findall(r"^rule ", RULES.read_text(), re.M))
    checks = len(re.findall(r"^CKV", IDS.read_text(), re.M))
    parts = [
        "# Results\n\nWritten by `run.py`; do not edit.\n",
        table(["", ""], [
            ("date", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")),
            ("machine", machine()),
            ("load average before, after", f"{load:.1f}, {os.getloadavg()[0]:.1f}"),
            ("versions", ", ".join(f"{tool.name} {tool.version}" for tool in tools)),
            ("asked of each", f"cfn-guard {rules} rules, Checkov {checks} checks, lockfast every control"),
            ("corpus", corpus.name if corpus else "none"),
            ("whole run", f"{seconds:.0f} s"),
        ]),
        "\n## Targets\n\n" + targets(comparisons, latency, growth),
        "\n## Inputs\n",
        *[comparison_table(c) for c in comparisons],
    ]  # fmt: skip
    if excluded:
        parts.append("Corpus files a tool could not read:\n")
        parts += [f"- {tool}: " + (", ".join(f"`{n}`" for n in names) or "none") for tool, names in excluded.items()]
    if latency:
        rows = [(name, f"{ms:.1f}", f"{peak:.0f}") for name, (ms, peak) in latency.items()]
        parts.append(f"\n### One file: {latency_file}\n\n" + table(["tool", "median wall ms", "peak MB"], rows))
    rows = [
        (title, *[f"exit {code}, {findings or 'no'} findings" for code, findings in by_tool.values()])
        for title, by_tool in neighbours.items()
    ]
    head = ["a good template beside", *[tool.name for tool in tools]]
    parts.append("\n### A bad file in the folder\n\n" + table(head, rows))
    if growth:
        rows = [
            (f"{stacks:,}", f"{resources:,}", f"{cpu:.3f}", f"{wall:.3f}", f"{peak:.0f}", f"{cpu / resources * 1e6:.1f}", "yes" if same else "no")
            for stacks, resources, cpu, wall, peak, same in growth
        ]
        head = ["stacks", "resources", "CPU s", "wall s", "peak MB", "CPU µs a resource", "same bytes in 3 runs"]
        parts.append("\n### Growth, lockfast alone\n\n" + table(head, rows))
    return "\n".join(parts) + "\n"


def default_lockfast():
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "lockfast"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lockfast", type=pathlib.Path, default=default_lockfast(), help="the binary (default: %(default)s)")
    parser.add_argument("--skip-lockfast", action="store_true", help="peers only")
    parser.add_argument("--skip-peers", action="store_true", help="lockfast only, which takes seconds")
    parser.add_argument("--corpus", type=pathlib.Path, default=ROOT.parent / "shared" / "corpus" / "cloudformation")
    parser.add_argument("--peers", type=pathlib.Path, default=pathlib.Path("/tmp/peers"), help="where the peers are, or will be installed")
    parser.add_argument("--stacks", type=int, default=400, help="templates of the compared assembly")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    arguments = parser.parse_args()

    # A machine with more cores must not flatter whoever uses threads.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    started, load = time.monotonic(), os.getloadavg()[0]
    tools = []
    if not arguments.skip_lockfast:
        if not arguments.lockfast.exists():
            parser.error(f"{arguments.lockfast} does not exist; build it with `cargo build --release`, or give --skip-lockfast")
        tools.append(Lockfast(arguments.lockfast.resolve()))
    if not arguments.skip_peers:
        arguments.peers.mkdir(parents=True, exist_ok=True)
        peers = arguments.peers.resolve()
        tools += [CfnGuard(peers), Checkov(peers)]
    corpus = arguments.corpus.resolve() if arguments.corpus.is_dir() else None

    with tempfile.TemporaryDirectory(prefix="lockfast-bench-") as folder:
        scratch = pathlib.Path(folder)
        comparisons, excluded, latency_file, latency = [], {}, None, {}
        if corpus:
            whole, part, excluded, readable = compare_corpus(tools, corpus, scratch)
            comparisons += [whole, part]
            latency_file, latency = one_file(tools, readable, scratch)
        else:
            say(f"no corpus at {arguments.corpus}; only the assembly is measured")
        comparisons.append(compare_assembly(tools, arguments.stacks, scratch))
        neighbours = bad_neighbours(tools, scratch)
        growth = scale(tools[0], scratch) if not arguments.skip_lockfast else []
    text = report(
        tools, corpus, comparisons, excluded, latency_file, latency, neighbours, growth, load, time.monotonic() - started
    )
    arguments.results.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
