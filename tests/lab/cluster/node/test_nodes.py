"""Nodes in a cluster: registration, scheduling, images and removal."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import psutil
import pytest
from lightkube.models.core_v1 import NodeCondition, NodeSpec, NodeStatus, PodSpec, Taint, Toleration
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Node as NodeObject
from lightkube.resources.core_v1 import Pod

from lab.cluster.node.images import InvalidImageNameError, parse_repository
from lab.cluster.node.scheduler import select_node
from lab.cluster.node.timing import Backoff
from lab.errors import StartError
from lab.interfaces import NodeGroup

ROLE = "arn:aws:iam::123456789012:role/n"


def test_node_object_and_lease(cluster, node):
    """The Node is Ready, has EKS's labels and an instance id, and holds a Lease."""
    document = json.loads(cluster.kubectl("get", "node", node.name, "-o", "json"))
    labels = document["metadata"]["labels"]
    assert labels["eks.amazonaws.com/nodegroup"] == "workers"
    assert labels["topology.kubernetes.io/region"] == "ap-northeast-1"
    assert document["spec"]["providerID"].startswith(f"aws:///{labels['topology.kubernetes.io/zone']}/i-")
    assert "taints" not in document["spec"]
    assert document["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.37")
    conditions = {condition["type"]: condition["status"] for condition in document["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    lease = json.loads(cluster.kubectl("-n", "kube-node-lease", "get", "lease", node.name, "-o", "json"))
    assert lease["spec"]["holderIdentity"] == node.name


def test_scheduler_spreads_pods_over_matching_nodes(namespace, add_node):
    """Each node gets the same number of pods, and logs come from the right node."""
    group = NodeGroup("pair", ROLE, labels={"pair": namespace.name})
    nodes = [add_node(group=group) for _ in range(2)]
    names = [f"pod-{number}" for number in range(4)]
    for name in names:
        namespace.run(
            name, command=["printenv", "HOSTNAME"], restartPolicy="Never", nodeSelector={"pair": namespace.name}
        )
    for name in names:
        namespace.wait(name, "{.status.phase}", "Succeeded")
        assert namespace.kubectl("logs", name) == f"{name}\n"
    pods_per_node = Counter(namespace.pod(name)["spec"]["nodeName"] for name in names)
    assert pods_per_node == {node.name: 2 for node in nodes}


def test_unschedulable_pod_runs_when_a_matching_node_is_added(namespace, add_node):
    """The pod has the condition and the event of an unschedulable pod before."""
    namespace.run("picky", command=["true"], restartPolicy="Never", nodeSelector={"gpu": namespace.name})
    add_node()
    namespace.wait("picky", "{.status.conditions[0].reason}", "Unschedulable")
    namespace.eventually(lambda: namespace.assert_event("picky", "FailedScheduling", "didn't match Pod's node"))
    add_node(group=NodeGroup("gpu", ROLE, labels={"gpu": namespace.name}))
    namespace.wait("picky", "{.status.phase}", "Succeeded")


def test_stopped_node_is_removed(cluster, namespace, add_node):
    """The Node object, its Lease, its pods and all their processes are gone."""
    node = add_node(group=NodeGroup("leaving", ROLE, labels={"leaving": namespace.name}))
    script = "trap '' TERM; (setsid sleep 86398 &); echo up; sleep 86398"
    namespace.run("stays", command=["sh", "-c", script], nodeSelector={"leaving": namespace.name})
    namespace.eventually(lambda: namespace.kubectl("logs", "stays").index("up"))
    node.stop()
    assert not [process for process in psutil.process_iter(["cmdline"]) if "86398" in (process.info["cmdline"] or [])]
    assert "NotFound" in cluster.kubectl("get", "node", node.name, check=False)
    assert "NotFound" in cluster.kubectl("-n", "kube-node-lease", "get", "lease", node.name, check=False)
    assert "NotFound" in namespace.kubectl("get", "pod", "stays", check=False)


def test_killed_lab_leaves_no_container_process(tmp_path):
    """The kernel ends each container and all its descendants."""
    program = f"""
import asyncio, pathlib
from lab.cluster.node.confinement import Confinement
from lab.cluster.node.container_process import Command, ContainerProcess, FileAccess
from lab.cluster.node.logs import ContainerLog

async def main():
    script, folder = "trap '' TERM; (setsid sleep 86397 &); sleep 86397", pathlib.Path({str(tmp_path)!r})
    command = Command(["/bin/sh", "-c", script], {{"PATH": "/usr/bin:/bin"}}, folder, FileAccess())
    with Confinement.detect().ruleset(command.files) as ruleset:
        container = await ContainerProcess.start(command, ContainerLog(folder / "log"), ruleset)
    print("started", flush=True)
    await container.wait()

asyncio.run(main())
"""

    def sleepers():
        return [
            process for process in psutil.process_iter(["cmdline"]) if (process.info["cmdline"] or [])[-1:] == ["86397"]
        ]

    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment) as lab:
        assert lab.stdout.readline() == "started\n"
        while len(processes := sleepers()) < 2:
            time.sleep(0.01)
        lab.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=30)
    assert not sleepers()


def test_node_that_cannot_register_is_an_error(cluster, tmp_path):
    """`wait_ready` raises an error with the name of the node."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(re.sub(r"https://127\.0\.0\.1:\d+", "https://127.0.0.1:1", cluster.kubeconfig.read_text()))
    node = cluster.node(kubeconfig=kubeconfig)
    node.start()
    with pytest.raises(StartError, match=node.name):
        node.wait_ready()
    node.stop()


def make_node(name, *, labels=None, taints=None, ready="True", unschedulable=None):
    return NodeObject(
        metadata=ObjectMeta(name=name, labels=labels or {}),
        spec=NodeSpec(taints=taints, unschedulable=unschedulable),
        status=NodeStatus(conditions=[NodeCondition(type="Ready", status=ready)]),
    )


@pytest.mark.parametrize(
    ("node", "spec", "fits"),
    [
        (make_node("n"), {}, True),
        (make_node("n", ready="Unknown"), {}, False),
        (make_node("n", labels={"a": "b"}), {"nodeSelector": {"a": "b"}}, True),
        (make_node("n", labels={"a": "c"}), {"nodeSelector": {"a": "b"}}, False),
        (make_node("n", unschedulable=True), {}, False),
        (make_node("n", taints=[Taint("NoSchedule", "k", value="v")]), {}, False),
        (make_node("n", taints=[Taint("PreferNoSchedule", "k", value="v")]), {}, True),
        (
            make_node("n", taints=[Taint("NoSchedule", "k", value="v")]),
            {"tolerations": [Toleration(key="k", value="v")]},
            True,
        ),
        (
            make_node("n", taints=[Taint("NoSchedule", "k", value="v")]),
            {"tolerations": [Toleration(key="k", value="w")]},
            False,
        ),
        (make_node("n", taints=[Taint("NoExecute", "k")]), {"tolerations": [Toleration(operator="Exists")]}, True),
    ],
)
def test_selectors_taints_and_cordons_decide_scheduling(node, spec, fits):
    """A node that does not match is not selected, and the reason is returned."""
    pod = Pod(metadata=ObjectMeta(name="p"), spec=PodSpec(containers=[], **spec))
    selected, problem = select_node(pod, [node], Counter())
    assert (selected == "n") is fits
    assert bool(problem) is not fits


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("busybox", "docker.io/library/busybox"),
        ("amazon/aws-cli:2.17.1", "docker.io/amazon/aws-cli"),
        ("docker.io/amazon/aws-cli", "docker.io/amazon/aws-cli"),
        ("public.ecr.aws/aws-cli/aws-cli@sha256:" + "0" * 64, "public.ecr.aws/aws-cli/aws-cli"),
        ("localhost:5000/tools/aws:1@sha256:" + "0" * 64, "localhost:5000/tools/aws"),
    ],
)
def test_image_reference_is_parsed_to_repository(reference, name):
    """Registry and repository are read from each form of an image reference."""
    assert parse_repository(reference) == name


@pytest.mark.parametrize("reference", ["", "Busybox", "busybox:", "a b", "/busybox", "busybox@sha256:12"])
def test_invalid_image_reference_is_rejected(reference):
    """The error is the container runtime's."""
    with pytest.raises(InvalidImageNameError, match="invalid reference format"):
        parse_repository(reference)


def test_restart_back_off_doubles_to_its_limit():
    """The first restart is immediate, then the delay doubles from ten seconds to five minutes."""
    backoff = Backoff(10, 300, immediate=True)
    assert [backoff.next() for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    backoff.reset()
    assert backoff.next() == 0
