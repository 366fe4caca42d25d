"""Snapshots: a graph as a JSON file, to ask offline, to compare later, or to send to somebody without access.

A snapshot has no secrets: the graph holds neither keys nor tokens nor the contents of secrets. What the source could
not read is not read in the snapshot either.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from eks_access.errors import SourceError
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import (
    Cluster,
    Document,
    IamGroup,
    IamPrincipal,
    OidcProvider,
    PodIdentityAssociation,
    Unknown,
)
from eks_access.graph.kubernetes_objects import AwsAuthConfigMap, Node, Pod, RbacBinding, RbacRole, ServiceAccount
from eks_access.graph.tables import NotRead, NotReadError, Part, Table
from eks_access.sources.levels import require_levels, too_many_levels
from eks_identity.model.existing_entries import ExistingEntry

VERSION = 1
"""Version of the format. A field may be added within a version; a change of meaning makes a new one."""

T = TypeVar("T")


@dataclass(frozen=True)
class ObjectException:
    """An object that a list lacks."""

    key: str | tuple[str | None, ...] | None
    """Key in its table; None if the source does not know it."""
    not_read: NotRead | None
    """Why it was not read; None if it does not exist."""


@dataclass(frozen=True)
class Snapshot:
    """A graph at one time. Each list has all objects of a kind, unless `not_read` or `gaps` names it."""

    version: int
    source: str
    """The source in words."""
    taken_at: datetime
    cluster: Cluster | None = None
    principals: tuple[IamPrincipal, ...] = ()
    groups: Mapping[str, IamGroup] = field(default_factory=dict)
    """IAM groups by name."""
    policies: Mapping[str, Document | Unknown] = field(default_factory=dict)
    """Default versions of managed policies by ARN."""
    oidc_providers: tuple[OidcProvider, ...] = ()
    entries: tuple[ExistingEntry, ...] = ()
    aws_auth: AwsAuthConfigMap | None = None
    associations: tuple[PodIdentityAssociation, ...] = ()
    rbac_roles: tuple[RbacRole, ...] = ()
    rbac_bindings: tuple[RbacBinding, ...] = ()
    service_accounts: tuple[ServiceAccount, ...] = ()
    pods: tuple[Pod, ...] = ()
    nodes: tuple[Node, ...] = ()
    has_pod_identity_agent: bool | None = None
    not_read: Mapping[str, NotRead] = field(default_factory=dict)
    """Why a list or an object is missing, by the name of its field here."""
    gaps: Mapping[str, NotRead] = field(default_factory=dict)
    """Why a list may lack existing objects, by the name of its field here."""
    exceptions: Mapping[str, tuple[ObjectException, ...]] = field(default_factory=dict)
    """Objects that a list lacks for a reason of their own, by the name of its field here."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """What a reader must know of some managed policies, by ARN."""
    account: str | None = None
    """AWS account of which the lists in `gaps` have all objects."""


def take_snapshot(graph: AccessGraph, now: datetime | None = None) -> Snapshot:
    """Read everything that the source can read, and return it."""
    graph.read_everything()
    values: dict[str, Any] = {}
    not_read: dict[str, NotRead] = {}
    gaps: dict[str, NotRead] = {}
    exceptions: dict[str, tuple[ObjectException, ...]] = {}
    account = None
    for name in (item.name for item in fields(AccessGraph)):
        part = getattr(graph, name)
        if not isinstance(part, Part | Table):
            continue
        try:
            values[name] = part.get() if isinstance(part, Part) else _plain(name, part.all())
        except NotReadError as error:
            not_read[name] = error.not_read
        if isinstance(part, Table) and part.gaps is not None:
            gaps[name] = part.gaps
            account = account or part.account
        if isinstance(part, Table) and (part.exceptions or part.unkeyed):
            keyed = (ObjectException(key, not_read) for key, not_read in part.exceptions.items())
            exceptions[name] = (*keyed, *(ObjectException(None, not_read) for not_read in part.unkeyed))
    taken_at = now or datetime.now(UTC)
    values["remarks"] = dict(graph.policies.remarks)
    values |= {"not_read": not_read, "gaps": gaps, "exceptions": exceptions, "account": account}
    return Snapshot(VERSION, graph.source, taken_at, **values)


_BY_NAME = frozenset({"groups", "policies"})
"""Tables whose key is not in the object."""


def _plain(name: str, objects: Mapping[Any, Any]) -> Any:
    return dict(objects) if name in _BY_NAME else tuple(objects.values())


def save_snapshot(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot. An existing file is replaced at once, or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.resolve().parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(msgspec.json.encode(snapshot))
    Path(file.name).replace(path)


def open_snapshot(path: Path) -> AccessGraph:
    """Return the graph of a snapshot file; raise `SourceError` if it is none."""
    try:
        content = path.read_bytes()
        _require_version(path, msgspec.json.decode(content, type=_Version).version)
        snapshot = msgspec.json.decode(content, type=Snapshot)
    except OSError as error:
        raise SourceError(f"snapshot {path} cannot be read: {error.strerror}", "pass the path of a snapshot") from error
    except RecursionError as error:
        raise too_many_levels(f"snapshot {path}") from error
    except msgspec.DecodeError as error:
        fix = "write one with `eks-access snapshot FILE`"
        raise SourceError(f"{path} must be a snapshot of eks-access: {error}", fix) from error
    require_levels(snapshot, f"snapshot {path}")
    return graph_of(snapshot)


class _Version(msgspec.Struct):
    """The part of a snapshot that all versions of the format have."""

    version: int


def _require_version(path: Path, version: int) -> None:
    if version != VERSION:
        message = f"snapshot {path} must have version {VERSION} of the format; it has {version}"
        raise SourceError(message, "read it with the version of eks-access that wrote it, or write it again")


def graph_of(snapshot: Snapshot) -> AccessGraph:
    """Return the graph of a snapshot."""

    def table(name: str, key: Callable[[T], Any]) -> Table[Any, T]:
        objects: tuple[T, ...] = getattr(snapshot, name)
        return keyed(name, {key(each): each for each in objects})

    def keyed(name: str, objects: Mapping[Any, T]) -> Table[Any, T]:
        if name in snapshot.not_read:
            return Table.not_read(snapshot.not_read[name].part, snapshot.not_read[name].reason)
        exceptions = snapshot.exceptions.get(name, ())
        return Table(
            lambda: objects,
            gaps=snapshot.gaps.get(name),
            account=snapshot.account,
            exceptions={each.key: each.not_read for each in exceptions if each.key is not None},
            unkeyed=[each.not_read for each in exceptions if each.key is None and each.not_read is not None],
            remarks=snapshot.remarks if name == "policies" else None,
        )

    def part(name: str, value: T | None) -> Part[T]:
        if value is None:
            missing = snapshot.not_read.get(name, NotRead(name, "the snapshot does not have it"))
            return Part.not_read(missing.part, missing.reason)
        return Part.of(value)

    return AccessGraph(
        source=f"{snapshot.source} at {snapshot.taken_at:%Y-%m-%d %H:%M:%S %Z}".rstrip(),
        cluster=part("cluster", snapshot.cluster),
        principals=table("principals", lambda each: each.arn),
        groups=keyed("groups", snapshot.groups),
        policies=keyed("policies", snapshot.policies),
        oidc_providers=table("oidc_providers", lambda each: each.arn),
        entries=table("entries", lambda each: each.principal_arn),
        aws_auth=part("aws_auth", snapshot.aws_auth),
        associations=table("associations", lambda each: (each.namespace, each.service_account)),
        rbac_roles=table("rbac_roles", lambda each: each.key),
        rbac_bindings=table("rbac_bindings", lambda each: each.key),
        service_accounts=table("service_accounts", lambda each: (each.namespace, each.name)),
        pods=table("pods", lambda each: (each.namespace, each.name)),
        nodes=table("nodes", lambda each: each.name),
        has_pod_identity_agent=part("has_pod_identity_agent", snapshot.has_pod_identity_agent),
    )


def schema() -> dict[str, Any]:
    """Return the JSON schema of a snapshot."""
    return msgspec.json.schema(Snapshot)
