"""Pods out to AWS: roles, service accounts, what binds them, and the provider that vouches for them."""
