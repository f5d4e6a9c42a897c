"""The pulumi CLI and its Python language host, for machines where they are not installed."""

from sandbox.engine.build import ENGINE_VERSION, EngineError, ensure_engine, language_host_of, official_engine
from sandbox.engine.install import install, write_launcher

__all__ = [
    "ENGINE_VERSION",
    "EngineError",
    "ensure_engine",
    "install",
    "language_host_of",
    "official_engine",
    "write_launcher",
]
