#!/usr/bin/env python3
"""Measure `lockfast who-can matrix` on 5,000 principals and 200 keys, beside Principal Mapper, and check its answers.

Prints the report and writes it to RESULTS.md beside this file. Linux, and Python's standard library. See README.md.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "scan"))

import slow  # noqa: E402
import world  # noqa: E402
from common import CACHE, Run, check, default_binary, machine, megabytes, met, must, say, table, text_of  # noqa: E402

RESULTS = HERE / "RESULTS.md"
ACTION = "kms:Decrypt"
CORES = 2
SECONDS = 5
TIMEOUT = 1800
SAMPLE = 2000
SHOWN = 20  # rows of differences


# --- Lockfast ---


def matrix(binary, snapshot, scratch, repeats):
    """The run with least wall time, with the highest peak; and by pair, what it may."""
    command = [str(binary), "who-can", "matrix", ACTION, "--from", str(snapshot), "-f", "json"]
    runs, told = [], None
    for _ in range(repeats):
        numbers, out, err = check.launch(command, scratch, TIMEOUT)
        run = must(Run(**numbers, err=err.read_text(errors="replace")), (0,))
        say(f"lockfast: {run.wall:.2f} s, {run.cpu:.2f} s CPU, {run.peak_mb:.0f} MB, {megabytes(out):.0f} MB of answer")
        # Every run has to say the same, or no number of it may be believed.
        size, answer = megabytes(out), json.loads(out.read_text())
        if told is not None and answer != told:
            sys.exit("two runs do not say the same")
        told = answer
        runs.append(run)
    best = min(runs, key=lambda run: run.wall)
    best.cpu, best.peak_mb = min(run.cpu for run in runs), max(run.peak_mb for run in runs)
    return best, told, size


# --- Principal Mapper ---


def install():
    """Its own venv, made once."""
    folder = CACHE / "pmapper-venv"
    python = folder / "bin" / "python"
    if not (folder / "bin" / "pmapper").exists():
        say(f"installing principalmapper into {folder}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*pip, "-r", str(HERE / "requirements.txt")], check=True)
    return python


def peer(python, snapshot, pairs, scratch, repeats):
    listed = scratch / "pairs.json"
    listed.write_text(json.dumps(pairs))
    runs = []
    for _ in range(repeats):
        numbers, out, err = check.launch([str(python), str(HERE / "peer.py"), str(snapshot), str(listed), ACTION], scratch, TIMEOUT)
        run = must(Run(**numbers, err=err.read_text(errors="replace")), (0,))
        runs.append({**json.loads(out.read_text()), "peak_mb": run.peak_mb})
        say(f"principalmapper: {len(pairs):,} pairs in {runs[-1]['wall']:.2f} s")
    return min(runs, key=lambda run: run["wall"])


# --- The check ---


def sampled(facts, told, size, seed):
    """Pairs by chance, and pairs of which a key policy or grant names the principal, or that may: they are rare among the former."""
    chance = random.Random(seed)
    principals, keys = list(facts.principals), list(facts.keys)
    by_chance = [(chance.choice(principals), chance.choice(keys)) for _ in range(size // 2)]
    named = set()
    for arn, key in facts.keys.items():
        text = json.dumps([key["policy"], key["grants"]])
        named |= {(principal, arn) for principal in principals if f'"{principal}"' in text or f":assumed-role/{principal.rsplit('/', 1)[1]}/" in text}
    named = chance.sample(sorted(named), min(len(named), size // 4))
    may = chance.sample(sorted(told), min(len(told), size - len(by_chance) - len(named)))
    return by_chance + named + may


def checked(facts, told, pairs):
    """Counts, differences, and how exact three values are."""
    counts, differences, exact = collections.Counter(), [], collections.Counter()
    for pair in pairs:
        own = slow.WORDS[slow.may(facts, *pair, ACTION)]
        lockfast = told.get(pair, "no")
        counts[lockfast] += 1
        if lockfast != own:
            differences.append((lockfast, own, *pair))
        truth = slow.exactly(facts, *pair, ACTION)
        exact[lockfast, "not worked out" if truth is None else ["never", "sometimes", "always"][truth]] += 1
    return counts, differences, exact


def check_report(counts, differences, exact, took):
    size = sum(counts.values())
    kinds = collections.Counter((lockfast, own) for lockfast, own, *_ in differences)
    vague = sum(count for (lockfast, _), count in kinds.items() if lockfast == "possible")
    wrong_words = {("yes", "never"), ("yes", "sometimes"), ("no", "always"), ("no", "sometimes")}
    wrong = sum(exact[pair] for pair in wrong_words)
    idle = sum(count for (lockfast, truth), count in exact.items() if lockfast == "possible" and truth in ("never", "always"))
    targets = [
        (f"differences from slow.py in {size:,} pairs", "none", f"{len(differences):,}", met(not differences)),
        ("of them, Lockfast says possible where slow.py is sure", "told", f"{vague:,}", ""),
        ("yes or no that some combination of what is unknown contradicts", "none", f"{wrong:,}", met(not wrong)),
        ("possible though every combination gives the same answer", "told", f"{idle:,}", ""),
    ]
    parts = [table(["target", "", "is", ""], targets)]
    parts.append("Of the sample Lockfast says " + ", ".join(f"{word} {counts[word]:,}" for word in reversed(slow.WORDS)) + f"; slow.py took {took:.0f} s.")
    if differences:
        rows = [(lockfast, own, count) for (lockfast, own), count in sorted(kinds.items())]
        parts.append("### Differences\n\n" + table(["Lockfast", "slow.py", "pairs"], rows))
        first = collections.defaultdict(list)
        for lockfast, own, principal, key in differences:
            first[lockfast, own].append((lockfast, own, principal.split(":", 5)[5], ":".join(key.split(":")[3:])))
        shown = [row for rows in first.values() for row in rows[: SHOWN // len(first)]]
        parts.append(table(["Lockfast", "slow.py", "principal", "key"], shown))
        if len(shown) < len(differences):
            parts.append(f"and {len(differences) - len(shown):,} more")
    return "\n\n".join(parts)


# --- The report ---


def speed_report(run, answer, told, size, snapshot, mapped, pairs, facts, version):
    total = answer["principals"] * answer["resources"]
    words = collections.Counter(told.values())
    head = ["", "pairs", "wall s", "CPU s", "peak MB", "µs a pair (CPU)"]
    rows = [("lockfast, all of it", f"{total:,}", f"{run.wall:.2f}", f"{run.cpu:.2f}", f"{run.peak_mb:.0f}", f"{run.cpu / total * 1e6:.2f}")]
    targets = [(f"{total:,} pairs on {CORES} cores", f"< {SECONDS} s", f"{run.wall:.2f} s", met(run.wall < SECONDS))]
    parts = []
    if mapped:
        each = mapped["cpu"] / len(pairs)
        rows.append((
            f"principalmapper {version}, a sample", f"{len(pairs):,}", f"{mapped['wall']:.2f}", f"{mapped['cpu']:.2f}", f"{mapped['peak_mb']:.0f}", f"{each * 1e6:.0f}",
        ))  # fmt: skip
        rows.append(("the same, **extrapolated**", f"{total:,}", f"{mapped['wall'] / len(pairs) * total:,.0f}", f"{each * total:,.0f}", "-", f"{each * 1e6:.0f}"))
        targets.append(("CPU beside principalmapper, extrapolated", "told", f"1/{each * total / run.cpu:.0f}", ""))
        targets.append(("wall beside principalmapper, extrapolated (one thread)", "told", f"1/{mapped['wall'] / len(pairs) * total / run.wall:.0f}", ""))
        seen = collections.Counter()
        for pair, answered in zip(pairs, mapped["answers"]):
            # It knows no "possible": what it is not told of a request is absent.
            seen[answered, slow.closed(facts, *pair, ACTION) == slow.YES] += 1
        parts.append(
            f"Of its {len(pairs):,} answers {seen[True, True] + seen[False, False]:,} are those of slow.py for a request that has nothing beside what the snapshot "
            f"tells; {seen[True, False]:,} allow what slow.py denies, {seen[False, True]:,} deny what it allows. README.md says what it lacks."
        )
    said = ", ".join(f"{word} {words[word]:,}" for word in ("yes", "possible"))
    parts.insert(0, f"The snapshot has {megabytes(snapshot):.1f} MB; the answer, {size:.0f} MB of JSON, has {len(told):,} pairs that may: {said}.")
    return "\n\n".join([table(head, rows), table(["target", "", "is", ""], targets), *parts])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lockfast", default=default_binary(), type=pathlib.Path, help="the binary (default: %(default)s)")
    parser.add_argument("--built", default="", help="how the binary was built, for the report, where not as a release")
    parser.add_argument("--skip-peer", action="store_true", help="Lockfast only")
    parser.add_argument("--peer-python", help="a Python with requirements.txt; made when not given")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each")
    parser.add_argument("--pairs", type=int, default=SAMPLE, help="pairs that are checked, and that the peer is asked")
    parser.add_argument("--seed", type=int, default=1, help="of the snapshot and the samples")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the principals and keys")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    return parser.parse_args()


def main():
    args = arguments()
    # A machine with more cores must not flatter whoever uses threads.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    binary = args.lockfast.resolve()
    if not binary.exists() or subprocess.run([binary, "who-can", "matrix", "--help"], capture_output=True).returncode:
        sys.exit(f"{args.lockfast} is not there or has no `who-can matrix`: build it (see README.md) or name it with --lockfast")
    python = None if args.skip_peer else args.peer_python or install()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="lockfast-who-can-") as folder:
        scratch = pathlib.Path(folder).resolve()
        snapshot = scratch / "snapshot.jsonl"
        say(f"{world.write(snapshot, args.seed, args.scale):,} resources")
        run, answer, size = matrix(binary, snapshot, scratch, args.repeats)
        after = os.getloadavg()[0]
        facts = slow.Snapshot(snapshot)
        if (answer["principals"], answer["resources"]) != (len(facts.principals), len(facts.keys)) or answer["not_read"]:
            sys.exit(f"it read {answer['principals']} principals and {answer['resources']} keys, and not {answer['not_read']}")
        told = {(pair["principal"], pair["resource"]): pair["may"] for pair in answer["pairs"]}
        chance = random.Random(args.seed)
        pairs = [(chance.choice(list(facts.principals)), chance.choice(list(facts.keys))) for _ in range(args.pairs)]
        mapped = peer(python, snapshot, pairs, scratch, args.repeats) if python else None
        version = text_of([python, "-c", "import importlib.metadata as m; print(m.version('principalmapper'))"]).strip() if python else None
        took = time.perf_counter()
        counts, differences, exact = checked(facts, told, sampled(facts, told, args.pairs, args.seed))
        took = time.perf_counter() - took
        speed = speed_report(run, answer, told, size, snapshot, mapped, pairs, facts, version)
    stamp = f"*{datetime.date.today()}, {machine()}; load before {load:.1f}, after Lockfast's runs {after:.1f}*"
    if args.built:
        stamp += f"\n\n**{args.built}**"
    heads = f"{answer['principals']:,} principals and {answer['resources']:,} keys"
    text = f"# `lockfast who-can matrix`, measured\n\nWritten by run.py; README.md says how.\n\n{stamp}\n\n## {heads}\n\n{speed}\n\n"
    text += f"## The answers, checked\n\n{check_report(counts, differences, exact, took)}\n"
    print(text)
    args.results.write_text(text)
    say(f"wrote {args.results}")
    # As the other benchmarks: figures are told, not judged by the exit code.


if __name__ == "__main__":
    main()
