"""Permission policies: what a role may do. By ARN, by the name of one of AWS's own, or written out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import arns, limits, names
from eks_identity.model.partitions import Partition

_NAME = re.compile(r"[\w+=,.@-]+(/[\w+=,.@-]+)*", re.ASCII)
_VERSIONS = ("2012-10-17", "2008-10-17")
"""Of the policies' language; there are no others."""
_VARIABLE = re.compile(r"\$\{[a-zA-Z0-9-]+:[^}]+\}")
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)


def managed_policy(text: str, partition: Partition) -> str:
    """The ARN of a managed policy given as ARN, or as the name (and path) of one that AWS manages.

    `AmazonS3ReadOnlyAccess` and `service-role/AmazonEBSCSIDriverPolicy` are names. Refuses ARNs of other partitions.
    """
    if ":" not in names.text(text):
        if not _NAME.fullmatch(text):
            raise _refused(
                "",
                "a policy's ARN, or the name of one that AWS manages (IAM)",
                text,
                "write AmazonS3ReadOnlyAccess, or an ARN",
            )
        return partition.arn("iam", f"policy/{text}", account="aws")
    arn = arns.policy_arn(text)
    given = arns.Arn.parse(arn).partition
    if given != partition:
        raise _refused(
            "",
            f"a role of partition {partition.name} takes policies of that partition",
            text,
            f"change arn:{given.name} to arn:{partition.name}",
        )
    return arn


def logical_name(text: str) -> str:
    """What the logical names of this managed policy's Pulumi resources have in them; no other policy has the same.

    `text` is an ARN, or the name of a policy that AWS manages. Names are unique in an account, whatever the path (IAM).
    """
    if ":" not in text:
        return text.rpartition("/")[2]
    arn = arns.Arn.parse(text)
    name = arn.resource.rpartition("/")[2]
    return name if arn.account == "aws" else f"{arn.account}-{name}"


def managed_policies(
    texts: Sequence[str], partition: Partition, *, limit: int = limits.MANAGED_POLICIES_OF_A_ROLE
) -> list[str]:
    """Each of `texts` as an ARN; refuses repeated ones and more than a role can have."""
    found: list[str] = []
    with Problems() as problems:
        for index, text in enumerate(texts):
            arn = problems.parse(f"[{index}]", managed_policy, text, partition)
            if arn is not None and any(arns.same_arn(arn, other) for other in found):
                problems.add(f"[{index}]", "each policy once", text, "take the repeated policy out")
            elif arn is not None:
                found.append(arn)
        problems.extend(too_many_policies(len(texts), limit))
    return found


def too_many_policies(count: int, limit: int = limits.MANAGED_POLICIES_OF_A_ROLE) -> list[Problem]:
    """What there is to say about a role with `count` managed policies."""
    if count <= limit:
        return []
    rule = f"at most {limit} managed policies a role (IAM quota)"
    fix = "join some of them into one, or use a second role; where IAM raised the quota, set raised_quotas to True"
    return [Problem("", rule, f"{count} policies", fix)]


def inline_policy(document: str | Mapping[str, Any]) -> str:
    """A policy document as compact JSON; takes JSON or a mapping. Refuses what is not a policy document."""
    if isinstance(document, str):
        try:
            content = json.loads(document)
        except json.JSONDecodeError as error:
            raise _refused("", f"a policy document is JSON: {error}", document, "use json.dumps") from None
    else:
        content = document
    if not isinstance(content, Mapping) or not content.get("Statement"):
        raise _refused("", "a policy document has Version and Statement (IAM)", document, 'add "Statement": […]')
    if (version := content.get("Version", _VERSIONS[0])) not in _VERSIONS:
        raise _refused(
            "", f"the Version of a policy's language, {_VERSIONS[0]} (IAM)", version, f"write {_VERSIONS[0]}"
        )
    if "Version" not in content or content["Version"] != _VERSIONS[0]:
        text = json.dumps(content)
        if variable := _VARIABLE.search(text):
            rule = f"must have Version {_VERSIONS[0]}: IAM replaces policy variables only there"
            fix = f'write "Version": "{_VERSIONS[0]}" beside "Statement"'
            raise _refused("", rule, variable[0], fix)
    said = content["Statement"]
    for statement in said if isinstance(said, list) else [said]:
        if isinstance(statement, Mapping) and (named := statement.keys() & {"Principal", "NotPrincipal"}):
            rule = "a policy of a role names no principal: it is about the role itself (IAM)"
            raise _refused("", rule, {key: statement[key] for key in named}, f"take {' and '.join(named)} out")
    return json.dumps(content, separators=(",", ":"))


def inline_policies(documents: Mapping[str, str | Mapping[str, Any]]) -> dict[str, str]:
    """Each document by its policy's name, as compact JSON; refuses what is longer together than a role has room for."""
    made: dict[str, str] = {}
    with Problems() as problems:
        for name, document in documents.items():
            if not _POLICY_NAME.fullmatch(name):
                problems.add(name, "1 to 128 letters, digits and _+=,.@- (IAM policy name)", name, "rename the policy")
            text = problems.parse(name, inline_policy, document)
            if text is not None:
                made[name] = text
        problems.extend(too_long(made))
    return made


def too_long(documents: Mapping[str, str]) -> list[Problem]:
    """What there is to say of a role's inline policies, as compact JSON by name, if they are too long together."""
    size = sum(len(text) for text in documents.values())
    if size <= limits.INLINE_POLICIES:
        return []
    rule = f"inline policies of a role have at most {limits.INLINE_POLICIES} characters together (IAM)"
    shown = ", ".join(f"{name} {len(text)}" for name, text in documents.items())
    fix = f"make some of them managed policies ({limits.MANAGED_POLICY} characters each) and give their ARNs"
    return [Problem("", rule, f"{size} characters: {shown}", fix)]


def _refused(field: str, rule: str, value: object, fix: str) -> InvalidInput:
    return InvalidInput([Problem(field, rule, value, fix)])
