"""How CloudWatch judges an alarm: metric math, missing data and periods, as far as template.yaml uses them; and which of a
log's lines a metric filter takes. What is not known here is an error, so that no alarm is judged by half of its definition.

By the CloudWatch User Guide: "Using metric math", "Configuring how CloudWatch alarms treat missing data", and of
CloudWatch Logs, "Filter pattern syntax".
"""

import ast
import math
import operator
import re

OK, ALARM = "OK", "ALARM"
COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Eq: operator.eq,
}
STATISTICS = {"Sum": sum, "Maximum": max, "Minimum": min}
# A period's data point of too few values to be judged.
LOW = "low"


def statistic(name, values):
    """A period's data point; None if nothing was reported."""
    if not values:
        return None
    if name.startswith("p"):
        return sorted(values)[math.ceil(float(name[1:]) / 100 * len(values)) - 1]
    return STATISTICS[name](values)


def enough_for(percentile):
    """How many values a percentile of 50 or more is judged by where fewer are ignored: 10/(1 - percentile)."""
    return round(10 / (1 - float(percentile[1:]) / 100))


def calculate(expression, metrics):
    """A period's result of metric math, over the data points of that period by metric id. None is a missing one."""

    def of(node):
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return metrics[name]
            case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
                return combined(OPERATORS[type(op)], of(left), of(right))
            case ast.BoolOp(op=op, values=values):
                values = [of(value) for value in values]
                return None if None in values else float(all(values) if isinstance(op, ast.And) else any(values))
            case ast.Call(func=ast.Name(id="METRICS"), args=[]):
                return list(metrics.values())
            case ast.Call(func=ast.Name(id="FILL"), args=[series, ast.Constant(value=value)]):
                series = of(series)
                fill = lambda point: value if point is None else point  # noqa: E731
                return [fill(point) for point in series] if isinstance(series, list) else fill(series)
            case ast.Call(func=ast.Name(id="SUM"), args=[series]):
                points = [point for point in of(series) if point is not None]
                return sum(points) if points else None
            case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
                condition = of(condition)
                return None if condition is None else of(then) if condition else of(otherwise)
        raise ValueError(f"{ast.dump(node)} of {expression} is not known here")

    # Its operators are Python's, but for the names of two, and of one that Python keeps for itself.
    text = re.sub(r"\bAND\b", "and", re.sub(r"\bOR\b", "or", expression))
    return of(ast.parse(text, mode="eval").body)


def combined(operate, left, right):
    """Of a missing data point nothing is made, and of a division by zero neither."""
    if left is None or right is None:
        return None
    try:
        return float(operate(left, right))
    except ZeroDivisionError:
        return None


class Alarm:
    """An alarm of a template, with nothing left to be filled in."""

    KNOWN = {
        "AlarmActions", "AlarmDescription", "ComparisonOperator", "Dimensions", "EvaluateLowSampleCountPercentile",
        "EvaluationPeriods", "ExtendedStatistic", "MetricName", "Metrics", "Namespace", "Period", "Statistic", "Threshold",
        "TreatMissingData", "DatapointsToAlarm",
    }

    def __init__(self, name, properties):
        unknown = properties.keys() - self.KNOWN
        if unknown:
            raise ValueError(f"{name}: {sorted(unknown)} is not known here")
        self.name, self.properties = name, properties
        self.periods = properties["EvaluationPeriods"]
        self.of_them = properties.get("DatapointsToAlarm", self.periods)
        ignored = properties.get("EvaluateLowSampleCountPercentile", "evaluate")
        if ignored not in ("evaluate", "ignore"):
            raise ValueError(f"{name}: {ignored} is not known here")
        self.enough = enough_for(properties["ExtendedStatistic"]) if ignored == "ignore" else 0
        self.expression, self.metrics = None, {}
        for metric in properties.get("Metrics", [properties]):
            if "Expression" in metric:
                self.expression = metric["Expression"]
                continue
            stat = metric.get("MetricStat")
            source = stat["Metric"] if stat else metric
            how = stat["Stat"] if stat else metric.get("Statistic") or metric["ExtendedStatistic"]
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in source.get("Dimensions", [])}
            self.metrics[metric.get("Id", "m")] = ((source["Namespace"], source["MetricName"]), dimensions, how)

    def point(self, reported):
        """A period's data point, by what was reported in it: namespace and name, dimensions, value."""
        points = {}
        for id, (metric, dimensions, how) in self.metrics.items():
            values = [value for of, by, value in reported if of == metric and by == dimensions]
            points[id] = LOW if 0 < len(values) < self.enough else statistic(how, values)
        return calculate(self.expression, points) if self.expression else next(iter(points.values()))

    def state(self, points, before=OK):
        """The state after the last of these data points, one after the other."""
        for end in range(self.periods, len(points) + 1):
            before = self.judged(points[end - self.periods : end], before)
        return before

    def judged(self, points, before):
        """The state by as many data points as are judged. One of too few values leaves it as it was before."""
        if LOW in points:
            return before
        compare, missing = COMPARISONS[self.properties["ComparisonOperator"]], self.properties["TreatMissingData"]
        breaching = {"breaching": True, "notBreaching": False}
        judged = [
            breaching[missing] if point is None else compare(point, self.properties["Threshold"]) for point in points
        ]
        return ALARM if sum(judged) >= self.of_them else OK


def taken(pattern, line):
    """Whether a metric filter's pattern takes a line of JSON."""
    match = re.fullmatch(r"\{ \$\.(\w+) (=|>=|<=|>|<) (\"[^\"]*\"|-?[0-9.]+) \}", pattern)
    if not match:
        raise ValueError(f"{pattern} is not known here")
    field, compare, literal = match.groups()
    value, wanted = line.get(field), ast.literal_eval(literal)
    if isinstance(wanted, str):
        return compare == "=" and str(value) == wanted
    compare = {"=": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}[compare]
    return isinstance(value, (int, float)) and not isinstance(value, bool) and compare(value, wanted)


def embedded(line):
    """What a line in the embedded metric format reports, with the fields that it does not say otherwise."""
    for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
        for names in directive["Dimensions"]:
            dimensions = {name: line[name] for name in names}
            for metric in directive["Metrics"]:
                value = line.get(metric["Name"])
                for value in value if isinstance(value, list) else [value]:
                    if isinstance(value, (int, float)):
                        yield (directive["Namespace"], metric["Name"]), dimensions, value


def filtered(filter, line):
    """What a metric filter makes of a line."""
    if taken(filter["FilterPattern"], line):
        for transformation in filter["MetricTransformations"]:
            value = transformation["MetricValue"]
            value = line[value.removeprefix("$.")] if value.startswith("$.") else float(value)
            dimensions = {entry["Key"]: line[entry["Value"].removeprefix("$.")] for entry in transformation["Dimensions"]}
            yield (transformation["MetricNamespace"], transformation["MetricName"]), dimensions, value
