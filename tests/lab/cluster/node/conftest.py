"""A real control plane without nodes, and a way to give it some; every namespace is used by one test only."""

import json
import secrets
import subprocess
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from tenacity import retry, stop_after_delay, wait_fixed

from lab.cluster import Runtime
from lab.cluster.node import Node, Timing
from lab.interfaces import AuthenticationMode, CloudAccess, ClusterIdentity, ClusterKey, Credentials, NodeGroup
from lab.pki import CertificateAuthority

KEY = ClusterKey("123456789012", "ap-northeast-1", "node-tests")
NODE_ROLE = "arn:aws:iam::123456789012:role/eks/node-role"
QUICK = Timing(crash_backoff=0.2, crash_backoff_cap=60, image_backoff=0.2, image_backoff_cap=1, retry=0.2)
WITHIN_SECONDS = 60


class InstanceRoles:
    """Gives an instance credentials that say what they are for, and counts how often it was asked."""

    def __init__(self):
        self.asked = []

    def credentials(self, role_arn, instance_id):
        self.asked.append((role_arn, instance_id))
        if role_arn.endswith("/untrusting"):
            raise PermissionError("the role does not trust ec2.amazonaws.com")
        ends = datetime.now(UTC) + timedelta(hours=6)
        return Credentials(f"ASIA{instance_id[2:14].upper()}", "secret", f"session of {instance_id}", ends)


class Cluster:
    """What a test needs of the control plane: kubectl, and nodes."""

    def __init__(self, control_plane, programs, folder):
        self.kubeconfig = control_plane.kubeconfig
        self.folder = folder
        self.programs = programs
        self.authority = CertificateAuthority(control_plane.folder / "pki")
        self.instance_roles = InstanceRoles()
        self.agent_installed = threading.Event()

    def node(self, *, timing=QUICK, group=None, kubeconfig=None):
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
            timing=timing,
        )

    def kubectl(self, *arguments, stdin=None, check=True):
        done = subprocess.run(
            [self.programs.kubectl, "--kubeconfig", str(self.kubeconfig), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_SECONDS,
            env={"HOME": str(self.folder)},
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout if check else done.stdout + done.stderr


class Namespace:
    """One namespace of the cluster, through kubectl."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name

    def kubectl(self, *arguments, **options):
        return self.cluster.kubectl("-n", self.name, *arguments, **options)

    def apply(self, *documents):
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))

    def run(self, name, **spec):
        """Create a pod with one container `main`; what a container has goes there, the rest into the pod's spec."""
        container = {"name": "main", "image": "busybox"}
        for key in ("image", "command", "args", "env", "envFrom", "volumeMounts", "workingDir"):
            if key in spec:
                container[key] = spec.pop(key)
        self.apply(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], **spec}}
        )

    def shell(self, name, script, **spec):
        """Run `script` in a pod to its end, and return what it wrote."""
        self.run(name, command=["sh", "-c", script], restartPolicy="Never", **spec)
        self.wait(name, "{.status.phase}", "Succeeded")
        return self.kubectl("logs", name)

    @staticmethod
    def eventually(check):
        return eventually(check)

    def pod(self, name):
        return json.loads(self.kubectl("get", "pod", name, "-o", "json"))

    def wait(self, name, path, value):
        self.kubectl("wait", f"pod/{name}", f"--for=jsonpath={path}={value}", f"--timeout={WITHIN_SECONDS - 5}s")

    def follow(self, name, *arguments):
        """`kubectl logs -f`, running."""
        command = [self.cluster.programs.kubectl, "--kubeconfig", str(self.cluster.kubeconfig), "-n", self.name]
        return subprocess.Popen([*command, "logs", "-f", name, *arguments], stdout=subprocess.PIPE, text=True)

    def volume(self, pod, name):
        """The folder that stands for the pod's volume."""
        described = self.pod(pod)
        node, uid = described["spec"]["nodeName"], described["metadata"]["uid"]
        return self.cluster.folder / node / "pods" / uid / "volumes" / name

    def has_event(self, name, reason, message=""):
        """Fails unless kubectl shows such an event of the pod."""
        query = f"involvedObject.name={name},reason={reason}"
        listing = json.loads(self.kubectl("get", "events", "-o", "json", "--field-selector", query))
        assert any(message in event["message"] for event in listing["items"])


def eventually(check):
    """`check` until it does not fail any more."""
    return retry(wait=wait_fixed(0.1), stop=stop_after_delay(WITHIN_SECONDS), reraise=True)(check)()


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
    """The node that most tests share."""
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
    """Starts nodes of the test's own."""
    with ExitStack() as stack:

        def add(**options):
            node = cluster.node(**options)
            node.start()
            stack.callback(node.stop)
            node.wait_ready()
            return node

        yield add
