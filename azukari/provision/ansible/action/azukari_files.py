"""Controller's half of `azukari_files`: renders, sends everything in one round trip, proves confirmed changes.

Arguments of a task are documented in `docs/roles.md`; a confirmed change is described in `docs/decisions/`.
"""

import base64
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

from azukari.provision.proof import NotProven, prove

_ARGUMENTS = frozenset(
    {"files", "directories", "links", "modes", "absent", "only", "validate", "confirmed", "read_by", "reloaded_by"}
)
_CONFIRMED = frozenset({"activate", "save", "restore", "seconds"})


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        super().run(tmp, variables)
        given = dict(self._task.args)
        if unknown := set(given) - _ARGUMENTS:
            raise AnsibleActionFail(f"azukari_files has no {sorted(unknown)}; it takes {sorted(_ARGUMENTS)}.")
        files = [self._file(entry, variables) for entry in given.get("files") or []]
        given["files"] = files
        given["only"] = [self._only(rule, files, given.get("links") or []) for rule in given.get("only") or []]
        given["what"] = self._task.get_name().strip()
        return self.run_prepared(given, variables)

    def run_prepared(self, given: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Carry out what is rendered already; `azukari_certificate` comes in here.

        Args:
            given: the module's arguments; `files` with `path` and base64 `content`.
            variables: the task's variables.
        """
        confirmed = given.get("confirmed")
        if confirmed is not None:
            if unknown := set(confirmed) - _CONFIRMED:
                raise AnsibleActionFail(f"`confirmed` has no {sorted(unknown)}; it takes {sorted(_CONFIRMED)}.")
            given["change_id"] = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        result: dict[str, Any] = self._execute_module(
            module_name="azukari_files", module_args=given, task_vars=variables
        )
        if result.get("confirm"):
            self._confirm(result, variables)
        return result

    def _file(self, entry: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Return the entry with its path and its contents, rendered or read."""
        kinds = [kind for kind in ("template", "copy", "content") if kind in entry]
        if len(kinds) != 1:
            raise AnsibleActionFail(f"A file needs exactly one of template, copy, content; found {kinds} in {entry}.")
        kind = kinds[0]
        source = str(entry[kind])
        path = entry.get("dest") or "/" + source.removesuffix(".j2")
        if kind == "content":
            content = source.encode()
        elif kind == "copy":
            content = Path(self._find_needle("files", source)).read_bytes()
        else:
            content = self._render(self._find_needle("templates", source), entry.get("vars") or {}, variables).encode()
        return {
            "path": path,
            "content": base64.b64encode(content).decode(),
            **{key: entry[key] for key in ("mode", "owner", "group") if key in entry},
        }

    def _render(self, source: str, own: dict[str, Any], variables: dict[str, Any]) -> str:
        text = trust_as_template(self._loader.get_text_file_contents(source))
        folder = str(Path(source).parent)
        search = [folder, *variables.get("ansible_search_path", [])]
        templar = self._templar.copy_with_new_env(searchpath=search, available_variables={**variables, **own})
        overrides = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
        rendered = templar.template(text, escape_backslashes=False, overrides=overrides)
        return "" if rendered is None else str(rendered)

    @staticmethod
    def _only(rule: dict[str, Any], files: list[dict[str, Any]], links: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the rule with the names that stay in its directory: those this task puts there and `keep`."""
        here = [
            Path(f["path"]).name for f in [*files, *links] if str(Path(f["path"]).parent) == rule["dir"].rstrip("/")
        ]
        return {**rule, "keep": [*here, *rule.get("keep", [])]}

    def _confirm(self, result: dict[str, Any], variables: dict[str, Any]) -> None:
        """Prove the change from outside, then disarm; else have the host restore itself and fail."""
        change, host = result["confirm"], variables["inventory_hostname"]
        rollback = "/usr/local/sbin/azukari-rollback"
        try:
            prove(host, variables["azukari_ssh_config"], bastion=variables["azukari"]["bastion"]["name"])
        except NotProven as reason:
            # By the connection that is still open; when it is dead the timer does the same within its seconds.
            self._command(f"{rollback} --restore {change}", variables)
            result.update(
                failed=True,
                rolled_back=change,
                msg=f"{self._task.get_name().strip()} on {host}: a new login from outside failed ({reason}), "
                "so the old state was restored.",
            )
            return
        done = self._command(f"{rollback} --disarm {change}", variables)
        if done.get("failed") or done.get("rc"):
            result.update(
                failed=True,
                rolled_back=change,
                msg=f"{host}: the change came too late to be confirmed: {done.get('stderr') or done.get('msg')}",
            )

    def _command(self, line: str, variables: dict[str, Any]) -> dict[str, Any]:
        module: dict[str, Any] = self._execute_module(
            module_name="ansible.legacy.command",
            module_args={"_raw_params": line, "_uses_shell": False},
            task_vars=variables,
        )
        return module
