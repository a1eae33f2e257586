"""What must not be left behind: judges of dumps, swap and temporary files, with good answers and with bad ones."""

import copy
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from azukari.verify.authoring import NotApplicable, NotEvaluated
from checks import test_base_traces as judged

UNIT = {"LoadState": "loaded", "MainPID": "77", "LimitCORE": "0", "PrivateTmp": "yes", "NeedDaemonReload": "no"}
GOOD = {"units": {"nginx.service": UNIT}, "limits": {"nginx.service": ["0", "0"]}}
LIMITS = "Limit  Soft Limit  Hard Limit  Units\nMax stack size 8388608 unlimited bytes\nMax core file size {} bytes\n"


def host(groups=("web",), container="", answers=None):
    def command(argv, **_limits):
        words = " ".join(argv)
        said = next((said for key, said in (answers or {}).items() if key in words), None)
        return SimpleNamespace(exit_code=int(said is None), stdout=said or "", stderr="denied" if said is None else "")

    return SimpleNamespace(
        name="web",
        declared=SimpleNamespace(groups=groups),
        facts={"os": {"container": container}},
        command=command,
    )


def services(found):
    return judged.test_services_leave_nothing_behind(host(), found)


def test_services_that_leave_nothing_are_as_promised():
    assert services(GOOD) == "1 services, 1 of them running, none with a core dump"


def test_a_stopped_service_and_one_that_is_not_there_are_no_matter():
    found = {"units": {"a.service": {**UNIT, "MainPID": "0"}, "b.service": {"LoadState": "not-found"}}, "limits": {}}
    assert services(found).startswith("2 services, 0 of them running")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f["units"]["nginx.service"].update(LimitCORE="infinity"), "may leave core dumps .*infinity"),
        (lambda f: f["units"]["nginx.service"].pop("LimitCORE"), "may leave core dumps"),
        (lambda f: f["units"]["nginx.service"].update(PrivateTmp="no"), "shares /tmp"),
        (lambda f: f["units"]["nginx.service"].update(NeedDaemonReload="yes"), "not read its files"),
        (lambda f: f["limits"].update({"nginx.service": ["0", "unlimited"]}), "core dumps of 0 and unlimited"),
        (lambda f: f["limits"].update({"nginx.service": []}), "core dumps of nothing"),
    ],
)
def test_a_service_that_leaves_something_is_found(change, said):
    found = copy.deepcopy(GOOD)
    change(found)
    with pytest.raises(AssertionError, match=said):
        services(found)


def test_a_host_without_such_services_has_nothing_to_leave():
    with pytest.raises(NotApplicable):
        services(judged.dumping(host(groups=("bastion",))))


def test_limits_are_those_of_the_running_process():
    shown = "Id=nginx.service\n" + "".join(f"{key}={value}\n" for key, value in UNIT.items())
    answers = {"systemctl": shown, "/proc/77/limits": LIMITS.format("0 unlimited")}
    found = judged.dumping(host(answers=answers))
    assert found["limits"] == {"nginx.service": ["0", "unlimited"]}
    for now in ({"--value nginx.service": "77\n"}, {}):  # it runs, or systemd says nothing of it
        with pytest.raises(NotEvaluated, match="limits of nginx"):
            judged.dumping(host(answers=now | {"--timestamp": shown}))


def test_what_ended_meanwhile_has_no_limits_to_be_read():
    shown = "Id=nginx.service\n" + "".join(f"{key}={value}\n" for key, value in UNIT.items())
    assert judged.dumping(host(answers={"--value nginx.service": "0\n", "--timestamp": shown}))["limits"] == {}


SWAP = "Filename Type Size Used Priority\n{} partition 999 0 -2\n"
KERNEL = {"core_pattern": "core", "suid_dumpable": "0", "swaps": "Filename Type Size Used Priority", "mapped": {}}


def kernel(container="", **changed):
    return judged.test_memory_stays_in_memory(host(container=container), {**KERNEL, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"core_pattern": "|/usr/lib/systemd/systemd-coredump %P %u"},
        {"swaps": SWAP.format("/dev/dm-1"), "mapped": {"/dev/dm-1": "CRYPT-PLAIN-swap"}},
    ],
    ids=["nothing", "systemd's own", "encrypted"],
)
def test_memory_that_stays_in_memory(changed):
    assert kernel(**changed) == "no core dumps; swap is off or encrypted"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"core_pattern": "|/usr/share/apport/apport %p"}, "to a program whatever their limit"),
        ({"core_pattern": "|/usr/lib/systemd/systemd-coredump-x %p"}, "to a program"),
        ({"suid_dumpable": "2"}, "suid_dumpable is 2"),
        ({"swaps": SWAP.format("/dev/sda2")}, "/dev/sda2 takes memory in clear"),
        ({"swaps": SWAP.format("/swapfile")}, "/swapfile takes memory in clear"),
        ({"swaps": SWAP.format("/dev/dm-1"), "mapped": {"/dev/dm-1": "LVM-abc"}}, "/dev/dm-1 takes memory in clear"),
    ],
)
def test_memory_that_is_written_down_is_found(changed, said):
    with pytest.raises(AssertionError, match=said):
        kernel(**changed)


def test_in_a_lab_container_the_kernel_is_the_machines_own():
    with pytest.raises(NotApplicable, match="lab container"):
        kernel(container="systemd-nspawn", suid_dumpable="2")


def test_what_the_kernel_says_is_collected():
    uuid = "/sys/block/dm-1/dm/uuid:CRYPT-LUKS2-9f-swap\n"
    answers = {"core_pattern": "core\n", "suid_dumpable": "0\n", "swaps": KERNEL["swaps"] + "\n", "grep": uuid}
    assert judged.kernel_traces(host(answers=answers)) == {**KERNEL, "mapped": {"/dev/dm-1": "CRYPT-LUKS2-9f-swap"}}
    with pytest.raises(NotEvaluated, match="core_pattern"):
        judged.kernel_traces(host())


def test_a_drill_that_is_not_at_hand_is_the_contractors_to_show(lab_site):
    run = SimpleNamespace(judged_as="auditor", now=datetime.now(UTC))
    with pytest.raises(NotEvaluated, match="no drill is at hand"):
        judged.test_marks_were_left_nowhere(lab_site, run, [])
    run.judged_as = "contractor"
    with pytest.raises(AssertionError, match="never done"):
        judged.test_marks_were_left_nowhere(lab_site, run, [])


@pytest.mark.parametrize("step", ["15 marks after they were received, on db", "3 marks after each service, on web"])
def test_the_drills_searches_are_the_steps_that_count(step):
    assert judged.SEARCHED.match(step)
    assert not judged.SEARCHED.match("what is kept of an answer")
