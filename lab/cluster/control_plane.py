"""One running cluster: what the cloud starts for CreateCluster and steers from then on.

    etcd ── kube-apiserver ─┬─ kube-controller-manager
                            ├─ aws-iam-authenticator      who is this token?        (authenticator, principals)
                            ├─ webhook /authorize         do access policies allow? (authorizer, access_policies)
                            └─ webhook /mutate            which AWS identity?       (admission, pod_identity)

Everything lies in one folder, with a certificate authority of the cluster's own, and is removed with it.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lab.cluster import api_server, authorizer, controllers, documents, etcd
from lab.cluster.authenticator import Authenticator
from lab.cluster.kubernetes import Administrator
from lab.cluster.nodes import NodeGroups
from lab.cluster.ports import ReservedPort
from lab.cluster.webhooks import WebhookServer
from lab.interfaces import CloudAccess, ClusterIdentity, ClusterKey, InstanceRoles, NodeGroup, Programs
from lab.pki import CertificateAuthority, CertificateFiles, write_secret

_DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}
_SERVICE_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")


class LocalControlPlane:
    """Implements `lab.interfaces.ControlPlane`. The constructor starts everything, and raises `StartError` with nothing
    left behind but the logs where that fails.
    """

    def __init__(
        self,
        key: ClusterKey,
        identity: ClusterIdentity,
        *,
        folder: Path,
        webhooks: WebhookServer,
        serving: CertificateFiles,
        trusted: Path,
        programs: Programs,
        cloud: CloudAccess,
        instance_roles: InstanceRoles,
        progress: Callable[[str, float], None],
    ) -> None:
        self.key = key
        self.id = secrets.token_hex(16).upper()
        suffix = _DNS_SUFFIXES.get(key.partition, "amazonaws.com")
        self.issuer = f"https://oidc.eks.{key.region}.{suffix}/id/{self.id}"
        name = f"{key.account}-{key.region}-{key.name}-{self.id[:8].lower()}"
        self.folder = folder / name
        self.logs = folder / "logs" / name
        self.kubeconfig = self.folder / "admin.kubeconfig"
        self._identity = identity
        self._applying = threading.Lock()
        self._webhooks = webhooks
        self._serving = serving
        self._trusted = trusted
        self._programs = programs
        self._cloud = cloud
        self._instance_roles = instance_roles
        self._progress = progress
        self._admission_seen = threading.Event()
        self._resources = ExitStack()
        try:
            with self._timed("ready"):
                self._start()
        except BaseException:
            self._resources.close()
            raise

    @property
    def certificate_authority(self) -> str:
        return self._authority.pem

    def jwks(self) -> Mapping[str, Any]:
        return self._administrator.jwks()

    def apply_identity(self, identity: ClusterIdentity) -> None:
        """Put `identity` into effect; returns when it is.

        A token that the API server let in during the last ten seconds is still let in until they are over.
        """
        with self._applying:
            self._identity = identity
            self._authenticator.apply(identity)

    def add_node_group(self, group: NodeGroup) -> None:
        with self._timed(f"node group {group.name}"):
            self._node_groups.add(group)

    def remove_node_group(self, name: str) -> None:
        self._node_groups.remove(name)

    def map_node_role(self, role_arn: str) -> None:
        self._administrator.map_node_role(role_arn)

    def pod_exists(self, namespace: str, name: str, uid: str) -> bool:
        return self._administrator.pod_exists(namespace, name, uid)

    def stop(self) -> None:
        """Stop everything and remove the folder and the logs; a second call does nothing."""
        self._resources.close()
        shutil.rmtree(self.logs, ignore_errors=True)

    def _start(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True)
        self._resources.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.logs.mkdir(mode=0o700, parents=True)
        with ThreadPoolExecutor(max_workers=4, thread_name_prefix=f"start {self.key.name}") as pool:
            data = pool.submit(self._start_etcd)
            signing = pool.submit(api_server.SigningKeys.generate, self.folder)
            with self._timed("certificates"):
                server = self._prepare(signing.result())
            data.result()
            with self._timed("kube-apiserver"):
                process = api_server.start(self._programs.kube_apiserver, server, self.folder, self.logs)
                self._resources.callback(process.kill)
                api_server.wait_ready(process, self._administrator.http)
            working = pool.submit(self._start_controllers)
            known = pool.submit(self._start_authenticator)
            self._administrator.register_webhook(self._mutate_url, self._trusted)
            working.result()
            known.result()
            with self._timed("pod identity webhook"):
                process.wait_until(self._webhook_is_asked, what="asking the pod identity webhook", timeout=30)
        # Last in, first out: nodes say goodbye to an API server that still answers.
        self._resources.callback(self._node_groups.stop)

    def _prepare(self, signing: api_server.SigningKeys) -> api_server.Settings:
        """Certificates, kubeconfigs and ports: all that the programs must find when they start."""
        self._authority = CertificateAuthority(self.folder / "pki")
        names = ("127.0.0.1", "localhost", api_server.KUBERNETES_SERVICE, *_SERVICE_NAMES)
        serving = self._authority.issue("kube-apiserver", *names)
        kubelet_client = self._client_certificate("kube-apiserver-kubelet-client")
        administrator = self._client_certificate("lab-admin")
        port = ReservedPort()
        self._resources.callback(port.release)
        self.endpoint = f"https://127.0.0.1:{port.number}"
        self._write_kubeconfig(self.kubeconfig, "lab-admin", administrator)
        self._administrator = Administrator(self.endpoint, self.kubeconfig, self._authority.file, administrator)
        self._resources.callback(self._administrator.close)
        self._authenticator = Authenticator(
            self._programs.aws_iam_authenticator,
            self.key,
            self._identity,
            folder=self.folder / "authenticator",
            logs=self.logs,
            serving=self._serving,
            trusted=self._trusted,
            admin_kubeconfig=self.kubeconfig,
            cloud=self._cloud,
        )
        self._resources.callback(self._authenticator.stop)
        self._node_groups = NodeGroups(
            self.key,
            folder=self.folder / "nodes",
            kubeconfig=self.kubeconfig,
            authority=self._authority,
            cloud=self._cloud,
            instance_roles=self._instance_roles,
            programs=self._programs,
            agent_installed=lambda: self._identity.pod_identity_agent,
        )
        return api_server.Settings(
            port=port.number,
            issuer=self.issuer,
            serving=serving,
            kubelet_client=kubelet_client,
            authority=self._authority,
            signing=signing,
            authenticator_kubeconfig=self._authenticator.kubeconfig,
            authorizer_kubeconfig=self._serve_webhooks(),
        )

    def _serve_webhooks(self) -> Path:
        authorize, mutate = f"/{self.id}/authorize", f"/{self.id}/mutate"
        url = self._webhooks.serve(authorize, lambda review: authorizer.review(review, self._identity))
        self._mutate_url = self._webhooks.serve(mutate, self._mutate)
        for path in (authorize, mutate):
            self._resources.callback(self._webhooks.withdraw, path)
        document = documents.kubeconfig(
            "eks-access-policies", server=url, certificate_authority=self._trusted, user="kube-apiserver"
        )
        return write_secret(self.folder / "authorizer.kubeconfig", document)

    def _mutate(self, review: Mapping[str, Any]) -> Mapping[str, Any]:
        self._admission_seen.set()
        return self._administrator.review_pod(review, self._identity, self.key.region)

    def _webhook_is_asked(self) -> bool:
        self._administrator.try_pod()
        return self._admission_seen.is_set()

    def _start_etcd(self) -> None:
        with self._timed("etcd"):
            self._resources.callback(etcd.start(self._programs.etcd, self.folder, self.logs).kill)

    def _start_controllers(self) -> None:
        with self._timed("controllers"):
            certificate = self._client_certificate("system:kube-controller-manager")
            kubeconfig = self.folder / "controllers.kubeconfig"
            self._write_kubeconfig(kubeconfig, "system:kube-controller-manager", certificate)
            program, root_ca = self._programs.kube_controller_manager, self._authority.file
            process = controllers.start(program, kubeconfig, root_ca, self.folder, self.logs)
            self._resources.callback(process.kill)
            controllers.wait_ready(process, self._administrator.client)

    def _start_authenticator(self) -> None:
        with self._timed("aws-iam-authenticator"):
            self._authenticator.start(self._identity)

    def _client_certificate(self, user: str) -> CertificateFiles:
        name = user.replace(":", "-")
        return self._authority.issue(name, common_name=user, organization="system:masters")

    def _write_kubeconfig(self, path: Path, user: str, client: CertificateFiles) -> None:
        document = documents.kubeconfig(
            self.key.name,
            server=self.endpoint,
            certificate_authority=self._authority.file,
            user=user,
            client=client,
        )
        write_secret(path, document)

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        begin = time.monotonic()
        yield
        self._progress(f"{self.key.name}: {part}", time.monotonic() - begin)
