"""The RBAC half of people's access: what a group may do, and where."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from eks_identity.access.bound_roles import BoundRoles
from eks_identity.access.existing_objects import ExistingObjects
from eks_identity.errors import Problem, Problems
from eks_identity.model import rbac
from eks_identity.model.role_grants import RoleGrant
from eks_identity.runtime import program_state
from eks_identity.runtime.inputs import Inputs


class RuleArgs(TypedDict):
    """One rule of a role. Source: Kubernetes, PolicyRule."""

    verbs: list[str]
    """What may be done: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` … or `*`."""
    resources: NotRequired[list[str]]
    """Plural names in lower case, `pods` or `pods/log`; or `non_resource_urls` in their place."""
    api_groups: NotRequired[list[str]]
    """The core group, `""`, where it is left out. Without versions: `apps`."""
    resource_names: NotRequired[list[str]]
    """Only the objects of these names."""
    non_resource_urls: NotRequired[list[str]]
    """Paths such as `/healthz`; for a ClusterRole in the whole cluster."""
    allow_unknown_verbs: NotRequired[bool]
    """Let verbs through that Kubernetes itself does not know."""


class RoleArgs(TypedDict):
    """An RBAC role that the group gets: made here from `rules`, or one that is there."""

    name: str
    """The role's name, such as `view`."""
    kind: NotRequired[str]
    """`ClusterRole` (also the default) or `Role`."""
    namespace: NotRequired[str]
    """Where it applies. A Role needs one; a ClusterRole applies to the whole cluster without."""
    namespaces: NotRequired[list[str]]
    """The same for several namespaces, each with a binding of its own."""
    rules: NotRequired[list[RuleArgs]]
    """What it allows. Left out: the role is there already, such as `view`, `edit` and `admin`, and is only bound.
    One that neither is there nor is made by a `ClusterAccess` of this program is reported with the name that was meant:
    a binding to a role that is not there allows nothing until it is."""
    binding_name: NotRequired[str]
    """The binding's name; else `<role>-binding`, or `<group>-<role>` for a role that is there already."""


def grants(inputs: Inputs, roles: Sequence[RoleArgs], group: str) -> list[RoleGrant]:
    """The roles as they will be bound. What is wrong with them is kept in `inputs`."""
    found: list[RoleGrant] = []
    for index, role in enumerate(roles):
        grant = inputs.problems.parse(f"rbac_roles[{index}]", RoleGrant.of, dict(role), group)
        if grant is not None:
            inputs.problems.extend(_twice(grant, found), f"rbac_roles[{index}]")
            found.append(grant)
    return found


def declare_once(inputs: Inputs, place: str, cluster_arn: pulumi.Input[str], found: Sequence[RoleGrant]) -> None:
    """Refuses roles and bindings that this program declares elsewhere, under the same names in the same cluster.

    Server-side apply would let the last one win.
    """
    for index, grant in enumerate(found):
        inputs.take(f"rbac_roles[{index}]", cluster_arn, partial(_once, place, grant))


@dataclass(frozen=True)
class Checks:
    """What is queried before the engine creates a role or a binding."""

    bound: BoundRoles
    existing: ExistingObjects

    def of_object(self, label: str, kind: str, name: str, namespace: str | None) -> pulumi.ResourceHookBinding:
        return self.existing.hooks(label, kind, name, namespace)

    def of_binding(self, label: str, kind: str, grant: RoleGrant, namespace: str | None) -> pulumi.ResourceHookBinding:
        """Both: that the binding is new, and that the role that it refers to exists."""
        new = self.existing.hooks(label, kind, grant.binding_name, namespace)
        role = self.bound.hooks(label, namespace, grant)
        return pulumi.ResourceHookBinding(
            before_create=[*(new.before_create or ()), *((role.before_create if role else None) or ())]
        )


def bind(
    name: str, found: Sequence[RoleGrant], group: str, let_in: Sequence[pulumi.Resource], checks: Checks
) -> list[pulumi.Resource]:
    """Registers roles and bindings, each named after the object that it is in the cluster.

    They are made after the principals are `let_in`, and go before them: whoever destroys what lets them in themselves
    takes these out while they still can.
    """
    child = pulumi.ResourceOptions(parent=checks.bound.component, depends_on=list(let_in))
    return [resource for grant in found for resource in _bind(name, grant, group, child, checks)]


RBAC_GROUP = "rbac.authorization.k8s.io"


def _bind(
    name: str, grant: RoleGrant, group: str, child: pulumi.ResourceOptions, checks: Checks
) -> list[pulumi.Resource]:
    made: list[pulumi.Resource] = []
    role_class = k8s.rbac.v1.Role if grant.kind == "Role" else k8s.rbac.v1.ClusterRole
    for namespace in grant.role_namespaces:
        label = _resource_name(name, grant.name, namespace)
        queried = pulumi.ResourceOptions(hooks=checks.of_object(label, grant.kind, grant.name, namespace))
        role = role_class(
            label,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=grant.name, namespace=namespace),
            rules=[k8s.rbac.v1.PolicyRuleArgs(**_fields(rule)) for rule in grant.rules or ()],
            opts=pulumi.ResourceOptions.merge(child, queried),
        )
        made.append(role)
    # roleRef cannot be changed: another role's binding is another one, under the same name.
    once = pulumi.ResourceOptions(depends_on=list(made), delete_before_replace=True)
    bindings: list[pulumi.Resource] = []
    for namespace in grant.binding_namespaces:
        label = _resource_name(name, grant.binding_name, namespace)
        kind = "RoleBinding" if namespace else "ClusterRoleBinding"
        queried = pulumi.ResourceOptions(hooks=checks.of_binding(label, kind, grant, namespace))
        binding = (k8s.rbac.v1.RoleBinding if namespace else k8s.rbac.v1.ClusterRoleBinding)(
            label,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=grant.binding_name, namespace=namespace),
            role_ref=k8s.rbac.v1.RoleRefArgs(api_group=RBAC_GROUP, kind=grant.kind, name=grant.name),
            subjects=[k8s.rbac.v1.SubjectArgs(api_group=RBAC_GROUP, kind="Group", name=group)],
            opts=pulumi.ResourceOptions.merge(pulumi.ResourceOptions.merge(child, once), queried),
        )
        bindings.append(binding)
    return made + bindings


def _resource_name(name: str, object_name: str, namespace: str | None) -> str:
    # No namespace has a dot, so two objects never meet in one name.
    return f"{name}-{object_name}.{namespace}" if namespace else f"{name}-{object_name}"


def _fields(rule: rbac.Rule) -> dict[str, list[str]]:
    return {name: list(values) for name, values in asdict(rule).items() if values}


def _objects(grant: RoleGrant) -> list[tuple[str, str, str, str]]:
    """Field, kind, namespace and name of what a grant makes."""
    roles = [("name", grant.kind, namespace or "", grant.name) for namespace in grant.role_namespaces]
    return roles + [
        ("binding_name", "RoleBinding" if namespace else "ClusterRoleBinding", namespace or "", grant.binding_name)
        for namespace in grant.binding_namespaces
    ]


def _twice(grant: RoleGrant, before: Sequence[RoleGrant]) -> list[Problem]:
    there = {made[1:] for other in before for made in _objects(other)}
    return [
        Problem(
            field, f"one {kind} of that name{_in(namespace)}", name, "give it another name, or take one of them out"
        )
        for field, kind, namespace, name in _objects(grant)
        if (kind, namespace, name) in there
    ]


def _once(place: str, grant: RoleGrant, cluster_arn: str) -> None:
    with Problems() as problems:
        for field, kind, namespace, name in _objects(grant):
            first = program_state.claim(place, "rbac", cluster_arn, kind, namespace, name)
            if first != place:
                rule = f"one {kind} of that name{_in(namespace)}, declared once"
                problems.add(field, rule, name, f"give it another name, or take it out of {first} or of {place}")


def _in(namespace: str) -> str:
    return f" in namespace {namespace}" if namespace else " in a cluster"
