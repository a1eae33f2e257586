"""A way through the machine's own packet filter, where that forwards nothing by default (Docker, ufw).

Our own table cannot open what another table's chain drops, so the two rules stand in that chain, marked as the lab's.
"""

from azukari.lab.commands import find, run, succeeds
from azukari.lab.layout import Layout

# Docker puts its own chain first and leaves this one to the user; elsewhere it is the chain itself.
_CHAINS = ("DOCKER-USER", "FORWARD")


def open_passage(lab: Layout) -> None:
    """Let the lab's packets through, if the machine's filter would drop them and does not let them through yet."""
    if find("iptables") is None or not succeeds(["iptables", "-w", "-S", "FORWARD"]):
        return
    if "-P FORWARD DROP" not in run(["iptables", "-w", "-S", "FORWARD"]).splitlines():
        return
    chain = next(chain for chain in _CHAINS if succeeds(["iptables", "-w", "-S", chain]))
    for rule in _rules(lab):
        if not succeeds(["iptables", "-w", "-C", chain, *rule]):
            run(["iptables", "-w", "-I", chain, *rule])


def close_passage(lab: Layout) -> None:
    """Remove the lab's rules from the machine's filter."""
    if find("iptables") is None:
        return
    for chain in _CHAINS:
        for rule in _rules(lab):
            while succeeds(["iptables", "-w", "-C", chain, *rule]):
                run(["iptables", "-w", "-D", chain, *rule])


def _rules(lab: Layout) -> list[list[str]]:
    mark = ["-m", "comment", "--comment", lab.table, "-j", "ACCEPT"]
    answers = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
    return [["-i", lab.bridge, *mark], ["-o", lab.bridge, *answers, *mark]]
