#!/usr/bin/env python3
"""Seeds a moto server over HTTP with the accounts that `lockfast scan` is tested on. See README.md beside this file."""

from __future__ import annotations

import argparse
import sys
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from seed import audit, compute, databases, identity, keys, messaging, network, stacks, storage
from seed.shop import AUDIT_ROLE, MAIN, MANAGEMENT_ACCOUNT, MEMBER_ACCOUNT, REGIONS, SECOND
from seed.site import Clients, Credentials, Ledger, Site, Step, run

# moto draws ids and access keys from one generator; the same seed gives the same credentials each time.
RANDOM_SEED = 20260101
# The server is one Python process: more threads than this only wait for it.
THREADS = 4
KNOWN_UNSUPPORTED = Path(__file__).parent / "seed" / "unsupported.txt"
PROFILES = {MANAGEMENT_ACCOUNT: "management", MEMBER_ACCOUNT: "workloads"}


def post(endpoint: str, path: str) -> None:
    urllib.request.urlopen(urllib.request.Request(endpoint + path, method="POST"), timeout=30).close()


def assume(clients: Clients, account: str) -> Credentials:
    """moto keeps accounts apart by access key, and an assumed role's key belongs to the role's account."""
    sts = clients.get("sts", "us-east-1", Credentials("AKIAIOSFODNN7EXAMPLE", "EXAMPLE", ""))
    return Credentials.of(sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{AUDIT_ROLE}", RoleSessionName="seed"))


def write_credentials(path: Path, found: dict[str, Credentials]) -> None:
    lines = []
    for account, one in found.items():
        lines += [
            f"[{PROFILES[account]}]",
            f"aws_access_key_id = {one.access_key}",
            f"aws_secret_access_key = {one.secret_key}",
            f"aws_session_token = {one.token}",
            "",
        ]
    path.write_text("\n".join(lines))


def in_order(steps: Sequence[Step], site: Site) -> None:
    for step in steps:
        run(step, site)


def is_full(site: Site) -> bool:
    """Rare services are made in one region of each account; the others show that a scan goes everywhere."""
    return (site.account, site.region) in (MAIN, SECOND)


def foundation_of(site: Site) -> list[Step]:
    """What other resources point at."""
    shared: list[Step] = [messaging.topics, messaging.queues, compute.functions, keys.secrets]
    if is_full(site):
        shared += storage.SHARED_IN_FULL_SITES
    return [*keys.FOUNDATION, *storage.FOUNDATION, *network.FOUNDATION, *shared]


def steps_of(site: Site) -> list[Sequence[Step]]:
    """Lists whose steps need each other's results, in order; the lists themselves may run side by side."""
    first = site.region == REGIONS[0]
    each: list[Sequence[Step]] = [
        [step] for module in (storage, keys, databases, network, messaging, audit) for step in module.EVERYWHERE
    ]
    each.append(audit.LOGS)
    if is_full(site):
        each.append(databases.RDS)
        each += [
            [step]
            for module in (identity, storage, databases, compute, network, messaging, stacks)
            for step in module.IN_FULL_SITES
        ]
    if site.main:
        each += [[step] for step in databases.MAIN_ONLY]
    if first:
        each += [[step] for module in (identity, keys, storage, network, audit) for step in module.PER_ACCOUNT]
    return each


def seed(clients: Clients, scale: int, ledger: Ledger) -> dict[str, Credentials]:
    credentials = {account: assume(clients, account) for account in (MANAGEMENT_ACCOUNT, MEMBER_ACCOUNT)}
    sites = [
        Site(account, region, scale, credentials[account], clients, ledger, main=region == REGIONS[0])
        for account in credentials
        for region in REGIONS
    ]
    run(identity.organization, sites[0])
    for site in sites:
        if site.region == REGIONS[0]:
            in_order([*identity.FOUNDATION_PER_ACCOUNT, *keys.FOUNDATION_PER_ACCOUNT], site)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda site: in_order(foundation_of(site), site), sites))
        jobs: list[Future[None]] = [pool.submit(in_order, steps, site) for site in sites for steps in steps_of(site)]
        for job in jobs:
            job.result()
    return credentials


def report(ledger: Ledger, seconds: float) -> bool:
    known = {
        line.split(":")[0] for line in KNOWN_UNSUPPORTED.read_text().splitlines() if line and not line.startswith("#")
    }
    print(f"{sum(ledger.created.values())} calls of {len(ledger.created)} operations in {seconds:.1f} s")
    for operation, reason in sorted(ledger.unsupported.items()):
        print(
            f"unsupported: {operation}: {reason}"
            + ("" if operation in known else "  (NEW: not in seed/unsupported.txt)")
        )
    for operation in sorted(known - ledger.unsupported.keys()):
        print(f"no longer unsupported, or not reached: {operation} (take it out of seed/unsupported.txt)")
    for error in ledger.errors:
        print(f"error: {error}", file=sys.stderr)
    return not ledger.errors and ledger.unsupported.keys() <= known


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--endpoint", required=True, help="where the moto server listens, such as http://127.0.0.1:5999"
    )
    parser.add_argument("--scale", type=int, default=1, help="multiplies the bulk resources (default 1)")
    parser.add_argument(
        "--credentials", type=Path, help="write an AWS credentials file with the profiles management and workloads"
    )
    parser.add_argument("--keep", action="store_true", help="do not empty the server first")
    arguments = parser.parse_args()
    endpoint = arguments.endpoint.rstrip("/")

    if not arguments.keep:
        post(endpoint, "/moto-api/reset")
    post(endpoint, f"/moto-api/seed?a={RANDOM_SEED}")
    ledger, start = Ledger(), time.monotonic()
    credentials = seed(Clients(endpoint), arguments.scale, ledger)
    if arguments.credentials:
        write_credentials(arguments.credentials, credentials)
    return 0 if report(ledger, time.monotonic() - start) else 1


if __name__ == "__main__":
    sys.exit(main())
