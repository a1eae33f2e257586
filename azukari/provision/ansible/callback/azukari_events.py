"""Writes what happens as one JSON object a line to the file named by AZUKARI_EVENTS; nothing to the terminal."""

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: azukari_events
type: stdout
short_description: events for azukari plan and apply
description: [One JSON object a line.]
options: {}
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "azukari_events"

    def __init__(self) -> None:
        super().__init__()
        # It lives as long as the run.
        self._file = Path(os.environ["AZUKARI_EVENTS"]).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115
        self._started: dict[str, float] = {}

    def _write(self, **event: Any) -> None:
        self._file.write(json.dumps(event, default=str) + "\n")

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002 - Ansible's signature
        self._started[task._uuid] = time.monotonic()

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self._started[task._uuid] = time.monotonic()

    def _result(self, result: Any, status: str) -> None:
        task, values = result._task, result._result
        role = task._role.get_name() if task._role else ""
        seconds = time.monotonic() - self._started.get(task._uuid, time.monotonic())
        event: dict[str, Any] = {
            "host": result._host.get_name(),
            "role": role,
            "task": task.name.strip(),
            "status": status,
        }
        event["seconds"] = round(seconds, 3)
        if status in ("failed", "unreachable"):
            event["message"] = _sentence(values)
            event["rolled_back"] = values.get("rolled_back", "")
        if status == "changed":
            event["paths"] = values.get("changed_paths", [])
            event["diff"] = self._get_diff(values["diff"]) if values.get("diff") else ""
        self._write(**event)

    def v2_runner_on_ok(self, result: Any) -> None:
        self._result(result, "changed" if result._result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._result(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._result(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._result(result, "unreachable")

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._write(status="no hosts")

    def v2_playbook_on_stats(self, stats: Any) -> None:  # noqa: ARG002 - Ansible's signature
        self._write(status="end")


def _sentence(values: dict[str, Any]) -> str:
    """Return what went wrong; of a loop, the first item's."""
    for item in values.get("results", []):
        if isinstance(item, dict) and item.get("failed"):
            return _sentence(item)
    said = str(values.get("msg") or values.get("stderr") or values.get("module_stderr") or values)
    detail = str(values.get("stderr") or "").strip()
    return f"{said} {detail}".strip() if detail and detail not in said else said
