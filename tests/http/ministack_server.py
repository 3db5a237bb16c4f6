"""ministack's server, as an account in which nothing is scaled.

ministack 1.5.33 has no Application Auto Scaling at all: it answers each of its calls with 400 and no code, where AWS lists what is there. Listings
are answered here, and empty, so that a stack without scaling can live on it. Everything else is ministack as it is.
"""
import json
import sys

from ministack import app

LISTINGS = {"DescribeScalableTargets": "ScalableTargets"}


async def list_nothing(method, path, headers, body, query_params):
    operation = {name.lower(): value for name, value in headers.items()}.get("x-amz-target", "").rsplit(".", 1)[-1]
    answer = {"Content-Type": "application/x-amz-json-1.1"}
    if operation in LISTINGS:
        return 200, answer, json.dumps({LISTINGS[operation]: []}).encode()
    return 400, answer, json.dumps({"__type": "ValidationException", "message": f"{operation} is not emulated"}).encode()


app.SERVICE_HANDLERS["application-autoscaling"] = list_nothing
sys.exit(app.main())
