"""What an environment demands of every IAM object that is made in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eks_identity.model.partitions import Partition
from stacks.settings import Settings


@dataclass(frozen=True)
class Account:
    """The account of an environment, with its defaults for roles and its tags."""

    settings: Settings
    partition: Partition

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a user, role or policy of the account, `name` with its path where it has one."""
        return self.partition.arn("iam", f"{kind}/{name}", account=self.settings.account)

    def tags(self, said: dict[str, str] | None = None) -> dict[str, str]:
        return {**self.settings.tags, **(said or {})}

    def role(self, key: str, said: dict[str, Any]) -> dict[str, Any]:
        """`said` of a role that is made for the entry `key`, with the environment's defaults below."""
        defaults = self.settings.defaults
        role: dict[str, Any] = {"tags": self.tags(said.get("tags"))}
        if defaults.path is not None:
            role["path"] = defaults.path
        if defaults.role_name_prefix is not None and "role_name" not in said:
            role["role_name_prefix"] = f"{defaults.role_name_prefix}{key}-"
        boundary = said.get("permissions_boundary", defaults.permissions_boundary)
        given = {**role, **said, "tags": role["tags"]}
        return given if boundary is None else {**given, "permissions_boundary": self._policy(boundary)}

    def _policy(self, named: str) -> str:
        return named if named.startswith("arn:") else self.arn("policy", named)
