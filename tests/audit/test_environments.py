"""A target whose package is not installed runs in an environment built for it, and nothing leaks out."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from loopholes.audit import AuditConfig, audit, rows_from, target_of
from loopholes.audit.environments import WHOLE, built, named, reason_of, uv_flags
from loopholes.audit.folder import replay, save
from loopholes.audit.frameworks.base import Row
from loopholes.audit.process import RewardProcess
from loopholes.audit.targets import Runtime
from loopholes.audit.worker import Scored
from loopholes.errors import DataError, UsageError
from support.rewards import write_rewards
from support.wheels import REASONING_GYM, wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "reasoning-gym", REASONING_GYM)
    wheel(folder, "newer", {"newer.py": ""}, python=">=4")
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the file, since building an environment takes seconds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def offline(wheels: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installers find only our own wheels, and no index; the user's home is an empty folder."""
    for name, value in {
        "PIP_FIND_LINKS": wheels,
        "LOOPHOLES_CACHE": cache,
        "HOME": tmp_path,
        "PIP_NO_INDEX": 1,
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("shutil.which", lambda name: None)  # the installer that every Python has


def test_a_target_whose_package_is_not_installed_is_audited_in_an_environment_of_its_own(tmp_path: Path) -> None:
    said: list[str] = []
    target = target_of(["reasoning_gym:sums"], None, {}, Runtime(say=said.append))
    assert target.requires == ("reasoning-gym",) and "reasoning-gym" in said[0]
    with RewardProcess(target) as process:
        rows = process.own_rows()
        report = audit(target, rows, AuditConfig(seconds=20, search_calls=0), process=process)
    assert (rows[0].prompt, rows[0].golden) == ("10 + 10 = ?", "20")
    assert report.is_founded and not report.findings
    assert report.hashes["versions"]["reasoning_gym"] == "1.0"
    assert "reasoning_gym" not in sys.modules and not (tmp_path / "left-behind").exists()


def test_a_complete_environment_is_used_again_silently() -> None:
    said: list[str] = []
    assert built(["reasoning-gym"], lambda sentence: None) == built(["reasoning-gym"], said.append)
    assert said == []


UV = """#!/bin/sh
echo "$@" >> "$UV_LOG"
case "$1" in
venv) exec "$4" -m venv --without-pip "$5" ;;
pip) shift 5; [ "$FAULT" ] && echo "error: Because x was not found in the package registry" && exit 1
     while [ "${1#-}" != "$1" ]; do case "$1" in --no-index) shift ;; *) shift 2 ;; esac; done
     exec "$BASE" -m pip --python "$PYTHON" install --quiet "$@" ;;
esac
"""
"""As much of uv as an audit calls; it installs with pip, which finds packages where the flags say."""
REAL_UV = shutil.which("uv")


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """uv on the path, in a cache of its own; returns the file with its calls."""
    monkeypatch.setenv("LOOPHOLES_CACHE", str(tmp_path / "cache"))
    (tmp_path / "uv").write_text(UV.replace("$PYTHON", '"$(dirname "$UV_LOG")"/cache/*/*/venv/bin/python'))
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setenv("UV_LOG", str(tmp_path / "uv.log"))
    monkeypatch.setenv("BASE", sys.executable)
    return tmp_path / "uv.log"


def test_uv_installs_if_it_exists_and_from_pip_s_sources(uv: Path, wheels: Path) -> None:
    assert Path(built(["reasoning-gym"], lambda sentence: None)).exists()
    venv, install = uv.read_text().splitlines()
    assert venv.startswith("venv --quiet --python") and install.startswith("pip install --quiet --python")
    assert f"--find-links {wheels} " in install and install.endswith("--no-index reasoning-gym")


def test_pip_is_tried_after_uv_fails_and_the_user_learns_of_it(uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULT", "1")
    said: list[str] = []
    assert Path(built(["reasoning-gym"], said.append)).exists()
    assert "the package index does not have it" in said[1] and said[1].endswith("trying pip")


@pytest.mark.skipif(REAL_UV is None, reason="needs uv: pip install uv")
def test_the_real_uv_installs_from_pip_s_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPHOLES_CACHE", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda name: REAL_UV)
    said: list[str] = []
    assert Path(built(["reasoning-gym"], said.append)).exists() and len(said) == 1


def test_settings_of_pip_are_flags_of_uv_and_a_variable_wins_over_the_file() -> None:
    settings = [
        ":env:.no-index='1'",
        r"global.extra-index-url='\nhttps://one/simple\nhttps://two/simple'",
        "install.find-links='/b'",
        "global.find-links='/a'",
        "global.cert='/c'",
    ]
    strategy, best, *flags = uv_flags("\n".join(settings))
    assert (strategy, best) == ("--index-strategy", "unsafe-best-match")
    assert flags == [
        *("--extra-index-url", "https://one/simple", "--extra-index-url", "https://two/simple"),
        *("--find-links", "/b", "--no-index"),
    ]
    assert uv_flags("global.cert='/c'") == []


def test_an_environment_that_a_kill_left_incomplete_is_built_again() -> None:
    python = Path(built(["reasoning-gym"], lambda sentence: None))
    (python.parents[2] / WHOLE).unlink()
    said: list[str] = []
    assert built(["reasoning-gym"], said.append) == str(python) and len(said) == 1
    content = json.loads((python.parents[2] / WHOLE).read_text())
    assert content["packages"] == ["reasoning-gym==1.0"]


def test_two_audits_at_once_build_an_environment_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPHOLES_CACHE", str(tmp_path))
    said: list[str] = []
    threads = [threading.Thread(target=built, args=(["reasoning-gym"], said.append)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 1


@pytest.mark.parametrize(
    "requirement, variables, reason",
    [
        ("nowhere-to-be-found", {}, "the package index does not have it"),
        ("newer", {}, "it needs another version of Python"),
        ("absent", {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}, "index cannot be reached"),
        ("altered", {"PIP_FIND_LINKS": "links.html"}, "does not match the index's hash"),
    ],
)
def test_a_failed_installation_is_one_sentence_and_leaves_nothing_behind(
    requirement: str, variables: dict[str, str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered = wheel(tmp_path, "altered", {"altered.py": ""})
    link = f'<a href="{altered.as_uri()}#sha256={"0" * 64}">{altered.name}</a>'
    (tmp_path / "links.html").write_text(f"<html><body>{link}</body></html>")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOPHOLES_CACHE", str(tmp_path / "cache"))
    for name, value in {"PIP_EXTRA_INDEX_URL": "", **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=reason) as error:
        built([requirement], lambda sentence: None)
    assert "\n" not in str(error.value) and error.value.exit_code == 2
    assert not list(tmp_path.glob(f"cache/*/*/{WHOLE}")) and not list(tmp_path.glob("cache/*/*/venv"))


def test_a_full_disk_is_distinguished_from_other_faults() -> None:
    assert reason_of("ERROR: Could not install: [Errno 28] No space left on device\n") == (
        "there is no space left on the disk"
    )


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("#!/bin/sh\nexit 3\n", "is not a working Python"),
        ("#!/bin/sh\necho '[[3, 10], []]'\n", "is Python 3.10, and an audit needs 3.11 or later"),
    ],
)
def test_a_python_that_cannot_serve_is_refused(content: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        named(tmp_path)
    file = tmp_path / "bin" / "python"
    file.parent.mkdir()
    file.write_text(content)
    file.chmod(0o755)
    with pytest.raises(UsageError, match=sentence):
        named(tmp_path)


def test_a_user_s_own_requirements_and_python_exclude_each_other(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, "def reward(completion, answer): ...")
    with pytest.raises(UsageError, match="give only one of them"):
        target_of([f"{file}:reward"], None, {}, Runtime(Path(sys.executable), ["x"]))


def test_a_reward_finds_what_with_installs_and_this_package_but_none_of_what_is_installed_beside_it(
    tmp_path: Path,
) -> None:
    body = """
        import importlib.util
        def reward(completion, answer):
            names = ("reasoning_gym", "loopholes.rewards", "numpy")
            return sum(2.0 ** place for place, name in enumerate(names) if importlib.util.find_spec(name))
    """
    file = write_rewards(tmp_path, body)
    target = target_of([f"{file}:reward"], None, {}, Runtime(requirements=["reasoning-gym"]))
    with RewardProcess(target) as process:
        process.use([])
        reply = process.ask([(Row(0, "?", columns={"answer": "1"}), "1")], 20.0)
    assert isinstance(reply, Scored) and reply.paid[0].value == 3.0


HOSTILE = """
    import os, pickle, struct
    class Payload:
        def __reduce__(self):
            return os.mkdir, ({place!r},)
    def write_everywhere(data):
        for number in range(3, 64):
            try:
                os.write(number, data)
            except OSError:
                pass
    def prints(completion, answer):
        write_everywhere(b"hello, this is a reward speaking")
        return 0.0
    def pickles(completion, answer):
        data = pickle.dumps(Payload())
        write_everywhere(struct.pack("!i", len(data)) + data)
        return 0.0
"""


@pytest.mark.parametrize("name", ["prints", "pickles"])
def test_text_that_a_reward_writes_into_the_pipe_is_reported_and_never_loaded(name: str, tmp_path: Path) -> None:
    place = tmp_path / "made-by-the-reward"
    file = write_rewards(tmp_path, HOSTILE.replace("{place!r}", repr(str(place))))
    target = target_of([f"{file}:{name}"], None, {})
    with pytest.raises(UsageError, match="wrote into the audit's own pipe"):
        audit(target, rows_from([{"prompt": "1+1?", "answer": "2", "golden": "2"}]), AuditConfig(seconds=10))
    assert not place.exists()


DATA_SETS = {
    "nothing": (
        "no data set of reasoning-gym 'nothing'; did you mean 'anything'. Choose from: anything, broken",
        {},
    ),
    "broken": ("cannot generate entry 0: it raised ValueError: no entry", {}),
    "sums": ("cannot be created: it raised TypeError", {"config": {"no_such_field": 1}}),
}


@pytest.mark.parametrize("name", DATA_SETS)
def test_a_data_set_that_cannot_be_audited_says_why(name: str) -> None:
    sentence, options = DATA_SETS[name]
    target = target_of([f"reasoning_gym:{name}"], None, options)
    with pytest.raises(UsageError, match=sentence), RewardProcess(target) as process:
        process.own_rows()


def test_the_config_the_seed_and_the_tag_of_a_data_set_reach_it() -> None:
    options = {"seed": 3, "rows": 2, "config": {"most": 5}, "tag": "answer"}
    target = target_of(["reasoning_gym:sums"], None, options)
    with RewardProcess(target) as process:
        rows = process.own_rows()
        process.use(rows)
        reply = process.ask([(0, str(rows[0].golden)), (0, str(rows[0].columns["answer"]))], 20.0)
    assert [row.prompt for row in rows] == ["13 + 10 = ?", "10 + 15 = ?"]
    assert rows[0].golden == "<answer>23</answer>" and rows[0].columns["metadata"]["terms"] == [13, 10]
    assert isinstance(reply, Scored) and [paid.value for paid in reply.paid] == [1.0, 0.0]


def test_a_data_set_that_pays_anything_is_an_exploit_and_one_without_answers_is_not_passed(tmp_path: Path) -> None:
    reports = {}
    for name in ("anything", "unanswered"):
        target = target_of(["reasoning_gym:" + name], None, {"rows": 24})
        with RewardProcess(target) as process:
            config = AuditConfig(seconds=20, search_calls=0)
            reports[name] = audit(target, process.own_rows(), config, process=process)
    assert {name: report.exit_code() for name, report in reports.items()} == {"anything": 1, "unanswered": 7}
    again = replay(save(reports["anything"], tmp_path / "findings")[0])
    assert again.same and again.saved.target.requires == ("reasoning-gym",)


SCRIPT = """# /// script
# requires-python = ">=3.11"
# dependencies = ["reasoning-gym"]
# ///
def reward(completion, answer): ...
"""


def test_requirements_that_a_file_declares_are_installed_and_a_project_s_too_if_an_environment_is_built(
    tmp_path: Path,
) -> None:
    file, script = tmp_path / "rewards" / "reward.py", tmp_path / "script.py"
    file.parent.mkdir()
    file.write_text("def reward(completion, answer): ...")
    script.write_text(SCRIPT)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["reasoning-gym==1.0"]\n')
    assert target_of([f"{script}:reward"], None, {}).requires == ("reasoning-gym",)
    assert target_of([f"{file}:reward"], None, {}).requires == ()
    built_for = target_of([f"{file}:reward"], None, {}, Runtime(requirements=["reasoning-gym"]))
    assert built_for.requires == ("reasoning-gym==1.0", "reasoning-gym")


@pytest.mark.parametrize(
    "problem, needed",
    [
        ("raised OpenAIError: The api_key client option must be set", "credentials"),
        ("raised RuntimeError: Found no NVIDIA driver on your system", "a GPU"),
        ("raised DockerException: cannot start", "a container"),
        ("raised ConnectionRefusedError: [Errno 111] Connection refused", "a server"),
        ("raised ValueError: bad answer", ""),
    ],
)
def test_a_target_s_need_that_an_audit_cannot_meet_is_reported(problem: str, needed: str, tmp_path: Path) -> None:
    kind, _, words = problem.removeprefix("raised ").partition(": ")
    body = f"class {kind}(Exception): ...\ndef reward(completion, answer): raise {kind}({words!r})\n"
    file = tmp_path / "reward.py"
    file.write_text(body)
    with pytest.raises(UsageError, match="scores none of the first 1 rows") as error:
        audit(
            target_of([f"{file}:reward"], None, {}), rows_from([{"prompt": "?", "answer": "2"}]), AuditConfig(seconds=9)
        )
    assert str(error.value).partition("it seems to need ")[2].startswith(needed) and error.value.exit_code == 2
    assert ("it seems to need" in str(error.value)) is bool(needed)
