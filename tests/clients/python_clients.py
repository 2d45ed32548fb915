"""python -m tests.clients.python_clients NAME ADDRESS…: as tests/clients/npm/clients.mjs, for clients in Python."""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from logging.handlers import HTTPHandler

from tests.clients.running import TEXTS

KEY, NAMESPACE = os.environ["KEY"], os.environ["NAMESPACE"]
Complain = Callable[[object], None]


def send_with_opentelemetry(url: str, complain: Complain) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    exporter = OTLPSpanExporter(f"{url}/v1/traces", headers={"x-api-key": KEY})
    tracer = TracerProvider(resource=Resource({"service.namespace": NAMESPACE})).get_tracer("shop")
    for text in TEXTS:
        with tracer.start_as_current_span(text) as span:
            pass
        if (result := exporter.export([span]).name) != "SUCCESS":
            complain(result)


def send_with_baselime_opentelemetry(url: str, complain: Complain) -> None:
    from baselime.opentelemetry import BaselimeOptions
    from baselime.opentelemetry.resource import create_resource
    from baselime.opentelemetry.trace import create_tracer_provider
    from opentelemetry.sdk.resources import Resource

    options = BaselimeOptions(KEY, service_name="shop", endpoint=f"{url}/v1")
    resource = create_resource(options).merge(Resource({"service.namespace": NAMESPACE}))
    provider = create_tracer_provider(options, resource)  # `configure_opentelemetry` does this for one address
    for text in TEXTS:
        provider.get_tracer("shop").start_span(text).end()
        provider.force_flush()
    provider.shutdown()


def send_with_logging_loki(url: str, complain: Complain) -> None:
    import logging_loki

    tags = {"service": "shop", "namespace": NAMESPACE}
    handler = logging_loki.LokiHandler(f"{url}/loki/api/v1/push", tags, auth=("any", KEY), version="1")
    _log_to(handler, complain)


def send_with_http_handler(url: str, complain: Complain) -> None:
    place = url.removeprefix("http://")
    _log_to(HTTPHandler(place, f"/v1/logs/{NAMESPACE}", method="POST", credentials=("any", KEY)), complain)


def _log_to(handler: logging.Handler, complain: Complain) -> None:
    handler.handleError = lambda record: complain(sys.exc_info()[1])
    logger = logging.Logger("shop")
    logger.addHandler(handler)
    for text in TEXTS:
        logger.warning(text)


def send_with_axiom(url: str, complain: Complain) -> None:
    import axiom_py

    client = axiom_py.Client(KEY, "any", url=url)
    for text in TEXTS:
        try:
            client.ingest_events("logs", [{"message": text, "run": NAMESPACE}])
        except Exception as error:
            complain(error)


def send_with_libhoney(url: str, complain: Complain) -> None:
    import libhoney

    client = libhoney.Client(KEY, dataset="logs", api_host=url, block_on_response=True)
    for text in TEXTS:
        client.new_event({"message": text, "run": NAMESPACE}).send()
        if (answer := client.responses().get(timeout=30))["status_code"] != 202:
            complain(answer)
    client.close()


def send_with_posthog(url: str, complain: Complain) -> None:
    import posthog

    client = posthog.Posthog(KEY, host=url, on_error=lambda error, batch: complain(error))
    for text in TEXTS:
        client.capture(text, distinct_id="u", properties={"run": NAMESPACE})
        client.flush()
    client.shutdown()


def send_with_sentry(url: str, complain: Complain) -> None:
    import sentry_sdk

    dsn = url.replace("://", f"://{KEY}@") + "/1"
    client = sentry_sdk.Client(dsn, default_integrations=False, release=NAMESPACE)
    for text in TEXTS:
        client.capture_event({"message": text})
        client.flush(timeout=30)
    client.close()


CLIENTS: dict[str, Callable[[str, Complain], None]] = {
    "opentelemetry-python": send_with_opentelemetry,
    "baselime-opentelemetry": send_with_baselime_opentelemetry,
    "logging-loki": send_with_logging_loki,
    "logging.handlers.HTTPHandler": send_with_http_handler,
    "axiom-py": send_with_axiom,
    "libhoney-py": send_with_libhoney,
    "posthog": send_with_posthog,
    "sentry": send_with_sentry,
}


def _say(number: int, text: str | None) -> None:
    sys.stdout.write(json.dumps([number, text]) + "\n")  # at once: other threads write, too
    sys.stdout.flush()


def _complain(number: int, complaint: object) -> None:
    _say(number, str(complaint))


def _send(name: str, number: int, url: str) -> None:
    CLIENTS[name](url, partial(_complain, number))
    _say(number, None)


def main(name: str, *urls: str) -> None:
    """Send to all addresses at the same time."""
    logging.getLogger().addHandler(logging.NullHandler())  # for what clients log besides what they report
    threads = [threading.Thread(target=_send, args=(name, *place)) for place in enumerate(urls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
