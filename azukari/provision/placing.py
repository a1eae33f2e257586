"""How azukari's other action plugins hand over to `azukari_files`, which places files and proves what it must."""

from typing import Any

from ansible.plugins.action import ActionBase


def files_plugin(action: ActionBase) -> Any:
    """Return the action plugin `azukari_files` for the same task, host and connection.

    Args:
        action: the plugin that has prepared what is to be placed.
    """
    return action._shared_loader_obj.action_loader.get(
        "azukari_files",
        task=action._task,
        connection=action._connection,
        play_context=action._play_context,
        loader=action._loader,
        templar=action._templar,
        shared_loader_obj=action._shared_loader_obj,
    )
