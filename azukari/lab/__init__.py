"""Disposable servers on the user's own machine: images, hosts, network."""

from azukari.lab.lab import HostStatus, Lab
from azukari.lab.needs import MachineLacks
from azukari.lab.network import Outside

__all__ = ["HostStatus", "Lab", "MachineLacks", "Outside"]
