"""Visitors of the API, at a steady pace: some come with a new connection each time, some keep theirs."""

import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from types import TracebackType

PATH = "/api/health"
PAUSE = 0.12
"""Seconds between two requests of a visitor: both together stay below the limit of requests a second."""


class Visitors:
    """While the context is open, they ask. Then `answers` counts each status, and each error by its name."""

    def __init__(self, address: str, host: str) -> None:
        self.answers: Counter[int | str] = Counter()
        self._address, self._host = address, host
        self._over = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._come, self._stay)]

    def __enter__(self) -> "Visitors":
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

    def failed(self) -> dict[int | str, int]:
        return {answer: count for answer, count in self.answers.items() if answer != 200}

    def _come(self) -> None:
        while not self._over.wait(PAUSE):
            connection = self._connection()
            self._ask(connection)
            connection.close()

    def _stay(self) -> None:
        connection = self._connection()
        while not self._over.wait(PAUSE):
            if not self._ask(connection):
                connection.close()  # the next request opens it again
        connection.close()

    def _connection(self) -> HTTPConnection:
        return HTTPConnection(self._address, timeout=20)

    def _ask(self, connection: HTTPConnection) -> bool:
        """Whether there was an answer."""
        try:
            connection.request("GET", PATH, headers={"Host": self._host})
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException) as error:
            self.answers[type(error).__name__] += 1
            return False
        self.answers[answer.status] += 1
        return True
