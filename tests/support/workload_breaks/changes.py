"""Changes of a graph that break a chain, by what they change."""

from dataclasses import replace

from eks_access.graph.aws_objects import OidcProvider
from support import workload_chains as chains
from support.access_graphs import ACCOUNT
from support.workload_breaks.workload_break import Change
from support.workload_chains import (
    AUDIENCE,
    AWS_POLICY_ARN,
    ISSUER,
    KEY,
    NAMESPACE,
    OTHER_ACCOUNT,
    POLICY_ARN,
    RESOURCE,
    ROLE_ANNOTATION,
    ROLE_ARN,
    GraphData,
    allow,
    document,
    provider_arn,
)


def trust(old: str, new: str, arn: str = ROLE_ARN) -> Change:
    return lambda data: data.edit_trust(old, new, arn)


def condition(operator: str, key: str, value: object) -> Change:
    """Add a condition to the first statement of the trust policy."""

    def apply(data: GraphData) -> None:
        statement = dict(data.role.trust_policy["Statement"][0])
        block = {test: dict(keys) for test, keys in statement.get("Condition", {}).items()}
        block.setdefault(operator, {})[key] = value
        data.set_trust({**statement, "Condition": block})

    return apply


def conditions(block: dict[str, dict[str, object]]) -> Change:
    """Replace the conditions of the first statement of the trust policy."""
    return lambda data: data.set_trust({**data.role.trust_policy["Statement"][0], "Condition": block})


def annotation(*, restart: bool = True, **annotations: str) -> Change:
    def apply(data: GraphData) -> None:
        data.annotate(**annotations)
        if restart:
            data.create_pod()

    return apply


def role_annotation(arn: str) -> Change:
    return annotation(**{ROLE_ANNOTATION: arn})


def policy(*statements: chains.Statement) -> Change:
    return lambda data: data.policies.__setitem__(POLICY_ARN, document(*statements))


def node(**changes: object) -> Change:
    return lambda data: data.nodes.__setitem__("node-1", replace(data.nodes["node-1"], **changes))


def provider(arn: str, issuer: str = ISSUER, audience: str = AUDIENCE) -> Change:
    """Leave one OIDC provider."""

    def apply(data: GraphData) -> None:
        data.providers.clear()
        data.providers[arn] = OidcProvider(arn, issuer, (audience,))

    return apply


def all_of(*changes: Change) -> Change:
    def apply(data: GraphData) -> None:
        for change in changes:
            change(data)

    return apply


def delete_account(data: GraphData) -> None:
    del data.accounts[KEY]


def delete_role(data: GraphData) -> None:
    del data.principals[ROLE_ARN]


def role_with_path(data: GraphData) -> None:
    arn = ROLE_ARN.replace("role/", "role/team/")
    data.principals[arn] = replace(data.principals.pop(ROLE_ARN), arn=arn)


def annotation_on_pod(data: GraphData) -> None:
    data.annotate()
    data.create_pod(annotations={ROLE_ANNOTATION: ROLE_ARN})


def association_of_other_account(data: GraphData) -> None:
    data.associations[NAMESPACE, "test-as"] = replace(data.associations.pop(KEY), service_account="test-as")
    data.create_pod()


def pod_before_annotation(data: GraphData) -> None:
    annotations = data.accounts[KEY].annotations
    data.annotate()
    data.create_pod()
    data.annotate(**annotations)


def pod_before_association(data: GraphData) -> None:
    association = data.associations.pop(KEY)
    data.annotate(**{ROLE_ANNOTATION: ROLE_ARN})
    data.create_pod()
    data.annotate()
    data.associations[KEY] = association


def pod_before_other_role(data: GraphData) -> None:
    data.annotate(**{ROLE_ANNOTATION: ROLE_ARN.replace("sa-role", "former-role")})
    data.create_pod()
    data.annotate(**{ROLE_ANNOTATION: ROLE_ARN})


def pod_of_deleted_association(data: GraphData) -> None:
    association = chains.pod_identity().associations[KEY]
    data.associations[KEY] = association
    data.create_pod()
    del data.associations[KEY]


def pod_before_audience(data: GraphData) -> None:
    annotations = data.accounts[KEY].annotations
    data.annotate(**{ROLE_ANNOTATION: ROLE_ARN})
    data.create_pod()
    data.annotate(**annotations)


def host_network(data: GraphData) -> None:
    data.annotate()
    data.create_pod(host_network=True)


def double_wiring(data: GraphData) -> None:
    data.annotate(**{ROLE_ANNOTATION: ROLE_ARN.replace("sa-role", "former-role")})


def boundary(*statements: chains.Statement) -> Change:
    def apply(data: GraphData) -> None:
        arn = POLICY_ARN.replace("read-buckets", "boundary")
        data.policies[arn] = document(*statements)
        data.set_role(boundary=arn)

    return apply


def inline(*statements: chains.Statement) -> Change:
    return lambda data: data.set_role(inline_policies={"own": document(*statements)}, attached_policies=())


def aws_policy(data: GraphData) -> None:
    data.policies[AWS_POLICY_ARN] = document(allow(["sqs:List*", "sqs:Get*"]))
    data.set_role(attached_policies=(AWS_POLICY_ARN,))


def inline_deny(data: GraphData) -> None:
    """Add an inline policy that has one Deny, of the resource alone."""
    data.set_role(inline_policies={"deny": document({**DENY_ALL, "Resource": RESOURCE})})


def session_policy(*statements: chains.Statement) -> Change:
    return lambda data: data.set_association(session_policy=document(*statements), disable_session_tags=True)


SUB, AUD = f"{ISSUER}:sub", f"{ISSUER}:aud"
DENY_ALL = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
TRUST_DENY = {
    "Sid": "NoProd",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringLike": {SUB: f"system:serviceaccount:{NAMESPACE}:*"}},
}
TAG_PATTERN = "arn:aws:s3:::${aws:PrincipalTag/kubernetes-namespace}-data"
OTHER_ACCOUNT_PROVIDER = provider_arn(account=OTHER_ACCOUNT)


def role_in_other_account(data: GraphData) -> None:
    """Move the role to an account without a provider."""
    arn = ROLE_ARN.replace(ACCOUNT, OTHER_ACCOUNT)
    data.principals[arn] = replace(data.principals.pop(ROLE_ARN), arn=arn)
    trust = chains.replaced(data.principals[arn].trust_policy, provider_arn(), OTHER_ACCOUNT_PROVIDER)
    policy_arn = POLICY_ARN.replace(ACCOUNT, OTHER_ACCOUNT)
    data.policies[policy_arn] = data.policies.pop(POLICY_ARN)
    data.set_role(arn, trust_policy=trust, attached_policies=(policy_arn,))
    role_annotation(arn)(data)
