"""Adds a node role to the aws-auth ConfigMap as EKS does for a managed node group, on the text of `mapRoles`.

The text of other writers stays unchanged, comments and quotes included: the new entry is appended to a block sequence.
A list in flow style (`[…]`) is rewritten as a whole document. Its comments are lost only if the rewritten text cannot
be read back.
"""

from __future__ import annotations

import io
from typing import Any

import ruamel.yaml
import yaml

from lab import yaml_text
from lab.errors import StartError

NODE_USERNAME = "system:node:{{EC2PrivateDNSName}}"
NODE_GROUPS = ("system:bootstrappers", "system:nodes")


def add_node_role(map_roles: str | None, role_arn: str) -> str:
    """Return `map_roles` with an entry for the instances of `role_arn`, or unchanged if it has one.

    The entry has the role ARN without its path, as aws-auth requires. ARNs are compared case-insensitively.

    Raises:
        StartError: the text is not a YAML list.
    """
    role_arn = strip_path(role_arn)
    text = map_roles or ""
    roles = _parse_roles(text)
    if any(isinstance(role, dict) and str(role.get("rolearn")).lower() == role_arn.lower() for role in roles):
        return text
    entry = {"rolearn": role_arn, "username": NODE_USERNAME, "groups": list(NODE_GROUPS)}
    expected = [*roles, entry]
    for write in (_append_entry, _rewrite_document):
        output = write(text, entry)
        if _load_list(output) == expected:
            return output
    return yaml_text.dump(expected)


def strip_path(role_arn: str) -> str:
    """Return the ARN without the role's path: `arn:aws:iam::1:role/x` for `arn:aws:iam::1:role/team/x`."""
    head, role, path = role_arn.partition(":role/")
    return f"{head}{role}{path.rpartition('/')[2]}"


def _parse_roles(text: str) -> list[Any]:
    roles = _load_list(text)
    if roles is None:
        raise StartError(
            "mapRoles of ConfigMap kube-system/aws-auth is not a YAML list, so the node role cannot be added",
            fix="run `kubectl -n kube-system edit configmap aws-auth` and make mapRoles a list of entries with "
            "rolearn, username and groups",
        )
    return roles


def _load_list(text: str) -> list[Any] | None:
    try:
        roles = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if roles is None:
        return []
    return roles if isinstance(roles, list) else None


def _append_entry(text: str, entry: dict[str, Any]) -> str:
    first = next((line for line in text.splitlines() if line.lstrip().startswith("- ")), "")
    indent = first[: len(first) - len(first.lstrip())]
    block = yaml_text.dump([entry], width=1000)
    body = text if not text.strip() or text.endswith("\n") else f"{text}\n"
    return body + "".join(f"{indent}{line}\n" for line in block.splitlines())


def _rewrite_document(text: str, entry: dict[str, Any]) -> str:
    codec = ruamel.yaml.YAML()
    codec.preserve_quotes = True
    roles = codec.load(text)
    roles.append(entry)
    output = io.StringIO()
    codec.dump(roles, output)
    return output.getvalue()
