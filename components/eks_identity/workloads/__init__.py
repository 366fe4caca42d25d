"""Workload identity: IAM roles of pods, service accounts, Pod Identity associations, add-ons and OIDC providers."""
