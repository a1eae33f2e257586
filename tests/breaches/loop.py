"""The loop: green, break, the right check red and nothing else, `apply`, green again."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from azukari.lab import Lab
from tests import provisioned
from tests.breaches.trials import SITE, Trial
from tests.breaches.waves import Wave, host_of, plan

SCRIPT_SECONDS = 60
VERIFY_SECONDS = 240
APPLY_SECONDS = 600
T = TypeVar("T")
RED = {"fail", "not-evaluated"}

Verdicts = dict[tuple[str, str], tuple[str, str, str]]  # (check, host) → (verdict, safeguard, message)


def _twice(judge: Callable[[], T]) -> T:
    """Judge, and once more when something is wrong: on a busy machine a burst that must be quick may be too slow."""
    return judge() and judge()


@dataclass
class _Running:
    """A trial on its host while its wave goes on."""

    trial: Trial
    host: str
    failed: str = ""
    took: bool = False


class Loop:
    """Runs waves on a provisioned lab, each when the first of its trials is asked for.

    Args:
        lab: the lab.
        trials: those that are wanted, by priority.
        say: told what goes on.
    """

    def __init__(self, lab: Lab, trials: Iterable[Trial], say: Callable[[str], None]) -> None:
        self._lab = lab
        self._say = say
        self._site = provisioned.site()
        self._waves = plan(trials, self._site.hosts)
        self._next = 0
        self._outcomes: dict[Trial, str] = {}
        self._green: Verdicts = {}

    def start(self) -> None:
        """Judge the untouched lab: what is red before anything is broken proves nothing.

        Raises:
            AssertionError: a check is red.
        """
        done = provisioned.azukari("plan", timeout=APPLY_SECONDS)
        assert done.returncode == 0, f"the provisioned lab is not as declared:\n{done.stdout}\n{done.stderr}"
        red = _twice(self._green_or_red)
        assert not red, "red before anything was broken:\n" + "\n".join(red)

    def _green_or_red(self) -> list[str]:
        self._green = self._judge()
        return [f"{check} on {host}: {found[2]}" for (check, host), found in self._green.items() if found[0] == "fail"]

    def outcome(self, trial: Trial, *, deadline: float | None = None) -> str | None:
        """Return why a trial failed, empty when it did not; runs the waves up to its own.

        None: its wave would begin after the deadline.

        Args:
            trial: one of those wanted.
            deadline: of time.monotonic; None means that there is time for all.
        """
        while trial not in self._outcomes and self._next < len(self._waves):
            if deadline is not None and time.monotonic() > deadline:
                return None
            wave = self._waves[self._next]
            self._next += 1
            self._say(f"wave {self._next}/{len(self._waves)}: {', '.join(one.id for one in wave.trials.values())}")
            self._run(wave)
        return self._outcomes[trial]

    def _run(self, wave: Wave) -> None:
        begun = time.monotonic()
        running = [_Running(trial, host_of(wave, trial)) for trial in wave.trials.values()]
        before = self._save_site() if any(one.host == SITE for one in running) else None
        try:
            for one in running:
                self._break(one)
            self._plan_if_wanted(running)
            wrong = _twice(lambda: self._wrong(running, wave))
            for one in running:
                one.failed = one.failed or wrong.get(one.host, "")
        finally:
            if before is not None:
                self._restore_site(before)
        self._heal(running)
        self._plan_if_wanted(running)
        still_red = _twice(lambda: self._still_red(running))
        for one in running:
            left = still_red.get(one.host, "")
            if left and not one.failed:
                one.failed = "not green again after " + ("apply" if one.trial.breach else "undo") + f":\n{left}"
            if left:  # the next trial must not pay for this one
                self._reset(one)
            self._outcomes[one.trial] = one.failed
            if one.failed:
                self._say(f"{one.trial.id} on {one.host}: {one.failed}")
        self._say(f"{time.monotonic() - begun:.0f} s")

    def _wrong(self, running: list[_Running], wave: Wave) -> dict[str, str]:
        """Return by host what is wrong with the verdicts while everything is broken."""
        found = self._judge()
        wrong = {}
        for one in running:
            missing = self._missing_red(one, found) if one.trial.breach and one.took else ""
            if said := missing or self._unexpected(one, wave, found):
                wrong[one.host] = said
        return wrong

    def _still_red(self, running: list[_Running]) -> dict[str, str]:
        """Return by host what is red that was not before anything was broken."""
        found = self._judge()
        return {one.host: said for one in running if (said := self._red_since_start(found, one))}

    def _break(self, one: _Running) -> None:
        script = one.trial.path.read_bytes()
        if one.trial.given:
            code, made = self._script(SITE, one.trial.given.encode())
            if code != 0:
                one.failed = f"VOID: what it is given could not be made: {made}"
                return
            script = b"cat >/run/given <<'GIVEN'\n" + made.encode() + b"\nGIVEN\n" + script
        code, said = self._script(one.host, script)
        if code != 0:
            one.failed = f"VOID: the script ended with {code}: {said}"
            return
        if not one.trial.took:
            one.took = True
            return
        code, said = self._script(one.host, one.trial.took.encode())
        one.took = code == 0
        if not one.took:
            one.failed = f"VOID: it did not take; `{one.trial.took}` ended with {code}: {said}"

    def _script(self, host: str, script: bytes) -> tuple[int, str]:
        """Run a script as root on a host, or in the site's folder; what it leaves running must not hold us up."""
        keep = "exec /bin/bash -eu /dev/stdin >/run/trial.log 2>&1"
        if host == SITE:
            done = subprocess.run(
                ["/bin/bash", "-eu", "/dev/stdin"],
                input=script,
                capture_output=True,
                cwd=self._site.path,
                env={**provisioned.environment(), "PYTHON": sys.executable},
                timeout=SCRIPT_SECONDS,
                check=False,
            )
            return done.returncode, (done.stdout + done.stderr).decode(errors="replace").strip()
        done = self._lab.run(host, ["/bin/sh", "-c", keep], input=script, timeout=SCRIPT_SECONDS)
        read = self._lab.run(
            host, ["/bin/sh", "-c", "cat /run/trial.log; rm -f /run/trial.log"], timeout=SCRIPT_SECONDS
        )
        return done.returncode, read.stdout.decode(errors="replace").strip()

    def _judge(self) -> Verdicts:
        done = provisioned.azukari("verify", "--json", "-", timeout=VERIFY_SECONDS)
        try:
            results = json.loads(done.stdout)["results"]
        except (ValueError, KeyError):
            raise RuntimeError(f"azukari verify ended with {done.returncode}:\n{done.stderr}") from None
        return {(one["check"], one["host"]): (one["verdict"], one["safeguard"], one["message"]) for one in results}

    def _missing_red(self, one: _Running, found: Verdicts) -> str:
        """Return why a breach is not proven seen: one of its checks is not red, or was not green before."""
        for wanted in one.trial.checks:
            check, _, elsewhere = wanted.partition("@")
            # What is broken in the site's folder shows on some host, or on the site as a whole.
            seen_at = {elsewhere} if elsewhere else {one.host}
            places = [where for known, where in self._green if known == check and (where in seen_at or SITE in seen_at)]
            if not places and (check, SITE) in self._green:
                places = [SITE]
            before = {self._green[(check, where)][0] for where in places} or {"absent"}
            if before != {"pass"}:
                where = elsewhere or one.host
                return f"{check} was {', '.join(sorted(before))} on {where} before the breach, so it proves nothing"
            now = [found.get((check, where), ("absent", "", "")) for where in places]
            if not any(verdict == "fail" for verdict, _safeguard, _message in now):
                return f"{check} did not turn red on {elsewhere or one.host}: {now[0][0]}: {now[0][2]}"
        return ""

    def _unexpected(self, one: _Running, wave: Wave, found: Verdicts) -> str:
        """Return what turned red outside what this trial may turn red."""
        allowed_elsewhere = {name for trial in wave.trials.values() for name in trial.may_turn_red}
        lines = []
        for (check, host), (verdict, safeguard, message) in found.items():
            mine = host in {one.host, SITE} or wave.alone or host not in wave.trials
            if not mine or verdict not in RED or self._green.get((check, host), ("",))[0] == verdict:
                continue
            allowed = one.trial.may_turn_red if host == one.host or wave.alone else allowed_elsewhere
            if safeguard not in allowed or (host not in wave.trials and host != SITE and not wave.alone):
                lines.append(f"  {safeguard} {check} on {host}: {verdict}: {message}")
        return "turned red and should not:\n" + "\n".join(lines) if lines else ""

    def _heal(self, running: list[_Running]) -> None:
        for one in running:
            if one.trial.undo:
                code, said = self._script(one.host, one.trial.undo.encode())
                if code != 0:
                    one.failed = one.failed or f"its undo ended with {code}: {said}"
        broken = [one for one in running if one.trial.breach and one.host != SITE]
        if not broken:
            return
        hosts = ",".join(one.host for one in broken)
        tags = ",".join(dict.fromkeys(tag for one in broken for tag in one.trial.tags))
        done = provisioned.azukari("apply", "--limit", hosts, "--tags", tags, timeout=APPLY_SECONDS)
        if done.returncode != 0:
            for one in broken:
                one.failed = (
                    one.failed or f"apply --limit {hosts} --tags {tags} ended with {done.returncode}:\n{done.stderr}"
                )

    def _plan_if_wanted(self, running: list[_Running]) -> None:
        if any(one.trial.with_plan for one in running):
            done = provisioned.azukari("plan", timeout=APPLY_SECONDS)
            if done.returncode not in {0, 4}:
                raise RuntimeError(f"azukari plan ended with {done.returncode}:\n{done.stderr}")

    def _red_since_start(self, found: Verdicts, one: _Running) -> str:
        return "\n".join(
            f"  {safeguard} {check} on {where}: {verdict}: {message}"
            for (check, where), (verdict, safeguard, message) in found.items()
            if (where in {one.host, SITE} or one.trial.alone)
            and verdict in RED
            and self._green.get((check, where), ("",))[0] != verdict
        )

    def _reset(self, one: _Running) -> None:
        if one.host != SITE:
            self._lab.reset(one.host)

    def _save_site(self) -> Path:
        saved = self._site.path.with_name(f"{self._site.path.name}-before")
        shutil.rmtree(saved, ignore_errors=True)
        shutil.copytree(self._site.path, saved, symlinks=True)
        return saved

    def _restore_site(self, saved: Path) -> None:
        shutil.rmtree(self._site.path)
        saved.rename(self._site.path)
