"""The order of trials: a wave breaks one thing on each of several hosts, so that hosts are tried side by side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.breaches.trials import ANY, SITE, Trial


@dataclass(frozen=True)
class Wave:
    """Trials that run at the same time, each on a host of its own."""

    trials: Mapping[str, Trial]

    @property
    def alone(self) -> bool:
        """Whether its one trial may show on other hosts too."""
        return any(trial.alone for trial in self.trials.values())


def plan(trials: Iterable[Trial], hosts: Iterable[str]) -> list[Wave]:
    """Return waves in which every trial has its host, the earlier trials first.

    Args:
        trials: by priority.
        hosts: names of the lab's hosts.
    """
    names = list(hosts)
    waves: list[dict[str, Trial]] = []
    alone: list[Wave] = []
    for trial in trials:
        if trial.alone:
            alone.append(Wave({names[0] if trial.host == ANY else trial.host: trial}))
            continue
        wanted = names if trial.host == ANY else [trial.host]
        for wave in waves:
            free = [name for name in wanted if name not in wave]
            if free:
                # The host that has had the least of all: the same script on other hosts is another proof.
                wave[min(free, key=lambda name: sum(name in one for one in waves))] = trial
                break
        else:
            waves.append({wanted[-1] if trial.host == ANY else trial.host: trial})
    return [Wave(wave) for wave in waves] + alone


def host_of(wave: Wave, trial: Trial) -> str:
    """Return the host on which a trial of this wave runs; `site` for the site's folder."""
    return SITE if trial.host == SITE else next(host for host, one in wave.trials.items() if one is trial)
