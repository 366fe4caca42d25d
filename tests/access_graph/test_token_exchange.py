"""`--exchange`: the answer of STS or EKS Auth is the last link, and one that no other link explains is a finding."""

import logging

import pytest
import yaml
from botocore.exceptions import ClientError
from click.testing import CliRunner

from eks_access.catalogue import services as kinds
from eks_access.cli import commands
from eks_access.findings import Verdict
from eks_access.graph.services import Exchange
from eks_access.graph.tables import NotReadError
from eks_access.questions.trace_workload import trace_pod, trace_service_account
from eks_access.sources import live_services
from eks_access.sources.live_services import LiveServices
from support.eks_access_command import run
from support.fake_services import NO_TOKEN, FakeServices
from support.workload_chains import AUDIENCE, CLUSTER, KEY, POD, ROLE_ARN, chained, irsa, pod_identity

SESSION = "arn:aws:sts::123456789012:assumed-role/sa-role/eks-access"
ACCEPTED = Exchange(session_arn=SESSION)
DENIED = Exchange(error="AccessDenied", message="Not authorized to perform sts:AssumeRoleWithWebIdentity")


def exchange(data, services, *, not_read=""):
    """Return the last link of the trace of the service account."""
    link = trace_service_account(services.of(data.graph(not_read=not_read)), *KEY, with_exchange=True).links[-1]
    assert link.name == "token exchange"
    return link


def wrong_subject():
    data = irsa()
    data.edit_trust(":test-sa", ":other-sa")
    return data


@pytest.mark.parametrize("chain", [irsa, pod_identity])
def test_no_token_is_requested_without_the_option(chain):
    """A trace without `--exchange` opens no session."""
    services = FakeServices(exchange=ACCEPTED)
    for traced in (
        trace_service_account(services.of(chain().graph()), *KEY),
        trace_pod(services.of(chain().graph()), *POD),
    ):
        assert "token exchange" not in {link.name for link in traced.links}
    assert services.calls == []


def test_accepted_token_of_irsa():
    """The link has the session's ARN; STS got the audience and the role of the annotation."""
    services = FakeServices(exchange=ACCEPTED)
    link = exchange(irsa(), services)
    assert (link.verdict, link.finding) == (Verdict.HOLDS, None)
    assert link.says == f"AssumeRoleWithWebIdentity: session {SESSION}"
    assert services.calls == [("web identity", KEY, AUDIENCE, ROLE_ARN)]


@pytest.mark.parametrize("chain", [pod_identity, chained])
def test_token_of_pod_identity_is_that_of_a_pod(chain):
    """The traced pod is used, and without one a pod of the service account."""
    services = FakeServices(exchange=ACCEPTED)
    link = trace_pod(services.of(chain().graph()), *POD, with_exchange=True).links[-1]
    assert link.says == f"AssumeRoleForPodIdentity: session {SESSION}"
    assert exchange(chain(), services).verdict is Verdict.HOLDS
    assert services.calls == [("pod identity", KEY, POD[1], CLUSTER)] * 2


def test_pod_identity_without_a_pod_is_not_evaluated():
    """EKS Auth accepts only tokens that are bound to a pod."""
    data = pod_identity()
    data.pods.clear()
    link = exchange(data, FakeServices(exchange=ACCEPTED))
    assert (link.verdict, link.finding) == (Verdict.NOT_EVALUATED, None)
    assert "has no pod" in link.says


def test_rejected_token_is_explained_by_the_broken_link():
    """The fault has one finding, that of the trust policy."""
    traced = trace_service_account(FakeServices(exchange=DENIED).of(wrong_subject().graph()), *KEY, with_exchange=True)
    assert [finding.kind.id for finding in traced.findings] == ["trust-subject"]
    link = traced.links[-1]
    assert link.verdict is Verdict.BROKEN
    assert link.says.endswith("AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity; "
                              "explained by trust policy")  # fmt: skip


def test_permissions_do_not_explain_a_rejected_token():
    """A missing permission comes after the session: the rejection is a finding of its own."""
    data = irsa()
    data.set_role(attached_policies=())
    graph = FakeServices(exchange=DENIED).of(data.graph())
    traced = trace_service_account(graph, *KEY, "s3:ListBucket", "*", with_exchange=True)
    assert [finding.kind.id for finding in traced.findings] == ["policy-missing", "exchange-rejected"]


def test_rejected_token_of_a_healthy_chain_is_a_finding():
    """If all links hold, the difference is reported."""
    link = exchange(irsa(), FakeServices(exchange=DENIED))
    assert (link.verdict, link.finding.kind) == (Verdict.BROKEN, kinds.EXCHANGE_REJECTED)
    assert "resource control policies" in link.finding.fix.advice


def test_rejected_token_names_what_was_not_evaluated():
    """A link that was not read may explain it."""
    link = exchange(irsa(), FakeServices(exchange=DENIED), not_read="oidc_providers")
    assert link.finding.fix.advice == "check what the trace did not evaluate: OIDC provider"


def test_accepted_token_of_a_broken_chain_is_a_finding():
    """The trace stays broken, and says that STS disagrees."""
    traced = trace_service_account(
        FakeServices(exchange=ACCEPTED).of(wrong_subject().graph()), *KEY, with_exchange=True
    )
    assert [finding.kind.id for finding in traced.findings] == ["trust-subject", "exchange-accepted"]
    assert traced.verdict is Verdict.BROKEN


def test_missing_permission_leaves_the_exchange_not_evaluated():
    """Without the permission to request tokens nothing is blamed."""
    link = exchange(irsa(), FakeServices())
    assert (link.verdict, link.says) == (Verdict.NOT_EVALUATED, f"TokenRequest: {NO_TOKEN}")


def test_service_account_without_a_role_has_no_exchange():
    """The exchange depends on the role annotation."""
    data = irsa()
    data.annotate()
    services = FakeServices(exchange=ACCEPTED)
    assert exchange(data, services).says == "depends on role annotation, which is broken"
    missing = trace_pod(services.of(irsa().graph()), "default", "none", with_exchange=True)
    assert missing.links[-1].says == "depends on pod, which is broken"
    assert services.calls == []


def test_other_sources_cannot_exchange():
    """`--exchange` needs a living cluster."""
    done = run("trace", "pod", "default/app", "--exchange", "--source", "state")
    assert done.returncode == 2
    assert "--exchange needs --source live" in done.stderr


@pytest.mark.parametrize("command", ["serviceaccount", "pod"])
@pytest.mark.parametrize("is_first", [True, False])
def test_tokens_are_permitted_for_an_exchange_only(command, is_first):
    """`--permissions` with `--exchange`, in any order, has the permission to create tokens; without, it has not."""
    options = ["--permissions", "kubernetes"]
    arguments = ["--exchange", *options] if is_first else [*options, "--exchange"]
    role, _ = yaml.safe_load_all(CliRunner().invoke(commands, ["trace", command, *arguments]).output)
    tokens = {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}
    assert [rule for rule in role["rules"] if "create" in rule["verbs"]] == [tokens]
    policy = CliRunner().invoke(commands, ["trace", command, "--exchange", "--permissions", "aws"]).output
    assert "eks-auth:AssumeRoleForPodIdentity" in policy
    without = CliRunner().invoke(commands, ["trace", command, "--permissions"]).output
    assert "serviceaccounts/token" not in without
    assert "eks-auth" not in without


TOKEN = "eyJhbGciOiJub25lIn0.e30."


class Sts:
    """A client of STS that fails with an error code, and logs as botocore does."""

    def __init__(self, code="", message=""):
        self.code, self.message = code, message

    def client(self, *_, **__):
        return self

    def assume_role_with_web_identity(self, **request):
        logging.getLogger("botocore.endpoint").debug("request: %s", request)
        self.request = request
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": self.message}}, "AssumeRoleWithWebIdentity")
        return {"AssumedRoleUser": {"Arn": SESSION}}


def live_exchange(monkeypatch, sts):
    services = LiveServices(None, type("Accounts", (), {"region": "eu-west-1"}))
    monkeypatch.setattr(services, "_request_token", lambda *_: TOKEN)
    monkeypatch.setattr(live_services.boto3, "Session", lambda: sts)
    return services.assume_with_web_identity(KEY, AUDIENCE, ROLE_ARN)


def test_token_is_in_no_log(monkeypatch, caplog):
    """botocore logs requests and responses at DEBUG: not during an exchange, and again after it."""
    caplog.set_level(logging.DEBUG)
    sts = Sts()
    assert live_exchange(monkeypatch, sts) == ACCEPTED
    assert sts.request["WebIdentityToken"] == TOKEN
    logging.getLogger("botocore.endpoint").debug("after")
    assert "eyJ" not in caplog.text
    assert "after" in caplog.text


def test_session_of_an_exchange_can_do_nothing(monkeypatch):
    """The session policy denies everything, and the session is as short as STS allows."""
    sts = Sts()
    live_exchange(monkeypatch, sts)
    assert '"Effect": "Deny", "Action": "*", "Resource": "*"' in sts.request["Policy"]
    assert sts.request["DurationSeconds"] == 900


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidIdentityToken", "ExpiredTokenException", "IDPRejectedClaim"])
def test_error_about_the_token_is_an_answer(monkeypatch, code):
    """The code and the text of STS are kept."""
    assert live_exchange(monkeypatch, Sts(code, "text")) == Exchange(error=code, message="text")


@pytest.mark.parametrize("code", ["Throttling", "IDPCommunicationError", "RegionDisabledException", "InternalFailure"])
def test_error_of_the_service_is_no_answer(monkeypatch, code):
    """Without a decision of STS, the exchange is not evaluated."""
    with pytest.raises(NotReadError, match=code):
        live_exchange(monkeypatch, Sts(code, "text"))
