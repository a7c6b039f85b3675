"""What both parts of the benchmark need: processes, measured and held."""

import dataclasses
import importlib.util
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "lockfast"
TIMEOUT = 1800  # seconds for one run of one tool


def load(name, path):
    """A module by its path: the other benchmark's has the name of ours."""
    sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


check = load("check_run", ROOT / "benches" / "check" / "run.py")
say, table, machine, text_of = check.say, check.table, check.machine, check.text_of


@dataclasses.dataclass
class Run:
    """One child process, seen from its end."""

    cpu: float
    wall: float
    peak_mb: float
    code: int
    err: str
    requests: int = 0


def measure(command, scratch, env):
    """Run a command to its end; its resources include those of its own children (wait4)."""
    command = [str(part) for part in command]
    numbers, _, err = check.launch(command, scratch, TIMEOUT, {**os.environ, **env})
    return Run(**numbers, err=err.read_text(errors="replace"))


def default_binary():
    """Where a release build lies."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "release" / "lockfast"


def must(run, codes):
    """A tool that does nothing is fast: no number of it may be believed."""
    if run.code not in codes:
        sys.exit(f"it did not work (exit {run.code}): {run.err[-3000:]}")
    return run


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server of our own, ended with us."""

    def __init__(self, command, port, env=None, log=None):
        self.url = f"http://127.0.0.1:{port}"
        log = open(log, "wb") if log else subprocess.DEVNULL
        env = {**os.environ, **(env or {})}
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=log, stderr=log, env=env)
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{command[0]} does not answer at {self.url}")
                time.sleep(0.2)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def megabytes(path):
    return path.stat().st_size / 1e6


def met(ok):
    return "met" if ok else "**not met**"
