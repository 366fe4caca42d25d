"""`eks-access trace` asks the API server, IAM, STS and EKS Auth of the lab where it cannot decide."""

import json
import re

import pytest
from click.testing import CliRunner
from tenacity import retry, stop_after_delay, wait_fixed

from eks_access.cli import commands
from eks_access.sources.live_permissions import PARTS, cluster_role, cluster_role_binding, iam_policy
from lab.principals import ADMINISTRATOR

CLUSTER, ACCOUNT = "eks-clu", "123456789012"
ASKER, SUBJECT = "services-asker", "services-subject"
IRSA, BOUND = "exchanged", "bound"
OBJECT = "arn:aws:s3:::reports/2026"
JWT = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+")
UNREADABLE = {"iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetAccountAuthorizationDetails"}
"""Actions without which managed policies are not read."""


def role_arn(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(*actions, **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


@pytest.fixture
def trace(live_lab):
    """A function that runs `eks-access trace`, and returns the exit code and the trace. No output has a token."""

    def run(*arguments, principal=ADMINISTRATOR):
        with live_lab.environment(principal):
            done = CliRunner().invoke(commands, ["trace", *arguments, "--context", CLUSTER, "--json"])
        assert done.stdout.startswith("{"), (done.output, done.exception)
        assert "eyJ" not in done.output
        return done.exit_code, json.loads(done.stdout)["trace"]

    return run


def link_of(traced, name):
    return next(link for link in traced["links"] if link["name"] == name)


def found(traced):
    return [link["finding"]["kind"]["id"] for link in traced["links"] if "finding" in link]


def play_fix(live_lab, link):
    for command in link["finding"]["fix"]["commands"]:
        done = live_lab.clients.run(*command)
        assert done.worked, done.stderr


@pytest.fixture(scope="module")
def asker(live_lab):
    """A user who reads neither bindings nor managed policies, and may ask for reviews."""
    arn = live_lab.aws("iam", "create-user", "--user-name", ASKER)["User"]["Arn"]
    parts = ("aws_auth", "service_accounts", "pods", "has_pod_identity_agent", "review_access")
    live_lab.apply(cluster_role(ASKER, parts), cluster_role_binding(ASKER, ASKER))
    entry = ("--cluster-name", CLUSTER, "--kubernetes-groups")
    live_lab.aws("eks", "create-access-entry", *entry, ASKER, "--principal-arn", arn)
    subject = live_lab.aws("iam", "create-user", "--user-name", SUBJECT)["User"]["Arn"]
    live_lab.aws("eks", "create-access-entry", *entry, "operators", "--principal-arn", subject)
    set_actions(live_lab, (*PARTS["principal"], *PARTS["serviceaccount"]))
    live_lab.clients.update_kubeconfig(CLUSTER, ASKER)
    return subject


def set_actions(live_lab, parts):
    policy = iam_policy(parts=parts)
    for statement in policy["Statement"]:
        statement["Action"] = [action for action in statement["Action"] if action not in UNREADABLE]
    put = ("--user-name", ASKER, "--policy-name", "own", "--policy-document", json.dumps(policy))
    live_lab.aws("iam", "put-user-policy", *put)


# The API server


def test_review_decides_for_a_caller_who_may_not_read_bindings(live_lab, trace, asker):
    """The group of the user is bound to one Deployment; with the fix for another one the review allows that too."""
    request = ("principal", asker, "--verb", "get", "--resource", "deployments.apps", "-n", "default", "--name")
    code, traced = trace(*request, "app", principal=ASKER)
    authorization = link_of(traced, "authorization")
    assert (code, authorization["verdict"]) == (0, "holds"), traced
    assert authorization["answer"]["operation"] == "SubjectAccessReview"
    assert "RBAC: allowed by RoleBinding" in authorization["says"]
    assert "Forbidden: list" in authorization["answer"]["reason"]

    code, traced = trace(*request, "other", principal=ASKER)
    assert (code, found(traced)) == (1, ["access-review-denies"])
    play_fix(live_lab, link_of(traced, "authorization"))

    @retry(stop=stop_after_delay(20), wait=wait_fixed(0.3), reraise=True)
    def check():
        assert trace(*request, "other", principal=ASKER)[0] == 0

    check()


def test_review_knows_the_access_policies_of_the_lab(live_lab, trace, asker):
    """The review names the user by unique id, so that access policies without RBAC count."""
    view = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    associate = ("--cluster-name", CLUSTER, "--principal-arn", asker, "--policy-arn", view, "--access-scope")
    live_lab.aws("eks", "associate-access-policy", *associate, "type=namespace,namespaces=kube-system")
    with live_lab.environment():
        graph = live_lab.open()
        user = graph.principals.get(asker)
    assert user.unique_id.startswith("AIDA")
    request = ("principal", asker, "--verb", "delete", "--resource", "pods", "-n", "kube-system")
    code, traced = trace(*request, principal=ASKER)
    live_lab.aws("eks", "disassociate-access-policy", *associate[:-1])
    assert (code, found(traced)) == (3, [])
    assert "may be without the access policies" in link_of(traced, "authorization")["says"]


def test_review_without_permission_is_not_evaluated(live_lab, trace, asker):
    """Without `create subjectaccessreviews`, the exit code is 3, and the permission is named."""
    parts = ("aws_auth", "service_accounts", "pods", "has_pod_identity_agent")
    live_lab.apply(cluster_role(ASKER, parts))
    request = ("principal", asker, "--verb", "get", "--resource", "deployments.apps", "-n", "default", "--name", "app")

    @retry(stop=stop_after_delay(20), wait=wait_fixed(0.3), reraise=True)
    def check():
        code, traced = trace(*request, principal=ASKER)
        assert (code, found(traced)) == (3, [])
        says = link_of(traced, "authorization")["says"]
        assert "SubjectAccessReview: Forbidden: create subjectaccessreviews.authorization.k8s.io" in says

    check()
    live_lab.apply(cluster_role(ASKER, (*parts, "review_access")))


# STS and IAM


def irsa_trust(live_lab, service_account=IRSA, audience="sts.amazonaws.com"):
    issuer = live_lab.aws("eks", "describe-cluster", "--name", CLUSTER)["cluster"]["identity"]["oidc"]["issuer"]
    host = issuer.removeprefix("https://")
    subject = f"system:serviceaccount:default:{service_account}"
    return document({
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:sub": subject, f"{host}:aud": audience}},
    })  # fmt: skip


def set_trust(live_lab, name, trust):
    live_lab.aws("iam", "update-assume-role-policy", "--role-name", name, "--policy-document", trust)


@pytest.fixture(scope="module")
def irsa(live_lab):
    """A healthy chain of IRSA, whose role has a managed policy."""
    create = ("--role-name", IRSA, "--assume-role-policy-document", irsa_trust(live_lab))
    live_lab.aws("iam", "create-role", *create)
    attach = ("--role-name", IRSA, "--policy-arn", f"arn:aws:iam::{ACCOUNT}:policy/buckets")
    live_lab.aws("iam", "attach-role-policy", *attach)
    annotations = {"eks.amazonaws.com/role-arn": role_arn(IRSA)}
    metadata = {"namespace": "default", "name": IRSA, "annotations": annotations}
    live_lab.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    return ("serviceaccount", f"default/{IRSA}")


@pytest.fixture
def provider(live_lab):
    """The ARN of the cluster's OIDC provider, which exists again after the test."""
    (listed,) = live_lab.aws("iam", "list-open-id-connect-providers")["OpenIDConnectProviderList"]
    arn = listed["Arn"]
    yield arn
    if not live_lab.aws("iam", "list-open-id-connect-providers")["OpenIDConnectProviderList"]:
        url = f"https://{arn.partition(':oidc-provider/')[2]}"
        live_lab.aws("iam", "create-open-id-connect-provider", "--url", url, "--client-id-list", "sts.amazonaws.com")
    arguments = ("--open-id-connect-provider-arn", arn, "--client-id", "sts.amazonaws.com")
    live_lab.aws("iam", "add-client-id-to-open-id-connect-provider", *arguments)


def tokens_in_logs(live_lab):
    texts = (path.read_text(errors="replace") for path in live_lab.clients.home.logs.rglob("*") if path.is_file())
    return {token for text in texts for token in JWT.findall(text)}


def test_exchange_of_a_healthy_chain_returns_a_session(live_lab, trace, irsa):
    """STS accepts the token: the last link has the session's ARN. No log of the lab has a token more."""
    before = tokens_in_logs(live_lab)
    code, traced = trace(*irsa, "--exchange")
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{IRSA}/eks-access"
    assert (code, traced["links"][-1]["says"]) == (0, f"AssumeRoleWithWebIdentity: session {session}"), traced
    assert tokens_in_logs(live_lab) <= before


NOT_AUTHORIZED = "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity; explained by trust policy"
BROKEN_TRUST = {
    "sub": ({"service_account": "other"}, "trust-subject"),
    "aud": ({"audience": "sts.example.com"}, "trust-audience"),
}


@pytest.mark.parametrize(("change", "kind"), BROKEN_TRUST.values(), ids=BROKEN_TRUST)
def test_exchange_is_rejected_by_the_trust_policy(live_lab, trace, irsa, change, kind):
    """The link has the error of STS and the broken link; there is one finding, that of the trust policy."""
    set_trust(live_lab, IRSA, irsa_trust(live_lab, **change))
    code, traced = trace(*irsa, "--exchange")
    set_trust(live_lab, IRSA, irsa_trust(live_lab))
    assert (code, found(traced)) == (1, [kind])
    assert traced["links"][-1]["says"].endswith(NOT_AUTHORIZED)


def test_exchange_is_rejected_by_a_provider_without_the_audience(live_lab, trace, irsa, provider):
    """The provider's client ids lack the audience: STS says so."""
    arguments = ("--open-id-connect-provider-arn", provider, "--client-id", "sts.amazonaws.com")
    live_lab.aws("iam", "remove-client-id-from-open-id-connect-provider", *arguments)
    code, traced = trace(*irsa, "--exchange")
    assert (code, found(traced)) == (1, ["oidc-provider-audience"])
    says = traced["links"][-1]["says"]
    assert says.endswith("InvalidIdentityToken: Incorrect token audience; explained by OIDC provider")


def test_exchange_is_rejected_without_a_provider(live_lab, trace, irsa, provider):
    """The account has no provider for the issuer: STS says so."""
    live_lab.aws("iam", "delete-open-id-connect-provider", "--open-id-connect-provider-arn", provider)
    code, traced = trace(*irsa, "--exchange")
    assert (code, found(traced)) == (1, ["oidc-provider-missing"])
    says = traced["links"][-1]["says"]
    assert "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://" in says
    assert says.endswith("explained by OIDC provider")


def test_exchange_without_permission_is_not_evaluated(trace, irsa, asker):
    """Without `create serviceaccounts/token`, the exit code is 3."""
    code, traced = trace(*irsa, "--exchange", principal=ASKER)
    says = "TokenRequest: Forbidden: create serviceaccounts/token in namespace default"
    assert (code, found(traced), traced["links"][-1]["says"]) == (3, [], says)


def test_simulation_decides_for_a_caller_who_may_not_read_policies(live_lab, trace, irsa, asker):
    """IAM allows what the managed policy does, as `aws iam simulate-principal-policy` prints; the fix adds the rest."""
    options = ("--resource", OBJECT, "--action")
    for action, decision, expected in (("s3:GetObject", "allowed", 0), ("s3:PutObject", "implicitDeny", 1)):
        code, traced = trace(*irsa, *options, action, principal=ASKER)
        permissions = link_of(traced, "permissions")
        assert code == expected, traced
        assert permissions["answer"]["operation"] == "SimulatePrincipalPolicy"
        arguments = ("--policy-source-arn", role_arn(IRSA), "--action-names", action, "--resource-arns", OBJECT)
        (result,) = live_lab.aws("iam", "simulate-principal-policy", *arguments)["EvaluationResults"]
        assert result["EvalDecision"] == decision
        assert permissions["says"].startswith(f"SimulatePrincipalPolicy: {decision}")
    assert found(traced) == ["simulation-denies"]
    play_fix(live_lab, permissions)
    assert trace(*irsa, *options, "s3:PutObject", principal=ASKER)[0] == 0


def test_simulation_without_the_value_of_a_key_is_not_evaluated(live_lab, trace, irsa):
    """A condition on the VPC decides only in the pod's own request."""
    statement = allow("sqs:SendMessage", Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}})
    put = ("--role-name", IRSA, "--policy-name", "vpc")
    live_lab.aws("iam", "put-role-policy", *put, "--policy-document", document(statement))
    code, traced = trace(*irsa, "--action", "sqs:SendMessage")
    live_lab.aws("iam", "delete-role-policy", *put)
    assert (code, found(traced)) == (3, [])
    says = link_of(traced, "permissions")["says"]
    assert "SimulatePrincipalPolicy: implicitDeny, without values of aws:SourceVpc" in says


def test_simulation_without_permission_is_not_evaluated(live_lab, trace, irsa, asker):
    """Without `iam:SimulatePrincipalPolicy`, the exit code is 3, and the action is named."""
    set_actions(live_lab, [part for part in PARTS["serviceaccount"] if part != "simulate"])
    code, traced = trace(*irsa, "--action", "s3:GetObject", "--resource", OBJECT, principal=ASKER)
    set_actions(live_lab, (*PARTS["principal"], *PARTS["serviceaccount"]))
    assert (code, found(traced)) == (3, [])
    assert "AccessDenied: iam:SimulatePrincipalPolicy" in link_of(traced, "permissions")["says"]


# EKS Auth

TRUSTS = {"sts:AssumeRole", "sts:TagSession"}


def pod_identity_trust(*actions):
    return document({"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": sorted(actions)})


@pytest.fixture(scope="module")
def bound(live_lab):
    """A healthy chain of Pod Identity without a pod."""
    live_lab.aws("iam", "create-role", "--role-name", BOUND, "--assume-role-policy-document",
                 pod_identity_trust(*TRUSTS))  # fmt: skip
    live_lab.kubectl("-n", "default", "create", "serviceaccount", BOUND)
    live_lab.aws("eks", "create-pod-identity-association", "--cluster-name", CLUSTER, "--namespace", "default",
                 "--service-account", BOUND, "--role-arn", role_arn(BOUND))  # fmt: skip
    return ("serviceaccount", f"default/{BOUND}")


def test_exchange_of_pod_identity_needs_a_pod(live_lab, trace, bound):
    """Without a pod it is not evaluated; with one, EKS Auth returns a session, and rejects a wrong trust policy."""
    code, traced = trace(*bound, "--exchange")
    assert (code, found(traced)) == (3, [])
    assert traced["links"][-1]["says"].endswith("service account default/bound has no pod")

    spec = {"serviceAccountName": BOUND, "nodeName": "by-hand", "containers": [{"name": "app", "image": "busybox"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "default", "name": BOUND}, "spec": spec}
    live_lab.apply(pod)
    code, traced = trace(*bound, "--exchange")
    session = f"AssumeRoleForPodIdentity: session arn:aws:sts::{ACCOUNT}:assumed-role/{BOUND}/eks-eks-clu-bound-"
    assert code == 0, traced
    assert traced["links"][-1]["says"].startswith(session)

    set_trust(live_lab, BOUND, pod_identity_trust("sts:AssumeRole"))
    code, traced = trace(*bound, "--exchange")
    live_lab.kubectl("-n", "default", "delete", "pod", BOUND, "--force", "--grace-period=0")
    assert (code, found(traced)) == (1, ["trust-tag-session"])
    assert "AssumeRoleForPodIdentity: AccessDeniedException: " in traced["links"][-1]["says"]
    assert traced["links"][-1]["says"].endswith("explained by trust policy")
