#!/usr/bin/env python3
"""descriptors.py HOLDERS SUSPECTS: which descriptors of the suspects are those of the holders.

Both are pids, with commas between them. Two descriptors are the same when the kernel has one open file for both
(kcmp(2)), however often the same thing has been opened. A line for each finding; ends with "compared N"."""
import ctypes
import os
import platform
import sys

KCMP = {"x86_64": 312, "aarch64": 272}[platform.machine()]
KCMP_FILE = 0

libc = ctypes.CDLL(None, use_errno=True)


def same(a, fd_a, b, fd_b):
    r = libc.syscall(KCMP, a, b, KCMP_FILE, ctypes.c_ulong(fd_a), ctypes.c_ulong(fd_b))
    if r < 0:
        raise OSError(ctypes.get_errno(), "kcmp")
    return r == 0


def descriptors(pid):
    return {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}


def main():
    holders, suspects = ([int(pid) for pid in pids.split(",")] for pids in sys.argv[1:])
    compared = 0
    for suspect in suspects:
        for fd, what in sorted(descriptors(suspect).items()):
            for holder in holders:
                held = [] if holder == suspect else descriptors(holder)
                compared += len(held)
                for other in held:
                    if same(suspect, fd, holder, other):
                        print(f"{fd} of {suspect} is {other} of {holder}: {what}")
    print(f"compared {compared}")


main()
