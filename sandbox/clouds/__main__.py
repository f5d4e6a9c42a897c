"""Serve the simulated clouds: `python -m sandbox.clouds`, until SIGTERM. Droplets keep running when it ends."""

import argparse
import logging
import signal
import sys

import uvicorn

from sandbox import layout
from sandbox.clouds.app import create_app, open_store
from sandbox.clouds.digitalocean.addresses import EDGE
from sandbox.clouds.edge_server import EdgeServer
from sandbox.clouds.faults import Faults
from sandbox.clouds.name_server import NameServer
from sandbox.clouds.spaces.object_store import ObjectStore
from sandbox.clouds.spaces.server import SpacesServer
from sandbox.clouds.store import spaces_keys
from sandbox.clouds.tokens import tokens

ZONE = "aupex.ai"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.clouds", description=__doc__)
    parser.add_argument("--zone", default=ZONE, help="the account's DNS zone, when the state is new (%(default)s)")
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    # Here, so that the APIs can be tested where there is no Docker.
    from sandbox.droplets import DockerHypervisor

    store = open_store(layout.STATE / "clouds", arguments.zone)
    faults, objects = Faults(), ObjectStore(lambda: spaces_keys(store))
    app = create_app(store, DockerHypervisor(), tokens(layout.STATE), faults=faults, objects=objects)
    # uvicorn raises the signal again when it has finished: then the rest is put away, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    names = NameServer(store, EDGE, layout.DNS_ADDRESS, layout.DNS_PORT)
    edge = EdgeServer(store, EDGE, layout.EDGE_CERTIFICATES)
    spaces = SpacesServer(store, objects, faults, layout.SPACES_CERTIFICATES)
    names.start()
    edge.start()
    spaces.start()
    try:
        uvicorn.run(app, host=layout.API_ADDRESS, port=layout.API_PORT, log_config=None, timeout_graceful_shutdown=10)
    finally:
        spaces.stop()
        edge.stop()
        names.stop()


if __name__ == "__main__":
    main()
