"""The systemd units of a role, all in one round trip: enabled and running, stopped and disabled, or masked."""

import subprocess

from ansible.module_utils.basic import AnsibleModule


def properties(units):
    """Return {unit: {property: value}} by one question to systemd."""
    done = subprocess.run(
        ["systemctl", "show", "--property=Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload", "--", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in done.stdout.split("\n\n")
    ]
    return dict(zip(units, blocks, strict=False))


def steps(given, now):
    """Return what is to be done as [(systemctl verb, unit)]."""
    todo = []
    for unit in given["enabled"]:
        state = now.get(unit, {})
        if state.get("UnitFileState") == "masked":
            todo.append(("unmask", unit))
        # static and generated units cannot be enabled; they run because something wants them
        if state.get("UnitFileState") not in ("enabled", "static", "generated", "indirect", "alias", "enabled-runtime"):
            todo.append(("enable", unit))
        if state.get("ActiveState") not in ("active", "activating", "reloading"):
            todo.append(("start", unit))
    for unit in given["disabled"] + given["masked"]:
        state = now.get(unit, {})
        if state.get("ActiveState") in ("active", "activating", "reloading"):
            todo.append(("stop", unit))
        if unit in given["masked"]:
            if state.get("UnitFileState") != "masked":
                todo.append(("mask", unit))
        elif state.get("UnitFileState") in ("enabled", "enabled-runtime"):
            todo.append(("disable", unit))
    return todo


def main():
    lists = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={"enabled": lists, "disabled": lists, "masked": lists, "restarted": lists, "reloaded": lists},
        supports_check_mode=True,
    )
    given = module.params
    units = list(
        dict.fromkeys(given["enabled"] + given["disabled"] + given["masked"] + given["restarted"] + given["reloaded"])
    )
    now = properties(units)
    todo = steps(given, now)
    absent = [unit for unit in given["enabled"] if now.get(unit, {}).get("LoadState") == "not-found"]
    todo += [("reload-or-restart", unit) for unit in given["reloaded"]] + [
        ("restart", unit) for unit in given["restarted"]
    ]
    done = [f"{verb} {unit}" for verb, unit in todo]
    if module.check_mode:
        module.exit_json(changed=bool(todo), steps=done)
    reload_needed = any(state.get("NeedDaemonReload") == "yes" for state in now.values()) or absent
    if reload_needed:
        subprocess.run(["systemctl", "daemon-reload"], check=False)
        todo = steps(given, properties(units)) + todo[len(steps(given, now)) :]
    for verb, unit in todo:
        step = subprocess.run(["systemctl", verb, "--", unit], capture_output=True, text=True, check=False)
        if step.returncode:
            module.fail_json(msg=f"systemctl {verb} {unit}: {step.stderr.strip()}", steps=done)
    module.exit_json(changed=bool(todo), steps=done)


if __name__ == "__main__":
    main()
