"""TLS endpoints to be measured: one nginx with many `server` blocks, all on loopback addresses.

It counts connections itself, see Nginx.accepted.
"""

import ctypes
import http.client
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

PORTS = 50
WORKERS = 2
# Below the range that outgoing connections take their own ports from.
FIRST_PORTS = range(20000, 32000, 500)
# By how the server is set up; a quarter of the endpoints each.
KINDS = ["modern, RSA", "old, RSA", "modern, ECDSA", "old, RSA and ECDSA"]
CERTIFICATES = {"RSA": ["rsa:2048"], "ECDSA": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]}
# What `openssl s_client` is told to speak one version only, and whether each half of the endpoints takes it.
VERSIONS = {
    "TLSv1": ("-tls1", {"old"}), "TLSv1.1": ("-tls1_1", {"old"}),
    "TLSv1.2": ("-tls1_2", {"old", "modern"}), "TLSv1.3": ("-tls1_3", {"old", "modern"}),
}  # fmt: skip

MODERN = """
      ssl_protocols TLSv1.2 TLSv1.3;
      ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
      ssl_prefer_server_ciphers on;
"""
OLD = """
      ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
      ssl_ciphers ALL:@SECLEVEL=0;
      ssl_dhparam {folder}/dh.pem;
"""
SERVER = """
    server {{
      {listen}
      {certificates}
      {settings}
      return 200 "{kind}\\n";
    }}
"""
# A worker's connections are its listening sockets too.
CONFIGURATION = """
daemon off;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 18000; }}
http {{
    access_log off;
    server_tokens off;
    ssl_session_cache off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
      listen 127.0.0.1:{status} backlog=16;
      keepalive_timeout 1d;
      keepalive_requests 1000000000;
      location = /status {{ stub_status; }}
    }}
    {servers}
}}
"""


def find(program):
    """Debian keeps servers in /usr/sbin, which a user's PATH lacks."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not found:
        sys.exit(f"{program} is not installed; on Debian: apt-get install nginx-light openssl")
    return found


def end_with_parent():
    """However the benchmark ends, no server is left behind (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def kind_of(index):
    return KINDS[index % len(KINDS)]


def addresses(count):
    """Loopback addresses: Linux answers at every one of 127.0.0.0/8."""
    return [f"127.0.{1 + number // 250 if number else 0}.{1 + number % 250}" for number in range(count)]


def make_certificates(openssl, folder):
    for name, key in CERTIFICATES.items():
        subject = ["-subj", "/CN=probe.bench.test", "-addext", "subjectAltName=DNS:probe.bench.test,IP:127.0.0.1"]
        files = ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"]
        command = [openssl, "req", "-x509", "-nodes", "-days", "30", "-newkey", *key, *subject, *files]
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
    # A known group of 2048 bits, as RFC 7919 has it: nothing to search for.
    dh = [openssl, "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", str(folder / "dh.pem")]
    subprocess.run(dh, check=True, capture_output=True)


class Nginx:
    """PORTS endpoints on each of some addresses."""

    def __init__(self, scratch, hosts):
        self.folder = scratch / f"nginx-{len(hosts)}"
        self.folder.mkdir()
        self.openssl = find("openssl")
        self.hosts = hosts
        make_certificates(self.openssl, self.folder)
        first = self.free_ports()
        self.ports = list(range(first, first + PORTS))
        status = first + PORTS
        configuration = self.folder / "nginx.conf"
        servers = "".join(self.server(index, port) for index, port in enumerate(self.ports))
        configuration.write_text(CONFIGURATION.format(workers=WORKERS, folder=self.folder, status=status, servers=servers))
        # One descriptor for each listening socket, and for each connection.
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        command = [find("nginx"), "-e", "stderr", "-p", str(self.folder), "-c", str(configuration)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=end_with_parent)
        self.status = self.wait_for(status)

    def server(self, index, port):
        kind = kind_of(index)
        names = [name for name in CERTIFICATES if name in kind]
        certificates = [f"ssl_certificate {self.folder}/{n}.pem; ssl_certificate_key {self.folder}/{n}.key;" for n in names]
        settings = MODERN if kind.startswith("modern") else OLD.format(folder=self.folder)
        listen = " ".join(f"listen {host}:{port} ssl backlog=4096;" for host in self.hosts)
        return SERVER.format(listen=listen, certificates=" ".join(certificates), settings=settings, kind=kind)

    def free_ports(self):
        def is_free(port):
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind(("127.0.0.1", port))
                except OSError:
                    return False
                return True

        for first in FIRST_PORTS:
            if all(is_free(port) for port in range(first, first + PORTS + 1)):
                return first
        sys.exit("no free ports")

    def wait_for(self, port):
        """The connection that the count is read by; it is kept, so that it is itself counted once."""
        deadline = time.monotonic() + 60
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.connect()
                return connection
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"nginx does not start: {(self.folder / 'error.log').read_text(errors='replace')[-2000:]}")
                time.sleep(0.1)

    def accepted_now(self):
        # Without this a connection that broke would be made anew, and counted.
        self.status.auto_open = False
        self.status.request("GET", "/status")
        text = self.status.getresponse().read().decode()
        return int(re.search(r"requests\s+(\d+) \d+ \d+", text).group(1))

    def accepted(self):
        """Connections accepted so far, by all workers on all ports, whatever came of them.

        nginx adds one to stub_status's `accepts` where accept(2) has given it a connection, before anything is read from
        it: handshakes that fail are counted, and connections that are closed at once. What was made and not accepted yet
        waits in the kernel's queue; when the number stands still there is nothing left in it.
        """
        before = self.accepted_now()
        while True:
            time.sleep(0.3)
            now = self.accepted_now()
            if now == before:
                return now
            before = now

    def check_count(self):
        """The count must be right for the connections that a scanner makes: closed at once, reset, nonsense, half a hello."""
        ways = [b"", None, b"GET / HTTP/1.1\r\n\r\n" * 3, bytes.fromhex("16030100c8010000c40303")]
        before, made = self.accepted(), 0
        for port in self.ports:
            for say in ways:
                with socket.create_connection(("127.0.0.1", port), 10) as s:
                    made += 1
                    if say is None:
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    elif say:
                        s.sendall(say)
        counted = self.accepted() - before
        if counted != made:
            sys.exit(f"nginx counted {counted} of {made} connections")
        return made

    def takes(self, port, arguments):
        """Whether OpenSSL's own client gets through a handshake."""
        command = [self.openssl, "s_client", "-connect", f"127.0.0.1:{port}", *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return done.returncode == 0 and bool(re.search(r"Cipher is (?!\(NONE\))", done.stdout))

    def check_wire(self):
        """A configuration is a wish: what each endpoint speaks is asked of the endpoint."""
        for index, port in enumerate(self.ports):
            half = kind_of(index).split(",")[0]
            for version, (argument, halves) in VERSIONS.items():
                ciphers = [] if version == "TLSv1.3" else ["-cipher", "ALL:@SECLEVEL=0"]
                if self.takes(port, [argument, *ciphers]) != (half in halves):
                    sys.exit(f"the {half} endpoint at port {port} {'refuses' if half in halves else 'takes'} {version}")

    def cpu(self):
        """Seconds of CPU that master and workers have used, in the kernel's ticks of 10 ms."""
        master = self.process.pid
        children = pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()
        total = 0
        for pid in [master, *children]:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        # So that the next server may have the same name.
        shutil.rmtree(self.folder, ignore_errors=True)
