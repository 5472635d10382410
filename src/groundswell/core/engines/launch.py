"""Become another program that dies with its parent and, for PostgreSQL, is not root.

Run as a script by ``python -I -S`` (standard library only, starts in about 20 ms):
``launch.py --parent PID [--death SIGNAL] [--namespace UID:GID | --user UID:GID] -- argv…``
"""

import argparse
import ctypes
import os
import signal
import struct
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CLONE_NEWUSER = 0x10000000
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def enter_namespace(uid: int, gid: int) -> None:
    """Appear as ``uid`` to ourselves while the kernel keeps our own rights on files.

    Raises:
        OSError: user namespaces are forbidden here.
    """
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call(_libc().unshare(CLONE_NEWUSER), "unshare")
    _put("/proc/self/setgroups", "deny")
    _put("/proc/self/uid_map", f"{uid} {outer_uid} 1")
    _put("/proc/self/gid_map", f"{gid} {outer_gid} 1")


def _put(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def drop_to(uid: int, gid: int) -> None:
    """Become ``uid`` for good, keeping only the right to reach files.

    A virtual environment or a home under a 0700 folder of root stays reachable that way, and
    nothing has to be copied.

    Raises:
        OSError: not root, or the container withholds CAP_SETUID or CAP_DAC_OVERRIDE.
    """
    libc = _libc()
    _call(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities")
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    bit = 1 << CAP_DAC_OVERRIDE
    _call(libc.capset(header, struct.pack("=6I", bit, bit, bit, 0, 0, 0)), "set capabilities")
    raised = libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)
    _call(raised, "keep the right to reach files")


def die_with(parent: int, death: int) -> None:
    """Have the kernel send ``death`` when ``parent`` dies. Linux only; elsewhere nothing."""
    if sys.platform != "linux":
        return
    _call(_libc().prctl(PR_SET_PDEATHSIG, death, 0, 0, 0), "die with the parent")
    if os.getppid() != parent:
        raise SystemExit("The parent is gone.")


def _pair(text: str) -> tuple[int, int]:
    uid, _, gid = text.partition(":")
    return int(uid), int(gid)


def main() -> None:
    """Read the arguments, change what they ask for, become the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death", type=int, default=signal.SIGTERM)
    parser.add_argument("--namespace", type=_pair)
    parser.add_argument("--user", type=_pair)
    parser.add_argument("argv", nargs="+")
    options = parser.parse_args()
    if options.namespace:
        enter_namespace(*options.namespace)
    if options.user:
        drop_to(*options.user)
    # Last: changing who we are clears it.
    die_with(options.parent, options.death)
    os.execv(options.argv[0], options.argv)  # noqa: S606


if __name__ == "__main__":
    main()
