"""RabbitMQ with a quorum queue."""

import os

import world

from ..peer import READY_S, Peer, Running, listens, run, wait_until

_BIN = "/usr/lib/rabbitmq/bin"


class RabbitMQ(Peer):
    name = "rabbitmq"
    title = "RabbitMQ quorum queue, publisher confirms, behind Fastify"
    packages = ("rabbitmq-server",)
    configuration = ("rabbitmq.conf", "queue.mjs", "accept.mjs", "worker.mjs")
    accepted = "The queue's Raft log (one member) has the message, and its fdatasync has returned: the publisher confirm says so."
    kill_9 = "Nothing acknowledged. What a killed worker had in hand is given out again when its connection ends."
    power_cut = "Nothing acknowledged: a quorum queue confirms after its write-ahead log's fdatasync."

    def store_versions(self) -> dict[str, str]:
        query = ["dpkg-query", "-W", "-f", "${Version}"]
        return {"rabbitmq": run([*query, "rabbitmq-server"]), "erlang": run([*query, "erlang-base"])}

    def start_store(self, running: Running) -> None:
        epmd = running.port("epmd")
        if not listens(epmd):  # Its Erlang node registers there: our own, not the machine's
            running.spawn("store", ["epmd", "-address", "127.0.0.1", "-port", str(epmd)], name="epmd")
            wait_until(lambda: listens(epmd), "epmd answers", READY_S)
        env = self._store_environment(running)
        running.spawn("store", [f"{_BIN}/rabbitmq-server"], env=env)
        wait_until(lambda: listens(running.port("store")), "RabbitMQ listens", READY_S)

    def _store_environment(self, running: Running) -> dict[str, str]:
        folder = running.folder("rabbitmq")
        return {
            "HOME": str(folder),  # The Erlang cookie is there
            "ERL_EPMD_PORT": str(running.port("epmd")),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"peer{running.port('store')}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(running.port("store")),
            "RABBITMQ_DIST_PORT": str(running.port("distribution")),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }

    def environment(self, running: Running) -> dict[str, str]:
        return {**super().environment(running), "WORKER_PORT": str(running.port("worker"))}

    def pending(self, running: Running) -> int:
        # A client can ask for the ready ones only; what was delivered and not acknowledged, the consumer knows. The broker's control
        # program knows both, and takes seconds of CPU to say so.
        in_hand = world.get_json(f"http://127.0.0.1:{running.port('worker')}/")["pending"]
        return super().pending(running) + in_hand

    def unrecorded(self, running: Running) -> int:
        env = {**os.environ, **self._store_environment(running)}
        lines = run([f"{_BIN}/rabbitmqctl", "--quiet", "--no-table-headers", "list_queues", "messages"], env=env)
        return sum(int(line) for line in lines.split())


PEER = RabbitMQ()
