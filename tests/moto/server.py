"""moto's server, with the one thing fixed that the seed cannot ask for over HTTP: the ids of member accounts.

AWS Organizations gives a new account its id, and moto draws it at random. A scan of an organization takes the ids from
ListAccounts and assumes a role in each, so the account that the seed fills must be the one that is listed.
Everything else is moto as installed; the seed also runs against plain `moto_server`, and then says what is missing.
"""

import itertools
import os

# Read while moto is imported. The first: certificates would stay PENDING_VALIDATION for a minute after the seed.
# The second: hundreds of images that Amazon publishes, whose snapshots moto then counts among those of the account.
os.environ.setdefault("MOTO_ACM_VALIDATION_WAIT", "0")
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")

from moto.organizations import utils  # noqa: E402
from moto.server import main  # noqa: E402

MEMBER_ACCOUNTS = ("222222222222", "333333333333")
ROOM_FOR_THE_MANAGEMENT_ACCOUNT = 1

_asked = itertools.count()
_random_account_id = utils.make_random_account_id


def make_account_id() -> str:
    # create_organization asks once for the management account and then overwrites the answer.
    nth = next(_asked) % (len(MEMBER_ACCOUNTS) + ROOM_FOR_THE_MANAGEMENT_ACCOUNT)
    if nth < ROOM_FOR_THE_MANAGEMENT_ACCOUNT:
        return _random_account_id()
    return MEMBER_ACCOUNTS[nth - ROOM_FOR_THE_MANAGEMENT_ACCOUNT]


utils.make_random_account_id = make_account_id

if __name__ == "__main__":
    main()
