"""The filter of system calls: each call is decided on, and what nobody has decided on does not exist."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopholes.sandbox.inside import seccomp

HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}
# What CPython, its standard library, /bin/sh and the C libraries use, or may use, and what does the same as that.
ALLOWED = set(
    """
accept accept4 access alarm arch_prctl bind brk cachestat capget capset chdir chmod chown clock_getres clock_gettime
clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl
epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64
fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork
fremovexattr fsetxattr fstat fstatat fstatfs fsync ftruncate futex futex_requeue futex_wait futex_waitv futex_wake
futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups
getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage
getsid getsockname getsockopt gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1
inotify_rm_watch ioctl ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self
lchown lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat madvise membarrier
mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mprotect mremap mseal msync munlock munlockall munmap
nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free
pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64 pselect6 pwrite64 pwritev pwritev2 read readahead
readlink readlinkat readv recvfrom recvmmsg recvmsg removexattr rename renameat renameat2 restart_syscall rmdir rseq
rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
sched_yield seccomp select sendfile sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address setfsgid
setfsuid setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid
setsockopt setuid setxattr shmdt shutdown sigaltstack signalfd signalfd4 stat statfs statx symlink symlinkat sync
sync_file_range syncfs sysinfo tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_settime
timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask uname unlink unlinkat utime utimensat
utimes vfork wait4 waitid write writev
""".split()
)
# Numbers that no kernel answers, and one macro of the generic header.
UNIMPLEMENTED = set(
    """
create_module get_kernel_syms query_module getpmsg putpmsg afs_syscall tuxcall security vserver epoll_ctl_old
epoll_wait_old arch_specific_syscall syscalls sync_file_range2
""".split()
)


def calls(machine: str) -> dict[str, int]:
    """Names and numbers of a machine's system calls, by the kernel's header, without those of 32-bit machines."""
    if not Path(HEADERS[machine]).exists():
        pytest.skip(f"{HEADERS[machine]} is not installed")
    text = Path(HEADERS[machine]).read_text()
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    return {name: number for name, number in numbers.items() if number not in range(403, 424)}


def steps(machine: str) -> Iterator[tuple[int, int, int, int]]:
    """The filter's instructions: code, jumps if true and if false, value."""
    yield from struct.iter_unpack("=HBBI", seccomp.program(machine))


def answer(machine: str, number: int, argument: int = 0) -> int:
    """What the filter says to a call, as the kernel would run it; each argument has the same value."""
    program, place, loaded = list(steps(machine)), 0, 0
    while True:
        code, if_so, if_not, value = program[place]
        if code == seccomp.RETURN:
            return value
        if code == seccomp.LOAD:
            audited = seccomp.MACHINES[machine][1]
            loaded = {seccomp.NUMBER: number, seccomp.MACHINE: audited}.get(value, argument)
            place += 1
            continue
        holds = {
            seccomp.EQUAL: loaded == value,
            seccomp.GREATER: loaded > value,
            seccomp.ANY_BIT: bool(loaded & value),
        }[code]
        place += 1 + (if_so if holds else if_not)


@pytest.mark.parametrize("machine", HEADERS)
def test_each_call_of_the_kernel_is_decided_on(machine: str) -> None:
    decided = ALLOWED | UNIMPLEMENTED | seccomp.DENIED.keys() | seccomp.ONLY.keys() | {"clone", "clone3"}
    numbers = calls(machine)
    assert {name for name, number in numbers.items() if number <= seccomp.NEWEST_CALL} - decided == set()
    assert ALLOWED.isdisjoint(seccomp.DENIED.keys() | seccomp.ONLY.keys())
    assert {answer(machine, numbers[name]) for name in ALLOWED & numbers.keys()} == {seccomp.ALLOW}


@pytest.mark.parametrize("machine", HEADERS)
def test_a_call_on_the_list_is_refused_and_one_that_is_newer_than_the_list_does_not_exist(machine: str) -> None:
    column = seccomp.MACHINES[machine][0]
    refused = [numbers[column] for numbers in seccomp.DENIED.values()]
    errors = {answer(machine, number) for number in refused if number is not None}
    assert errors == {seccomp.ERROR | seccomp.EPERM}
    newer = {answer(machine, number) for number in (seccomp.CLONE3, seccomp.NEWEST_CALL + 1, 1000, 0x3FFFFFFF)}
    assert newer == {seccomp.ERROR | seccomp.ENOSYS}
    assert answer(machine, seccomp.FOREIGN_BIT) == seccomp.KILL


@pytest.mark.parametrize("name", seccomp.ONLY)
@pytest.mark.parametrize("machine", HEADERS)
def test_a_call_with_one_allowed_form_is_refused_in_any_other(machine: str, name: str) -> None:
    numbers, _, value = seccomp.ONLY[name]
    number = numbers[seccomp.MACHINES[machine][0]]
    assert answer(machine, number, value) == seccomp.ALLOW
    assert answer(machine, number, value + 1) == seccomp.ERROR | seccomp.EPERM
