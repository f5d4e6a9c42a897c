"""Visitors of the API, at a steady pace: some come with a new connection each time, some keep theirs."""

import contextlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Self

PATH = "/api/health"


class Visitors:
    """While the context is open, they ask. Then `answers` counts each status, and each error by its name.

    What fails while the service is `away` is not counted.
    """

    wanted = 200
    """The status of a request that did not fail."""
    pause = 0.12
    """Seconds between two requests of a visitor: both together stay below the limit of requests a second."""

    def __init__(self, address: str, host: str) -> None:
        self.answers: Counter[int | str] = Counter()
        self._address, self._host = address, host
        self._over, self._away = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._come, self._stay)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        time.sleep(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Everybody knows that the service is away until the context is closed."""
        self._away.set()
        yield
        self._away.clear()

    def failed(self) -> dict[int | str, int]:
        return {answer: count for answer, count in self.answers.items() if answer != self.wanted}

    def _come(self) -> None:
        while not self._over.wait(self.pause):
            connection = self._connection()
            self._ask(connection)
            connection.close()

    def _stay(self) -> None:
        connection = self._connection()
        while not self._over.wait(self.pause):
            if not self._ask(connection):
                connection.close()  # the next request opens it again
        connection.close()

    def _connection(self) -> HTTPConnection:
        return HTTPConnection(self._address, timeout=20)

    def _ask(self, connection: HTTPConnection) -> bool:
        """Whether there was an answer."""
        answer: int | str
        away = self._away.is_set()
        try:
            answer = self._request(connection)
        except (OSError, HTTPException) as error:
            answer = type(error).__name__
        if answer == self.wanted or not (away or self._away.is_set()):
            self.answers[answer] += 1
        return isinstance(answer, int)

    def _request(self, connection: HTTPConnection) -> int:
        """The status of the answer."""
        connection.request("GET", PATH, headers={"Host": self._host})
        answer = connection.getresponse()
        answer.read()
        return answer.status


class Reporters(Visitors):
    """Visitors who report measurements of one user. Each measurement has another value."""

    wanted = 202
    pause = 0.4

    def __init__(self, address: str, host: str, user: str) -> None:
        super().__init__(address, host)
        self.reported: list[tuple[str, float]] = []
        """The id and the value of each measurement that the API has accepted."""
        self._user = user
        self._values = itertools.count(1)

    def _request(self, connection: HTTPConnection) -> int:
        value = float(next(self._values))
        body = json.dumps({"user_id": self._user, "metric": "steps", "value": value})
        headers = {"Host": self._host, "Content-Type": "application/json"}
        connection.request("POST", "/api/biometrics", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == self.wanted:
            self.reported.append((json.loads(text)["id"], value))
        return answer.status
