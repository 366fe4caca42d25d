"""The two call styles of every component: args as one mapping, or as keyword arguments.

    ClusterAccess("operators", {"cluster": cluster, "group": "operators", …}, opts)
    ClusterAccess("operators", cluster=cluster, group="operators", …, opts=opts)

In both, `cluster` accepts a `Cluster`. Its connection becomes the input, and its kubernetes provider is used unless the
options or the parent have one.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import pulumi

from eks_identity.errors import Problem
from eks_identity.runtime.credentials import find_provider
from eks_identity.runtime.declared_identities import record_identities
from eks_identity.runtime.inputs import InvalidInputError

Args = TypeVar("Args")

MISSING: Final[Any] = None
"""Default of `args`: the caller passes keyword arguments."""


def resolve_call(
    subject: str, args: Args, keyword_args: Mapping[str, Any], opts: pulumi.ResourceOptions | None
) -> tuple[Args, pulumi.ResourceOptions | None]:
    """Return the args as one mapping, and the options with the provider of a `Cluster` among the args.

    Raises `InvalidInputError` if both `args` and keyword arguments are passed. `subject` names the component.
    """
    record_identities()
    if args is not MISSING and keyword_args:
        rule = "must be one mapping or keyword arguments, not both"
        names = ", ".join(keyword_args)
        raise InvalidInputError([Problem("args", rule, args, f"move {names} into the mapping")], subject=subject)
    merged: Any = dict(keyword_args) if args is MISSING else args
    cluster = merged.get("cluster") if isinstance(merged, Mapping) else None
    if not isinstance(cluster, pulumi.ComponentResource) or not hasattr(cluster, "connection"):
        return merged, opts
    if find_provider("kubernetes", opts) is None:
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(providers=[cluster.provider]))  # type: ignore[attr-defined]
    return {**merged, "cluster": cluster.connection}, opts  # type: ignore[return-value]
