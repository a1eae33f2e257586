#!/bin/bash
# safeguard: LEAK-27
# host: all
# check: test_base.py::test_nothing_runs_from_shared_memory_or_tmp
# took: ! findmnt --noheadings --output OPTIONS /dev/shm | grep -q noexec
mount -o remount,exec,suid /dev/shm
