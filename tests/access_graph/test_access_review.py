"""`trace principal` asks the API server where rules that it cannot evaluate decide, and only there."""

from dataclasses import replace

import pytest

from eks_access.catalogue import services as kinds
from eks_access.findings import Verdict
from eks_access.graph.services import AccessReview
from eks_access.graph.tables import NotRead, Table
from eks_access.questions.trace_principal import trace_principal
from eks_identity.model.existing_entries import AssociatedPolicy
from support.cluster_chains import BY_AWS_AUTH, BY_ENTRY, BY_POLICY, ENTRY, LIST_PODS, USER
from support.fake_services import FORBIDDEN, FakeServices

UNREAD = "Forbidden: list clusterrolebindings.rbac.authorization.k8s.io"
UNDOCUMENTED = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAutoNodePolicy"


def without_rbac(objects=BY_ENTRY):
    return replace(objects.graph(), rbac_bindings=Table.not_read("clusterrolebindings", UNREAD))


def authorization(graph, services):
    """The link of the authorization; all other links hold."""
    traced = trace_principal(services.of(graph), USER, LIST_PODS)
    *others, link = traced.links
    assert {each.verdict for each in others} == {Verdict.HOLDS}
    return link


@pytest.mark.parametrize("objects", [BY_AWS_AUTH, BY_ENTRY, BY_POLICY])
def test_api_server_is_not_asked_if_the_graph_decides(objects):
    """A healthy chain, and a broken one, make no review."""
    services = FakeServices()
    for graph in (objects.graph(), objects.changed(rbac_bindings={}).graph()):
        assert authorization(graph, services).answer is None
    assert services.calls == []


def test_review_allows_in_place_of_bindings_that_were_not_read():
    """The link holds, and says who decided and why."""
    services = FakeServices(review=AccessReview(is_allowed=True, reason="RBAC: allowed by RoleBinding x"))
    link = authorization(without_rbac(), services)
    assert (link.verdict, link.finding) == (Verdict.HOLDS, None)
    assert link.says == (
        "SubjectAccessReview: allowed (RBAC: allowed by RoleBinding x) for username 'eks-ope', "
        f"groups ['operators', 'system:authenticated']; not evaluated without it: clusterrolebindings: {UNREAD}"
    )
    assert link.answer.operation == "SubjectAccessReview"
    assert link.answer.not_read == (NotRead("clusterrolebindings", UNREAD),)


def test_review_names_the_user_as_the_authenticator_does():
    """The review has the groups, the uid and the extra of the authenticator."""
    principal = replace(BY_ENTRY.principals[USER], unique_id="AIDAEXAMPLE")
    services = FakeServices(review=AccessReview(is_allowed=True))
    authorization(without_rbac(BY_ENTRY.changed(principals={USER: principal})), services)
    ((_, user, request),) = services.calls
    assert (user.username, user.groups) == ("eks-ope", ("operators", "system:authenticated"))
    assert user.uid == "aws-iam-authenticator:123456789012:AIDAEXAMPLE"
    assert user.extra["principalId"] == ("AIDAEXAMPLE",)
    assert request == LIST_PODS


def test_review_that_does_not_allow_is_a_finding_with_a_binding_as_its_fix():
    """RBAC adds up: a binding of the user's group allows the request, whatever was not read."""
    link = authorization(without_rbac(), FakeServices(review=AccessReview(is_allowed=False)))
    assert (link.verdict, link.finding.kind) == (Verdict.BROKEN, kinds.REVIEW_DENIES)
    assert "not allowed for username 'eks-ope'" in link.says
    assert "create rolebinding" in str(link.finding.fix)
    assert "--group=operators" in str(link.finding.fix)


def test_explicit_denial_of_an_authorizer_has_no_binding_as_its_fix():
    """A webhook authorizer that denies is named: no binding can allow the request."""
    denied = AccessReview(is_allowed=False, is_denied=True, reason="webhook says no")
    link = authorization(without_rbac(), FakeServices(review=denied))
    assert link.finding.fix.commands == ()
    assert "webhook says no" in link.finding.fix.advice


def test_user_without_a_group_gets_advice():
    """A user without groups of its own needs a group before a binding can help."""
    groupless = BY_ENTRY.changed(entries={USER: replace(ENTRY, groups=())})
    link = authorization(without_rbac(groupless), FakeServices(review=AccessReview(is_allowed=False)))
    assert link.finding.fix.advice.startswith("add a group to the mapping")


def by_undocumented_policy():
    entry = replace(ENTRY, groups=(), policies=(AssociatedPolicy(UNDOCUMENTED, ()),))
    return BY_ENTRY.changed(entries={USER: entry}).graph()


def test_review_decides_about_an_access_policy_without_documented_rules():
    """A review that allows decides; one that does not may be without the access policies, and is no finding."""
    allowed = authorization(by_undocumented_policy(), FakeServices(review=AccessReview(is_allowed=True)))
    assert allowed.verdict is Verdict.HOLDS
    open_ = authorization(by_undocumented_policy(), FakeServices(review=AccessReview(is_allowed=False)))
    assert (open_.verdict, open_.finding, open_.answer) == (Verdict.NOT_EVALUATED, None, None)
    assert "may be without the access policies" in open_.says


def test_review_that_is_not_permitted_leaves_the_link_not_evaluated():
    """Both reasons are printed: what was not read, and why the API server was not asked."""
    link = authorization(without_rbac(), FakeServices())
    assert (link.verdict, link.answer) == (Verdict.NOT_EVALUATED, None)
    assert link.says == f"clusterrolebindings: {UNREAD}; SubjectAccessReview: {FORBIDDEN}"


def test_other_sources_cannot_ask():
    """A state, a preview and a snapshot have no services."""
    link = trace_principal(without_rbac(), USER, LIST_PODS).links[-1]
    assert link.verdict is Verdict.NOT_EVALUATED
    assert link.says.endswith("; SubjectAccessReview: only the live source can ask")
