"""Every alarm goes off when it should and ends when it should: alarms.py <pid of the cloud> <its log>

tests/alarms starts the cloud. alarms_causes.py makes happen what each alarm is about, in periods in which it is to be quiet
and in others, and cloudwatch.py has the alarm judge good periods, bad ones and good ones again; it must go off with the
last bad period that it waits for, no earlier, and end after. At the end come the causes, and what of them was given.
"""

import copy
import unittest

from alarms_causes import LATENCY, causes
from alarms_template import ALARMS, FUNCTIONS, NAMED, QUEUES, STACK, TABLES, is_of_the_api, of_type
from cloudwatch import ALARM, OK, Alarm, calculate, taken


def meant(cause, alarms):
    """The alarms that a cause is about: a name may have several, since an alarm has room for ten metrics."""
    return [alarm for name, alarm in alarms.items() if name.rstrip("0123456789") == cause.alarm]


def misjudged(alarm, good, bad):
    """What is wrong with the alarm's states over good periods, bad ones and good ones again; nothing if it goes off and ends."""
    points = [good] * alarm.periods
    for period in range(1, alarm.of_them + 1):
        points.append(bad)
        if alarm.state(points) != (ALARM if period == alarm.of_them else OK):
            return f"it is {alarm.state(points)} after {period} bad periods: {bad}"
    points += [good] * (alarm.periods - alarm.of_them + 1)
    return None if alarm.state(points) == OK else f"it does not end with what it is about: {good}"


def wrong(cause, alarms):
    """What is wrong with the alarms that a cause is about: none may go off in good periods, and one must by the cause."""
    verdicts = []
    for alarm in meant(cause, alarms):
        good, bad = alarm.point(cause.quiet), alarm.point(cause.loud)
        if alarm.state([good] * alarm.periods) != OK:
            return f"{alarm.name} goes off in good periods: {good}"
        verdicts.append(misjudged(alarm, good, bad))
    return None if None in verdicts else verdicts


def inputs():
    """All metrics that alarms look at: the alarm, the metric's id, what it is."""
    for name, alarm in ALARMS.items():
        for id, metric in alarm.metrics.items():
            yield name, id, metric


def pointed_elsewhere(name, id, metric, dimensions):
    """The alarms as they are, but for one of their metrics."""
    alarm = copy.copy(ALARMS[name])
    alarm.metrics = {**alarm.metrics, id: (metric, dimensions, alarm.metrics[id][2])}
    return {**ALARMS, name: alarm}


class Alarms(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        happened = {}
        for cause in causes():
            happened.setdefault((cause.alarm, cause.how, cause.given), []).append(cause.of)
        print("\nWhat the alarms went off by, once, and as many periods of it as they wait for. What services count is counted by")
        print("their answers, since there is no CloudWatch here.")
        for (alarm, how, given), of in happened.items():
            print(f"  {alarm}: {how}{' (' * bool(of[0])}{', '.join(of)}{')' * bool(of[0])}")
            if given:
                print(f"    given, since it did not happen: {given}")

    def test_each_alarm_is_quiet_before_goes_off_by_its_cause_and_ends(self):
        self.assertGreater(len(ALARMS), 15)
        for cause in causes():
            with self.subTest(alarm=cause.alarm, cause=cause.how):
                self.assertIsNone(wrong(cause, ALARMS))

    def test_each_alarm_has_a_cause_and_those_of_all_functions_and_tables_have_one_of_each(self):
        by_alarm = {}
        for cause in causes():
            self.assertTrue(meant(cause, ALARMS), f"there is no {cause.alarm}")
            by_alarm.setdefault(cause.alarm, []).append(cause)
        self.assertEqual(set(by_alarm), {name.rstrip("0123456789") for name in ALARMS})
        for name, count in (
            ("FunctionErrorsAlarm", len(list(filter(is_of_the_api, FUNCTIONS)))),
            ("FunctionThrottlesAlarm", len(FUNCTIONS)),
            ("TableThrottlesAlarm", 2 * len(TABLES)),
        ):
            self.assertEqual(len(by_alarm[name]), count, name)
        watched = {dimensions["QueueName"] for _, _, (_, dimensions, _) in inputs() if "QueueName" in dimensions}
        self.assertEqual(watched, set(QUEUES))

    def test_an_alarm_that_looks_at_another_metric_or_dimension_is_found(self):
        named = {name: (metric, dimensions) for name, _, (metric, dimensions, _) in inputs()}
        self.assertGreater(len(named), 15)
        for name, id, (metric, dimensions, _) in inputs():
            namespace = metric[0]
            others = [(other, of) for _, _, (other, of, _) in inputs() if other[0] == namespace]
            elsewhere = [(other, dimensions) for other, _ in others if other != metric]
            elsewhere += [(metric, of) for _, of in others if of != dimensions]
            elsewhere += [(metric, {key: "nothing" for key in dimensions}), (metric, {}), (("Other", metric[1]), dimensions)]
            about = [cause for cause in causes() if ALARMS[name] in meant(cause, ALARMS)]
            for other in elsewhere:
                with self.subTest(alarm=name, metric=id, pointed_at=other):
                    alarms = pointed_elsewhere(name, id, *other)
                    self.assertTrue(any(wrong(cause, alarms) for cause in about))

    def test_each_dimension_names_what_the_template_has(self):
        for alarm, _, ((namespace, _), dimensions, _) in inputs():
            self.assertTrue(dimensions, alarm)
            for name, value in dimensions.items():
                with self.subTest(alarm=alarm, dimension=name, value=value):
                    if namespace == "Greenroom":
                        self.assertEqual((name, value), ("stack", STACK))
                    else:
                        self.assertIn(value, of_type(NAMED[name]))

    def test_of_fewer_than_a_thousand_requests_the_slowest_of_a_hundred_changes_nothing(self):
        alarm = ALARMS["LatencyAlarm"]

        def point(requests, slow):
            values = [9000] * slow + [10] * (requests - slow)
            return alarm.point([(LATENCY, {"ApiId": "Api"}, value) for value in values])

        for requests, slow, before, expected in (
            (999, 999, OK, OK), (999, 0, ALARM, ALARM), (1000, 10, OK, OK), (1000, 11, OK, ALARM), (1000, 10, ALARM, OK),
            (0, 0, ALARM, OK),
        ):
            points = [point(requests, slow)] * alarm.periods
            self.assertEqual(alarm.state(points, before), expected, f"{slow} of {requests}, {before} before")
        # Two that are judged are not three.
        self.assertEqual(alarm.state([point(1000, 1000)] * 2 + [point(999, 999)]), OK)

    def test_four_failures_are_none_and_one_in_a_hundred_is_one_too_many(self):
        alarm = ALARMS["ServerErrorsAlarm"]
        for errors, requests, expected in ((4, 4, OK), (5, 500, OK), (6, 599, ALARM), (0, 0, OK)):
            reported = [(("AWS/ApiGateway", "5xx"), {"ApiId": "Api"}, 1)] * errors
            reported += [(("AWS/ApiGateway", "Count"), {"ApiId": "Api"}, 1)] * requests
            self.assertEqual(alarm.state([alarm.point(reported)] * 2), expected, f"{errors} of {requests}")


class Rules(unittest.TestCase):
    """What the judgement of alarms rests on."""

    def test_of_missing_data_nothing_is_made_but_by_fill(self):
        metrics = {"a": None, "b": 2.0}
        for expression, expected in (
            ("a + b", None), ("SUM(METRICS())", 2.0), ("SUM(FILL(METRICS(), 0))", 2.0), ("IF(a > 1, 1, 0)", None),
            ("FILL(a, 3) * b", 6.0), ("b / 0", None), ("IF((b >= 2) AND (b < 3), b, 0)", 2.0),
        ):
            self.assertEqual(calculate(expression, metrics), expected, expression)
        self.assertIsNone(calculate("SUM(METRICS())", {"a": None}))
        with self.assertRaises(ValueError):
            calculate("RATE(b)", metrics)

    def test_missing_data_breaches_or_not_as_the_alarm_says(self):
        for treated, expected in (("breaching", ALARM), ("notBreaching", OK)):
            alarm = Alarm("any", {
                "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 2,
                "Threshold": 1, "ComparisonOperator": "LessThanThreshold", "TreatMissingData": treated,
            })
            self.assertEqual(alarm.state([1, 1, None, None]), expected)
            self.assertEqual(alarm.state([1, None, 1]), OK)

    def test_a_filter_takes_numbers_as_numbers_and_texts_as_texts(self):
        for pattern, line, expected in (
            ("{ $.places >= 0 }", {"places": 0}, True), ("{ $.places >= 0 }", {}, False),
            ("{ $.places >= 0 }", {"places": "3"}, False), ('{ $.status = "429" }', {"status": "429"}, True),
            ('{ $.status = "429" }', {"status": "200"}, False),
        ):
            self.assertEqual(taken(pattern, line), expected, f"{pattern} {line}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
