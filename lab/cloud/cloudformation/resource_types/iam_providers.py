"""OIDC providers of IAM."""

from __future__ import annotations

from lab.cloud.cloudformation.calls import Calls
from lab.cloud.cloudformation.resource_types.rules import (
    NewResource,
    Properties,
    ResourceType,
    has_changed,
    tag_changes,
)

_ARN = "OpenIDConnectProviderArn"


class OidcProviderType(ResourceType):
    """AWS::IAM::OIDCProvider. `Ref` returns the provider's ARN."""

    name = "AWS::IAM::OIDCProvider"
    created_with = frozenset({"ClientIdList", "Tags", "ThumbprintList", "Url"})

    def create(self, calls: Calls, resource: NewResource) -> str:
        properties = resource.properties
        arn: str = calls(
            "iam",
            "CreateOpenIDConnectProvider",
            Url=properties.get("Url"),
            ClientIDList=properties.get("ClientIdList"),
            ThumbprintList=properties.get("ThumbprintList"),
            Tags=properties.get("Tags") or None,
        )[_ARN]
        return arn

    def apply(self, calls: Calls, physical_id: str, old: Properties, new: Properties) -> None:
        before, after = (list(properties.get("ClientIdList") or ()) for properties in (old, new))
        for client_id in after:
            if client_id not in before:
                calls("iam", "AddClientIDToOpenIDConnectProvider", **{_ARN: physical_id, "ClientID": client_id})
        for client_id in before:
            if client_id not in after:
                calls("iam", "RemoveClientIDFromOpenIDConnectProvider", **{_ARN: physical_id, "ClientID": client_id})
        if has_changed("ThumbprintList", old, new):
            thumbprints = list(new.get("ThumbprintList") or ())
            calls("iam", "UpdateOpenIDConnectProviderThumbprint", **{_ARN: physical_id, "ThumbprintList": thumbprints})
        tags, removed_keys = tag_changes(old, new)
        if tags:
            calls("iam", "TagOpenIDConnectProvider", **{_ARN: physical_id, "Tags": tags})
        if removed_keys:
            calls("iam", "UntagOpenIDConnectProvider", **{_ARN: physical_id, "TagKeys": removed_keys})

    def delete(self, calls: Calls, physical_id: str, properties: Properties) -> None:  # noqa: ARG002
        calls("iam", "DeleteOpenIDConnectProvider", **{_ARN: physical_id})

    def attributes(self, calls: Calls, physical_id: str, properties: Properties) -> dict[str, str]:  # noqa: ARG002
        return {"Arn": physical_id}
