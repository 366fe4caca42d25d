"""Status, events and deletion of pods, as kubectl shows them."""

import psutil
import pytest

from lab.cluster.node import Timing
from lab.interfaces import NodeGroup

pytestmark = pytest.mark.usefixtures("node")


def test_completed_pod_has_log_status_and_events(namespace):
    """Output is in the log, and exit code and conditions are in the status."""
    assert namespace.shell("ends", "echo hello; echo error >&2") == "hello\nerror\n"
    status = namespace.pod("ends")["status"]
    state = status["containerStatuses"][0]["state"]["terminated"]
    assert (state["exitCode"], state["reason"]) == (0, "Completed")
    assert state["startedAt"] <= state["finishedAt"]
    conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
    assert conditions["PodScheduled"] == conditions["Initialized"] == "True"
    assert conditions["Ready"] == conditions["ContainersReady"] == "False"
    for reason in ("Scheduled", "Pulled", "Created", "Started"):
        namespace.eventually(lambda reason=reason: namespace.assert_event("ends", reason))


def test_running_pod_is_ready_and_can_be_deleted(namespace):
    """A pod whose containers run is Ready, and is deleted at once."""
    namespace.run("stays", image="registry.k8s.io/pause:3.10")
    namespace.kubectl("wait", "pod/stays", "--for=condition=Ready", "--timeout=30s")
    assert namespace.pod("stays")["status"]["phase"] == "Running"
    namespace.kubectl("delete", "pod", "stays", "--timeout=30s")
    assert "NotFound" in namespace.kubectl("get", "pod", "stays", check=False)
    namespace.eventually(lambda: namespace.assert_event("stays", "Killing", "Stopping container main"))


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [("Never", 0, "Succeeded"), ("Never", 7, "Failed"), ("OnFailure", 0, "Succeeded")],
)
def test_exit_code_and_restart_policy_decide_the_phase(namespace, policy, code, phase):
    """A pod that is not restarted succeeds or fails with its container."""
    namespace.run("ends", command=["sh", "-c", f"exit {code}"], restartPolicy=policy)
    namespace.wait("ends", "{.status.phase}", phase)
    status = namespace.pod("ends")["status"]["containerStatuses"][0]
    assert status["state"]["terminated"]["exitCode"] == code
    assert status["restartCount"] == 0


def test_failing_container_is_restarted_with_back_off(namespace, add_node):
    """The first restart is immediate, the second waits for the kubelet's ten seconds in CrashLoopBackOff."""
    add_node(timing=Timing(), group=NodeGroup("patient", "arn:aws:iam::123456789012:role/n", labels={"patient": "yes"}))
    namespace.run("crashes", command=["sh", "-c", "exit 1"], nodeSelector={"patient": "yes"})
    namespace.wait("crashes", "{.status.containerStatuses[0].state.waiting.reason}", "CrashLoopBackOff")
    status = namespace.pod("crashes")["status"]
    container = status["containerStatuses"][0]
    assert (status["phase"], container["restartCount"]) == ("Running", 1)
    assert container["lastState"]["terminated"]["exitCode"] == 1
    assert container["state"]["waiting"]["message"].startswith("back-off 10s restarting failed container=main")
    namespace.eventually(lambda: namespace.assert_event("crashes", "BackOff"))


def test_previous_log_is_that_of_the_run_before(namespace):
    """Each run of a container has its own log."""
    namespace.run(
        "counts",
        command=["sh", "-c", "echo run >> /data/runs; cat /data/runs; [ $(wc -l < /data/runs) = 3 ]"],
        restartPolicy="OnFailure",
        volumes=[{"name": "data", "emptyDir": {}}],
        volumeMounts=[{"name": "data", "mountPath": "/data"}],
    )
    namespace.wait("counts", "{.status.phase}", "Succeeded")
    assert namespace.pod("counts")["status"]["containerStatuses"][0]["restartCount"] == 2
    assert namespace.kubectl("logs", "counts") == "run\n" * 3
    assert namespace.kubectl("logs", "counts", "--previous") == "run\n" * 2


def test_on_failure_restarts_until_success(namespace):
    """With restartPolicy OnFailure a container is restarted until it succeeds."""
    script = "if [ -e /data/seen ]; then exit 0; fi; touch /data/seen; exit 1"
    namespace.run(
        "learns",
        command=["sh", "-c", script],
        restartPolicy="OnFailure",
        volumes=[{"name": "data", "emptyDir": {}}],
        volumeMounts=[{"name": "data", "mountPath": "/data"}],
    )
    namespace.wait("learns", "{.status.phase}", "Succeeded")
    assert namespace.pod("learns")["status"]["containerStatuses"][0]["restartCount"] == 1


def test_init_containers_run_in_order(namespace):
    """Init containers run one after the other, before the pod's containers."""
    mount = [{"name": "data", "mountPath": "/data"}]

    def step(name):
        script = f"echo {name} >> /data/steps"
        return {"name": name, "image": "busybox", "command": ["sh", "-c", script], "volumeMounts": mount}

    namespace.run(
        "steps",
        command=["cat", "/data/steps"],
        volumeMounts=mount,
        initContainers=[step("first"), step("second")],
        volumes=[{"name": "data", "emptyDir": {}}],
        restartPolicy="Never",
    )
    namespace.wait("steps", "{.status.phase}", "Succeeded")
    assert namespace.kubectl("logs", "steps", "-c", "main") == "first\nsecond\n"


def test_failed_init_container_fails_the_pod(namespace):
    """With restartPolicy Never the pod fails, and its containers never run."""
    failing = {"name": "fails", "image": "busybox", "command": ["false"]}
    namespace.run("fails", command=["echo", "never"], initContainers=[failing], restartPolicy="Never")
    namespace.wait("fails", "{.status.phase}", "Failed")
    status = namespace.pod("fails")["status"]
    assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 1
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"


def test_sidecar_does_not_keep_pod_running(namespace):
    """A sidecar runs in parallel with the containers, and ends with them."""
    sidecar = {"name": "side", "image": "registry.k8s.io/pause", "restartPolicy": "Always"}
    namespace.run("pair", command=["true"], initContainers=[sidecar], restartPolicy="Never")
    namespace.wait("pair", "{.status.phase}", "Succeeded")


def test_unsupported_image_is_image_pull_back_off(namespace):
    """No image is pulled, and the message lists the supported images."""
    namespace.run("unknown", image="nginx:1.27")
    namespace.wait("unknown", "{.status.containerStatuses[0].state.waiting.reason}", "ImagePullBackOff")
    pod = namespace.pod("unknown")
    message = pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"]
    assert pod["status"]["phase"] == "Pending"
    assert "amazon/aws-cli" in message
    assert "busybox" in message
    namespace.eventually(lambda: namespace.assert_event("unknown", "Failed", "Error: ErrImagePull"))
    # Each new attempt goes through ErrImagePull again, which has words of its own.
    messages = {"trying and failing to pull image", "image can't be pulled"}
    output = namespace.kubectl("logs", "unknown", check=False)
    assert any(f'"unknown" is waiting to start: {reason}' in output for reason in messages)


def test_missing_program_is_start_error(namespace):
    """The exit code is 128, and the message contains the program."""
    namespace.run("lost", command=["no-such-program"], restartPolicy="Never")
    namespace.wait("lost", "{.status.phase}", "Failed")
    terminated = namespace.pod("lost")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (terminated["reason"], terminated["exitCode"]) == ("StartError", 128)
    assert "no-such-program" in terminated["message"]


def test_deletion_sends_sigterm_first(namespace):
    """The program can handle SIGTERM, and its last output is in the log."""
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    namespace.run("polite", command=["sh", "-c", script])
    namespace.eventually(lambda: namespace.kubectl("logs", "polite").index("up"))
    follower = namespace.follow("polite")
    namespace.kubectl("delete", "pod", "polite", "--wait=false")
    assert follower.communicate(timeout=30)[0] == "up\nbye\n"


def test_deletion_kills_after_the_grace_period(namespace):
    """A program that ignores SIGTERM is killed with all its descendants."""
    script = "trap '' TERM; (setsid sleep 86399 &) ; echo up; while :; do sleep 0.1; done"
    namespace.run("stubborn", command=["sh", "-c", script])
    namespace.eventually(lambda: namespace.kubectl("logs", "stubborn").index("up"))
    namespace.eventually(lambda: sleepers()[0])
    namespace.kubectl("delete", "pod", "stubborn", "--grace-period=1", "--timeout=30s")
    assert not sleepers()


def test_forced_deletion_kills_all_processes(namespace):
    """The processes end although the pod's object is deleted at once."""
    namespace.run("forced", command=["sh", "-c", "trap '' TERM; sleep 86399"])
    namespace.eventually(lambda: sleepers()[0])
    namespace.kubectl("delete", "pod", "forced", "--force", "--grace-period=0")
    namespace.eventually(assert_no_sleepers)


def test_active_deadline_fails_the_pod(namespace):
    """A pod that exceeds activeDeadlineSeconds fails with DeadlineExceeded."""
    namespace.run("slow", image="registry.k8s.io/pause", activeDeadlineSeconds=1)
    namespace.wait("slow", "{.status.reason}", "DeadlineExceeded")
    assert namespace.pod("slow")["status"]["phase"] == "Failed"


def sleepers():
    return [process for process in psutil.Process().children(recursive=True) if "86399" in process.cmdline()]


def assert_no_sleepers():
    assert not sleepers()
