"""The rules of the policy pack, as data. `eks_access.questions.policies` evaluates them."""

from __future__ import annotations

from eks_access.catalogue.policy_rule import Level, PolicyRule, Scope
from eks_access.findings import FindingKind, Severity

_IRSA = "EKS user guide, Assign IAM roles to Kubernetes service accounts"
_TRUST = "IAM user guide, Creating a role for OpenID Connect federation"
_ENTRIES = "EKS user guide, Grant IAM users access to Kubernetes with EKS access entries"
_AWS_AUTH = "EKS user guide, Grant IAM users access to Kubernetes with a ConfigMap"
_RBAC = "Kubernetes, Role Based Access Control Good Practices"
_BEST = "EKS best practices guide, Identity and Access Management"


def _rule(  # noqa: PLR0917 - one row of a table
    id_: str, severity: Severity, title: str, requirement: str, why: str, fix: str, source: str, cis: str = "",
    *, level: Level = Level.MANDATORY, scope: Scope = Scope.RESOURCE,
) -> PolicyRule:  # fmt: skip
    return PolicyRule(FindingKind(id_, severity, title, source), requirement, why, fix, level, scope, cis)


TRUST_ANY_PRINCIPAL = _rule(
    "trust-any-principal", Severity.HIGH, "the trust policy lets every AWS principal assume the role",
    "must name its principals, or have a condition",
    "Every AWS account of the world can assume the role.",
    "name the principals in the trust policy",
    "IAM user guide, AWS JSON policy elements: Principal",
)  # fmt: skip
TRUST_NO_CONDITION = _rule(
    "trust-no-condition", Severity.HIGH, "the trust policy trusts an OIDC provider without a condition",
    "must have conditions on sub and aud of the provider's tokens",
    "Each token of the issuer, of every service account or repository, can assume the role.",
    "add the conditions ISSUER:sub and ISSUER:aud to the statement",
    f"{_IRSA}; {_TRUST}",
)  # fmt: skip
TRUST_SUBJECT_MISSING = _rule(
    "trust-subject-missing", Severity.HIGH, "the trust policy has no condition on the subject of the token",
    "must have a condition on sub of the provider's tokens",
    "Every service account of the cluster can assume the role.",
    "add a condition StringEquals on ISSUER:sub with system:serviceaccount:NAMESPACE:NAME",
    _IRSA,
)  # fmt: skip
TRUST_SUBJECT_WILDCARD = _rule(
    "trust-subject-wildcard", Severity.HIGH, "a wildcard in the subject of the trust policy is too wide",
    "must name the service accounts; of CI jobs the project and the kind of ref, with wildcards in names of refs only",
    "Every principal that may create a service account with a matching name gets the role. Of a CI service, jobs of "
    "other projects or of pull requests get it, and pull requests run code before its review.",
    "list the service accounts, or the subjects of the jobs, in a condition StringEquals on ISSUER:sub",
    f"{_IRSA}; {_BEST}; {_TRUST}; GitHub, OpenID Connect reference; GitLab, OIDC authentication using ID tokens",
)  # fmt: skip
TRUST_AUDIENCE_MISSING = _rule(
    "trust-audience-missing", Severity.HIGH, "the trust policy has no condition on the audience of the token",
    "must have a condition on aud of the provider's tokens",
    "Tokens that the issuer signed for another service can assume the role.",
    "add a condition StringEquals on ISSUER:aud with sts.amazonaws.com",
    _IRSA,
)  # fmt: skip
WORKLOAD_ADMINISTRATOR = _rule(
    "workload-administrator", Severity.HIGH, "the role of a workload has the permissions of an administrator",
    "must have only the permissions that the workload needs",
    "Who may run a pod with this service account has the account.",
    "replace the policy by statements with the actions and resources that the workload uses",
    _BEST,
)  # fmt: skip
BOUNDARY_MISSING = _rule(
    "boundary-missing", Severity.HIGH, "the role of a workload lacks the required permissions boundary",
    "must have the permissions boundary of the setting `boundary`",
    "Without it, a later policy can give the workload more than the organization allows.",
    "set the permissions boundary of the role",
    "IAM user guide, Permissions boundaries for IAM entities",
)  # fmt: skip
DEFAULT_SERVICE_ACCOUNT = _rule(
    "default-service-account-role", Severity.MEDIUM, "the default service account of a namespace has an IAM role",
    "must be a service account of one workload",
    "Each pod of the namespace that names no service account gets the role.",
    "create a service account for the workload, and give it the role",
    _RBAC, "4.1.5, 5.2.1",
)  # fmt: skip
TWO_IDENTITIES = _rule(
    "two-workload-identities", Severity.MEDIUM, "a service account has an annotation and an association",
    "must have one of the two",
    "The association decides in new pods, and running pods keep the annotation's role until they restart.",
    "remove the annotation, or delete the association",
    "EKS user guide, Learn how EKS Pod Identity grants pods access to AWS services",
)  # fmt: skip
PODS_REACH_NODE_ROLE = _rule(
    "pods-reach-node-role", Severity.HIGH, "pods reach the metadata service (IMDS) of their node",
    "must have the hop limit 1",
    "A pod without an identity of its own gets the node's role, with its access to the cluster and to images.",
    "use a launch template with hop limit 1 (NodeIsolation), or `Cluster.node_groups`",
    _BEST, "5.2.1", scope=Scope.STACK,
)  # fmt: skip
MASTERS_GROUP = _rule(
    "masters-group", Severity.HIGH, "a mapping or binding names the group system:masters",
    "must not be system:masters",
    "The API server allows the group everything before it reads RBAC: no binding shows or limits it.",
    "use an access entry with AmazonEKSClusterAdminPolicy, or a group that a ClusterRoleBinding names",
    _RBAC, "4.1.1",
)  # fmt: skip
ACCESS_EXPIRED = _rule(
    "access-expired", Severity.HIGH, "the access has expired",
    "must end on its date",
    "The access was granted until a date that has passed.",
    "remove the principal, or set `expires` to a later date",
    "eks_identity, ClusterAccess",
)  # fmt: skip
ENTRY_OF_REPLACED_PRINCIPAL = _rule(
    "entry-of-replaced-principal", Severity.HIGH, "the access entry is older than its IAM principal",
    "must be created after its principal",
    "The program replaces the principal under the same ARN, and EKS compares unique ids: the entry is dead.",
    "let the access entry be replaced with the role, as ClusterAccess does",
    f"{_ENTRIES}; terraform-aws-eks issue 3329", scope=Scope.STACK,
)  # fmt: skip
LAST_ADMINISTRATOR_REMOVED = _rule(
    "last-administrator-removed", Severity.HIGH, "no administrator of the cluster remains",
    "must keep one administrator",
    "No principal can grant access to the cluster any more.",
    "keep one principal with AmazonEKSClusterAdminPolicy",
    "containers-roadmap issue 1209", scope=Scope.STACK,
)  # fmt: skip
NODE_ROLE_REMOVED = _rule(
    "node-role-removed", Severity.HIGH, "the access of a node role is removed, and the role stays",
    "must keep its access while nodes use it",
    "Nodes with the role cannot authenticate any more, and their pods stop being managed.",
    "keep the access entry or mapping until the nodes are gone",
    _AWS_AUTH, scope=Scope.STACK,
)  # fmt: skip
RBAC_WILDCARD = _rule(
    "rbac-wildcard", Severity.HIGH, "a role has a wildcard for verbs or resources",
    "must list verbs and resources",
    "The wildcard includes secrets, and everything that is installed later.",
    "list the verbs and resources that the role needs",
    _RBAC, "4.1.3",
)  # fmt: skip
RBAC_ESCALATION = _rule(
    "rbac-escalation-verbs", Severity.HIGH, "a role has the verb escalate, bind or impersonate",
    "must not have escalate, bind or impersonate",
    "These verbs give their holder every permission of the cluster, or those of another user.",
    "remove the verbs",
    _RBAC, "4.1.8",
)  # fmt: skip
RBAC_CLUSTER_SECRETS = _rule(
    "rbac-cluster-secrets", Severity.HIGH, "a ClusterRoleBinding grants reading the secrets of all namespaces",
    "must not read secrets of all namespaces",
    "Secrets have the tokens and passwords of every workload.",
    "bind the role in the namespaces that need it, by a RoleBinding",
    _RBAC, "4.1.2",
)  # fmt: skip
RBAC_PERSISTENT_VOLUMES = _rule(
    "rbac-persistent-volumes", Severity.MEDIUM, "a role may create persistent volumes",
    "must not create persistent volumes",
    "A volume of type hostPath gives access to the files of a node.",
    "remove create on persistentvolumes; claims need no such permission",
    _RBAC, "4.1.9", level=Level.ADVISORY,
)  # fmt: skip
RBAC_NODE_PROXY = _rule(
    "rbac-node-proxy", Severity.HIGH, "a role has access to the proxy of nodes",
    "must not have nodes/proxy",
    "The kubelet runs commands in every pod of the node, without admission control and audit log.",
    "remove nodes/proxy; use nodes/metrics and nodes/stats for monitoring",
    _RBAC, "4.1.10",
)  # fmt: skip
RBAC_WEBHOOKS = _rule(
    "rbac-webhooks", Severity.MEDIUM, "a role may change admission webhooks",
    "must not change admission webhook configurations",
    "A webhook reads every object that the API server admits, and can change it.",
    "remove the verbs that write on admission webhook configurations",
    _RBAC, "4.1.11", level=Level.ADVISORY,
)  # fmt: skip
RBAC_TOKENS = _rule(
    "rbac-service-account-tokens", Severity.HIGH, "a role may create tokens of service accounts",
    "must not create serviceaccounts/token",
    "A token gives the permissions of the service account, with its IAM role.",
    "remove create on serviceaccounts/token, or name the service accounts by resourceNames",
    _RBAC, "4.1.12",
)  # fmt: skip
USER_OUTSIDE_IAM = _rule(
    "user-outside-iam", Severity.MEDIUM, "a binding names a user that no IAM principal is mapped to",
    "must be the username of an access entry or of a mapping in aws-auth",
    "Such a user authenticates by a certificate or another identity provider, which IAM neither shows nor revokes.",
    "map an IAM principal to the username, or remove the subject",
    "CIS Amazon EKS Benchmark", "5.5.1", level=Level.ADVISORY, scope=Scope.STACK,
)  # fmt: skip
PUBLIC_ENDPOINT = _rule(
    "public-endpoint-open", Severity.MEDIUM, "the API server's public endpoint is open to the world",
    "must list the ranges that reach the public endpoint, or have none",
    "A stolen token, or a fault of the API server, can be used from everywhere.",
    "set publicAccessCidrs, or endpointPublicAccess to false",
    "EKS user guide, Cluster API server endpoint", "5.4.1", level=Level.ADVISORY,
)  # fmt: skip
SECRETS_UNENCRYPTED = _rule(
    "secrets-unencrypted", Severity.MEDIUM, "Kubernetes secrets are not encrypted with a KMS key of the account",
    "must be encrypted with a KMS key of the account",
    "Without a key of its own the account neither sees nor revokes the use of the key.",
    "set encryptionConfig with a KMS key for secrets",
    "EKS user guide, Encrypt Kubernetes secrets with KMS", "5.3.1", level=Level.ADVISORY,
)  # fmt: skip
CONFIG_MAP_MODE = _rule(
    "config-map-mode", Severity.MEDIUM, "the authentication mode reads only the ConfigMap aws-auth",
    "must be API, or API_AND_CONFIG_MAP during a migration",
    "The ConfigMap has no audit trail in AWS, and one wrong edit locks everybody out.",
    "migrate to access entries (AuthenticationModeMigration)",
    _ENTRIES, "4.1.7", level=Level.ADVISORY, scope=Scope.STACK,
)  # fmt: skip

RULES: tuple[PolicyRule, ...] = tuple(value for value in [*globals().values()] if isinstance(value, PolicyRule))

EXCEPTION_OVERDUE = FindingKind(
    "exception-overdue", Severity.HIGH, "an exception is past its end date", "policies/README.md"
)
EXCEPTION_UNUSED = FindingKind(
    "exception-unused", Severity.LOW, "an exception matches no violation", "policies/README.md"
)
NOT_DECIDED = FindingKind(
    "not-decided", Severity.LOW, "a rule depends on a value that is not known", "policies/README.md"
)
REPORTS = (EXCEPTION_OVERDUE, EXCEPTION_UNUSED, NOT_DECIDED)
"""Kinds of findings on the rules themselves."""
KINDS = (*(rule.kind for rule in RULES), *REPORTS)
