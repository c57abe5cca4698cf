#!/usr/bin/env python3
"""secret.py KEY_FILE PID [end]: where a key lies in the memory of a process, as root sees it.

Prints a line for each finding: the part of the key ("seed", "key", "scalar", "prefix": the last two are what
Ed25519 signs with, RFC 8032, 5.1.5), and the mapping with its flags. Every mapping is read, so are stacks,
heaps and guard pages. Ends with "searched N bytes".

With "end" it waits for the process to come to its end by itself (a line "waiting" says that it does), and looks
in its last moment, when it has run its last instruction and still has its memory."""
import ctypes
import hashlib
import os
import re
import sys

PTRACE_CONT, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_EVENT_EXIT, PTRACE_O_TRACEEXIT = 7, 17, 0x4206, 6, 0x40


def parts_of(path):
    key = open(path, "rb").read()[4:68]
    hashed = hashlib.sha512(key[:32]).digest()
    clamped = bytes([hashed[0] & 248]) + hashed[1:31] + bytes([hashed[31] & 63 | 64])
    # Halves of 16 bytes: what a register held that was put aside.
    return {"seed": key[:16], "seed's end": key[16:32], "scalar": clamped[1:17], "scalar's end": hashed[17:31],
            "prefix": hashed[32:48], "prefix's end": hashed[48:]}


def mappings(pid):
    """(first, last, line, flags) of each."""
    found, head = [], None
    for line in open(f"/proc/{pid}/smaps"):
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            head = line.strip()
        elif line.startswith("VmFlags:"):
            first, last = (int(x, 16) for x in head.split()[0].split("-"))
            found.append((first, last, head, line.split()[1:]))
    return found


def search(pid, parts):
    searched = 0
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    for first, last, head, flags in mappings(pid):
        if "[vsyscall]" in head or "[vvar" in head:
            continue
        try:
            data = os.pread(memory, last - first, first)
        except OSError:
            print(f"unread: {head} {' '.join(flags)}")
            continue
        searched += len(data)
        for name, part in parts.items():
            if part in data:
                print(f"{name}: {head} {' '.join(flags)}")
    print(f"searched {searched} bytes")


def ptrace(request, pid, data=0):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, pid, None, data) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def wait_for_end(pid):
    ptrace(PTRACE_SEIZE, pid, PTRACE_O_TRACEEXIT)
    print("waiting", flush=True)
    while True:
        _, status = os.waitpid(pid, 0x40000000)  # __WALL
        if status >> 16 == PTRACE_EVENT_EXIT:
            return
        ptrace(PTRACE_CONT, pid, os.WSTOPSIG(status))


def main():
    parts, pid = parts_of(sys.argv[1]), int(sys.argv[2])
    if len(sys.argv) > 3:
        wait_for_end(pid)
    search(pid, parts)
    if len(sys.argv) > 3:
        ptrace(PTRACE_DETACH, pid)


main()
