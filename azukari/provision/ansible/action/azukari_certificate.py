"""Controller's half of `azukari_certificate`: signs with the host's own trust domain, when renewal is due.

  - azukari_certificate: {kind: ssh_host, key: /etc/ssh/ssh_host_ed25519_key}       # → KEY-cert.pub
  - azukari_certificate: {kind: krl, certificate: /etc/ssh/azukari/revoked.krl}
  - azukari_certificate: {kind: tls, key: …, certificate: …, names: […], owner:, group:, key_mode:, days: 90}
With `stand_in`, a certificate of somebody else stays, as long as it is for the key.
`confirmed` and `validate` are handed on to `azukari_files`. The private key is made on the host and stays there.
"""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from azukari.errors import AzukariError
from azukari.people import authority as authorities
from azukari.provision.derive import site_of
from azukari.provision.placing import files_plugin
from azukari.provision.renewal import SSH_HOST_DAYS, ssh_host_due, stand_in_due, tls_due

KRL_RENEW = timedelta(days=7)  # LEAK-14: the list is fresh
_GENERATED = slice(20, 28)  # PROTOCOL.krl: magic, format version, KRL version, then the date as 64 bits


def generated(krl: bytes) -> datetime | None:
    """Return when a key revocation list was made, or None where there is none."""
    if not krl.startswith(b"SSHKRL\n\0") or len(krl) < _GENERATED.stop:
        return None
    return datetime.fromtimestamp(int.from_bytes(krl[_GENERATED], "big"), UTC)


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._variables = task_vars or {}
        super().run(tmp, self._variables)
        given = dict(self._task.args)
        kind = given.get("kind")
        if kind not in ("ssh_host", "tls", "krl"):
            raise AnsibleActionFail(f"azukari_certificate: kind is ssh_host, tls or krl; found “{kind}”.")
        if kind == "ssh_host":
            given.setdefault("key", "/etc/ssh/ssh_host_ed25519_key")
            given.setdefault("certificate", f"{given['key']}-cert.pub")
        self._host = self._variables["azukari"]["host"]
        self._public = self._variables["azukari"]["authorities"][self._host["domain"]]
        names = given["names"] if kind == "tls" else self._ssh_names()
        asked = {k: given[k] for k in ("kind", "key", "certificate") if k in given}
        held = self._execute_module(
            module_name="azukari_certificate", module_args={**asked, "names": names}, task_vars=self._variables
        )
        if held.get("failed"):
            return dict(held)
        try:
            content, reason = getattr(self, f"_{kind}")(given, held, names)
        except AzukariError as error:
            raise AnsibleActionFail(error.message) from error
        if self._task.check_mode and held["made"]:
            return {
                "changed": True,
                "msg": "a key will be made and a certificate signed",
                "changed_paths": [given["certificate"]],
            }
        return self._place(given, held, content, reason)

    def _ssh_names(self) -> list[str]:
        return [name for name in (self._host["name"], self._host["address"], self._host["address6"]) if name]

    def _authority(self) -> Any:
        inventory = self._variables["inventory_dir"]
        return authorities.load(site_of(inventory), self._host["domain"])

    def _ssh_host(self, given: dict[str, Any], held: dict[str, Any], names: list[str]) -> tuple[str, str | None]:
        reason = (
            ssh_host_due(held["current"], held["request"], self._public["host_ca"], names, datetime.now(UTC))
            if held["request"]
            else "new"
        )
        if not reason or self._task.check_mode:
            return held["current"], reason
        days = int(given.get("days", SSH_HOST_DAYS))
        return self._authority().host_certificate(held["request"], names, days=days), reason

    def _tls(self, given: dict[str, Any], held: dict[str, Any], names: list[str]) -> tuple[str, str | None]:
        due = stand_in_due if given.get("stand_in") else tls_due
        reason = (
            due(held["current"], held["request"], self._public["tls_ca"], names, datetime.now(UTC))
            if held["request"]
            else "new"
        )
        if not reason or self._task.check_mode:
            return held["current"], reason
        return self._authority().tls_certificate(held["request"], names, days=int(given.get("days", 90))), reason

    def _krl(self, _given: dict[str, Any], held: dict[str, Any], _names: list[str]) -> tuple[bytes, str | None]:
        """Keep the host's list while it says what a new one would say and is fresh."""
        site = site_of(self._variables["inventory_dir"])
        on_bastion = "bastion" in self._host["groups"]  # its jump account trusts all domains
        domains = authorities.domains_at_hand(site) if on_bastion else [self._host["domain"]]
        issuers = [authorities.load(site, domain) for domain in domains]
        current = base64.b64decode(held["current"])
        if made := generated(current):
            fresh = datetime.now(UTC) - made < KRL_RENEW
            if fresh and authorities.combined_revocation_list(issuers, made) == current:
                return current, None
        return authorities.combined_revocation_list(issuers), "it is not the newest" if current else "there is none"

    def _place(
        self, given: dict[str, Any], held: dict[str, Any], content: str | bytes, reason: str | None
    ) -> dict[str, Any]:
        data = content.encode() if isinstance(content, str) else content
        owner = {key: given[key] for key in ("owner", "group") if key in given}
        if self._task.check_mode and reason:
            return {"changed": True, "msg": reason, "changed_paths": [given["certificate"]]}
        entry = {
            "path": given["certificate"],
            "content": base64.b64encode(data).decode(),
            "mode": given.get("mode", "0644"),
        }
        arguments: dict[str, Any] = {"files": [entry], "what": self._task.get_name().strip()}
        if given["kind"] == "tls":
            arguments["modes"] = [{"path": given["key"], "mode": given.get("key_mode", "0600"), **owner}]
        for key in ("validate", "confirmed"):
            if key in given:
                arguments[key] = given[key]
        # The files' plugin makes it a confirmed change where the role asks for one.
        placed = files_plugin(self)
        result: dict[str, Any] = placed.run_prepared(arguments, self._variables)
        result["changed"] = result.get("changed", False) or held["made"]
        if reason:
            result["reason"] = reason
        return result
