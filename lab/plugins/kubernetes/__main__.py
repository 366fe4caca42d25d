"""The entry point of the plugin's process: `python -m lab.plugins.kubernetes <engine>`."""

from __future__ import annotations

from lab.plugins.kubernetes.provider import VERSION, KubernetesPlugin
from lab.plugins.serve import serve

if __name__ == "__main__":
    serve(KubernetesPlugin(), VERSION)
