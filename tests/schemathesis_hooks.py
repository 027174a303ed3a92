"""Checks of this API beyond its document, in place of two of schemathesis's own. See tests/schemathesis.toml."""

import schemathesis

# Rules that no schema can state, by the field that a 400 names.
UNSTATED = {
    "cursor": "a list gave it: tests/schemathesis.toml has some",
    "ingestUrl": "its host is public, in whatever notation",
    "playbackUrl": "its host is public, in whatever notation",
    "attributes": "1,024 bytes in all, with those that the owner granted",
}


@schemathesis.check
def only_known_rules_refuse_good_input(ctx, response, case):
    """Input that keeps to the schema is refused only for a rule that no schema can state."""
    if response.status_code != 400 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    problem = response.json()
    refused = {error["field"] for error in problem.get("errors", [])}
    assert problem["type"] == "invalid-request" and refused <= UNSTATED.keys(), (
        f"good input is refused, though not for one of {sorted(UNSTATED)}: {problem}"
    )


@schemathesis.check
def unknown_methods_are_unknown_routes(ctx, response, case):
    """A method that a path does not have is answered by API Gateway, as a path that there is not."""
    scenario = getattr(getattr(case.meta and case.meta.phase, "data", None), "scenario", None)
    if scenario is None or scenario.value != "unspecified_http_method":
        return
    assert response.status_code == 404, f"{response.request.method} is answered with {response.status_code}"
    assert response.json() == {"message": "Not Found"}


PUT_OFF = []


@schemathesis.check
def hardly_any_request_is_put_off(ctx, response, case):
    """No quota is in the way, so a 503 means that a call took two seconds on a busy machine; twenty mean that it broke."""
    if response.status_code == 503:
        PUT_OFF.append(case.operation.label)
        assert len(PUT_OFF) < 20, f"the latest of {len(PUT_OFF)} answers with 503: {response.text}"
