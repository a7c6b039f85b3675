#!/usr/bin/env python3
"""Compare `lockfast probe` with sslyze on 50 endpoints, and measure it on 1,000 and 10,000.

Prints the report and writes it to RESULTS.md beside this file. Linux, nginx, openssl, and Python's standard library.
See README.md.
"""

import argparse
import collections
import dataclasses
import datetime
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "scan"))

from common import Run, default_binary, machine, measure, met, say, table, text_of  # noqa: E402
from servers import KINDS, PORTS, VERSIONS, WORKERS, Nginx, addresses, find, kind_of  # noqa: E402
from tools import SSLYZE_SCANS, Lockfast, Sslyze  # noqa: E402

RESULTS = HERE / "RESULTS.md"
CORES = 2
# At most this part of sslyze's.
CONNECTIONS, CPU = 8, 60
ENDPOINTS_A_SECOND = 300
SCALE = [20, 200]  # addresses, so 1,000 and 10,000 endpoints
PEAK_MB = 300  # as for a scan of a fleet
SHOWN = 40  # rows of differences


@dataclasses.dataclass
class Probed:
    """One run of a tool, and what the server saw of it."""

    run: Run
    connections: int
    server_cpu: float
    endpoints: int
    out: pathlib.Path

    @property
    def rate(self):
        return self.endpoints / self.run.wall

    @property
    def rate_by_cpu(self):
        """What the rate would be if client and server had the cores to themselves and kept them busy."""
        return self.endpoints / ((self.run.cpu + self.server_cpu) / CORES)


def probe(command_of, nginx, hosts, scratch):
    """Run a tool on every port of some addresses."""
    targets, out = scratch / "targets", scratch / "answer.jsonl"
    names = [f"{host}:{port}" for host in hosts for port in nginx.ports]
    targets.write_text("\n".join(names) + "\n")
    out.unlink(missing_ok=True)
    connections, cpu = nginx.accepted(), nginx.cpu()
    run = measure(command_of(targets, out), scratch, {})
    connections, cpu = nginx.accepted() - connections, nginx.cpu() - cpu
    say(f"{len(names)} endpoints: {connections} connections, {run.cpu:.2f} s CPU, {run.wall:.1f} s, server {cpu:.2f} s CPU, exit {run.code}")
    return Probed(run, connections, cpu, len(names), out)


def best(probes):
    """The run with least CPU; the shortest time and the highest peak of all."""
    chosen = min(probes, key=lambda p: p.run.cpu)
    chosen.run.wall = min(p.run.wall for p in probes)
    chosen.run.peak_mb = max(p.run.peak_mb for p in probes)
    return chosen


# --- The comparison ---


def same_pairs(tools, nginx):
    """What only one of the two says is accepted, by kind of endpoint, with the opinion of OpenSSL's client."""
    (first, told), (second, other) = tools.items()
    differences = collections.Counter()
    for index, port in enumerate(nginx.ports):
        for who, pairs in ((first, told[port] - other[port]), (second, other[port] - told[port])):
            differences.update((kind_of(index), version, suite, who, port) for version, suite in pairs)
    by_kind = collections.defaultdict(list)
    for kind, version, suite, who, port in sorted(differences):
        by_kind[kind, version, suite, who].append(port)
    names = openssl_names(nginx.openssl)
    return [(*key, len(ports), third_opinion(nginx, ports[0], key[1], names.get(key[2]))) for key, ports in by_kind.items()]


def openssl_names(openssl):
    """OpenSSL's name of a suite by the standard's."""
    listed = text_of([openssl, "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"])
    return dict(re.findall(r"^(\S+)\s+- (\S+)", listed, re.M))


def third_opinion(nginx, port, version, name):
    if version not in VERSIONS or name is None:
        return "cannot ask for it"
    ciphers = ["-ciphersuites", name] if version == "TLSv1.3" else ["-cipher", f"{name}:@SECLEVEL=0"]
    return "accepted" if nginx.takes(port, [VERSIONS[version][0], *ciphers]) else "refused"


def comparison(lockfast, sslyze, scratch, repeats):
    tools = [tool for tool in (lockfast, sslyze) if tool]
    results, pairs, unknown, notes, claimed = {}, {}, {}, [], {}
    with Nginx(scratch, addresses(1)) as nginx:
        checked = nginx.check_count()
        nginx.check_wire()
        say(f"the endpoints speak what they should, and {checked} odd connections were counted right")
        for tool in tools:
            if tool is lockfast:
                runs = []
                for _ in range(repeats):
                    runs.append(probe(lambda targets, out: lockfast.command(targets, out, full=True), nginx, nginx.hosts, scratch))
                    pairs[tool.name], unknown[tool.name] = tool.pairs(runs[-1].run, runs[-1].out)
                    claimed = tool.connections(runs[-1].run, runs[-1].out)
                    if sum(claimed.values()) != runs[-1].connections:
                        notes.append(f"**It says it made {sum(claimed.values()):,} connections; the server counted {runs[-1].connections:,}.**")
                results[tool.name] = best(runs)
            else:
                results[tool.name] = probe(tool.command, nginx, nginx.hosts, scratch)
                pairs[tool.name], unknown[tool.name] = tool.pairs(results[tool.name].run, results[tool.name].out)
        differences = same_pairs(pairs, nginx) if len(tools) == 2 else None
        ports = nginx.ports
    return comparison_report(tools, results, pairs, unknown, differences, ports, notes, claimed)


def comparison_report(tools, results, pairs, unknown, differences, ports, notes, claimed):
    rows, by_kind = [], []
    for tool in tools:
        r = results[tool.name]
        total = sum(len(found) for found in pairs[tool.name].values())
        rows.append((
            f"{tool.name} {tool.version}", f"{r.connections:,}", f"{r.connections / PORTS:.1f}", f"{r.run.cpu:.2f}", f"{r.run.wall:.1f}",
            f"{r.run.peak_mb:.0f}", f"{r.server_cpu:.2f}", f"{total:,}", len(unknown[tool.name]),
        ))  # fmt: skip
        for kind in KINDS:
            alike = [port for index, port in enumerate(ports) if kind_of(index) == kind]
            told = [pairs[tool.name].get(port, set()) for port in alike]
            counts = collections.Counter(version for found in told for version, _ in found)
            shown = ", ".join(f"{version} {counts[version] / len(told):g}" for version in sorted(counts))
            own = f"{sum(claimed.get(port, 0) for port in alike) / len(alike):.1f}" if tool.name == "lockfast" else "-"
            by_kind.append((kind, len(alike), tool.name, shown, own, "yes" if len(set(map(frozenset, told))) == 1 else "no"))
    head = ["tool", "connections", "an endpoint", "CPU s", "wall s", "peak MB", "server's CPU s", "accepted pairs", "unknown"]
    parts = [table(head, rows)]
    parts += notes
    parts += [f"{name} could not tell: " + "; ".join(told[:10]) for name, told in unknown.items() if told]

    def ratio(value):
        if len(tools) < 2:
            return None
        return value(results["sslyze"]) / max(value(results["lockfast"]), 1e-6)

    targets = []
    for what, least, now in (("connections", CONNECTIONS, ratio(lambda r: r.connections)), ("CPU", CPU, ratio(lambda r: r.run.cpu))):
        targets.append((f"{what}, full enumeration beside sslyze", f"≤ 1/{least}", f"1/{now:.1f}" if now else "-", met(now >= least) if now else "not measured"))
    if differences is None:
        targets.append(("accepted (endpoint, version, suite)", "the same as sslyze", "-", "not measured"))
    else:
        count = sum(row[4] for row in differences)
        wrong = sum(row[4] for row in differences if (row[3], row[5]) != ("lockfast", "accepted"))
        complete = not any(unknown.values())
        asked = next(tool.asked for tool in tools if tool.name == "sslyze")
        unasked = sum(row[4] for row in differences if (row[1], row[2]) not in asked)
        told = "the same" if count == unasked else f"{count - unasked:,} differ"
        targets.append(("accepted (endpoint, version, suite), of what sslyze asks for", "the same as sslyze", told, met(complete and count == unasked)))
        targets.append(("accepted beside them, of what sslyze never asks for", "told", f"{unasked:,}", ""))
        shown = f"{wrong:,} of {count:,}" if count else "no difference"
        targets.append(("differences in which OpenSSL's client does not agree with Lockfast", "none", shown, met(complete and not wrong)))
    parts.append(table(["target", "", "is", ""], targets))
    head = ["endpoints", "", "tool", "accepted suites an endpoint", "connections of each, as it says", "all of a kind told alike"]
    parts.append(table(head, sorted(by_kind, key=lambda row: KINDS.index(row[0]))))
    if differences:
        head = ["endpoints", "version", "suite", "told by", "of them", "OpenSSL's client, asked at the first"]
        parts.append("### Told by one only\n\n" + table(head, differences[:SHOWN]))
        if len(differences) > SHOWN:
            parts.append(f"and {len(differences) - SHOWN} rows more")
    return "\n\n".join(parts)


# --- Many endpoints ---


def scale(lockfast, scratch, repeats, sizes):
    rows, judged, peaks, notes = [], {}, {}, []
    for size in sizes:
        # nginx holds a socket for each, so it has no more than are asked.
        with Nginx(scratch, addresses(size)) as nginx:
            for judge in (True, False):
                runs = []
                for _ in range(repeats if size == min(sizes) else 1):
                    runs.append(probe(lambda targets, out: lockfast.command(targets, out, judge=judge), nginx, nginx.hosts, scratch))
                    told = lockfast.measured(runs[-1].run, runs[-1].out)
                    if told != runs[-1].endpoints:
                        notes.append(f"**Of {runs[-1].endpoints:,} endpoints it measured {told:,}.**")
                r = best(runs)
                peaks[r.endpoints] = max(peaks.get(r.endpoints, 0), r.run.peak_mb)
                if judge:
                    judged[r.endpoints] = r
                rows.append((
                    f"{r.endpoints:,}", "yes" if judge else "no", f"{r.connections:,}", f"{r.connections / r.endpoints:.1f}", f"{r.run.cpu:.2f}",
                    f"{r.run.cpu / r.endpoints * 1e6:.0f}", f"{r.run.wall:.1f}", f"{r.rate:.0f}", f"{r.run.peak_mb:.0f}", f"{r.server_cpu:.2f}",
                ))  # fmt: skip
    head = [
        "endpoints", "judged", "connections", "an endpoint", "CPU s", "CPU µs an endpoint", "wall s", "endpoints/s", "peak MB", "server's CPU s",
    ]  # fmt: skip
    few, many = min(peaks), max(peaks)
    slowest = min(r.rate for r in judged.values())
    targets = [
        (f"verdicts, endpoints/s on {CORES} cores (the server's too)", f"> {ENDPOINTS_A_SECOND}", f"{slowest:.0f}", met(slowest > ENDPOINTS_A_SECOND)),
        ("the same, had nothing else run on the cores", "told", f"{min(r.rate_by_cpu for r in judged.values()):.0f}", ""),
        (f"peak memory, {many:,} endpoints", f"< {PEAK_MB} MB", f"{peaks[many]:.0f} MB", met(peaks[many] < PEAK_MB)),
    ]
    if many > few:
        growth = (peaks[many] - peaks[few]) / (many - few) * 1000
        targets.append((f"peak memory beside that of {few:,}", "told", f"{peaks[few]:.0f} MB, so {growth:.1f} kB more for each endpoint more", ""))
    return "\n\n".join([table(head, rows), *notes, table(["target", "", "is", ""], targets)])


# --- The report ---


def sections(text):
    """By title, what stands under it."""
    parts = re.split(r"^(?=## )", text, flags=re.M)
    return {part.split("\n", 1)[0]: part for part in parts[1:]}


def write(results, titled, stamp):
    kept = sections(results.read_text()) if results.exists() else {}
    for title, text in titled.items():
        kept[f"## {title}"] = f"## {title}\n\n{stamp}\n\n{text}\n\n"
        print(kept[f"## {title}"])
    results.write_text("# `lockfast probe`, measured\n\nWritten by run.py; README.md says how.\n\n" + "".join(kept.values()).rstrip() + "\n")
    say(f"wrote {results}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lockfast", default=default_binary(), type=pathlib.Path, help="the binary (default: %(default)s)")
    parser.add_argument("--built", default="", help="how the binary was built, for the report, where not as a release")
    parser.add_argument("--skip-lockfast", action="store_true", help="sslyze only")
    parser.add_argument("--skip-sslyze", action="store_true", help="lockfast only")
    parser.add_argument("--sslyze-python", help="a Python with requirements.txt; made when not given")
    parser.add_argument("--repeats", type=int, default=3, help="runs of lockfast")
    parser.add_argument("--scale", type=int, nargs="*", default=SCALE, help=f"other numbers of addresses with {PORTS} endpoints each; none skips this part")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    return parser.parse_args()


def main():
    args = arguments()
    # A machine with more cores must not flatter whoever uses threads.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    lockfast = sslyze = None
    if not args.skip_lockfast:
        if not args.lockfast.exists():
            sys.exit(f"{args.lockfast} is not there: build it (see README.md), name it with --lockfast, or give --skip-lockfast")
        lockfast = Lockfast(args.lockfast.resolve())
    if not args.skip_sslyze:
        sslyze = Sslyze(args.sslyze_python)
    load = os.getloadavg()[0]
    titled = {}
    with tempfile.TemporaryDirectory(prefix="lockfast-probe-") as folder:
        scratch = pathlib.Path(folder).resolve()
        titled[f"sslyze and Lockfast on {PORTS} endpoints"] = comparison(lockfast, sslyze, scratch, args.repeats)
        if lockfast and args.scale:
            titled["Many endpoints"] = scale(lockfast, scratch, args.repeats, args.scale)
    nginx = subprocess.run([find("nginx"), "-v"], capture_output=True, text=True).stderr.split("/")[-1].strip()
    openssl = text_of([find("openssl"), "version"]).split("(")[0].strip()
    stamp = f"*{datetime.date.today()}, {machine()}; nginx {nginx} ({WORKERS} workers, on the same cores), {openssl}; load before {load:.1f}, after {os.getloadavg()[0]:.1f}*"
    if args.built:
        stamp += f"\n\n**{args.built}**"
    if sslyze:
        commands = f"    sslyze {' '.join(SSLYZE_SCANS)} --mozilla_config=disable --quiet --json_out=FILE --targets_in=LIST"
        titled[f"sslyze and Lockfast on {PORTS} endpoints"] += "\n\n" + commands
    write(args.results, titled, stamp)


if __name__ == "__main__":
    main()
