"""Controller's half of `azukari_accounts`: makes the change of accounts a confirmed one.

- azukari_accounts:
    people: [{name:, full_name:, expires: DATE}]                      # login shell, home /home/NAME, no password
    automation: [{name:, comment:, home:, shell:}]                    # system accounts
    confirmed: {}
"""

import secrets
from datetime import UTC, datetime
from typing import Any

from ansible.plugins.action import ActionBase

from azukari.provision.placing import files_plugin


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        super().run(tmp, variables)
        given = {**self._task.args, "what": self._task.get_name().strip()}
        if given.get("confirmed") is not None:
            given["change_id"] = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        result: dict[str, Any] = self._execute_module(
            module_name="azukari_accounts", module_args=given, task_vars=variables
        )
        if result.get("confirm"):
            # The files' plugin knows how a change is proven and what follows when it is not.
            files = files_plugin(self)
            files._confirm(result, variables)
        return result
