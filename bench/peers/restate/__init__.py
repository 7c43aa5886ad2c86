"""Restate: its own HTTP front, its own log, and a handler in Node."""

import urllib.request

import world

from ..peer import READY_S, Peer, Running, listens, wait_until


class Restate(Peer):
    name = "restate"
    title = "Restate, its own ingress, a handler in Node"
    configuration = ("restate.toml", "worker.mjs")
    id_name = "invocationId"
    accept_processes = 0
    accepted = "The log server has the invocation, and its write-ahead log's fdatasync has returned."
    kill_9 = "Nothing acknowledged. Handlers that were killed are called again at once."
    power_cut = "Nothing acknowledged: a log record is synced before it is answered (rocksdb-disable-wal-fsync is false)."

    def _program(self) -> str:
        return str(self.cache / "node_modules" / ".bin" / "restate-server")

    def store_versions(self) -> dict[str, str]:
        return {}

    def start_store(self, running: Running) -> None:
        ports = {name: f"127.0.0.1:{running.port(name)}" for name in ("accept", "admin", "node", "handler")}
        env = {
            "RESTATE_CONFIG": str(self.folder / "restate.toml"),
            "RESTATE_BASE_DIR": str(running.folder("restate")),
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_BIND_ADDRESS": ports["node"],
            "RESTATE_ADVERTISED_ADDRESS": f"http://{ports['node']}/",
            "RESTATE_INGRESS__BIND_ADDRESS": ports["accept"],
            "RESTATE_ADMIN__BIND_ADDRESS": ports["admin"],
            "DO_NOT_TRACK": "1",
        }
        running.spawn("store", [self._program()], env=env)
        wait_until(lambda: self._is_healthy(running), "Restate is healthy", READY_S)

    @staticmethod
    def _is_healthy(running: Running) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{running.port('admin')}/health", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def environment(self, running: Running) -> dict[str, str]:
        return {"HANDLER_PORT": str(running.port("handler")), "RESTATE_LOGGING": "ERROR"}

    def accept_url(self, running: Running) -> str:
        return f"http://127.0.0.1:{running.port('accept')}/commands/carry/send"

    def settle(self, running: Running) -> None:
        wait_until(lambda: listens(running.port("handler")), "the handler listens", READY_S)
        handler = f"http://127.0.0.1:{running.port('handler')}"
        world.get_json(f"http://127.0.0.1:{running.port('admin')}/deployments", {"uri": handler, "force": True})

    def pending(self, running: Running) -> int:
        query = "select count(*) as open from sys_invocation where status <> 'completed'"
        answer = world.get_json(f"http://127.0.0.1:{running.port('admin')}/query", {"query": query})
        return int(answer["rows"][0]["open"])


PEER = Restate()
