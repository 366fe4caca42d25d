"""Adds a node role to the aws-auth ConfigMap as EKS does for a managed node group: pure, on the text of `mapRoles`.

Other people's text stays as they wrote it, comments and quotes included: the new entry is appended to a block
sequence. Only where the list is written in flow style (`[…]`) is the whole document written anew, and only where that
cannot be read back are its comments given up.
"""

from __future__ import annotations

import io
from typing import Any

import ruamel.yaml
import yaml

from lab.errors import StartError

NODE_USERNAME = "system:node:{{EC2PrivateDNSName}}"
NODE_GROUPS = ("system:bootstrappers", "system:nodes")


def with_node_role(map_roles: str | None, role_arn: str) -> str:
    """`map_roles` with an entry for the instances of `role_arn`; the same text where it has one.

    The role's path is dropped, as aws-auth requires, and ARNs are compared without regard to case.

    Raises:
        StartError: the text is not a YAML list, so nobody could add to it without guessing.
    """
    role_arn = without_path(role_arn)
    text = map_roles or ""
    roles = _parse(text)
    if any(isinstance(role, dict) and str(role.get("rolearn")).lower() == role_arn.lower() for role in roles):
        return text
    entry = {"rolearn": role_arn, "username": NODE_USERNAME, "groups": list(NODE_GROUPS)}
    wanted = [*roles, entry]
    for write in (_appended, _rewritten):
        written = write(text, entry)
        if _list_in(written) == wanted:
            return written
    return yaml.safe_dump(wanted, sort_keys=False)


def without_path(role_arn: str) -> str:
    """`arn:aws:iam::1:role/team/x` is `arn:aws:iam::1:role/x` in aws-auth."""
    head, role, path = role_arn.partition(":role/")
    return f"{head}{role}{path.rpartition('/')[2]}"


def _parse(text: str) -> list[Any]:
    roles = _list_in(text)
    if roles is None:
        raise StartError(
            "mapRoles of ConfigMap kube-system/aws-auth is not a YAML list, so the node role cannot be added",
            fix="kubectl -n kube-system edit configmap aws-auth: make mapRoles a list of rolearn, username, groups",
        )
    return roles


def _list_in(text: str) -> list[Any] | None:
    try:
        roles = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if roles is None:
        return []
    return roles if isinstance(roles, list) else None


def _appended(text: str, entry: dict[str, Any]) -> str:
    first = next((line for line in text.splitlines() if line.lstrip().startswith("- ")), "")
    indent = first[: len(first) - len(first.lstrip())]
    block = yaml.safe_dump([entry], sort_keys=False, default_flow_style=False, width=1000)
    body = text if not text.strip() or text.endswith("\n") else f"{text}\n"
    return body + "".join(f"{indent}{line}\n" for line in block.splitlines())


def _rewritten(text: str, entry: dict[str, Any]) -> str:
    codec = ruamel.yaml.YAML()
    roles = codec.load(text)
    roles.append(entry)
    output = io.StringIO()
    codec.dump(roles, output)
    return output.getvalue()
