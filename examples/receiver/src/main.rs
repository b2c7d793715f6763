//! `WEBHOOK_SECRET=whsec_… cargo run -p receiver`: prints what it is told, at `http://127.0.0.1:4000`.
#![expect(clippy::print_stdout, reason = "it is a program for people")]

use std::net::Ipv4Addr;

use clap::Parser;
use tokio::net::TcpListener;

/// Prints what it is told of jobs.
#[derive(Parser)]
struct Options {
    /// The secret of the endpoint, as it was shown.
    #[arg(long, env = "WEBHOOK_SECRET", hide_env_values = true)]
    secret: String,
    /// Where it listens.
    #[arg(long, env = "PORT", default_value_t = 4_000)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Options { secret, port } = Options::parse();
    let router = receiver::router(&secret, |event| {
        println!("{} {} ({} images)", event.r#type, event.data.id, event.data.images);
    })?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}
