"""The SSH configuration beside what somebody has set for all hosts. `ssh -G` tells what ssh makes of both."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.outputs.conftest import Write
from tests.unit.rehearsal import NAME

FOR_ALL_HOSTS = {
    "AddKeysToAgent": "yes",
    "AddressFamily": "inet6",
    "BatchMode": "yes",
    "BindAddress": "192.0.2.1",
    "CanonicalDomains": "example.com",
    "CanonicalizeHostname": "always",
    "CASignatureAlgorithms": "ssh-ed25519",
    "CertificateFile": "~/.ssh/other-cert.pub",
    "CheckHostIP": "yes",
    "Ciphers": "aes128-ctr",
    "Compression": "yes",
    "ConnectionAttempts": "9",
    "ConnectTimeout": "99",
    "ControlMaster": "auto",
    "ControlPath": "/tmp/other-%h",
    "ControlPersist": "yes",
    "DynamicForward": "1080",
    "EnableSSHKeysign": "yes",
    "EscapeChar": "none",
    "ExitOnForwardFailure": "yes",
    "FingerprintHash": "md5",
    "ForwardAgent": "yes",
    "ForwardX11": "yes",
    "ForwardX11Timeout": "9",
    "ForwardX11Trusted": "no",
    "GatewayPorts": "yes",
    "GlobalKnownHostsFile": "/tmp/other-global",
    "GSSAPIAuthentication": "yes",
    "GSSAPIDelegateCredentials": "yes",
    "HashKnownHosts": "yes",
    "HostbasedAcceptedAlgorithms": "ssh-ed25519",
    "HostbasedAuthentication": "yes",
    "HostKeyAlgorithms": "ecdsa-sha2-nistp256",
    "HostKeyAlias": "other-alias",
    "HostName": "other.example.com",
    "IdentitiesOnly": "yes",
    "IdentityAgent": "/tmp/other-agent",
    "IdentityFile": "~/.ssh/other",
    "IPQoS": "af21 cs1",
    "KbdInteractiveAuthentication": "no",
    "KexAlgorithms": "curve25519-sha256",
    "KnownHostsCommand": "/bin/echo other",
    "LocalCommand": "touch /tmp/other",
    "LocalForward": "9000 localhost:9000",
    "LogLevel": "QUIET",
    "MACs": "hmac-sha2-256",
    "NoHostAuthenticationForLocalhost": "yes",
    "NumberOfPasswordPrompts": "9",
    "PasswordAuthentication": "no",
    "PermitLocalCommand": "yes",
    "PKCS11Provider": "/tmp/other.so",
    "Port": "2222",
    "PreferredAuthentications": "password",
    "ProxyCommand": "nc other %h %p",
    "ProxyJump": "bastion.example.com",
    "PubkeyAcceptedAlgorithms": "ssh-rsa",
    "PubkeyAuthentication": "no",
    "RekeyLimit": "1G 1h",
    "RemoteCommand": "tmux attach",
    "RemoteForward": "9001 localhost:9001",
    "RequestTTY": "force",
    "RevokedHostKeys": "/tmp/other-revoked",
    "SendEnv": "OTHER",
    "ServerAliveCountMax": "9",
    "ServerAliveInterval": "9",
    "SetEnv": "OTHER=other",
    "StreamLocalBindMask": "0111",
    "StreamLocalBindUnlink": "yes",
    "StrictHostKeyChecking": "no",
    "SyslogFacility": "LOCAL1",
    "TCPKeepAlive": "no",
    "Tunnel": "yes",
    "TunnelDevice": "1:1",
    "UpdateHostKeys": "ask",
    "User": "other",
    "UserKnownHostsFile": "/tmp/other-known-hosts",
    "VerifyHostKeyDNS": "yes",
    "VisualHostKey": "yes",
    "XAuthLocation": "/tmp/other-xauth",
}
HOW_THE_LINE_IS_KEPT = (
    *("bindaddress", "compression", "connectionattempts", "connecttimeout", "ipqos", "rekeylimit"),
    *("serveralivecountmax", "serveraliveinterval", "tcpkeepalive"),
)
WHAT_IS_SHOWN = (
    *("batchmode", "escapechar", "fingerprinthash", "hashknownhosts", "loglevel", "numberofpasswordprompts"),
    *("syslogfacility", "visualhostkey"),
)
FOR_WAYS_THAT_ARE_NOT_TAKEN = (
    *("canonicaldomains", "casignaturealgorithms", "enablesshkeysign", "forwardx11timeout", "forwardx11trusted"),
    *("gatewayports", "gssapiauthentication", "gssapidelegatecredentials", "hostbasedacceptedalgorithms"),
    *("hostbasedauthentication", "kbdinteractiveauthentication", "localcommand", "passwordauthentication"),
    *("streamlocalbindmask", "streamlocalbindunlink", "tunneldevice", "xauthlocation"),
)
"""Every way to log in but by key is off, and so are tunnels, X11 and commands on this machine."""
ADDED_UP = ("certificatefile", "dynamicforward", "identityfile", "localforward", "remoteforward", "sendenv", "setenv")
"""Lists: ssh takes what all files say. The program's own key is the first one that is tried."""
LET_THROUGH = {*HOW_THE_LINE_IS_KEPT, *WHAT_IS_SHOWN, *FOR_WAYS_THAT_ARE_NOT_TAKEN, *ADDED_UP}
A_PERSONS_KEY = {"addkeystoagent", "identitiesonly", "identityagent", "pkcs11provider", "securitykeyprovider"}
"""How somebody logs in with a key of their own is theirs to say."""


def _understood(*command: str | Path) -> list[str]:
    done = subprocess.run(
        ["ssh", "-G", *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return [line.replace(line.split()[0], line.split()[0].lower(), 1) for line in done.stdout.splitlines()]


@pytest.fixture(params=["own key", "a person's key"])
def folder(request: pytest.FixtureRequest, given: dict[str, Any], write: Write, tmp_path: Path) -> Path:
    return write(given, "ssh", *(["--write-key", str(tmp_path / "key")] if request.param == "own key" else []))


@pytest.fixture
def let_through(folder: Path) -> set[str]:
    has_key = "IdentityFile" in (folder / "config").read_text()
    return LET_THROUGH if has_key else LET_THROUGH | A_PERSONS_KEY


def _with_an_include(folder: Path, *lines: str) -> Path:
    """A configuration of a user's own that includes the file, and sets everything else otherwise."""
    settings = [f"    {keyword} {argument}" for keyword, argument in FOR_ALL_HOSTS.items()]
    include = f'Include "{folder / "config"}"'
    own = folder.parent / "own"
    own.write_text("\n".join(line.replace("INCLUDE", include) for line in [*lines, "Host *", *settings]) + "\n")
    return own


def test_an_include_as_the_first_line_is_the_file_alone(folder: Path, let_through: set[str]) -> None:
    alone = _understood("-F", folder / "config", NAME)
    included = _understood("-F", _with_an_include(folder, "INCLUDE"), NAME)
    differing = {line.split()[0] for line in {*alone} ^ {*included}}
    assert differing - let_through == set()


def test_a_tunnel_that_is_typed_is_opened_whatever_is_set_for_all_hosts(folder: Path) -> None:
    own = _with_an_include(folder, "INCLUDE", "Host *", "    ClearAllForwardings yes")
    assert "localforward 9000 [localhost]:9000" in _understood("-F", own, NAME)


def test_all_that_ssh_can_be_told_is_tried(folder: Path) -> None:
    """Else the test above would let through what a newer ssh knows."""
    keywords = {line.split()[0] for line in _understood("-F", "none", "host.example.com")}
    without_meaning_here = {
        *(
            "host",
            "canonicalizefallbacklocal",
            "canonicalizemaxdots",
            "canonicalizepermittedcnames",
            "permitremoteopen",
        ),
        *("proxyusefdpass", "securitykeyprovider", "requiredrsasize", "enableescapecommandline", "logverbose"),
        *("gssapikexalgorithms", "gssapikeyexchange", "gssapirenewalforcesrekey", "gssapitrustdns"),
        *("sessiontype", "stdinnull", "forkafterauthentication"),  # newer than 8.5
    }
    known = {keyword.lower() for keyword in FOR_ALL_HOSTS} | without_meaning_here | {"clearallforwardings"}
    assert keywords - known == set()


def test_each_of_them_would_count_without_the_file(folder: Path) -> None:
    """Else the first test would prove nothing about it."""
    usual = _understood("-F", "none", NAME)
    own = _understood("-F", _with_an_include(folder), NAME)
    changed = {line.split()[0] for line in {*usual} ^ {*own}}
    # A ProxyCommand excludes a ProxyJump, and the other way round: the first one counts.
    assert {keyword.lower() for keyword in FOR_ALL_HOSTS} - changed <= {"proxyjump"}


def test_an_include_further_down_is_why_the_file_says_where(folder: Path) -> None:
    included = _understood("-F", _with_an_include(folder, "Host *", "    User other", "INCLUDE"), NAME)
    assert "user other" in included
    assert "as the first line of ~/.ssh/config" in (folder / "config").read_text()


def test_other_hosts_are_left_alone(folder: Path) -> None:
    included = _understood("-F", _with_an_include(folder, "INCLUDE"), "elsewhere.example.com")
    own = _understood("-F", _with_an_include(folder), "elsewhere.example.com")
    assert included == own


def test_what_is_typed_still_counts(folder: Path) -> None:
    """A way through another machine is asked for on the command line."""
    understood = _understood("-F", folder / "config", "-J", "bastion.example.com", "-p", "2200", NAME)
    assert {"proxyjump bastion.example.com", "port 2200"} <= {*understood}
