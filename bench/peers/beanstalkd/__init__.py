"""beanstalkd with its binlog."""

from ..peer import READY_S, Peer, Running, listens, run, wait_until


class Beanstalkd(Peer):
    name = "beanstalkd"
    title = "beanstalkd -b DIR -f 0, behind Fastify"
    packages = ("beanstalkd",)
    configuration = ("beanstalkd.args", "tube.mjs", "accept.mjs", "worker.mjs")
    accepted = "The binlog has the job, and its fsync has returned."
    kill_9 = "Nothing acknowledged. What a killed worker had in hand is ready again when its connection ends."
    power_cut = "Nothing acknowledged with -f 0; with the default (-f 50), the last 50 ms."

    def store_versions(self) -> dict[str, str]:
        return {"beanstalkd": run(["beanstalkd", "-v"]).split()[1]}

    def start_store(self, running: Running) -> None:
        port = running.port("store")
        lines = (self.folder / "beanstalkd.args").read_text().splitlines()
        options = [word for line in lines if not line.startswith("#") for word in line.split()]
        argv = ["beanstalkd", "-l", "127.0.0.1", "-p", str(port), "-b", str(running.folder("binlog")), *options]
        running.spawn("store", argv)
        wait_until(lambda: listens(port), "beanstalkd listens", READY_S)


PEER = Beanstalkd()
