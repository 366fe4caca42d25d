"""Environments: one module and one settings file for each Pulumi stack."""
