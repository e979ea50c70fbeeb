//! The wish of somebody outside that the program ends.

use tokio::signal;

/// Waits for Ctrl-C, or for SIGTERM, and returns the exit code that a shell expects then.
pub(crate) async fn interrupted() -> u8 {
    tokio::select! {
        Ok(()) = signal::ctrl_c() => 130,
        code = terminated() => code,
    }
}

#[cfg(unix)]
async fn terminated() -> u8 {
    use signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => terminate.recv().await,
        Err(_) => std::future::pending().await,
    };
    143
}

#[cfg(not(unix))]
async fn terminated() -> u8 {
    std::future::pending().await
}
