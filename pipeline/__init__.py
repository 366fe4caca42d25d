"""Runs preview, up, refresh and destroy of a stack with Pulumi's Automation API, for users and CI."""
