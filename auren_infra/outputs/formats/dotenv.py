"""For the dashboard's build: a `.env` as Vite reads it.

Vite writes variables of this prefix into the scripts that every visitor gets. So there is nothing here but addresses.
"""

from auren_infra.outputs.contract import StackOutputs


def env(outputs: StackOutputs) -> str:
    """Addresses have no slash at their end: scripts put `/events` behind them."""
    variables = {
        "VITE_API_URL": outputs.urls.api.rstrip("/"),
        "VITE_WEBSITE_URL": outputs.urls.website.rstrip("/"),
        "VITE_DOMAIN": outputs.domain,
    }
    return "".join(f"{name}={value}\n" for name, value in variables.items())
