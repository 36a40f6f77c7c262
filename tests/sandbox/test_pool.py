"""The pool outlives its processes, and says so when it cannot; how programs run is chosen in one place."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loopholes.cli import main
from loopholes.errors import ScoringError, UsageError
from loopholes.sandbox import Limits, Program, pool, run_programs
from loopholes.sandbox import server as servers
from loopholes.sandbox.inside import seccomp

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.usefixtures("isolation", "own_pool"),
]
HOLD = "import os, time\ndef solve(s):\n    time.sleep(0.6)\n    return s\n"


def below(pid: int) -> list[int]:
    """The processes that a process started, and those started, the nearest first."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    children = [int(word) for word in path.read_text().split()] if path.exists() else []
    return children + [other for child in children for other in below(child)]


def lives(pid: int) -> bool:
    """Is it there, and not merely waiting for somebody to notice that it ended?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("place", [0, 1, 2, 3], ids=["keeper", "fork server", "paused first process", "program"])
def test_a_run_goes_on_when_any_of_its_processes_is_killed(place: int, own_pool: pool.Pool) -> None:
    run_programs([Program("def solve(s):\n    return s", "solve", ("1",))])
    (server,) = own_pool.idle
    killed: list[int] = []

    def kill() -> None:
        while len(family := [server.process.pid, *below(server.process.pid)]) < 4:
            time.sleep(0.01)
        killed.append(family[place])
        os.kill(family[place], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    (answer,) = run_programs([Program(HOLD, "solve", ("'a'", "'b'"))])
    thread.join()
    assert killed
    assert [result.text for result in answer.results] == ["a", "b"]


def test_a_program_that_is_killed_whenever_it_runs_fails_with_the_reason() -> None:
    source = "import os\ndef solve(s):\n    os.kill(os.getpid(), 9)\n"
    (answer, other) = run_programs([Program(source, "solve", ("1",)), Program(HOLD, "solve", ("1",))])
    assert "killed, twice" in answer.results[0].failure
    assert other.results[0].text == "1"


def test_when_the_trusted_side_dies_nothing_stays_behind(tmp_path: Path) -> None:
    script = (
        "import threading\nfrom loopholes.sandbox import Limits, Program, pool, run_programs\n"
        "run_programs([Program('def solve(s):\\n    return s', 'solve', ('1',))])\n"
        "print(pool._pool.idle[0].process.pid, flush=True)\n"
        "source = 'import os, time\\ndef solve(s):\\n    os.fork(); time.sleep(60)'\n"
        "run_programs([Program(source, 'solve', ('1',))], limits=Limits(test_seconds=60))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    keeper = int(process.stdout.readline())
    while len(family := [keeper, *below(keeper)]) < 5:
        time.sleep(0.01)
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 30
    while any(map(lives, family)):
        assert time.monotonic() < deadline, "processes outlive the one that scored"
        time.sleep(0.01)


def test_where_programs_cannot_be_isolated_they_are_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loopholes.sandbox.server.subprocess.Popen", without_user_namespaces(subprocess.Popen))
    program = Program("def solve(s):\n    return s", "solve", ("1",))
    with pytest.raises(ScoringError, match=r"cannot be isolated .*namespace.*--sandbox process.*files.*network"):
        run_programs([program])
    (answer,) = run_programs([program], sandbox="process")
    assert answer.results[0].text == "1"


def without_user_namespaces(genuine: type) -> Callable[..., object]:
    """Popen on a machine that allows no namespaces: inside one whose every allowance is spent."""
    refuse = 'echo 0 > /proc/sys/user/max_user_namespaces; echo 0 > /proc/sys/user/max_mnt_namespaces; exec "$@"'
    jail = ["unshare", "--user", "--map-root-user", "sh", "-c", refuse, "sh"]
    if subprocess.run([*jail, "true"], capture_output=True).returncode:
        pytest.skip("this machine cannot make a user namespace to take namespaces away in")
    return lambda command, **options: genuine([*jail, *command], **options)


def test_the_environment_chooses_how_programs_run(monkeypatch: pytest.MonkeyPatch) -> None:
    look = [Program("import os\ndef solve(*unused):\n    return os.path.exists('/proc')", "solve", ("1",))]
    assert run_programs(look)[0].results[0].text == "False"
    monkeypatch.setenv(servers.VARIABLE, "process")
    assert run_programs(look)[0].results[0].text == "True", "no answer is remembered from the other mode"
    assert run_programs(look, sandbox="isolated")[0].results[0].text == "False"
    with pytest.raises(UsageError, match="isolated or process"):
        run_programs(look, sandbox="none")


@pytest.mark.parametrize(
    ("machine", "header"),
    [("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), ("aarch64", "/usr/include/asm-generic/unistd.h")],
)
def test_the_filters_numbers_are_the_kernels(machine: str, header: str) -> None:
    if not Path(header).exists():
        pytest.skip(f"{header} is not installed")
    found = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text()))
    column = seccomp.MACHINES[machine][0]
    table: dict[str, tuple[int | None, ...]] = {
        **seccomp.DENIED,
        **{name: numbers for name, (numbers, _, _) in seccomp.ONLY.items()},
    }
    table |= {"clone": seccomp.CLONE, "seccomp": tuple(known[2] for known in seccomp.MACHINES.values())}
    ours = {name: str(numbers[column]) for name, numbers in table.items() if name in found}
    assert ours == {name: found[name] for name in ours}
    assert len(ours) > 50


@pytest.mark.parametrize("command", ["train", "eval", "score"])
def test_the_command_line_refuses_another_sandbox(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "reward-tampering", "--sandbox", "none"]) == UsageError.exit_code
    assert "isolated or process" in capsys.readouterr().err


def test_the_command_line_sets_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(servers.VARIABLE, "isolated")
    absent = ["--tasks", str(tmp_path / "t"), "--completions", str(tmp_path / "c")]
    main(["score", "reward-tampering", "--sandbox", "process", *absent])
    assert os.environ[servers.VARIABLE] == "process"


def test_memory_is_bounded_over_all_processes_of_a_program() -> None:
    source = (
        "import os, time\ndef solve(s):\n    for _ in range(6):\n        if os.fork() == 0:\n"
        "            x = bytearray(90 << 20); time.sleep(60)\n    time.sleep(60)\n"
    )
    limits = Limits(test_seconds=20, memory_bytes=300 << 20)
    (answer,) = run_programs([Program(source, "solve", ("1",))], limits=limits)
    assert "used more than 300 MiB" in answer.results[0].failure
