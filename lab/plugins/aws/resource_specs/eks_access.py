"""Resource specs of EKS's access entries, access policy associations and Pod Identity associations."""

from __future__ import annotations

from typing import Final

from lab.plugins.aws.converters import POLICY, TIME, Converter
from lab.plugins.aws.resource_spec import Call, Id, ResourceSpec, Update, computed, input_
from lab.plugins.aws.resource_specs.eks import eks_tags

_ENTRY_KEY: Final = {"clusterName": "$clusterName", "principalArn": "$principalArn"}

ACCESS_ENTRY: Final = ResourceSpec(
    type="aws:eks/accessEntry:AccessEntry",
    service="eks",
    properties=(
        input_("clusterName", "clusterName", required=True, replaces=True),
        input_("principalArn", "principalArn", required=True, replaces=True),
        input_("kubernetesGroups", "kubernetesGroups", computed=True),
        input_("type", "type", default="STANDARD", replaces=True),
        input_("userName", "username", computed=True),
        computed("accessEntryArn", "accessEntryArn"),
        computed("createdAt", "createdAt", TIME),
        computed("modifiedAt", "modifiedAt", TIME, volatile=True),
    ),
    id=Id(("clusterName", "principalArn")),
    unique_by=("clusterName", "principalArn"),
    create=Call(
        "create_access_entry",
        {
            **_ENTRY_KEY,
            "kubernetesGroups": "$kubernetesGroups",
            "type": "$type",
            "username": "$userName",
            "tags": "$tagsAll",
        },
    ),
    read=Call("describe_access_entry", _ENTRY_KEY, "accessEntry"),
    updates=(
        Update(
            ("kubernetesGroups", "userName"),
            Call(
                "update_access_entry",
                {**_ENTRY_KEY, "kubernetesGroups": "$kubernetesGroups", "username": "$userName"},
            ),
        ),
    ),
    delete=Call("delete_access_entry", _ENTRY_KEY),
    tags=eks_tags("accessEntryArn"),
)

_SCOPE: Final = Converter(send=lambda value: {key: item for key, item in value.items() if item})

ACCESS_POLICY_ASSOCIATION: Final = ResourceSpec(
    type="aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    service="eks",
    properties=(
        input_("clusterName", required=True, replaces=True),
        input_("principalArn", required=True, replaces=True),
        input_("policyArn", "policyArn", required=True, replaces=True),
        input_("accessScope", "accessScope", required=True, replaces=True, converter=_SCOPE),
        computed("associatedAt", "associatedAt", TIME),
        computed("modifiedAt", "modifiedAt", TIME, volatile=True),
    ),
    id=Id(("clusterName", "principalArn", "policyArn"), separator="#"),
    unique_by=("clusterName", "principalArn", "policyArn"),
    create=Call(
        "associate_access_policy",
        {**_ENTRY_KEY, "policyArn": "$policyArn", "accessScope": "$accessScope"},
    ),
    read=Call(
        "list_associated_access_policies",
        _ENTRY_KEY,
        "associatedAccessPolicies[?policyArn==$policyArn] | [0]",
    ),
    delete=Call("disassociate_access_policy", {**_ENTRY_KEY, "policyArn": "$policyArn"}),
)

_ASSOCIATION_KEY: Final = {"clusterName": "$clusterName", "associationId": "$id"}

POD_IDENTITY_ASSOCIATION: Final = ResourceSpec(
    type="aws:eks/podIdentityAssociation:PodIdentityAssociation",
    service="eks",
    properties=(
        input_("clusterName", "clusterName", required=True, replaces=True),
        input_("namespace", "namespace", required=True, replaces=True),
        input_("serviceAccount", "serviceAccount", required=True, replaces=True),
        input_("roleArn", "roleArn", required=True),
        input_("targetRoleArn", "targetRoleArn"),
        input_("disableSessionTags", "disableSessionTags", default=False),
        input_("policy", "policy", converter=POLICY),
        computed("associationArn", "associationArn"),
        computed("associationId", "associationId"),
        computed("externalId", "externalId", volatile=True),
    ),
    id=Id(answer="association.associationId", imported=("clusterName", "id"), separator=","),
    unique_by=("clusterName", "namespace", "serviceAccount"),
    create=Call(
        "create_pod_identity_association",
        {
            "clusterName": "$clusterName",
            "namespace": "$namespace",
            "serviceAccount": "$serviceAccount",
            "roleArn": "$roleArn",
            "targetRoleArn": "$targetRoleArn",
            "disableSessionTags": "$disableSessionTags",
            "policy": "$policy",
            "tags": "$tagsAll",
        },
    ),
    read=Call("describe_pod_identity_association", _ASSOCIATION_KEY, "association"),
    updates=(
        Update(
            ("roleArn", "targetRoleArn", "disableSessionTags", "policy"),
            Call(
                "update_pod_identity_association",
                {
                    **_ASSOCIATION_KEY,
                    "roleArn": "$roleArn",
                    # The official provider does not send removed properties, and EKS keeps their values.
                    "targetRoleArn": "$targetRoleArn",
                    "disableSessionTags": "$disableSessionTags",
                    "policy": "$policy",
                },
            ),
        ),
    ),
    delete=Call("delete_pod_identity_association", _ASSOCIATION_KEY),
    tags=eks_tags("associationArn"),
)

SPECS: Final = (ACCESS_ENTRY, ACCESS_POLICY_ASSOCIATION, POD_IDENTITY_ASSOCIATION)
