"""tests/moto/server.py, which writes one line for each request to the file that COUNTS names.

`service operation status`: the service of the credential scope, and the operation where a header names it. werkzeug's own
log has neither, and mixes its lines with tracebacks.
"""

import os
import pathlib
import re
import runpy

from werkzeug.serving import WSGIRequestHandler

COUNTS = open(os.environ["COUNTS"], "a", buffering=1)
SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")


def log_request(self, code="-", size="-"):
    scope = SCOPE.search(self.headers.get("Authorization", ""))
    target = self.headers.get("X-Amz-Target", "").rsplit(".", 1)[-1]
    code = code if isinstance(code, int) else str(code).split()[0]
    COUNTS.write(f"{scope.group(1) if scope else '-'} {target or '-'} {int(code)}\n")


WSGIRequestHandler.log_request = log_request
server = pathlib.Path(__file__).resolve().parents[2] / "tests" / "moto" / "server.py"
runpy.run_path(str(server), run_name="__main__")
