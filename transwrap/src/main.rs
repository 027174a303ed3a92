//! A transwrap server: takes what browsers record over WebSockets, and publishes it by RTMPS. A container of ECS; its
//! protocol is in `docs/broadcast-protocol.md`.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use aws_broadcast::{BroadcastTable, IngestTargets};
use aws_client::Aws;
use aws_server::ServerTable;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use transwrap::config::Config;
use transwrap::session::{Drain, MOVES_WITHIN, Roster, Shared};
use transwrap::{ecs, ingest, log, server};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    log::init();
    let config = Config::from_env()?;
    // Before anything that takes time: who stops the task at once is heard.
    let mut stop = signal(SignalKind::terminate())?;
    let listener = server::bind(&config.listen)?;
    let aws = Aws::new(config.aws);
    let aws = match config.has_task_role {
        true => {
            let credentials = ecs::credentials(&aws);
            aws.with_credentials(credentials)
        }
        false => aws,
    };
    let task = ecs::task_id(&config.metadata).await?;
    let certificate = match config.tls_secret {
        Some(secret) => Some(server::Certificate::read(&aws, secret).await?),
        None => None,
    };
    let tls = certificate.as_ref().map(server::Certificate::acceptor);
    let servers = ServerTable::new(&aws, config.servers);
    let shared = Arc::new(Shared {
        server: task,
        table: BroadcastTable::new(&aws, config.broadcasts),
        targets: IngestTargets::new(&aws, config.channels, config.settings),
        tls: ingest::client_config()?,
        ffmpeg: PathBuf::from("ffmpeg"),
        roster: Arc::new(Roster::new(config.capacity)),
    });
    tracing::info!(stack = config.stack, server.id = %shared.server, capacity = config.capacity, "the server begins");
    let calls = aws.calls();
    let work = async {
        tokio::join!(
            server::serve(listener, tls, Arc::clone(&shared)),
            server::beat(&servers, &shared, &calls, &config.stack),
            async {
                if let Some(certificate) = &certificate {
                    certificate.keep_up().await;
                }
            }
        )
    };
    tokio::pin!(work);
    tokio::select! {
        _ = &mut work => {}
        _ = stop.recv() => {}
    }
    tracing::info!(broadcasts = shared.roster.count(), "the server drains");
    shared.roster.set_drain(Drain::Moving);
    let moving = async {
        if timeout(MOVES_WITHIN, shared.roster.emptied()).await.is_err() {
            tracing::warn!(broadcasts = shared.roster.count(), "some pages have not moved");
            shared.roster.set_drain(Drain::Over);
            let _ = timeout(CUT_OFF, shared.roster.emptied()).await;
        }
        // Those that were told last still read it.
        tokio::time::sleep(CUT_OFF).await;
    };
    // Pages do not wait for the table: ECS kills what has not ended in time.
    let leaving = async { tokio::join!(server::withdraw(&servers, &shared), moving) };
    // It still answers: /health says that it drains, and who comes is told so.
    tokio::select! {
        _ = leaving => {}
        _ = &mut work => {}
        _ = stop.recv() => {}
    }
    Ok(())
}

/// How long it takes to tell pages that they are cut off.
const CUT_OFF: std::time::Duration = std::time::Duration::from_millis(500);
