"""How the state of a key decides on a call: the table "Key states of AWS KMS keys" of the Developer Guide.

https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html. The cells are the numbers of its footnotes. The
columns up to Unavailable are as published in awsdocs/aws-kms-developer-guide (doc_source/key-state.md, 2020), the last
edition that can be read in whole; rows and columns that came later follow the operations' own pages (botocore 1.44.8):

* Creating: "you can manage key, but you cannot yet use it in cryptographic operations" (ReplicateKey).
* Updating: "you can use the keys in cryptographic operations, but you cannot replicate the new primary key or perform
  certain management operations, such as enabling or disabling these keys" (UpdatePrimaryRegion).
* PendingReplicaDeletion: as PendingDeletion, whose footnotes name both.
* RotateKeyOnDemand and ListKeyRotations take imported keys too, other than the older rotation operations.

Where the table says "[2] or [3]", it is [3] here: the code tells it from a disabled key.
"""

from __future__ import annotations

from .errors import AwsError, invalid_state, unsupported_operation

COLUMNS = (
    "Enabled",
    "Disabled",
    "PendingImport",
    "PendingDeletion",
    "PendingReplicaDeletion",
    "Unavailable",
    "Creating",
    "Updating",
)

_USE = "ok 1 5 3 3 11 14 ok"
_ANY = "ok ok ok ok ok ok ok ok"
_EDIT = "ok ok ok 3 3 ok ok ok"
_ROTATION = "7 1|7 6 3|7 3|7 7 14 15"
_IMPORT = "9 9 ok 8|9 8|9 9 14 15"

# operation: one cell a column
_ROWS = {
    "CancelKeyDeletion": "4 4 4 ok ok 4 4 4",
    "CreateAlias": _EDIT,
    "CreateGrant": "ok 1 5 3 3 ok 14 ok",
    "Decrypt": _USE,
    "DeleteAlias": _ANY,
    "DeleteImportedKeyMaterial": "9 9 ok 9 9 9 14 15",
    "DescribeKey": _ANY,
    "DisableKey": "ok ok 5 3 3 ok 14 15",
    "DisableKeyRotation": _ROTATION,
    "EnableKey": "ok ok 5 3 3 ok 14 15",
    "EnableKeyRotation": _ROTATION,
    "Encrypt": _USE,
    "GenerateDataKey": _USE,
    "GenerateDataKeyWithoutPlaintext": _USE,
    "GenerateMac": _USE,
    "GetKeyLastUsage": _ANY,
    "GetKeyPolicy": _ANY,
    "GetKeyRotationStatus": "7 7 6 7 7 7 7 7",
    "GetParametersForImport": _IMPORT,
    "GetPublicKey": _USE,
    "ImportKeyMaterial": _IMPORT,
    "ListAliases": _ANY,
    "ListGrants": _ANY,
    "ListKeyPolicies": _ANY,
    "ListKeyRotations": "16 16 16 16 16 16 16 16",
    "ListResourceTags": _ANY,
    "PutKeyPolicy": _ANY,
    "ReEncrypt": _USE,
    "ReplicateKey": "ok 1 5 3 3 11 14 15",
    "RetireGrant": _ANY,
    "RevokeGrant": _ANY,
    "RotateKeyOnDemand": "16 1|16 5 3|16 3|16 16 14 15",
    "ScheduleKeyDeletion": "ok ok ok 3 3 ok ok 15",
    "Sign": _USE,
    "TagResource": _EDIT,
    "UntagResource": _EDIT,
    "UpdateAlias": "ok ok ok 10 10 ok ok ok",
    "UpdateKeyDescription": _EDIT,
    "UpdatePrimaryRegion": "ok 1 5 3 3 11 14 15",
    "Verify": _USE,
    "VerifyMac": _USE,
}

TABLE: dict[str, dict[str, str]] = {
    operation: dict(zip(COLUMNS, cells.split(), strict=True)) for operation, cells in _ROWS.items()
}

# Footnotes that refuse in any case. [10] is the destination of an alias; the caller asks for no other key.
_PLAIN = {
    "1": ("DisabledException", "{arn} is disabled."),
    "3": ("KMSInvalidStateException", "{arn} is pending deletion (or pending replica deletion)."),
    "4": ("KMSInvalidStateException", "{arn} is not pending deletion (or pending replica deletion)."),
    "5": ("KMSInvalidStateException", "{arn} is pending import."),
    "6": ("UnsupportedOperationException", "{arn} origin is EXTERNAL which is not valid for this operation."),
    "10": ("KMSInvalidStateException", "{arn} is pending deletion (or pending replica deletion)."),
    "11": ("KMSInvalidStateException", "{arn} is unavailable."),
    "14": ("KMSInvalidStateException", "{arn} is creating."),
    "15": ("KMSInvalidStateException", "{arn} is updating."),
}
_CUSTOM = ("AWS_CLOUDHSM", "EXTERNAL_KEY_STORE")


def refusal(operation: str, state: str, origin: str, arn: str) -> AwsError | None:
    """The error of this operation on a key in that state; none when the state lets it through."""
    for footnote in _in_order(TABLE[operation][state]):
        if found := _footnote(footnote, origin, arn):
            return found
    return None


def _in_order(cell: str) -> list[str]:
    # "[1] or [7]": what the key can never do comes before what it cannot do now.
    return cell.split("|")[::-1]


def _footnote(footnote: str, origin: str, arn: str) -> AwsError | None:
    match footnote:
        case "ok":
            return None
        case "7":
            refused = origin == "EXTERNAL" or origin in _CUSTOM
        case "8":
            return invalid_state(f"{arn} is pending deletion (or pending replica deletion).")
        case "9":
            refused = origin != "EXTERNAL"
        case "16":
            # Not of AWS's numbering: [7] without imported keys.
            refused = origin in _CUSTOM
        case _:
            code, message = _PLAIN[footnote]
            return AwsError(code, message.format(arn=arn))
    if refused:
        return unsupported_operation(f"{arn} origin is {origin} which is not valid for this operation.")
    return None
