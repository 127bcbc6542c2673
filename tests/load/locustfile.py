"""The load of a pipeline: three questions to one upload, as users would send them.

locust -f tests/load/locustfile.py --headless --users 4 --answers 20 --host http://127.0.0.1:8000
"""

import random
from argparse import ArgumentParser
from typing import Any
from uuid import uuid4

import gevent
import pymupdf
from locust import HttpUser, between, events, task
from locust.env import Environment

QUESTIONS = (
    "What must the copyright file of a package contain?",
    "Which section does a package belong to?",
    "Who maintains a package?",
    "How are version numbers compared?",
)
PREFIX = "load-"
KINDS = 2


def add_answers(parser: ArgumentParser) -> None:
    """Adds the option --answers."""
    text = "Stop after so many answers of each kind; 0: never."
    parser.add_argument("--answers", type=int, default=0, help=text)


def stop_after_answers(environment: Environment, **_: Any) -> None:
    """Ends the run when each kind of request has had its answers, in whatever time the machine needs."""

    def look(**_: Any) -> None:
        kinds = environment.stats.entries.values()
        if sum(kind.num_requests >= wanted for kind in kinds) == KINDS and environment.runner:
            gevent.spawn(environment.runner.quit)  # not here: it waits for the user whose request this is

    if environment.parsed_options and (wanted := environment.parsed_options.answers):
        environment.events.request.add_listener(look)


events.init_command_line_parser.add_listener(add_answers)
events.init.add_listener(stop_after_answers)


def page(text: str) -> bytes:
    """Returns a PDF of one page."""
    with pymupdf.open() as pdf:
        pdf.new_page().insert_textbox((50, 50, 550, 800), text)
        return bytes(pdf.tobytes())


class Reader(HttpUser):
    """Asks questions, and now and then uploads a document."""

    wait_time = between(0.1, 0.5)

    @task(3)
    def query(self) -> None:
        """Asks a question and expects an answer with citations."""
        with self.client.post(
            "/api/v1/query", json={"query": random.choice(QUESTIONS)}, catch_response=True
        ) as response:
            if response.ok and not response.json()["citations"]:
                response.failure("no citations")

    @task(1)
    def upload(self) -> None:
        """Uploads a document that nobody has uploaded before."""
        document_id = f"{PREFIX}{uuid4()}"
        files = {
            "file": (f"{document_id}.pdf", page(f"Load test document {document_id}."), "application/pdf")
        }
        with self.client.post(
            "/api/v1/documents/upload", files=files, data={"document_id": document_id}, catch_response=True
        ) as response:
            if response.ok and response.json()["status"] != "processing":
                response.failure(f"status {response.json()['status']}")
