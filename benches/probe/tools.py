"""The two that are compared: how each is called, and what its answer says of suites."""

import json
import pathlib
import subprocess
import sys

from common import CACHE, must, say, text_of

HERE = pathlib.Path(__file__).resolve().parent

SSLYZE_SCANS = ["--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--elliptic_curves"]
SSLYZE_VERSIONS = {
    "ssl_2_0_cipher_suites": "SSLv2", "ssl_3_0_cipher_suites": "SSLv3", "tls_1_0_cipher_suites": "TLSv1",
    "tls_1_1_cipher_suites": "TLSv1.1", "tls_1_2_cipher_suites": "TLSv1.2", "tls_1_3_cipher_suites": "TLSv1.3",
}  # fmt: skip
# 0: kept, 1: a control fails, 4: much is unknown. Anything else is no measurement.
JUDGED = (0, 1, 4)


class Sslyze:
    name = "sslyze"

    def __init__(self, python):
        self.binary = (pathlib.Path(python) if python else self.install()).parent / "sslyze"
        self.version = text_of([self.binary.parent / "python", "-c", "import importlib.metadata as m; print(m.version('sslyze'))"])

    def install(self):
        """Its own venv, made once. There is no wheel of it, so what it is built with is pinned too."""
        folder = CACHE / "sslyze-venv"
        python = folder / "bin" / "python"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        if not (folder / "bin" / "sslyze").exists():
            say(f"installing sslyze into {folder}")
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            subprocess.run([*pip, "-r", str(HERE / "build.txt")], check=True)
            subprocess.run([*pip, "--no-build-isolation", "-r", str(HERE / "requirements.txt")], check=True)
        return python

    def command(self, targets, out):
        return [self.binary, *SSLYZE_SCANS, "--mozilla_config=disable", "--quiet", f"--json_out={out}", f"--targets_in={targets}"]

    def pairs(self, run, out):
        """By port, the accepted (version, suite); and what it could not tell."""
        must(run, (0,))
        pairs, unknown = {}, []
        # The (version, suite) that it asked for at all, whatever came of it.
        self.asked = set()
        for server in json.loads(out.read_text())["server_scan_results"]:
            port = server["server_location"]["port"]
            pairs[port] = set()
            if server["scan_status"] != "COMPLETED":
                unknown.append(f"{port}: {server['scan_status']}")
                continue
            for key, version in SSLYZE_VERSIONS.items():
                asked = server["scan_result"][key]
                if asked["status"] != "COMPLETED":
                    unknown.append(f"{port}, {version}: {asked['status']} ({asked['error_reason']})")
                    continue
                accepted, rejected = (
                    {(version, suite["cipher_suite"]["name"]) for suite in asked["result"][f"{what}_cipher_suites"]} for what in ("accepted", "rejected")
                )
                pairs[port] |= accepted
                self.asked |= accepted | rejected
        return pairs, unknown


class Lockfast:
    name = "lockfast"

    def __init__(self, binary):
        self.binary = binary
        if subprocess.run([binary, "probe", "--help"], capture_output=True).returncode:
            sys.exit(f"{binary} has no `probe`; build one that has, or give --skip-lockfast")
        self.version = text_of([binary, "--version"]).split()[-1]

    def command(self, targets, out, full=False, judge=False):
        """Unpaced (`--pace 0`): the endpoints are ours, and sslyze does not wait either."""
        how = [*(["--full"] if full else []), *(["-f", "json"] if judge else ["--no-judge"])]
        return [self.binary, "probe", "--file", targets, *how, "--pace", "0", "--snapshot", out]

    def endpoints(self, run, out):
        must(run, JUDGED)
        records = [json.loads(line) for line in out.read_text().splitlines()]
        return [record["resource"]["properties"] for record in records if "resource" in record]

    def pairs(self, run, out):
        pairs, unknown = {}, []
        for endpoint in self.endpoints(run, out):
            port = endpoint["Port"]
            pairs[port] = set()
            for version, suites in suites_of(endpoint):
                if isinstance(suites, list) and all(isinstance(suite, str) for suite in suites):
                    pairs[port] |= {(version, suite) for suite in suites}
                else:
                    unknown.append(f"{port}, {version}: {json.dumps(suites)}")
        return pairs, unknown

    def connections(self, run, out):
        """By port, what it says of itself."""
        return {
            endpoint["Port"]: sum(address.get("Connections", 0) for address in endpoint.get("Addresses") or [])
            for endpoint in self.endpoints(run, out)
        }

    def measured(self, run, out):
        """Endpoints of which it can say which versions they take."""
        def known(tls):
            versions = tls.get("Versions", {})
            return any(value is True for value in versions.values()) and all(isinstance(value, bool) for value in versions.values())

        return sum(any(known(tls) for tls in tls_of(endpoint)) for endpoint in self.endpoints(run, out))


def tls_of(endpoint):
    """Each address's facts; where they are unknown as a whole, none."""
    addresses = endpoint["Addresses"]
    told = [address.get("Tls", {}) for address in addresses] if isinstance(addresses, list) else []
    return [tls for tls in told if "$unknown" not in tls]


def suites_of(endpoint):
    """(version, suites or what is unknown) for each version; a single unknown where there is no list of versions."""
    told = tls_of(endpoint)
    if not told:
        return [("all versions", endpoint["Addresses"])]
    pairs = []
    for tls in told:
        suites = tls.get("Suites", "not told")
        known = isinstance(suites, dict) and "$unknown" not in suites
        pairs += suites.items() if known else [("all versions", suites)]
    return pairs
