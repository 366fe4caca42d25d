"""Who is at work in the lab's shell: config and credentials files of one principal, made for the lab alone.

A principal is named as `lab-admin` (the administrator), `eks-ope` (an IAM user), `role/ops` (an IAM role, assumed by
the administrator), or by the ARN of either. `other-admin` administers a second account.
"""

from __future__ import annotations

import configparser
import io
from pathlib import Path
from typing import Any

from lab.contract import Credentials
from lab.errors import UsageError
from lab.home import Home, State
from lab.pki import write_secret

ADMINISTRATOR = "lab-admin"
OTHER_ADMINISTRATOR = "other-admin"


def folder_of(home: Home, principal: str) -> Path:
    return home.principals / principal.replace(":", "_").replace("/", "_")


def write_credentials(home: Home, principal: str, credentials: Credentials) -> None:
    """Keep a user's access key in a credentials file that only the person at this machine can read."""
    profile = {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key,
    }
    write_secret(folder_of(home, principal) / "credentials", _ini({"default": profile}))


def session(home: Home, principal: str = ADMINISTRATOR) -> Any:
    """A boto3 session of the principal that knows nothing of the caller's own AWS settings."""
    import boto3  # noqa: PLC0415 - a quarter of a second, and `status` and `env` do without it
    import botocore.session  # noqa: PLC0415 - the same

    state = home.require_running()
    folder = prepare(home, state, principal)
    core: Any = botocore.session.Session()
    core.set_config_variable("config_file", str(folder / "config"))
    core.set_config_variable("credentials_file", str(folder / "credentials"))
    core.set_config_variable("profile", "default")
    return boto3.Session(botocore_session=core, region_name=state.region)


def client(home: Home, service: str, principal: str = ADMINISTRATOR) -> Any:
    """A boto3 client of the lab's AWS."""
    from botocore.config import Config  # noqa: PLC0415 - see `session`

    state = home.require_running()
    config = Config(
        proxies={"https": state.proxy_url},
        ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # botocore has it, its stubs do not
        retries={"total_max_attempts": 2},
    )
    return session(home, principal).client(service, verify=state.ca_file, config=config)


def prepare(home: Home, state: State, principal: str) -> Path:
    """Write the principal's config and credentials files, and return their folder; makes an access key at need.

    Raises `UsageError` where the lab has no such user or role.
    """
    kind, name = _parse(principal)
    if kind == "role":
        return _prepare_role(home, state, principal, name)
    folder = folder_of(home, name)
    if not (folder / "credentials").exists():
        write_credentials(home, name, _access_key(home, name))
    write_secret(folder / "config", _ini({"default": _settings(state)}))
    return folder


def _prepare_role(home: Home, state: State, principal: str, name: str) -> Path:
    arn = principal if principal.startswith("arn:") else f"arn:aws:iam::{state.account}:role/{name}"
    folder = folder_of(home, f"role/{name}")
    administrator = folder_of(home, ADMINISTRATOR) / "credentials"
    write_secret(folder / "credentials", administrator.read_text().replace("[default]", "[administrator]"))
    role = {
        "role_arn": arn,
        "source_profile": "administrator",
        # The aws command line keeps sessions in a cache of its own, by this name among others.
        "role_session_name": f"lab-{state.instance}",
    }
    write_secret(
        folder / "config", _ini({"default": _settings(state) | role, "profile administrator": _settings(state)})
    )
    return folder


def _parse(principal: str) -> tuple[str, str]:
    resource = principal.split(":", 5)[5] if principal.startswith("arn:") and principal.count(":") >= 5 else principal
    kind, slash, rest = resource.partition("/")
    if slash and kind in {"user", "role"}:
        return kind, rest if kind == "role" else rest.rpartition("/")[2]
    if slash or ":" in resource:
        raise UsageError(
            f"principal {principal!r} is neither an IAM user nor a role",
            fix="name it as 'eks-ope', 'user/eks-ope', 'role/ops' or by its ARN",
        )
    return "user", principal


def _access_key(home: Home, user: str) -> Credentials:
    iam = client(home, "iam")
    try:
        for old in iam.list_access_keys(UserName=user)["AccessKeyMetadata"][1:]:
            iam.delete_access_key(UserName=user, AccessKeyId=old["AccessKeyId"])
        key = iam.create_access_key(UserName=user)["AccessKey"]
    except iam.exceptions.NoSuchEntityException as error:
        users = ", ".join(sorted(user["UserName"] for user in iam.list_users()["Users"]))
        raise UsageError(
            f"the lab's account has no IAM user {user!r}; it has {users}",
            fix=f"name one of them, or make it: aws iam create-user --user-name {user}",
        ) from error
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def _settings(state: State) -> dict[str, str]:
    return {"region": state.region, "output": "json", "cli_pager": ""}


def _ini(sections: dict[str, dict[str, str]]) -> str:
    parser = configparser.RawConfigParser()
    parser.read_dict(sections)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()
