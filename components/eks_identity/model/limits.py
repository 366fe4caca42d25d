"""The numbers that AWS and Kubernetes set, each with its source; nothing else in the library writes one down."""

from __future__ import annotations

from typing import Final

# IAM and STS quotas: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ROLE_NAME: Final = 64
"""Characters of a role's name."""
ROLE_NAME_PREFIX: Final = 38
"""Characters of what a role's name begins with: the aws plugin puts 26 behind it."""
ROLE_DESCRIPTION: Final = 1_000
"""Characters of a role's description."""
ROLE_PATH: Final = 512
"""Characters of a role's path, both slashes included."""
TRUST_POLICY: Final = 2_048
"""Characters of a role's trust policy, white space not counted."""
TRUST_POLICY_RAISED: Final = 4_096
"""The most that IAM raises it to."""
MANAGED_POLICY: Final = 6_144
"""Characters of a managed policy, white space not counted."""
INLINE_POLICIES: Final = 10_240
"""Characters of all inline policies of one role together, white space not counted."""
MANAGED_POLICIES_OF_A_ROLE: Final = 10
"""Managed policies attached to one role."""
MANAGED_POLICIES_RAISED: Final = 20
"""The most that IAM raises it to."""
SESSION_SECONDS: Final = (3_600, 43_200)
"""Least and most seconds of a role's `MaxSessionDuration`."""
EXTERNAL_ID: Final = (2, 1_224)
"""Least and most characters of `sts:ExternalId`."""
TAGS: Final = 50
"""Tags on one object of AWS."""
TAG_KEY: Final = 128
"""Characters of a tag's key."""
TAG_VALUE: Final = 256
"""Characters of a tag's value."""

# The aws plugin's check of a launch template's `name_prefix`, which it puts 26 characters behind
LAUNCH_TEMPLATE_NAME_PREFIX: Final = (3, 99)
"""Least and most characters of what a launch template's name begins with."""

# EKS user guide, "Configure the AWS STS endpoint", and the pod identity webhook's annotations
TOKEN_EXPIRATION_SECONDS: Final = (600, 86_400)
"""Least and most seconds of `eks.amazonaws.com/token-expiration`."""

# Kubernetes: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
DNS_LABEL: Final = 63
"""Characters of a namespace's name."""
DNS_SUBDOMAIN: Final = 253
"""Characters of a service account's name."""

# What Pulumi puts behind a name when it makes one up: a dash and seven hexadecimal digits.
AUTO_NAME_SUFFIX: Final = 8
