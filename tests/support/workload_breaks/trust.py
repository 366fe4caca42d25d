"""Breaks of trust policies, and of roles that assume each other: B16 to B19, B24."""

from support import workload_chains as chains
from support.access_graphs import ACCOUNT, REGION
from support.workload_breaks.changes import (
    AUD,
    OTHER_ACCOUNT_PROVIDER,
    SUB,
    TRUST_DENY,
    condition,
    conditions,
    trust,
)
from support.workload_breaks.workload_break import breaks
from support.workload_chains import (
    AUDIENCE,
    FORMER_ISSUER,
    ISSUER,
    NAME,
    NAMESPACE,
    OTHER_ACCOUNT,
    ROLE_ARN,
    SUBJECT,
    TARGET_ROLE_ARN,
    allow,
    document,
    irsa_statement,
    pod_identity_statement,
    provider_arn,
)

TRUST = (
    *breaks(
        "B16",
        chains.irsa,
        "trust policy",
        {
            "aud-key-with-subject": (conditions({"StringEquals": {AUD: SUBJECT}}), "trust-aud-has-subject"),
            "aud-and-sub-with-subject": (
                conditions({"StringEquals": {AUD: SUBJECT, SUB: SUBJECT}}),
                "trust-aud-has-subject",
            ),
            "sub-key-with-audience": (conditions({"StringEquals": {SUB: AUDIENCE}}), "trust-sub-has-audience"),
            "subject-namespace": (trust(SUBJECT, f"system:serviceaccount:prod:{NAME}"), "trust-subject"),
            "subject-name": (trust(SUBJECT, f"{SUBJECT}s"), "trust-subject"),
            "subject-of-existing-account": (
                trust(SUBJECT, f"system:serviceaccount:{NAMESPACE}:other-sa"),
                "trust-subject",
            ),
            "subject-slash": (trust(SUBJECT, f"system:serviceaccount:{NAMESPACE}/{NAME}"), "trust-subject"),
        },
    ),
    *breaks(
        "B16",
        chains.wildcard_subject,
        "trust policy",
        {"subject-pattern-of-other-namespace": (trust(f":{NAMESPACE}:", ":prod:"), "trust-subject")},
    ),
    *breaks(
        "B16",
        chains.irsa,
        "trust policy",
        {
            "string-equals-wildcard": (trust(SUBJECT, f"system:serviceaccount:{NAMESPACE}:*"), "trust-equals-wildcard"),
            "string-not-equals": (conditions({"StringNotEquals": {SUB: SUBJECT}}), "trust-operator"),
            "key-https": (conditions({"StringEquals": {f"https://{SUB}": SUBJECT}}), "trust-key-https"),
            "key-of-other-issuer": (trust(SUB, f"{FORMER_ISSUER}:sub"), "trust-key-issuer"),
            "keys-of-other-issuer": (trust(f"{ISSUER}:", f"{FORMER_ISSUER}:"), "trust-key-issuer"),
            "key-of-other-claim": (trust(SUB, f"{ISSUER}:subject"), "trust-key-claim"),
            "for-any-value-of-other-issuer": (
                conditions({"ForAnyValue:StringEquals": {f"{FORMER_ISSUER}:sub": SUBJECT}}),
                "trust-key-issuer",
            ),
            "for-any-value-wrong-name": (
                conditions({"ForAnyValue:StringEquals": {SUB: f"{SUBJECT}s", AUD: AUDIENCE}}),
                "trust-subject",
            ),
            "if-exists-wrong-name": (
                conditions({"StringEqualsIfExists": {SUB: f"{SUBJECT}s", AUD: AUDIENCE}}),
                "trust-subject",
            ),
        },
    ),
    *breaks(
        "B16",
        chains.irsa,
        "trust policy",
        {
            "if-exists-of-other-issuer": (
                conditions({"StringEqualsIfExists": {f"{FORMER_ISSUER}:sub": SUBJECT}}),
                "trust-any-service-account",
            ),
            "no-condition-on-sub": (conditions({"StringEquals": {AUD: AUDIENCE}}), "trust-any-service-account"),
        },
        holds=True,
    ),
    *breaks(
        "B16",
        chains.irsa,
        "trust policy",
        {
            "audience-of-china": (trust(AUDIENCE, f"{AUDIENCE}.cn"), "trust-audience"),
            "provider-of-other-issuer": (trust(provider_arn(), provider_arn(FORMER_ISSUER)), "trust-provider-issuer"),
            "all-of-former-issuer": (trust(ISSUER, FORMER_ISSUER), "trust-provider-issuer"),
            "provider-of-other-account": (trust(provider_arn(), OTHER_ACCOUNT_PROVIDER), "trust-provider-account"),
            "provider-https": (trust(provider_arn(), provider_arn(f"https://{ISSUER}")), "trust-provider-https"),
            "provider-as-aws-principal": (trust("Federated", "AWS"), "trust-principal"),
            "action-assume-role": (trust("AssumeRoleWithWebIdentity", "AssumeRole"), "trust-action"),
            "trust-denies": (lambda data: data.set_trust(TRUST_DENY, irsa_statement()), "trust-deny"),
            "trust-of-pod-identity-only": (lambda data: data.set_trust(pod_identity_statement()), "trust-not-for-irsa"),
        },
    ),
    *breaks(
        "B16",
        chains.several_statements,
        "trust policy",
        {
            "statement-removed": (
                lambda data: data.set_trust(*data.role.trust_policy["Statement"][:2]),
                "trust-provider-issuer",
            )
        },
    ),
    *breaks(
        "B17",
        chains.pod_identity,
        "trust policy",
        {
            "no-tag-session": (
                lambda data: data.set_trust({**pod_identity_statement(), "Action": "sts:AssumeRole"}),
                "trust-tag-session",
            ),
            "no-assume-role": (
                lambda data: data.set_trust({**pod_identity_statement(), "Action": "sts:TagSession"}),
                "trust-action",
            ),
            "service-eks": (trust("pods.eks", "eks"), "trust-not-for-pod-identity"),
            "service-eks-pods": (trust("pods.eks", "eks-pods"), "trust-not-for-pod-identity"),
            "service-of-china": (trust("amazonaws.com", "amazonaws.com.cn"), "trust-not-for-pod-identity"),
            "trust-of-irsa-only": (lambda data: data.set_trust(irsa_statement()), "trust-not-for-pod-identity"),
        },
    ),
    *breaks(
        "B18",
        chains.tagged_policies,
        "trust policy",
        {
            "source-arn-of-other-cluster": (
                condition("ArnEquals", "aws:SourceArn", f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/former"),
                "trust-condition-value",
            )
        },
    ),
    *breaks(
        "B18",
        chains.pod_identity,
        "trust policy",
        {
            "source-arn-of-association": (
                condition(
                    "ArnLike", "aws:SourceArn", f"arn:aws:eks:{REGION}:{ACCOUNT}:podidentityassociation/eks-clu/*"
                ),
                "trust-condition-value",
            ),
            "source-account": (condition("StringEquals", "aws:SourceAccount", OTHER_ACCOUNT), "trust-condition-value"),
            "principal-org-id": (condition("StringEquals", "aws:PrincipalOrgID", "o-1"), "trust-condition-key"),
            "request-tag-namespace": (
                condition("StringEquals", "aws:RequestTag/kubernetes-namespace", "prod"),
                "trust-condition-value",
            ),
            "request-tag-other-key": (
                condition("StringEquals", "aws:RequestTag/team", "reports"),
                "trust-condition-key",
            ),
        },
    ),
    *breaks(
        "B19",
        chains.next_role,
        "trust policy of the next role",
        {
            "next-role-without-tag-session": (
                lambda data: data.edit_trust("sts:TagSession", "sts:SetSourceIdentity", TARGET_ROLE_ARN),
                "trust-tag-session",
            )
        },
        account=OTHER_ACCOUNT,
        action="sts:AssumeRole",
        resource=TARGET_ROLE_ARN,
    ),
    *breaks(
        "B19",
        chains.next_role,
        "permission to assume the next role",
        {
            "permission-without-tag-session": (
                lambda data: data.set_role(
                    inline_policies={"assume": document(allow("sts:AssumeRole", TARGET_ROLE_ARN))}
                ),
                "assume-role-not-allowed",
            )
        },
        action="sts:AssumeRole",
        resource=TARGET_ROLE_ARN,
    ),
    *breaks(
        "B24",
        chains.chained,
        "permission to assume the target role",
        {"target-not-allowed": (lambda data: data.set_role(inline_policies={}), "assume-role-not-allowed")},
    ),
    *breaks(
        "B24",
        chains.chained,
        "trust policy of the target role",
        {
            "target-trusts-other-role": (
                trust(ROLE_ARN, ROLE_ARN.replace("sa-role", "other"), TARGET_ROLE_ARN),
                "trust-not-for-role",
            ),
            "target-trusts-eks": (
                lambda data: data.set_trust(pod_identity_statement(), arn=TARGET_ROLE_ARN),
                "trust-not-for-role",
            ),
            "target-external-id": (trust(chains.EXTERNAL_ID, "irsa", TARGET_ROLE_ARN), "trust-external-id"),
            "target-without-tag-session": (
                trust("sts:TagSession", "sts:SetSourceIdentity", TARGET_ROLE_ARN),
                "trust-tag-session",
            ),
        },
        account=OTHER_ACCOUNT,
    ),
    *breaks(
        "B24",
        chains.chained,
        "target role",
        {"target-deleted": (lambda data: data.principals.__delitem__(TARGET_ROLE_ARN), "role-missing")},
        account=OTHER_ACCOUNT,
    ),
    *breaks(
        "B24",
        chains.tagged_policies,
        "trust policy",
        {
            "tags-disabled-trust": (
                lambda data: data.set_association(disable_session_tags=True),
                "session-tags-disabled",
            )
        },
    ),
)
