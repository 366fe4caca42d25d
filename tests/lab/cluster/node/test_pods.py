"""What kubectl sees of pods while they live and when they end."""

import psutil
import pytest

from lab.cluster.node import Timing
from lab.interfaces import NodeGroup

pytestmark = pytest.mark.usefixtures("node")


def test_a_pod_runs_to_its_end(namespace):
    """A pod's output is its log, and its end is in its status."""
    assert namespace.shell("ends", "echo hello; echo error >&2") == "hello\nerror\n"
    status = namespace.pod("ends")["status"]
    state = status["containerStatuses"][0]["state"]["terminated"]
    assert (state["exitCode"], state["reason"]) == (0, "Completed")
    assert state["startedAt"] <= state["finishedAt"]
    conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
    assert conditions["PodScheduled"] == conditions["Initialized"] == "True"
    assert conditions["Ready"] == conditions["ContainersReady"] == "False"
    for reason in ("Scheduled", "Pulled", "Created", "Started"):
        namespace.eventually(lambda reason=reason: namespace.has_event("ends", reason))


def test_a_running_pod_is_ready(namespace):
    """A pod whose containers run is Ready, and goes at once when it is deleted."""
    namespace.run("stays", image="registry.k8s.io/pause:3.10")
    namespace.kubectl("wait", "pod/stays", "--for=condition=Ready", "--timeout=30s")
    assert namespace.pod("stays")["status"]["phase"] == "Running"
    namespace.kubectl("delete", "pod", "stays", "--timeout=30s")
    assert "NotFound" in namespace.kubectl("get", "pod", "stays", check=False)
    namespace.eventually(lambda: namespace.has_event("stays", "Killing", "Stopping container main"))


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [("Never", 0, "Succeeded"), ("Never", 7, "Failed"), ("OnFailure", 0, "Succeeded")],
)
def test_exit_codes_decide_the_phase(namespace, policy, code, phase):
    """A pod that is not restarted ends as its container did."""
    namespace.run("ends", command=["sh", "-c", f"exit {code}"], restartPolicy=policy)
    namespace.wait("ends", "{.status.phase}", phase)
    status = namespace.pod("ends")["status"]["containerStatuses"][0]
    assert status["state"]["terminated"]["exitCode"] == code
    assert status["restartCount"] == 0


def test_crash_loop(namespace, add_node):
    """A container that fails again is restarted at once, then after the kubelet's ten seconds, and says so."""
    add_node(timing=Timing(), group=NodeGroup("patient", "arn:aws:iam::123456789012:role/n", labels={"patient": "yes"}))
    namespace.run("crashes", command=["sh", "-c", "exit 1"], nodeSelector={"patient": "yes"})
    namespace.wait("crashes", "{.status.containerStatuses[0].state.waiting.reason}", "CrashLoopBackOff")
    status = namespace.pod("crashes")["status"]
    container = status["containerStatuses"][0]
    assert (status["phase"], container["restartCount"]) == ("Running", 1)
    assert container["lastState"]["terminated"]["exitCode"] == 1
    assert container["state"]["waiting"]["message"].startswith("back-off 10s restarting failed container=main")
    namespace.eventually(lambda: namespace.has_event("crashes", "BackOff"))


def test_previous_log(namespace):
    """The log of the run before stays, each run's on its own."""
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
    """With OnFailure a container is run again until it succeeds."""
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
    """Init containers run one after the other, and before the pod's containers."""
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


def test_a_failed_init_container_fails_the_pod(namespace):
    """Where nothing is restarted, a failed init container ends the pod, and its containers never run."""
    failing = {"name": "fails", "image": "busybox", "command": ["false"]}
    namespace.run("fails", command=["echo", "never"], initContainers=[failing], restartPolicy="Never")
    namespace.wait("fails", "{.status.phase}", "Failed")
    status = namespace.pod("fails")["status"]
    assert status["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 1
    assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"


def test_sidecar(namespace):
    """An init container that restarts always runs beside the others, and does not keep the pod from its end."""
    sidecar = {"name": "side", "image": "registry.k8s.io/pause", "restartPolicy": "Always"}
    namespace.run("pair", command=["true"], initContainers=[sidecar], restartPolicy="Never")
    namespace.wait("pair", "{.status.phase}", "Succeeded")


def test_unknown_image(namespace):
    """An image that the lab does not know is never pulled, and the pod says which ones it knows."""
    namespace.run("unknown", image="nginx:1.27")
    namespace.wait("unknown", "{.status.containerStatuses[0].state.waiting.reason}", "ImagePullBackOff")
    pod = namespace.pod("unknown")
    message = pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"]
    assert pod["status"]["phase"] == "Pending"
    assert "amazon/aws-cli" in message
    assert "busybox" in message
    namespace.eventually(lambda: namespace.has_event("unknown", "Failed", "Error: ErrImagePull"))
    # Each new attempt goes through ErrImagePull again, which has words of its own.
    waits = {"trying and failing to pull image", "image can't be pulled"}
    answer = namespace.kubectl("logs", "unknown", check=False)
    assert any(f'"unknown" is waiting to start: {reason}' in answer for reason in waits)


def test_unknown_program(namespace):
    """A program that the image does not have is an error of the container's start."""
    namespace.run("lost", command=["no-such-program"], restartPolicy="Never")
    namespace.wait("lost", "{.status.phase}", "Failed")
    terminated = namespace.pod("lost")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (terminated["reason"], terminated["exitCode"]) == ("StartError", 128)
    assert "no-such-program" in terminated["message"]


def test_deletion_lets_a_program_finish(namespace):
    """A deleted pod's program gets SIGTERM first, and its last words are in the log."""
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    namespace.run("polite", command=["sh", "-c", script])
    namespace.eventually(lambda: namespace.kubectl("logs", "polite").index("up"))
    follower = namespace.follow("polite")
    namespace.kubectl("delete", "pod", "polite", "--wait=false")
    assert follower.communicate(timeout=30)[0] == "up\nbye\n"


def test_deletion_kills_what_does_not_listen(namespace):
    """A program that ignores SIGTERM is killed after the grace period, with all that it started."""
    script = "trap '' TERM; (setsid sleep 86399 &) ; echo up; while :; do sleep 0.1; done"
    namespace.run("stubborn", command=["sh", "-c", script])
    namespace.eventually(lambda: namespace.kubectl("logs", "stubborn").index("up"))
    namespace.eventually(lambda: sleepers()[0])
    namespace.kubectl("delete", "pod", "stubborn", "--grace-period=1", "--timeout=30s")
    assert not sleepers()


def test_a_forced_deletion_leaves_nothing(namespace):
    """A pod that is forced out of the API takes its processes with it."""
    namespace.run("forced", command=["sh", "-c", "trap '' TERM; sleep 86399"])
    namespace.eventually(lambda: sleepers()[0])
    namespace.kubectl("delete", "pod", "forced", "--force", "--grace-period=0")
    namespace.eventually(nobody_sleeps)


def test_deadline(namespace):
    """A pod that takes longer than its deadline fails."""
    namespace.run("slow", image="registry.k8s.io/pause", activeDeadlineSeconds=1)
    namespace.wait("slow", "{.status.reason}", "DeadlineExceeded")
    assert namespace.pod("slow")["status"]["phase"] == "Failed"


def sleepers():
    return [process for process in psutil.Process().children(recursive=True) if "86399" in process.cmdline()]


def nobody_sleeps():
    assert not sleepers()
