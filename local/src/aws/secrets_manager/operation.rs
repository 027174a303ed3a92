//! The operations: the constraints on their input, after the service model, and what they do.

use serde_json::Value;

use super::{context::Context, lifecycle, list, state::Secrets, tags, value};
use crate::aws::service::ServiceError;
use crate::aws::service::operation::Operation;
use crate::aws::service::shape::{Input, Pattern, Shape, matching, optional, required, text};

/// What an operation does. A write checks everything first: one that fails has changed nothing.
pub(super) enum Run {
    Read(fn(&Secrets, Input<'_>) -> Result<Value, ServiceError>),
    Write(fn(&mut Secrets, Input<'_>, &Context<'_>) -> Result<Value, ServiceError>),
}

/// All operations that the local cloud has.
pub(super) static OPERATIONS: [Operation<Run>; 11] = [
    Operation {
        name: "CreateSecret",
        input: &[
            required("Name", NAME),
            optional("ClientRequestToken", VERSION_ID),
            optional("Description", DESCRIPTION),
            optional("KmsKeyId", KMS_KEY_ID),
            optional("SecretBinary", VALUE),
            optional("SecretString", VALUE),
            optional("Tags", TAGS),
        ],
        run: Run::Write(lifecycle::create),
    },
    Operation {
        name: "DescribeSecret",
        input: &[required("SecretId", SECRET_ID)],
        run: Run::Read(lifecycle::describe),
    },
    Operation {
        name: "ListSecrets",
        input: &[
            optional("IncludePlannedDeletion", Shape::Boolean),
            optional("MaxResults", Shape::Integer { min: 1, max: 100 }),
            optional("NextToken", text(1, 4_096)),
            optional("Filters", Shape::List { of: &FILTER, min: 0, max: 10 }),
            optional("SortOrder", Shape::OneOf(&["asc", "desc"])),
            optional("SortBy", Shape::OneOf(&["created-date", "last-accessed-date", "last-changed-date", "name"])),
        ],
        run: Run::Read(list::list),
    },
    Operation {
        name: "UpdateSecret",
        input: &[
            required("SecretId", SECRET_ID),
            optional("ClientRequestToken", VERSION_ID),
            optional("Description", DESCRIPTION),
            optional("KmsKeyId", KMS_KEY_ID),
            optional("SecretBinary", VALUE),
            optional("SecretString", VALUE),
        ],
        run: Run::Write(lifecycle::update),
    },
    Operation {
        name: "DeleteSecret",
        input: &[
            required("SecretId", SECRET_ID),
            optional("RecoveryWindowInDays", Shape::Integer { min: 7, max: 30 }),
            optional("ForceDeleteWithoutRecovery", Shape::Boolean),
        ],
        run: Run::Write(lifecycle::delete),
    },
    Operation { name: "RestoreSecret", input: &[required("SecretId", SECRET_ID)], run: Run::Write(lifecycle::restore) },
    Operation {
        name: "GetSecretValue",
        input: &[required("SecretId", SECRET_ID), optional("VersionId", VERSION_ID), optional("VersionStage", LABEL)],
        run: Run::Read(value::get),
    },
    Operation {
        name: "PutSecretValue",
        input: &[
            required("SecretId", SECRET_ID),
            optional("ClientRequestToken", VERSION_ID),
            optional("SecretBinary", VALUE),
            optional("SecretString", VALUE),
            optional("VersionStages", Shape::List { of: &LABEL, min: 1, max: 20 }),
        ],
        run: Run::Write(value::put),
    },
    Operation {
        name: "UpdateSecretVersionStage",
        input: &[
            required("SecretId", SECRET_ID),
            required("VersionStage", LABEL),
            optional("RemoveFromVersionId", VERSION_ID),
            optional("MoveToVersionId", VERSION_ID),
        ],
        run: Run::Write(value::move_label),
    },
    Operation {
        name: "TagResource",
        input: &[required("SecretId", SECRET_ID), required("Tags", TAGS)],
        run: Run::Write(tags::tag),
    },
    Operation {
        name: "UntagResource",
        input: &[
            required("SecretId", SECRET_ID),
            required("TagKeys", Shape::List { of: &TAG_KEY, min: 0, max: usize::MAX }),
        ],
        run: Run::Write(tags::untag),
    },
];

const NAME: Shape = matching(
    1,
    512,
    Pattern {
        // Not in the model; the API reference lists these characters.
        regex: "[a-zA-Z0-9/_+=.@-]+",
        accepts: |name| name.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c)),
    },
);
const SECRET_ID: Shape = text(1, 2_048);
const DESCRIPTION: Shape = text(0, 2_048);
const KMS_KEY_ID: Shape = text(0, 2_048);
/// `ClientRequestToken` becomes the version's id.
const VERSION_ID: Shape = text(32, 64);
const LABEL: Shape = text(1, 256);
/// Both as text and as bytes; those come in base64, which makes them a third longer.
const VALUE: Shape = Shape::Secret { min: 1, max: 65_536 * 4 / 3 };
const FILTER: Shape = Shape::Structure(&[
    optional(
        "Key",
        Shape::OneOf(&["description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all"]),
    ),
    optional("Values", Shape::List { of: &text(0, 512), min: 1, max: 10 }),
]);
const TAG_KEY: Shape = text(1, 128);
const TAGS: Shape = Shape::List {
    of: &Shape::Structure(&[required("Key", TAG_KEY), optional("Value", text(0, 256))]),
    min: 0,
    max: usize::MAX,
};
