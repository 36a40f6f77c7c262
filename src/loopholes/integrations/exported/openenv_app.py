"""The server: ``python -m server.app`` in the package's folder, or ``uvicorn server.app:app``."""

import argparse

import uvicorn
from openenv.core.env_server.http_server import create_app

from loopholes.integrations.exported.openenv_environment import PACKAGE, GameEnvironment
from loopholes.integrations.exported.openenv_models import GameAction, GameObservation

app = create_app(GameEnvironment, GameAction, GameObservation, env_name=PACKAGE.module, max_concurrent_envs=64)


def main() -> None:
    """Serve on one address."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=8000)
    chosen = parser.parse_args()
    uvicorn.run(app, host=chosen.host, port=chosen.port)


if __name__ == "__main__":
    main()
