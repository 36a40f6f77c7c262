"""Which system calls a program may not make: a filter in the kernel's own form, assembled here.

pyseccomp would need libseccomp to be installed beside it, which few machines have; what it would save is the forty
lines below that turn a table into jumps. Denied calls fail with EPERM and do not kill: honest libraries probe and
continue, and a hostile program gains nothing by continuing. Any other instruction set's calls (32-bit, x32) end the
process.

The filter denies by list up to NEWEST_CALL, and everything above that (ENOSYS, as if the kernel did not have it), so
that a future kernel opens nothing. Each call up to there was decided on: tests/sandbox/test_filter.py lists those
that are allowed, and fails for a call in neither list. docs/sandbox.md says why this is not a list of
what is allowed.

The fork server lives under the same filter, which is why four calls are allowed in the one form in which it makes
them (a new pid namespace, the way back, a mount and its removal): a program that makes them lacks the capability, and
Landlock refuses mounts once more.
"""

from __future__ import annotations

import ctypes
import os
import struct

from loopholes.sandbox.inside import kernel

MACHINES = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}
NEWEST_CALL = 462
FOREIGN_BIT = 0x40000000
EPERM, ENOSYS = 1, 38
ALLOW, ERROR, KILL = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, EQUAL, GREATER, ANY_BIT, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
NUMBER, MACHINE, ARGUMENTS = 0, 4, 16
AF_UNIX = 1
# Every flag of clone that makes a namespace, and CLONE_PARENT, whose child would be the fork server's.
FORBIDDEN_TO_CLONE = 0x7E020000 | 0x8000

# Name: number on x86-64, number on aarch64 (None where there is no such call).
DENIED: dict[str, tuple[int | None, int | None]] = {
    # Other processes' memory, files and execution.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # Large and often broken parts of the kernel, of no use to an honest program.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "modify_ldt": (154, None),
    "personality": (135, 92),
    "uselib": (134, None),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "sysfs": (139, None),
    "splice": (275, 76),
    "tee": (276, 77),
    "vmsplice": (278, 75),
    "remap_file_pages": (216, 234),
    "io_setup": (206, 0),
    "io_destroy": (207, 1),
    "io_submit": (209, 2),
    "io_cancel": (210, 3),
    "io_getevents": (208, 4),
    "io_pgetevents": (333, 292),
    "map_shadow_stack": (453, 453),
    "lsm_get_self_attr": (459, 459),
    "lsm_set_self_attr": (460, 460),
    "lsm_list_modules": (461, 461),
    "_sysctl": (156, None),
    "ustat": (136, None),
    # Keys, System V objects, message queues and memory files: they outlive a process or escape its limits.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184),
    "mq_getsetattr": (245, 185),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # Files and mounts outside the file tree.
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    # The machine.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "get_mempolicy": (239, 236),
    "set_mempolicy_home_node": (450, 450),
    "process_mrelease": (448, 448),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}
# Name: the numbers, which argument, and its only allowed value.
ONLY: dict[str, tuple[tuple[int, int], int, int]] = {
    "socket": ((41, 198), 0, AF_UNIX),
    "socketpair": ((53, 199), 0, AF_UNIX),
    "unshare": ((272, 97), 0, kernel.NEW_PIDS),
    "setns": ((308, 268), 1, kernel.NEW_PIDS),
    "mount": ((165, 40), 3, kernel.NO_SUID | kernel.NO_DEVICES),
    "umount2": ((166, 39), 1, kernel.DETACH | kernel.NO_FOLLOW),
}
CLONE = (56, 220)
CLONE3 = 435  # its flags are in memory, which a filter cannot read: the C library falls back on clone


def _step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)


def _for_argument(number: int, argument: int, test: bytes, allowed_if_true: bool) -> list[bytes]:
    """Five steps that decide a call by one argument's low word; for any other call they skip to the end."""
    answers = [ALLOW, ERROR | EPERM] if allowed_if_true else [ERROR | EPERM, ALLOW]
    load = _step(LOAD, ARGUMENTS + 8 * argument)
    return [_step(EQUAL, number, 0, 4), load, test, *(_step(RETURN, answer) for answer in answers)]


def program(machine: str) -> bytes:
    """The filter for ``machine``; raises KeyError if it is not in the table."""
    column, audited, _ = MACHINES[machine]
    steps = [_step(LOAD, MACHINE), _step(EQUAL, audited, 1, 0), _step(RETURN, KILL), _step(LOAD, NUMBER)]
    steps += [_step(GREATER, FOREIGN_BIT - 1, 0, 1), _step(RETURN, KILL)]
    steps += [_step(GREATER, NEWEST_CALL, 1, 0), _step(EQUAL, CLONE3, 0, 1), _step(RETURN, ERROR | ENOSYS)]
    for numbers, argument, value in ONLY.values():
        steps += _for_argument(numbers[column], argument, _step(EQUAL, value, 0, 1), True)
    steps += _for_argument(CLONE[column], 0, _step(ANY_BIT, FORBIDDEN_TO_CLONE, 0, 1), False)
    denied = [number for numbers in DENIED.values() if (number := numbers[column]) is not None]
    steps += [_step(EQUAL, number, len(denied) - place, 0) for place, number in enumerate(denied)]
    return b"".join([*steps, _step(RETURN, ALLOW), _step(RETURN, ERROR | EPERM)])


def install() -> None:
    """Put this process and everything it starts under the filter; needs no_new_privs. Raises OSError."""
    machine = os.uname().machine
    code = program(machine)
    # struct sock_fprog: the number of steps, and where they are.
    buffer = ctypes.create_string_buffer(code, len(code))
    pointer = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    set_mode_filter = 1
    kernel.call(MACHINES[machine][2], "filter system calls (seccomp)", set_mode_filter, 0, pointer)
