"""Jars from Maven Central, pinned by SHA-256: fetched on this machine, which needs no Java for it, and cached.

What a Maven user has set up holds here as well: a mirror of Central in ~/.m2/settings.xml (or `MAVEN_MIRROR_URL`,
which comes first), the usual proxy variables, and the authorities that this machine trusts. Left out: the passwords
in those settings; a mirror that asks for one gets it in `MAVEN_MIRROR_URL`.
"""

import hashlib
import os
import shutil
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx

from sandbox import layout
from sandbox.images.recipe import ImageBuildError

CENTRAL = "https://repo.maven.apache.org/maven2"
MIRROR_VARIABLE = "MAVEN_MIRROR_URL"
SETTINGS = Path.home() / ".m2" / "settings.xml"
CACHE = layout.CACHE / "jars"

DOWNLOADS_AT_ONCE = 8
ATTEMPTS = 4
TIMEOUT = httpx.Timeout(30, connect=15)


@dataclass(frozen=True)
class Jar:
    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Below a repository's root."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"

    @property
    def cached(self) -> Path:
        return CACHE / f"{self.sha256[:12]}-{self.name}"

    def matches(self, content: bytes) -> bool:
        return hashlib.sha256(content).hexdigest() == self.sha256


def fetch_jars(listing: Path, target: Path) -> None:
    """Put every jar of a listing (lines `group:artifact:version sha256`) into a new directory."""
    jars = read_listing(listing.read_text(encoding="utf-8"))
    CACHE.mkdir(parents=True, exist_ok=True)
    repository = repository_url()
    # The system's authorities: a company's own is among them.
    with (
        httpx.Client(verify=ssl.create_default_context(), timeout=TIMEOUT, follow_redirects=True) as client,
        ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool,
    ):
        futures = [pool.submit(_ensure, client, repository, jar) for jar in jars]
        faults = [str(error) for future in futures if (error := future.exception())]
    if faults:
        raise ImageBuildError("\n  ".join([f"{len(faults)} of {len(jars)} jars could not be fetched:", *faults[:5]]))
    target.mkdir()
    for jar in jars:
        shutil.copyfile(jar.cached, target / jar.name)


def read_listing(text: str) -> list[Jar]:
    """The jars of a listing; `#` begins a comment."""
    lines = [words for line in text.splitlines() if (words := line.partition("#")[0].replace(":", " ").split())]
    return [Jar(group, artifact, version, sha256) for group, artifact, version, sha256 in lines]


def repository_url(settings: Path = SETTINGS) -> str:
    """Where Maven Central's files are fetched from on this machine, without a slash at the end."""
    return (os.environ.get(MIRROR_VARIABLE) or _mirror_in(settings) or CENTRAL).rstrip("/")


def _mirror_in(settings: Path) -> str | None:
    """The first mirror of Central in Maven's settings, as Maven would choose it."""
    try:
        root = ET.parse(settings).getroot()
    except FileNotFoundError:
        return None
    except (OSError, ET.ParseError) as error:
        raise ImageBuildError(f"{settings} cannot be read: {error}. Mend it, or set {MIRROR_VARIABLE}.") from None
    # `{*}`: the file may or may not name Maven's XML namespace.
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        patterns = [pattern.strip() for pattern in mirror.findtext("{*}mirrorOf", "").split(",")]
        serves = "!central" not in patterns and not {"*", "external:*", "central"}.isdisjoint(patterns)
        if serves and mirror.findtext("{*}blocked", "").strip() != "true":
            return mirror.findtext("{*}url", "").strip() or None
    return None


def _ensure(client: httpx.Client, repository: str, jar: Jar) -> None:
    if jar.cached.exists() and jar.matches(jar.cached.read_bytes()):
        return
    content = _download(client, f"{repository}/{jar.path}")
    if not jar.matches(content):
        found = hashlib.sha256(content).hexdigest()
        raise ImageBuildError(f"{repository}/{jar.path} has SHA-256 {found}, not {jar.sha256}: do not use it")
    # Only a whole jar gets the final name.
    unfinished = jar.cached.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(jar.cached)


def _download(client: httpx.Client, url: str) -> bytes:
    """The body; what may pass (no connection, a server's fault, too many requests) is tried again."""
    fault = ""
    for attempt in range(ATTEMPTS):
        time.sleep(2**attempt - 1)
        try:
            response = client.get(url)
        except httpx.TransportError as error:
            fault = f"{type(error).__name__} {error}".strip()
            continue
        if response.is_success:
            return response.content
        fault = f"{response.status_code} {response.reason_phrase}"
        if response.status_code < 500 and response.status_code != 429:
            break
    raise ImageBuildError(f"{url}: {fault}. A mirror of Maven Central can be named in {MIRROR_VARIABLE}.")
