"""What honest programs need is there: the standard library, real standard input, processes, threads, files."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from loopholes.sandbox import Limits, Program, run_programs

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="programs run in forked processes"),
    pytest.mark.usefixtures("isolation"),
]
PATIENT = Limits(test_seconds=60)
IMPORTS = """
import importlib, io, sys
def solve(*unused):
    found = []
    kept, sys.stdout = sys.stdout, io.StringIO()
    for name in sorted(sys.stdlib_module_names - {"antigravity", "this", "idlelib"}):
        try: importlib.import_module(name)
        except ImportError: continue
        found.append(name)
    sys.stdout = kept
    print(" ".join(found))
"""


def answer(source: str, given: str = "x") -> str:
    (program,) = run_programs([Program(source, "solve", (given,))], limits=PATIENT)
    (result,) = program.results
    assert result.text is not None, result.failure
    return result.text


def test_the_whole_standard_library_imports_as_it_does_outside() -> None:
    command = [os.path.realpath(sys.executable), "-I", "-S", "-c", IMPORTS + "solve()"]
    outside = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert set(outside.split()) - set(answer(IMPORTS).split()) == set()
    assert len(outside.split()) > 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("import multiprocessing as m\n    return m.get_context('fork').Pool(2).map(abs, [-1, 2])", "[1, 2]"),
        ("import multiprocessing as m\n    return m.get_context('spawn').Pool(1).apply(abs, [-1])", "1"),
        ("import multiprocessing as m\n    q = m.Queue(); q.put(3); return q.get()", "3"),
        ("import concurrent.futures as f\n    return list(f.ThreadPoolExecutor(4).map(abs, [-1, 2]))", "[1, 2]"),
        ("import concurrent.futures as f\n    return list(f.ProcessPoolExecutor(2).map(abs, [-1, 2]))", "[1, 2]"),
        ("import threading\n    t = threading.Thread(target=print, args=('t',)); t.start(); t.join()", "t"),
        ("import asyncio\n    return asyncio.run(asyncio.sleep(0, 4))", "4"),
        ("import socket\n    a, b = socket.socketpair(); a.send(b'x'); return b.recv(1)", "b'x'"),
        ("import tempfile\n    with tempfile.TemporaryFile() as f: return f.write(b'x')", "1"),
        ("import tempfile, os\n    with tempfile.TemporaryDirectory() as d: return os.listdir(d)", "[]"),
        ("open('/tmp/x', 'w').write('hi'); open('y', 'w')\n    return open('/tmp/x').read()", "hi"),
        ("import subprocess as p, sys\n    return p.getoutput(f'{sys.executable} -c \"print(7)\"')", "7"),
        ("import subprocess\n    return subprocess.check_output('echo $((3 + 4))', shell=True, text=True)", "7"),
        ("import sqlite3\n    return sqlite3.connect('d.sqlite').execute('select 1 + 1').fetchone()", "(2,)"),
        ("import decimal, fractions\n    return decimal.Decimal('0.1') + 1, fractions.Fraction(1, 3)", None),
        ("import zoneinfo\n    return zoneinfo.ZoneInfo('UTC')", "UTC"),
        ("import hashlib, ssl, lzma, bz2, zlib\n    return hashlib.sha256(b'').hexdigest()[:4]", "e3b0"),
        ("import getpass, pwd, os\n    return pwd.getpwuid(os.getuid()).pw_name", "program"),
        ("import uuid, secrets, random\n    return len(secrets.token_hex(4))", "8"),
        ("import signal as s\n    s.signal(s.SIGALRM, lambda *a: print('rang')); s.alarm(1); s.pause()", "rang"),
        ("import os\n    try: os.kill(os.getpid(), 2)\n    except KeyboardInterrupt: return 'caught'", "caught"),
        ("import os\n    pid = os.fork()\n    if pid == 0: os._exit(3)\n    return os.waitpid(pid, 0)[1] >> 8", "3"),
        ("import time, datetime\n    return datetime.datetime.now().year > 2000", "True"),
    ],
)  # fmt: skip
def test_an_honest_program_works(body: str, expected: str | None) -> None:
    found = answer(f"def solve(*unused):\n    {body}\n")
    assert expected is None or found.strip() == expected


@pytest.mark.parametrize(
    "read",
    [
        "sys.stdin.read()",
        "open(0).read()",
        "open('/dev/stdin').read()",
        "os.read(0, 99).decode()",
        "''.join(sys.stdin)",
        "sys.stdin.buffer.read().decode()",
        "subprocess.check_output([sys.executable, '-c', 'print(input(), end=str())'], text=True)",
        "'\\n'.join(iter(input, 'never')) if False else input()",
    ],
)
def test_standard_input_is_a_real_file(read: str) -> None:
    assert answer(f"import os, subprocess, sys\ndef solve():\n    return {read}\n", "one line") == "one line"


def test_a_large_input_arrives_whole() -> None:
    given = "7 " * (2 << 20)
    assert answer("import sys\ndef solve():\n    return sum(map(int, sys.stdin.read().split()))", given) == str(
        7 * (2 << 20)
    )
