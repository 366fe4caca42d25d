"""Findings of the chain of workload identity, in the order of its links."""

from __future__ import annotations

from eks_access.findings import FindingKind, Severity

_IRSA = "EKS user guide, IAM roles for service accounts"
_IRSA_ROLE = "EKS user guide, Assign IAM roles to Kubernetes service accounts"
_POD_IDENTITY = "EKS user guide, Learn how EKS Pod Identity grants pods access to AWS services"
_POD_IDENTITY_ROLE = "EKS user guide, Create IAM role with trust policy required by EKS Pod Identity"
_TARGET_ROLE = "EKS user guide, Access AWS resources using EKS Pod Identity target IAM roles"
_TAGS = "EKS user guide, Grant Pods access to AWS resources based on tags"
_WEBHOOK = "README of the amazon-eks-pod-identity-webhook"
_PROVIDER = "IAM user guide, Create an OpenID Connect identity provider in IAM"
_LOGIC = "IAM user guide, Policy evaluation logic"
_CONDITIONS = "IAM user guide, IAM JSON policy elements: Condition operators"
_BEST_PRACTICES = "EKS best practices guide, Identity and Access Management"


def _high(kind: str, title: str, source: str) -> FindingKind:
    return FindingKind(kind, Severity.HIGH, title, source)


# Pods and service accounts
POD_MISSING = _high("pod-missing", "the cluster has no such pod", "Kubernetes, Pods")
SERVICE_ACCOUNT_MISSING = _high(
    "service-account-missing",
    "the cluster has no such service account",
    "Kubernetes, Configure Service Accounts for Pods",
)
ASSOCIATED_SERVICE_ACCOUNT_MISSING = _high(
    "associated-service-account-missing",
    "the Pod Identity association names a service account that does not exist",
    "containers-roadmap issue 2291",
)

# Association and annotation
ANNOTATION_OVERRIDDEN = FindingKind(
    "annotation-overridden", Severity.MEDIUM, "the Pod Identity association overrides the annotation", _POD_IDENTITY
)
NO_WORKLOAD_IDENTITY = _high(
    "no-workload-identity",
    "the service account has neither a role annotation nor a Pod Identity association",
    _IRSA_ROLE,
)
POD_USES_NODE_ROLE = _high("pod-uses-node-role", "the pod has the role of its node", _BEST_PRACTICES)
ASSOCIATION_OF_OTHER_SERVICE_ACCOUNT = _high(
    "association-of-other-service-account",
    "the Pod Identity association names another service account, which does not exist",
    "containers-roadmap issue 2291",
)
ANNOTATION_KEY = _high("annotation-key", "the key of the annotation is misspelt", _WEBHOOK)
ANNOTATION_ON_POD = _high("annotation-on-pod", "the annotation is on the pod, where the webhook ignores it", _WEBHOOK)
ANNOTATION_MALFORMED = _high("annotation-malformed", "the annotation is not the ARN of an IAM role", _IRSA_ROLE)
ANNOTATION_OTHER_ROLE = _high("annotation-other-role", "the annotation names a role that does not exist", _IRSA_ROLE)
ANNOTATION_AUDIENCE = _high(
    "annotation-audience", "the role and the OIDC provider expect another audience than the annotation names", _WEBHOOK
)

# Nodes and pods
POD_IDENTITY_AGENT_MISSING = _high(
    "pod-identity-agent-missing",
    "the cluster has no EKS Pod Identity Agent",
    "EKS user guide, Set up the Amazon EKS Pod Identity Agent",
)
POD_IDENTITY_ON_FARGATE = _high("pod-identity-on-fargate", "Pod Identity does not work on Fargate", _POD_IDENTITY)
POD_IDENTITY_ON_WINDOWS = _high("pod-identity-on-windows", "Pod Identity does not work on Windows", _POD_IDENTITY)
POD_NOT_INJECTED = _high("pod-not-injected", "the pod is older than its identity, and has no credentials", _WEBHOOK)
POD_INJECTED_BEFORE_ASSOCIATION = _high(
    "pod-injected-before-association", "the pod is older than the association, and uses the annotation", _WEBHOOK
)
POD_INJECTED_WITH_OTHER_METHOD = _high(
    "pod-injected-with-deleted-association", "the pod uses an association that was deleted", _WEBHOOK
)
POD_INJECTED_WITH_OTHER_ROLE = _high(
    "pod-injected-with-other-role", "the pod is older than the annotation, and uses another role", _WEBHOOK
)
POD_INJECTED_WITH_OTHER_AUDIENCE = _high(
    "pod-injected-with-other-audience", "the pod's token has another audience than the annotation", _WEBHOOK
)

# Roles and OIDC providers
ROLE_MISSING = _high("role-missing", "IAM has no such role", "IAM API, GetRole")
PROVIDER_MISSING = _high(
    "oidc-provider-missing", "the role's account has no IAM OIDC provider for the cluster's issuer", _PROVIDER
)
PROVIDER_OF_OTHER_ISSUER = _high(
    "oidc-provider-of-other-issuer", "the IAM OIDC provider is for the issuer of another cluster", _PROVIDER
)
PROVIDER_IN_OTHER_ACCOUNT = _high(
    "oidc-provider-in-other-account", "the IAM OIDC provider is in another account than the role", _PROVIDER
)
PROVIDER_AUDIENCE = _high(
    "oidc-provider-audience", "the client ids of the IAM OIDC provider lack the token's audience", _PROVIDER
)

# Trust policies
TRUST_DENY = _high("trust-deny", "a Deny of the trust policy applies", _LOGIC)
TRUST_NOT_FOR_IRSA = _high("trust-not-for-irsa", "the trust policy has no statement for the OIDC provider", _IRSA_ROLE)
TRUST_PROVIDER_ISSUER = _high(
    "trust-provider-issuer", "the trust policy names the provider of another issuer", _IRSA_ROLE
)
TRUST_PROVIDER_ACCOUNT = _high(
    "trust-provider-account", "the trust policy names the OIDC provider of another account", _IRSA_ROLE
)
TRUST_PROVIDER_HTTPS = _high(
    "trust-provider-https", "the ARN of the OIDC provider in the trust policy contains https://", _PROVIDER
)
TRUST_PRINCIPAL = _high("trust-principal", "the trust policy names another principal", _LOGIC)
TRUST_ACTION = _high("trust-action", "the trust policy allows another action", "STS API reference, Actions")
TRUST_KEY_HTTPS = _high("trust-key-https", "a condition key of the trust policy begins with https://", _IRSA_ROLE)
TRUST_KEY_ISSUER = _high("trust-key-issuer", "a condition key of the trust policy names another issuer", _IRSA_ROLE)
TRUST_KEY_CLAIM = _high(
    "trust-key-claim", "a condition key of the trust policy names no claim of the token", _IRSA_ROLE
)
TRUST_AUD_HAS_SUBJECT = _high(
    "trust-aud-has-subject", "the trust policy compares aud with a service account", "external-secrets issue 287"
)
TRUST_SUB_HAS_AUDIENCE = _high(
    "trust-sub-has-audience", "the trust policy compares sub with an audience", "external-secrets issue 287"
)
TRUST_EQUALS_WILDCARD = _high(
    "trust-equals-wildcard", "StringEquals compares * and ? as text; wildcards need StringLike", _CONDITIONS
)
TRUST_SUBJECT = _high("trust-subject", "the trust policy names another service account", _IRSA_ROLE)
TRUST_AUDIENCE = _high("trust-audience", "the trust policy names another audience", _IRSA_ROLE)
TRUST_OPERATOR = _high("trust-operator", "the operator of a condition excludes the caller", _CONDITIONS)
TRUST_CONDITION_KEY = _high(
    "trust-condition-key",
    "the trust policy compares a key that has no value in this call",
    "IAM user guide, Condition keys",
)
TRUST_CONDITION_VALUE = _high(
    "trust-condition-value",
    "a condition of the trust policy does not hold in this call",
    "mountpoint-s3-csi-driver issue 781",
)
TRUST_ANY_SERVICE_ACCOUNT = _high(
    "trust-any-service-account", "any service account of the cluster can assume the role", _IRSA_ROLE
)
TRUST_NOT_FOR_POD_IDENTITY = _high(
    "trust-not-for-pod-identity", "the trust policy does not name pods.eks.amazonaws.com", _POD_IDENTITY_ROLE
)
TRUST_TAG_SESSION = _high("trust-tag-session", "the trust policy does not allow sts:TagSession", _POD_IDENTITY_ROLE)
TRUST_EXTERNAL_ID = _high("trust-external-id", "the external id of the trust policy is not that of EKS", _TARGET_ROLE)
TRUST_NOT_FOR_ROLE = _high(
    "trust-not-for-role", "the trust policy does not name the role that assumes it", _TARGET_ROLE
)

# Permissions
ASSUME_NOT_ALLOWED = _high(
    "assume-role-not-allowed", "the policies of the role do not allow to assume the next role", _TARGET_ROLE
)
POLICY_MISSING = _high("policy-missing", "no policy of the role allows the action", _LOGIC)
POLICY_RESOURCE = _high("policy-resource", "the policies of the role allow the action on other resources only", _LOGIC)
POLICY_CONDITION = _high("policy-condition", "a condition of the role's policy does not hold", _CONDITIONS)
POLICY_DENY = _high("policy-deny", "a policy of the role denies the action", _LOGIC)
BOUNDARY = _high("permissions-boundary", "the permissions boundary of the role does not allow the action", _LOGIC)
SESSION_POLICY = _high("session-policy", "the session policy of the association does not allow the action", _LOGIC)
SESSION_TAGS_DISABLED = _high(
    "session-tags-disabled", "a policy needs session tags, which the association disables", _TAGS
)
SESSION_TAGS_OF_IRSA = _high("session-tags-of-irsa", "a policy needs session tags, which IRSA does not set", _TAGS)
