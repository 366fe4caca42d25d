"""The pod identity webhook as the API server knows it: its registration, and its answers to AdmissionReviews."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from lightkube import ApiError, Client
from lightkube.models.admissionregistration_v1 import (
    MutatingWebhook,
    RuleWithOperations,
    WebhookClientConfig,
)
from lightkube.models.meta_v1 import LabelSelector, LabelSelectorRequirement, ObjectMeta
from lightkube.resources.admissionregistration_v1 import MutatingWebhookConfiguration
from lightkube.resources.core_v1 import ServiceAccount

from lab.cluster import pod_identity
from lab.interfaces import ClusterIdentity

NAME = "pod-identity-webhook"


def registration(url: str, trusted: Path) -> MutatingWebhookConfiguration:
    """As EKS registers it; a failing webhook lets the pod through unchanged."""
    webhook = MutatingWebhook(
        name="iam-for-pods.amazonaws.com",
        clientConfig=WebhookClientConfig(url=url, caBundle=base64.b64encode(trusted.read_bytes()).decode()),
        rules=[RuleWithOperations(apiGroups=[""], apiVersions=["v1"], operations=["CREATE"], resources=["pods"])],
        objectSelector=LabelSelector(
            matchExpressions=[
                LabelSelectorRequirement(key="eks.amazonaws.com/skip-pod-identity-webhook", operator="DoesNotExist")
            ]
        ),
        failurePolicy="Ignore",
        sideEffects="None",
        reinvocationPolicy="IfNeeded",
        timeoutSeconds=10,
        admissionReviewVersions=["v1"],
    )
    return MutatingWebhookConfiguration(metadata=ObjectMeta(name=NAME), webhooks=[webhook])


def review(
    admission_review: Mapping[str, Any], client: Client, identity: ClusterIdentity, region: str
) -> dict[str, Any]:
    """The review with its answer: always allowed, patched where the pod's service account has an AWS identity.

    The service account is read from the API at each call, so that one created a moment ago counts.
    """
    request = admission_review["request"]
    response: dict[str, Any] = {"uid": request["uid"], "allowed": True}
    pod, namespace = request["object"], request["namespace"]
    name = pod["spec"].get("serviceAccountName") or "default"
    annotations = _annotations(client, namespace, name)
    associated = any((each.namespace, each.service_account) == (namespace, name) for each in identity.associations)
    patch = pod_identity.mutate(pod, annotations, associated=associated, region=region)
    if patch:
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def _annotations(client: Client, namespace: str, name: str) -> Mapping[str, str]:
    try:
        account = client.get(ServiceAccount, name, namespace=namespace)
    except ApiError as error:
        if error.status.code != HTTPStatus.NOT_FOUND:
            raise
        return {}
    return (account.metadata and account.metadata.annotations) or {}
