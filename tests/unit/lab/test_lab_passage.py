"""The way through a machine's own filter that forwards nothing by default."""

import pytest
from declared_hosts import SEVEN

from azukari.lab import passage
from azukari.lab.commands import LabFault
from azukari.lab.layout import layout


class Iptables:
    """iptables as far as the lab uses it: chains of rules in memory."""

    def __init__(self, policy: str, *chains: str) -> None:
        self.policy = policy
        self.rules: dict[str, list[str]] = {chain: [] for chain in ("FORWARD", *chains)}

    def run(self, argv: list[str]) -> str:
        verb, chain, rule = argv[2], argv[3], " ".join(argv[4:])
        if chain not in self.rules or (verb in {"-C", "-D"} and rule not in self.rules[chain]):
            raise LabFault("iptables: No chain/target/match by that name.")
        if verb == "-I":
            self.rules[chain].insert(0, rule)
        elif verb == "-D":
            self.rules[chain].remove(rule)
        return f"-P FORWARD {self.policy}\n" if verb == "-S" else ""

    def succeeds(self, argv: list[str]) -> bool:
        try:
            self.run(argv)
        except LabFault:
            return False
        return True


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch):
    def into(machine: Iptables) -> Iptables:
        monkeypatch.setattr(passage, "find", lambda command: f"/usr/sbin/{command}")
        monkeypatch.setattr(passage, "run", machine.run)
        monkeypatch.setattr(passage, "succeeds", machine.succeeds)
        return machine

    return into


LAB = layout("lab72", SEVEN)


@pytest.mark.parametrize("chains", [(), ("DOCKER-USER",)])
def test_the_lab_is_let_through_once_and_nothing_stays(install, chains: tuple[str, ...]) -> None:
    machine = install(Iptables("DROP", *chains))
    machine.rules["FORWARD"].append("somebody's own")
    passage.open_passage(LAB)
    passage.open_passage(LAB)
    rules = machine.rules[chains[0] if chains else "FORWARD"]
    assert [rule for rule in rules if LAB.table in rule] == [
        f"-o {LAB.bridge} -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment {LAB.table} -j ACCEPT",
        f"-i {LAB.bridge} -m comment --comment {LAB.table} -j ACCEPT",
    ]
    passage.close_passage(LAB)
    assert machine.rules == {"FORWARD": ["somebody's own"]} | {chain: [] for chain in chains}


def test_a_machine_that_forwards_is_left_alone(install) -> None:
    machine = install(Iptables("ACCEPT", "DOCKER-USER"))
    passage.open_passage(LAB)
    assert machine.rules == {"FORWARD": [], "DOCKER-USER": []}
