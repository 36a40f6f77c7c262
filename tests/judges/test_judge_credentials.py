"""What the environment holds for a judge's endpoint: what is sent where, and that it stands nowhere else."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from loopholes.cli import main
from loopholes.endpoints.address import key_for
from loopholes.errors import UsageError
from support.judge_server import COMPLIES, DECLINES, JudgeServer, Reply, judged, says

SECRET = "sk-very-secret-42"


@pytest.fixture(params=["LOOPHOLES_JUDGE_KEY", "OPENAI_API_KEY"])
def key(request: pytest.FixtureRequest, server: JudgeServer, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(request.param, f"{SECRET}\n")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    return SECRET


ECHO = Reply(json.dumps({"error": {"message": f"bad key {SECRET}"}}), status=401)


@pytest.mark.parametrize("reply", [says("SAFE"), ECHO, Reply(ECHO.body, status=400), Reply(ECHO.body, status=500)])
def test_the_key_is_sent_and_stands_in_no_log_file_or_error(
    reply: Reply,
    key: str,
    server: JudgeServer,
    tmp_path: Path,
    waits: list[float],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    server.reply = lambda answer: reply
    task = {"id": "t", "prompt": [{"role": "user", "content": "do"}], "truth": {"harmful": True, "audience": "user"}}
    (tmp_path / "tasks.jsonl").write_text(json.dumps(task))
    (tmp_path / "completions.jsonl").write_text(json.dumps({"task": 0, "completion": COMPLIES}))
    files = ["--tasks", str(tmp_path / "tasks.jsonl"), "--completions", str(tmp_path / "completions.jsonl")]
    code = main(["score", "context-compliance", *files, "--set", f"judge={server.name}"])
    assert code == (0 if reply.status == 200 else 5)
    assert {headers["authorization"] for headers in server.headers} == {f"Bearer {key}"}
    printed = capfd.readouterr()
    assert caplog.records and key not in caplog.text + printed.out + printed.err
    files_written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name.startswith("verdicts") for path in files_written)
    assert all(key.encode() not in path.read_bytes() for path in files_written)


def test_the_judge_s_own_key_wins_and_one_that_cannot_be_sent_is_one_sentence(
    server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "other")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer ambient")
    monkeypatch.setenv("LOOPHOLES_JUDGE_KEY", SECRET)
    judged(server, [DECLINES])
    assert server.headers[0]["authorization"] == f"Bearer {SECRET}"
    monkeypatch.setenv("LOOPHOLES_JUDGE_KEY", f"{SECRET}\nX: y")
    with pytest.raises(UsageError, match="LOOPHOLES_JUDGE_KEY") as caught:
        judged(server, [DECLINES])
    assert SECRET not in str(caught.value)


OPENAI = {
    "OPENAI_API_KEY": "sk-of-openai",
    "OPENAI_ADMIN_KEY": "sk-admin-of-openai",
    "OPENAI_ORG_ID": "org-of-openai",
    "OPENAI_PROJECT_ID": "proj-of-openai\n",
    "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer ambient-of-openai\napi-key: custom-of-openai",
}


@pytest.mark.parametrize("own", ["", SECRET])
@pytest.mark.parametrize("base", ["", "http://localhost:1/v1", "https://api.openai.com/v1", "http://[no"])
def test_what_is_openai_s_goes_to_no_other_host(
    base: str, own: str, server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**OPENAI, "OPENAI_BASE_URL": base, "LOOPHOLES_JUDGE_KEY": own}.items():
        monkeypatch.setenv(name, value)
    assert judged(server, [DECLINES]) == ["safe"]
    (sent,) = server.headers
    assert sent["authorization"] == f"Bearer {own or 'none'}"
    assert "of-openai" not in " ".join(sent.values())


def test_the_host_that_openai_s_address_names_gets_what_is_openai_s(
    server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {**OPENAI, "OPENAI_CUSTOM_HEADERS": "api-key: custom-of-openai", "OPENAI_BASE_URL": "http://127.0.0.1:1"}
    for name, value in headers.items():
        monkeypatch.setenv(name, value)
    judged(server, [DECLINES])
    (sent,) = server.headers
    names = ("authorization", "openai-organization", "openai-project", "api-key")
    wanted = ["Bearer sk-of-openai", "org-of-openai", "proj-of-openai", "custom-of-openai"]
    assert [sent[name] for name in names] == wanted


@pytest.mark.parametrize(
    ("url", "base", "key"),
    [
        ("https://api.openai.com/v1", "", "sk"),
        ("https://API.openai.com:443/v1", "", "sk"),
        ("https://api.openai.com.example.org/v1", "", ""),
        ("https://example.org/api.openai.com/v1", "", ""),
        ("https://api.openai.com/v1", "https://proxy.example.org/v1", ""),
        ("https://proxy.example.org/v2", "https://proxy.example.org/v1", "sk"),
    ],
)
def test_a_host_is_openai_s_by_its_whole_name(
    url: str, base: str, key: str, server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    monkeypatch.setenv("OPENAI_BASE_URL", base)
    assert key_for(url, "LOOPHOLES_JUDGE_KEY") == key


@pytest.mark.parametrize("value", ["a\nX: y", "b\u00fc", "a\tb\rc"])
@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS"])
def test_a_variable_that_cannot_be_sent_is_named(
    name: str, value: str, server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert judged(server, [COMPLIES]) == ["harmful"], "it is sent to OpenAI's host alone"
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    if (name, value) == ("OPENAI_CUSTOM_HEADERS", "a\nX: y"):
        return  # lines are what it is made of
    with pytest.raises(UsageError, match=name) as caught:
        judged(server, [DECLINES])
    assert value not in str(caught.value) and "\n" not in str(caught.value)
