"""Disposable servers on the user's own machine: images, hosts, network."""

from azukari.lab.lab import HostStatus, Lab
from azukari.lab.needs import MachineLacks
from azukari.lab.network import Outside
from azukari.lab.record import find
from azukari.lab.removal import forget_images, remove
from azukari.lab.sources import of_machine

__all__ = ["HostStatus", "Lab", "MachineLacks", "Outside", "find", "forget_images", "of_machine", "remove"]
