"""The root user of each account. It exists from the creation of the account, may do everything, and is no IAM user.

On AWS its access key is created in the console. In the lab each account has one from the start. Its user id is the
account id. In a trust policy `…:root` means the whole account. EKS and aws-iam-authenticator read it as the root user
only.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from moto.iam.utils import generate_access_key_id_from_account_id

from lab.cloud.request_identity import Caller
from lab.interfaces import Credentials, IamPrincipal


@dataclass(frozen=True)
class _RootUser:
    caller: Caller
    credentials: Credentials


_users: dict[str, _RootUser] = {}
"""Root users by ARN, one per account. Each process has one registry, as it has one moto state."""


def create(account: str, partition: str) -> Credentials:
    """Create the root user of a new account and return its access key."""
    arn = f"arn:{partition}:iam::{account}:root"
    key_id = generate_access_key_id_from_account_id(account, prefix="AKIA", total_length=20)
    caller = Caller(IamPrincipal(arn, account), arn, account, account, partition)
    _users[arn] = _RootUser(caller, Credentials(key_id, secrets.token_hex(20)))
    return _users[arn].credentials


def clear() -> None:
    """Remove all root users."""
    _users.clear()


def find_principal(arn: str) -> IamPrincipal | None:
    """Return the root user with that ARN, or None for any other ARN or an account that the lab does not have."""
    user = _users.get(arn)
    return None if user is None else user.caller.principal


def find_caller_by_access_key(access_key_id: str) -> tuple[Caller, str] | None:
    """Return the root user of an access key, and the key's secret, or None."""
    for user in list(_users.values()):
        if user.credentials.access_key_id == access_key_id:
            return user.caller, user.credentials.secret_access_key
    return None
