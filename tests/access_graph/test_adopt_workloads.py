"""`adopt` declares the pods of a cluster and their roles, and lists what no component can own with the reason."""

from dataclasses import replace

import pytest

from eks_access.graph.aws_objects import IamPrincipal, OidcProvider, PodIdentityAssociation, Unknown
from eks_access.graph.kubernetes_objects import ServiceAccount
from eks_access.graph.tables import Table
from eks_access.questions.adoption.adopt import adopt
from eks_access.questions.adoption.declarations import Form, Reference
from support.access_graphs import Objects, arn
from support.workload_chains import (
    CLUSTER_ARN,
    FORMER_ISSUER,
    ISSUER,
    ROLE_ANNOTATION,
    document,
    irsa_statement,
    pod_identity_statement,
    provider_arn,
)

ROLE = IamPrincipal(
    arn("role/apps/sa-role"),
    trust_policy=document(irsa_statement()),
    description="",
    max_session_duration=3600,
)
PROVIDER = OidcProvider(provider_arn(), ISSUER, ("sts.amazonaws.com",))
ACCOUNT = ServiceAccount("default", "test-sa", {ROLE_ANNOTATION: ROLE.arn})
ASSOCIATION = PodIdentityAssociation("a-1", "default", "pi", ROLE.arn)
PODS_TRUST = document(pod_identity_statement())


def objects(role=ROLE, accounts=(ACCOUNT,), associations=(), providers=(PROVIDER,)):
    return Objects(
        principals={role.arn: role} if role else {},
        oidc_providers={each.arn: each for each in providers},
        service_accounts={(each.namespace, each.name): each for each in accounts},
        associations={(each.namespace, each.service_account): each for each in associations},
    )


def by_association(role=ROLE, trust=PODS_TRUST, *associations):
    return objects(replace(role, trust_policy=trust), (), associations or (ASSOCIATION,))


def declared(found, form=Form.PROGRAM):
    """The declarations of pods and their roles, without the cluster."""
    adoption = adopt(found.graph(), form)
    components = ("WorkloadIdentity", "IrsaRole", "PodIdentityRole")
    declarations = [each for each in adoption.declarations if each.component in components]
    return [(each.component, {k: v for k, v in each.args.items() if k != "cluster"}) for each in declarations]


def reasons(found, form=Form.PROGRAM):
    return {each.object: each.reason for each in adopt(found.graph(), form).not_adopted}


BOUND = {
    "namespace": "default",
    "service_account": "test-sa",
    "mode": "irsa",
}
OWN = {**BOUND, "oidc_provider_arn": Reference("provider.arn"), "role_name": "sa-role", "path": "/apps/"}
ASSOCIATED = {
    "namespace": "default",
    "service_account": "pi",
    "mode": "pod-identity",
    "service_account_management": "none",
}


@pytest.mark.parametrize("form", Form)
def test_role_of_one_service_account_is_owned_by_its_workload(form):
    assert declared(objects(), form) == [("WorkloadIdentity", OWN)]
    assert reasons(objects(), form) == {}


def test_role_keeps_all_of_its_options():
    inline = {'o\'wn "{x}"': document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})}
    role = replace(
        ROLE,
        description="line\n\\ 'one'",
        max_session_duration=7200,
        boundary=arn("policy/limit"),
        attached_policies=("arn:aws:iam::aws:policy/service-role/A", arn("policy/team/b")),
        inline_policies=inline,
        tags={"team": "a"},
    )
    ((_, args),) = declared(objects(role))
    assert args == {
        **OWN,
        "permissions_boundary": arn("policy/limit"),
        "max_session_duration": 7200,
        "description": "line\n\\ 'one'",
        "policies": [arn("policy/team/b"), "arn:aws:iam::aws:policy/service-role/A"],
        "inline_policies": {
            'o\'wn "{x}"': '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
        },
        "tags": {"team": "a"},
    }


def test_trust_policy_in_another_form_with_the_same_meaning_is_owned():
    statement = irsa_statement()
    statement["Action"] = ["sts:AssumeRoleWithWebIdentity"]
    statement["Condition"]["StringEquals"][f"{ISSUER}:aud"] = ["sts.amazonaws.com"]
    role = replace(ROLE, trust_policy={"Statement": statement, "Version": "2012-10-17"})
    assert declared(objects(role)) == [("WorkloadIdentity", OWN)]


def test_several_service_accounts_of_one_role_are_one_workload():
    subjects = ["system:serviceaccount:default:test-sa", "system:serviceaccount:other:b"]
    role = replace(ROLE, trust_policy=document(irsa_statement(subject=subjects)))
    other = ServiceAccount("other", "b", ACCOUNT.annotations)
    more = [{"namespace": "other", "service_account": "b"}]
    assert declared(objects(role, (ACCOUNT, other))) == [("WorkloadIdentity", {**OWN, "more_service_accounts": more})]


def test_options_of_the_webhook_are_kept():
    trusted = document(irsa_statement(audience="example"))
    annotations = {
        ROLE_ANNOTATION: ROLE.arn,
        "eks.amazonaws.com/audience": "example",
        "eks.amazonaws.com/sts-regional-endpoints": "false",
        "eks.amazonaws.com/token-expiration": "7200",
    }
    ((_, args),) = declared(objects(replace(ROLE, trust_policy=trusted), (replace(ACCOUNT, annotations=annotations),)))
    options = {"audience": "example", "sts_regional_endpoints": False, "token_expiration": 7200}
    assert args == {**OWN, **options}


WILDCARD = irsa_statement()
WILDCARD["Condition"] = {
    "StringLike": {f"{ISSUER}:sub": "system:serviceaccount:default:*"},
    "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"},
}
ROLE_OPTIONS = {"role_name": "sa-role", "path": "/apps/"}


@pytest.mark.parametrize(
    ("trust", "args"),
    [
        (
            document(WILDCARD),
            {
                "oidc_provider_arns": [provider_arn()],
                "subjects": [{"namespace": "default", "service_account": "*"}],
                "allow_wildcards": True,
            },
        ),
        (
            document(irsa_statement(), irsa_statement(issuer=FORMER_ISSUER)),
            {
                "oidc_provider_arns": [provider_arn(), provider_arn(FORMER_ISSUER)],
                "subjects": [{"namespace": "default", "service_account": "test-sa"}],
            },
        ),
    ],
    ids=["wildcard", "two clusters"],
)
def test_role_of_other_subjects_is_a_role_of_its_own(trust, args):
    found = objects(replace(ROLE, trust_policy=trust))
    role, workload = declared(found)
    assert role == ("IrsaRole", {**args, **ROLE_OPTIONS})
    assert workload == ("WorkloadIdentity", {"role_arn": ROLE.arn, **BOUND})
    assert declared(found, Form.SETTINGS) == [workload]
    assert "settings declare only roles" in reasons(found, Form.SETTINGS)[f"IAM role {ROLE.arn}"]


def changed(**condition):
    statement = irsa_statement()
    statement["Condition"] = condition
    return document(statement)


SUB = {f"{ISSUER}:sub": "system:serviceaccount:default:test-sa"}
UNOWNED_TRUSTS = {
    "no audience": (changed(StringEquals=SUB), f"no condition on {ISSUER}:aud"),
    "another operator": (changed(ArnLike=SUB), "condition operator ArnLike"),
    "another statement": (
        document(irsa_statement(), {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}),
        "its trust policy is not one that the components write",
    ),
    "a statement with an id": (document({**irsa_statement(), "Sid": "one"}), "its trust policy is not one"),
    "different subjects": (
        document(irsa_statement(), irsa_statement("system:serviceaccount:a:b", FORMER_ISSUER)),
        "its trust policy is not one",
    ),
    "StringEquals with a star": (
        document(irsa_statement("system:serviceaccount:default:*")),
        "its trust policy is not one",
    ),
    "no policy": (None, "its trust policy is not one"),
}


@pytest.mark.parametrize("case", UNOWNED_TRUSTS)
def test_role_with_a_trust_policy_that_no_component_writes_is_used_by_its_arn_and_listed(case):
    trust, reason = UNOWNED_TRUSTS[case]
    found = objects(replace(ROLE, trust_policy=trust))
    assert declared(found) == [("WorkloadIdentity", {"role_arn": ROLE.arn, **BOUND})]
    assert reason in reasons(found)[f"IAM role {ROLE.arn}"]


UNOWNED_ROLES = {
    "missing": (None, "IAM has no such role"),
    "tags of AWS": (replace(ROLE, tags={"aws:x": "y"}), "tag 'aws:x' must not begin"),
    "unknown policies": (replace(ROLE, other_policies=Unknown("of other stacks")), "it may have more policies"),
    "unknown inline policy": (replace(ROLE, inline_policies={"a": Unknown("x")}), "does not know all of its policies"),
    "from a listing": (replace(ROLE, description=None), "adopt from --source live"),
}


@pytest.mark.parametrize("case", UNOWNED_ROLES)
def test_role_whose_options_are_not_known_or_not_valid_is_listed(case):
    role, reason = UNOWNED_ROLES[case]
    found = objects(role)
    assert declared(found) == [("WorkloadIdentity", {"role_arn": ROLE.arn, **BOUND})]
    assert reason in reasons(found)[f"IAM role {ROLE.arn}"]


def test_role_of_another_account_is_used_by_its_arn_and_listed():
    other = "arn:aws:iam::210987654321:role/x"
    found = objects(accounts=(replace(ACCOUNT, annotations={ROLE_ANNOTATION: other}),))
    assert declared(found) == [("WorkloadIdentity", {"role_arn": other, **BOUND})]
    assert "another account" in reasons(found)[f"IAM role {other}"]


def test_role_that_is_not_read_is_not_evaluated():
    graph = replace(objects().graph(), principals=Table.not_read("IAM principals", "AccessDenied"))
    adoption = adopt(graph)
    assert [each.reason for each in adoption.not_adopted] == ["not evaluated: IAM principals: AccessDenied"]
    assert [str(failure) for failure in graph.not_read()] == ["IAM principals: AccessDenied"]


def test_labels_of_service_accounts_are_declared():
    found = objects(accounts=(replace(ACCOUNT, labels={"app.kubernetes.io/managed-by": "eksctl"}),))
    assert declared(found) == [("WorkloadIdentity", {**OWN, "labels": {"app.kubernetes.io/managed-by": "eksctl"}})]


OTHERS = {
    "annotation": replace(ACCOUNT, others=("meta.helm.sh/release-name",)),
    "annotation with an ARN": replace(ACCOUNT, annotations={**ACCOUNT.annotations, "note": "arn:aws:iam::1:role/x"}),
    "field": replace(ACCOUNT, others=("imagePullSecrets",), labels={"a": "b"}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_service_account_with_more_than_a_component_declares_is_listed_and_its_role_is_owned(case):
    found = objects(accounts=(OTHERS[case],))
    assert declared(found) == [("WorkloadIdentity", {**OWN, "service_account_management": "none"})]
    assert "cannot declare; it stays as it is" in reasons(found)["service account default/test-sa"]
    unowned = objects(None, (OTHERS[case],))
    assert declared(unowned) == []
    assert set(reasons(unowned)) == {"service account default/test-sa", f"IAM role {ROLE.arn}"}


BAD_ANNOTATIONS = {
    "no ARN": {ROLE_ANNOTATION: "sa-role"},
    "a number": {ROLE_ANNOTATION: ROLE.arn, "eks.amazonaws.com/token-expiration": "soon"},
    "unknown": {ROLE_ANNOTATION: ROLE.arn, "eks.amazonaws.com/role": "x"},
}


@pytest.mark.parametrize("case", BAD_ANNOTATIONS)
def test_service_account_whose_annotations_no_component_writes_is_listed(case):
    found = objects(accounts=(replace(ACCOUNT, annotations=BAD_ANNOTATIONS[case]),))
    assert declared(found) == []
    assert "service account default/test-sa" in reasons(found)


def test_service_account_without_a_role_is_no_identity():
    found = objects(role=None, accounts=(ServiceAccount("default", "default"),))
    assert declared(found) == []
    assert reasons(found) == {}


def test_role_of_one_association_is_owned_by_its_workload():
    assert declared(by_association()) == [("WorkloadIdentity", {**ASSOCIATED, **ROLE_OPTIONS})]


def test_trust_policy_that_compares_session_tags_is_owned():
    tags = {
        "aws:RequestTag/eks-cluster-arn": CLUSTER_ARN,
        "aws:RequestTag/kubernetes-namespace": "default",
        "aws:RequestTag/kubernetes-service-account": "pi",
    }
    ((_, args),) = declared(by_association(ROLE, document(pod_identity_statement(StringEquals=tags))))
    assert args == {**ASSOCIATED, "match_session_tags": True, **ROLE_OPTIONS}


def test_association_with_options_of_its_own_uses_a_role_of_its_own():
    association = replace(
        ASSOCIATION,
        target_role_arn="arn:aws:iam::210987654321:role/target",
        disable_session_tags=True,
        session_policy=document(),
        tags={"a": "b"},
    )
    role, workload = declared(by_association(ROLE, PODS_TRUST, association))
    assert role == ("PodIdentityRole", ROLE_OPTIONS)
    assert workload[1] == {
        "role_arn": ROLE.arn,
        **ASSOCIATED,
        "target_role_arn": "arn:aws:iam::210987654321:role/target",
        "disable_session_tags": True,
        "session_policy": '{"Version":"2012-10-17","Statement":[]}',
        "tags": {"a": "b"},
    }


def test_associations_with_different_options_share_a_role_of_its_own():
    other = replace(ASSOCIATION, id="a-2", service_account="q", tags={"a": "b"})
    found = declared(by_association(ROLE, PODS_TRUST, ASSOCIATION, other))
    assert [component for component, _ in found] == ["PodIdentityRole", "WorkloadIdentity", "WorkloadIdentity"]


def test_association_of_an_add_on_is_listed():
    found = by_association(ROLE, PODS_TRUST, replace(ASSOCIATION, owner_arn="arn:aws:eks:::addon/x"))
    assert "arn:aws:eks:::addon/x" in reasons(found)["Pod Identity association of default/pi"]


def test_role_of_an_annotation_and_an_association_is_declared_once():
    both = objects(replace(ROLE, trust_policy=PODS_TRUST), (ACCOUNT,), (ASSOCIATION,))
    components = [component for component, _ in declared(both)]
    assert sorted(components) == ["PodIdentityRole", "WorkloadIdentity", "WorkloadIdentity"]


def test_role_that_trusts_pods_and_that_nothing_uses_is_listed():
    found = objects(accounts=())
    assert "no service account or association" in reasons(found)[f"IAM role {ROLE.arn}"]


def providers(found, form):
    return [each.args for each in adopt(found.graph(), form).declarations if each.component == "OidcProvider"]


ISSUER_OUTPUT = Reference("cluster.issuer")


def test_provider_with_tags_is_owned_by_a_program_and_used_by_settings():
    found = objects(providers=(replace(PROVIDER, tags={"a": "b"}, audiences=("x", "sts.amazonaws.com")),))
    own = {"issuer": ISSUER_OUTPUT, "audiences": ["x", "sts.amazonaws.com"], "tags": {"a": "b"}}
    assert providers(found, Form.PROGRAM) == [own]
    assert providers(found, Form.SETTINGS) == [{"issuer": ISSUER_OUTPUT, "adopt": True}]
    assert "it is used unchanged" in reasons(found, Form.SETTINGS)[f"IAM OIDC provider {PROVIDER.arn}"]


def test_provider_of_another_issuer_is_listed():
    other = OidcProvider(provider_arn(FORMER_ISSUER), FORMER_ISSUER, ("sts.amazonaws.com",))
    found = objects(providers=(PROVIDER, other))
    assert list(reasons(found)) == [f"IAM OIDC provider {other.arn}"]
    assert providers(found, Form.PROGRAM) == [{"issuer": ISSUER_OUTPUT}]


def test_provider_that_no_workload_needs_is_not_declared_in_settings():
    found = objects(role=None, accounts=())
    assert providers(found, Form.SETTINGS) == []
    assert "only for a workload" in reasons(found, Form.SETTINGS)[f"IAM OIDC provider {PROVIDER.arn}"]
    assert providers(found, Form.PROGRAM) == [{"issuer": ISSUER_OUTPUT}]
