"""EKS: who may enter a cluster, and what its pods may become."""

from __future__ import annotations

from typing import Final

from lab.plugins.aws.forms import POLICY, TIME, Form
from lab.plugins.aws.row import Call, Id, Row, Update, given, seen
from lab.plugins.aws.rows.eks import eks_tags

_ENTRY_KEY: Final = {"clusterName": "$clusterName", "principalArn": "$principalArn"}

ACCESS_ENTRY: Final = Row(
    type="aws:eks/accessEntry:AccessEntry",
    service="eks",
    properties=(
        given("clusterName", "clusterName", required=True, replaces=True),
        given("principalArn", "principalArn", required=True, replaces=True),
        given("kubernetesGroups", "kubernetesGroups", computed=True),
        given("type", "type", default="STANDARD", replaces=True),
        given("userName", "username", computed=True),
        seen("accessEntryArn", "accessEntryArn"),
        seen("createdAt", "createdAt", TIME),
        seen("modifiedAt", "modifiedAt", TIME, volatile=True),
    ),
    id=Id(("clusterName", "principalArn")),
    only_one=("clusterName", "principalArn"),
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

_SCOPE: Final = Form(send=lambda value: {key: item for key, item in value.items() if item})

ACCESS_POLICY_ASSOCIATION: Final = Row(
    type="aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    service="eks",
    properties=(
        given("clusterName", required=True, replaces=True),
        given("principalArn", required=True, replaces=True),
        given("policyArn", "policyArn", required=True, replaces=True),
        given("accessScope", "accessScope", required=True, replaces=True, form=_SCOPE),
        seen("associatedAt", "associatedAt", TIME),
        seen("modifiedAt", "modifiedAt", TIME, volatile=True),
    ),
    id=Id(("clusterName", "principalArn", "policyArn"), separator="#"),
    only_one=("clusterName", "principalArn", "policyArn"),
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

POD_IDENTITY_ASSOCIATION: Final = Row(
    type="aws:eks/podIdentityAssociation:PodIdentityAssociation",
    service="eks",
    properties=(
        given("clusterName", "clusterName", required=True, replaces=True),
        given("namespace", "namespace", required=True, replaces=True),
        given("serviceAccount", "serviceAccount", required=True, replaces=True),
        given("roleArn", "roleArn", required=True),
        given("targetRoleArn", "targetRoleArn"),
        given("disableSessionTags", "disableSessionTags", default=False),
        given("policy", "policy", form=POLICY),
        seen("associationArn", "associationArn"),
        seen("associationId", "associationId"),
        seen("externalId", "externalId", volatile=True),
    ),
    id=Id(answer="association.associationId", imported=("clusterName", "id"), separator=","),
    only_one=("clusterName", "namespace", "serviceAccount"),
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
                    # The official provider sends nothing where the program says nothing any more, and EKS keeps both.
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

ROWS: Final = (ACCESS_ENTRY, ACCESS_POLICY_ASSOCIATION, POD_IDENTITY_ASSOCIATION)
