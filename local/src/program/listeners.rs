//! The ports that the local cloud listens on.

use std::io::ErrorKind;
use std::net::Ipv4Addr;

use anyhow::{anyhow, bail};
use tokio::net::TcpListener;

use super::options::Options;
use crate::media;

/// Every listener.
pub(crate) struct Listeners {
    pub(crate) api: TcpListener,
    pub(crate) aws: TcpListener,
    pub(crate) media: media::Listeners,
    /// The way to the processes of tasks.
    pub(crate) front: TcpListener,
    /// Where chat clients connect.
    pub(crate) chat: TcpListener,
}

impl Listeners {
    /// Opens the ports of the options.
    ///
    /// # Errors
    /// One sentence that names the option to change.
    pub(crate) async fn bind(options: &Options) -> anyhow::Result<Self> {
        let ports = [
            (options.port, "--port"),
            (options.aws_port, "--aws-port"),
            (options.media_port, "--media-port"),
            (options.rtmps_port, "--rtmps-port"),
            (options.rtmp_port, "--rtmp-port"),
            (options.tasks_port, "--tasks-port"),
            (options.chat_port, "--chat-port"),
        ];
        for (at, (port, option)) in ports.iter().enumerate() {
            let same = ports[at + 1..].iter().find(|(other, _)| other == port && *port != 0);
            if let Some((_, other)) = same {
                bail!("{option} and {other} must differ");
            }
        }
        let [api, aws, playback, rtmps, rtmp, front, chat] = ports.map(|(port, option)| bind(port, option));
        Ok(Self {
            api: api.await?,
            aws: aws.await?,
            media: media::Listeners { playback: playback.await?, rtmps: rtmps.await?, rtmp: rtmp.await? },
            front: front.await?,
            chat: chat.await?,
        })
    }
}

async fn bind(port: u16, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "port {port} is taken, perhaps by another local cloud: give {option} another one, or 0 for any; a second local \
             cloud needs --port 0, --aws-port 0 and --ephemeral (or --data-dir)"
        ),
        _ => anyhow!("cannot listen on port {port}: {error}; choose another with {option}"),
    })
}
