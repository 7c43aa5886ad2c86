"""NATS JetStream."""

import os
import pathlib
import re
import shutil

from ..peer import READY_S, Peer, Running, Unavailable, listens, run, wait_until

# Debian 12 has 2.9, which does not know `sync_interval: always`; it came with 2.10, which Debian 13 has, and which runs on 12 as it is.
_RELEASE = "trixie"
_SOURCES = "/etc/apt/sources.list.d/debian.sources"


class Nats(Peer):
    name = "nats"
    title = "NATS JetStream, sync_interval: always, behind Fastify"
    configuration = ("nats.conf", "stream.mjs", "accept.mjs", "worker.mjs")
    accepted = "The stream's block file has the message, and its fsync has returned."
    kill_9 = "Nothing acknowledged. What a killed worker had in hand is given out again after ack_wait (30 s)."
    power_cut = "Nothing acknowledged with `sync_interval: always`; with the default (2 min), the last two minutes."
    recovers_within_s = 90.0

    def install(self) -> None:
        if not self._server():
            self._install_server()
        self.install_modules()

    def _server(self) -> str | None:
        """A nats-server that can sync always: the machine's own if it is new enough, else the one in the cache."""
        for path in (shutil.which("nats-server"), str(self.cache / "server/usr/sbin/nats-server")):
            if path and os.path.exists(path) and self._version(path) >= (2, 10):
                return path
        return None

    @staticmethod
    def _version(path: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.search(r"(\d+)\.(\d+)\.(\d+)", run([path, "--version"])).groups())

    def _install_server(self) -> None:
        """Debian 13's package, unpacked into the cache: nothing of the machine's own release is changed."""
        if not os.path.exists(_SOURCES):
            raise Unavailable(f"needs nats-server 2.10 or later; {_SOURCES} is not there to fetch it from")
        uri = re.search(r"^URIs:\s*(\S+/debian/?)\s*$", pathlib.Path(_SOURCES).read_text(), re.MULTILINE)
        if not uri:
            raise Unavailable(f"needs nats-server 2.10 or later, and {_SOURCES} names no Debian mirror")
        apt = self.cache / "apt"
        for folder in ("lists/partial", "cache/archives/partial"):
            (apt / folder).mkdir(parents=True, exist_ok=True)
        signed = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (apt / "debian.sources").write_text(
            f"Types: deb\nURIs: {uri[1]}\nSuites: {_RELEASE}\nComponents: main\nSigned-By: {signed}\n"
        )
        options = [
            f"Dir::Etc::sourcelist={apt}/debian.sources",
            "Dir::Etc::sourceparts=/dev/null",
            f"Dir::State::lists={apt}/lists",
            f"Dir::Cache={apt}/cache",
            "APT::Sandbox::User=root",
        ]
        get = ["apt-get", "-q", *[word for option in options for word in ("-o", option)]]
        run([*get, "update"])
        for old in apt.glob("nats-server_*.deb"):
            old.unlink()
        run([*get, "download", "nats-server"], cwd=apt)
        run(["dpkg-deb", "-x", str(next(apt.glob("nats-server_*.deb"))), str(self.cache / "server")])
        shutil.rmtree(apt)
        if not self._server():
            raise Unavailable("the nats-server that was fetched is not 2.10 or later, or does not run here")

    def store_versions(self) -> dict[str, str]:
        return {"nats-server": ".".join(str(part) for part in self._version(self._server()))}

    def start_store(self, running: Running) -> None:
        port = running.port("store")
        argv = [self._server(), "-c", str(self.folder / "nats.conf"), "-p", str(port), "-sd", str(running.folder("jetstream"))]
        running.spawn("store", argv)
        wait_until(lambda: listens(port), "NATS listens", READY_S)


PEER = Nats()
