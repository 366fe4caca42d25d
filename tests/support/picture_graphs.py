"""Graphs with both chains, for pictures: a healthy cluster, and that of the README, with broken links in each chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from eks_access.graph.aws_objects import IamPrincipal
from eks_access.graph.kubernetes_objects import BindingSubject, Pod, ServiceAccount
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import READ, rule_on
from support import workload_chains as chains
from support.access_graphs import CREATED, LATER, Objects, arn, binding, group, role
from support.cluster_chains import BY_ENTRY, ENTRY, SSO, USER, VIEW
from support.workload_chains import GraphData

DEPLOYERS = arn("role/ci/deployers")
ORDERS = ("shop", "orders")
ORDERS_ROLE = arn("role/orders")


def merged(cluster: Objects, workloads: GraphData) -> Objects:
    """Return a graph with the objects of both."""
    principals: Mapping[str, IamPrincipal] = {**cluster.principals, **workloads.principals}
    return cluster.changed(
        principals=principals,
        policies=workloads.policies,
        oidc_providers=workloads.providers,
        associations=workloads.associations,
        service_accounts=workloads.accounts,
        pods=workloads.pods,
        nodes=workloads.nodes,
    )


def _cluster(groups: str, *, sso_groups: tuple[str, ...] = ()) -> Objects:
    policies = (AssociatedPolicy(VIEW, ("default",)),)
    return BY_ENTRY.changed(
        mode="API_AND_CONFIG_MAP",
        principals={each: IamPrincipal(each, created_at=CREATED) for each in (USER, DEPLOYERS, SSO)},
        aws_auth={"mapRoles": f"- rolearn: {arn('role/deployers')}\n  username: deployer\n  groups: [{groups}]\n"},
        entries={USER: ENTRY, SSO: ExistingEntry(SSO, "sso", sso_groups, policies=policies, created_at=LATER)},
        rbac_roles={**BY_ENTRY.rbac_roles, **role("deployer", (rule_on("apps", "deployments", READ),), "shop")},
        rbac_bindings={
            **BY_ENTRY.rbac_bindings,
            **binding("deployers", "deployer", group("deployers"), namespace="shop", role_kind="Role"),
            **binding("orders", "test-clu-role", BindingSubject("ServiceAccount", "orders"), namespace="shop"),
        },
    )


def _workloads(subject: str) -> GraphData:
    data = chains.irsa()
    data.accounts[ORDERS] = ServiceAccount(*ORDERS, {chains.ROLE_ANNOTATION: ORDERS_ROLE})
    statement = chains.irsa_statement(f"system:serviceaccount:shop:{subject}")
    data.principals[ORDERS_ROLE] = IamPrincipal(
        ORDERS_ROLE,
        trust_policy=chains.document(statement),
        inline_policies={"queue": chains.document(chains.allow("sqs:SendMessage", "arn:aws:sqs:*:*:orders"))},
        attached_policies=(chains.POLICY_ARN,),
    )
    for index in range(2):
        data.create_pod(("shop", f"orders-{index}"), service_account="orders", owner="deployment/orders", node="")
    return data


def healthy() -> Objects:
    """Return a graph in which every link holds."""
    return merged(_cluster("deployers"), _workloads("orders"))


def broken() -> Objects:
    """Return the graph with a misspelt group in aws-auth, a missing user, and a trust policy of another account."""
    objects = merged(_cluster("deployer"), _workloads("order"))
    gone = arn("user/gone")
    return objects.changed(entries={**objects.entries, gone: replace(ENTRY, principal_arn=gone)})


def hostile(text: str) -> Objects:
    """Return the broken graph with a text in names, annotations and groups."""
    objects = broken()
    account = ServiceAccount("shop", "hostile", {chains.ROLE_ANNOTATION: text})
    pod = Pod("shop", text, "orders", labels={})
    users = f"- userarn: {USER}\n  username: {text!r}\n  groups: [{text!r}]\n"
    return objects.changed(
        aws_auth={**objects.aws_auth, "mapUsers": users},
        entries={arn: entry for arn, entry in objects.entries.items() if arn != USER},
        rbac_bindings={**objects.rbac_bindings, **binding("hostile", text, group(text))},
        service_accounts={**objects.service_accounts, ("shop", "hostile"): account},
        pods={**objects.pods, ("shop", text): pod},
    )
