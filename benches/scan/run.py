#!/usr/bin/env python3
"""Compare `lockfast scan` with Prowler on a seeded moto, and measure it on fleets of a synthetic AWS.

Prints the report and writes it to RESULTS.md beside this file. A part that is not run keeps its last results there.
Standard library only. See README.md.
"""

import argparse
import datetime
import os
import pathlib
import re
import sys
import tempfile

from common import CACHE, HERE, default_binary, machine, say

RESULTS = HERE / "RESULTS.md"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lockfast", default=default_binary(), type=pathlib.Path)
    moto = os.environ.get("LOCKFAST_MOTO_PYTHON", CACHE / "moto-venv" / "bin" / "python")
    parser.add_argument("--judge-with", type=pathlib.Path, help="another binary for judge and diff, such as one without the SDK, which is built sooner")
    parser.add_argument("--built", default="", help="how the binaries were built, for the report, where not as a release")
    parser.add_argument("--moto-python", default=moto, help="a Python with tests/moto/requirements.txt")
    parser.add_argument("--prowler-python", help="a Python with requirements.txt; made when not given")
    parser.add_argument("--scale", type=int, default=1, help="times the bulk resources of the seed")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--fleet", action="store_true", help="fleets, in place of the comparison")
    parser.add_argument("--accounts", type=int, nargs="*", help="other sizes of fleets")
    parser.add_argument("--server", help="a lockfast-bench-server; built when not given")
    parser.add_argument("--scratch", type=pathlib.Path, help="a folder for snapshots, kept; a temporary one when not given")
    parser.add_argument("--results", type=pathlib.Path, default=RESULTS)
    return parser.parse_args()


def sections(text):
    """By title, what stands under it."""
    parts = re.split(r"^(?=## )", text, flags=re.M)
    return {part.split("\n", 1)[0]: part for part in parts[1:]}


def main():
    args = arguments()
    binary = args.lockfast.resolve()
    if not binary.exists():
        sys.exit(f"{binary} is not there: build it (see README.md) or name it with --lockfast")
    with tempfile.TemporaryDirectory(prefix="lockfast-scan-") as folder:
        scratch = (args.scratch or pathlib.Path(folder)).resolve()
        if args.fleet:
            import fleet

            made = fleet.fleet(binary, (args.judge_with or binary).resolve(), args.server, scratch, args.accounts or fleet.FLEETS)
        else:
            import compare

            made = compare.compare(binary, args.moto_python, args.prowler_python, scratch, args.scale, args.repeats)
    stamp = f"*{datetime.date.today()}, {machine()}*\n"
    if args.built:
        stamp += f"\n**{args.built}**\n"
    title, rest = made.split("\n", 1)
    kept = sections(args.results.read_text()) if args.results.exists() else {}
    kept[title] = f"{title}\n\n{stamp}{rest.rstrip()}\n\n"
    print(kept[title])
    ordered = sorted(kept.values(), key=lambda part: part.startswith("## Fleets"))
    args.results.write_text("# `lockfast scan`, measured\n\nWritten by run.py; README.md says how.\n\n" + "".join(ordered).rstrip() + "\n")
    say(f"wrote {args.results}")


if __name__ == "__main__":
    main()
