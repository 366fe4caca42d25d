"""Healthy chains of workload identity: by IRSA, by Pod Identity, and with a target role."""

import copy
from dataclasses import dataclass, field, replace
from typing import Any

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import IamPrincipal, OidcProvider, PodIdentityAssociation
from eks_access.graph.kubernetes_objects import Container, Node, Pod, ServiceAccount
from support import access_graphs
from support.access_graphs import ACCOUNT, REGION, Objects, arn

OTHER_ACCOUNT = "210987654321"
CLUSTER = "eks-clu"
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{CLUSTER}"
ISSUER = access_graphs.ISSUER.removeprefix("https://")
FORMER_ISSUER = f"oidc.eks.{REGION}.amazonaws.com/id/FEDCBA9876543210FEDCBA9876543210"
NAMESPACE, NAME = "default", "test-sa"
KEY = (NAMESPACE, NAME)
POD = (NAMESPACE, "test-pod-7d4b9c6f5-x2x7p")
OWNER = "deployment/test-pod"
ROLE_ARN = arn("role/sa-role")
TARGET_ROLE_ARN = f"arn:aws:iam::{OTHER_ACCOUNT}:role/target-role"
NODE_ROLE_ARN = arn("role/node-role")
POLICY_ARN = arn("policy/read-buckets")
AWS_POLICY_ARN = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
ACTION, RESOURCE = "s3:ListBucket", "arn:aws:s3:::reports"
SUBJECT = f"system:serviceaccount:{NAMESPACE}:{NAME}"
AUDIENCE = "sts.amazonaws.com"
EXTERNAL_ID = f"{REGION}/{ACCOUNT}/{CLUSTER}/{NAMESPACE}/{NAME}"
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience"

Statement = dict[str, Any]


def provider_arn(issuer: str = ISSUER, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:oidc-provider/{issuer}"


def document(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def irsa_statement(subject: str = SUBJECT, issuer: str = ISSUER, audience: str = AUDIENCE) -> Statement:
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn(issuer)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{issuer}:sub": subject, f"{issuer}:aud": audience}},
    }


def pod_identity_statement(**conditions: Any) -> Statement:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    return {**statement, "Condition": conditions} if conditions else statement


def target_statement() -> Statement:
    return {
        "Effect": "Allow",
        "Principal": {"AWS": ROLE_ARN},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
    }


def allow(action: str | list[str] = ["s3:List*", "s3:Get*"], resource: str | list[str] = "*") -> Statement:  # noqa: B006
    return {"Effect": "Allow", "Action": action, "Resource": resource}


@dataclass
class GraphData:
    """The objects of a graph. Breaks and fixes change them."""

    principals: dict[str, IamPrincipal] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=dict)
    providers: dict[str, OidcProvider] = field(default_factory=dict)
    associations: dict[tuple[str, str], PodIdentityAssociation] = field(default_factory=dict)
    accounts: dict[tuple[str, str], ServiceAccount] = field(default_factory=dict)
    pods: dict[tuple[str, str], Pod] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    has_agent: bool = True
    seen_by_webhook: dict[tuple[str, str], "GraphData"] = field(default_factory=dict)
    """Service accounts and associations at the time when each pod was created."""

    def graph(self, *, not_read: str = "") -> AccessGraph:
        """Return the graph; its source could not read the field `not_read`."""
        graph = Objects(
            principals=self.principals,
            policies=self.policies,
            oidc_providers=self.providers,
            associations=self.associations,
            service_accounts=self.accounts,
            pods=self.pods,
            nodes=self.nodes,
            has_pod_identity_agent=self.has_agent,
        ).graph()
        if not not_read:
            return graph
        kind = type(getattr(graph, not_read))
        return replace(graph, **{not_read: kind.not_read(not_read, "AccessDenied")})

    @property
    def role(self) -> IamPrincipal:
        return self.principals[ROLE_ARN]

    def set_role(self, arn: str = ROLE_ARN, **changes: Any) -> None:
        self.principals[arn] = replace(self.principals[arn], **changes)

    def set_trust(self, *statements: Statement, arn: str = ROLE_ARN) -> None:
        self.set_role(arn, trust_policy=document(*statements))

    def edit_trust(self, old: str, new: str, arn: str = ROLE_ARN) -> None:
        """Replace a string in a trust policy, which must have it."""
        self.set_role(arn, trust_policy=replaced(self.principals[arn].trust_policy, old, new))

    def set_association(self, **changes: Any) -> None:
        self.associations[KEY] = replace(self.associations[KEY], **changes)

    def annotate(self, **annotations: str) -> None:
        """Replace the annotations of the service account."""
        self.accounts[KEY] = replace(self.accounts[KEY], annotations=annotations)

    def create_pod(self, key: tuple[str, str] = POD, **changes: Any) -> None:
        """Create a pod as its controller does, with what the webhook adds."""
        before = self.pods.get(key) or Pod(*key, NAME, node="node-1", owner=OWNER)
        pod = replace(before, containers=(Container("app"),), token_audiences=(), **changes)
        account = self.accounts.get((pod.namespace, pod.service_account))
        annotations = account.annotations if account else {}
        environment, audience = {}, ()
        if (pod.namespace, pod.service_account) in self.associations:
            environment = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}
            audience = ("pods.eks.amazonaws.com",)
        elif ROLE_ANNOTATION in annotations:
            environment = {"AWS_ROLE_ARN": str(annotations[ROLE_ANNOTATION])}
            audience = (str(annotations.get(AUDIENCE_ANNOTATION, AUDIENCE)),)
        containers = (Container("app", environment=environment),)
        self.pods[key] = replace(pod, containers=containers, token_audiences=audience)
        self.seen_by_webhook[key] = GraphData(accounts=dict(self.accounts), associations=dict(self.associations))


def replaced(value: Any, old: str, new: str) -> Any:
    """Return a document with `new` in place of `old` in its keys and values. It has `old` somewhere."""
    assert old in repr(value)

    def replace_in(part: Any) -> Any:
        if isinstance(part, dict):
            return {replace_in(key): replace_in(each) for key, each in part.items()}
        if isinstance(part, list):
            return [replace_in(each) for each in part]
        return part.replace(old, new) if isinstance(part, str) else part

    return replace_in(copy.deepcopy(value))


def irsa() -> GraphData:
    """Return a healthy chain by IRSA."""
    data = GraphData()
    data.accounts[KEY] = ServiceAccount(*KEY, {ROLE_ANNOTATION: ROLE_ARN})
    data.accounts[NAMESPACE, "other-sa"] = ServiceAccount(NAMESPACE, "other-sa")
    data.providers[provider_arn()] = OidcProvider(provider_arn(), ISSUER, (AUDIENCE,))
    data.policies[POLICY_ARN] = document(allow())
    data.principals[ROLE_ARN] = IamPrincipal(
        ROLE_ARN, trust_policy=document(irsa_statement()), attached_policies=(POLICY_ARN,)
    )
    data.principals[NODE_ROLE_ARN] = IamPrincipal(
        NODE_ROLE_ARN,
        trust_policy=document(
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ),
    )
    data.nodes["node-1"] = Node("node-1", instance_id="i-1", role_arn=NODE_ROLE_ARN, metadata_hop_limit=1)
    data.create_pod()
    return data


def pod_identity() -> GraphData:
    """Return a healthy chain by Pod Identity."""
    data = irsa()
    data.annotate()
    data.providers.clear()
    data.associations[KEY] = PodIdentityAssociation("a-1", *KEY, ROLE_ARN)
    data.set_trust(pod_identity_statement())
    data.create_pod()
    return data


def chained() -> GraphData:
    """Return a healthy chain by Pod Identity with a target role of another account."""
    data = pod_identity()
    data.set_association(target_role_arn=TARGET_ROLE_ARN, external_id=EXTERNAL_ID)
    data.set_role(inline_policies={"assume": document(allow(["sts:AssumeRole", "sts:TagSession"], TARGET_ROLE_ARN))})
    data.set_role(attached_policies=())
    data.principals[TARGET_ROLE_ARN] = IamPrincipal(
        TARGET_ROLE_ARN, trust_policy=document(target_statement()), inline_policies={"read": document(allow())}
    )
    return data


def next_role() -> GraphData:
    """Return a healthy chain by Pod Identity, whose pod assumes the target role itself."""
    data = chained()
    data.set_association(target_role_arn=None, external_id=None)
    statement = target_statement()
    del statement["Condition"]
    data.set_trust(statement, arn=TARGET_ROLE_ARN)
    return data


def custom_audience() -> GraphData:
    """Return a healthy chain by IRSA with another audience than that of STS."""
    data = irsa()
    data.annotate(**{ROLE_ANNOTATION: ROLE_ARN, AUDIENCE_ANNOTATION: "reports"})
    data.providers[provider_arn()] = OidcProvider(provider_arn(), ISSUER, (AUDIENCE, "reports"))
    data.set_trust(irsa_statement(audience="reports"))
    data.create_pod()
    return data


def wildcard_subject() -> GraphData:
    """Return a healthy chain by IRSA whose trust policy names service accounts by a pattern."""
    data = irsa()
    statement = irsa_statement()
    del statement["Condition"]["StringEquals"][f"{ISSUER}:sub"]
    statement["Condition"]["StringLike"] = {f"{ISSUER}:sub": f"system:serviceaccount:{NAMESPACE}:test-*"}
    data.set_trust(statement)
    return data


def several_statements() -> GraphData:
    """Return a healthy chain by IRSA whose role also trusts Pod Identity, another cluster and EC2."""
    data = irsa()
    data.providers[provider_arn(FORMER_ISSUER)] = OidcProvider(provider_arn(FORMER_ISSUER), FORMER_ISSUER, (AUDIENCE,))
    ec2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    other = irsa_statement(f"system:serviceaccount:{NAMESPACE}:other-sa")
    data.set_trust(ec2, irsa_statement(issuer=FORMER_ISSUER), other, pod_identity_statement(), irsa_statement())
    return data


def tagged_policies() -> GraphData:
    """Return a healthy chain by Pod Identity whose trust and permissions policies compare session tags."""
    data = pod_identity()
    tags = {"kubernetes-namespace": NAMESPACE, "kubernetes-service-account": NAME, "eks-cluster-arn": CLUSTER_ARN}
    requests = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    source = {"aws:SourceArn": CLUSTER_ARN}
    data.set_trust(pod_identity_statement(StringEquals={**requests, "aws:SourceAccount": ACCOUNT}, ArnEquals=source))
    pattern = "arn:aws:s3:::${aws:PrincipalTag/eks-cluster-name}-${aws:PrincipalTag/kubernetes-namespace}"
    data.policies[POLICY_ARN] = document(allow(resource=[pattern, RESOURCE]))
    return data


HEALTHY = {
    "irsa": irsa,
    "pod-identity": pod_identity,
    "chained": chained,
    "custom-audience": custom_audience,
    "wildcard-subject": wildcard_subject,
    "several-statements": several_statements,
    "tagged-policies": tagged_policies,
}
"""Healthy chains by id."""
