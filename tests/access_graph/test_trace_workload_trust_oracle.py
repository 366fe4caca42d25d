"""Random trust policies: the trace agrees with the lab's own evaluation, and each fix makes the lab allow the call."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eks_access.findings import Link, Verdict
from eks_access.questions.trace_workload import trace_service_account
from lab.cloud.policy import evaluation
from lab.cloud.policy.conditions import Context
from lab.cloud.policy.documents import parse
from lab.cloud.policy.principals import RequestPrincipal, aws_principal, federated_principal, service_principal
from support.access_graph_fixes import play
from support.access_graphs import ACCOUNT, arn
from support.workload_chains import (
    AUDIENCE,
    CLUSTER_ARN,
    EXTERNAL_ID,
    FORMER_ISSUER,
    ISSUER,
    KEY,
    NAME,
    NAMESPACE,
    NODE_ROLE_ARN,
    OTHER_ACCOUNT,
    ROLE_ARN,
    SUBJECT,
    TARGET_ROLE_ARN,
    GraphData,
    chained,
    irsa,
    pod_identity,
    provider_arn,
)

SERVICE = "pods.eks.amazonaws.com"
TAGGED = ("sts:AssumeRole", "sts:TagSession")
ISSUERS = (ISSUER, FORMER_ISSUER, f"https://{ISSUER}")
PRINCIPALS: tuple[Any, ...] = (
    "*",
    *({"Federated": provider_arn(issuer)} for issuer in (ISSUER, ISSUER, FORMER_ISSUER)),
    {"Federated": provider_arn(account=OTHER_ACCOUNT)},
    {"Federated": [provider_arn(FORMER_ISSUER), provider_arn()]},
    {"AWS": ROLE_ARN},
    *({"Service": service} for service in (SERVICE, SERVICE, "ec2.amazonaws.com", "eks.amazonaws.com")),
    {"Service": ["ec2.amazonaws.com", SERVICE], "AWS": OTHER_ACCOUNT},
)
ACTIONS = (
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRole",
    ["sts:AssumeRole", "sts:TagSession"],
    ["sts:TagSession", "sts:AssumeRoleWithWebIdentity"],
    "sts:*",
)
OPERATORS = (
    *("StringEquals", "StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "StringEqualsIgnoreCase"),
    *("StringEqualsIfExists", "ForAnyValue:StringEquals", "ForAllValues:StringLike", "ArnLike", "ArnNotEquals"),
)
KEYS = (
    *(f"{issuer}:{claim}" for issuer in ISSUERS for claim in ("sub", "aud", "sub")),
    *(f"{ISSUER}:subject", "aws:SourceArn", "aws:SourceAccount", "aws:PrincipalOrgID"),
    *("aws:RequestTag/kubernetes-namespace", "aws:RequestTag/kubernetes-service-account", "aws:RequestTag/team"),
)
VALUES = (
    *(SUBJECT, SUBJECT, f"{SUBJECT}s", f"system:serviceaccount:{NAMESPACE}:*", "system:serviceaccount:prod:test-sa"),
    *("system:serviceaccount:*", f"system:serviceaccount:{NAMESPACE}:other-sa", AUDIENCE, AUDIENCE, "reports", "*"),
    *(CLUSTER_ARN, CLUSTER_ARN.replace("eks-clu", "former"), ACCOUNT, OTHER_ACCOUNT, NAMESPACE, NAME, "prod"),
)


TARGET_PRINCIPALS: tuple[Any, ...] = (
    *({"AWS": principal} for principal in ("*", ACCOUNT, ROLE_ARN, ROLE_ARN, NODE_ROLE_ARN)),
    {"AWS": [NODE_ROLE_ARN, arn("root")]},
    {"Service": SERVICE},
)
TARGET_KEYS = (
    *("sts:ExternalId", "sts:ExternalId", "aws:PrincipalArn", "aws:PrincipalAccount"),
    *("aws:RequestTag/kubernetes-namespace", "aws:PrincipalTag/kubernetes-namespace", "aws:SourceArn"),
)
TARGET_VALUES = (EXTERNAL_ID, EXTERNAL_ID, "former", ROLE_ARN, NODE_ROLE_ARN, ACCOUNT, NAMESPACE, "prod", "*")


@st.composite
def statements(
    draw: st.DrawFn, principals: tuple[Any, ...], keys: tuple[str, ...], texts: tuple[str, ...]
) -> dict[str, Any]:
    statement = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Allow", "Deny"])),
        "Principal": draw(st.sampled_from(principals)),
        "Action": draw(st.sampled_from(ACTIONS)),
    }
    block: dict[str, dict[str, Any]] = {}
    for _ in range(draw(st.integers(0, 3))):
        values = draw(st.lists(st.sampled_from(texts), min_size=1, max_size=2, unique=True))
        value: Any = values[0] if len(values) == 1 else values
        block.setdefault(draw(st.sampled_from(OPERATORS)), {})[draw(st.sampled_from(keys))] = value
    return {**statement, "Condition": block} if block else statement


DOCUMENTS = st.lists(statements(PRINCIPALS, KEYS, VALUES), min_size=1, max_size=3)
TARGET_DOCUMENTS = st.lists(statements(TARGET_PRINCIPALS, TARGET_KEYS, TARGET_VALUES), min_size=1, max_size=3)


@dataclass(frozen=True)
class Call:
    """A call that the lab evaluates."""

    principal: RequestPrincipal
    actions: tuple[str, ...]
    keys: dict[str, str]
    role_arn: str = ROLE_ARN

    def is_allowed(self, data: GraphData) -> bool:
        """Return whether the trust policy allows the call. The caller's own policies allow everything."""
        everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        policies = evaluation.Policies(
            identity=[parse({"Version": "2012-10-17", **everything})],
            resource=parse(data.principals[self.role_arn].trust_policy),
            same_account=self.role_arn == ROLE_ARN,
            resource_must_allow=True,
        )
        context = Context(self.keys)
        requests = [evaluation.Request(each, self.role_arn, self.principal, context) for each in self.actions]
        return all(evaluation.evaluate(request, policies).allowed for request in requests)


def check(data: GraphData, statements: list[dict[str, Any]], call: Call, link_name: str = "trust policy") -> None:
    """Compare the trust link with the lab, fix it, and compare again."""

    def trust_link() -> Link:
        links = trace_service_account(data.graph(), *KEY).links
        return next(link for link in links if link.name == link_name)

    data.set_trust(*statements, arn=call.role_arn)
    link = trust_link()
    assert (link.verdict is Verdict.HOLDS) == call.is_allowed(data), link
    if link.finding is not None:
        play(data, link.finding.fix, call.role_arn.split(":")[4])
        assert call.is_allowed(data), link
        assert trust_link().verdict is Verdict.HOLDS


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS)
def test_trust_policies_for_irsa(document):
    """The trace and the lab agree on IRSA before and after the fix."""
    keys = {f"{ISSUER}:sub": SUBJECT, f"{ISSUER}:aud": AUDIENCE, "aws:FederatedProvider": provider_arn()}
    call = Call(federated_principal(provider_arn()), ("sts:AssumeRoleWithWebIdentity",), keys)
    check(irsa(), document, call)


@settings(max_examples=60, deadline=None)
@given(DOCUMENTS)
def test_trust_policies_for_pod_identity(document):
    """The trace and the lab agree on Pod Identity before and after the fix."""
    keys = {
        "aws:SourceArn": CLUSTER_ARN,
        "aws:SourceAccount": ACCOUNT,
        "aws:RequestTag/eks-cluster-arn": CLUSTER_ARN,
        "aws:RequestTag/eks-cluster-name": CLUSTER_ARN.rpartition("/")[2],
        "aws:RequestTag/kubernetes-namespace": NAMESPACE,
        "aws:RequestTag/kubernetes-service-account": NAME,
    }
    check(pod_identity(), document, Call(service_principal(SERVICE), TAGGED, keys))


@settings(max_examples=60, deadline=None)
@given(TARGET_DOCUMENTS)
def test_trust_policies_of_a_target_role(document):
    """The trace and the lab agree on a target role of another account before and after the fix."""
    tags = {"kubernetes-namespace": NAMESPACE, "kubernetes-service-account": NAME}
    keys = {
        **{f"aws:RequestTag/{key}": value for key, value in tags.items()},
        **{f"aws:PrincipalTag/{key}": value for key, value in tags.items()},
        "sts:ExternalId": EXTERNAL_ID,
        "aws:PrincipalArn": ROLE_ARN,
        "aws:PrincipalAccount": ACCOUNT,
    }
    session = "arn:aws:sts::123456789012:assumed-role/sa-role/eks-pod"
    principal = aws_principal(ROLE_ARN, unique_id="AROASAROLE", account=ACCOUNT, session_arn=session)
    check(chained(), document, Call(principal, TAGGED, keys, TARGET_ROLE_ARN), "trust policy of the target role")
