"""Rules on the cluster itself. A stack that does not create its cluster is not judged for it."""

from __future__ import annotations

from collections.abc import Iterator

from eks_access.graph.aws_objects import Cluster, Unknown
from eks_access.graph.tables import NotReadError
from eks_access.questions.policies.violations import AFTER_UPDATE, Found, RuleContext, Undecided, Violation
from eks_identity.model.access_entries import AuthenticationMode

_WORLD = ("0.0.0.0/0", "::/0")


def public_endpoint(context: RuleContext) -> Found:
    """Yield the cluster if every address reaches its API server."""
    for cluster in _clusters(context):
        is_public, ranges = cluster.has_public_endpoint, cluster.public_access_cidrs
        if is_public is False or _is_absent(context, is_public):
            continue
        unknown = next((each for each in (is_public, *ranges) if isinstance(each, Unknown)), None)
        if unknown is not None or is_public is None:
            yield Undecided(_subject(cluster), unknown.reason if unknown else "not read")
        elif not ranges or any(each in _WORLD for each in ranges):
            yield Violation(_subject(cluster), f"public endpoint for {', '.join(map(str, ranges)) or _WORLD[0]}")


def secrets_unencrypted(context: RuleContext) -> Found:
    """Yield the cluster if no KMS key of the account encrypts its secrets."""
    for cluster in _clusters(context):
        encrypts = cluster.encrypts_secrets
        if _is_absent(context, encrypts):
            continue
        if encrypts is None or isinstance(encrypts, Unknown):
            yield Undecided(_subject(cluster), encrypts.reason if encrypts else "not read")
        elif not encrypts:
            yield Violation(_subject(cluster), "no encryptionConfig for secrets")


def config_map_mode(context: RuleContext) -> Found:
    """Yield the cluster if its authentication mode is CONFIG_MAP."""
    for cluster in _clusters(context):
        mode = cluster.authentication_mode
        if isinstance(mode, Unknown):
            if not context.is_of_stack or AFTER_UPDATE in mode.reason:
                yield Undecided(_subject(cluster), mode.reason)
        elif mode == AuthenticationMode.CONFIG_MAP:
            yield Violation(_subject(cluster), f"authentication mode {mode}")


def _clusters(context: RuleContext) -> Iterator[Cluster]:
    """Yield the cluster, unless the graph is of a stack that has none."""
    try:
        yield context.graph.cluster.get()
    except NotReadError:
        if not context.is_of_stack:
            raise


def _is_absent(context: RuleContext, value: object) -> bool:
    """Return whether a stack has no value because it does not create the cluster."""
    return value is None and context.is_of_stack


def _subject(cluster: Cluster) -> str:
    return f"cluster {cluster.name}"
