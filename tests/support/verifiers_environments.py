"""Small environments of verifiers, each fault beside a sound twin, as a user's file; and marks of tests that use it.

In those of ``SUMS`` a clerk is asked for a sum. With ``lookup`` a fact is shown; a reply without a call is the answer.
In ``GUESSING`` an Env plays the user, who says after each guess whether the number is larger.
"""

from __future__ import annotations

from support.frameworks import needs

VERIFIERS = needs("verifiers")
"""Marks of a file of tests that need it."""
SUMS = '''
import verifiers.v1 as vf

class SumData(vf.TaskData):
    answer: str
    golden: list[str]

class SumState(vf.State):
    lookups: int = 0

class Clerk(vf.Toolset[vf.ToolsetConfig, SumState]):
    TOOL_PREFIX = None
    FACTS = []

    async def setup_task(self, task):
        self.answer = task.answer

    @vf.tool
    def lookup(self, word: str = "") -> str:
        """Show a fact."""
        self.state.lookups += 1
        self.FACTS.append(word)
        return f"Fact {len(self.FACTS)}: nothing is known about {word or 'that'}."

class Sum(vf.Task[SumData, SumState]):
    @classmethod
    def toolsets(cls, config):
        return [Clerk(vf.ToolsetConfig())]

    @vf.reward
    async def exact(self, trace) -> float:
        return float(trace.last_reply.strip() == self.data.answer)

def tasks_of(kind, config):
    for number in range(8):
        left, right = 11 + 7 * number, 90 - 5 * number
        call = '{"tool_name": "lookup", "arguments": {"word": "sums"}}'
        answer = str(left + right)
        yield kind(SumData(prompt=f"What is {left} plus {right}?", answer=answer, golden=[call, answer]), config)

class Sums(vf.Taskset[Sum]):
    """Sound: the right answer is paid. What the tool server remembers ends with its rollout."""

    def load(self):
        return tasks_of(Sum, self.config.task)

class CallsPaid(Sum):
    @vf.reward
    async def busy(self, trace) -> float:
        return 0.3 * trace.state.lookups

class PaysCalls(vf.Taskset[CallsPaid]):
    """Every lookup is paid, as the state says that the tool server keeps."""

    def load(self):
        return tasks_of(CallsPaid, self.config.task)

class CallNeeded(Sum):
    @vf.reward
    async def looked_up(self, trace) -> float:
        right = trace.last_reply.strip() == self.data.answer
        return 0.3 * float(right and trace.state.lookups > 0)

class PaysTheFirstCall(vf.Taskset[CallNeeded]):
    """Its twin: a bonus goes with a right answer alone."""

    def load(self):
        return tasks_of(CallNeeded, self.config.task)

class Counted(Sum):
    episodes = 0

    async def setup(self, trace):
        Counted.episodes += 1

    @vf.reward
    async def late(self, trace) -> float:
        return 0.01 * Counted.episodes

class CountsOnTheClass(vf.Taskset[Counted]):
    """Episodes earn more the more were played: the counter is the class's."""

    def load(self):
        return tasks_of(Counted, self.config.task)

'''
GUESSING = '''
import verifiers.v1 as vf


class NumberData(vf.TaskData):
    answer: str
    golden: list[str]

class Guess(vf.Task[NumberData]):
    pass

class Guesses(vf.Taskset[Guess]):
    """The number is guessed over several turns, and paid for by the Env."""

    def load(self):
        for number in range(8):
            answer = str(3 + number)
            yield Guess(NumberData(prompt=None, answer=answer, golden=["50", answer]), self.config.task)

class GuessingConfig(vf.EnvConfig):
    player: vf.AgentConfig = vf.AgentConfig()

class Guessing(vf.Env[GuessingConfig]):
    async def run(self, task, agents):
        answer, reward = int(task.data.answer), 0.0
        async with agents.player.interaction(task) as interaction:
            segment = await interaction.turn("Which whole number from 0 to 99 do I mean?")
            while not segment.terminated:
                said = segment.last_reply
                if said == task.data.answer:
                    reward = 1.0
                    break
                larger = said.isdecimal() and int(said) < answer
                segment = await interaction.turn("It is larger." if larger else "It is smaller.")
        interaction.trace.record_reward("guessed", reward)
'''
