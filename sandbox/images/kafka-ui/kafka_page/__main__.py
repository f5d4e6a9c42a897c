"""Serves the page on SERVER_PORT."""

import os

import uvicorn

from kafka_page.app import create_app
from kafka_page.settings import Settings

settings = Settings.from_environment(os.environ)
uvicorn.run(
    create_app(settings),
    host="0.0.0.0",
    port=settings.port,
    log_level="warning",
    access_log=False,
    timeout_graceful_shutdown=4,
)
