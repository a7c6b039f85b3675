"""Who may do what: key policies, identity policies, service control policies, the lockout check, grants."""

from __future__ import annotations

import unittest
from typing import Any

from kmsfake import policy
from kmsfake.errors import AwsError, Unsupported

from .support import ACCOUNT, DAY, HERE, OTHER, ROOT, Case, allow, document, key_policy, role, statement

CONTEXT = {"tenant": "blue", "stage": "prod"}


def by(name: str, account: str = ACCOUNT) -> dict[str, str]:
    return {"AWS": role(name, account)}


class Policies(Case):
    def test_the_account_delegates(self) -> None:
        key = self.key()
        reader = self.caller("Reader", allow("kms:Describe*"))
        reader.describe_key(KeyId=key)
        message = self.refused("AccessDeniedException", reader.disable_key, KeyId=key)
        self.assertIn("kms:DisableKey", message)
        self.assertIn(":assumed-role/Reader/", message)
        nobody = self.caller("Nobody")
        self.refused("AccessDeniedException", nobody.describe_key, KeyId=key)
        self.refused("AccessDeniedException", nobody.list_keys)
        self.refused("AccessDeniedException", nobody.create_key)

    def test_without_delegation_identity_policies_say_nothing(self) -> None:
        admin = self.caller("Admin", allow("kms:*"))
        alone = key_policy(statement("Allow", ["kms:*"], Principal=by("Admin")), delegated=False)
        key = self.key(admin, Policy=alone)
        self.refused("AccessDeniedException", self.caller("Reader", allow("kms:*")).describe_key, KeyId=key)
        # Not the root user either: there is no trust in the account that the policy does not state.
        self.refused("AccessDeniedException", self.kms.describe_key, KeyId=key)
        # And the one it names needs nothing more.
        self.fake.control("identity", {role("Admin"): []})
        admin.describe_key(KeyId=key)

    def test_everyone_is_named_directly(self) -> None:
        key = self.key(Policy=key_policy(statement("Allow", ["kms:DescribeKey"], Principal="*")))
        self.caller("Nobody").describe_key(KeyId=key)

    def test_an_explicit_deny_wins(self) -> None:
        key = self.key(Policy=key_policy(statement("Deny", ["kms:DisableKey"], Principal="*")))
        self.assertIn("explicit deny", self.refused("AccessDeniedException", self.kms.disable_key, KeyId=key))
        denied = document(statement("Allow", ["kms:*"]), statement("Deny", ["kms:EnableKey"]))
        admin = self.caller("Admin", denied)
        self.refused("AccessDeniedException", admin.enable_key, KeyId=key)
        admin.describe_key(KeyId=key)

    def test_only_one_role_deletes(self) -> None:
        condition = {"ArnNotEquals": {"aws:PrincipalArn": role("Deleter")}}
        guard = statement("Deny", ["kms:ScheduleKeyDeletion"], Principal="*", Condition=condition)
        key = self.key(Policy=key_policy(guard))
        self.refused("AccessDeniedException", self.kms.schedule_key_deletion, KeyId=key)
        self.refused("AccessDeniedException", self.caller("Admin", allow("kms:*")).schedule_key_deletion, KeyId=key)
        self.caller("Deleter", allow("kms:*")).schedule_key_deletion(KeyId=key)

    def test_the_window_is_a_condition(self) -> None:
        condition = {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "14"}}
        key = self.key(Policy=key_policy(statement("Deny", ["kms:*"], Principal="*", Condition=condition)))
        self.refused("AccessDeniedException", self.kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=13)
        # Other operations have no window, and a missing value holds for no operator that is not negated.
        self.kms.describe_key(KeyId=key)
        self.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=14)

    def test_the_bypass_is_a_condition(self) -> None:
        condition = {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": True}}
        key = self.key(Policy=key_policy(statement("Deny", ["kms:*"], Principal="*", Condition=condition)))
        bypass = {"BypassPolicyLockoutSafetyCheck": True}
        self.refused("AccessDeniedException", self.kms.put_key_policy, KeyId=key, Policy=key_policy(), **bypass)
        self.kms.put_key_policy(KeyId=key, Policy=key_policy())

    def test_the_context_is_a_condition(self) -> None:
        condition = {"StringEquals": {"kms:EncryptionContext:tenant": "blue"}}
        key = self.key(Policy=key_policy(statement("Allow", ["kms:Encrypt"], Principal=by("App"), Condition=condition)))
        app = self.caller("App")
        app.encrypt(KeyId=key, Plaintext=b"data", EncryptionContext=CONTEXT)
        self.refused("AccessDeniedException", app.encrypt, KeyId=key, Plaintext=b"data")
        other = CONTEXT | {"tenant": "green"}
        self.refused("AccessDeniedException", app.encrypt, KeyId=key, Plaintext=b"data", EncryptionContext=other)

    def test_via_a_service(self) -> None:
        condition = {"StringEquals": {"kms:ViaService": f"s3.{HERE}.amazonaws.com"}}
        key = self.key(
            Policy=key_policy(
                statement("Allow", ["kms:Decrypt", "kms:Encrypt"], Principal=by("App"), Condition=condition)
            )
        )
        self.refused("AccessDeniedException", self.caller("App").encrypt, KeyId=key, Plaintext=b"data")
        self.fake.control("callers", {"AKIAVIA": {"arn": role("App"), "via_service": f"s3.{HERE}.amazonaws.com"}})
        self.fake.client("AKIAVIA").encrypt(KeyId=key, Plaintext=b"data")

    def test_sessions_act_as_their_role(self) -> None:
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/night"
        self.fake.control("callers", {"AKIASESSION": session})
        client = self.fake.client("AKIASESSION")
        by_role = self.key(Policy=key_policy(statement("Allow", ["kms:DescribeKey"], Principal=by("Deployer"))))
        by_session = self.key(Policy=key_policy(statement("Allow", ["kms:DescribeKey"], Principal={"AWS": session})))
        client.describe_key(KeyId=by_role)
        client.describe_key(KeyId=by_session)
        self.refused("AccessDeniedException", client.describe_key, KeyId=self.key())

    def test_across_accounts_both_sides_agree(self) -> None:
        key = self.key(Policy=key_policy(statement("Allow", ["kms:*"], Principal={"AWS": OTHER})))
        lone = self.caller("Lone", account=OTHER)
        self.refused("AccessDeniedException", lone.encrypt, KeyId=key, Plaintext=b"data")
        partner = self.caller("Partner", allow("kms:*", resource=key), account=OTHER)
        blob = partner.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
        self.assertEqual(partner.decrypt(CiphertextBlob=blob)["Plaintext"], b"data")
        # Administration stays at home, whatever the policies say.
        self.refused("AccessDeniedException", partner.schedule_key_deletion, KeyId=key)
        closed = self.key()
        self.caller("Partner", allow("kms:*"), account=OTHER)
        self.refused("AccessDeniedException", partner.describe_key, KeyId=closed)

    def test_service_control_policies(self) -> None:
        key = self.key()
        full = document(statement("Allow", ["*"]))
        guard = document(
            statement("Deny", ["kms:ScheduleKeyDeletion"], Condition={"ArnNotLike": {"aws:PrincipalArn": role("Del*")}})
        )
        self.fake.control("scps", {ACCOUNT: [full, guard]})
        message = self.refused("AccessDeniedException", self.kms.schedule_key_deletion, KeyId=key)
        self.assertIn("service control policy", message)
        self.caller("Deleter", allow("kms:*")).schedule_key_deletion(KeyId=key)
        self.fake.control("scps", {ACCOUNT: [allow("kms:DescribeKey")]})
        self.kms.describe_key(KeyId=key)
        self.refused("AccessDeniedException", self.kms.list_keys)

    def test_denied_before_the_state_is_told(self) -> None:
        key = self.key()
        self.kms.disable_key(KeyId=key)
        self.refused("AccessDeniedException", self.caller("Nobody").encrypt, KeyId=key, Plaintext=b"data")

    def test_a_statement_without_action_is_without_effect(self) -> None:
        key = self.key(Policy=key_policy({"Effect": "Deny", "Principal": "*", "Resource": "*"}))
        self.kms.describe_key(KeyId=key)


class Lockout(Case):
    def test_who_locks_oneself_out_is_stopped(self) -> None:
        admin = self.caller("Admin", allow("kms:*"))
        others = key_policy(statement("Allow", ["kms:*"], Principal=by("Other")), delegated=False)
        key = self.key()
        for call, more in ((admin.create_key, {}), (admin.put_key_policy, {"KeyId": key})):
            message = self.refused("MalformedPolicyDocumentException", call, Policy=others, **more)
            self.assertIn("in the future", message)
        admin.put_key_policy(KeyId=key, Policy=others, BypassPolicyLockoutSafetyCheck=True)
        self.assertEqual(self.caller("Other").get_key_policy(KeyId=key)["Policy"], others)
        self.refused("AccessDeniedException", admin.put_key_policy, KeyId=key, Policy=key_policy())

    def test_a_deny_locks_out_too(self) -> None:
        denied = key_policy(statement("Deny", ["kms:PutKeyPolicy"], Principal="*"))
        self.refused("MalformedPolicyDocumentException", self.kms.put_key_policy, KeyId=self.key(), Policy=denied)

    def test_malformed(self) -> None:
        key = self.key()
        malformed = [
            "{",
            "{}",
            key_policy(statement("Perhaps", ["kms:*"], Principal="*")),
            key_policy(statement("Allow", ["kms:*"])),
        ]
        malformed.append(key_policy(statement("Allow", ["kms:*"], Principal={"AWS": "arn:aws:iam::1:role/*"})))
        for one in malformed:
            self.refused("MalformedPolicyDocumentException", self.kms.put_key_policy, KeyId=key, Policy=one)
        long = key_policy(statement("Allow", ["kms:*"] * 6000, Principal="*"))
        self.refused("LimitExceededException", self.kms.put_key_policy, KeyId=key, Policy=long)
        self.refused("ValidationException", self.kms.put_key_policy, KeyId=key, Policy=key_policy(), PolicyName="mine")
        self.assertEqual(self.kms.list_key_policies(KeyId=key)["PolicyNames"], ["default"])


class Grants(Case):
    def grant(self, key: str, name: str, *operations: str, **more: Any) -> dict[str, Any]:
        return self.kms.create_grant(KeyId=key, GranteePrincipal=role(name), Operations=list(operations), **more)

    def test_a_grant_is_enough(self) -> None:
        key, app = self.key(), self.caller("App")
        self.refused("AccessDeniedException", app.encrypt, KeyId=key, Plaintext=b"data")
        made = self.grant(key, "App", "Encrypt", "Decrypt")
        blob = app.encrypt(KeyId=key, Plaintext=b"data")["CiphertextBlob"]
        app.decrypt(CiphertextBlob=blob)
        self.refused("AccessDeniedException", app.describe_key, KeyId=key)
        self.kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
        self.refused("AccessDeniedException", app.decrypt, CiphertextBlob=blob)

    def test_a_deny_wins_over_it(self) -> None:
        key = self.key(Policy=key_policy(statement("Deny", ["kms:Encrypt"], Principal=by("App"))))
        self.grant(key, "App", "Encrypt")
        self.refused("AccessDeniedException", self.caller("App").encrypt, KeyId=key, Plaintext=b"data")

    def test_constraints(self) -> None:
        app = self.caller("App")
        subset, equals = self.key(), self.key()
        self.grant(subset, "App", "Encrypt", Constraints={"EncryptionContextSubset": {"TENANT": "blue"}})
        self.grant(equals, "App", "Encrypt", Constraints={"EncryptionContextEquals": {"TENANT": "blue"}})
        data = {"Plaintext": b"data"}
        # Keys of the context whatever their case, values in theirs.
        app.encrypt(KeyId=subset, EncryptionContext=CONTEXT, **data)
        app.encrypt(KeyId=equals, EncryptionContext={"tenant": "blue"}, **data)
        self.refused("AccessDeniedException", app.encrypt, KeyId=subset, EncryptionContext={"tenant": "BLUE"}, **data)
        self.refused("AccessDeniedException", app.encrypt, KeyId=equals, EncryptionContext=CONTEXT, **data)
        self.refused("AccessDeniedException", app.encrypt, KeyId=subset, **data)

    def test_names_make_it_repeatable(self) -> None:
        key = self.key()
        one, again = self.grant(key, "App", "Encrypt", Name="n"), self.grant(key, "App", "Encrypt", Name="n")
        self.assertEqual(one["GrantId"], again["GrantId"])
        self.assertNotEqual(one["GrantToken"], again["GrantToken"])
        self.assertNotEqual(one["GrantId"], self.grant(key, "App", "Decrypt", Name="n")["GrantId"])
        unnamed = [self.grant(key, "App", "Encrypt")["GrantId"] for _ in range(2)]
        self.assertEqual(len({one["GrantId"], *unnamed}), 3)
        self.assertEqual(len(self.kms.list_grants(KeyId=key)["Grants"]), 4)

    def test_tokens_count_at_once(self) -> None:
        key, app = self.key(), self.caller("App")
        self.fake.control("delays", {"grant": 300})
        token = self.grant(key, "App", "Encrypt")["GrantToken"]
        self.refused("AccessDeniedException", app.encrypt, KeyId=key, Plaintext=b"data")
        app.encrypt(KeyId=key, Plaintext=b"data", GrantTokens=[token])
        self.refused("InvalidGrantTokenException", app.encrypt, KeyId=key, Plaintext=b"data", GrantTokens=["no"])
        self.advance(301 / DAY)
        app.encrypt(KeyId=key, Plaintext=b"data")

    def test_retired_by_whom_it_names(self) -> None:
        key = self.key()
        janitor, app = self.caller("Janitor"), self.caller("App")
        made = self.grant(key, "App", "Encrypt", RetiringPrincipal=role("Janitor"))
        self.refused("AccessDeniedException", app.retire_grant, KeyId=key, GrantId=made["GrantId"])
        self.refused("AccessDeniedException", janitor.list_retirable_grants, RetiringPrincipal=role("Janitor"))
        found = self.kms.list_retirable_grants(RetiringPrincipal=role("Janitor"))["Grants"]
        self.assertEqual([one["GrantId"] for one in found], [made["GrantId"]])
        self.assertEqual((found[0]["KeyId"], found[0]["IssuingAccount"]), (key, ROOT))
        janitor.retire_grant(GrantToken=made["GrantToken"])
        self.assertEqual(self.kms.list_grants(KeyId=key)["Grants"], [])
        own = self.grant(key, "App", "Encrypt", "RetireGrant")
        app.retire_grant(KeyId=key, GrantId=own["GrantId"])

    def test_children_widen_nothing(self) -> None:
        key, app = self.key(), self.caller("App")
        self.grant(key, "App", "Encrypt", "CreateGrant", Constraints={"EncryptionContextSubset": {"tenant": "blue"}})
        child = {"KeyId": key, "GranteePrincipal": role("Child")}
        self.refused("AccessDeniedException", app.create_grant, Operations=["Encrypt"], **child)
        self.refused("AccessDeniedException", app.create_grant, Operations=["Decrypt"], **child)
        app.create_grant(Operations=["Encrypt"], Constraints={"EncryptionContextSubset": CONTEXT}, **child)

    def test_what_a_grant_cannot_give(self) -> None:
        self.refused("ValidationException", self.grant, self.key(), "App", "Sign")
        self.refused("ValidationException", self.grant, self.key(), "App", "ScheduleKeyDeletion")

    def test_dry_runs_do_nothing(self) -> None:
        key = self.key()
        self.refused("DryRunOperationException", self.grant, key, "App", "Encrypt", DryRun=True)
        self.assertEqual(self.kms.list_grants(KeyId=key)["Grants"], [])
        app = self.caller("App")
        self.refused("AccessDeniedException", app.encrypt, KeyId=key, Plaintext=b"data", DryRun=True)
        self.refused("DryRunOperationException", self.kms.encrypt, KeyId=key, Plaintext=b"data", DryRun=True)


class Evaluator(unittest.TestCase):
    """The operators, without a server: what holds, and what nobody may guess at."""

    def holds(self, operator: str, wanted: Any, value: str | None) -> bool:
        facts = {} if value is None else {"aws:principalarn": value}
        block = {operator: {"aws:PrincipalArn": wanted}}
        said = policy.ask_plain(
            [policy.plain_policy(document(statement("Allow", ["kms:*"], Condition=block)))],
            policy.Request("kms:Encrypt", "arn", facts),
        )
        return said.allows

    def test_operators(self) -> None:
        deployer, pattern = role("Deployer"), role("Dep*")
        for operator, wanted, value, holds in (
            ("StringEquals", deployer, deployer, True),
            ("StringEquals", [role("Other"), deployer], deployer, True),
            ("StringEquals", pattern, deployer, False),
            ("StringLike", pattern, deployer, True),
            ("StringLike", "*[D]eployer", deployer, False),
            ("StringNotEquals", [role("Other"), deployer], deployer, False),
            ("StringNotEquals", role("Other"), deployer, True),
            ("ArnEquals", pattern, deployer, True),
            ("ArnLike", "arn:aws:iam::*:role/Deployer", deployer, True),
            ("ArnLike", "arn:*:role/Deployer", deployer, False),
            ("ArnNotEquals", deployer, deployer, False),
            ("ArnNotLike", role("Other"), deployer, True),
            ("Bool", "true", "True", True),
            ("Bool", True, "false", False),
            ("NumericLessThan", 7, "6", True),
            ("NumericLessThan", "7", "7", False),
            ("NumericGreaterThan", "7", "30", True),
            ("Null", "true", deployer, False),
            ("Null", "false", deployer, True),
        ):
            with self.subTest(operator=operator, wanted=wanted, value=value):
                self.assertEqual(self.holds(operator, wanted, value), holds)

    def test_a_missing_key(self) -> None:
        for operator in ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "Bool", "NumericLessThan"):
            self.assertFalse(self.holds(operator, "x", None), operator)
            self.assertTrue(self.holds(operator + "IfExists", "x", None), operator)
        for operator in ("StringNotEquals", "ArnNotEquals", "ArnNotLike"):
            self.assertTrue(self.holds(operator, "x", None), operator)
        self.assertTrue(self.holds("Null", "true", None))

    def test_what_is_not_known(self) -> None:
        unknown = (
            {"Condition": {"IpAddress": {"aws:PrincipalArn": "10.0.0.0/8"}}},
            {"Condition": {"ForAnyValue:StringEquals": {"aws:PrincipalArn": "x"}}},
            {"Condition": {"NullIfExists": {"aws:PrincipalArn": "true"}}},
            {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "x"}}},
            {"Condition": {"StringEquals": {"aws:PrincipalArn": "${aws:username}"}}},
            {"Resource": "arn:aws:kms:*:*:key/${aws:username}"},
            {"NotPrincipal": "*"},
        )
        for more in unknown:
            with self.subTest(more=more), self.assertRaises(Unsupported):
                policy.plain_policy(document(statement("Deny", ["kms:*"], **more)))
        with self.assertRaises(AwsError):
            policy.plain_policy(document(statement("Deny", ["kms:*"], Conditions={})))

    def test_actions_and_resources(self) -> None:
        def applies(resource: str = "arn:aws:kms:r:1:key/a", action: str = "kms:Encrypt", **elements: Any) -> bool:
            one = {"Effect": "Allow"} | elements
            return policy.ask_plain([policy.plain_policy(document(one))], policy.Request(action, resource)).allows

        self.assertTrue(applies(Action="KMS:enc*", Resource="*"))
        self.assertTrue(applies(NotAction="kms:Decrypt", Resource="arn:aws:kms:*:1:key/*"))
        self.assertFalse(applies(NotAction=["kms:Encrypt"], Resource="*"))
        self.assertFalse(applies(Action="kms:*", NotResource="arn:aws:kms:r:1:key/a"))
        self.assertFalse(applies(Action="kms:*", Resource="arn:aws:kms:r:1:key/A"))
        self.assertFalse(applies(Action="kms:*"))
