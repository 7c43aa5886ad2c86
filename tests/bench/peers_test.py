"""The peers' interface, without any peer installed: every peer is whole, and Running holds what it says, shown on a small peer whose
store is Python's own web server."""

import http.server
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

import peers
import world
from peers import peer as interface

HERE = interface.HERE


class Whole(unittest.TestCase):
    """What a reader and the benchmark look for is there."""

    def test_each_says_what_it_is(self):
        readme = (HERE / "README.md").read_text()
        for name in peers.NAMES + peers.BASELINES:
            with self.subTest(name):
                one = peers.load(name)
                self.assertEqual(one.name, name)
                for text in (one.title, one.accepted, one.kill_9, one.power_cut):
                    self.assertGreater(len(text), 10)
                for file in one.configuration:
                    self.assertTrue((one.folder / file).is_file(), file)
                self.assertIn(f"\n### {name}\n", readme)

    def test_scripts_are_there_for_the_processes_that_are_started(self):
        for name in peers.NAMES + peers.BASELINES:
            with self.subTest(name):
                one = peers.load(name)
                self.assertEqual((one.folder / "accept.mjs").is_file(), one.accept_processes > 0)
                self.assertEqual((one.folder / "worker.mjs").is_file(), one.worker_processes > 0)

    def test_packages_are_pinned_and_nothing_says_where_they_come_from(self):
        for name in peers.NAMES + peers.BASELINES:
            with self.subTest(name):
                folder = peers.load(name).folder
                manifest = json.loads((folder / "package.json").read_text())
                for package, version in manifest["dependencies"].items():
                    self.assertRegex(version, r"^\d+\.\d+\.\d+$", package)
                self.assertEqual([], [file.name for file in folder.iterdir() if re.search("lock|npmrc|node_modules", file.name)])

    def test_every_folder_is_listed(self):
        folders = {folder.parent.name for folder in HERE.glob("*/package.json")}
        self.assertEqual(folders, set(peers.NAMES + peers.BASELINES))

    @unittest.skipUnless(shutil.which("node"), "no node")
    def test_node_can_read_every_script(self):
        for script in sorted(HERE.glob("*/*.mjs")):
            with self.subTest(script.name):
                done = subprocess.run(["node", "--check", script], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)


class Absent(unittest.TestCase):
    """What can't be had says why, and in one way."""

    def test_an_unknown_name(self):
        with self.assertRaisesRegex(peers.Unavailable, "bullmq"):
            peers.load("kafka")

    def test_a_command_that_fails_says_so_in_its_own_words(self):
        with self.assertRaisesRegex(peers.Unavailable, "no such luck"):
            interface.run(["sh", "-c", "echo no such luck >&2; exit 3"])

    def test_a_command_that_is_not_there(self):
        with self.assertRaises(peers.Unavailable):
            interface.run(["/nonexistent/npm", "install"])


class Little(interface.Peer):
    """A peer of one process and its child; it accepts on its store's own port."""

    name = "little"
    accept_processes = 0
    worker_processes = 0

    def environment(self, running):
        return {}

    def start_store(self, running):
        server = f"exec {sys.executable} -m http.server --bind 127.0.0.1 {running.port('accept')}"
        running.spawn("store", ["sh", "-c", f"sleep 1000 & {server}"])
        world.wait_until(lambda: interface.listens(running.port("accept")), "the server listens", 30)


class LittleThatFails(Little):
    """Its store ends at once."""

    def start_store(self, running):
        running.spawn("store", ["sh", "-c", "echo out of luck; exit 7"]).wait()


class Asked(unittest.TestCase):
    """JSON is asked for by name: Restate answers in a format of its own where it is not."""

    def test_get_json_says_what_it_wants(self):
        heard = []

        class Ear(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                heard.append(self.headers["Accept"])
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Ear) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            self.assertEqual(world.get_json(f"http://127.0.0.1:{server.server_port}/", {"query": "1"}), {})
            thread.join()
        self.assertEqual(heard, ["application/json"])


class Life(unittest.TestCase):
    """From start to stop."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="holdfast-peers-")
        self.addCleanup(temporary.cleanup)
        self.directory = pathlib.Path(temporary.name)
        for name, value in (("CACHE", self.directory / "cache"), ("ORPHANS_S", 0.2)):
            self.addCleanup(setattr, interface, name, getattr(interface, name))
            setattr(interface, name, value)

    def start(self, peer):
        return peer.start(self.directory / "state", "http://127.0.0.1:9/do")

    def test_it_runs_and_leaves_nothing_behind(self):
        with self.start(Little()) as running:
            pids = running.pids()["store"]
            self.assertEqual(len(pids), 2)
            self.assertTrue(interface.listens(running.port("accept")))
            self.assertGreater(running.cpu_seconds()["store"], 0.0)
        self.assertEqual([alive for pid in pids for alive in interface.tree(pid)], [])
        self.assertEqual(running.pids(), {})
        running.stop()

    def test_a_kill_takes_all_and_it_comes_back_where_it_was(self):
        with self.start(Little()) as running:
            url, before = running.accept_url, running.pids()["store"]
            running.kill("worker")
            self.assertEqual(running.pids()["store"], before)
            running.kill("store")
            self.assertFalse(interface.listens(running.port("accept")))
            running.revive()
            self.assertEqual(running.accept_url, url)
            self.assertEqual(set(running.pids()["store"]) & set(before), set())

    def test_a_later_start_in_the_same_directory_has_the_same_ports(self):
        with self.start(Little()) as running:
            first = running.port("accept")
        with self.start(Little()) as running:
            self.assertEqual(running.port("accept"), first)

    def test_a_store_that_cannot_be_asked_says_why(self):
        with self.start(Little()) as running:
            self.assertEqual(running.pending(), -1)
            self.assertIn("404", running.uncounted)

    def test_one_that_does_not_come_up_says_its_last_words(self):
        with self.assertRaisesRegex(peers.Unavailable, "out of luck"):
            self.start(LittleThatFails())


if __name__ == "__main__":
    unittest.main()
