"""Who may use a key, worked out slowly, to compare with.

By AWS's documents, without Lockfast's code: IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements:
Condition operators"; AWS Organizations User Guide, "SCP evaluation", "RCP evaluation"; AWS KMS Developer Guide, "Key policies",
"Grants", "Key states". It knows the kinds of statements that world.py writes and stops at any other.

Two questions are answered of a principal and a key. `may`: in three values, where a condition on what the snapshot does not tell
(`kms:ViaService`, …) is neither true nor false. `exactly`: in two values, for every combination of what the snapshot does not
tell; that is the truth which three values can only approach.
"""

import collections
import itertools
import json
import re

NO, POSSIBLE, YES = 0, 1, 2
WORDS = ["no", "possible", "yes"]
ABSENT, UNKNOWN = object(), object()
MOST = 20_000  # combinations
CRYPTOGRAPHY_OFF = {"Disabled", "PendingDeletion"}
SESSION = "(session)"
CONTEXT = "kms:encryptioncontext:"


def listed(value):
    return value if isinstance(value, list) else [value]


def like(pattern, text, fold=False):
    """With * and ?."""
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(c, re.escape(c)) for c in pattern), text, re.S | (re.I if fold else 0)) is not None


def like_arn(pattern, text):
    """Segment by segment."""
    patterns, texts = pattern.split(":", 5), text.split(":", 5)
    return len(patterns) == len(texts) and all(map(like, patterns, texts))


def three(value):
    return YES if value else NO


class Snapshot:
    def __init__(self, path):
        kinds = collections.defaultdict(list)
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                found = json.loads(line).get("resource")
                if found:
                    kinds[found["type"]].append((found["name"], found["arn"], found["properties"]))
        managed = {arn: props["PolicyDocument"] for _, arn, props in kinds["AWS::IAM::ManagedPolicy"]}
        groups = {props["GroupName"]: self.held(props, managed) for _, _, props in kinds["AWS::IAM::Group"]}
        self.managed = managed
        self.principals = {}
        for _, arn, props in kinds["AWS::IAM::Role"] + kinds["AWS::IAM::User"]:
            boundary = props.get("PermissionsBoundary")
            self.principals[arn] = {
                "arn": arn, "account": arn.split(":")[4], "linked": ":role/aws-service-role/" in arn,
                "policies": self.held(props, managed) + [policy for group in props.get("Groups", []) for policy in groups[group]],
                "boundary": managed[boundary] if boundary else None,
                "tags": {tag["Key"].lower(): tag["Value"] for tag in props["Tags"]},
            }  # fmt: skip
        aliases = collections.defaultdict(list)
        for name, _, props in kinds["AWS::KMS::Alias"]:
            aliases[props["TargetKeyId"]].append(name)
        self.keys = {}
        for name, arn, props in kinds["AWS::KMS::Key"]:
            self.keys[arn] = {
                "arn": arn, "account": arn.split(":")[4], "policy": props["KeyPolicy"], "grants": props["Grants"], "state": props["KeyState"],
                "tags": {tag["Key"].lower(): tag["Value"] for tag in props["Tags"]}, "aliases": aliases[name],
            }  # fmt: skip
        self.organization = kinds["AWS::Organizations::Organization"][0][2]["Id"]
        self.levels = {}
        for _, _, account in kinds["AWS::Organizations::Account"]:
            for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
                policies = [props for _, _, props in kinds["AWS::Organizations::Policy"] if props["Type"] == kind]
                path = [step for step in account["Paths"][0].split("/")[1:] if step]
                hang = [[props["Content"] for props in policies if target in props["TargetIds"]] for target in path]
                self.levels[account["AccountId"], kind] = hang

    @staticmethod
    def held(props, managed):
        return [policy["PolicyDocument"] for policy in props["Policies"]] + [managed[arn] for arn in props["ManagedPolicyArns"]]


class Question:
    """One principal, one key, one action."""

    def __init__(self, snapshot, principal, key, action, context=None):
        self.snapshot, self.principal, self.key, self.action = snapshot, principal, key, action
        # Given: then all else that the snapshot does not tell is absent.
        self.context = context
        self.asked = collections.defaultdict(set)

    # --- The request ---

    def lookup(self, name):
        """The values, ABSENT or UNKNOWN."""
        lower = name.lower()
        principal, key = self.principal, self.key
        told = {
            "aws:principalarn": principal["arn"], "aws:principalaccount": principal["account"], "kms:calleraccount": principal["account"],
            "aws:principalorgid": self.snapshot.organization, "aws:principalisawsservice": "false", "aws:resourceaccount": key["account"],
        }  # fmt: skip
        if lower in told:
            return [told[lower]]
        for prefix, tags in (("aws:principaltag/", principal["tags"]), ("aws:resourcetag/", key["tags"])):
            if lower.startswith(prefix):
                value = tags.get(lower.removeprefix(prefix))
                return ABSENT if value is None else [value]
        if lower == "kms:resourcealiases":
            return key["aliases"] or ABSENT
        if self.context is None:
            return UNKNOWN
        return self.context.get(lower, ABSENT)

    def condition(self, operator, name, values):
        values = [str(value).lower() if isinstance(value, bool) else value for value in listed(values)]
        context = self.lookup(name)
        any_value, base = operator.startswith("ForAnyValue:"), operator.removeprefix("ForAnyValue:")
        if_exists, base = base.endswith("IfExists"), base.removesuffix("IfExists")
        if context is UNKNOWN:
            self.asked[name.lower()] |= {value.replace("*", "any") for value in values} if base != "Null" else {"some"}
            return POSSIBLE
        if base == "Null":
            return three((context is ABSENT) == (values == ["true"]))
        negated, base = "Not" in base, base.replace("Not", "")
        if context is ABSENT:
            return YES if if_exists else three(negated and not any_value)
        compare = {"StringEquals": lambda v, c: v == c, "StringLike": like, "ArnLike": like_arn, "Bool": lambda v, c: v.lower() == c.lower()}[base]
        patterns = []
        for value in values:
            variable = re.fullmatch(r"\$\{([^}]+)\}", value)
            if variable is None:
                assert "${" not in value, value
                patterns.append(value)
                continue
            # A variable without a value matches nothing.
            own = self.lookup(variable[1])
            assert own is not UNKNOWN and not negated, value
            patterns += [] if own is ABSENT else own
        matched = any(compare(pattern, own) for pattern in patterns for own in context)
        return three(matched != negated)

    def concerns(self, statement):
        """Action, resource and conditions."""
        assert set(statement) <= {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}, statement
        if "Action" in statement:
            action = any(like(pattern, self.action, True) for pattern in listed(statement["Action"]))
        else:
            action = not any(like(pattern, self.action, True) for pattern in listed(statement["NotAction"]))
        if not action:
            return NO
        if "Resource" in statement:
            resource = any(pattern == "*" or like_arn(pattern, self.key["arn"]) for pattern in listed(statement["Resource"]))
        else:
            resource = not any(pattern == "*" or like_arn(pattern, self.key["arn"]) for pattern in listed(statement["NotResource"]))
        if not resource:
            return NO
        found = YES
        for operator, keys in statement.get("Condition", {}).items():
            for name, values in keys.items():
                found = min(found, self.condition(operator, name, values))
        return found

    # --- Policies ---

    def says(self, policy):
        """Denied and allowed, by a policy that names no principals, or everybody."""
        denied = allowed = NO
        for statement in policy["Statement"]:
            assert statement.get("Principal", "*") == "*"
            if statement["Effect"] == "Deny":
                denied = max(denied, self.concerns(statement))
            else:
                allowed = max(allowed, self.concerns(statement))
        return denied, allowed

    def named(self, principals):
        """How a key policy's statement names the principal: by its account, as a role, otherwise."""
        account = role = direct = NO
        for name in ["*"] if principals == "*" else listed(principals["AWS"]):
            own = self.principal["arn"]
            if name == "*":
                direct = YES
            elif name in (f"arn:aws:iam::{self.principal['account']}:root", self.principal["account"]):
                account = YES
            elif name == own:
                if ":role/" in own:
                    role = YES
                else:
                    direct = YES
            elif ":assumed-role/" in name:
                head, session = name.rsplit("/", 1)
                if head == f"arn:aws:sts::{self.principal['account']}:assumed-role/{own.rsplit('/', 1)[1]}" and ":role/" in own:
                    direct = max(direct, self.condition("StringEquals", SESSION, session))
        return account, role, direct

    def grant(self, grant):
        if grant["GranteePrincipal"] != self.principal["arn"] or self.action.removeprefix("kms:") not in grant["Operations"]:
            return NO
        found = YES
        constraints = grant.get("Constraints", {})
        for kind in ("EncryptionContextSubset", "EncryptionContextEquals"):
            for name, value in constraints.get(kind, {}).items():
                found = min(found, self.condition("StringEquals", CONTEXT + name, value))
        if "EncryptionContextEquals" in constraints:
            wanted = {name.lower() for name in constraints["EncryptionContextEquals"]}
            if self.context is None:
                self.asked[CONTEXT + "another"].add("some")
                found = min(found, POSSIBLE)
            elif {name.removeprefix(CONTEXT) for name in self.context if name.startswith(CONTEXT)} != wanted:
                found = NO
        return found

    def answer(self):
        principal, key = self.principal, self.key
        assert principal["account"] == key["account"]
        denied, limits = NO, YES
        if not principal["linked"]:
            for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
                for level in self.snapshot.levels[principal["account"], kind]:
                    here = NO
                    for policy in level:
                        no, yes = self.says(policy)
                        denied, here = max(denied, no), max(here, yes)
                    limits = min(limits, here)
        identity, bounds = NO, YES
        for policy in principal["policies"]:
            no, yes = self.says(policy)
            denied, identity = max(denied, no), max(identity, yes)
        if principal["boundary"]:
            no, bounds = self.says(principal["boundary"])
            denied = max(denied, no)
        account = role = direct = NO
        for statement in key["policy"]["Statement"]:
            concerns = self.concerns(statement)
            ways = [min(concerns, way) for way in self.named(statement["Principal"])]
            if statement["Effect"] == "Deny":
                denied = max(denied, *ways)
            else:
                account, role, direct = map(max, (account, role, direct), ways)
        granted = max([self.grant(grant) for grant in key["grants"]], default=NO)
        # A boundary limits what a role is given by its ARN, not what a user or a session is given, and not grants.
        allowed = min(limits, max(direct, min(role, bounds), min(account, identity, bounds), granted))
        if key["state"] in CRYPTOGRAPHY_OFF:
            return NO
        return min(allowed, 2 - denied)


def may(snapshot, principal, key, action):
    question = Question(snapshot, snapshot.principals[principal], snapshot.keys[key], action)
    return question.answer()


def closed(snapshot, principal, key, action):
    """When the request has nothing that the snapshot does not tell."""
    return Question(snapshot, snapshot.principals[principal], snapshot.keys[key], action, {}).answer()


def exactly(snapshot, principal, key, action):
    """Whether always, sometimes or never; None where there are too many combinations."""
    question = Question(snapshot, snapshot.principals[principal], snapshot.keys[key], action)
    question.answer()
    names = sorted(question.asked)
    choices = [[ABSENT, *([value] for value in sorted(question.asked[name] | {"something else"}))] for name in names]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > MOST:
        return None
    found = set()
    for chosen in itertools.product(*choices):
        question.context = {name: value for name, value in zip(names, chosen) if value is not ABSENT}
        found.add(question.answer())
        assert POSSIBLE not in found
        if len(found) == 2:
            return POSSIBLE
    return found.pop()
