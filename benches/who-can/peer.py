"""Ask Principal Mapper about pairs of a principal and a key. Run by run.py, in a Python that has it.

    python peer.py SNAPSHOT PAIRS ACTION

PAIRS is a JSON list of [principal, key]. Prints {"load", "cpu", "wall", "answers"}: seconds to build its nodes and policies, and to
answer all pairs, without the former; the answers in order. It has one thread.
"""

import collections
import collections.abc
import json
import pathlib
import sys
import time

# Version 1.1.5, the last, takes these from where Python 3.10 no longer has them.
collections.Mapping, collections.MutableMapping = collections.abc.Mapping, collections.abc.MutableMapping

from principalmapper.common import Group, Node, Policy  # noqa: E402
from principalmapper.querying.query_interface import local_check_authorization_full  # noqa: E402


def main():
    path, pairs, action = sys.argv[1:]
    start = time.perf_counter()
    kinds = collections.defaultdict(list)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            found = json.loads(line).get("resource")
            if found:
                kinds[found["type"]].append((found["arn"], found["properties"]))
    managed = {arn: Policy(arn, props["ManagedPolicyName"], props["PolicyDocument"]) for arn, props in kinds["AWS::IAM::ManagedPolicy"]}

    def held(arn, props):
        inline = [Policy(arn, policy["PolicyName"], policy["PolicyDocument"]) for policy in props["Policies"]]
        return inline + [managed[name] for name in props["ManagedPolicyArns"]]

    groups = {props["GroupName"]: Group(arn, held(arn, props)) for arn, props in kinds["AWS::IAM::Group"]}
    nodes = {}
    for arn, props in kinds["AWS::IAM::Role"] + kinds["AWS::IAM::User"]:
        boundary = props.get("PermissionsBoundary")
        nodes[arn] = Node(
            arn, props.get("RoleId") or props["UserId"], held(arn, props), [groups[name] for name in props.get("Groups", [])],
            props.get("AssumeRolePolicyDocument"), None, 0, False, False, managed[boundary] if boundary else None, False,
            {tag["Key"]: tag["Value"] for tag in props["Tags"]},
        )  # fmt: skip
    account = next(arn for arn in nodes).split(":")[4]
    limits = [props for _, props in kinds["AWS::Organizations::Policy"] if props["Type"] == "SERVICE_CONTROL_POLICY"]
    member = next(props for _, props in kinds["AWS::Organizations::Account"] if props["AccountId"] == account)
    steps = [step for step in member["Paths"][0].split("/")[1:] if step]
    scps = [[Policy(policy["PolicyId"], policy["Name"], policy["Content"]) for policy in limits if step in policy["TargetIds"]] for step in steps]
    (organization,) = (props["Id"] for _, props in kinds["AWS::Organizations::Organization"])
    keys = {}
    for arn, props in kinds["AWS::KMS::Key"]:
        # What it does not find out itself, of what the snapshot tells.
        context = {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in props["Tags"]}
        context |= {"aws:PrincipalOrgID": organization, "kms:CallerAccount": account, "aws:PrincipalIsAWSService": "false"}
        keys[arn] = props["KeyPolicy"], context
    asked = [(nodes[principal], key, *keys[key]) for principal, key in json.loads(pathlib.Path(pairs).read_text())]
    load = time.perf_counter() - start
    wall, cpu = time.perf_counter(), time.process_time()
    answers = [local_check_authorization_full(node, action, key, context, policy, account, scps) for node, key, policy, context in asked]
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    json.dump({"load": load, "cpu": cpu, "wall": wall, "answers": answers}, sys.stdout)


main()
