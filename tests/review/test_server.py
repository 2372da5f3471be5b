from __future__ import annotations

import http.client
import json
from typing import Any

from scanner.review.server import COOKIE, Server
from tests.review.conftest import Scene


def ask(server: Server, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    sent = {"Cookie": f"{COOKIE}={server.session}", "Content-Type": "application/json", **headers}
    sent = {name: value for name, value in sent.items() if value}
    method = "GET" if body is None else "POST"
    connection.request(method, path, None if body is None else json.dumps(body), sent)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), content


def test_the_address_opens_the_page_once(scene: Scene) -> None:
    with scene.serving(scene.desk()) as server:
        path = f"/?token={server.token}"
        status, headers, _ = ask(server, path, Cookie="")
        assert status == 303
        assert f"{COOKIE}={server.session}; HttpOnly; SameSite=Strict" in headers["Set-Cookie"]
        assert ask(server, path, Cookie="")[0] == 403
        assert ask(server, "/?token=guess", Cookie="")[0] == 403


def test_nothing_is_told_without_the_session(scene: Scene) -> None:
    with scene.serving(scene.desk()) as server:
        for path in ("/", "/next", "/status"):
            status, _, content = ask(server, path, Cookie=f"{COOKIE}=wrong")
            assert (status, content) == (403, b"")
        assert ask(server, "/judge", {"number": 0, "answer": "true"}, Cookie="")[0] == 403


def test_a_name_that_leads_here_is_refused(scene: Scene) -> None:
    with scene.serving(scene.desk()) as server:
        assert ask(server, "/next", Host="evil.example.com")[0] == 421
        assert ask(server, "/next", Host=f"localhost:{server.server_port}")[0] == 200


def test_it_listens_on_loopback_alone(scene: Scene) -> None:
    with scene.serving(scene.desk()) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_the_page_may_run_its_own_script_and_nothing_else(scene: Scene) -> None:
    with scene.serving(scene.desk()) as server:
        status, headers, content = ask(server, "/")
        assert status == 200
        assert headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert b"Review of findings by Ada" in content


def test_requests_that_make_no_sense_are_refused_without_a_word_of_the_data(scene: Scene) -> None:
    bodies: list[tuple[str, Any, int]] = [
        ("/judge", {"number": "x", "answer": "true"}, 400),
        ("/judge", {}, 400),
        ("/judge", [1], 400),
        ("/read", {"number": 0, "rejected": [99], "missed": []}, 400),
        ("/read", {"number": 0, "rejected": [], "missed": [3]}, 400),
        ("/nowhere", {}, 404),
    ]
    with scene.serving(scene.desk()) as server:
        for path, body, wanted in bodies:
            status, _, content = ask(server, path, body)
            assert (path, status, content) == (path, wanted, b"")
        assert ask(server, "/judge", {"number": 0, "answer": "true"}, **{"Content-Type": "text/plain"})[0] == 415


def test_an_answer_is_noted_and_moves_the_status(scene: Scene) -> None:
    with scene.serving(scene.desk()) as server:
        shown = json.loads(ask(server, "/next")[2])
        assert ask(server, "/judge", {"number": shown["number"], "answer": "false"})[0] == 200
        status = json.loads(ask(server, "/status")[2])
        assert status["judged"] == 1
        assert json.loads(ask(server, "/next")[2])["number"] != shown["number"]
