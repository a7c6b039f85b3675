#!/usr/bin/env python3
"""Starts the fake of AWS KMS. See README.md beside this file."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path

from kmsfake.server import Server
from kmsfake.store import Store


def end_with_parent() -> None:
    """Ends the fake when whoever started it is gone, and with it the pipe it held; as tests/moto/server.py does."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--state", type=Path, help="a file that keeps the state over a restart")
    args = parser.parse_args()
    server = Server(args.port, Store(args.state))
    print(f"listening on {server.url}", flush=True)
    if os.environ.get("END_WITH_STDIN"):
        threading.Thread(target=end_with_parent, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
