"""What the benchmark compares Holdfast with: one folder each, all with one interface (peer.Peer).

    import peers
    for name in peers.NAMES:                  # bullmq, rabbitmq …
        peer = peers.load(name)
        try:
            peer.install()                    # apt and npm, into .cache/peers; nothing where all is there
        except peers.Unavailable as reason:
            print(f"{name}: {reason}")        # and on with the others
            continue
        print(peer.versions())
        with peer.start(directory, "http://127.0.0.1:4654/do") as running:
            …                                 # POST to running.accept_url

bench/ is in sys.path; only Python's own library is used.
"""

import importlib

from .peer import Peer, Running, Unavailable

__all__ = ["NAMES", "BASELINES", "Peer", "Running", "Unavailable", "load"]

# Each is a folder beside this file.
NAMES = ("bullmq", "rabbitmq", "nats", "graphile-worker", "beanstalkd", "restate")

# The same interface, and no durable queue: what the outage experiment shows Holdfast beside.
BASELINES = ("synchronous",)


def load(name: str) -> Peer:
    """The peer of that name; Unavailable where there is none."""
    if name not in NAMES + BASELINES:
        raise Unavailable(f"there is no peer {name!r}; there are {', '.join(NAMES + BASELINES)}")
    return importlib.import_module(f"{__name__}.{name}").PEER
