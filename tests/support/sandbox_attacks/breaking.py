"""Attacks that forge results, disturb programs, leave files or exhaust the machine. See the package's docstring."""

from __future__ import annotations

from support.sandbox_attacks.base import KILLED, REFUSED, SLOW, does, tries

WRONG_PLACE = "the program wrote something else where its result belongs"
FRAMES = "import struct\nframe = lambda kind, text: struct.pack('>cI', kind, len(text)) + text\n"


def to_everything(data: str, *then: str) -> str:
    """A program that writes ``data`` to every descriptor."""
    return FRAMES + does(
        "for fd in range(64):",
        "    try: os.write(fd, " + data + ")",
        "    except OSError: pass",
        *then,
    )


FORGING = [
    (
        "frame",
        "answer in the channel's format: it counts as its answer, no more",
        "forged",
        to_everything("frame(b'T', b'forged')", "return 'x'"),
    ),
    (
        "early-frame",
        "answer before it is loaded",
        WRONG_PLACE,
        FRAMES
        + "import os\nfor fd in range(64):\n    try: os.write(fd, frame(b'T', b'yes'))\n    except OSError: pass\n",
    ),
    ("garbage", "write noise on the channel", WRONG_PLACE, to_everything("b'#' * 99", "return 'x'")),
    ("endless-frame", "announce four gigabytes", WRONG_PLACE, to_everything("b'T' + b'\\xff' * 4", "time.sleep(9)")),
    (
        "dripping-frame",
        "answer a byte at a time, for ever",
        SLOW,
        to_everything(
            "b'T\\0\\0\\xff\\xff'",
            "while True:",
            "    time.sleep(0.01)",
            "    for fd in range(3, 64): tried(lambda: os.write(fd, b'x'))",
        ),
    ),
    (
        "unsafe-frame",
        "claim that the sandbox is broken, to stop the run",
        WRONG_PLACE,
        FRAMES + "import os\nfor fd in range(64):\n    try: os.write(fd, frame(b'X', b''))\n    except OSError: pass\n",
    ),
    (
        "pure-frame",
        "claim to be a pure program, which gets more inputs, and read them",
        WRONG_PLACE,
        FRAMES + "import os\nfor fd in range(64):\n    try: os.write(fd, frame(b'P', b'') + frame(b'L', b'') + "
        "frame(b'T', b'yes')); print(os.read(fd, 99))\n    except OSError: pass\n",
    ),
    (
        "more-inputs",
        "answer, wait for whatever else comes over the channel, and show it",
        "yes",
        FRAMES
        + "import os\ndef solve(s):\n    for fd in range(3, 64):\n        try: os.write(fd, frame(b'T', b'yes'))\n"
        "        except OSError: continue\n        os.write(fd, frame(b'T', os.read(fd, 99)))\n",
    ),
    ("closed-descriptors", "close everything", KILLED + "|OSError.*", does("os.closerange(0, 1024)", "return 'yes'")),
    (
        "shut-channel",
        "shut the channel down",
        KILLED,
        does("for fd in range(3, 64): tried(lambda: socket.socket(fileno=fd).shutdown(2))", "return 'yes'"),
    ),
    (
        "descriptors-in-frames",
        "send descriptors through the channel",
        "x",
        does(
            "for fd in range(3, 64): tried(lambda: socket.send_fds(socket.socket(fileno=os.dup(fd)), [b''], [0]))",
            "return 'x'",
        ),
    ),
    ("quiet-exit", "end without an answer", KILLED, does("os._exit(0)")),
    ("exit-at-load", "end while it is loaded", KILLED, "import os\nos._exit(0)\n"),
    ("printing-at-exit", "print when it is all over", "", does("import atexit", "atexit.register(print, 'yes')")),
    (
        "late-thread",
        "answer again from a thread",
        "x",
        FRAMES
        + does(
            "import threading",
            "def late():",
            "    time.sleep(0.2)",
            "    for fd in range(64): tried(lambda: os.write(fd, frame(b'T', b'yes')))",
            "threading.Thread(target=late).start()",
            "return 'x'",
        ),
    ),
    (
        "equal-to-all",
        "return an object that equals everything",
        "<.*Any object.*>",
        "class Any:\n    def __eq__(self, other): return True\ndef solve(s):\n    return Any()\n",
    ),
    (
        "odd-text",
        "return text that claims to be other text",
        "no",
        "class S(str):\n    def __str__(self): return self\n    def encode(self, *a): return b'yes'\n"
        "def solve(s):\n    return S('no')\n",
    ),
    (
        "endless-text",
        "return an object whose text never ends",
        SLOW,
        "class S:\n    def __str__(self):\n        while True: pass\ndef solve(s):\n    return S()\n",
    ),
    (
        "pickle",
        "return bytes that run when unpickled",
        "b'.*",
        does(
            "import pickle",
            "class P:",
            "    def __reduce__(self): return os.system, ('touch @FILE@.hit',)",
            "return pickle.dumps(P())",
        ),
    ),
    (
        "patched-builtins",
        "replace what the caller uses",
        "x",
        "import builtins, os\nbuiltins.isinstance = lambda *a: True\nos.read = lambda *a: b''\n"
        "def solve(s):\n    return 'x'\n",
    ),
]
OTHERS = [
    ("kill-all", "signal every process there is", "refused: ProcessLookupError|GOT None", tries("os.kill(-1, 9)")),
    ("kill-group", "signal its process group", KILLED, does("os.killpg(0, 9)")),
    ("kill-parent", "signal its parent", KILLED + "|refused.*", does("os.kill(os.getppid(), 9)", "return 'refused'")),
    ("kill-first", "signal the namespace's first process", "refused.*|GOT None", tries("os.kill(1, 9)")),
    (
        "interrupt-first",
        "set off a handler in it",
        "refused.*|GOT .*",
        does("import signal", "return tried(lambda: [os.kill(1, n) for n in range(1, 65)])"),
    ),
    ("kill-trainer", "signal the process that scores", "refused.*|GOT None", tries("os.kill(@PARENT@, 9)")),
    ("kill-bystander", "signal somebody else's process", REFUSED, tries("os.kill(@BYSTANDER@, 9)")),
    (
        "trace",
        "trace another process",
        REFUSED,
        tries("call(101, 117, 16, 1, 0, 0)", "call(101, 117, 0x4206, 1, 0, 0)"),
    ),
    ("trace-a-child", "trace even its own child", REFUSED, tries("call(101, 117, 0, 0, 0, 0)")),
    ("read-memory", "read another process's memory", REFUSED, tries("call(310, 270, 1, 0, 0, 0, 0, 0)")),
    ("write-memory", "write another process's memory", REFUSED, tries("call(311, 271, 1, 0, 0, 0, 0, 0)")),
    (
        "take-descriptors",
        "take another process's descriptors",
        REFUSED,
        tries("call(438, 438, os.pidfd_open(1), 0, 0)"),
    ),
    ("die-later", "clear the signal that ends it", "GOT 0", tries("called(libc.prctl(1, 0, 0, 0, 0))")),
    (
        "slow-others-down",
        "change the server's priority",
        "refused.*|GOT None",
        tries("os.setpriority(os.PRIO_PROCESS, @PARENT@, 19)"),
    ),
]
LEFTOVERS = [
    (
        "double-fork",
        "leave a daemon",
        "x",
        does(
            "if os.fork() == 0:",
            "    os.setsid()",
            "    if os.fork() == 0: time.sleep(600)",
            "    os._exit(0)",
            "return 'x'",
        ),
    ),
    (
        "deaf-daemon",
        "leave one that ignores every signal",
        "x",
        does(
            "import signal",
            "if os.fork() == 0:",
            "    os.setsid()",
            "    for n in range(1, 65): tried(lambda: signal.signal(n, signal.SIG_IGN))",
            "    while True: pass",
            "return 'x'",
        ),
    ),
    (
        "shell-jobs",
        "leave jobs of a shell",
        "x",
        does("os.system('while :; do :; done & while :; do :; done &')", "return 'x'"),
    ),
    (
        "thread",
        "leave a thread that never ends",
        "x",
        does("import threading", "threading.Thread(target=time.sleep, args=(600,)).start()", "return 'x'"),
    ),
    ("adopted", "leave a child to the fork server", REFUSED, tries("call(56, 220, 0x8000 | 17, 0, 0, 0, 0)")),
    ("stopped", "stop itself", SLOW, does("os.kill(os.getpid(), 19)", "return 'x'")),
    ("core", "leave a core", KILLED, does("os.abort()")),
]
EXHAUSTION = [
    ("memory", "take all memory", "MemoryError.*", does("return len(bytearray(1 << 30))")),
    (
        "memory-by-processes",
        "take all memory, a part in each process",
        "used more than .*|" + KILLED,
        does(
            "for _ in range(30):",
            "    if os.fork() == 0:",
            "        x = bytearray(200 << 20); time.sleep(60)",
            "time.sleep(60)",
        ),
    ),
    (
        "shared-memory",
        "take all memory in shared pages",
        "OSError.*|MemoryError.*|ValueError.*",
        does(
            "import mmap",
            "xs = []",
            "while True:",
            "    xs.append(mmap.mmap(-1, 1 << 26))",
        ),
    ),
    ("memory-files", "take all memory in files of no folder", REFUSED, tries("os.memfd_create('x')")),
    (
        "disk",
        "fill the disk",
        "OSError.*No space.*",
        does("for n in range(10**6):", "    with open(str(n), 'wb') as f: f.write(bytes(1 << 23))"),
    ),
    (
        "big-file",
        "write one endless file",
        "OSError.*File too large.*",
        does("with open('x', 'wb') as f:", "    while True: f.write(bytes(1 << 22))"),
    ),
    (
        "files",
        "use up the file system's entries",
        "OSError.*No space.*",
        does("for n in range(10**6): os.close(os.open(str(n), os.O_CREAT))"),
    ),
    (
        "descriptors",
        "use up the descriptors",
        "OSError.*Too many open files.*",
        does("xs = []", "while True: xs.append(os.pipe())"),
    ),
    (
        "fork-bomb",
        "fork without end",
        KILLED + "|x",
        does("while True:", "    try: os.fork()", "    except OSError: pass"),
    ),
    (
        "fork-chain",
        "fork for ever, one at a time",
        SLOW,
        does("while True:", "    pid = os.fork()", "    if pid == 0: os._exit(0)", "    os.waitpid(pid, 0)"),
    ),
    (
        "thread-bomb",
        "start threads without end",
        "RuntimeError: can't start new thread",
        does("import threading", "while True: threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"),
    ),
    ("busy", "compute for ever", SLOW, does("while True: pass")),
    (
        "deaf-and-busy",
        "compute for ever, whatever is raised",
        SLOW,
        does("while True:", "    try:", "        while True: pass", "    except BaseException: pass"),
    ),
    (
        "busy-in-c",
        "compute for ever where no signal is looked at",
        SLOW,
        does("import re", "return re.match('(a+)+b', 'a' * 99)"),
    ),
    ("sleep", "sleep", SLOW, does("time.sleep(600)")),
    ("flood", "print without end", "OSError.*", does("while True: print('x' * 99999)")),
    ("long-answer", "answer at length", "the answer is longer than .*", does("return 'x' * (1 << 23)")),
    (
        "deep",
        "recurse without end",
        "RecursionError.*|" + KILLED,
        does("sys.setrecursionlimit(10**9)", "f = lambda: f()", "return f()"),
    ),
    ("crash", "crash the interpreter", KILLED, does("return ctypes.string_at(1)")),
    ("busy-at-load", "compute for ever while it is loaded", SLOW, "while True: pass\n"),
]
