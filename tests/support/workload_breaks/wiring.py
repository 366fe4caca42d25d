"""Breaks between the service account, its pods and its role: B14, B15, B20, B21, B22."""

from support import workload_chains as chains
from support.access_graphs import ACCOUNT
from support.workload_breaks.changes import (
    all_of,
    annotation,
    annotation_on_pod,
    association_of_other_account,
    delete_account,
    delete_role,
    double_wiring,
    host_network,
    node,
    pod_before_annotation,
    pod_before_association,
    pod_before_audience,
    pod_before_other_role,
    pod_of_deleted_association,
    provider,
    role_annotation,
    role_in_other_account,
    role_with_path,
)
from support.workload_breaks.workload_break import breaks
from support.workload_chains import (
    AUDIENCE_ANNOTATION,
    FORMER_ISSUER,
    ISSUER,
    OTHER_ACCOUNT,
    ROLE_ANNOTATION,
    ROLE_ARN,
    provider_arn,
)

WIRING = (
    *breaks(
        "B14",
        chains.irsa,
        "role annotation",
        {
            "annotation-not-an-arn": (role_annotation("sa-role"), "annotation-malformed"),
            "annotation-space": (role_annotation(f"{ROLE_ARN} "), "annotation-malformed"),
            "annotation-policy-arn": (role_annotation(ROLE_ARN.replace(":role/", ":policy/")), "annotation-malformed"),
            "annotation-instance-profile": (
                role_annotation(ROLE_ARN.replace(":role/", ":instance-profile/")),
                "annotation-malformed",
            ),
            "annotation-other-account": (
                role_annotation(ROLE_ARN.replace(ACCOUNT, OTHER_ACCOUNT)),
                "annotation-other-role",
            ),
            "annotation-without-path": (role_with_path, "annotation-other-role"),
            "annotation-misspelt-role": (
                role_annotation(ROLE_ARN.replace("sa-role", "sa-rol")),
                "annotation-other-role",
            ),
            "annotation-key-underscore": (annotation(**{"eks.amazonaws.com/role_arn": ROLE_ARN}), "annotation-key"),
            "annotation-key-without-prefix": (annotation(**{"role-arn": ROLE_ARN}), "annotation-key"),
            "annotation-key-other-domain": (annotation(**{"eks.amazon.com/role-arn": ROLE_ARN}), "annotation-key"),
            "annotation-on-pod": (annotation_on_pod, "annotation-on-pod"),
        },
    ),
    *breaks("B14", chains.irsa, "role", {"role-deleted": (delete_role, "role-missing")}),
    *breaks("B14", chains.pod_identity, "role", {"associated-role-deleted": (delete_role, "role-missing")}),
    *breaks(
        "B15",
        chains.irsa,
        "OIDC provider",
        {
            "provider-missing": (lambda data: data.providers.clear(), "oidc-provider-missing"),
            "provider-of-former-cluster": (
                provider(provider_arn(FORMER_ISSUER), FORMER_ISSUER),
                "oidc-provider-of-other-issuer",
            ),
            "provider-of-other-region": (
                provider(
                    provider_arn(ISSUER.replace("northeast", "southeast")), ISSUER.replace("northeast", "southeast")
                ),
                "oidc-provider-of-other-issuer",
            ),
        },
    ),
    *breaks(
        "B15",
        chains.irsa,
        "OIDC provider",
        {"provider-in-other-account": (role_in_other_account, "oidc-provider-in-other-account")},
        account=OTHER_ACCOUNT,
    ),
    *breaks(
        "B15",
        chains.irsa,
        "OIDC provider",
        {"provider-without-audience": (provider(provider_arn(), audience="sigstore"), "oidc-provider-audience")},
    ),
    *breaks(
        "B15",
        chains.custom_audience,
        "OIDC provider",
        {"custom-audience-not-in-provider": (provider(provider_arn()), "oidc-provider-audience")},
    ),
    *breaks(
        "B15",
        chains.custom_audience,
        "role annotation",
        {
            "audience-annotation-missing": (role_annotation(ROLE_ARN), "annotation-audience"),
            "audience-annotation-misspelt": (
                annotation(**{ROLE_ANNOTATION: ROLE_ARN, AUDIENCE_ANNOTATION: "report"}),
                "annotation-audience",
            ),
        },
    ),
    *breaks(
        "B20",
        chains.pod_identity,
        "Pod Identity association",
        {"double-wiring": (double_wiring, "annotation-overridden")},
        holds=True,
    ),
    *breaks(
        "B20",
        chains.pod_identity,
        "Pod Identity agent",
        {"agent-missing": (lambda data: setattr(data, "has_agent", False), "pod-identity-agent-missing")},
    ),
    *breaks(
        "B20",
        chains.pod_identity,
        "node",
        {
            "fargate": (node(is_fargate=True), "pod-identity-on-fargate"),
            "windows": (node(operating_system="windows"), "pod-identity-on-windows"),
        },
    ),
    *breaks(
        "B20", chains.irsa, "pod credentials", {"pod-before-annotation": (pod_before_annotation, "pod-not-injected")}
    ),
    *breaks(
        "B20",
        chains.pod_identity,
        "pod credentials",
        {"pod-before-association": (pod_before_association, "pod-injected-before-association")},
    ),
    *breaks(
        "B20",
        chains.irsa,
        "pod credentials",
        {
            "pod-before-other-role": (pod_before_other_role, "pod-injected-with-other-role"),
        },
    ),
    *breaks(
        "B20",
        chains.several_statements,
        "pod credentials",
        {"pod-of-deleted-association": (pod_of_deleted_association, "pod-injected-with-deleted-association")},
    ),
    *breaks(
        "B20",
        chains.custom_audience,
        "pod credentials",
        {"pod-before-audience": (pod_before_audience, "pod-injected-with-other-audience")},
    ),
    *breaks(
        "B21",
        chains.pod_identity,
        "service account",
        {"associated-account-deleted": (delete_account, "associated-service-account-missing")},
        traces_pod=False,
    ),
    *breaks(
        "B21",
        chains.irsa,
        "service account",
        {"annotated-account-deleted": (delete_account, "service-account-missing")},
        traces_pod=False,
    ),
    *breaks(
        "B21",
        chains.pod_identity,
        "role annotation",
        {"association-of-other-account": (association_of_other_account, "association-of-other-service-account")},
    ),
    *breaks(
        "B22",
        chains.irsa,
        "role annotation",
        {
            "no-identity": (annotation(), "no-workload-identity"),
            "node-role-by-hop-limit": (all_of(annotation(), node(metadata_hop_limit=2)), "pod-uses-node-role"),
            "node-role-by-host-network": (host_network, "pod-uses-node-role"),
            "no-identity-and-no-role": (all_of(annotation(), delete_role), "no-workload-identity"),
        },
    ),
)
