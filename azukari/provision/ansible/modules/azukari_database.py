"""A PostgreSQL database as one script says: run in one transaction, which is kept only when it changed anything.

The script takes back and gives anew what is there already, so that its own word for “changed” would mean nothing: what
the catalogues say before and after it is compared instead. In check mode nothing is kept, and nothing else differs.
"""

import json
import subprocess

from ansible.module_utils.basic import AnsibleModule

PSQL = ["runuser", "-u", "postgres", "--", "psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]
SECONDS = 60


def run(statements, database="postgres"):
    """Return what psql printed.

    Raises:
        RuntimeError: says what the server said.
    """
    command = [*PSQL, "--set=ON_ERROR_STOP=1", f"--dbname={database}"]
    try:
        done = subprocess.run(
            command, input=statements, capture_output=True, text=True, check=False, timeout=SECONDS, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"psql gave no answer: {error}") from error
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip())
    return done.stdout


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def transaction(state, script, verifiers, keep):
    """Return what psql is told: the state, the script, the state again, and whether it is kept."""
    # Of verifiers and values nothing may come into the server's log.
    silent = "SET LOCAL log_statement = 'none'; SET LOCAL pgaudit.log = 'none'; SET LOCAL log_min_messages = panic;"
    passwords = "".join(f'ALTER ROLE "{name}" PASSWORD {quoted(text)};\n' for name, text in verifiers.items())
    return "\n".join(
        [
            "SET client_min_messages = error;", "BEGIN;", silent, "SELECT pg_advisory_xact_lock(20260401);",
            f"{state};", script, passwords, f"{state};", "COMMIT;" if keep else "ROLLBACK;",
        ]
    )  # fmt: skip


def states(said):
    """Return the state before and the state after."""
    found = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    if len(found) != 2:
        raise RuntimeError(f"psql answered with {len(found)} states instead of two")
    return found


def differences(before, after):
    """Return a sentence for each difference; never a value, which may be a password's verifier."""
    gone = [f"{what}: goes" for what in before if what not in after]
    new = [f"{what}: comes" for what in after if what not in before]
    return sorted(gone + new + [f"{what}: changes" for what in before if what in after and before[what] != after[what]])


def main():
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "str", "required": True},
            "script": {"type": "str", "required": True},
            "state": {"type": "str", "required": True},
            "verifiers": {"type": "dict", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    database = given["database"]
    try:
        there = database in run("SELECT datname FROM pg_database").split()
    except RuntimeError as error:
        if module.check_mode:  # a server that this very run will bring, or start
            module.exit_json(changed=True, msg=f"the database cannot be asked yet: {error}")
        module.fail_json(msg=f"The database cannot be asked: {error}")
    if not there and module.check_mode:
        module.exit_json(changed=True, differences=[f"database {database}: comes"])
    try:
        if not there:
            run(f'CREATE DATABASE "{database}" TEMPLATE template0')
        before, after = states(
            run(transaction(given["state"], given["script"], given["verifiers"], keep=False), database)
        )
        found = differences(before, after)
        if found and not module.check_mode:
            run(transaction(given["state"], given["script"], given["verifiers"], keep=True), database)
    except RuntimeError as error:
        module.fail_json(msg=f"The database {database} stays as it was: {error}")
    if not there:
        found = [f"database {database}: comes", *found]
    result = {"changed": bool(found), "differences": found}
    if module._diff:
        result["diff"] = [{"prepared": "".join(f"{one}\n" for one in found)}]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
