"""The chain of workload identity: pod, service account, role, trust policy, permissions.

| IRSA                  | Pod Identity                  | depends on                             |
|-----------------------|-------------------------------|----------------------------------------|
| pod                   | pod                           |                                        |
| service account       | service account               |                                        |
|                       | Pod Identity association      |                                        |
| role annotation       |                               | service account                        |
|                       | node, Pod Identity agent      |                                        |
| pod credentials       | pod credentials               | annotation, node                       |
| role                  | role                          | annotation                             |
| OIDC provider         |                               | annotation                             |
| trust policy          | trust policy                  | role                                   |
|                       | target role, and its trust    | the role that assumes it               |
|                       | policy and permission         |                                        |
| permissions           | permissions                   | the last role                          |
| token exchange        | token exchange                | the role's ARN                         |

Each link is evaluated by itself: a broken trust policy leaves the permissions evaluated. The token
exchange is only made if it is asked for: it opens a session.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Link, Trace, Verdict
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions import commands
from eks_access.questions.chain import Chain, read_or
from eks_access.questions.workloads import accounts, pods, providers, role_chain, roles, sts_calls, token_exchange
from eks_access.questions.workloads.irsa_trust import irsa_trust_link
from eks_access.questions.workloads.permissions import PERMISSIONS, Permissions
from eks_access.questions.workloads.pod_identity_trust import pod_identity_trust_link
from eks_access.questions.workloads.resources import RESOURCE_POLICY, is_of_other_account, policy_note, resource_link
from eks_access.questions.workloads.roles import Permission
from eks_access.questions.workloads.simulation import NOTE, simulated_link
from eks_access.questions.workloads.sts_calls import StsCall
from eks_access.questions.workloads.workload import Identity, Method, Workload

TRUST = "trust policy"
_IAM_ACCOUNT = re.compile(r"\barn:[a-z-]+:iam::(\d{12}):")
_IN_POD = (pods.POD, pods.NODE, pods.AGENT, pods.CREDENTIALS)
"""Links that decide how the token gets into the pod and its SDK, and not about the token."""
TARGET_ROLE = "target role"
NEXT_ROLE = "next role"
_SDK_NOTE = "whether the AWS SDK in the container's image reads these credentials is not visible"
_SCP_NOTE = "service control policies and resource control policies are not visible, and may deny the action"


def trace_service_account(
    graph: AccessGraph,
    namespace: str,
    name: str,
    action: str | None = None,
    resource: str | None = None,
    *,
    with_exchange: bool = False,
) -> Trace:
    """Return the chain from a service account to its role, and to an action on a resource if there is one."""
    tracer = _Tracer(Workload(graph, namespace, name, None, action, resource), with_exchange=with_exchange)
    tracer.trace()
    return tracer.finish(f"service account {namespace}/{name}")


def trace_pod(
    graph: AccessGraph,
    namespace: str,
    name: str,
    action: str | None = None,
    resource: str | None = None,
    *,
    with_exchange: bool = False,
) -> Trace:
    """Return the chain from a pod to its role, and to an action on a resource if there is one."""
    chain = Chain()
    exists = chain.add(pods.POD, lambda: pods.pod_link(graph.pods.get((namespace, name)), namespace, name))
    pod = graph.pods.get((namespace, name)) if exists else None
    account = pod.service_account if pod is not None else ""
    tracer = _Tracer(Workload(graph, namespace, account, pod, action, resource), chain, with_exchange=with_exchange)
    if pod is not None:
        tracer.trace()
        chain.notes.append(_SDK_NOTE)
    elif with_exchange:
        chain.add_dependent(token_exchange.EXCHANGE, needs=(pods.POD,))
    return tracer.finish(f"pod {namespace}/{name}")


@dataclass
class _Tracer:
    """The chain of one workload while it is evaluated."""

    workload: Workload
    chain: Chain = field(default_factory=Chain)
    with_exchange: bool = False

    def finish(self, subject: str) -> Trace:
        workload = self.workload
        if workload.action is None:
            question = f"which AWS role has {subject}?"
        else:
            question = f"may {subject} {workload.action} on {workload.resource or 'any resource'}?"
        links = tuple(_with_account(link, workload) for link in self.chain.links)
        return Trace(question, links, tuple(self.chain.notes))

    def trace(self) -> None:
        """Add all links behind the pod."""
        chain, workload = self.chain, self.workload
        chain.add(accounts.SERVICE_ACCOUNT, lambda: accounts.service_account_link(workload))
        association = accounts.association_link(workload)
        if association is not None:
            chain.links.append(association)
        has_association = association is not None and accounts.has_association(workload)
        if not has_association:
            needs = (accounts.SERVICE_ACCOUNT,)
            chain.add(accounts.ANNOTATION, lambda: accounts.annotation_link(workload), needs=needs)
        names = (accounts.ASSOCIATION,) if has_association else (accounts.ANNOTATION,)
        identity = self._identity(names)
        if identity is None:
            permissions = (PERMISSIONS,) if workload.action is not None else ()
            last = (token_exchange.EXCHANGE,) if self.with_exchange else ()
            for name in (roles.ROLE, TRUST, *permissions, *last):
                chain.add_dependent(name, needs=names)
            return
        self._trace_pod(identity)
        arn = identity.role_arn
        call = partial(sts_calls.first_call, workload, identity)
        permission = roles.first_permission(workload, identity)
        chain.add(roles.ROLE, lambda: roles.role_link(workload, arn, call, permission))
        self._trace_trust(identity)
        last_role = self._trace_target(identity)
        of_session = [link for link in chain.links if link.name not in _IN_POD]
        self._trace_action(identity, *last_role)
        if self.with_exchange:
            link = partial(token_exchange.exchange_link, workload, identity, of_session)
            chain.add(token_exchange.EXCHANGE, link)
            chain.notes += [token_exchange.NOTE] if chain.links[-1].verdict is Verdict.HOLDS else []

    def _identity(self, names: tuple[str, ...]) -> Identity | None:
        """Return the role that the service account names, None if that link is broken. Its audience may be wrong."""
        faults = [link.finding.kind for link in self.chain.links if link.name in names and link.finding is not None]
        if not self.chain.all_hold(names) and kinds.ANNOTATION_AUDIENCE not in faults:
            return None
        return accounts.find_identity(self.workload)

    def _trace_pod(self, identity: Identity) -> None:
        chain, workload = self.chain, self.workload
        if identity.method is Method.POD_IDENTITY:
            if workload.pod is not None:
                chain.add(pods.NODE, lambda: pods.node_link(workload, identity))
            chain.add(pods.AGENT, lambda: pods.agent_link(workload))
        if workload.pod is not None:
            chain.add(
                pods.CREDENTIALS,
                lambda: pods.credentials_link(workload, identity),
                needs=(pods.NODE, accounts.ANNOTATION),
            )

    def _trace_trust(self, identity: Identity) -> None:
        chain, workload = self.chain, self.workload
        if identity.method is Method.POD_IDENTITY:
            chain.add(TRUST, lambda: pod_identity_trust_link(workload, identity), needs=(roles.ROLE,))
            return
        needs = (accounts.ANNOTATION,)
        chain.add(providers.PROVIDER, lambda: providers.provider_link(workload, identity), needs=needs)
        chain.add(TRUST, lambda: irsa_trust_link(workload, identity), needs=(*needs, roles.ROLE))

    def _trace_target(self, identity: Identity) -> tuple[str, str | None]:
        """Add the links of the target role. Return the link and the ARN of the last role; None if it is not known."""
        try:
            target = identity.target_role_arn
        except NotReadError as error:
            self.chain.links.append(Link.not_evaluated(TARGET_ROLE, str(error)))
            return TARGET_ROLE, None
        if target is None:
            return roles.ROLE, identity.role_arn
        self._trace_next(
            TARGET_ROLE,
            roles.ROLE,
            target,
            lambda: sts_calls.target_call(self.workload, identity, target),
            roles.permission_of(self.workload),
        )
        return TARGET_ROLE, target

    def _trace_next(
        self,
        name: str,
        caller_link: str,
        arn: str,
        call: Callable[[], StsCall],
        permission: Permission | None = None,
    ) -> None:
        """Add the links of a role that the session of another role assumes."""
        chain, workload = self.chain, self.workload
        trust, assume = f"trust policy of the {name}", f"permission to assume the {name}"
        chain.add(name, lambda: roles.role_link(workload, arn, call, permission, name))
        chain.add(trust, lambda: role_chain.chained_trust_link(trust, workload, call()), needs=(name, caller_link))
        needs = (name, caller_link, *(() if role_chain.is_allowed_by_caller(workload, call) else (trust,)))
        chain.add(assume, lambda: role_chain.assume_link(assume, workload, call()), needs=needs)

    def _trace_action(self, identity: Identity, role_link: str, role_arn: str | None) -> None:
        """Add the link of the permissions; for `sts:AssumeRole`, those of the role that the pod assumes itself."""
        chain, workload = self.chain, self.workload
        if workload.action is None:
            return
        chain.notes.append(_SCP_NOTE)
        next_role = workload.next_role_arn
        if next_role is not None and role_arn is not None:
            caller = role_arn
            self._trace_next(
                NEXT_ROLE,
                role_link,
                next_role,
                lambda: sts_calls.next_role_call(workload, identity, caller, next_role),
            )
            return
        chain.add(PERMISSIONS, lambda: Permissions(workload, identity, role_arn or "").link(), needs=(role_link,))
        self._simulate(identity, role_link, role_arn)
        if role_arn is not None and is_of_other_account(workload, role_arn):
            chain.add(RESOURCE_POLICY, lambda: resource_link(workload, role_arn))
        else:
            chain.notes += policy_note(workload)

    def _simulate(self, identity: Identity, role_link: str, role_arn: str | None) -> None:
        """Let IAM decide the permissions if the graph does not, unless the role does not exist."""
        links = self.chain.links
        is_missing = any(link.name == role_link and link.verdict is Verdict.BROKEN for link in links)
        if links[-1].verdict is Verdict.NOT_EVALUATED and role_arn is not None and not is_missing:
            links[-1] = simulated_link(self.workload, identity, role_arn, links[-1])
            if links[-1].answer is not None:
                self.chain.notes = [NOTE if note == _SCP_NOTE else note for note in self.chain.notes]


def _with_account(link: Link, workload: Workload) -> Link:
    """Return a link whose finding names the account of its fix, if that is not the cluster's."""
    finding = link.finding
    account = _IAM_ACCOUNT.search(finding.subject) if finding is not None else None
    if finding is None or account is None:
        return link
    fix = commands.in_account(finding.fix, account[1], read_or(lambda: workload.cluster.account, ""))
    if not fix.account:
        return link
    should_say = f"{finding.should_say} (run the fix with credentials of account {fix.account})"
    return replace(link, finding=replace(finding, should_say=should_say, fix=fix))
