"""The permissions by IAM itself, for a link that was not evaluated: SimulatePrincipalPolicy.

| IAM evaluates                                   | IAM does not evaluate                            |
|-------------------------------------------------|--------------------------------------------------|
| identity-based policies, permissions boundary   | resource policies (for roles), trust policies    |
| service control policies                        | resource control policies, session policies      |

Condition keys without a value count as absent in a simulation. Those whose value in the pod's request is not known
leave the answer open.

Source: IAM API, SimulatePrincipalPolicy; IAM user guide, "IAM policy testing with the IAM policy simulator".
"""

from __future__ import annotations

from eks_access.catalogue import services as kinds
from eks_access.findings import Finding, Fix, Link, ServiceAnswer, Verdict
from eks_access.graph.services import Simulation
from eks_access.graph.tables import NotReadError
from eks_access.questions.chain import read_or, resolved
from eks_access.questions.commands import advice
from eks_access.questions.workloads import policy_commands
from eks_access.questions.workloads.permissions import session_context, session_keys
from eks_access.questions.workloads.workload import Identity, Workload
from eks_identity.evaluation.iam import Policies, Policy, Request, RequestContext, evaluate

SIMULATION = "SimulatePrincipalPolicy"
NOTE = (
    f"{SIMULATION} evaluates the policies of the role, its permissions boundary and service control policies; resource "
    "control policies are not visible, and may deny the action"
)
_ANY = "*"


def simulated_link(workload: Workload, identity: Identity, role_arn: str, undecided: Link) -> Link:
    """Return IAM's answer in place of the link `undecided`; the link with the reason if there is none."""
    assert workload.action is not None
    keys, context = _context(workload, identity, role_arn)
    resource = workload.resource or _ANY
    try:
        simulation = workload.graph.services.simulate(role_arn, workload.action, resource, keys)
        open_reason = _open_reason(workload, identity, simulation, context)
    except NotReadError as error:
        return Link.not_evaluated(undecided.name, f"{undecided.says}; {error}")
    words = f"{SIMULATION}: {simulation}"
    if open_reason:
        return Link.not_evaluated(undecided.name, f"{undecided.says}; {words}, {open_reason}")
    reason = undecided.says.removeprefix("not evaluated: ")
    answer = ServiceAnswer(SIMULATION, reason, tuple(workload.graph.policies.failures()))
    says = f"{words} for {workload.action} on {resource}; not evaluated without it: {reason}"
    if simulation.is_allowed:
        return Link(undecided.name, Verdict.HOLDS, says, answer=answer)
    should = f"a policy that allows {workload.action} on {resource}"
    fix = _fix(simulation, role_arn, workload.action, resource)
    finding = Finding(kinds.SIMULATION_DENIES, f"IAM role {role_arn}", says, should, fix)
    return Link(undecided.name, Verdict.BROKEN, says, finding, answer)


def _context(workload: Workload, identity: Identity, role_arn: str) -> tuple[dict[str, str], RequestContext]:
    """Return the keys of the session's requests that have a known value, and their context."""
    tags = read_or(lambda: identity.session_tags(workload), None)
    role = read_or(lambda: workload.graph.principals.get(role_arn), None)
    if role is None or tags is None:
        keys = session_keys(role_arn, {}, {})
        return keys, RequestContext(keys)
    return session_keys(role_arn, role.tags, tags), session_context(role_arn, role.tags, tags)


def _open_reason(workload: Workload, identity: Identity, simulation: Simulation, context: RequestContext) -> str:
    """Return why the simulation does not decide; empty if it does."""
    unknown = [key for key in simulation.missing_keys if context.get(key) is None]
    if unknown:
        return f"without values of {', '.join(unknown)}"
    association = identity.association
    if simulation.is_allowed and association is not None and association.session_policy is not None:
        document = resolved(association.session_policy, f"session policy of association {association.id}")
        assert workload.action is not None
        request = Request(workload.action, workload.resource or _ANY, context=context)
        decision = evaluate(request, Policies(identity=[Policy.parse(document, "session policy")]))
        if not decision.is_allowed:
            return f"without the session policy of association {association.id}"
    return ""


def _fix(simulation: Simulation, role_arn: str, action: str, resource: str) -> Fix:
    if not simulation.is_allowed_by_organization:
        return advice(f"change the service control policy that does not allow {action}")
    if simulation.is_explicit_deny:
        return advice(f"change the Deny that applies in {', '.join(simulation.policies) or 'a policy of the role'}")
    if not simulation.is_allowed_by_boundary:
        return advice(f"allow {action} on {resource} in the permissions boundary of {role_arn}")
    return policy_commands.allow(role_arn, [action], resource)
