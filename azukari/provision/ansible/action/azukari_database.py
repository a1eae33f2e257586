"""What lies in a database and who may do what, as one script; the roles' passwords come from the domain's secrets.

  - azukari_database:
      database: site
      script: "{{ lookup('ansible.builtin.template', 'site.sql.j2') }}"   # how it is to be
      state: "{{ lookup('ansible.builtin.file', 'state.sql') }}"          # how it is, asked before and after
      logins: [intake]                                                    # who gets a password

The host gets verifiers (RFC 5802), from which no password can be read; who logs in has the password from
`azukari_secret`.
"""

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from azukari.errors import AzukariError
from azukari.people.domain_secrets import service_secret
from azukari.provision.derive import site_of
from azukari.provision.scram import verifier


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        super().run(tmp, variables)
        given = dict(self._task.args)
        if set(given) != {"database", "script", "state", "logins"}:
            raise AnsibleActionFail(f"azukari_database takes database, script, state, logins; found {sorted(given)}.")
        domain = variables["azukari"]["host"]["domain"]
        try:
            site = site_of(variables["inventory_dir"])
            verifiers = {
                name: verifier(
                    service_secret(site, domain, f"database password of {name}"),
                    service_secret(site, domain, f"database salt of {name}").encode()[:16],
                )
                for name in given["logins"]
            }
        except AzukariError as error:
            raise AnsibleActionFail(error.message) from error
        result: dict[str, Any] = self._execute_module(
            module_name="azukari_database",
            module_args={name: given[name] for name in ("database", "script", "state")} | {"verifiers": verifiers},
            task_vars=variables,
        )
        return result
