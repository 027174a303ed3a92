"""Checks of this API beyond its document, in place of two of schemathesis's own, and the cursors and queries that it
sends: drawn from those that lists have given, as no schema can make one. See tests/schemathesis.toml."""

import atexit
import collections
import json
import os
import urllib.parse
import urllib.request

import schemathesis
from hypothesis import strategies as st

# Rules that no schema can state, by the field that a 400 names.
UNSTATED = {
    "displayName": "what looks alike is known to UTS #39, and to no pattern",
    "cursor": "this list gave it, to this caller",
    "userId": "what is encoded is a user id, and what is not has 128 characters at most",
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
    refused = refused_fields(response) - set(out_of_place(case, response))
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
MOST_PUT_OFF = int(os.environ["CASES"]) // 300


@schemathesis.check
def hardly_any_request_is_put_off(ctx, response, case):
    """No quota is in the way, so a 503 means that a call took two seconds on a busy machine; one in 300 means that it
    broke. There is no server, so that nobody can be told of one."""
    if response.status_code == 503 and '"no-server"' not in response.text:
        PUT_OFF.append(case.operation.label)
        assert len(PUT_OFF) < MOST_PUT_OFF, f"the latest of {len(PUT_OFF)} answers with 503: {response.text}"


def get(path, token):
    """What somebody is answered, as JSON."""
    request = urllib.request.Request(os.environ["API"] + path, headers={"authorization": "Bearer " + token})
    with urllib.request.urlopen(request, timeout=15) as answer:
        return json.load(answer)


def cursors_of(path, token, caller):
    """The cursors of a list's pages of one item, and whose they are."""
    found, cursor = {}, None
    while True:
        page = get(f"{path}?limit=1" + (f"&cursor={cursor}" if cursor else ""), token)
        cursor = page.get("cursor")
        if cursor is None or len(found) == 10:
            return found
        found[cursor] = (path, caller)


def every_cursor():
    """The cursors of every list, for the caller of the run and for somebody else."""
    alice, bob = os.environ["TOKEN"], os.environ["BOBS_TOKEN"]
    lists = ["/stages", "/channels", "/stages/demo/participants", "/stages/other/participants", "/streams"]
    lists += [f"/{kind}/demo/chat/{list}" for kind in ("stages", "channels") for list in ("users", "log")]
    found = {}
    for path in lists:
        # A list that is open has the same cursors for everybody.
        found |= cursors_of(path, alice, None if path == "/streams" else "alice")
    found |= cursors_of("/stages", bob, "bob")
    missing = set(lists) - {path for path, _ in found.values()}
    assert not missing, f"no cursors of {sorted(missing)}"
    return found


CURSORS = every_cursor()
DRAWN = collections.Counter()


@schemathesis.hook
def flatmap_case(context, case):
    """Of requests for a list that keep to the schema, every other one goes on with a cursor that a list has given, and
    some say a thing twice, or what nobody asked for."""
    known = {parameter.name for parameter in case.operation.query}
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return st.just(case)
    unknown = st.sampled_from([{"unknown": "1"}, {"Limit": "5"}, {"limit[]": "5"}, {"cursor ": ""}, {"order": ["a", "b"]}])
    if "cursor" not in known:
        return st.one_of(*[st.just({})] * 9, unknown).map(lambda drawn: with_query(case, drawn))
    cursor = st.sampled_from(sorted(CURSORS)).map(lambda cursor: {"cursor": cursor})
    # Most of them of this list.
    own = [cursor for cursor, (path, caller) in CURSORS.items() if path == case.formatted_path and caller != "bob"]
    if own:
        cursor = st.one_of(*[st.sampled_from(own).map(lambda cursor: {"cursor": cursor})] * 3, cursor)
    limit = st.integers(1, 100).map(lambda limit: {"limit": limit})
    twice = st.sampled_from([{"limit": ["5", "5"]}, {"limit": ["5", "x"]}, {"cursor": ["a", "a"]}, {"limit": "+5"}])
    both = st.tuples(cursor, limit).map(lambda pair: pair[0] | pair[1])
    drawn = st.one_of(st.just({}), cursor, both, cursor, twice, unknown)
    return drawn.map(lambda drawn: with_query(case, drawn))


def with_query(case, more):
    if more:
        case.query = dict(case.query or {}) | more
    return case


def asked(response):
    """The parameters of the query as they were sent."""
    return urllib.parse.parse_qsl(urllib.parse.urlsplit(response.request.url).query, keep_blank_values=True)


def out_of_place(case, response):
    """The parameters that the route does not know, that are given twice, or that are no limit."""
    known = {parameter.name for parameter in case.operation.query}
    counts = collections.Counter(name for name, _ in asked(response))
    wrong = {name for name, count in counts.items() if name not in known or count > 1}
    return wrong | {name for name, value in asked(response) if name == "limit" and value.startswith("+")}


def refused_fields(response):
    return {error["field"] for error in response.json().get("errors", [])}


def reaches_its_parameters(case, response):
    """Whether the answer is one of a function that has looked at the parameters."""
    scenario = getattr(getattr(case.meta and case.meta.phase, "data", None), "scenario", None)
    if scenario is not None and scenario.value == "unspecified_http_method":
        return False
    if response.status_code in (401, 413, 415, 429, 431, 503) or response.status_code == 404 and "message" in response.text:
        return False
    # The hook asks for its secret first; a body that cannot be read has no fields.
    return response.status_code != 400 and case.operation.path != "/hooks/rtmp" or (
        response.status_code == 400 and response.json().get("type") == "invalid-request"
    )


@schemathesis.check
def a_parameter_that_is_unknown_or_given_twice_is_refused_by_its_name(ctx, response, case):
    """On every route, with whatever else is wrong."""
    wrong = out_of_place(case, response)
    if not wrong or not reaches_its_parameters(case, response):
        return
    assert response.status_code == 400, f"{sorted(wrong)} passed with {response.status_code}"
    missing = wrong - refused_fields(response)
    assert not missing, f"{sorted(missing)} are not named: {response.text}"
    DRAWN["out of place"] += 1


@schemathesis.check
def a_cursor_is_taken_by_the_list_and_the_caller_that_it_was_given_to(ctx, response, case):
    """And by no other, whatever else is wrong."""
    cursors = [value for name, value in asked(response) if name == "cursor"]
    if len(cursors) != 1 or cursors[0] not in CURSORS or not reaches_its_parameters(case, response):
        return
    if "cursor" not in {parameter.name for parameter in case.operation.query}:
        return
    path, caller = CURSORS[cursors[0]]
    is_own = urllib.parse.urlsplit(response.request.url).path == path and caller != "bob"
    is_refused = response.status_code == 400 and "cursor" in refused_fields(response)
    assert is_own != is_refused, f"a cursor of {path} of {caller} is answered with {response.status_code}"
    DRAWN["own" if is_own else "of another list"] += 1



@atexit.register
def tell():
    """What tests/schemathesis counts: a check that met nothing has shown nothing."""
    with open(os.environ["DRAWN"], "w", encoding="utf-8") as file:
        json.dump(DRAWN, file)
