"""The principals of the lab: AWS config and credentials files for one principal, for the lab only.

The name of a principal is `lab-admin` (the administrator), `eks-ope` (an IAM user), `role/ops` (an IAM role, assumed by
the administrator), or the ARN of a user or role. `other-admin` administers a second account. `root` is the account's
root user.
"""

from __future__ import annotations

import configparser
import io
import re
from pathlib import Path
from typing import Any

from lab.errors import UsageError
from lab.interfaces import Credentials
from lab.lab_dir import LabDir, State
from lab.pki import write_secret
from lab.service_models import share

ADMINISTRATOR = "lab-admin"
OTHER_ADMINISTRATOR = "other-admin"
ROOT = "root"
_CREATED_BY_DAEMON = {ADMINISTRATOR, OTHER_ADMINISTRATOR, ROOT}
"""Principals whose access keys the daemon writes when it starts."""
_NAME = re.compile(r"([\w+=,.@-]+/)*[\w+=,.@-]+")
"""The name of an IAM user or role, with its path."""


def folder_of(home: LabDir, principal: str) -> Path:
    return home.principals / principal.replace(":", "_").replace("/", "_")


def write_credentials(home: LabDir, principal: str, credentials: Credentials) -> None:
    """Write a user's access key into a credentials file that only the user of this machine can read."""
    profile = {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
    }
    write_secret(folder_of(home, principal) / "credentials", _ini({"default": profile}))


def session(home: LabDir, principal: str = ADMINISTRATOR) -> Any:
    """Return a boto3 session of the principal that ignores the caller's own AWS settings."""
    import boto3  # noqa: PLC0415 - a quarter of a second, and `status` and `env` do without it
    import botocore.session  # noqa: PLC0415 - the same

    state = home.require_running()
    folder = prepare(home, state, principal)
    core: Any = botocore.session.Session()
    share(core)
    core.set_config_variable("config_file", str(folder / "config"))
    core.set_config_variable("credentials_file", str(folder / "credentials"))
    core.set_config_variable("profile", "default")
    return boto3.Session(botocore_session=core, region_name=state.region)


def client(home: LabDir, service: str, principal: str = ADMINISTRATOR, region: str | None = None) -> Any:
    """Return a boto3 client of the lab's AWS, by default in the lab's region."""
    from botocore.config import Config  # noqa: PLC0415 - see `session`

    state = home.require_running()
    config = Config(
        proxies={"https": state.proxy_url},
        ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # botocore has it, its stubs do not
        retries={"total_max_attempts": 2},
    )
    return session(home, principal).client(service, region_name=region, verify=state.ca_file, config=config)


def prepare(home: LabDir, state: State, principal: str) -> Path:
    """Write the principal's config and credentials files and return their folder. Create an access key if needed.

    Raises `UsageError` if the lab has no such user or role.
    """
    kind, account, name = _parse(principal, state.account)
    if kind == "role":
        return _prepare_role(home, state, account, name)
    user = name.rpartition("/")[2]
    folder = folder_of(home, user)
    if user not in _CREATED_BY_DAEMON or (user == ROOT and account != state.account):
        _ensure_access_key(home, state, account, user)
    write_secret(folder / "config", _ini({"default": _settings(state)}))
    return folder


def _prepare_role(home: LabDir, state: State, account: str, name: str) -> Path:
    own = account == state.account
    arn = _role_arn(home, name) if own else f"arn:aws:iam::{account}:role/{name}"
    folder = folder_of(home, f"role/{name}")
    administrator = folder_of(home, ADMINISTRATOR) / "credentials"
    write_secret(folder / "credentials", administrator.read_text().replace("[default]", "[administrator]"))
    role = {
        "role_arn": arn,
        "source_profile": "administrator",
        # The aws command line caches sessions under a key that includes this name.
        "role_session_name": f"lab-{state.instance}",
    }
    write_secret(
        folder / "config", _ini({"default": _settings(state) | role, "profile administrator": _settings(state)})
    )
    return folder


def _parse(principal: str, account: str) -> tuple[str, str, str]:
    """Return `user` or `role`, the account (by default `account`), and the name with its path."""
    resource = principal
    if principal.startswith("arn:") and principal.count(":") >= 5:
        account, resource = principal.split(":", 5)[4:]
    kind, slash, name = resource.partition("/")
    if not slash:
        kind, name = "user", resource
    if kind not in {"user", "role"} or not _NAME.fullmatch(name):
        raise UsageError(
            f"principal {principal!r} must be an IAM user or an IAM role",
            fix="write it as 'eks-ope', 'user/eks-ope', 'role/ops' or as its ARN",
        )
    return kind, account, name


def _ensure_access_key(home: LabDir, state: State, account: str, user: str) -> None:
    """Ensure that the credentials file has an access key that exists in IAM; a recreated user gets a new one."""
    if account != state.account:
        raise UsageError(
            f"the lab administers account {state.account}, not {account}",
            fix=f"pass a user of {state.account}, or '{OTHER_ADMINISTRATOR}' of the second account",
        )
    iam = client(home, "iam")
    try:
        keys = [key["AccessKeyId"] for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]]
    except iam.exceptions.NoSuchEntityException as error:
        users = ", ".join(sorted(user["UserName"] for user in iam.list_users()["Users"]))
        raise UsageError(
            f"the lab's account has no IAM user {user!r}; it has {users}",
            fix=f"pass one of them, or run `aws iam create-user --user-name {user}`",
        ) from error
    if _stored_key_id(home, user) in keys:
        return
    for old in keys[1:]:
        iam.delete_access_key(UserName=user, AccessKeyId=old)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    write_credentials(home, user, Credentials(key["AccessKeyId"], key["SecretAccessKey"]))


def _stored_key_id(home: LabDir, user: str) -> str | None:
    """Return the id of the access key in the user's credentials file."""
    stored = configparser.RawConfigParser()
    stored.read(folder_of(home, user) / "credentials")
    return stored.get("default", "aws_access_key_id", fallback=None)


def _role_arn(home: LabDir, name: str) -> str:
    """Return the ARN of a role of the lab's account; `name` may omit the path."""
    iam = client(home, "iam")
    try:
        arn: str = iam.get_role(RoleName=name.rpartition("/")[2])["Role"]["Arn"]
    except iam.exceptions.NoSuchEntityException:
        arn = ""
    if not arn.endswith(f"/{name}"):
        roles = ", ".join(sorted(role["Arn"].partition(":role/")[2] for role in iam.list_roles()["Roles"]))
        raise UsageError(
            f"the lab's account has no IAM role {name!r}; it has {roles or 'none'}",
            fix="pass one of them, or create it with `aws iam create-role`",
        )
    return arn


def _settings(state: State) -> dict[str, str]:
    return {"region": state.region, "output": "json", "cli_pager": ""}


def _ini(sections: dict[str, dict[str, str]]) -> str:
    parser = configparser.RawConfigParser()
    parser.read_dict(sections)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()
