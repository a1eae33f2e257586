"""Builds, signs and puts in place the static release of the public pages; all on the controller but the last step.

  - azukari_release: {folder: /srv/azukari/release}

Each release has a folder of its own, named by its digest, and is whole before `current` is pointed at it.
"""

import base64
from pathlib import PurePosixPath
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from azukari.errors import AzukariError
from azukari.provision.derive import site_of
from azukari.provision.placing import files_plugin
from azukari.provision.release import build, signing_key


def arguments(folder: str, digest: str, contents: dict[str, bytes]) -> dict[str, Any]:
    """Return what `azukari_files` is to do: exactly these files below the release's folder, and no other release.

    Args:
        folder: where releases lie on the host.
        digest: the release's name.
        contents: by path below the web root.
    """
    root = f"{folder}/{digest}"
    paths = [f"{root}{path}" for path in sorted(contents)]
    folders = {str(above) for path in paths for above in PurePosixPath(path).parents if above.is_relative_to(root)}
    inside: dict[str, set[str]] = {one: set() for one in folders}
    for path in [PurePosixPath(one) for one in {*paths, *folders} - {root}]:
        inside[str(path.parent)].add(path.name)
    return {
        "directories": [{"path": str(PurePosixPath(folder).parent), "mode": "0755"}]
        + [{"path": path, "mode": "0755"} for path in [folder, *sorted(folders)]],
        "files": [
            {"path": f"{root}{path}", "content": base64.b64encode(contents[path]).decode(), "mode": "0644"}
            for path in sorted(contents)
        ],
        "links": [{"path": f"{folder}/current", "to": digest}],
        "only": [{"dir": folder, "pattern": "*", "keep": [digest, "current"]}]
        + [{"dir": one, "pattern": "*", "keep": sorted(names)} for one, names in sorted(inside.items())],
    }


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        super().run(tmp, variables)
        given = dict(self._task.args)
        if set(given) != {"folder"}:
            raise AnsibleActionFail(f"azukari_release takes exactly `folder`; found {sorted(given)}.")
        try:
            site = site_of(variables["inventory_dir"])
            release = build(site)
            contents = release.signed(signing_key(site))
        except AzukariError as error:
            raise AnsibleActionFail(error.message) from error
        placing = files_plugin(self)
        wanted = arguments(given["folder"], release.digest, contents) | {"what": self._task.get_name().strip()}
        result: dict[str, Any] = placing.run_prepared(wanted, variables)
        return result
