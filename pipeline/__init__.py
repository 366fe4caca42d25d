"""How stacks ship: preview, up, refresh and destroy through Pulumi's Automation API, for people and for pipelines."""
