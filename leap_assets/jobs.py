"""Jobs, and what happens when one of their steps fails."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

import dagster as dg

WEBHOOK_TIMEOUT_S = 10
DAILY_JOB = "daily_warehouse"


def build_failure_hook(webhook: str) -> dg.HookDefinition:
    """A hook that posts a JSON message to `webhook` when a step fails; an empty address only logs."""

    @dg.failure_hook(name="tell_about_failure")
    def tell_about_failure(context: dg.HookContext) -> None:
        message = f"Leap: step {context.step_key} of run {context.run_id} failed: {context.op_exception}"
        if not webhook:
            return
        body = json.dumps({"text": message, "run_id": context.run_id, "step": context.step_key}).encode()
        try:
            request = urllib.request.Request(webhook, body, {"Content-Type": "application/json"})  # noqa: S310 - settings.py admits http(s) only
            with urllib.request.urlopen(request, timeout=WEBHOOK_TIMEOUT_S):  # noqa: S310
                context.log.info("The failure was posted to LEAP_ALERT_WEBHOOK")
        except (OSError, ValueError, http.client.HTTPException) as error:
            # the address is a secret, and errors may repeat it
            context.log.warning(f"The failure could not be posted to LEAP_ALERT_WEBHOOK: {_kind(error)}")

    return tell_about_failure


def _kind(error: Exception) -> str:
    """What went wrong, without the words of the error."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the answer was HTTP {error.code}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    words = cause.strerror if isinstance(cause, OSError) and cause.errno is not None else None
    return f"{type(cause).__name__} ({words})" if words else type(cause).__name__


def build_jobs(hook: dg.HookDefinition, left_out: dg.AssetSelection | None = None) -> list[Any]:
    """One job over everything but the checks that are left out; all other ways to run are selections of assets."""
    everything = dg.AssetSelection.all()
    return [
        dg.define_asset_job(
            DAILY_JOB,
            selection=everything if left_out is None else everything - left_out,
            hooks={hook},
            description="Every asset, for one delivery day or a range of days in one run.",
        )
    ]
