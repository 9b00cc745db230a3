# SPDX-License-Identifier: Apache-2.0
"""drive.py HOST:PORT: the vendor's SDK as it is, by lines of JSON.

Reads {"action": "create_event_streaming", "request": {...}}, the request with the SDK's own names of fields, and prints the
body of the answer, or {"refused": ..., "status": ..., "message": ...} for the error that the SDK raises. The access key comes
as the SDK documents it, by the environment.
"""
import json
import os
import sys

from alibabacloud_eventbridge20200401 import models
from alibabacloud_eventbridge20200401.client import Client
from alibabacloud_tea_openapi.utils_models import Config


def call(client, action, request):
    name = "".join(part.capitalize() for part in action.split("_")) + "Request"
    try:
        return getattr(client, action)(getattr(models, name)().from_map(request)).body.to_map()
    except Exception as error:  # whatever the SDK raises is what its user sees
        return {"refused": getattr(error, "code", type(error).__name__), "message": str(error),
                "status": getattr(error, "status_code", None) or (getattr(error, "data", None) or {}).get("statusCode")}


def main():
    client = Client(Config(access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], endpoint=sys.argv[1], protocol="http",
                           access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"], region_id="here"))
    for line in sys.stdin:
        print(json.dumps(call(client, **json.loads(line))), flush=True)


main()
