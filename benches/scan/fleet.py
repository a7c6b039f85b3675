"""Lockfast on growing fleets of a synthetic AWS: is the cost linear, the memory bounded, the rate budget kept?"""

import collections
import pathlib
import re
import subprocess
import tomllib

from common import HERE, ROOT, Server, free_port, measure, megabytes, met, must, say, table

REGIONS = ["eu-central-1", "eu-west-1", "us-east-1", "us-east-2", "ap-south-1"]
SERVICES = ["dynamodb", "ec2", "kms", "logs", "secretsmanager", "sqs"]
FLEETS = [10, 25, 50, 100, 200]
PER_PLACE = 200  # resources in each account and region: 1,000 an account, 100,000 in a hundred accounts
OF_LIMIT = 100  # accounts with which memory is held to PEAK_MB
PEAK_MB = 300
LINEAR_TOLERANCE = 1.25
BUDGETED = 4  # accounts that are scanned with budgets
LIMITS = ROOT / "crates" / "aws" / "limits.toml"

ENV = {
    "AWS_ACCESS_KEY_ID": "AKIABENCH", "AWS_SECRET_ACCESS_KEY": "none", "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}  # fmt: skip


def build_server(given):
    if given:
        return pathlib.Path(given)
    command = ["cargo", "build", "--release", "--package", "lockfast-bench-server", "--target-dir", str(HERE / "server" / "target")]
    subprocess.run(command, check=True, cwd=ROOT)
    return HERE / "server" / "target" / "release" / "lockfast-bench-server"


def synthetic(binary, accounts, changed=0):
    port = free_port()
    command = [binary, "--port", port, "--accounts", accounts, "--resources", PER_PLACE, "--changed", changed]
    return Server(command, port)


def arguments(url, name, *more):
    return [
        "scan", "--endpoint-url", url, "--organization", "--region", ",".join(REGIONS), "--service", ",".join(SERVICES),
        "--snapshot", name, "--no-judge", *more,
    ]  # fmt: skip


def scan(lockfast, server, scratch, name, *more):
    """One scan; its requests are what the server counted."""
    (scratch / name).unlink(missing_ok=True)
    server.get("/_reset")
    run = must(measure([lockfast, *arguments(server.url, name, *more)], scratch, ENV), (0,))
    run.requests = server.get("/_total")
    run.resources = int(re.search(r": (\d+) resources", run.err).group(1))
    return run


def fleets(lockfast, server_binary, scratch, sizes):
    rows = []
    for accounts in sizes:
        with synthetic(server_binary, accounts) as server:
            name = f"fleet-{accounts}.snapshot"
            run = scan(lockfast, server, scratch, name)
        say(f"{accounts} accounts: {run.resources} resources, {run.requests} requests, {run.cpu:.1f} s CPU, {run.peak_mb:.0f} MB")
        rows.append((accounts, run, megabytes(scratch / name)))
        if accounts != OF_LIMIT:
            (scratch / name).unlink()
    return rows


def limits():
    file = tomllib.loads(LIMITS.read_text())
    return {row["of"]: row["rps"] for row in file["limit"]}, file["default_rps"]


def rates(requests):
    """By what shares a limit: requests in all, and the most in any second of one account and region."""
    by_name, default = limits()
    times = collections.defaultdict(list)
    for key, when in requests.items():
        account, region, action = key.split("/")
        service = action.split(":")[0]
        shared = action if action in by_name else service
        # What finds the accounts comes before any budget.
        if service not in ("sts", "organizations"):
            times[shared, account, region] += when
    found = {}
    for (shared, _, _), when in times.items():
        when.sort()
        first = most = 0
        for last, at in enumerate(when):
            while at - when[first] >= 1000:
                first += 1
            most = max(most, last - first + 1)
        count, before = found.get(shared, (0, 0))
        found[shared] = count + len(when), max(before, most)
    return [(shared, *found[shared], by_name.get(shared, default)) for shared in sorted(found)]


def budgets(lockfast, server_binary, scratch):
    with synthetic(server_binary, BUDGETED) as server:
        run = scan(lockfast, server, scratch, "budgets.snapshot", "--keep-budgets")
        rows = rates(server.get("/_requests"))
    say(f"with budgets: {run.requests} requests in {run.wall:.0f} s")
    return run, rows


def offline(lockfast, server_binary, scratch):
    """judge and diff on the snapshot of the hundred accounts; the later one differs in a few of a hundred resources."""
    with synthetic(server_binary, OF_LIMIT, changed=3) as server:
        scan(lockfast, server, scratch, "later.snapshot")
    old, new = f"fleet-{OF_LIMIT}.snapshot", "later.snapshot"
    commands = [
        ["judge", old, "--quiet"],
        ["judge", old, "--quiet", "-o", "json=judged.json"],
        ["diff", old, new, "--format", "json"],
    ]
    rows = []
    for command in commands:
        run = must(measure([lockfast, *command], scratch, ENV), (0, 1))
        say(f"{command[0]}: {run.cpu:.1f} s CPU, {run.peak_mb:.0f} MB")
        rows.append((" ".join(command), run))
    return rows


def fleet(lockfast, server_given, scratch, sizes):
    """The section of RESULTS.md."""
    server = build_server(server_given)
    grown = fleets(lockfast, server, scratch, sizes)
    judged = offline(lockfast, server, scratch) if OF_LIMIT in sizes else []
    return section(grown, judged, *budgets(lockfast, server, scratch))


def section(grown, judged, budgeted, rows_of_rates):
    rows = []
    for accounts, run, size in grown:
        rows.append((
            accounts, f"{run.resources:,}", f"{run.requests:,}", f"{run.requests / run.resources:.3f}", f"{run.cpu:.1f}",
            f"{run.cpu / run.resources * 1e6:.0f}", f"{run.peak_mb:.0f}", f"{run.wall:.0f}", f"{size:.1f}",
        ))  # fmt: skip
    head = ["accounts", "resources", "requests", "requests a resource", "CPU s", "CPU µs a resource", "peak MB", "wall s", "snapshot MB"]
    (_, first, _), (_, last, _) = grown[0], grown[-1]
    growth = (last.cpu / last.resources) / (first.cpu / first.resources)
    targets = [(f"CPU a resource, {grown[-1][0]} accounts beside {grown[0][0]}", f"≤ {LINEAR_TOLERANCE}", f"{growth:.2f}", met(growth <= LINEAR_TOLERANCE))]
    of_limit = [("scan", run) for accounts, run, _ in grown if accounts == OF_LIMIT] + judged
    targets += [(f"peak memory of `{name}`, {OF_LIMIT} accounts", f"< {PEAK_MB} MB", f"{run.peak_mb:.0f} MB", met(run.peak_mb < PEAK_MB)) for name, run in of_limit]
    over = [shared for shared, _, most, limit in rows_of_rates if most > limit + 1]
    targets.append(("rates within limits.toml (one more may fall into a second)", "all", ", ".join(over) or "all", met(not over)))
    offline_rows = [(f"`lockfast {name}`", f"{run.cpu:.1f}", f"{run.wall:.1f}", f"{run.peak_mb:.0f}", run.code) for name, run in judged]
    rate_head = ["budget of", "requests", "most in any second of an account and region", "limits.toml"]
    return f"""## Fleets

Lockfast alone, on a synthetic AWS (benches/scan/server): {len(REGIONS)} regions, {PER_PLACE} resources in each account and region, of
{", ".join(SERVICES)}, with tags, pages and keys. Server and client share the machine's cores, and no budget holds, so wall time says little.

{table(head, rows)}

{table(["target", "", "is", ""], targets)}

### The snapshot of {OF_LIMIT} accounts, offline

{table(["command", "CPU s", "wall s", "peak MB", "exit"], offline_rows)}

### Rates

{BUDGETED} accounts scanned with `--keep-budgets`: {budgeted.requests:,} requests in {budgeted.wall:.0f} s. The highest rate is taken over every
second that begins with a request, not only over whole ones.

{table(rate_head, rows_of_rates)}

    lockfast {" ".join(arguments("http://127.0.0.1:PORT", "fleet.snapshot"))}
"""
