"""Findings of the chain of cluster access, in the order of its links."""

from __future__ import annotations

from eks_access.findings import FindingKind, Severity

_ENTRIES = "EKS user guide, Grant IAM users access to Kubernetes with EKS access entries"
_AWS_AUTH = "EKS user guide, Grant IAM users access to Kubernetes with a ConfigMap"
_AUTHENTICATOR = "aws-iam-authenticator 0.6.13, pkg/mapper"
_RBAC = "Kubernetes, Using RBAC Authorization"
_POLICIES = "EKS user guide, Review access policy permissions"

PRINCIPAL_MISSING = FindingKind(
    "principal-missing", Severity.HIGH, "IAM has no such principal", "IAM API, GetRole and GetUser"
)
ENTRIES_IGNORED = FindingKind(
    "entries-ignored", Severity.HIGH, "the authentication mode CONFIG_MAP ignores access entries", _ENTRIES
)
AWS_AUTH_IGNORED = FindingKind(
    "aws-auth-ignored", Severity.HIGH, "the authentication mode API ignores aws-auth", _ENTRIES
)
ENTRY_OF_DELETED_PRINCIPAL = FindingKind(
    "entry-of-deleted-principal",
    Severity.HIGH,
    "the access entry is of a deleted principal with the same ARN",
    f"{_ENTRIES}; terraform-aws-eks issue 3329",
)
ENTRY_PATH = FindingKind(
    "entry-path",
    Severity.HIGH,
    "the access entry has another path than the principal",
    f"{_ENTRIES}; terraform-aws-eks issue 2969",
)
ENTRY_SYSTEM_GROUP = FindingKind(
    "entry-system-group",
    Severity.HIGH,
    "the access entry has a group that begins with system:, which EKS rejects",
    "EKS API, CreateAccessEntry; terraform-aws-eks issue 2915",
)
FORMER_PERMISSION_SET_ROLE = FindingKind(
    "former-permission-set-role",
    Severity.HIGH,
    "the mapping is of a former role of the permission set",
    "IAM Identity Center user guide, Referencing permission sets; containers-roadmap issue 474",
)
AWS_AUTH_UNREADABLE = FindingKind(
    "aws-auth-unreadable", Severity.HIGH, "the authenticator cannot parse the list in aws-auth", _AUTHENTICATOR
)
AWS_AUTH_ROLE_PATH = FindingKind(
    "aws-auth-role-path",
    Severity.HIGH,
    "the role's ARN in aws-auth has a path, and matches no role",
    f"{_AWS_AUTH}; aws-iam-authenticator issue 268",
)
AWS_AUTH_SESSION = FindingKind(
    "aws-auth-session",
    Severity.HIGH,
    "the ARN in aws-auth is of a session, and matches no principal",
    "aws-iam-authenticator issue 668",
)
AWS_AUTH_IAM_GROUP = FindingKind(
    "aws-auth-iam-group",
    Severity.HIGH,
    "the ARN in aws-auth is of an IAM group, and matches no principal",
    "aws-iam-authenticator issue 262",
)
AWS_AUTH_OTHER_ARN = FindingKind(
    "aws-auth-other-arn", Severity.HIGH, "aws-auth maps another ARN of the same name", _AUTHENTICATOR
)
AWS_AUTH_DUPLICATE = FindingKind(
    "aws-auth-duplicate",
    Severity.HIGH,
    "aws-auth maps the ARN twice, and the authenticator uses only the last entry",
    f"{_AUTHENTICATOR}; aws-iam-authenticator issue 271",
)
AWS_AUTH_MALFORMED_ENTRY = FindingKind(
    "aws-auth-malformed-entry", Severity.HIGH, "the authenticator does not read a part of the entry", _AUTHENTICATOR
)
NOT_MAPPED = FindingKind("not-mapped", Severity.HIGH, "the cluster maps the principal to no Kubernetes user", _ENTRIES)
NO_GROUPS_AND_POLICIES = FindingKind(
    "no-groups-and-policies",
    Severity.HIGH,
    "the user has neither groups nor access policies",
    f"{_ENTRIES}; pulumi-eks issue 1460",
)
ACCESS_POLICY_SCOPE = FindingKind(
    "access-policy-scope", Severity.HIGH, "the scope of the access policy does not include the request", _POLICIES
)
ACCESS_POLICY_RULES = FindingKind(
    "access-policy-rules", Severity.HIGH, "the access policy does not allow the request", _POLICIES
)
GROUP_MISSPELT = FindingKind(
    "group-misspelt",
    Severity.HIGH,
    "the group of the mapping differs from the group of the binding",
    f"{_RBAC}; aws-iam-authenticator issue 139",
)
BINDING_SUBJECT_KIND = FindingKind(
    "binding-subject-kind", Severity.HIGH, "the subject of the binding has the wrong kind", _RBAC
)
GROUP_NOT_BOUND = FindingKind("group-not-bound", Severity.HIGH, "no binding names the user or one of its groups", _RBAC)
BINDING_ROLE_MISSING = FindingKind(
    "binding-role-missing", Severity.HIGH, "the role of the binding does not exist", _RBAC
)
CLUSTER_ROLE_AGGREGATES_NOTHING = FindingKind(
    "cluster-role-aggregates-nothing", Severity.HIGH, "no ClusterRole has the labels that the role aggregates", _RBAC
)
BINDING_NAMESPACE = FindingKind(
    "binding-namespace", Severity.HIGH, "the RoleBinding is in another namespace than the request", _RBAC
)
ROLE_RULES = FindingKind("role-rules", Severity.HIGH, "the rules of the bound roles do not allow the request", _RBAC)

MAPPING_OF_DELETED_PRINCIPAL = FindingKind(
    "mapping-of-deleted-principal",
    Severity.MEDIUM,
    "the mapping is of a principal that IAM does not have",
    "eksctl issue 8516; IAM user guide, Unique identifiers",
)
MAPPING_SHADOWED = FindingKind(
    "mapping-shadowed",
    Severity.LOW,
    "an access entry of the same principal decides",
    _ENTRIES,
)
UNUSED_ROLE = FindingKind(
    "unused-role", Severity.LOW, "the mapped role has not been used for 90 days", "IAM API, RoleLastUsed"
)
