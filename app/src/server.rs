//! Serves the routes on a network, where clients may be slow and may never finish.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::error::AppError;

/// The largest body that is read, in bytes; axum's own limit.
const LARGEST_BODY: usize = 2 * 1024 * 1024;

/// How long to wait after a connection could not be accepted, such as for want of file handles.
const PAUSE: Duration = Duration::from_millis(200);

/// How long is waited for others.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For a request's head to be whole, and then for its body.
    pub read: Duration,
    /// For requests to be answered, once the server was asked to stop.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            read: Duration::from_secs(10),
            stop: Duration::from_secs(10),
        }
    }
}

/// Serves until `stop` ends, and then at most as long as `limits` says.
///
/// Returns whether every request was answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> bool {
    let router = router.layer(from_fn(move |request, next| {
        read_whole(limits.read, request, next)
    }));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.read);
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        // What goes wrong on a connection is the client's to notice.
        tokio::spawn(async move { connection.await.ok() });
    }
    drop(listener);
    timeout(limits.stop, connections.shutdown()).await.is_ok()
}

/// Reads the body before anything is done with it, so that a slow client holds up nobody else.
async fn read_whole(limit: Duration, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match timeout(limit, to_bytes(body, LARGEST_BODY)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(head, Body::from(body))).await,
        // One that broke off is answered to nobody.
        Ok(Err(_)) => AppError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "the body is too large",
        )
        .into_response(),
        Err(_) => AppError::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "the request did not arrive in time",
        )
        .into_response(),
    }
}
