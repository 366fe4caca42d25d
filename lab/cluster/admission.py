"""Registration of the Pod Identity webhook with the API server, and its responses to AdmissionReviews."""

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

WEBHOOK_NAME = "pod-identity-webhook"


def build_webhook_configuration(url: str, ca_file: Path) -> MutatingWebhookConfiguration:
    """Return the webhook configuration that EKS registers. If the webhook fails, the pod is admitted unchanged."""
    webhook = MutatingWebhook(
        name="iam-for-pods.amazonaws.com",
        clientConfig=WebhookClientConfig(url=url, caBundle=base64.b64encode(ca_file.read_bytes()).decode()),
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
    return MutatingWebhookConfiguration(metadata=ObjectMeta(name=WEBHOOK_NAME), webhooks=[webhook])


def review(
    admission_review: Mapping[str, Any], client: Client, identity: ClusterIdentity, region: str
) -> dict[str, Any]:
    """Return the review with its response: always allowed, and patched if the service account has an AWS identity.

    Each call reads the service account from the API, so that a newly created one is seen.
    """
    request = admission_review["request"]
    response: dict[str, Any] = {"uid": request["uid"], "allowed": True}
    pod, namespace = request["object"], request["namespace"]
    name = pod["spec"].get("serviceAccountName") or "default"
    annotations = _read_annotations(client, namespace, name)
    associated = any(
        (association.namespace, association.service_account) == (namespace, name)
        for association in identity.associations
    )
    patch = pod_identity.mutate(pod, annotations, associated=associated, region=region)
    if patch:
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def _read_annotations(client: Client, namespace: str, name: str) -> Mapping[str, str]:
    try:
        account = client.get(ServiceAccount, name, namespace=namespace)
    except ApiError as error:
        if error.status.code != HTTPStatus.NOT_FOUND:
            raise
        return {}
    return (account.metadata and account.metadata.annotations) or {}
