"""Secrets of a service, made from the domain's own, in files that root alone reads; systemd hands them to the service.

- azukari_secret: {files: {/etc/azukari/site/token.secret: "secret of the forms' tokens"}}
- azukari_secret: {dkim: {/etc/azukari/mail/dkim.key: SELECTOR}}
- azukari_secret: {acme: /etc/azukari/acme/external-account.key}    # of the account at the certificate authority
- azukari_secret: {mail: /etc/azukari/letters/delivery.key}    # the mail tier's keys, all of them
"""

import base64
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from azukari.errors import AzukariError
from azukari.people import acme_keys, dkim_keys, mail_keys
from azukari.people.domain_secrets import service_secret
from azukari.provision.derive import site_of
from azukari.provision.placing import files_plugin


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        super().run(tmp, variables)
        given = dict(self._task.args)
        if not given or not set(given) <= {"files", "dkim", "mail", "acme"}:
            raise AnsibleActionFail(f"azukari_secret takes `files`, `dkim`, `mail` and `acme`; found {sorted(given)}.")
        try:
            site = site_of(variables["inventory_dir"])
            domain = variables["azukari"]["host"]["domain"]
            secrets = {path: service_secret(site, domain, what) for path, what in given.get("files", {}).items()}
            secrets |= {path: dkim_keys.private(site, selector) for path, selector in given.get("dkim", {}).items()}
            secrets |= {given["mail"]: mail_keys.private(site)} if "mail" in given else {}
            secrets |= {given["acme"]: acme_keys.private(site)} if "acme" in given else {}
            files = [
                {
                    "path": path,
                    "content": base64.b64encode(secret.encode()).decode(),
                    "mode": "0600",
                    "secret": True,
                }
                for path, secret in secrets.items()
            ]
        except AzukariError as error:
            raise AnsibleActionFail(error.message) from error
        wanted = {"files": files, "what": self._task.get_name().strip()}
        result: dict[str, Any] = files_plugin(self).run_prepared(wanted, variables)
        return result
