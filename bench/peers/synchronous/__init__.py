"""A service that calls the third party inside the request: what the outage experiment shows Holdfast beside."""

from ..peer import Peer, Running


class Synchronous(Peer):
    name = "synchronous"
    title = "Fastify that calls the third party inside the request, 10 s, 2 retries"
    configuration = ("accept.mjs",)
    accept_processes = 2
    worker_processes = 0
    accepted = "Its answer is 200, not 202: the third party has done it. Before that, nothing is kept anywhere."
    kill_9 = "Every request under way: whether the third party got it is not known."
    power_cut = "As kill -9."

    def store_versions(self) -> dict[str, str]:
        return {}

    def environment(self, running: Running) -> dict[str, str]:
        return {}


PEER = Synchronous()
