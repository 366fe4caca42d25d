"""Cluster access: access entries, aws-auth mappings, RBAC roles and policies, and the guard against lockouts."""
