"""Faults of the lab's AWS: each as AWS's clients see it, repeatable by seed, and limited to the actions named."""

import json
import threading
from datetime import timedelta

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ProxyConnectionError

from lab.errors import UsageError
from lab.faults import Fault, FaultKind, FaultSwitch
from support.cloud_helpers import allow, assume, client, expect_error, expect_error_code, new_role, trust_policy

ONCE = Config(retries={"total_max_attempts": 1})
STANDARD = Config(retries={"mode": "standard", "total_max_attempts": 5})


@pytest.fixture
def faults(cloud):
    yield lambda *faults: cloud.faults.write(faults)
    cloud.faults.clear()


@pytest.mark.parametrize(
    ("service", "call", "throttled", "failed"),
    [
        ("eks", lambda eks: eks.list_clusters(), ("ThrottlingException", 429), ("ServerException", 500)),
        ("iam", lambda iam: iam.list_users(), ("Throttling", 400), ("ServiceFailure", 500)),
        ("ec2", lambda ec2: ec2.describe_instances(), ("RequestLimitExceeded", 503), ("InternalError", 500)),
        ("s3", lambda s3: s3.list_buckets(), ("SlowDown", 503), ("InternalError", 500)),
    ],
)
def test_throttling_and_internal_errors_have_the_codes_of_the_service(cloud, faults, service, call, throttled, failed):
    """A throttled call and one that fails in AWS have the code and status of the service's API reference."""
    for kind, expected in ((FaultKind.THROTTLE, throttled), (FaultKind.ERROR, failed)):
        faults(Fault(kind))
        with pytest.raises(ClientError) as raised:
            call(client(cloud, service, config=ONCE))
        response = raised.value.response
        assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == expected
    faults()
    call(client(cloud, service))


def test_faults_by_rate_are_retried_and_repeatable(cloud, faults):
    """With a rate of 0.3 botocore's standard retries succeed, and the same seed fails the same calls."""
    counts = []
    for _ in range(2):
        cloud.faults.clear()
        faults(Fault(FaultKind.THROTTLE, "iam:List*", rate=0.3, seed=7))
        iam = client(cloud, "iam", config=STANDARD)
        retries = [iam.list_users()["ResponseMetadata"]["RetryAttempts"] for _ in range(12)]
        counts.append((retries, cloud.faults.injected()))
    assert counts[0] == counts[1]
    assert sum(counts[0][0]) == counts[0][1][FaultKind.THROTTLE, "iam:ListUsers"] > 0


def test_fault_concerns_its_action_only(cloud, faults):
    """Calls of other services and operations have no fault."""
    faults(Fault(FaultKind.ERROR, "iam:List*"))
    client(cloud, "iam").get_user()
    client(cloud, "eks").list_clusters()
    assert expect_error_code(lambda: client(cloud, "iam").list_roles()) == "ServiceFailure"


def test_fault_after_some_calls_and_a_number_of_times(cloud, faults):
    """`after` calls have no fault, then `times` calls have it."""
    faults(Fault(FaultKind.ERROR, "iam:ListUsers", after=2, times=2))

    def outcome():
        try:
            client(cloud, "iam", config=ONCE).list_users()
        except ClientError:
            return "failed"
        return "done"

    assert [outcome() for _ in range(6)] == ["done", "done", "failed", "failed", "done", "done"]


def test_reset_connection_does_nothing(cloud, faults):
    """The client sees a reset connection, and the call is not done. With retries it is done once."""
    faults(Fault(FaultKind.RESET, "iam:CreateUser", times=1))
    with pytest.raises((ConnectionClosedError, HTTPClientError, ProxyConnectionError)):
        client(cloud, "iam", config=ONCE).create_user(UserName="reset")
    assert expect_error_code(lambda: client(cloud, "iam").get_user(UserName="reset")) == "NoSuchEntity"
    faults(Fault(FaultKind.RESET, "iam:CreateUser", times=1))
    created = client(cloud, "iam", config=STANDARD).create_user(UserName="reset")
    assert created["ResponseMetadata"]["RetryAttempts"] == 1


def test_lost_response_follows_a_done_call(cloud, faults):
    """The call is done although the client sees a reset connection; a retry finds its own object."""
    faults(Fault(FaultKind.LOST, "iam:CreateUser", times=1))
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        client(cloud, "iam", config=STANDARD).create_user(UserName="lost")
    assert client(cloud, "iam").get_user(UserName="lost")


def test_slow_response_arrives_after_the_client_has_given_up(cloud, faults):
    """A client whose timeout is shorter than the delay fails; a patient one gets the response."""
    faults(Fault(FaultKind.SLOW, "iam:ListUsers", seconds=1.5))
    with pytest.raises(HTTPClientError, match="Read timeout"):
        client(cloud, "iam", config=Config(read_timeout=0.3)).list_users()
    assert client(cloud, "iam").list_users()["Users"]


def test_expired_credentials_of_sessions_only(cloud, faults):
    """Sessions get the error of expired credentials; access keys of users do not expire."""
    trust = trust_policy({"AWS": f"arn:aws:iam::{cloud.account}:root"})
    session = assume(cloud, new_role(cloud, trust, allow("*")))
    faults(Fault(FaultKind.EXPIRE))
    assert expect_error_code(lambda: client(cloud, "eks", session).list_clusters()) == "ExpiredTokenException"
    assert expect_error_code(lambda: client(cloud, "iam", session).list_users()) == "ExpiredToken"
    client(cloud, "iam").list_users()


@pytest.mark.parametrize(("minutes", "message"), [(16, "Signature expired"), (-16, "Signature not yet current")])
def test_clock_skew_rejects_signatures(cloud, faults, minutes, message):
    """A signature that is 16 minutes from AWS's clock is rejected, and `Date` has AWS's time."""
    faults(Fault(FaultKind.SKEW, seconds=minutes * 60))
    code, text = expect_error(lambda: client(cloud, "sts").get_caller_identity())
    assert (code, message in text) == ("SignatureDoesNotMatch", True)
    faults(Fault(FaultKind.SKEW, seconds=minutes * 50))
    client(cloud, "sts").get_caller_identity()


def test_fault_with_an_impossible_value_is_rejected():
    """An action without service, a rate above 1 and a negative delay match nothing and are rejected."""
    for kind, values in ((FaultKind.ERROR, {"action": "DescribeCluster"}), (FaultKind.ERROR, {"rate": 1.5}),
                         (FaultKind.SLOW, {"seconds": -1})):  # fmt: skip
        with pytest.raises(UsageError, match="must"):
            Fault(kind, **values)


def test_switch_counts_calls_of_all_threads(cloud, faults):
    """Calls of several threads get as many faults as their number and the seed determine."""
    fault = Fault(FaultKind.ERROR, "eks:*", rate=0.5, seed=3)
    faults(fault)
    switch = FaultSwitch(cloud.faults)
    threads = [
        threading.Thread(target=lambda: [switch.next_fault("eks:ListClusters", is_session=False) for _ in range(50)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cloud.faults.injected().total() == sum(fault.hits(call) for call in range(400))
    assert switch.clock_offset() == timedelta(0)
    assert {json.loads(line)["action"] for line in cloud.faults.log.read_text().splitlines()} == {"eks:ListClusters"}
