"""The import file of an adoption: the resources that a program registers, with the ids of the existing objects.

Source: Pulumi, "Importing resources", bulk import operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eks_access.graph import AccessGraph
from eks_access.questions.adoption.declarations import without_empty

_PROVIDERS = "pulumi:providers:"
_KUBERNETES = "kubernetes:"


@dataclass(frozen=True)
class Registration:
    """A resource that a program registers."""

    type: str
    name: str
    """Its logical name."""
    urn: str
    parent: str
    """URN of its parent; that of the stack, or empty, at the top level."""
    provider: str
    """URN of its provider; empty for a default provider."""
    version: str
    """Version of its plugin."""
    top_level_alias: str
    """Logical name under which the resource may be imported at the top level of the stack; empty without one."""
    custom: bool
    """Whether it is a resource of a plugin, and not a component."""
    inputs: Mapping[str, Any]

    @property
    def is_provider(self) -> bool:
        return self.type.startswith(_PROVIDERS)


@dataclass(frozen=True)
class ImportFile:
    """Resources that `pulumi import --file` brings into a stack, and those that the first update adds to its state."""

    resources: tuple[Mapping[str, Any], ...]
    created: tuple[str, ...]
    """Resources that no plugin imports, in words. The update that creates them changes nothing in the cluster."""


def import_file(registrations: Sequence[Registration], graph: AccessGraph) -> ImportFile:
    """Return the import file of a program: with logical names and parents, as components register them."""
    names = _unique_names(registrations)
    resources, created = [], []
    for each in registrations:
        id_ = import_id(each, graph)
        if each.custom and not each.is_provider and id_ is None:
            created.append(f"{each.type} {each.name}")
            continue
        # The engine creates the providers of an import before its components.
        is_top_level = each.is_provider and bool(each.top_level_alias)
        fields = [
            ("type", each.type),
            ("name", names[each.urn]),
            ("logicalName", each.top_level_alias if is_top_level else each.name),
            ("id", id_),
            ("parent", "" if is_top_level else names.get(each.parent)),
            ("provider", names.get(each.provider)),
            ("version", each.version if each.custom else ""),
            ("component", not each.custom or None),
            ("inputs", dict(each.inputs) if each.is_provider else None),
        ]
        resources.append(without_empty(fields))
    return ImportFile(tuple(resources), tuple(created))


def import_id(registration: Registration, graph: AccessGraph) -> str | None:
    """Return the id with which the plugin imports an existing object; None if the type cannot be imported."""
    if registration.type.startswith(_KUBERNETES) and not registration.type.endswith("Patch"):
        metadata = registration.inputs["metadata"]
        return "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
    find = _IDS.get(registration.type)
    return None if find is None else find(registration.inputs, graph)


def _unique_names(registrations: Sequence[Registration]) -> dict[str, str]:
    """Return a name for each URN by which the file refers to its resource."""
    names: dict[str, str] = {}
    for each in registrations:
        name = f"{each.type.rpartition(':')[2]} {each.name}"
        taken = set(names.values())
        numbered = (f"{name} {number}" for number in range(2, len(registrations) + 2))
        names[each.urn] = name if name not in taken else next(other for other in numbered if other not in taken)
    return names


def _provider_id(inputs: Mapping[str, Any], graph: AccessGraph) -> str | None:
    host = str(inputs["url"]).removeprefix("https://")
    return next((arn for arn in graph.oidc_providers.all() if arn.endswith(f":oidc-provider/{host}")), None)


def _association_id(inputs: Mapping[str, Any], graph: AccessGraph) -> str | None:
    association = graph.associations.get((inputs["namespace"], inputs["serviceAccount"]))
    return None if association is None else f"{inputs['clusterName']},{association.id}"


_IDS: Mapping[str, Callable[[Mapping[str, Any], AccessGraph], str | None]] = {
    "aws:eks/accessEntry:AccessEntry": lambda inputs, _: f"{inputs['clusterName']}:{inputs['principalArn']}",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": lambda inputs, _: "#".join(
        (inputs["clusterName"], inputs["principalArn"], inputs["policyArn"])
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _association_id,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _provider_id,
    "aws:iam/role:Role": lambda inputs, _: str(inputs["name"]),
    "aws:iam/rolePolicy:RolePolicy": lambda inputs, _: f"{inputs['role']}:{inputs['name']}",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": lambda inputs, _: f"{inputs['role']}/{inputs['policyArn']}",
}
"""Functions that return the import id, by type. Source: the pages of these resources in the Pulumi Registry."""
