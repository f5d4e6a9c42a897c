"""The certificates of the edge, like those of Cloudflare's Universal SSL.

A zone's certificate covers the zone itself and one level below it. For any other name, and for a visitor that names
none, the handshake fails. Left out: advanced certificates, and the hours until a new zone has its first.
"""

import shutil
import ssl
from pathlib import Path

from cryptography import x509

from sandbox import certificates
from sandbox.clouds.name_server import zone_of
from sandbox.clouds.store import Store

AUTHORITY = "authority.pem"
_REFUSED = ssl.AlertDescription.ALERT_DESCRIPTION_HANDSHAKE_FAILURE


class EdgeCertificates:
    """An authority below `folder`, and a certificate for each zone in `store`, created at its first request."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._contexts: dict[str, ssl.SSLContext] = {}

    def server_context(self) -> ssl.SSLContext:
        """For a TLS server: it shows the certificate of the zone that the visitor names."""
        self._ensure_authority()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

        def choose(connection: ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> int | None:
            zone = self._covering(host or "")
            if zone is None:
                return _REFUSED
            connection.context = self._context_of(zone)
            return None

        context.sni_callback = choose
        return context

    def _covering(self, host: str) -> str | None:
        with self._store.read() as whole:
            zone = zone_of(host.lower(), list(whole.cloudflare.zones.values()))
        if zone is None or host.count(".") > zone.name.count(".") + 1:
            return None
        return zone.name

    def _context_of(self, zone: str) -> ssl.SSLContext:
        if zone not in self._contexts:
            file = self._folder / f"zone-{zone}.pem"
            if not file.exists():
                self._sign(zone, file)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
            self._contexts[zone] = context
        return self._contexts[zone]

    def _sign(self, zone: str, file: Path) -> None:
        issuer_key = certificates.read_key(self._folder / "authority.key")
        issuer = x509.load_pem_x509_certificate((self._folder / AUTHORITY).read_bytes())
        key = certificates.new_key()
        certificate = certificates.server(key, issuer, issuer_key, [zone, f"*.{zone}"])
        draft = file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        certificates.write(draft, certificates.certificate_text(certificate) + certificates.key_text(key), 0o600)
        draft.rename(file)

    def _ensure_authority(self) -> None:
        if (self._folder / AUTHORITY).exists():
            return
        # The certificate is the last file to appear: a cut leaves none without its key.
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        key = certificates.new_key()
        certificates.write(self._folder / "authority.key", certificates.key_text(key), 0o600)
        authority = certificates.authority(key, "AUREN sandbox edge authority")
        draft = self._folder / "authority.new"
        certificates.write(draft, certificates.certificate_text(authority), 0o644)
        draft.rename(self._folder / AUTHORITY)
