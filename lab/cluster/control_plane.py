"""One running cluster, which the lab's AWS starts for CreateCluster and controls afterwards.

    etcd ── kube-apiserver ─┬─ kube-controller-manager
                            ├─ aws-iam-authenticator    authenticates IAM tokens   (authenticator, authenticator_files)
                            ├─ webhook /authorize       evaluates access policies  (authorizer, access_policies)
                            └─ webhook /mutate          adds AWS identity to pods  (admission, pod_identity)

All files are in one folder with the cluster's own certificate authority. `stop` removes the folder.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lab.cluster import api_server, authorizer, config_files, controllers, etcd
from lab.cluster.admin_client import AdminClient
from lab.cluster.authenticator import Authenticator
from lab.cluster.node import Confinement
from lab.cluster.node_groups import NodeGroups
from lab.cluster.ports import ReservedPort
from lab.cluster.supervision import SupervisedProcess
from lab.cluster.webhooks import WebhookServer
from lab.interfaces import CloudAccess, ClusterIdentity, ClusterKey, InstanceRoles, NodeGroup, NodeInstance, Programs
from lab.pki import CertificateAuthority, CertificateFiles, write_secret

_DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}
_SERVICE_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")


class LocalControlPlane:
    """A running cluster that implements `lab.interfaces.ControlPlane`.

    The constructor starts all programs. If it fails, it raises `StartError` and leaves nothing but the logs.
    """

    def __init__(
        self,
        key: ClusterKey,
        identity: ClusterIdentity,
        *,
        folder: Path,
        webhooks: WebhookServer,
        serving: CertificateFiles,
        lab_ca: Path,
        programs: Programs,
        cloud: CloudAccess,
        instance_roles: InstanceRoles,
        confinement: Confinement,
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
        self._identity_lock = threading.Lock()
        self._webhooks = webhooks
        self._serving = serving
        self._lab_ca = lab_ca
        self._programs = programs
        self._cloud = cloud
        self._instance_roles = instance_roles
        self._confinement = confinement
        self._progress = progress
        self._webhook_called = threading.Event()
        self._resources = ExitStack()
        try:
            with self._measure("ready"):
                self._start()
        except BaseException:
            self._resources.close()
            raise

    @property
    def certificate_authority(self) -> str:
        return self._authority.pem

    def jwks(self) -> Mapping[str, Any]:
        return self._admin.jwks()

    def apply_identity(self, identity: ClusterIdentity) -> None:
        """Apply `identity` and return when it is in effect.

        The API server caches a valid token for ten seconds. A token that it accepted before stays valid for that time.
        """
        with self._identity_lock:
            self._identity = identity
            self._authenticator.apply(identity)

    def add_node_group(self, group: NodeGroup) -> None:
        with self._measure(f"node group {group.name}"):
            self._node_groups.add(group)

    def remove_node_group(self, name: str) -> None:
        self._node_groups.remove(name)

    def list_instances(self, node_group: str) -> Sequence[NodeInstance]:
        return self._node_groups.list_instances(node_group)

    def map_node_role(self, role_arn: str) -> None:
        self._admin.map_node_role(role_arn)

    def pod_exists(self, namespace: str, name: str, uid: str) -> bool:
        return self._admin.pod_exists(namespace, name, uid)

    def stop(self) -> None:
        """Stop all programs and remove the folder and the logs; a second call does nothing."""
        self._resources.close()
        shutil.rmtree(self.logs, ignore_errors=True)

    def _start(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True)
        self._resources.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.logs.mkdir(mode=0o700, parents=True)
        with ThreadPoolExecutor(max_workers=4, thread_name_prefix=f"start {self.key.name}") as pool:
            etcd_start = pool.submit(self._start_etcd)
            signing = pool.submit(api_server.SigningKeys.generate, self.folder)
            with self._measure("certificates"):
                settings = self._prepare_api_server(signing.result())
            etcd_start.result()
            with self._measure("kube-apiserver"):
                supervised = SupervisedProcess(
                    lambda: api_server.start(self._programs.kube_apiserver, settings, self.folder, self.logs)
                )
                self._resources.callback(supervised.kill)
                process = supervised.process
                api_server.wait_ready(process, self._admin.http)
            controllers_start = pool.submit(self._start_controllers)
            authenticator_start = pool.submit(self._start_authenticator)
            self._admin.register_webhook(self._mutate_url, self._lab_ca)
            controllers_start.result()
            authenticator_start.result()
            with self._measure("pod identity webhook"):
                process.wait_until(self._is_webhook_called, what="calling the pod identity webhook", timeout=30)
        supervised.supervise()
        # The stack closes in reverse order, so that nodes stop while the API server still runs.
        self._resources.callback(self._node_groups.stop)

    def _prepare_api_server(self, signing: api_server.SigningKeys) -> api_server.ApiServerSettings:
        """Create the certificates, kubeconfigs and ports that the programs need when they start."""
        self._authority = CertificateAuthority(self.folder / "pki")
        names = ("127.0.0.1", "localhost", api_server.KUBERNETES_SERVICE_IP, *_SERVICE_NAMES)
        serving = self._authority.issue("kube-apiserver", *names)
        kubelet_client = self._client_certificate("kube-apiserver-kubelet-client")
        administrator = self._client_certificate("lab-admin")
        port = ReservedPort()
        self._resources.callback(port.release)
        self.endpoint = f"https://127.0.0.1:{port.number}"
        self._write_kubeconfig(self.kubeconfig, "lab-admin", administrator)
        self._admin = AdminClient(self.endpoint, self.kubeconfig, self._authority.file, administrator)
        self._resources.callback(self._admin.close)
        self._authenticator = Authenticator(
            self._programs.aws_iam_authenticator,
            self.key,
            self._identity,
            folder=self.folder / "authenticator",
            logs=self.logs,
            serving=self._serving,
            trusted=self._lab_ca,
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
            confinement=self._confinement,
        )
        return api_server.ApiServerSettings(
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
        url = self._webhooks.register(authorize, lambda review: authorizer.review(review, self._identity))
        self._mutate_url = self._webhooks.register(mutate, self._mutate)
        for path in (authorize, mutate):
            self._resources.callback(self._webhooks.unregister, path)
        document = config_files.build_kubeconfig(
            "eks-access-policies", server=url, certificate_authority=self._lab_ca, user="kube-apiserver"
        )
        return write_secret(self.folder / "authorizer.kubeconfig", document)

    def _mutate(self, review: Mapping[str, Any]) -> Mapping[str, Any]:
        self._webhook_called.set()
        return self._admin.review_pod(review, self._identity, self.key.region)

    def _is_webhook_called(self) -> bool:
        self._admin.dry_run_pod()
        return self._webhook_called.is_set()

    def _start_etcd(self) -> None:
        with self._measure("etcd"):
            self._resources.callback(etcd.start(self._programs.etcd, self.folder, self.logs).kill)

    def _start_controllers(self) -> None:
        with self._measure("controllers"):
            certificate = self._client_certificate("system:kube-controller-manager")
            kubeconfig = self.folder / "controllers.kubeconfig"
            self._write_kubeconfig(kubeconfig, "system:kube-controller-manager", certificate)
            program, root_ca = self._programs.kube_controller_manager, self._authority.file
            process = controllers.start(program, kubeconfig, root_ca, self.folder, self.logs)
            self._resources.callback(process.kill)
            controllers.wait_ready(process, self._admin.client)

    def _start_authenticator(self) -> None:
        with self._measure("aws-iam-authenticator"):
            self._authenticator.start(self._identity)

    def _client_certificate(self, user: str) -> CertificateFiles:
        name = user.replace(":", "-")
        return self._authority.issue(name, common_name=user, organization="system:masters")

    def _write_kubeconfig(self, path: Path, user: str, client: CertificateFiles) -> None:
        document = config_files.build_kubeconfig(
            self.key.name,
            server=self.endpoint,
            certificate_authority=self._authority.file,
            user=user,
            client=client,
        )
        write_secret(path, document)

    @contextmanager
    def _measure(self, part: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self._progress(f"{self.key.name}: {part}", time.monotonic() - start)
