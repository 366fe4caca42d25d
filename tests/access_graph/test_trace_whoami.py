"""`trace whoami` names the broken link of the caller's own credentials and kubeconfig, and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner

from eks_access.catalogue import caller as kinds
from eks_access.catalogue import cluster_access
from eks_access.cli import commands
from eks_access.findings import Verdict
from eks_access.graph.caller import Caller, Credentials, KubeconfigContext, ServerReview
from eks_access.questions.trace_whoami import trace_whoami
from eks_identity.model.kubeconfig import ClusterEndpoint
from support.cluster_chains import BY_AWS_AUTH, BY_ENTRY, LIST_PODS, USER

ENDPOINT = ClusterEndpoint("https://0123.gr7.ap-northeast-1.eks.amazonaws.com", b"authority")
OTHER_ENDPOINT = ClusterEndpoint(ENDPOINT.server, b"of a former cluster")
CREDENTIALS = Credentials("shared-credentials-file", "default", "AKIAIOSFODNN7EXAMPLE", USER, "", "", timedelta(0))
CONTEXT = KubeconfigContext(
    "eks-clu",
    "config",
    "default",
    ENDPOINT,
    "aws",
    token_region="ap-northeast-1",
    cluster_region="ap-northeast-1",
    account="123456789012",
)
ACCEPTED = ServerReview(USER, ("operators", "system:authenticated"), allows=True)
UNAUTHORIZED = ServerReview(is_unauthorized=True, reason="401 Unauthorized")
CLUSTER_ARN = "arn:aws:eks:ap-northeast-1:123456789012:cluster/eks-clu"
HEALTHY = Caller(CREDENTIALS, CREDENTIALS, CONTEXT, "eks-clu", "ap-northeast-1", CLUSTER_ARN, ENDPOINT, review=ACCEPTED)
OTHER_ARN = "arn:aws:iam::210987654321:user/ann"
NOT_FOUND = "ResourceNotFoundException: No cluster found for name: eks-clu."


def credentials(**changes):
    """The healthy caller with other credentials of kubectl, which the API server rejects."""
    changed = replace(CREDENTIALS, **changes)
    return replace(HEALTHY, shell=changed, kubectl=changed, review=UNAUTHORIZED)


def rejected(error, **changes):
    return credentials(arn="", error=error, message=f"({error})", **changes)


def context(review=UNAUTHORIZED, **changes):
    return replace(HEALTHY, context=replace(CONTEXT, **changes), review=review)


BREAKS = {
    "none": (
        credentials(origin="none", access_key_id="", arn="", error="NoCredentialsError", clock_skew=None),
        kinds.CREDENTIALS_MISSING,
        "aws configure",
    ),
    "sso signed out": (
        credentials(origin="none", profile="dev", access_key_id="", arn="", error="SSOTokenLoadError", clock_skew=None),
        kinds.CREDENTIALS_UNUSABLE,
        "aws sso login --profile dev",
    ),
    "clock behind": (
        rejected("SignatureDoesNotMatch", clock_skew=timedelta(minutes=-6)),
        kinds.CLOCK_SKEW,
        "synchronize the clock",
    ),
    "clock ahead": (rejected("RequestExpired", clock_skew=timedelta(hours=9)), kinds.CLOCK_SKEW, "set-ntp true"),
    "inactive or deleted key": (
        rejected("InvalidClientTokenId"),
        kinds.ACCESS_KEY_UNKNOWN,
        "update-access-key --access-key-id AKIAIOSFODNN7EXAMPLE",
    ),
    "session without its token": (
        rejected("InvalidClientTokenId", access_key_id="ASIAIOSFODNN7EXAMPLE"),
        kinds.ACCESS_KEY_UNKNOWN,
        "AWS_SESSION_TOKEN",
    ),
    "wrong secret": (rejected("SignatureDoesNotMatch"), kinds.ACCESS_KEY_SECRET, "with the secret of AKIA"),
    "expired session": (rejected("ExpiredToken"), kinds.SESSION_EXPIRED, "get new credentials"),
    "expired sso session": (rejected("ExpiredToken", origin="sso"), kinds.SESSION_EXPIRED, "aws sso login"),
    "role of the kubeconfig": (
        replace(
            rejected("AccessDenied"), context=replace(CONTEXT, role_arn="arn:aws:iam::123456789012:role/operators")
        ),
        kinds.TOKEN_ROLE,
        "trust policy of arn:aws:iam::123456789012:role/operators",
    ),
    "other error": (rejected("Throttled"), kinds.CREDENTIALS_REJECTED, "aws sts get-caller-identity"),
    "no kubeconfig": (
        replace(HEALTHY, context=None, review=ServerReview(reason="there is no kubeconfig")),
        kinds.KUBECONFIG_MISSING,
        "aws eks update-kubeconfig --region ap-northeast-1 --name eks-clu",
    ),
    "context without cluster": (
        context(endpoint=None, review=ServerReview(reason="ConfigError")),
        kinds.KUBECONFIG_MISSING,
        "aws eks update-kubeconfig",
    ),
    "no program": (
        context(is_command_found=False, review=ServerReview(reason="FileNotFoundError")),
        kinds.TOKEN_COMMAND_MISSING,
        "install aws",
    ),
    "token of another region": (context(token_region="eu-west-1"), kinds.TOKEN_REGION, "--region ap-northeast-1"),
    "other account": (
        replace(credentials(arn=OTHER_ARN), cluster_arn="", endpoint=None, cluster_failure=NOT_FOUND),
        kinds.OTHER_ACCOUNT,
        "credentials of account 123456789012",
    ),
    "no cluster": (
        replace(context(account=""), cluster_arn="", endpoint=None, cluster_failure=NOT_FOUND),
        kinds.CLUSTER_MISSING,
        "aws eks list-clusters --region ap-northeast-1",
    ),
    "other cluster": (context(endpoint=OTHER_ENDPOINT), kinds.OTHER_CLUSTER, "aws eks update-kubeconfig"),
    "rejected for no visible reason": (
        replace(HEALTHY, review=UNAUTHORIZED),
        kinds.TOKEN_REJECTED,
        f"eks-access trace principal {USER}",
    ),
    "denied for no visible reason": (
        replace(HEALTHY, review=replace(ACCEPTED, allows=False)),
        kinds.SERVER_DENIES,
        "run the trace again",
    ),
}


def trace(caller, graph=None, request=LIST_PODS):
    return trace_whoami(caller, graph or BY_ENTRY.graph(), "", request)


def test_healthy_caller_has_no_finding():
    """Credentials, kubeconfig, mapping and RBAC hold, and the API server says so."""
    traced = trace(HEALTHY)
    assert (traced.verdict, traced.findings, traced.notes) == (Verdict.HOLDS, (), ())
    assert [link.name for link in traced.links][-3:] == ["access entry", "authorization", "API server"]


@pytest.mark.parametrize("name", BREAKS)
def test_break_is_named_alone(name):
    """Each break is the only finding, with its fix, and no link behind it is called broken for another reason."""
    caller, kind, fix = BREAKS[name]
    traced = trace(caller)
    (finding,) = traced.findings
    assert finding.kind is kind
    assert fix in str(finding.fix)
    broken = [link.name for link in traced.links if link.verdict is Verdict.BROKEN and link.name != "API server"]
    assert len(broken) == (0 if kind in (kinds.TOKEN_REJECTED, kinds.SERVER_DENIES) else 1)


def test_every_kind_has_a_break():
    """The catalogue has no kind that no test breaks."""
    all_kinds = {value for name, value in vars(kinds).items() if name.isupper() and not name.startswith("_")}
    assert all_kinds == {kind for _, kind, _ in BREAKS.values()}


def test_broken_mapping_is_that_of_trace_principal():
    """A fault of the cluster's mapping is named as by `trace principal`, and 401 of the API server is not a second."""
    unmapped = BY_AWS_AUTH.changed(aws_auth={}).graph()
    traced = trace(replace(HEALTHY, review=UNAUTHORIZED), unmapped)
    assert [finding.kind for finding in traced.findings] == [cluster_access.NOT_MAPPED]
    assert (traced.links[-1].name, traced.links[-1].verdict) == ("API server", Verdict.BROKEN)


@pytest.mark.parametrize("request_", [None, LIST_PODS])
def test_api_server_has_the_last_word(request_):
    """A caller whom the API server accepts, such as the creator of the cluster, has no broken link."""
    traced = trace(HEALTHY, BY_AWS_AUTH.changed(aws_auth={}).graph(), request_)
    assert (traced.findings, Verdict.BROKEN in {link.verdict for link in traced.links}) == ((), False)
    assert any("yet the API server accepts" in link.says for link in traced.links)


def test_without_request_the_identity_is_traced():
    """Without --verb, the last links are the mapping and the username."""
    names = [link.name for link in trace(HEALTHY, request=None).links]
    assert names[-2:] == ["access entry", "API server"]


def test_small_skew_and_accepted_differences_hold():
    """Four minutes of skew, another account and another region hold if the API server accepts the token."""
    caller = replace(
        HEALTHY,
        kubectl=replace(CREDENTIALS, arn=OTHER_ARN, clock_skew=timedelta(minutes=4)),
        context=replace(CONTEXT, token_region="eu-west-1"),
    )
    verdicts = {link.name: link.verdict for link in trace(caller).links}
    assert {verdicts[name] for name in ("clock", "account", "token command")} == {Verdict.HOLDS}


def test_what_was_not_reached_is_not_fine():
    """Without a response of STS or of the API server, links are not evaluated."""
    traced = trace(replace(HEALTHY, review=ServerReview(reason="ConnectError: refused")))
    assert (traced.links[-1].verdict, traced.verdict) == (Verdict.NOT_EVALUATED, Verdict.NOT_EVALUATED)
    offline = replace(CREDENTIALS, arn="", error="EndpointConnectionError", message="no route", clock_skew=None)
    traced = trace(replace(HEALTHY, kubectl=offline, shell=offline))
    assert traced.findings == ()
    assert traced.verdict is Verdict.NOT_EVALUATED
    unread = trace_whoami(HEALTHY, None, "cluster eks-clu cannot be read", LIST_PODS)
    assert "cluster eks-clu cannot be read" in [link.says for link in unread.links]


@pytest.mark.parametrize("error", ["Throttling", "InternalFailure"])
def test_credentials_on_which_sts_did_not_decide_are_not_rejected(error):
    """A throttled or failed GetCallerIdentity says nothing about the credentials: they are not evaluated."""
    answer = trace(rejected(error, is_undecided=True))
    identity = next(link for link in answer.links if link.name == "caller identity")
    assert (identity.finding, "run this again" in identity.says) == (None, True)


def test_other_principal_of_the_shell_is_a_note():
    """The note says that kubectl and `aws` are different principals: a profile or role in the kubeconfig."""
    traced = trace(replace(HEALTHY, shell=replace(CREDENTIALS, arn=OTHER_ARN)))
    assert traced.notes == (f"kubectl signs as {USER}, and `aws` in this shell is {OTHER_ARN}",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--verb", "list"), "passed together"), (("--source", "state"), "no other source has credentials")],
)
def test_arguments_that_cannot_be_used(arguments, message):
    """A verb without resource, or a snapshot, is a usage error."""
    done = CliRunner().invoke(commands, ["trace", "whoami", *arguments])
    assert done.exception.exit_code == 2
    assert message in str(done.exception)
