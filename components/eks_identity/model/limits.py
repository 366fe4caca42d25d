"""Limits and quotas of AWS and Kubernetes, with their sources. Other modules import them from here."""

from __future__ import annotations

from typing import Final

# IAM and STS quotas: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ROLE_NAME: Final = 64
"""Characters of a role's name."""
ROLE_NAME_PREFIX: Final = 38
"""Characters of the prefix of a role's name: the aws plugin appends 26."""
ROLE_DESCRIPTION: Final = 1_000
"""Characters of a role's description."""
ROLE_PATH: Final = 512
"""Characters of a role's path, with both slashes."""
TRUST_POLICY: Final = 2_048
"""Characters of a role's trust policy, without white space."""
TRUST_POLICY_RAISED: Final = 4_096
"""Maximum of a raised quota."""
POLICY_NAME: Final = 128
"""Characters of a managed policy's name."""
MANAGED_POLICY: Final = 6_144
"""Characters of a managed policy, without white space."""
INLINE_POLICIES: Final = 10_240
"""Characters of all inline policies of one role together, without white space."""
MANAGED_POLICIES_OF_A_ROLE: Final = 10
"""Managed policies attached to one role."""
MANAGED_POLICIES_RAISED: Final = 20
"""Maximum of a raised quota."""
SESSION_SECONDS: Final = (3_600, 43_200)
"""Minimum and maximum of a role's `MaxSessionDuration`, in seconds."""
EXTERNAL_ID: Final = (2, 1_224)
"""Minimum and maximum length of `sts:ExternalId`, in characters."""
TAGS: Final = 50
"""Tags on one AWS resource."""
TAG_KEY: Final = 128
"""Characters of a tag's key."""
TAG_VALUE: Final = 256
"""Characters of a tag's value."""

# The aws plugin's validation of a launch template's `name_prefix`, to which it appends 26 characters
LAUNCH_TEMPLATE_NAME_PREFIX: Final = (3, 99)
"""Minimum and maximum length of the prefix of a launch template's name, in characters."""

# EKS user guide, "Configure the AWS STS endpoint", and the pod identity webhook's annotations
TOKEN_EXPIRATION_SECONDS: Final = (600, 86_400)
"""Minimum and maximum of `eks.amazonaws.com/token-expiration`, in seconds."""

# Kubernetes: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
DNS_LABEL: Final = 63
"""Characters of a namespace's name."""
DNS_SUBDOMAIN: Final = 253
"""Characters of a service account's name."""

# Suffix of Pulumi's auto-naming: a dash and seven hexadecimal digits.
AUTO_NAME_SUFFIX: Final = 8
