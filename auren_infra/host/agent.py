"""The SSH agent that holds the private half of the deploy key, where the stack's state does not (`auren:deployKey`)."""

import subprocess

LIMIT_SECONDS = 15


def missing(public_key: str) -> str:
    """Why the agent here cannot log in with this key, and what to do; empty when it can."""
    try:
        done = subprocess.run(["ssh-add", "-L"], capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    except FileNotFoundError:
        return "there is no ssh-add on PATH to ask the SSH agent with; install OpenSSH's client"
    except subprocess.TimeoutExpired:
        return f"the SSH agent gave no answer within {LIMIT_SECONDS} s; start another one"
    if done.returncode == 2:
        return 'no SSH agent answers here; start one, `eval "$(ssh-agent)"`, and add the private half: `ssh-add FILE`'
    if public_key.split()[1] not in done.stdout.split():
        return "the SSH agent here does not hold this key; add its private half: `ssh-add FILE`"
    return ""
