//! What ECS tells a task of itself, at the task metadata endpoint version 4, and the credentials of its role.

use std::time::Duration;

use aws_client::Aws;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use model::TaskId;
use serde::Deserialize;
use tokio::time::timeout;

/// How long an answer may take: it comes from the same machine.
const ANSWERS: Duration = Duration::from_secs(5);
/// The most that an answer may hold.
const LONGEST: usize = 1 << 20;

/// The metadata endpoint does not tell which task this is.
#[derive(Debug, thiserror::Error)]
#[error("the task metadata endpoint does not tell the task: {0}")]
pub struct NoTask(String);

/// What is of interest in `${ECS_CONTAINER_METADATA_URI_V4}/task`.
#[derive(Deserialize)]
struct Task {
    #[serde(rename = "TaskARN")]
    arn: String,
}

/// Which task this is.
///
/// # Errors
/// The endpoint does not answer, or with something else.
pub async fn task_id(metadata: &str) -> Result<TaskId, NoTask> {
    let uri = format!("{metadata}/task").parse().map_err(|_| NoTask("its address is none".to_owned()))?;
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let asking = async {
        let answer = client.get(uri).await.map_err(|error| NoTask(error.to_string()))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(NoTask(format!("it answers {status}")));
        }
        let body = Limited::new(answer.into_body(), LONGEST).collect().await;
        read(&body.map_err(|error| NoTask(error.to_string()))?.to_bytes())
    };
    timeout(ANSWERS, asking).await.map_err(|_| NoTask("it does not answer".to_owned()))?
}

fn read(body: &[u8]) -> Result<TaskId, NoTask> {
    let task: Task = serde_json::from_slice(body).map_err(|_| NoTask("it answers something else".to_owned()))?;
    // arn:aws:ecs:eu-west-1:000000000000:task/cluster/id
    let id = task.arn.rsplit('/').next().unwrap_or_default();
    id.parse().map_err(|_| NoTask("its ARN has no id".to_owned()))
}

/// The credentials of the task's role, which are fetched anew before they expire.
pub fn credentials(aws: &Aws) -> SharedCredentialsProvider {
    let settings = ProviderConfig::without_region().with_http_client(aws.http_client());
    SharedCredentialsProvider::new(EcsCredentialsProvider::builder().configure(&settings).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_task_is_the_end_of_its_arn() {
        let body = br#"{"Cluster":"transwrap","TaskARN":"arn:aws:ecs:eu-west-1:000000000000:task/transwrap/0f1e2d","Family":"x"}"#;
        assert_eq!(read(body).unwrap().as_str(), "0f1e2d");
        assert!(read(b"{}").is_err());
        assert!(read(br#"{"TaskARN":""}"#).is_err());
    }
}
