"""The root user of each account: whom an account begins with, who may do everything in it, and who is no IAM user.

Its access key is made in AWS's console; here each account has one from the start. Its user id is the account's number.
In a trust policy `…:root` means the whole account; where EKS or aws-iam-authenticator read it, the root user alone.
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
"""By ARN, one an account. Like moto's state, the process's."""


def make(account: str, partition: str) -> Credentials:
    """The key of the root user of a new account."""
    arn = f"arn:{partition}:iam::{account}:root"
    key_id = generate_access_key_id_from_account_id(account, prefix="AKIA", total_length=20)
    caller = Caller(IamPrincipal(arn, account), arn, account, account, partition)
    _users[arn] = _RootUser(caller, Credentials(key_id, secrets.token_hex(20)))
    return _users[arn].credentials


def forget() -> None:
    """Forget all accounts."""
    _users.clear()


def principal(arn: str) -> IamPrincipal | None:
    """The root user of that ARN, or None where it is somebody else's, or the lab has no such account."""
    found = _users.get(arn)
    return None if found is None else found.caller.principal


def caller_of_key(access_key_id: str) -> tuple[Caller, str] | None:
    """Whose key that is, and its secret; None where it is no root user's."""
    for user in list(_users.values()):
        if user.credentials.access_key_id == access_key_id:
            return user.caller, user.credentials.secret_access_key
    return None
