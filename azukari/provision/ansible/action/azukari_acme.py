"""Controller's half of `azukari_acme`: has the public names' certificate had anew when it is due, or nobody trusts it.

  - azukari_acme: {names: […], directory: https://…}
The host talks to the authority, through the proxy; only whether visitors trust what is there is known here.
"""

from datetime import UTC, datetime
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from azukari.errors import AzukariError
from azukari.provision.derive import site_of
from azukari.ssh.trust import leads_to_trust, visitors_trust


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        super().run(tmp, variables)
        names, directory = self._task.args["names"], self._task.args["directory"]
        try:
            roots = visitors_trust(site_of(variables["inventory_dir"]))
        except AzukariError as error:
            raise AnsibleActionFail(error.message) from error
        held = self._asked(variables, names=names)
        if held.get("failed"):
            return held
        untrusted = not leads_to_trust(held["chain"], roots, datetime.now(UTC))
        reason = held["due"] or ("visitors do not trust who issued it" if untrusted else "")
        if not reason:
            return held
        told: dict[str, Any] = {"changed": True, "msg": reason, "reason": reason}
        if self._task.check_mode:
            return told
        had = self._asked(variables, names=names, have=True, forced=not held["due"])
        if had.get("failed"):
            # What is served stays as it was; the daily timer tries again.
            refused = f"{directory} gave no certificate for {', '.join(names)}" if had.get("refused") else names[0]
            return {**had, "changed": False, "msg": f"{refused}: {str(had['msg']).rstrip('.')}."}
        if had["due"] or not leads_to_trust(had["chain"], roots, datetime.now(UTC)):
            why = had["due"] or "this machine, as a visitor, does not trust who issued it"
            message = f"{directory} gave a certificate for {', '.join(names)}, and yet {why}."
            return {"failed": True, "changed": True, "msg": message}
        return told

    def _asked(self, variables: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._execute_module(
            module_name="azukari_acme", module_args=arguments, task_vars=variables
        )
        return found
