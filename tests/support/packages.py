"""Minimal imitations of real packages, written into a folder: only the parts that an adapter uses."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path


def package(folder: Path, files: Mapping[str, str]) -> None:
    """Write these files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")


SKYRL_GYM = {
    "skyrl_gym/__init__.py": """
        from skyrl_gym.envs.registration import registry
        def make(name, **kwargs):
            return registry[name](**kwargs)
    """,
    "skyrl_gym/envs/__init__.py": "",
    "skyrl_gym/envs/registration.py": """
        class Sums:
            def __init__(self, env_config, extras):
                self.truth = extras["reward_spec"]["ground_truth"]
            def init(self, prompt):
                assert prompt[0]["role"] == "user"
            def step(self, action):
                return {"reward": float(action == self.truth), "done": self.done}
            def close(self):
                pass
            done = True
        class Turns(Sums):
            done = False
        class Configured(Sums):
            def __init__(self, env_config, extras):
                self.truth = env_config.answers[0]
        registry = {"sums": Sums, "turns": Turns, "configured": Configured}
    """,
    "omegaconf/__init__.py": """
        class DictConfig:
            def __init__(self, content):
                vars(self).update(content)
    """,
}
VERL = {
    "verl/__init__.py": "import ray",
    "verl/utils/__init__.py": "import ray",
    "verl/utils/import_utils.py": "",
    "verl/utils/reward_score/__init__.py": """
        from verl.utils import import_utils
        def default_compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
            if data_source == "openai/gsm8k":
                result = solution_str == f"#### {ground_truth}"
            elif data_source in ["HuggingFaceH4/MATH-500"] or data_source.startswith("aime"):
                result = solution_str == ground_truth
            else:
                raise NotImplementedError(f"no scorer for {data_source}")
            if "score" in kwargs:
                return kwargs["score"]
            return float(result)
    """,
}
INSPECT = {
    "inspect_ai/__init__.py": """
        class Task:
            def __init__(self, dataset, scorer):
                self.dataset, self.scorer = dataset, scorer
        class Sample:
            def __init__(self, input, target, choices=None):
                self.input, self.target, self.choices, self.metadata = input, target, choices, None
        def task(make):
            make.registered = True
            return make
    """,
    "inspect_ai/_util/__init__.py": "",
    "inspect_ai/_util/registry.py": """
        def is_registry_object(value, type=None):
            return getattr(value, "registered", False)
    """,
    "inspect_ai/scorer.py": """
        __all__ = ["Score", "Target", "choice", "match", "value_to_float"]
        class Target(list):
            def __init__(self, target):
                super().__init__(target if isinstance(target, list) else [target])
            @property
            def text(self):
                return "".join(self)
        class Score:
            def __init__(self, value):
                self.value = value
        def value_to_float():
            return lambda value: {"C": 1.0, "I": 0.0}.get(value, value)
        def scorer(metrics):
            def decorated(make):
                make.registered = True
                return make
            return decorated
        @scorer(metrics=[])
        def match(numeric=False):
            async def score(state, target):
                same = state.output.completion == target.text
                return Score("C" if same and numeric else 0.5 if same else "I")
            return score
        @scorer(metrics=[])
        def choice():
            async def score(state, target):
                return Score("C" if state.marked == {*target} else "I")
            return score
    """,
    "inspect_ai/solver/__init__.py": """
        class TaskState:
            def __init__(self, **kwargs):
                self.__dict__.update(kwargs)
                self.marked = set()
    """,
    "inspect_ai/solver/_multiple_choice.py": """
        import re
        def parse_answers(state, multiple_correct):
            return set(re.findall(r"ANSWER: ([A-Z])", state.output.completion))
        def set_choices_based_on_generated_response(state, answers):
            state.marked = answers
    """,
    "inspect_ai/model/__init__.py": """
        class Message:
            def __init__(self, content):
                self.content = content
        ChatMessageSystem = ChatMessageUser = ChatMessageAssistant = Message
        class ModelOutput:
            @classmethod
            def from_content(cls, model, content):
                output = cls()
                output.completion, output.message = content, Message(content)
                return output
    """,
    "inspect_ai/model/_model.py": "ModelName = str",
}
NEMO_GYM = {
    "nemo_gym/__init__.py": "raise RuntimeError('it needs a newer Python')",
    "sums/app.py": """
        from nemo_gym.base_resources_server import (
            BaseResourcesServerConfig, BaseVerifyRequest, BaseVerifyResponse, ReverifyMode, SimpleResourcesServer
        )
        from nemo_gym.openai_utils import NeMoGymResponse

        class SumsConfig(BaseResourcesServerConfig):
            mode: str = ReverifyMode.STATELESS
            reward: float = 1.0

        class SumsRequest(BaseVerifyRequest):
            expected_answer: str

        class SumsServer(SimpleResourcesServer):
            config: SumsConfig

            async def verify(self, body: SumsRequest) -> BaseVerifyResponse:
                text = body.response.output[-1].content[0].text
                right = text == body.expected_answer
                return BaseVerifyResponse(**body.model_dump(), reward=self.config.reward if right else 0.0)
    """,
    "dumped/app.py": """
        from nemo_gym.base_resources_server import BaseVerifyRequest, BaseVerifyResponse, SimpleResourcesServer

        class DumpedRequest(BaseVerifyRequest):
            expected_answer: str

        class DumpedServer(SimpleResourcesServer):
            async def verify(self, body: DumpedRequest) -> BaseVerifyResponse:
                message = body.response.model_dump()["output"][-1]
                texts = [part["text"] for part in message["content"] if part.get("type") == "output_text"]
                right = message["role"] == "assistant" and texts == [body.expected_answer]
                return BaseVerifyResponse(**body.model_dump(), reward=float(right))
    """,
    "sums/data/example.jsonl": """\
        {"responses_create_params": {"input": [{"role": "user", "content": "1+1?"}]}, "expected_answer": "2"}
        {"responses_create_params": {"input": "2+2?"}, "expected_answer": "4"}
    """,
    "sums/data/example_rollouts.jsonl": """\
        {"responses_create_params": {"input": "no row"}, "expected_answer": "4"}
    """,
}
