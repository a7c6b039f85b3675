"""moto's server, with what is fixed that the tests need: the ids of member accounts, UpdateTable's SSESpecification,
and UpdateFunctionConfiguration's KMSKeyArn.

AWS Organizations gives a new account its id, and moto draws it at random. A scan of an organization takes the ids from
ListAccounts and assumes a role in each, so the account that the seed fills must be the one that is listed.
UpdateTable changes a table's key (Amazon DynamoDB API Reference, "UpdateTable"), and moto leaves it as it is.
So does UpdateFunctionConfiguration with a function's (AWS Lambda API Reference, "UpdateFunctionConfiguration").
Everything else is moto as installed; the seed also runs against plain `moto_server`, and then says what is missing.
"""

import os
import sys
import threading
from typing import Any

# Read while moto is imported. The first: certificates would stay PENDING_VALIDATION for a minute after the seed.
# The second: hundreds of images that Amazon publishes, whose snapshots moto then counts among those of the account.
os.environ.setdefault("MOTO_ACM_VALIDATION_WAIT", "0")
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
# The third: without it AdministratorAccess and its like do not exist.
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

from moto.awslambda.models import LambdaFunction  # noqa: E402
from moto.core.config import default_user_config  # noqa: E402
from moto.dynamodb.responses import DynamoHandler  # noqa: E402
from moto.organizations import models, utils  # noqa: E402
from moto.server import main  # noqa: E402

# Functions answer without running: a secret's rotation begins, and its function changes nothing.
default_user_config["lambda"] = {"use_docker": False}

ACCOUNT_IDS = {"shop-workloads": "222222222222"}

_random_account_id = utils.make_random_account_id
_init = models.FakeAccount.__init__


def _init_with_known_id(self: models.FakeAccount, organization: models.FakeOrganization, **kwargs: Any) -> None:
    # The id is drawn in the middle of the constructor, which then makes a role in that account.
    known = ACCOUNT_IDS.get(kwargs["AccountName"])
    utils.make_random_account_id = (lambda: known) if known else _random_account_id
    _init(self, organization, **kwargs)


models.FakeAccount.__init__ = _init_with_known_id  # type: ignore[method-assign]


_update_table = DynamoHandler.update_table


def _update_table_with_key(self: DynamoHandler) -> Any:
    wanted = self.body.get("SSESpecification")
    if wanted:
        self.dynamodb_backend.get_table(self.body["TableName"]).sse_specification = dict(wanted)
    return _update_table(self)


DynamoHandler.update_table = _update_table_with_key  # type: ignore[method-assign]


_update_configuration = LambdaFunction.update_configuration


def _update_configuration_with_key(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
    if "KMSKeyArn" in config_updates:
        self.kms_key_arn = config_updates["KMSKeyArn"]
    return _update_configuration(self, config_updates)


LambdaFunction.update_configuration = _update_configuration_with_key  # type: ignore[method-assign]


def _end_with_parent() -> None:
    """Ends the server when whoever started it is gone, and with it the pipe it held."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    if os.environ.get("END_WITH_STDIN"):
        threading.Thread(target=_end_with_parent, daemon=True).start()
    main()
