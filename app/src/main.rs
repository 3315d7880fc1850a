//! Starts the HTTP server: `DATABASE_URL` says which database, `APP_ADDRESS` where to listen.

use std::process::ExitCode;

use app::address::DatabaseAddress;
use app::server::Limits;

const DEFAULT_ADDRESS: &str = "127.0.0.1:8080";

fn main() -> ExitCode {
    let served = tokio::runtime::Runtime::new()
        .map_err(Into::into)
        .and_then(|runtime| {
            let served = runtime.block_on(serve());
            // A question to the database may wait for ever; what it did not commit is undone.
            runtime.shutdown_background();
            served
        });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("DATABASE_URL").map_err(
        |_| "DATABASE_URL is not set: it names the database, such as postgres://… or sqlite:PATH",
    )?;
    let pool = app::database::open_pool(&DatabaseAddress::parse(&url)?)?;

    let address = std::env::var("APP_ADDRESS").unwrap_or_else(|_| DEFAULT_ADDRESS.to_owned());
    let listener = tokio::net::TcpListener::bind(&address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    report(&format!("listening on http://{}", listener.local_addr()?));

    let router = app::http::router(pool);
    if !app::server::serve(listener, router, Limits::default(), asked_to_stop()).await {
        report("stopped before every request was answered");
    }
    Ok(())
}

/// Ends at Ctrl-C or, where it exists, SIGTERM, which is what service managers send.
async fn asked_to_stop() {
    let interrupted = async {
        // Without a handler the process simply ends at Ctrl-C, so it can go on serving.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the server talks to whoever started it"
)]
fn report(message: &str) {
    eprintln!("{message}");
}
