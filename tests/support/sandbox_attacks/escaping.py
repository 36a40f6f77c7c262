"""Attacks that try to break out of the namespaces. See the package's docstring."""

from __future__ import annotations

from support.sandbox_attacks.base import KILLED, PRELUDE, REFUSED, does, tries

ESCAPING = [
    ("user-namespace", "become root in a namespace of its own", REFUSED, tries("called(libc.unshare(0x10000000))")),
    ("user-namespace-by-clone", "the same by clone", REFUSED, tries("call(56, 220, 0x10000000 | 17, 0, 0, 0, 0)")),
    (
        "user-namespace-by-clone3",
        "the same where the filter cannot look",
        REFUSED,
        tries("call(435, 435, id(bytearray(120)), 88)"),
    ),
    (
        "pid-namespace",
        "make the namespace that the server may make",
        REFUSED,
        tries("called(libc.unshare(0x20000000))"),
    ),
    ("mount-namespace", "make a mount namespace", REFUSED, tries("called(libc.unshare(0x20000))")),
    (
        "enter-a-namespace",
        "enter another process's namespace",
        REFUSED,
        tries("called(libc.setns(os.pidfd_open(1), 0x20000000))", "called(libc.setns(os.pidfd_open(1), 0x10000000))"),
    ),
    (
        "mount",
        "mount as the server does",
        REFUSED,
        tries("called(libc.mount(b'x', b'/run/program', b'tmpfs', 6, b''))"),
    ),
    ("mount-proc", "mount /proc", REFUSED, tries("called(libc.mount(b'x', b'/run/program', b'proc', 6, b''))")),
    (
        "bind",
        "bind a folder over another",
        REFUSED,
        tries("called(libc.mount(b'/', b'/run/program/tmp', b'', 0x5000, b''))"),
    ),
    (
        "writable-again",
        "make the tree writable",
        REFUSED,
        tries("called(libc.mount(b'', b'/', b'', 32, b''))", "call(442, 442, -100, 0, 0, 0, 0)"),
    ),
    ("unmount", "take the scratch files away", REFUSED, tries("called(libc.umount2(b'/run/program', 10))")),
    (
        "unmount-the-mask",
        "uncover the installed packages",
        REFUSED,
        tries("called(libc.umount2((os.path.dirname(os.__file__) + '/site-packages').encode(), 10))"),
    ),
    ("chroot", "change the root", REFUSED, tries("os.chroot('.')")),
    ("pivot", "move the root", REFUSED, tries("call(155, 41, 0, 0)")),
    ("file-handles", "open files by handle", REFUSED, tries("call(304, 265, 3, id(bytearray(120)), 0)")),
    (
        "new-mount-calls",
        "use the newer mount calls",
        REFUSED,
        tries("call(428, 428, -100, 0, 1)", "call(430, 430, 0, 0)", "call(429, 429, 0, 0, 0, 0, 0)"),
    ),
    (
        "root",
        "become root",
        REFUSED,
        tries("os.setuid(0)", "os.setresuid(0, 0, 0)", "os.setgid(0)", "os.setgroups([0])"),
    ),
    (
        "capabilities",
        "take capabilities back",
        REFUSED,
        tries("call(126, 91, id(b'') + 32, id(b'') + 32)", "called(libc.prctl(47, 2, 21, 0, 0))"),
    ),
    (
        "bpf",
        "load a program into the kernel",
        REFUSED,
        tries("call(321, 280, 0, 0, 0)", "call(298, 241, 0, 0, -1, -1, 0)", "call(323, 282, 0)"),
    ),
    (
        "kernel-modules",
        "load a module, another kernel, a swap file",
        REFUSED,
        tries(
            "call(313, 273, 0, 0, 0)",
            "call(246, 104, 0, 0, 0, 0)",
            "call(167, 224, 0, 0)",
            "call(169, 142, 0, 0, 0, 0)",
        ),
    ),
    (
        "tomorrows-calls",
        "make a system call newer than the table",
        REFUSED,
        tries("call(463, 463, 0, 0, 0)", "call(999, 999)"),
    ),
    (
        "other-instruction-set",
        "make calls that the filter numbers otherwise",
        KILLED + "|refused.*",
        does("if os.uname().machine != 'x86_64': return 'refused'", "return tried(lambda: call(0x40000000 + 39, 0))"),
    ),
    (
        "32-bit-call",
        "make a 32-bit system call in machine code",
        KILLED + "|refused.*",
        PRELUDE + "import mmap\ndef solve(s):\n    if os.uname().machine != 'x86_64': return 'refused'\n"
        "    page = mmap.mmap(-1, 4096, prot=7)\n    page.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')\n"
        "    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()\n",
    ),
]
