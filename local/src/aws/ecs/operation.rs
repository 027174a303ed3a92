//! The operations: the constraints on their input, after the service model `ecs` 2014-11-13 and the API reference, and
//! what they do.

use serde_json::Value;

use super::context::{Context, Outcome};
use super::{cluster, list, register, run, serve, state::State};
use crate::aws::service::ServiceError;
use crate::aws::service::operation::Operation;
use crate::aws::service::shape::{Input, Member, Pattern, Shape, matching, optional, required, text};

/// What an operation does. A write checks everything first: one that fails has changed nothing.
pub(super) enum Run {
    Read(fn(&State, Input<'_>, &Context<'_>) -> Result<Value, ServiceError>),
    Write(fn(&mut State, Input<'_>, &Context<'_>) -> Result<Outcome, ServiceError>),
}

/// All operations that the local cloud has.
pub(super) static OPERATIONS: [Operation<Run>; 14] = [
    Operation {
        name: "CreateCluster",
        input: &[
            optional("clusterName", NAME),
            optional("tags", TAGS),
            optional("settings", ANY_STRUCTURES),
            optional("configuration", ANY_STRUCTURE),
            optional("capacityProviders", ANY_TEXTS),
            optional("defaultCapacityProviderStrategy", STRATEGY),
        ],
        run: Run::Write(cluster::create),
    },
    Operation {
        name: "DescribeClusters",
        input: &[optional("clusters", ANY_TEXTS), optional("include", ANY_TEXTS)],
        run: Run::Read(cluster::describe),
    },
    Operation {
        name: "ListClusters",
        input: &[optional("nextToken", ANY_TEXT), optional("maxResults", MAX_RESULTS)],
        run: Run::Read(cluster::list),
    },
    Operation {
        name: "RegisterTaskDefinition",
        input: &[
            required("family", NAME),
            required("containerDefinitions", Shape::List { of: &CONTAINER, min: 1, max: 10 }),
            optional("networkMode", Shape::OneOf(&["bridge", "host", "awsvpc", "none"])),
            optional("requiresCompatibilities", Shape::List { of: &LAUNCH_TYPE, min: 0, max: usize::MAX }),
            optional("cpu", ANY_TEXT),
            optional("memory", ANY_TEXT),
            optional("taskRoleArn", ANY_TEXT),
            optional("executionRoleArn", ANY_TEXT),
            optional("runtimePlatform", ANY_STRUCTURE),
            optional("ephemeralStorage", EPHEMERAL_STORAGE),
            optional("tags", TAGS),
        ],
        run: Run::Write(register::register),
    },
    Operation {
        name: "DescribeTaskDefinition",
        input: &[required("taskDefinition", ANY_TEXT), optional("include", ANY_TEXTS)],
        run: Run::Read(register::describe),
    },
    Operation { name: "RunTask", input: RUN_TASK, run: Run::Write(run::run) },
    Operation {
        name: "StopTask",
        input: &[optional("cluster", ANY_TEXT), required("task", ANY_TEXT), optional("reason", text(0, 1_024))],
        run: Run::Write(list::stop),
    },
    Operation {
        name: "ListTasks",
        input: &[
            optional("cluster", ANY_TEXT),
            optional("containerInstance", ANY_TEXT),
            optional("family", ANY_TEXT),
            optional("serviceName", ANY_TEXT),
            optional("startedBy", ANY_TEXT),
            optional("desiredStatus", Shape::OneOf(&["RUNNING", "PENDING", "STOPPED"])),
            optional("launchType", LAUNCH_TYPE),
            optional("nextToken", ANY_TEXT),
            optional("maxResults", MAX_RESULTS),
        ],
        run: Run::Read(list::list),
    },
    Operation {
        name: "DescribeTasks",
        input: &[optional("cluster", ANY_TEXT), required("tasks", ANY_TEXTS), optional("include", ANY_TEXTS)],
        run: Run::Read(list::describe),
    },
    Operation { name: "CreateService", input: CREATE_SERVICE, run: Run::Write(serve::create) },
    Operation { name: "UpdateService", input: UPDATE_SERVICE, run: Run::Write(serve::update) },
    Operation {
        name: "DeleteService",
        input: &[optional("cluster", ANY_TEXT), required("service", ANY_TEXT), optional("force", Shape::Boolean)],
        run: Run::Write(serve::delete),
    },
    Operation {
        name: "DescribeServices",
        input: &[optional("cluster", ANY_TEXT), required("services", ANY_TEXTS), optional("include", ANY_TEXTS)],
        run: Run::Read(serve::describe),
    },
    Operation {
        name: "ListServices",
        input: &[
            optional("cluster", ANY_TEXT),
            optional("launchType", LAUNCH_TYPE),
            optional("nextToken", ANY_TEXT),
            optional("maxResults", MAX_RESULTS),
        ],
        run: Run::Read(serve::list),
    },
];

const CREATE_SERVICE: &[Member] = &[
    optional("cluster", ANY_TEXT),
    required("serviceName", NAME),
    optional("taskDefinition", ANY_TEXT),
    optional("desiredCount", COUNT),
    optional("launchType", LAUNCH_TYPE),
    optional("capacityProviderStrategy", STRATEGY),
    optional("platformVersion", ANY_TEXT),
    optional("networkConfiguration", NETWORK),
    optional("deploymentConfiguration", DEPLOYMENT_CONFIGURATION),
    optional("enableECSManagedTags", Shape::Boolean),
    optional("enableExecuteCommand", Shape::Boolean),
    optional("propagateTags", PROPAGATE_TAGS),
    optional("tags", TAGS),
];

const UPDATE_SERVICE: &[Member] = &[
    optional("cluster", ANY_TEXT),
    required("service", ANY_TEXT),
    optional("taskDefinition", ANY_TEXT),
    optional("desiredCount", COUNT),
    optional("capacityProviderStrategy", STRATEGY),
    optional("platformVersion", ANY_TEXT),
    optional("networkConfiguration", NETWORK),
    optional("deploymentConfiguration", DEPLOYMENT_CONFIGURATION),
    optional("forceNewDeployment", Shape::Boolean),
    optional("enableECSManagedTags", Shape::Boolean),
    optional("enableExecuteCommand", Shape::Boolean),
    optional("propagateTags", PROPAGATE_TAGS),
];

pub(super) const RUN_TASK: &[Member] = &[
    optional("cluster", ANY_TEXT),
    required("taskDefinition", ANY_TEXT),
    optional("count", Shape::Integer { min: 1, max: 10 }),
    optional("launchType", LAUNCH_TYPE),
    optional("capacityProviderStrategy", STRATEGY),
    optional("networkConfiguration", NETWORK),
    optional(
        "overrides",
        Shape::Structure(&[
            optional(
                "containerOverrides",
                Shape::List { of: &Shape::Structure(&[optional("name", ANY_TEXT)]), min: 0, max: usize::MAX },
            ),
            optional("ephemeralStorage", EPHEMERAL_STORAGE),
        ]),
    ),
    optional("platformVersion", ANY_TEXT),
    optional("enableExecuteCommand", Shape::Boolean),
    optional("group", ANY_TEXT),
    optional("startedBy", STARTED_BY),
    optional("propagateTags", PROPAGATE_TAGS),
    optional("tags", TAGS),
    optional("clientToken", CLIENT_TOKEN),
];

const NETWORK: Shape = Shape::Structure(&[optional(
    "awsvpcConfiguration",
    Shape::Structure(&[
        required("subnets", Shape::List { of: &ANY_TEXT, min: 0, max: 16 }),
        optional("securityGroups", Shape::List { of: &ANY_TEXT, min: 0, max: 5 }),
        optional("assignPublicIp", Shape::OneOf(&["ENABLED", "DISABLED"])),
    ]),
)]);
const PROPAGATE_TAGS: Shape = Shape::OneOf(&["TASK_DEFINITION", "SERVICE", "NONE"]);
/// Of a service's tasks; the quota of a service is 5,000.
const COUNT: Shape = Shape::Integer { min: 0, max: 5_000 };
const DEPLOYMENT_CONFIGURATION: Shape = Shape::Structure(&[
    optional("minimumHealthyPercent", Shape::Integer { min: 0, max: i64::MAX }),
    optional("maximumPercent", Shape::Integer { min: 0, max: i64::MAX }),
]);

/// Of a cluster or a family.
const NAME: Shape = matching(
    1,
    255,
    Pattern {
        // Not in the model; the API reference lists these characters.
        regex: "[a-zA-Z0-9_-]+",
        accepts: |name| name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)),
    },
);
const STARTED_BY: Shape = matching(
    0,
    128,
    Pattern {
        // Not in the model; the API reference lists these characters.
        regex: "[a-zA-Z0-9/_-]*",
        accepts: |who| who.chars().all(|c| c.is_ascii_alphanumeric() || "/_-".contains(c)),
    },
);
const CLIENT_TOKEN: Shape = matching(
    0,
    64,
    Pattern {
        // Not in the model; the API reference says "characters in the range of 33-126".
        regex: "[!-~]*",
        accepts: |token| token.chars().all(|c| c.is_ascii_graphic()),
    },
);
const TAGS: Shape = Shape::List {
    of: &Shape::Structure(&[required("key", text(1, 128)), optional("value", text(0, 256))]),
    min: 0,
    max: 50,
};
const STRATEGY: Shape = Shape::List {
    of: &Shape::Structure(&[
        required("capacityProvider", ANY_TEXT),
        optional("weight", Shape::Integer { min: 0, max: 1_000 }),
        optional("base", Shape::Integer { min: 0, max: 100_000 }),
    ]),
    min: 0,
    max: 20,
};
const LAUNCH_TYPE: Shape = Shape::OneOf(&["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"]);
const MAX_RESULTS: Shape = Shape::Integer { min: 1, max: 100 };
const CONTAINER: Shape = Shape::Structure(&[
    required("name", ANY_TEXT),
    required("image", ANY_TEXT),
    optional("cpu", Shape::Integer { min: 0, max: i64::MAX }),
    optional("memory", Shape::Integer { min: 4, max: i64::MAX }),
    optional("essential", Shape::Boolean),
]);
/// In GiB.
const EPHEMERAL_STORAGE: Shape = Shape::Structure(&[required("sizeInGiB", Shape::Integer { min: 21, max: 200 })]);
const ANY_TEXT: Shape = text(0, usize::MAX);
const ANY_TEXTS: Shape = Shape::List { of: &ANY_TEXT, min: 0, max: usize::MAX };
const ANY_STRUCTURE: Shape = Shape::Structure(&[]);
const ANY_STRUCTURES: Shape = Shape::List { of: &ANY_STRUCTURE, min: 0, max: usize::MAX };
