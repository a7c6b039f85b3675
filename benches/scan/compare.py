"""Prowler and Lockfast on the same seeded moto: requests, CPU, memory, and who finds what."""

import collections
import dataclasses
import json
import pathlib
import subprocess
import sys

from common import CACHE, HERE, ROOT, Server, free_port, measure, met, must, say, table, text_of

REGIONS = ["eu-central-1", "eu-west-1", "us-east-1"]
ACCOUNT = "111111111111"

# What both read: Prowler's names, and Lockfast's, which are IAM prefixes.
SERVICES = [
    ("acm", "acm"), ("apigateway apigatewayv2", "apigateway"), ("appsync", "appsync"), ("athena", "athena"), ("backup", "backup"),
    ("cloudformation", "cloudformation"), ("cloudfront", "cloudfront"), ("cloudtrail", "cloudtrail"),
    ("cloudwatch", "cloudwatch logs"), ("config", "config"), ("dynamodb", "dynamodb"), ("ec2 vpc", "ec2"), ("ecr", "ecr"),
    ("ecs", "ecs"), ("efs", "elasticfilesystem"), ("elb elbv2", "elasticloadbalancing"), ("opensearch", "es"),
    ("eventbridge", "events"), ("firehose", "firehose"), ("fsx", "fsx"), ("glue", "glue"), ("iam", "iam"), ("kafka", "kafka"),
    ("kinesis", "kinesis"), ("kms", "kms"), ("awslambda", "lambda"), ("mq", "mq"), ("organizations", "organizations"),
    ("rds neptune documentdb", "rds"), ("redshift", "redshift"), ("s3", "s3"), ("sagemaker", "sagemaker"),
    ("secretsmanager", "secretsmanager"), ("sns", "sns"), ("sqs", "sqs"), ("ssm", "ssm"), ("stepfunctions", "states"),
]  # fmt: skip
# Prowler stops reading these in a region at something that moto leaves out of an answer (KeyError), so neither is asked.
LEFT_OUT = ["dms", "elasticache", "memorydb"]

# What it is called, and who says so of which types of resource: Prowler's checks, Lockfast's controls.
SUBJECTS = [
    ("unencrypted RDS instance", ["rds_instance_storage_encrypted"], ["rds-storage-encrypted"], ["RDS::DBInstance"]),
    ("unencrypted RDS snapshot", ["rds_snapshots_encrypted"], ["every-store-encrypted"], ["RDS::DBSnapshot", "RDS::ClusterSnapshot"]),
    ("unencrypted EBS volume", ["ec2_ebs_volume_encryption"], ["every-store-encrypted"], ["EC2::Volume"]),
    ("unencrypted EBS snapshot", ["ec2_ebs_snapshots_encrypted"], ["every-store-encrypted", "aes-256-at-rest"], ["EC2::Snapshot"]),
    ("public EBS or RDS snapshot", ["ec2_ebs_public_snapshot", "rds_snapshots_public_access"], [], []),
    ("unencrypted EFS file system", ["efs_encryption_at_rest_enabled"], ["every-store-encrypted"], ["EFS::FileSystem"]),
    ("unencrypted queue", ["sqs_queues_server_side_encryption_enabled"], ["every-store-encrypted"], ["SQS::Queue"]),
    ("log group without a customer's key", ["cloudwatch_log_group_kms_encryption_enabled"], ["cwl-log-group-encrypted"], ["Logs::LogGroup"]),
    ("key that does not rotate", ["kms_cmk_rotation_enabled"], ["key-rotation"], ["KMS::Key", "KMS::ReplicaKey"]),
    ("key open to other accounts", ["kms_key_not_publicly_accessible"], ["key-cross-account-access"], ["KMS::Key", "KMS::ReplicaKey"]),
    ("bucket that takes plain HTTP", ["s3_bucket_secure_transport_policy"], ["s3-refuses-plain-http"], ["S3::Bucket"]),
    ("load balancer with a plain HTTP listener", ["elbv2_ssl_listeners"], ["public-listener-tls", "internal-balancer-encrypted", "http-redirects-to-https"], ["ElasticLoadBalancingV2::Listener"]),
    ("listener with old TLS or ciphers", ["elbv2_insecure_ssl_ciphers"], ["transit-tls-minimum"], ["ElasticLoadBalancingV2::Listener"]),
    ("table without point-in-time recovery", ["dynamodb_tables_pitr_enabled"], ["dynamodb-point-in-time-recovery"], ["DynamoDB::Table"]),
    ("secret in a plain SSM parameter", [], ["parameters-secure-string"], ["SSM::Parameter"]),
]  # fmt: skip


def words(pairs, side):
    return [name for pair in pairs for name in pair[side].split()]


def prowler_python(given):
    """Prowler's own venv: its pinned dependencies go with nobody else's."""
    if given:
        return pathlib.Path(given)
    python = CACHE / "prowler-venv" / "bin" / "python"
    if not (python.parent / "prowler").exists():
        say(f"installing Prowler into {python.parent.parent}")
        subprocess.run(["python3.11", "-m", "venv", str(python.parent.parent)], check=True)
        pins = str(HERE / "requirements.txt")
        subprocess.run([str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", pins], check=True)
    return python


def checks_of(python, category):
    """The checks of a category in the compared services."""
    where = "import importlib.util as u; print(u.find_spec('prowler').submodule_search_locations[0])"
    services = pathlib.Path(text_of([python, "-c", where])) / "providers" / "aws" / "services"
    checks = []
    for service in words(SERVICES, 0):
        for file in sorted((services / service).glob("*/*.metadata.json")):
            if category in json.loads(file.read_text())["Categories"]:
                checks.append(file.parent.name)
    return checks


class Moto:
    """moto, seeded, which writes down each request."""

    def __init__(self, python, scratch, scale):
        self.python, self.scratch = python, scratch
        self.counts = scratch / "counts"
        port = free_port()
        command = [python, HERE / "moto_counted.py", "-p", port]
        env = {"COUNTS": str(self.counts), "END_WITH_STDIN": "1"}
        self.server = Server(command, port, env, scratch / "moto.log")
        self.url = self.server.url
        self.credentials = scratch / "credentials"
        say("seeding moto")
        seed = [python, ROOT / "tests" / "moto" / "seed.py", "--endpoint", self.url, "--credentials", self.credentials, "--scale", scale]
        done = subprocess.run([str(s) for s in seed], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"the seed failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def environment(self):
        return {
            "AWS_SHARED_CREDENTIALS_FILE": str(self.credentials), "AWS_PROFILE": "management", "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGIONS[0], "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
            # Nothing but moto answers: whatever else is asked for fails at once.
            "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost",
        }  # fmt: skip

    def since(self, mark):
        """Requests after a place in the file: by service, and how many had no answer of AWS's."""
        with open(self.counts) as file:
            file.seek(mark)
            rows = [line.split() for line in file]
        by_service = collections.Counter(service for service, _, _ in rows)
        return by_service, sum(int(code) >= 500 for _, _, code in rows)

    def mark(self):
        return self.counts.stat().st_size if self.counts.exists() else 0


class Prowler:
    """All its checks of the services, or those of a category, which it does not take together with services."""

    def __init__(self, python, category=None):
        self.name = f"Prowler, only its checks of `{category}`" if category else "Prowler"
        self.what = ["--check", *checks_of(python, category)] if category else ["--service", *words(SERVICES, 0)]
        self.shown = f"--check (those of the category {category} in these services)" if category else " ".join(self.what)
        self.binary = python.parent / "prowler"
        self.version = text_of([python, "-c", "import importlib.metadata as m; print(m.version('prowler'))"])

    def arguments(self, what):
        return [
            "aws", "--region", *REGIONS, *what, "--output-formats", "json-ocsf",
            "--output-directory", "prowler-out", "--output-filename", "prowler", "--no-banner", "--no-color", "--ignore-exit-code-3",
            "--aws-retries-max-attempts", "0", "--log-level", "ERROR", "--log-file", "prowler.log",
        ]  # fmt: skip

    def command(self, scratch, url):
        (scratch / "prowler-out" / "prowler.ocsf.json").unlink(missing_ok=True)
        (scratch / "prowler.log").unlink(missing_ok=True)
        return [self.binary, *self.arguments(self.what)]

    def findings(self, scratch):
        rows = json.loads((scratch / "prowler-out" / "prowler.ocsf.json").read_text())
        said = collections.Counter(row["status_code"] for row in rows)
        failed = [(row["metadata"]["event_code"], "", row["resources"][0]["uid"]) for row in rows if row["status_code"] == "FAIL"]
        resources = {row["resources"][0]["uid"] for row in rows}
        return said.get("FAIL", 0), sum(said.values()), len(resources), failed


class Lockfast:
    name = "lockfast"

    def __init__(self, binary):
        self.binary = binary
        self.version = text_of([binary, "--version"]).split()[-1]

    def arguments(self, url):
        return [
            "scan", "--endpoint-url", url, "--region", ",".join(REGIONS), "--service", ",".join(words(SERVICES, 1)),
            "--attempts", "1", "--snapshot", "moto.snapshot", "--quiet", "-o", "json=moto.json",
        ]  # fmt: skip

    def command(self, scratch, url):
        (scratch / "moto.snapshot").unlink(missing_ok=True)
        return [self.binary, *self.arguments(url)]

    def findings(self, scratch):
        report = json.loads((scratch / "moto.json").read_text())
        rows = report["findings"]
        failed = [
            (row["control"], row["resource"]["type"].removeprefix("AWS::"), row["resource"].get("arn") or row["resource"]["id"])
            for row in rows
            if row["verdict"] == "fail"
        ]
        return len(failed), len(rows), report["input"]["resources"], failed


@dataclasses.dataclass
class Result:
    tool: object
    runs: list
    by_service: dict
    unserved: int
    failed: int
    verdicts: int
    resources: int
    failures: list

    @property
    def best(self):
        return min(self.runs, key=lambda run: run.cpu)


def several(tool, moto, scratch, repeats):
    runs = []
    for _ in range(repeats):
        mark = moto.mark()
        command = tool.command(scratch, moto.url)
        run = must(measure(command, scratch, moto.environment()), (0, 1, 3))
        by_service, unserved = moto.since(mark)
        run.requests = sum(by_service.values())
        runs.append(run)
        say(f"{tool.name}: {run.requests} requests, {run.cpu:.2f} s CPU, {run.peak_mb:.0f} MB, {run.wall:.1f} s, exit {run.code}")
    return Result(tool, runs, by_service, unserved, *tool.findings(scratch))


def subject_of(arn):
    """Region and last part: tools write the rest of an ARN in several ways. A listener is its load balancer's."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return ("", arn.rsplit("/", 1)[-1])
    kind, *rest = parts[5].split("/")
    if kind in ("listener", "loadbalancer", "listener-rule"):
        return parts[3], "/".join(rest[:3])
    return parts[3], parts[5].replace(":", "/").rsplit("/", 1)[-1]


def who_finds_what(prowler, lockfast):
    rows = []
    for title, checks, controls, kinds in SUBJECTS:
        theirs = {subject_of(arn) for check, _, arn in prowler.failures if check in checks}
        ours = {subject_of(arn) for control, kind, arn in lockfast.failures if control in controls and kind in kinds}
        names = lambda some: ", ".join(sorted(name.rsplit("/", 1)[0] for _, name in some)[:2])  # noqa: E731
        only = [f"{who}: {names(some)}" for who, some in (("Prowler", theirs - ours), ("Lockfast", ours - theirs)) if some]
        rows.append((title, len(theirs), len(ours), len(theirs & ours), "; ".join(only) or "-"))
    return rows


def compare(binary, moto_python, prowler_given, scratch, scale, repeats):
    """The section of RESULTS.md."""
    python = prowler_python(prowler_given)
    moto = Moto(moto_python, scratch, scale)
    with moto.server:
        lockfast = several(Lockfast(binary), moto, scratch, repeats + 1)
        prowler = several(Prowler(python), moto, scratch, repeats)
        crypto = several(Prowler(python, "encryption"), moto, scratch, 1)
    return section(lockfast, prowler, crypto, scale)


def section(lockfast, prowler, crypto, scale):
    rows = []
    for result in (lockfast, prowler, crypto):
        best = result.best
        rows.append((
            f"{result.tool.name} {result.tool.version}", len(result.runs), best.requests, result.unserved, f"{best.cpu:.2f}",
            f"{max(run.peak_mb for run in result.runs):.0f}", f"{min(run.wall for run in result.runs):.1f}", result.resources,
            f"{result.verdicts:,}", f"{result.failed:,}",
        ))  # fmt: skip
    head = ["tool", "runs", "requests", "of them not served by moto", "CPU s", "peak MB", "wall s", "resources told of", "verdicts", "failures"]
    targets = []
    for peer in (prowler, crypto):
        ours, theirs = lockfast.best, peer.best
        memory = max(r.peak_mb for r in lockfast.runs) / max(r.peak_mb for r in peer.runs)
        for what, share, wanted in (
            ("requests", ours.requests / theirs.requests, 1 / 5),
            ("CPU", ours.cpu / theirs.cpu, 1 / 20),
            ("peak memory", memory, 1 / 5),
        ):
            targets.append((peer.tool.name, what, f"1/{1 / wanted:.0f}", f"1/{1 / share:.1f}", met(share <= wanted)))
    names = sorted(set(lockfast.by_service) | set(prowler.by_service), key=lambda n: -lockfast.by_service[n] - prowler.by_service[n])
    services = [(n, lockfast.by_service[n], prowler.by_service[n], crypto.by_service[n]) for n in names]
    order = ["services", "lockfast", "Prowler", "Prowler, `encryption`"]
    found = ["subject", "Prowler", "Lockfast", "both", "only one of them"]
    return f"""## Prowler and Lockfast on one account

The seeded moto of tests/moto (`--scale {scale}`), account {ACCOUNT}, regions {", ".join(REGIONS)}, {len(SERVICES)} services that both read
({", ".join(LEFT_OUT)} are left out: Prowler stops at what moto leaves out of their answers). Requests are counted by the server. Neither
retries, since moto answers what it does not know with a status that both would try again.

{table(head, rows)}

{table(["beside", "", "at most", "is", ""], targets)}

What the numbers do not say: Lockfast also reads what Prowler does not (grants and rotations of keys, tags of everything, listeners'
rules, values of plain parameters, images' and functions' keys, and the services that are left out here), and Prowler reads and
judges much that is no matter of encryption (network ACLs, password policies, the code of functions); some of its services make it
read others. The third row asks it only about encryption.

### Requests, by service

{table(order, services)}

### Who finds what

The resources that fail, by region and name. A load balancer counts once, however many of its listeners fail.

{table(found, who_finds_what(prowler, lockfast))}

### Configurations

Environment of both: `AWS_ENDPOINT_URL` of moto, `AWS_PROFILE=management`, `AWS_EC2_METADATA_DISABLED=true`, proxies for anything else at a
port where nobody listens.

    prowler {" ".join(prowler.tool.arguments([prowler.tool.shown]))}
    prowler {" ".join(crypto.tool.arguments([crypto.tool.shown]))}
    lockfast {" ".join(lockfast.tool.arguments("http://127.0.0.1:PORT"))}
"""
