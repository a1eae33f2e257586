"""Debian packages that are there, or not: dpkg is asked first, and apt only where something is to do.

  - azukari_packages: {present: [nginx, logrotate]}     # without what they recommend
  - azukari_packages: {absent: [gcc, make]}             # with their configuration

`ansible.builtin.apt` reads all of apt's lists before it says that a package is installed, for each task and host, each
time somebody asks.
"""

import shlex
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        super().run(tmp, variables)
        given = dict(self._task.args)
        if len(given) != 1 or not set(given) <= {"present", "absent"}:
            raise AnsibleActionFail(f"azukari_packages takes one of present, absent; found {sorted(given)}.")
        ((state, names),) = given.items()
        held = self._held([*names, "dpkg"])
        if held.pop("dpkg", "") != "installed":  # an answer that did not come must not count as "absent"
            raise AnsibleActionFail("azukari_packages: dpkg-query did not answer on this host.")
        if all(held.get(name) == "installed" for name in names) if state == "present" else not held:
            return {"changed": False}
        more = {"install_recommends": False} if state == "present" else {"purge": True}
        result: dict[str, Any] = self._execute_module(
            module_name="ansible.legacy.apt", module_args={"name": names, "state": state, **more}, task_vars=variables
        )
        return result

    def _held(self, names: list[str]) -> dict[str, str]:
        """Return dpkg's status of those packages of which anything is left on the host."""
        command = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", "--", *names]
        # What is not there is told on standard error, which some connections mix with the rest.
        said = self._low_level_execute_command(shlex.join(command) + " 2>/dev/null")
        pairs = [line.split(" ", 1) for line in said["stdout"].splitlines() if " " in line]
        return {name: status for name, status in pairs if status != "not-installed"}
