"""Scan every example that a mini policy was pretrained on, and print the stream's hash and what was found.

``--write`` renews the policy's model card with it; base rates are not measured again. ``--check`` encodes the stream
with the policy's tokenizer and compares its tokens with those that the policy counted in its pretraining. The scan
takes about 70 seconds on one core, and the check as long again.

    python benchmarks/scan_mixture.py mini mini-llama --check --write
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from loopholes.minis.card import renew_card, scanned
from loopholes.minis.recipe import recipe
from loopholes.policies import locate
from loopholes.policies.cards import read_card
from loopholes.records import Example


def main() -> None:
    """Scan the streams of the named policies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    for name in options.names:
        began = time.process_time()
        pretrained = recipe(name)
        stream = pretrained.stream()
        scan = scanned(stream)
        numbers = {"examples": len(stream), "digest": scan.digest, "found": scan.counts, "near": scan.near}
        print(
            json.dumps({"policy": name, "core_seconds": round(time.process_time() - began, 1), **numbers}), flush=True
        )
        if options.write:
            renew_card(Path(locate(name)), pretrained, scan)
        if options.check:
            print(
                json.dumps({"policy": name, "tokens": tokens(stream, name), "trained on": trained_on(name)}), flush=True
            )


def tokens(stream: list[Example], name: str) -> int:
    """The tokens of all examples as a pretraining counts them: prompt, completion and end, without padding."""
    from loopholes.policies.checkpoints import load_tokenizer
    from loopholes.policies.tokens import encode_prompts, encode_texts

    tokenizer = load_tokenizer(locate(name), name)
    prompts = encode_prompts(tokenizer, [example.prompt for example in stream])
    completions = encode_texts(tokenizer, [example.completion for example in stream])
    return sum(len(prompt) + len(completion) + 1 for prompt, completion in zip(prompts, completions, strict=True))


def trained_on(name: str) -> int:
    """The number of tokens that was counted when the policy was made."""
    return int(read_card(locate(name))["tokens"])


if __name__ == "__main__":
    main()
