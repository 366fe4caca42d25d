"""WorkloadIdentity, IrsaRole, PodIdentityRole and OidcProvider declarations of a cluster's pods and their roles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import IamPrincipal, PodIdentityAssociation, Unknown
from eks_access.graph.kubernetes_objects import ServiceAccount
from eks_access.graph.tables import NotReadError
from eks_access.questions.adoption.declarations import (
    IAM_ROLE,
    IRSA_ROLE,
    POD_IDENTITY_ROLE,
    PROVIDER_ARN,
    WORKLOAD,
    Declaration,
    Form,
    Names,
    NotAdopted,
    Reference,
    reason_of,
    without_empty,
)
from eks_access.questions.adoption.providers import cluster_provider
from eks_access.questions.adoption.roles import (
    NotOwnedError,
    compact,
    irsa_role_args,
    role_args,
    trusts,
)
from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import limits, trust
from eks_identity.model.annotations import (
    AUDIENCE,
    PREFIX,
    ROLE_ARN,
    STS_REGIONAL_ENDPOINTS,
    TOKEN_EXPIRATION,
    webhook_annotations,
)
from eks_identity.model.arns import Principal
from eks_identity.model.subjects import Subject

_CONNECTION = Reference("cluster.connection")
_SETTINGS_ONLY_WORKLOADS = "settings declare only roles that belong to the service accounts of one workload"


@dataclass(frozen=True)
class RolePods:
    """The service accounts whose pods get one role by one mode."""

    role_arn: str
    accounts: tuple[ServiceAccount, ...] = ()
    """By the annotation of IRSA; all have equal options."""
    options: tuple[tuple[str, Any], ...] = ()
    """Options of the annotated service accounts, except their role."""
    associations: tuple[PodIdentityAssociation, ...] = ()

    @property
    def keeps_accounts(self) -> bool:
        """Whether the service accounts are not declared."""
        return ("service_account_management", "none") in self.options

    @property
    def objects(self) -> tuple[str, ...]:
        """The objects that bind the role to the service accounts, in words."""
        accounts = (f"service account {each}" for each in self.accounts if not self.keeps_accounts)
        return (*accounts, *map(association_name, self.associations))


def association_name(association: PodIdentityAssociation) -> str:
    """Return an association in words."""
    return f"Pod Identity association of {association.namespace}/{association.service_account}"


class WorkloadDraft:
    """Collects the declarations of all pods."""

    def __init__(self, graph: AccessGraph, form: Form, unowned: Mapping[str, str]) -> None:
        self._graph = graph
        self._unowned = unowned
        self._form = form
        self._names = {WORKLOAD: Names(), IRSA_ROLE: Names(), POD_IDENTITY_ROLE: Names()}
        self._provider = cluster_provider(graph)
        self._owned: set[str] = set()
        self.declarations: list[Declaration] = []
        self.not_adopted: list[NotAdopted] = []

    def declare(self) -> None:
        """Declare all annotated service accounts, all associations, and their roles."""
        groups = [*self._annotated(), *self._associated()]
        users: dict[str, int] = defaultdict(int)
        for group in groups:
            users[group.role_arn] += 1
        for group in groups:
            self._declare(group, is_only_user=users[group.role_arn] == 1)
        self._list_unused_roles({group.role_arn for group in groups})

    def _annotated(self) -> Iterator[RolePods]:
        found: dict[tuple[str, tuple[tuple[str, Any], ...]], list[ServiceAccount]] = defaultdict(list)
        for _, account in sorted(self._graph.service_accounts.all().items()):
            if ROLE_ARN not in account.annotations:
                continue
            try:
                options = _options(account)
            except InvalidInput as error:
                self.not_adopted.append(NotAdopted(f"service account {account}", reason_of(error)))
                continue
            if others := _others(account):
                reason = f"it has {', '.join(others)}, which a WorkloadIdentity cannot declare; it stays as it is"
                self.not_adopted.append(NotAdopted(f"service account {account}", reason))
            found[str(account.annotations[ROLE_ARN]), options].append(account)
        for (role_arn, options), accounts in found.items():
            yield RolePods(role_arn, tuple(accounts), options)

    def _associated(self) -> Iterator[RolePods]:
        found: dict[str, list[PodIdentityAssociation]] = defaultdict(list)
        for _, association in sorted(self._graph.associations.all().items()):
            name = association_name(association)
            if association.owner_arn:
                self.not_adopted.append(NotAdopted(name, f"the add-on {association.owner_arn} manages it"))
            elif isinstance(association.role_arn, Unknown) or isinstance(association.target_role_arn, Unknown):
                self.not_adopted.append(NotAdopted(name, "the source does not know its roles"))
            else:
                found[association.role_arn].append(association)
        for role_arn, associations in found.items():
            yield RolePods(role_arn, associations=tuple(associations))

    def _declare(self, pods: RolePods, *, is_only_user: bool) -> None:
        role, reason = self._role(pods.role_arn)
        if role is not None:
            try:
                args = role_args(role)
                own = self._own_role_args(pods, role, args) if is_only_user else None
                if own is not None:
                    self._owned.add(role.arn)
                    self._add(WORKLOAD, pods, own, (*pods.objects, f"{IAM_ROLE}{role.arn}"))
                    return
                self._declare_role(role, args)
            except NotOwnedError as error:
                reason = str(error)
        if reason and pods.role_arn not in self._owned:
            self._owned.add(pods.role_arn)  # listed once
            self.not_adopted.append(NotAdopted(f"{IAM_ROLE}{pods.role_arn}", reason))
        for each in () if pods.keeps_accounts else _one_by_one(pods):
            self._add(WORKLOAD, each, {"role_arn": pods.role_arn, **_binding_args(each)}, each.objects)

    def _role(self, arn: str) -> tuple[IamPrincipal | None, str]:
        """Return a role, or why no component can own it."""
        cluster = self._graph.cluster.get()
        if arn in self._unowned:
            return None, self._unowned[arn]
        if Principal.parse(arn).account != cluster.account:
            return None, f"it is of another account than the cluster's {cluster.account}"
        try:
            role = self._graph.principals.get(arn)
        except NotReadError as error:
            return None, f"not evaluated: {error}"
        return role, "" if role is not None else "IAM has no such role"

    def _own_role_args(self, pods: RolePods, role: IamPrincipal, args: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the arguments of one WorkloadIdentity that owns the role; None if none writes its trust policy."""
        own = self._trust_by_irsa(pods, role) if pods.accounts else self._trust_by_associations(pods, role)
        return None if own is None else {**_binding_args(pods), **own, **args}

    def _trust_by_irsa(self, pods: RolePods, role: IamPrincipal) -> dict[str, Any] | None:
        if self._provider is None:
            return None
        write = partial(
            trust.irsa_trust,
            [self._provider],
            [Subject(each.namespace, each.name) for each in pods.accounts],
            audience=dict(pods.options).get("audience"),
            size_limit=limits.TRUST_POLICY_RAISED,
        )
        return {"oidc_provider_arn": PROVIDER_ARN} if trusts(role, write) else None

    def _trust_by_associations(self, pods: RolePods, role: IamPrincipal) -> dict[str, Any] | None:
        first = pods.associations[0]
        if any(_terms(each) != _terms(first) for each in pods.associations) or first.target_role_arn:
            return None  # a target role would add a statement to the role's policies
        if dict(first.tags) != dict(role.tags):
            return None  # a WorkloadIdentity has the same tags for both
        if trusts(role, trust.pod_identity_trust):
            return {}
        subjects = [Subject(each.namespace, each.service_account) for each in pods.associations]
        limited = partial(trust.pod_identity_trust, [str(self._graph.cluster.get().arn)], subjects)
        return {"match_session_tags": True} if trusts(role, limited) else None

    def _declare_role(self, role: IamPrincipal, args: Mapping[str, Any]) -> None:
        """Declare a role apart from its service accounts; raise `NotOwnedError` if no component writes its trust."""
        if role.arn in self._owned:
            return
        trusts_pod_identity = trusts(role, trust.pod_identity_trust)
        component = POD_IDENTITY_ROLE if trusts_pod_identity else IRSA_ROLE
        trusted = {} if trusts_pod_identity else irsa_role_args(role)
        if self._form is Form.SETTINGS:
            raise NotOwnedError(_SETTINGS_ONLY_WORKLOADS)
        self._owned.add(role.arn)
        name = self._names[component].unique(Principal.parse(role.arn).name)
        self.declarations.append(Declaration(component, name, {**trusted, **args}, (f"{IAM_ROLE}{role.arn}",)))

    def _add(self, component: str, pods: RolePods, args: Mapping[str, Any], objects: tuple[str, ...]) -> None:
        subject = pods.accounts[0] if pods.accounts else None
        namespace = subject.namespace if subject else pods.associations[0].namespace
        account = subject.name if subject else pods.associations[0].service_account
        name = self._names[component].unique(account, f"{namespace}-{account}", f"{namespace}-{account}-association")
        self.declarations.append(Declaration(component, name, {"cluster": _CONNECTION, **args}, objects))

    def _list_unused_roles(self, used: set[str]) -> None:
        """List the roles that trust pods of the cluster, and that none of its service accounts uses."""
        issuer = self._provider.issuer.host_and_path if self._provider else None
        try:
            principals = self._graph.principals.all()
        except NotReadError:
            return  # `not_read` of the graph says so
        for arn, principal in sorted(principals.items()):
            text = str(principal.trust_policy)
            if arn in used or not (trust.POD_IDENTITY_SERVICE in text or (issuer and issuer in text)):
                continue
            reason = "it trusts pods, and no service account or association of the cluster names it"
            self.not_adopted.append(NotAdopted(f"{IAM_ROLE}{arn}", reason))


def _one_by_one(pods: RolePods) -> Iterator[RolePods]:
    """Yield declarations of one role that exists: a WorkloadIdentity has equal options for all service accounts."""
    if pods.accounts:
        yield pods
    for association in pods.associations:
        yield RolePods(pods.role_arn, associations=(association,))


def _options(account: ServiceAccount) -> tuple[tuple[str, Any], ...]:
    """Return the options of a service account; raise `InvalidInput` if the component would write other annotations."""
    texts = {key: str(value) for key, value in account.annotations.items() if key.startswith(PREFIX)}
    regional = texts.get(STS_REGIONAL_ENDPOINTS)
    expiration = texts.get(TOKEN_EXPIRATION)
    options: dict[str, Any] = {
        "audience": texts.get(AUDIENCE),
        "sts_regional_endpoints": None if regional is None else regional == "true",
        "token_expiration": int(expiration) if expiration is not None and expiration.isdecimal() else None,
    }
    written = webhook_annotations(role_arn=texts[ROLE_ARN], **options)
    others = sorted(key for key, value in texts.items() if written.get(key) != value)
    if others:
        raise InvalidInput([_annotation_problem(key, texts[key]) for key in others])
    if _others(account):
        options = {"service_account_management": "none", "audience": options["audience"]}
    else:
        options["labels"] = tuple(sorted(account.labels.items())) or None
    return tuple((name, value) for name, value in options.items() if value is not None)


def _others(account: ServiceAccount) -> list[str]:
    """Return what a service account has and a component cannot declare."""
    return [*(key for key in account.annotations if not key.startswith(PREFIX)), *account.others]


def _annotation_problem(key: str, value: str) -> Problem:
    return Problem(
        f"annotation {key}", f"has the value {value!r}, which the component would write otherwise", value, "correct it"
    )


def _terms(association: PodIdentityAssociation) -> tuple[object, ...]:
    return (
        association.target_role_arn,
        association.disable_session_tags,
        association.session_policy,
        dict(association.tags),
    )


def _binding_args(pods: RolePods) -> dict[str, Any]:
    """Return the arguments that bind a role to service accounts."""
    if pods.accounts:
        subjects: Sequence[tuple[str, str]] = [(each.namespace, each.name) for each in pods.accounts]
        bound = {"mode": "irsa", **dict(pods.options), "labels": dict(dict(pods.options).get("labels", ()))}
    else:
        subjects = [(each.namespace, each.service_account) for each in pods.associations]
        bound = {"mode": "pod-identity", "service_account_management": "none", **_association_args(pods)}
    more = [{"namespace": namespace, "service_account": name} for namespace, name in subjects[1:]]
    namespace, name = subjects[0]
    return without_empty(
        [("namespace", namespace), ("service_account", name), ("more_service_accounts", more), *bound.items()]
    )


def _association_args(pods: RolePods) -> dict[str, Any]:
    first = pods.associations[0]
    return {
        "target_role_arn": first.target_role_arn,
        "disable_session_tags": first.disable_session_tags or None,
        "session_policy": None if first.session_policy is None else compact(first.session_policy),
        "tags": dict(first.tags),
    }
