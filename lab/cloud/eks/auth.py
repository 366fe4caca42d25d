"""EKS Auth: exchanges a pod's token for credentials of the role that is associated with its service account.

The checks run in this order:

1. The token is signed by the cluster, has the audience of Pod Identity and has not expired.
2. The pod to which the token is bound exists.
3. The namespace and service account have a Pod Identity association.
4. The role trusts EKS Pod Identity.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from moto.core.responses import ActionResult

from lab.cloud import identity, tokens
from lab.cloud.eks import errors
from lab.cloud.eks.pod_identity import SERVICE
from lab.cloud.eks.records import AssociationRecord
from lab.cloud.eks.rest_json import RestJsonResponse
from lab.cloud.eks.store import ClusterRecord, Store
from lab.interfaces import ClusterKey, ControlPlane, Credentials

CHAINED_DURATION = 3600
"""Seconds. The maximum for a session that is opened with another role's credentials (role chaining)."""
DURATION = 6 * 3600
"""Seconds. Credentials of EKS Auth are valid for six hours."""


class EksAuthResponse(RestJsonResponse):
    """The service `eks-auth` with its only operation. It reads the clusters in the store of EKS."""

    store: ClassVar[Store]

    def __init__(self) -> None:
        super().__init__("eks-auth")

    def assume_role_for_pod_identity(self) -> ActionResult:
        cluster, control_plane = self._find_cluster(self.params["clusterName"])
        claims = _verify_token(self.params["token"], control_plane)
        pod = _Pod.of(claims)
        if not control_plane.pod_exists(pod.namespace, pod.name, pod.uid):
            raise errors.InvalidTokenException(
                f"The token is bound to the pod {pod.namespace}/{pod.name} with uid {pod.uid}, which does not exist"
            )
        with self.store.lock:
            association = cluster.association_of(pod.namespace, pod.service_account)
        if association is None:
            raise errors.ResourceNotFoundException(
                f"No association found for service account {pod.service_account} in namespace {pod.namespace}"
            )
        session_name = f"eks-{cluster.key.name[:10]}-{pod.name[:10]}-{uuid.uuid4()}"
        try:
            role_arn, credentials = _open_session(cluster, association, pod, session_name)
        except PermissionError as error:
            raise errors.AccessDeniedException(str(error)) from error
        return ActionResult(_result(association, role_arn, session_name, credentials))

    def _find_cluster(self, name: str) -> tuple[ClusterRecord, ControlPlane]:
        key = ClusterKey(account=self.current_account, region=self.region, name=name, partition=self.partition)
        with self.store.lock:
            cluster = self.store.clusters.get(key)
            if cluster is None or cluster.control_plane is None:
                raise errors.ResourceNotFoundException(f"No cluster found for name: {name}.")
            return cluster, cluster.control_plane


class _Pod:
    """The pod to which a service account token is bound."""

    def __init__(self, namespace: str, service_account: str, name: str, uid: str) -> None:
        self.namespace = namespace
        self.service_account = service_account
        self.name = name
        self.uid = uid

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> _Pod:
        """Return the pod in a token's `kubernetes.io` claim. The claim has a pod only if the token is bound to it."""
        bound = claims.get("kubernetes.io", {})
        try:
            pod = cls(bound["namespace"], bound["serviceaccount"]["name"], bound["pod"]["name"], bound["pod"]["uid"])
        except (KeyError, TypeError) as error:
            raise errors.InvalidTokenException("The token is not bound to a pod of a service account") from error
        if claims["sub"] != f"system:serviceaccount:{pod.namespace}:{pod.service_account}":
            raise errors.InvalidTokenException(
                f"The token's subject {claims['sub']} is not the service account of its pod"
            )
        return pod

    def session_tags(self, cluster: ClusterKey) -> dict[str, str]:
        """Return the six session tags of EKS, which trust and permissions policies can use."""
        return {
            "eks-cluster-arn": cluster.arn,
            "eks-cluster-name": cluster.name,
            "kubernetes-namespace": self.namespace,
            "kubernetes-service-account": self.service_account,
            "kubernetes-pod-name": self.name,
            "kubernetes-pod-uid": self.uid,
        }


def _verify_token(token: str, control_plane: ControlPlane) -> Mapping[str, Any]:
    """Verify that the cluster signed `token` for EKS Pod Identity, and return its claims."""
    try:
        return identity.decode_token(token, jwks=control_plane.jwks(), issuer=control_plane.issuer, audiences=[SERVICE])
    except tokens.TokenExpiredError as error:
        raise errors.ExpiredTokenException(str(error)) from error
    except tokens.TokenError as error:
        raise errors.InvalidTokenException(str(error)) from error


def _open_session(
    cluster: ClusterRecord, association: AssociationRecord, pod: _Pod, name: str
) -> tuple[str, Credentials]:
    """Assume the association's role, and with it the target role if there is one.

    The association's policy becomes the session policy of the last session. Return the ARN of the last role and the
    credentials of its session.
    """
    tags = {} if association.disable_session_tags else pod.session_tags(cluster.key)
    target = association.target_role_arn
    credentials = identity.open_service_session(
        association.role_arn,
        service=SERVICE,
        session_name=name,
        tags=tags,
        transitive=True,
        source_arn=cluster.key.arn,
        source_account=cluster.key.account,
        duration=CHAINED_DURATION if target else DURATION,
        policy=None if target else association.policy,
    )
    if target is None:
        return association.role_arn, credentials
    chained = identity.open_service_session(
        target,
        service=SERVICE,
        session_name=name,
        tags=tags,
        transitive=True,
        duration=CHAINED_DURATION,
        policy=association.policy,
        session_access_key_id=credentials.access_key_id,
        external_id=association.external_id,
    )
    return target, chained


def _result(
    association: AssociationRecord,
    role_arn: str,
    session_name: str,
    credentials: Credentials,
) -> dict[str, Any]:
    _, partition, _, _, account, resource = role_arn.split(":", 5)
    role = identity.find_principal(role_arn)
    role_name = resource.rpartition("/")[2]
    return {
        "subject": {"namespace": association.namespace, "serviceAccount": association.service_account},
        "audience": SERVICE,
        "podIdentityAssociation": {
            "associationArn": association.arn,
            "associationId": association.association_id,
        },
        "assumedRoleUser": {
            "arn": f"arn:{partition}:sts::{account}:assumed-role/{role_name}/{session_name}",
            "assumeRoleId": f"{role.unique_id if role else ''}:{session_name}",
        },
        "credentials": {
            "accessKeyId": credentials.access_key_id,
            "secretAccessKey": credentials.secret_access_key,
            "sessionToken": credentials.session_token,
            "expiration": credentials.expiration,
        },
        "workloadIdentityProviderArn": None,
    }
