"""The question "which declarations of eks_identity equal what the cluster has, and what can none express?"."""
