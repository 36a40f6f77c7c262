"""The processes of a reward: forks of one loader, a reload where forks fail, and no process left behind."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopholes.audit import Target
from loopholes.audit.frameworks.base import Part, Row
from loopholes.audit.process import RewardProcess
from loopholes.audit.scorer import Scorer
from loopholes.audit.worker import Scored
from support.processes import alive
from support.rewards import save_rows, sums, write_rewards

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a reward is loaded anew")
ROWS = [Row(number, f"{number}?", columns={"answer": str(number)}) for number in range(4)]
HEAD = """
    HERE = os.path.dirname(os.path.abspath(__file__))
    def note(what):
        with open(os.path.join(HERE, what), "a") as file:
            file.write("x")
    note("loads")
    LOADER, CALLS = os.getpid(), []
    def f(completion, answer):
        if completion == "die":
            os._exit(3)
        CALLS.append(completion)
        return float(len(CALLS))
"""
THREAD = "    import threading\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
SOCKET = "    import socket\n    KEPT = socket.socket()\n"
LOOP = "    import asyncio\n    KEPT = asyncio.new_event_loop()\n"
CHILD = "    import subprocess\n    KEPT = subprocess.Popen(['sleep', '60'])\n"
SLOW_FORKS = "    os.register_at_fork(before=lambda: time.sleep(0.2))\n"
ONLY_LOADER = """
    g = f
    def f(completion, answer):
        if os.getpid() != LOADER:
            os._exit(1)
        return g(completion, answer)
"""
LATE_THREAD = """
    g = f
    def f(completion, answer):
        if not CALLS:
            import threading
            note("starts")
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        return g(completion, answer)
"""


def loads(folder: Path, what: str = "loads") -> int:
    """How often a module in this folder was loaded, or did something else that it records."""
    return len((folder / what).read_text()) if (folder / what).exists() else 0


def values(folder: Path, more: str, *texts: str, restart: bool = False) -> list[float | None]:
    """The payments of these texts, one request each, after a first call; ``restart``: before the last one."""
    target = Target("plain", (Part(write_rewards(folder, HEAD + more), "f"),))
    with RewardProcess(target) as process:
        scorer = Scorer(process, ROWS)
        scorer.warm_up((0, "first"))
        paid = []
        for place, text in enumerate(texts):
            if restart and place == len(texts) - 1:
                scorer.restart()
            paid += scorer.pay_now([(0, text)])
        return [payment.value for payment in paid]


def test_a_reward_is_loaded_once_and_its_first_call_is_made_once_however_often_it_ends(tmp_path: Path) -> None:
    assert values(tmp_path, "", "a", "die", "a", "die", "a", "b") == [2.0, None, 2.0, None, 2.0, 3.0]
    assert loads(tmp_path) == 1


def test_a_restarted_process_remembers_nothing_not_even_the_first_call(tmp_path: Path) -> None:
    assert values(tmp_path, "", "a", "b", "c", restart=True) == [2.0, 3.0, 1.0]
    assert loads(tmp_path) == 1


@pytest.mark.parametrize("more", [THREAD, SOCKET, LOOP, CHILD], ids=["thread", "socket", "event loop", "process"])
def test_a_reward_that_a_fork_would_break_is_loaded_again(tmp_path: Path, more: str) -> None:
    assert values(tmp_path, more, "a", "die", "a") == [2.0, None, 2.0]
    assert loads(tmp_path) == 2


def test_a_reward_that_works_only_where_it_was_loaded_is_scored_there(tmp_path: Path) -> None:
    assert values(tmp_path, ONLY_LOADER, "a", "die", "a") == [2.0, None, 2.0]
    assert loads(tmp_path) == 3, "for the fork that failed, for those that score, and after the death"


def test_a_reward_whose_first_call_prevents_forks_starts_again_without_a_reload(tmp_path: Path) -> None:
    assert values(tmp_path, LATE_THREAD, "a", "die", "a") == [2.0, None, 2.0]
    assert (loads(tmp_path), loads(tmp_path, "starts")) == (1, 2)


@pytest.mark.parametrize("kept", [False, True], ids=["the loader's", "the scoring process's"])
def test_the_reply_of_a_fork_that_came_too_late_is_not_read_as_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    with RewardProcess(Target("plain", (Part(write_rewards(tmp_path, HEAD + SLOW_FORKS), "f"),))) as process:
        process.use(ROWS)
        if not kept:
            process.restart()
        monkeypatch.setattr("loopholes.audit.process_tree.SECONDS_TO_FORK", 0.0)
        assert not (kept and process.keep())
        replies = [process.ask([(0, text)], 60.0) for text in ("a", "b")]
    assert [reply.paid[0].value for reply in replies if isinstance(reply, Scored)] == [1.0, 2.0]


def test_random_numbers_of_a_fork_continue_from_the_loader(tmp_path: Path) -> None:
    more = "    import random\n    random.seed(5)\n    f = lambda completion, answer: random.random()\n"
    (paid,) = values(tmp_path, more, "a", restart=True)
    import random

    assert paid == random.Random(5).random()


def test_what_a_reward_imports_in_its_first_call_is_imported_once(tmp_path: Path) -> None:
    (tmp_path / "heavy_library.py").write_text(f"open({str(tmp_path / 'imports')!r}, 'a').write('x')\n")
    more = """
    g = f
    def f(completion, answer):
        import heavy_library
        return g(completion, answer)
    """
    values(tmp_path, more, "a", "die", "a", "die", "a")
    assert loads(tmp_path, "imports") == 1


GRANDCHILD = """
    import subprocess
    def waiting(completion, answer):
        script = "setsid sleep 600 >/dev/null 2>&1 & echo $!"
        orphan = subprocess.run(script, shell=True, stdout=subprocess.PIPE, text=True).stdout
        with open(os.path.join(HERE, "pids"), "w") as file:
            file.write(f"{os.getpid()} {orphan}")
        time.sleep(600)
"""


def test_an_audit_that_is_killed_leaves_nothing_running(tmp_path: Path) -> None:
    """Neither the reward's process nor an orphan that it started in a session of its own."""
    file = write_rewards(tmp_path, HEAD + GRANDCHILD)
    command = [sys.executable, "-m", "loopholes", "audit", f"{file}:waiting", "--framework", "plain"]
    command += ["--data", save_rows(tmp_path, sums())]
    pid_file = tmp_path / "pids"
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as audit:
        end = time.monotonic() + 60
        while not (pid_file.exists() and len(pid_file.read_text().split()) == 2) and time.monotonic() < end:
            time.sleep(0.05)
        audit.kill()
    processes, end = [int(number) for number in pid_file.read_text().split()], time.monotonic() + 10
    while any(map(alive, processes)) and time.monotonic() < end:
        time.sleep(0.01)
    assert [alive(process) for process in processes] == [False, False]
