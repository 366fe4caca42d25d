"""A real control plane without nodes, nodes that tests add to it, and a namespace for each test."""

import json
import secrets
import subprocess
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from lab.cluster import Runtime
from lab.cluster.node import Confinement, Node, Timing
from lab.interfaces import AuthenticationMode, CloudAccess, ClusterIdentity, ClusterKey, Credentials, NodeGroup
from lab.pki import CertificateAuthority

KEY = ClusterKey("123456789012", "ap-northeast-1", "node-tests")
NODE_ROLE = "arn:aws:iam::123456789012:role/eks/node-role"
SHORT_INTERVALS = Timing(crash_backoff=0.2, crash_backoff_cap=60, image_backoff=0.2, image_backoff_cap=1, retry=0.2)
TIMEOUT_SECONDS = 60


class InstanceRoles:
    """A fake of EC2 that returns credentials derived from the instance id, and records its calls."""

    def __init__(self):
        self.calls = []

    def credentials(self, role_arn, instance_id):
        self.calls.append((role_arn, instance_id))
        if role_arn.endswith("/untrusting"):
            raise PermissionError("the role does not trust ec2.amazonaws.com")
        expiration = datetime.now(UTC) + timedelta(hours=6)
        return Credentials(f"ASIA{instance_id[2:14].upper()}", "secret", f"session of {instance_id}", expiration)


class Cluster:
    """The control plane, with kubectl and nodes for tests."""

    def __init__(self, control_plane, programs, folder):
        self.kubeconfig = control_plane.kubeconfig
        self.keys = control_plane.folder
        self.folder = folder
        self.programs = programs
        self.authority = CertificateAuthority(control_plane.folder / "pki")
        self.instance_roles = InstanceRoles()
        self.agent_installed = threading.Event()
        self.confinement = Confinement.detect()

    def node(self, *, timing=SHORT_INTERVALS, group=None, kubeconfig=None, confinement=None):
        name = f"ip-192-168-{secrets.randbelow(256)}-{secrets.randbelow(256)}.{KEY.region}.compute.internal"
        return Node(
            name,
            group or NodeGroup("workers", NODE_ROLE),
            KEY,
            kubeconfig or self.kubeconfig,
            CloudAccess("http://127.0.0.1:9", str(self.authority.file), KEY.region),
            self.instance_roles,
            self.folder / name,
            self.programs,
            serving=self.authority.issue(name, "127.0.0.1"),
            client_ca=self.authority.file,
            agent_installed=self.agent_installed.is_set,
            confinement=confinement or self.confinement,
            timing=timing,
        )

    def kubectl(self, *arguments, stdin=None, check=True):
        completed = subprocess.run(
            [self.programs.kubectl, "--kubeconfig", str(self.kubeconfig), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
            env={"HOME": str(self.folder)},
        )
        assert completed.returncode == 0 or not check, completed.stderr
        return completed.stdout if check else completed.stdout + completed.stderr


class Namespace:
    """One namespace of the cluster, used with kubectl."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name

    def kubectl(self, *arguments, **options):
        return self.cluster.kubectl("-n", self.name, *arguments, **options)

    def apply(self, *documents):
        self.kubectl("apply", "-f", "-", stdin="\n".join(map(json.dumps, documents)))

    def run(self, name, **spec):
        """Create a pod with one container `main`. Fields of a container go into it, all others into the pod's spec."""
        container = {"name": "main", "image": "busybox"}
        for key in ("image", "command", "args", "env", "envFrom", "volumeMounts", "workingDir"):
            if key in spec:
                container[key] = spec.pop(key)
        self.apply(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], **spec}}
        )

    def shell(self, name, script, **spec):
        """Run `script` in a pod until it succeeds, and return its output."""
        self.run(name, command=["sh", "-c", script], restartPolicy="Never", **spec)
        self.wait(name, "{.status.phase}", "Succeeded")
        return self.kubectl("logs", name)

    @staticmethod
    def eventually(check):
        return eventually(check)

    def pod(self, name):
        return json.loads(self.kubectl("get", "pod", name, "-o", "json"))

    def wait(self, name, path, value):
        self.kubectl("wait", f"pod/{name}", f"--for=jsonpath={path}={value}", f"--timeout={TIMEOUT_SECONDS - 5}s")

    def follow(self, name, *arguments):
        """Start `kubectl logs -f` and return its process."""
        command = [self.cluster.programs.kubectl, "--kubeconfig", str(self.cluster.kubeconfig), "-n", self.name]
        return subprocess.Popen([*command, "logs", "-f", name, *arguments], stdout=subprocess.PIPE, text=True)

    def volume(self, pod, name):
        """Return the folder of the pod's volume."""
        document = self.pod(pod)
        node, uid = document["spec"]["nodeName"], document["metadata"]["uid"]
        return self.cluster.folder / node / "pods" / uid / "volumes" / name

    def assert_event(self, name, reason, message=""):
        """Assert that kubectl shows such an event of the pod."""
        query = f"involvedObject.name={name},reason={reason}"
        listing = json.loads(self.kubectl("get", "events", "-o", "json", "--field-selector", query))
        assert any(message in event["message"] for event in listing["items"])


def eventually(check):
    """Retry `check` until it succeeds, and return its result."""
    return retry(wait=wait_fixed(0.1), stop=stop_after_delay(TIMEOUT_SECONDS), reraise=True)(check)()


@pytest.fixture(scope="session")
def cluster(programs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nodes")
    authority = CertificateAuthority(folder / "authority")
    cloud = CloudAccess("http://127.0.0.1:9", str(authority.file), KEY.region)
    runtime = Runtime(folder / "clusters", authority, programs, cloud, InstanceRoles())
    try:
        yield Cluster(runtime.start(KEY, ClusterIdentity(AuthenticationMode.API)), programs, folder)
    finally:
        runtime.stop_all()


@pytest.fixture(scope="session")
def node(cluster):
    """A node that most tests share."""
    node = cluster.node()
    node.start()
    node.wait_ready()
    yield node
    node.stop()


@pytest.fixture
def namespace(cluster):
    name = f"test-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)

    def has_service_account():
        cluster.kubectl("-n", name, "get", "serviceaccount", "default")
        cluster.kubectl("-n", name, "get", "configmap", "kube-root-ca.crt")

    eventually(has_service_account)
    yield Namespace(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def add_node(cluster):
    """Return a function that starts a node. The node is stopped after the test."""
    with ExitStack() as stack:

        def add(**options):
            node = cluster.node(**options)
            node.start()
            stack.callback(node.stop)
            node.wait_ready()
            return node

        yield add
