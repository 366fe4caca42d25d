"""RBAC roles of a ClusterAccess and their bindings to its group."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from eks_identity.access.principals import AccessContext
from eks_identity.access.rbac_preflight import RBAC_GROUP, RbacPreflight
from eks_identity.errors import Problems
from eks_identity.model import rbac
from eks_identity.model.role_grants import RoleGrant
from eks_identity.runtime import program_state
from eks_identity.runtime.inputs import INVALID, Inputs, valid


class RuleArgs(TypedDict):
    """A rule of an RBAC role. Source: Kubernetes API, PolicyRule."""

    verbs: list[str]
    """Allowed verbs: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` … or `*`."""
    resources: NotRequired[list[str]]
    """Plural names in lower case, such as `pods` or `pods/log`; or set `non_resource_urls` instead."""
    api_groups: NotRequired[list[str]]
    """API groups without versions, such as `apps`; by default the core group, `""`."""
    resource_names: NotRequired[list[str]]
    """Only the objects of these names."""
    non_resource_urls: NotRequired[list[str]]
    """Paths such as `/healthz`; for a ClusterRole in the whole cluster."""
    allow_unknown_verbs: NotRequired[bool]
    """Accept verbs that Kubernetes itself does not use."""


class RoleArgs(TypedDict):
    """An RBAC role that is bound to the group: created from `rules`, or an existing one."""

    name: str
    """The role's name, such as `view`."""
    kind: NotRequired[str]
    """`ClusterRole` (the default) or `Role`."""
    namespace: NotRequired[str]
    """Namespace that the role applies to. Required for a Role; by default a ClusterRole applies to the whole
    cluster."""
    namespaces: NotRequired[list[str]]
    """Several namespaces instead, each with a binding of its own."""
    rules: NotRequired[list[RuleArgs]]
    """Rules of the role. Omit them for an existing role, such as `view`, `edit` and `admin`, which is only bound. A
    role that neither exists nor is created by a `ClusterAccess` of this program is reported with the most similar
    name: a binding to a missing role allows nothing."""
    binding_name: NotRequired[str]
    """Name of the binding; by default `<role>-binding`, and `<group>-<role>` for an existing role."""


def read_roles(inputs: Inputs, roles: Sequence[RoleArgs], group: str, context: AccessContext) -> list[RoleGrant]:
    """Parse `rbac_roles`; problems are added to `inputs`. A role or binding must be declared once in a program."""
    grants: list[RoleGrant] = []
    for index, role in enumerate(roles):
        under = f"rbac_roles[{index}]"
        grant: Any = inputs.parse(under, dict(role), partial(RoleGrant.of, group=group))
        inputs.parse(under, [grant, list(grants)], _require_new_names)
        if context is not INVALID:
            inputs.parse(under, [context.connection.arn, grant], partial(_declare_once, context.subject))
        grants = valid([*grants, grant])
    return grants


def bind_roles(
    name: str, grants: Sequence[RoleGrant], group: str, depends_on: Sequence[pulumi.Resource], preflight: RbacPreflight
) -> list[pulumi.Resource]:
    """Register roles and bindings, with logical names that follow the objects' names in the cluster.

    They are created after the access entries and mappings in `depends_on`, and deleted before them: a caller who
    destroys their own access deletes the roles while they still can.
    """
    child = pulumi.ResourceOptions(parent=preflight.component, depends_on=list(depends_on))
    return [resource for grant in grants for resource in _bind(name, grant, group, child, preflight)]


def _bind(
    name: str, grant: RoleGrant, group: str, child: pulumi.ResourceOptions, preflight: RbacPreflight
) -> list[pulumi.Resource]:
    role_class = k8s.rbac.v1.Role if grant.kind == "Role" else k8s.rbac.v1.ClusterRole
    roles: list[pulumi.Resource] = []
    for namespace in grant.role_namespaces:
        label = _resource_name(name, grant.name, namespace)
        hooks = pulumi.ResourceOptions(hooks=preflight.before_role(label, grant, namespace))
        role = role_class(
            label,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=grant.name, namespace=namespace),
            rules=[k8s.rbac.v1.PolicyRuleArgs(**_fields(rule)) for rule in grant.rules or ()],
            opts=pulumi.ResourceOptions.merge(child, hooks),
        )
        roles.append(role)
    # Kubernetes does not allow a change of roleRef: the engine has to delete the binding and create another one.
    replaced = pulumi.ResourceOptions(depends_on=list(roles), delete_before_replace=True)
    bindings: list[pulumi.Resource] = []
    for namespace in grant.binding_namespaces:
        label = _resource_name(name, grant.binding_name, namespace)
        hooks = pulumi.ResourceOptions(hooks=preflight.before_binding(label, grant, namespace))
        binding = (k8s.rbac.v1.RoleBinding if namespace else k8s.rbac.v1.ClusterRoleBinding)(
            label,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=grant.binding_name, namespace=namespace),
            role_ref=k8s.rbac.v1.RoleRefArgs(api_group=RBAC_GROUP, kind=grant.kind, name=grant.name),
            subjects=[k8s.rbac.v1.SubjectArgs(api_group=RBAC_GROUP, kind="Group", name=group)],
            opts=pulumi.ResourceOptions.merge(pulumi.ResourceOptions.merge(child, replaced), hooks),
        )
        bindings.append(binding)
    return roles + bindings


def _resource_name(name: str, object_name: str, namespace: str | None) -> str:
    # A namespace has no dot, so two objects never have the same logical name.
    return f"{name}-{object_name}.{namespace}" if namespace else f"{name}-{object_name}"


def _fields(rule: rbac.Rule) -> dict[str, list[str]]:
    return {name: list(values) for name, values in asdict(rule).items() if values}


def _objects(grant: RoleGrant) -> list[tuple[str, str, str, str]]:
    """Return input, kind, namespace and name of each object of a grant."""
    roles = [("name", grant.kind, namespace or "", grant.name) for namespace in grant.role_namespaces]
    return roles + [
        ("binding_name", "RoleBinding" if namespace else "ClusterRoleBinding", namespace or "", grant.binding_name)
        for namespace in grant.binding_namespaces
    ]


def _require_new_names(parsed: Sequence[Any]) -> None:
    """Reject an object that an earlier role of the list has already."""
    grant, earlier = parsed
    names = {each[1:] for other in earlier for each in _objects(other)}
    with Problems() as problems:
        for field, kind, namespace, name in _objects(grant):
            if (kind, namespace, name) in names:
                rule = f"must be the only {kind} of that name{_in(namespace)}"
                problems.add(field, rule, name, "set another name, or remove one of them")


def _declare_once(subject: str, parsed: Sequence[Any]) -> None:
    """Reject an object that another declaration of this program creates: with server-side apply the last one wins."""
    cluster, grant = parsed
    with Problems() as problems:
        for field, kind, namespace, name in _objects(grant):
            first = program_state.claim(subject, "rbac", str(cluster), kind, namespace, name)
            if first != subject:
                rule = f"must be the only {kind} of that name{_in(namespace)}: {first} declares it too"
                problems.add(field, rule, name, f"set another name, or remove it from {first} or from {subject}")


def _in(namespace: str) -> str:
    return f" in namespace {namespace}" if namespace else " in the cluster"
