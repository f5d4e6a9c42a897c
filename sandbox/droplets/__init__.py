"""Droplets: real Linux machines on this one, behind the interface that the simulated API drives them through."""

from sandbox.droplets.base import ensure_base_image
from sandbox.droplets.docker_hypervisor import DockerHypervisor, ensure_network, remove_all

__all__ = ["DockerHypervisor", "ensure_base_image", "ensure_network", "remove_all"]
