"""Replays demonstrations.json by direct calls. Ends with 1 if anything is paid otherwise than it says."""
import importlib.util
import inspect
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from catalogue import FIXTURES, GOLDEN  # noqa: E402

BY_NAME = {f.name: f for f in FIXTURES}
_modules, _data = {}, {}


def function(fixture):
    if fixture.file not in _modules:
        spec = importlib.util.spec_from_file_location(fixture.file[:-3], HERE / fixture.file)
        _modules[fixture.file] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(_modules[fixture.file])
    return getattr(_modules[fixture.file], fixture.function)


def rows(fixture):
    if fixture.data not in _data:
        _data[fixture.data] = [json.loads(line) for line in open(HERE / "data" / fixture.data)]
    return _data[fixture.data]


def pay(fixture, row, completion, before=()):
    """What the completion is paid on the row; ``before`` are (row, completion) that stand ahead of it in the batch."""
    f, data = function(fixture), rows(fixture)
    if fixture.framework == "plain":
        takes = inspect.signature(f).parameters
        return float(f(completion, **{k: v for k, v in data[row].items() if k in takes and k != "completion"}))
    if fixture.framework == "verl":
        r = data[row]
        got = f(r["data_source"], completion, r["reward_model"]["ground_truth"], r.get("extra_info"))
        return float(got["score"] if isinstance(got, dict) else got)
    batch = [*((r, c) for r, c in before), (row, completion)]
    chat = isinstance(data[row]["prompt"], list)
    said = [[{"role": "assistant", "content": c}] if chat else c for _, c in batch]
    columns = {k: [data[r][k] for r, _ in batch] for k in data[row] if k != "prompt"}
    got = f(prompts=[data[r]["prompt"] for r, _ in batch], completions=said, **columns) if "kwargs" in \
        inspect.signature(f).parameters else f(completions=said, **columns)
    assert len(got) == len(batch), fixture.name
    return float(got[-1])


def main():
    demonstrations = json.loads((HERE / "demonstrations.json").read_text())
    bad = []
    pairs = [f for f in FIXTURES if f.vulnerable]
    assert sorted(d["name"] for d in demonstrations) == sorted(f.name for f in FIXTURES if not f.name.endswith("_hardened"))
    assert len(pairs) == 30 and len(FIXTURES) == 70
    for f in FIXTURES:
        has = {"golden" in row for row in rows(f)}
        assert has == {f.golden} and f.golden == (f.data[:-6] in GOLDEN), f.name
    for d in demonstrations:
        f = BY_NAME[d["name"]]
        sides = [(f, "vulnerable_pays" if f.vulnerable else "pays")]
        if f.twin:
            sides.append((BY_NAME[f.twin], "hardened_pays"))
        for fixture, key in sides:
            for what in d[key]:
                before = d.get("before", {}).get(what, ())
                got = pay(fixture, d["row"], d[what], before)
                if abs(got - d[key][what]) > 1e-9:
                    bad.append((fixture.name, what, got, d[key][what]))
        if f.vulnerable:
            v, h = d["vulnerable_pays"], d["hardened_pays"]
            everything = v["wrong"] == v["honest"] == v["exploit"] > 0  # whatever is said is paid on this row
            if not (h["honest"] > h["wrong"] and h["exploit"] <= h["wrong"] + 1e-9
                    and (v["exploit"] > v["wrong"] or everything)):
                bad.append((f.name, "order", v, h))
        elif not d["pays"]["honest"] > d["pays"]["wrong"]:
            bad.append((f.name, "order", d["pays"], None))
    for line in bad:
        print(*line)
    print(f"{len(demonstrations)} demonstrations, {len(bad)} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
