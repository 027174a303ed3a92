//! HTTP/1.1 on a loopback port, for any number of connections at once.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A server that is there until this is dropped; its connections last as long as their clients.
pub(crate) struct Server {
    pub(crate) port: u16,
    accepted: Rc<Cell<u64>>,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// Answers as `answer` does, over TLS if there is something that does it.
    ///
    /// # Errors
    /// No free port.
    pub(crate) async fn open<A>(tls: Option<TlsAcceptor>, answer: A) -> anyhow::Result<Self>
    where
        A: AsyncFn(Request<Incoming>) -> Response<Full<Bytes>> + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (answer, accepted) = (Arc::new(answer), Rc::new(Cell::new(0)));
        let counted = Rc::clone(&accepted);
        let accepting = tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.set(counted.get() + 1);
                let (tls, answer) = (tls.clone(), Arc::clone(&answer));
                tokio::task::spawn_local(async move {
                    // Small answers must not wait for acknowledgements.
                    let _ = stream.set_nodelay(true);
                    let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
                    // A connection ends when its process does, and how is of no interest.
                    match tls {
                        None => drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await),
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                        }
                    }
                });
            }
        });
        Ok(Self { port, accepted, accepting })
    }

    /// How many connections it has had.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.get()
    }
}
