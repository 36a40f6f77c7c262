"""``python -m loopholes``; also what ``accelerate launch -m loopholes`` runs."""

from loopholes.cli import entry

if __name__ == "__main__":
    entry()
