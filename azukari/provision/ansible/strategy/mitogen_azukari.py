"""mitogen's linear strategy, with the scheduler left to place its processes.

mitogen pins itself to one core and, on a machine with two or three, Ansible and all its workers to the next: they then
take turns. Unpinned, a run over seven hosts takes a fifth less time there. The name begins with “mitogen” because
mitogen asks for that.
"""

from typing import Any

import ansible_mitogen.affinity
import ansible_mitogen.loaders
import ansible_mitogen.strategy

ansible_mitogen.affinity.policy = ansible_mitogen.affinity.Policy()


_Linear: Any = ansible_mitogen.loaders.strategy_loader.get("linear", class_only=True)


class StrategyModule(ansible_mitogen.strategy.StrategyMixin, _Linear):
    """Looked for by this name."""
