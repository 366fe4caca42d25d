"""API calls that the lab itself makes to a cluster, as a cluster administrator."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
from lightkube import ApiError, Client, KubeConfig
from lightkube.models.core_v1 import Container, PodSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Pod
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random_exponential

from lab.cluster import admission, aws_auth
from lab.interfaces import ClusterIdentity
from lab.pki import CertificateFiles

AWS_AUTH = "aws-auth"
SYSTEM_NAMESPACE = "kube-system"


def _is_conflict(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.status.code == HTTPStatus.CONFLICT


class AdminClient:
    """A client of one cluster's API server, whose client certificate is in the group system:masters."""

    def __init__(self, endpoint: str, kubeconfig: Path, authority: Path, certificate: CertificateFiles) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(certificate.certificate, certificate.key)
        self.http = httpx2.Client(base_url=endpoint, verify=context, trust_env=False, timeout=10)
        self.client = Client(config=KubeConfig.from_file(str(kubeconfig)), trust_env=False, timeout=httpx2.Timeout(10))

    def close(self) -> None:
        self.http.close()
        self.client.close()

    def jwks(self) -> Mapping[str, Any]:
        keys: Mapping[str, Any] = self.http.get("/openid/v1/jwks").raise_for_status().json()
        return keys

    def pod_exists(self, namespace: str, name: str, uid: str) -> bool:
        try:
            pod = self.client.get(Pod, name, namespace=namespace)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise
            return False
        return pod.metadata is not None and pod.metadata.uid == uid

    @retry(
        retry=retry_if_exception(_is_conflict),
        stop=stop_after_delay(30),
        wait=wait_random_exponential(0.01, 0.5),
        reraise=True,
    )
    def map_node_role(self, role_arn: str) -> None:
        """Add the role to aws-auth. Retry up to 30 s if another writer changed the ConfigMap in between."""
        try:
            config_map = self.client.get(ConfigMap, AWS_AUTH, namespace=SYSTEM_NAMESPACE)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise
            metadata = ObjectMeta(name=AWS_AUTH, namespace=SYSTEM_NAMESPACE)
            self.client.create(ConfigMap(metadata=metadata, data={"mapRoles": aws_auth.add_node_role("", role_arn)}))
            return
        data = dict(config_map.data or {})
        before = data.get("mapRoles", "")
        data["mapRoles"] = aws_auth.add_node_role(before, role_arn)
        if data["mapRoles"] != before:
            config_map.data = data
            self.client.replace(config_map)

    def register_webhook(self, url: str, ca_file: Path) -> None:
        self.client.create(admission.build_webhook_configuration(url, ca_file))

    def review_pod(self, admission_review: Mapping[str, Any], identity: ClusterIdentity, region: str) -> dict[str, Any]:
        return admission.review(admission_review, self.client, identity, region)

    def dry_run_pod(self) -> None:
        """Create a pod with `dry_run`: it passes admission and is not stored."""
        spec = PodSpec(containers=[Container(name="probe", image="probe")])
        self.client.create(Pod(metadata=ObjectMeta(name="lab-probe", namespace="default"), spec=spec), dry_run=True)
