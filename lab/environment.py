"""The environment variables that send a program to the lab only: `eval "$(python -m lab env)"`.

The program cannot reach a real account: the config and credentials files are the lab's own, every other AWS variable of
the shell is unset, all traffic goes to a proxy that rejects hosts which it does not serve, and the program trusts only
that proxy's certificates.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from lab.interfaces import NODE_OPTIONS
from lab.lab_dir import LabDir
from lab.principals import ADMINISTRATOR, prepare

PASSPHRASE = "eks-identity-lab"  # noqa: S105 - the lab's stack holds secrets of a throwaway account only
_UNSET = (
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_STACK",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_CONFIG",
    "ALL_PROXY",
    "all_proxy",
    "KUBERNETES_MASTER",
)
_ALWAYS_UNSET_AWS = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_EKS",
    "AWS_ENDPOINT_URL_S3",
)


def variables(home: LabDir, bin_folder: Path, principal: str = ADMINISTRATOR) -> dict[str, str]:
    """Return the variables to set for `principal`.

    Raises `UsageError` if the lab is not running or has no such principal.
    """
    state = home.require_running()
    folder = prepare(home, state, principal)
    path = [str(bin_folder), str(home.bin), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return state.access.environment() | {
        "EKS_LAB": home.name,
        "NODE_OPTIONS": add_node_options(os.environ.get("NODE_OPTIONS", "")),
        "PATH": os.pathsep.join(dict.fromkeys(os.pathsep.join(path).split(os.pathsep))),
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_PAGER": "",
        "KUBECONFIG": str(folder / "kubeconfig"),
        "PULUMI_HOME": str(home.pulumi / "home"),
        "PULUMI_BACKEND_URL": f"file://{home.pulumi / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def add_node_options(inherited: str) -> str:
    """Return the shell's options of Node.js with the lab's added, once for a shell that enters a lab again."""
    return inherited if NODE_OPTIONS in inherited else f"{inherited} {NODE_OPTIONS}".strip()


def process_environment(
    home: LabDir, bin_folder: Path, principal: str = ADMINISTRATOR, *, inherit: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a program in the lab: the caller's variables except `unset`, and the lab's."""
    inherited = os.environ if inherit is None else inherit
    to_set = variables(home, bin_folder, principal)
    return {name: value for name, value in inherited.items() if name not in unset(inherited)} | to_set


def unset(inherited: Mapping[str, str]) -> list[str]:
    """Return the variables that a program in the lab must not inherit: AWS's, and those that redirect Pulumi."""
    present = [name for name in inherited if name.startswith("AWS_")]
    return sorted({*_UNSET, *_ALWAYS_UNSET_AWS, *present})


def shell_exports(to_set: Mapping[str, str], inherited: Mapping[str, str]) -> str:
    """Return `export` and `unset` commands for `eval` in a POSIX shell."""
    to_unset = [name for name in unset(inherited) if name not in to_set]
    lines = [f"unset {' '.join(to_unset)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sorted(to_set.items())]
    return "\n".join(lines) + "\n"


def unset_credentials(inherited: Mapping[str, str]) -> str:
    """Return commands for `eval` if the lab is not available: the shell can then not reach a real account."""
    empty_files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "KUBECONFIG"), os.devnull)
    return shell_exports(empty_files | {"AWS_EC2_METADATA_DISABLED": "true"}, inherited) + "false\n"
