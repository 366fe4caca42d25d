"""Techniques of IAM permissions: from a principal or IAM group to what its policies allow it to become."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from eks_access.graph.aws_objects import IamPrincipal, Unknown
from eks_access.questions.escalation import iam_tables as tables
from eks_access.questions.escalation.actors import Actor, ActorKind, Edge, account_administrator, principal
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.permissions import Allowed
from eks_access.questions.escalation.principal_decisions import PrincipalDecisions
from eks_identity.evaluation.iam import Values
from eks_identity.model.arns import Arn, account_of


def iam_edges(context: Context, actor: Actor) -> Iterator[Edge]:
    """Yield what a principal or an IAM group can become by its IAM permissions."""
    policies = context.aws.of(actor.name)
    if policies is None or context.trusts is None:
        return
    administrator = account_administrator(policies.account)
    if policies.administration is not None:
        words = f"is an administrator of account {policies.account}"
        yield Edge(administrator, words=words, conditions=policies.administration)
        if not policies.administration:
            return
    yield from _own(context, policies, administrator)
    yield from _targets(context, policies)
    yield from _growing(context, policies, administrator)
    yield from _groups(context, policies)
    yield from _services(context, policies)
    yield from _nodes(context, policies)
    yield from assumed(context, policies)


def edge(target: Actor, technique: str, *allowed: Allowed, condition: str = "", words: str = "") -> Edge:
    """Return the edge of permissions, with all their conditions."""
    conditions = [text for each in allowed for text in each.conditions] + ([condition] if condition else [])
    permissions = tuple(each.permission for each in allowed)
    return Edge(target, technique, words, permissions, tuple(dict.fromkeys(conditions)))


def target_keys(policies: PrincipalDecisions, target: IamPrincipal | None) -> Values:
    """Return the condition keys of a call of IAM on a user or role, with the policy that an escalation attaches."""
    administrator_policy = policies.partition.arn("iam", "policy/AdministratorAccess", account="aws")
    keys: dict[str, str | tuple[str, ...]] = {"iam:PolicyARN": administrator_policy}
    if target is not None:
        if not isinstance(target.boundary, Unknown):
            keys["iam:PermissionsBoundary"] = target.boundary or ()
        for prefix in ("iam", "aws"):
            keys |= {f"{prefix}:ResourceTag/{key}": value for key, value in target.tags.items()}
    return keys


def _own(context: Context, policies: PrincipalDecisions, administrator: Actor) -> Iterator[Edge]:
    if policies.is_limited:
        return
    kind = Arn.parse(policies.arn).resource.partition("/")[0]
    own = {kind: (policies.arn,), "policy": policies.own_managed}
    own["group"] = policies.policies.groups if kind == "user" else own.get("group", ())
    assert context.trusts is not None
    for technique in tables.OWN_TECHNIQUES:
        if not policies.may_allow(technique.action):
            continue
        for arn in own.get(technique.on, ()):
            keys = target_keys(policies, context.trusts.roles.get(arn))
            allowed = policies.decide(technique.action, arn, keys)
            if allowed is not None:
                yield edge(administrator, technique.id, allowed, condition=technique.condition)


def _targets(context: Context, policies: PrincipalDecisions) -> Iterator[Edge]:
    for technique in tables.TARGET_TECHNIQUES:
        if not policies.may_allow(technique.action):
            continue
        arns = _existing(context, technique.on, policies.account)
        everything = _on_all(policies, technique.action)
        if everything is not None:
            name = f"the {technique.on}s of account {policies.account}"
            target = context.roles(name, ((arn, ()) for arn in arns))
            yield edge(target, technique.id, everything, condition=technique.condition)
            continue
        for arn, allowed in _decided(context, policies, technique.action, arns):
            yield edge(principal(arn), technique.id, allowed, condition=technique.condition)


def _existing(context: Context, kind: str, account: str) -> Collection[str]:
    """Return the users or roles of an account. IAM has no call on those of another account."""
    assert context.trusts is not None
    arns = context.trusts.users if kind == "user" else context.trusts.roles
    return {arn: None for arn in arns if account_of(arn) == account}


def _on_all(policies: PrincipalDecisions, action: str, keys: Values | None = None) -> Allowed | None:
    """Return what allows an action on every resource alike."""
    if not policies.may_allow(action) or not policies.is_on_every_resource(action):
        return None
    any_role = policies.partition.arn("iam", "role/x", account=policies.account)
    return policies.decide(action, "*", keys) or policies.decide(action, any_role, keys)


def _decided(
    context: Context, policies: PrincipalDecisions, action: str, arns: Collection[str], extra: Values | None = None
) -> Iterator[tuple[str, Allowed]]:
    """Yield the users or roles on which an action is allowed. The principal itself is none of them."""
    assert context.trusts is not None
    if not policies.may_allow(action):
        return
    for arn in policies.candidates(action, arns):
        keys = {**target_keys(policies, context.trusts.roles.get(arn)), **(extra or {})}
        allowed = None if arn == policies.arn else policies.decide(action, arn, keys)
        if allowed is not None:
            yield arn, allowed


def _growing(context: Context, policies: PrincipalDecisions, administrator: Actor) -> Iterator[Edge]:
    """Yield the techniques that widen a principal and then act as it: one edge each, by the first such principal."""
    for technique in tables.GROWING_TECHNIQUES:
        if not policies.may_allow(technique.action):
            continue
        for arn, acting in _acting(context, policies, technique.by):
            target = context.aws.of(arn)
            if target is None or target.is_limited or account_of(arn) != policies.account:
                continue
            assert context.trusts is not None
            resources = target.own_managed if technique.on == "policy" else (arn,)
            keys = target_keys(policies, context.trusts.roles.get(arn))
            widening = next(filter(None, (policies.decide(technique.action, each, keys) for each in resources)), None)
            if widening is not None:
                yield edge(administrator, technique.id, widening, acting, words=f"as {arn}")
                break


def _acting(context: Context, policies: PrincipalDecisions, technique: str) -> Iterator[tuple[str, Allowed]]:
    """Yield the principals that the principal can act as by a technique."""
    if technique == tables.ASSUME_ROLE:
        yield from _assumable(context, policies)
        return
    row = next(each for each in tables.TARGET_TECHNIQUES if each.id == technique)
    yield from _decided(context, policies, row.action, _existing(context, row.on, policies.account))


def _groups(context: Context, policies: PrincipalDecisions) -> Iterator[Edge]:
    """Yield the IAM groups that a user can add itself to."""
    action = "iam:AddUserToGroup"
    if ":user/" not in policies.arn or not policies.may_allow(action):
        return
    for group in context.graph.groups.all().values():
        allowed = None if group.arn in policies.policies.groups else policies.decide(action, group.arn)
        if allowed is not None:
            yield edge(Actor(ActorKind.IAM_GROUP, group.arn), tables.ADD_USER_TO_GROUP, allowed)


def _services(context: Context, policies: PrincipalDecisions) -> Iterator[Edge]:
    for technique in tables.SERVICE_TECHNIQUES:
        if not all(map(policies.may_allow, technique.actions)):
            continue
        actions = list(map(policies.decide_own, technique.actions))
        if all(actions):
            allowed = [each for each in actions if each is not None]
            if technique.passes_role:
                yield from passed(context, policies, technique.id, technique.service, allowed)
            else:
                target, _ = _trusting(context, technique.service, policies.account)
                yield edge(target, technique.id, *allowed, condition=technique.condition)


def passed(
    context: Context, policies: PrincipalDecisions, technique: str, service: str, allowed: list[Allowed]
) -> Iterator[Edge]:
    """Yield the roles that a principal can pass to a service which they trust."""
    keys = {"iam:PassedToService": service}
    target, trusting = _trusting(context, service, policies.account)
    everything = _on_all(policies, "iam:PassRole", keys)
    if everything is not None:
        if trusting:
            yield edge(target, technique, everything, *allowed)
        return
    for arn, passing in _decided(context, policies, "iam:PassRole", trusting, keys):
        conditions = Allowed(passing.permission, (*passing.conditions, *trusting[arn]))
        yield edge(principal(arn), technique, conditions, *allowed)


def _trusting(context: Context, service: str, account: str) -> tuple[Actor, Mapping[str, tuple[str, ...]]]:
    """Return the roles of an account that trust a service, as a set and with their conditions."""
    assert context.trusts is not None
    name = f"the roles of account {account} that trust {service}"
    trusts = context.trusts
    target = context.roles(name, trusts.trusting_service(service, account))
    return target, {edge.target.name: edge.conditions for edge in context.sets[name]}


def _nodes(context: Context, policies: PrincipalDecisions) -> Iterator[Edge]:
    cluster = context.graph.cluster.get()
    for technique, action in tables.NODE_TECHNIQUES:
        if cluster.account != policies.account or not policies.may_allow(action):
            continue
        for node in context.nodes():
            managed = context.aws.of(node.role_arn) if node.role_arn else None
            if not node.instance_id or (managed and not managed.decide_own("ssm:UpdateInstanceInformation")):
                continue
            instance = f"instance/{node.instance_id}"
            arn = policies.partition.arn("ec2", instance, region=cluster.region, account=cluster.account)
            allowed = policies.decide(action, arn)
            if allowed is not None:
                yield edge(Actor(ActorKind.NODE, node.name), technique, allowed)


def assumed(context: Context, policies: PrincipalDecisions) -> Iterator[Edge]:
    """Yield the roles that a principal can assume."""
    for arn, allowed in _assumable(context, policies):
        yield edge(principal(arn), tables.ASSUME_ROLE, allowed)


def _assumable(context: Context, policies: PrincipalDecisions) -> Iterator[tuple[str, Allowed]]:
    trusts = context.trusts
    if trusts is None or policies.policies.principal is None:
        return
    candidates = dict.fromkeys(trusts.naming(policies.arn))
    if policies.may_allow("sts:AssumeRole"):
        trusting = trusts.trusting_account(policies.account)
        candidates |= dict.fromkeys(policies.candidates("sts:AssumeRole", trusting))
    for arn in candidates:
        if arn != policies.arn:
            tags = target_keys(policies, trusts.roles.get(arn))
            allowed = policies.assume(arn, trusts.policies[arn], tags)
            if allowed is not None:
                yield arn, allowed
