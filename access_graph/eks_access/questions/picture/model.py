"""The picture as data: nodes in columns, and edges from left to right with the links that they stand for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from eks_access.findings import Finding, Link, Verdict


class Column(StrEnum):
    """Columns of the picture from left to right: AWS, the cluster, AWS."""

    PRINCIPALS = "principals"
    MAPPINGS = "mappings"
    SUBJECTS = "subjects"
    BINDINGS = "bindings"
    PERMISSIONS = "permissions"
    ROLES = "roles"
    TARGET_ROLES = "target roles"
    POLICIES = "policies"

    @property
    def position(self) -> int:
        """Number of columns before it."""
        return tuple(Column).index(self)

    @property
    def next(self) -> Column:
        """The column after it; the last one has none."""
        return tuple(Column)[self.position + 1]


class NodeKind(StrEnum):
    """Kind of a node. A part that was not read has a node of its own."""

    IAM_USER = "IAM user"
    IAM_PRINCIPAL = "IAM principal"
    """A mapped ARN that is of neither a user nor a role, and the principals of an account in mapAccounts."""
    IAM_ROLE = "IAM role"
    ACCESS_ENTRY = "access entry"
    AWS_AUTH = "aws-auth mapping"
    POD = "pod"
    USER = "user"
    GROUP = "group"
    SERVICE_ACCOUNT = "service account"
    BINDING = "binding"
    ANNOTATION = "role annotation"
    ASSOCIATION = "Pod Identity association"
    RBAC_ROLE = "RBAC role"
    ACCESS_POLICY = "access policy"
    OIDC_PROVIDER = "OIDC provider"
    IAM_POLICY = "IAM policy"
    NOTHING = "nothing"
    """The end of a chain that should go on."""
    NOT_READ = "not read"


@dataclass(frozen=True)
class Node:
    """An object, or several of one kind that the picture shows as one."""

    id: str
    """Unique in the picture: kind and name, as in `group operators`."""
    kind: NodeKind
    column: Column
    label: str
    namespace: str = ""
    details: tuple[str, ...] = ()
    """What hovering shows, a line each: the ARN, usernames, rules, statements."""
    exists: bool | None = True
    """Whether the object exists; None: not evaluated."""
    count: int = 1
    """Number of objects that a folded node stands for."""

    @property
    def name(self) -> str:
        """The node in words, for those who do not see its box."""
        namespace = f" in namespace {self.namespace}" if self.namespace and self.count == 1 else ""
        return f"{self.kind} {self.label}{namespace}"


@dataclass(frozen=True)
class Edge:
    """What connects two nodes: links of a chain, each with its verdict."""

    source: str
    target: str
    links: tuple[Link, ...]
    count: int = 1
    """Number of edges that an edge between folded nodes stands for."""

    @property
    def verdict(self) -> Verdict:
        """`broken` if one link is, else `not evaluated` if one was not evaluated."""
        verdicts = {link.verdict for link in self.links}
        return next((each for each in (Verdict.BROKEN, Verdict.NOT_EVALUATED) if each in verdicts), Verdict.HOLDS)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of its links: faults, and traps of links that hold."""
        return tuple(link.finding for link in self.links if link.finding is not None)


@dataclass(frozen=True)
class Picture:
    """All chains of a cluster."""

    cluster: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: tuple[str, ...] = ()
    """What is not drawn, and why."""
    highlighted: tuple[str, ...] = ()
    """Ids of the nodes of the highlighted chain; empty: none is highlighted."""
    folded: str = ""
    """What is folded and how to see more; empty: nothing is."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all edges, each once."""
        return tuple(dict.fromkeys(finding for edge in self.edges for finding in edge.findings))

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The findings of broken links, each once."""
        links = (link for edge in self.edges for link in edge.links if link.verdict is Verdict.BROKEN)
        return tuple(dict.fromkeys(link.finding for link in links if link.finding is not None))

    @property
    def not_evaluated(self) -> tuple[str, ...]:
        """The reasons why links were not evaluated, each once."""
        links = (link for edge in self.edges for link in edge.links if link.verdict is Verdict.NOT_EVALUATED)
        return tuple(dict.fromkeys(f"{link.name}: {link.says}" for link in links))


def chain_of(edges: Iterable[Edge], starts: Collection[str]) -> set[str]:
    """Return the ids of all nodes from which `starts` are reached, and of all that they reach."""
    forward: dict[str, list[str]] = {}
    backward: dict[str, list[str]] = {}
    for edge in edges:
        forward.setdefault(edge.source, []).append(edge.target)
        backward.setdefault(edge.target, []).append(edge.source)
    return _reached(forward, starts) | _reached(backward, starts)


def _reached(neighbours: dict[str, list[str]], starts: Collection[str]) -> set[str]:
    found, remaining = set(starts), list(starts)
    while remaining:
        new = set(neighbours.get(remaining.pop(), ())) - found
        found |= new
        remaining += new
    return found
