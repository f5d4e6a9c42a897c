"""For the dashboard's build: a `.env` as Vite reads it.

Vite writes variables of this prefix into scripts, which every visitor gets. So the file holds only addresses.
"""

from auren_infra.outputs.contract import StackOutputs


def env(outputs: StackOutputs) -> str:
    """Addresses do not end with a slash, because scripts append paths such as `/events`."""
    variables = {
        "VITE_API_URL": outputs.urls.api.rstrip("/"),
        "VITE_WEBSITE_URL": outputs.urls.website.rstrip("/"),
        "VITE_DOMAIN": outputs.domain,
    }
    return "".join(f"{name}={value}\n" for name, value in variables.items())
