//! The port that chat clients connect to: a WebSocket whose sub-protocol is a chat token.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::IvsChat;
use super::connection::{Connection, accept};
use crate::aws::lambda::Lambda;
use crate::plumbing::jobs::Jobs;

/// Takes connections, and never ends itself.
pub(crate) async fn serve(listener: TcpListener, chat: Arc<IvsChat>, lambda: Arc<Lambda>, jobs: Jobs) {
    loop {
        // What is wrong with one connection is no affair of the others.
        let Ok((stream, address)) = listener.accept().await else { continue };
        let (chat, lambda) = (Arc::clone(&chat), Arc::clone(&lambda));
        jobs.spawn(async move {
            if let Some((socket, token)) = accept(stream, &chat).await {
                let connection = Connection { chat, lambda, token, ip: address.ip().to_string() };
                connection.serve(socket).await;
            }
        });
    }
}
