//! `holdfast`: serves the whole product on this machine, makes pictures with it, and looks after
//! the accounts of a stack.

mod args;
mod audit;
mod connection;
mod credentials;
mod demo;
mod dlq;
mod export;
mod generate;
mod job;
mod key;
mod moment;
mod operate;
mod progress;
mod queues;
mod refund;
mod rotate;
mod serve;
mod status;
mod style;
mod webhook;

use std::process::ExitCode;

use anstream::eprintln;
use args::{Args, Command};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match args.command {
        None => serve::serve(args.serve).await,
        Some(Command::Serve(options)) => serve::serve(options).await,
        Some(Command::Generate(order)) => generate::generate(order).await,
        Some(Command::User(args)) => operate::user(args).await,
        Some(Command::Key(args)) => key::key(args).await,
        Some(Command::Credit(args)) => operate::credit(args).await,
        Some(Command::Balance(args)) => operate::balance(args).await,
        Some(Command::Refund(args)) => refund::refund(args).await,
        Some(Command::Job(command)) => job::job(command).await,
        Some(Command::Jobs(command)) => job::jobs(command).await,
        Some(Command::Dlq(command)) => dlq::dlq(command).await,
        Some(Command::Webhook(command)) => webhook::webhook(command).await,
        Some(Command::Status(args)) => status::status(args).await,
        Some(Command::Export(args)) => export::export(args).await,
        Some(Command::Audit(args)) => audit::audit(args).await,
        Some(Command::Env) => operate::env().await,
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}error{}: {error:#}", style::BAD, style::BAD.render_reset());
            ExitCode::FAILURE
        }
    }
}
