"""BullMQ on Redis."""

from ..peer import READY_S, Peer, Running, run, says, wait_until


class BullMQ(Peer):
    name = "bullmq"
    title = "BullMQ on Redis, appendfsync always, behind Fastify"
    packages = ("redis-server",)
    configuration = ("redis.conf", "accept.mjs", "worker.mjs", "queue.mjs")
    accepted = "Redis has appended the job to its log and fdatasync has returned."
    kill_9 = "Nothing acknowledged. Jobs that a killed worker had in hand wait for their lock (30 s), then run again."
    power_cut = "Nothing acknowledged: the reply to EVALSHA leaves after the fdatasync of the append-only file."
    recovers_within_s = 90.0

    def store_versions(self) -> dict[str, str]:
        return {"redis": run(["redis-server", "--version"]).split("v=")[1].split()[0]}

    def start_store(self, running: Running) -> None:
        port = str(running.port("store"))
        config = str(self.folder / "redis.conf")
        running.spawn("store", ["redis-server", config, "--port", port, "--dir", str(running.folder("redis"))])
        ping = ["redis-cli", "-h", "127.0.0.1", "-p", port, "ping"]
        wait_until(lambda: says(ping, "PONG"), "Redis answers", READY_S)


PEER = BullMQ()
