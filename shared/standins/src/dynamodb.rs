//! DynamoDB: dynoxide on `SQLite`, in memory or in a file.

use std::{net::TcpListener, path::Path, time::Duration};

use anyhow::Context as _;
use dynoxide::Database;

use crate::worker::Stop;

/// How often expired items are removed. DynamoDB takes up to two days; readers must not rely on it.
const TTL_SWEEP_PERIOD: Duration = Duration::from_mins(10);

/// Opens the tables.
pub(crate) fn open(file: Option<&Path>) -> anyhow::Result<Database> {
    let Some(file) = file else {
        return Database::memory().context("cannot make tables in memory");
    };
    let path = file.to_str().with_context(|| format!("{} is not UTF-8", file.display()))?;
    Database::new(path).with_context(|| format!("cannot open the tables in {path}"))
}

/// Serves the tables until told to stop.
pub(crate) async fn serve(
    listener: TcpListener,
    database: Database,
    stop: Stop,
) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let serving =
        dynoxide::server::serve_with_shutdown(listener, database.clone(), stop.clone().told());
    tokio::select! {
        ended = serving => ended.map_err(anyhow::Error::msg),
        never = remove_expired(database) => match never {},
    }
}

/// The engine forgets nothing by itself.
async fn remove_expired(database: Database) -> std::convert::Infallible {
    let mut ticks = tokio::time::interval(TTL_SWEEP_PERIOD);
    loop {
        ticks.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(items)) => tracing::debug!(items, "removed expired items"),
            Ok(Err(error)) => tracing::warn!(%error, "expired items were not removed"),
            Err(error) => tracing::warn!(%error, "expired items were not removed"),
        }
    }
}
