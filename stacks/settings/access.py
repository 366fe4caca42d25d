"""Who is let into a cluster, and what they may do there."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

import eks_identity as eks
from stacks.settings.errors import refused
from stacks.settings.models_from_args import Model, takes

AccessMethod = Literal["access-entry", "aws-auth", "both"]


@takes(eks.PrincipalArgs)
class PrincipalSettings(Model):
    """Somebody who is let in: one of user, role, arn and permission_set."""

    user: str | None = None
    """An IAM user of the environment's account, by name; with its path where it has one, `team/name`."""
    role: str | None = None
    """An IAM role of the environment's account, by name; with its path where it has one, `team/name`."""
    arn: str | None = None
    """IAM user, role or account root of any account, as IAM writes it, path included."""

    @model_validator(mode="after")
    def _one_way_to_say_who(self) -> Self:
        ways = [word for word in ("user", "role", "arn", "permission_set") if getattr(self, word, None) is not None]
        if len(ways) != 1:
            raise refused("one of user, role, arn and permission_set", "leave one of them")
        return self


@takes(eks.ClusterAccessArgs, without=["cluster"])
class AccessSettings(Model):
    """The access of some people to one cluster."""

    cluster: str
    """One of `clusters`."""
    principals: list[PrincipalSettings]
    """Who is let in."""
    access_method: AccessMethod | None = None
    """The way in. `both` is for a migration: aws-auth and an access entry, until the cluster reads entries alone.
    `defaults.access_method` where left out."""
