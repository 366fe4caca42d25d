"""The form of the properties that the graph takes apart, by kind of resource.

Pulumi checks properties before an update, so that only an edited file has others. Properties that the graph only copies
are checked in the object that they become (`require_types`). Secrets, and values that only the update knows, have any
form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from eks_access.errors import SourceError
from eks_access.sources.levels import require_levels
from eks_access.sources.pulumi.aws_auth import MAPPING
from eks_access.sources.pulumi.clusters import CLUSTER, MIGRATION
from eks_access.sources.pulumi.eks import ENTRY, OWN_ENTRY, POLICY_ASSOCIATION
from eks_access.sources.pulumi.iam import OIDC_PROVIDER, ROLE
from eks_access.sources.pulumi.manifest_forms import manifest_form
from eks_access.sources.pulumi.node_groups import LAUNCH_TEMPLATE
from eks_access.sources.pulumi.resources import Resource
from eks_access.sources.pulumi.values import without_unknowns

_List = list[Any] | None
_Map = dict[str, Any] | None


class _Properties(msgspec.Struct, rename="camel"):
    """Base class of the properties of one kind."""


class _Role(_Properties):
    inline_policies: list[dict[str, Any]] | None = None
    managed_policy_arns: _List = None


class _OidcProvider(_Properties):
    client_id_lists: _List = None


class _Entry(_Properties):
    kubernetes_groups: _List = None
    groups: _List = None


class _AccessScope(_Properties):
    namespaces: _List = None


class _PolicyAssociation(_Properties):
    access_scope: _AccessScope | None = None


class _VpcConfig(_Properties):
    public_access_cidrs: _List = None


class _EncryptionConfig(_Properties):
    resources: _List = None


class _Cluster(_Properties):
    compute_config: _Map = None
    vpc_config: _VpcConfig | None = None
    encryption_config: _EncryptionConfig | None = None


class _MetadataOptions(_Properties):
    http_put_response_hop_limit: int | float | None = None  # each number is a float in a policy pack


class _LaunchTemplate(_Properties):
    metadata_options: _MetadataOptions | None = None


class _CreatedEntry(msgspec.Struct):
    principal_arn: str


class _Migration(_Properties):
    created_entries: list[_CreatedEntry] | None = None


_FORMS: Mapping[str, type[_Properties]] = {
    ROLE: _Role,
    OIDC_PROVIDER: _OidcProvider,
    ENTRY: _Entry,
    OWN_ENTRY: _Entry,
    MAPPING: _Entry,
    POLICY_ASSOCIATION: _PolicyAssociation,
    CLUSTER: _Cluster,
    LAUNCH_TEMPLATE: _LaunchTemplate,
    MIGRATION: _Migration,
}


def require_properties(resources: Iterable[Resource]) -> None:
    """Raise `SourceError` for a property of another form, with the resource, the place and the type of the value."""
    for resource in resources:
        form = manifest_form(resource.kind) or _FORMS.get(resource.kind)
        if form is None:
            continue
        require_levels(resource.properties, str(resource))
        try:
            msgspec.convert(without_unknowns(dict(resource.properties)), form)
        except msgspec.ValidationError as error:
            message = f"{resource} must have properties of the types that its provider accepts: {error}"
            raise SourceError(message, "correct this property, or write the file again") from error
