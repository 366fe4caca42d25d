"""A test double of control planes that records all calls, so that EKS is tested without a real cluster."""

from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.errors import StartError
from lab.interfaces import ClusterIdentity, ClusterKey, NodeGroup, NodeInstance

AUDIENCE = "pods.eks.amazonaws.com"

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_CERTIFICATE = trustme.CA().cert_pem.bytes().decode()


class RecordingControlPlane:
    def __init__(self, key: ClusterKey, identity: ClusterIdentity) -> None:
        self.key = key
        self.endpoint = "https://127.0.0.1:16443"
        self.certificate_authority = _CERTIFICATE
        self.issuer = f"https://oidc.eks.{key.region}.amazonaws.com/id/{uuid.uuid4().hex.upper()}"
        self.identities = [identity]
        self.node_groups: dict[str, NodeGroup] = {}
        self.calls: list[str] = []
        self.mapped_roles: list[str] = []
        self.pods: set[tuple[str, str, str]] = set()
        self.stopped = False
        self.node_failure: Exception | None = None
        self.identity_failure: Exception | None = None
        self.stop_failure: Exception | None = None
        self.may_apply = threading.Event()
        self.may_apply.set()

    @property
    def identity(self) -> ClusterIdentity:
        return self.identities[-1]

    def jwks(self) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_KEY.public_key()))
        return {"keys": [{**key, "kid": self.key.name, "alg": "RS256", "use": "sig"}]}

    def token(
        self, namespace: str = "default", service_account: str = "test-sa", pod: str = "pod-after", **changes: Any
    ) -> str:
        """Return a token bound to a pod. `changes` replace claims; `forged=True` signs with another key."""
        forged = changes.pop("forged", False)
        uid = str(uuid.uuid5(uuid.NAMESPACE_DNS, pod))
        self.pods.add((namespace, pod, uid))
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": f"system:serviceaccount:{namespace}:{service_account}",
            "aud": [AUDIENCE],
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": service_account, "uid": str(uuid.uuid4())},
                "pod": {"name": pod, "uid": uid},
            },
        }
        signer = _OTHER_KEY if forged else _KEY
        return jwt.encode(claims | changes, signer, algorithm="RS256", headers={"kid": self.key.name})

    def apply_identity(self, identity: ClusterIdentity) -> None:
        self.may_apply.wait()
        if self.identity_failure:
            raise self.identity_failure
        self.identities.append(identity)

    def add_node_group(self, group: NodeGroup) -> None:
        if self.node_failure:
            raise self.node_failure
        assert group.name not in self.node_groups, "the node group already exists"
        self.calls.append(f"add {group.name}")
        self.node_groups[group.name] = group

    def remove_node_group(self, name: str) -> None:
        self.calls.append(f"remove {name}")
        del self.node_groups[name]

    def list_instances(self, node_group: str) -> list[NodeInstance]:
        group = self.node_groups.get(node_group)
        zone, launched = f"{self.key.region}a", datetime.now(UTC)
        names = [f"{node_group}-{number}" for number in range(group.size if group else 0)]
        return [NodeInstance(f"i-{sha256(name.encode()).hexdigest()[:17]}", name, zone, launched) for name in names]

    def map_node_role(self, role_arn: str) -> None:
        self.mapped_roles.append(role_arn)

    def pod_exists(self, namespace: str, name: str, uid: str) -> bool:
        return (namespace, name, uid) in self.pods

    def stop(self) -> None:
        assert not self.stopped, "stopped twice"
        if self.stop_failure:
            raise self.stop_failure
        self.stopped = True


class RecordingControlPlanes:
    """Starts recording control planes after `may_start` is set. Clusters with names in `failing` do not start."""

    def __init__(self) -> None:
        self.started: dict[ClusterKey, RecordingControlPlane] = {}
        self.may_start = threading.Event()
        self.may_start.set()
        self.failing: set[str] = set()

    def start(self, key: ClusterKey, identity: ClusterIdentity) -> RecordingControlPlane:
        self.may_start.wait()
        if key.name in self.failing:
            raise StartError("kube-apiserver did not answer", fix="read its log")
        plane = RecordingControlPlane(key, identity)
        self.started[key] = plane
        return plane

    def find(self, name: str) -> RecordingControlPlane:
        return next(plane for key, plane in self.started.items() if key.name == name)
