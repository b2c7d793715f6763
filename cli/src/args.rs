//! The commands and their options.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use clap::{Parser, Subcommand};
use domain::{
    api_key::KeyId,
    ids::{JobId, UserId},
    money::MicroUsd,
    scope::Scope,
    webhook::DeliveryId,
};

use crate::moment::Age;

/// An image-generation API that never charges twice, on this machine or in your AWS account.
///
/// Without a command, it serves.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the whole product on this machine (the default)
    Serve(ServeArgs),
    /// Make pictures from a prompt and save them
    Generate(GenerateArgs),
    /// Open, suspend and resume accounts
    User(UserArgs),
    /// Make, list and revoke API keys
    Key(KeyArgs),
    /// Add money to an account, once for each reference
    Credit(CreditArgs),
    /// Show what an account has
    Balance(BalanceArgs),
    /// Give the charge of a job that succeeded back, once
    Refund(RefundArgs),
    /// Look at a job
    #[command(subcommand)]
    Job(JobCommand),
    /// Look at the jobs that have not ended
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Look at messages that were given up, and put them back
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Look at deliveries of webhooks, and have them made again
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Say in one screen whether all is well, and fail if it is not
    Status(StatusArgs),
    /// Write the ledger as CSV, and say whether it adds up to the balances
    Export(ExportArgs),
    /// Check that the books of every account are in order
    Audit(AuditArgs),
    /// Print what a shell needs to call the stack of this machine: eval "$(holdfast env)"
    Env,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// The port of the API; 0 takes any that is free
    #[arg(long, env = "HOLDFAST_PORT", default_value_t = 8080)]
    pub(crate) port: u16,
    /// Where accounts, jobs and pictures are kept
    #[arg(long, env = "HOLDFAST_DATA_DIR", default_value = ".holdfast", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Keep nothing
    #[arg(long, env = "HOLDFAST_EPHEMERAL")]
    pub(crate) ephemeral: bool,
    /// What the demo account starts with, in dollars
    #[arg(long, env = "HOLDFAST_CREDIT", default_value = "10", value_name = "USD")]
    pub(crate) credit: MicroUsd,
    /// Another template than the one that is built in
    #[arg(long, env = "HOLDFAST_TEMPLATE", value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
    /// Another value for a parameter of the template; may be repeated
    #[arg(long = "parameter", env = "HOLDFAST_PARAMETERS", value_name = "NAME=VALUE",
          value_parser = parameter, value_delimiter = ',')]
    pub(crate) parameters: Vec<(String, String)>,
    /// How often the sweep runs, in seconds, instead of what the template says
    #[arg(long, env = "HOLDFAST_SWEEP_SECONDS", value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sweep_seconds: Option<u64>,
}

impl ServeArgs {
    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        self.parameters.iter().cloned().collect()
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it should be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct GenerateArgs {
    /// What the pictures should show
    pub(crate) prompt: String,
    /// Which model draws
    #[arg(long, short, default_value = "flux-1.1-ultra")]
    pub(crate) model: String,
    /// How many pictures, 1 to 4
    #[arg(short, default_value_t = 1)]
    pub(crate) n: u8,
    /// The shape: auto, 1024x768, 4:3 …
    #[arg(long, short)]
    pub(crate) size: Option<String>,
    /// The picture to change, for flux-kontext-pro
    #[arg(long, value_name = "URL")]
    pub(crate) image_url: Option<String>,
    /// The same seed draws the same
    #[arg(long)]
    pub(crate) seed: Option<u32>,
    /// More for the model, as a JSON object
    #[arg(long, value_name = "JSON")]
    pub(crate) extra: Option<String>,
    /// The same key never orders twice; a fresh one if none is given
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Where the pictures are saved
    #[arg(long, short, default_value = ".", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Whose money; the demo account's on this machine
    #[arg(long, env = "HOLDFAST_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct UserArgs {
    #[command(subcommand)]
    pub(crate) command: UserCommand,
    /// Say it in one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Open an account
    Create {
        /// Its name: up to 64 lower-case letters, digits, _ and -; made up if none is given
        user: Option<UserId>,
    },
    /// Accept no more orders of an account; what is accepted goes on
    Suspend {
        /// Whose
        user: UserId,
    },
    /// Accept orders of an account again
    Resume {
        /// Whose
        user: UserId,
    },
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
    /// Say it in one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and show it, once; an account has two at most, so that one can take the other's place
    Create {
        /// Whose
        user: UserId,
        /// What the key may be used for; may be repeated; everything, if it is not said
        #[arg(long = "scope", value_name = "SCOPE", value_parser = Scope::from_str)]
        scopes: Vec<Scope>,
        /// After how long the key opens nothing any more, such as 90d or 12h; never, if it is not said
        #[arg(long, value_name = "AGE")]
        expires_in: Option<Age>,
    },
    /// List the keys of an account
    List {
        /// Whose
        user: UserId,
    },
    /// Make a key in the place of another, which goes on until it is revoked, or for a while
    Rotate {
        /// Whose
        user: UserId,
        /// How long the old key still opens what it opened: 90s, 10m, 2h, 1d; until it is revoked, if it is not said
        #[arg(long, value_name = "AGE")]
        grace: Option<Age>,
    },
    /// Revoke a key
    Revoke {
        /// The public part of the key, as listed
        key_id: KeyId,
    },
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CreditArgs {
    /// Whose account
    pub(crate) user: UserId,
    /// How much, in dollars
    #[arg(value_name = "USD")]
    pub(crate) amount: MicroUsd,
    /// The payment it stands for: the same reference never adds twice; made up if none is given
    #[arg(long)]
    pub(crate) reference: Option<String>,
    /// Say it in one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct BalanceArgs {
    /// Whose account
    pub(crate) user: UserId,
    /// Say it in one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RefundArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// Why: a line for the books, which the user does not see
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// How long the row of the job is kept from now on, in days: the stack's `RetentionDays`
    #[arg(long, value_name = "DAYS", default_value_t = 90,
          value_parser = clap::value_parser!(u16).range(30..))]
    pub(crate) retention_days: u16,
    /// Do it, instead of saying what would be done
    #[arg(long)]
    pub(crate) yes: bool,
    /// Say it in one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// List the deliveries of an account, those of its newest jobs first
    List {
        /// Whose
        user: UserId,
        /// How many at most
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
        limit: u8,
        /// Say it in one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Begin a delivery anew that was made or given up: the same bytes under the same id
    Replay {
        /// Whose
        user: UserId,
        /// Which, as `list` names it
        delivery: DeliveryId,
        /// Say it in one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Show a job with its whole history: where it stands, its money, what was tried, what was told
    Show {
        #[command(flatten)]
        job: JobArgs,
        /// Say it in one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// A job. There is none without its account: the account begins its key.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct JobArgs {
    /// Whose job
    pub(crate) user: UserId,
    /// Which job
    pub(crate) job: JobId,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// List jobs that have not ended, the oldest first
    Open {
        /// Only those that are older than this: 90s, 10m, 2h, 1d
        #[arg(long, value_name = "AGE")]
        older_than: Option<Age>,
        /// At most so many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        limit: u16,
        /// Say it in one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// Show messages that were given up, and leave them where they are
    Show {
        #[command(flatten)]
        bounds: DlqBounds,
    },
    /// Ring again for the jobs that have not ended, and drop messages about those that have
    Redrive {
        #[command(flatten)]
        bounds: DlqBounds,
        /// Do it, instead of saying what would be done
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct DlqBounds {
    /// At most so many messages
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) limit: u16,
    /// Say it in one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Say it in one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Whose ledger
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) user: Option<UserId>,
    /// Everybody's
    #[arg(long)]
    pub(crate) all: bool,
    /// The file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Say what was written in one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct AuditArgs {
    /// Say it in one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Suspend the accounts whose books are not in order; nothing is repaired
    #[arg(long)]
    pub(crate) suspend: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        let args = Args::try_parse_from(["holdfast", "--port", "0", "--credit", "2.5"]).unwrap();
        assert!(args.command.is_none());
        assert_eq!(args.serve.credit.to_string(), "2.5");
    }

    #[test]
    fn a_refunded_job_is_kept_no_shorter_than_its_key() {
        let refund = |more: &[&str]| {
            let job = "0190a0a0-0000-7000-8000-000000000000";
            let args = ["holdfast", "refund", "demo", job, "--reason", "x"];
            match Args::try_parse_from([&args[..], more].concat())?.command {
                Some(Command::Refund(args)) => Ok(args.retention_days),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refund(&[]).unwrap(), 90);
        assert_eq!(refund(&["--retention-days", "30"]).unwrap(), 30);
        let refused: clap::Error = refund(&["--retention-days", "29"]).unwrap_err();
        assert!(refused.to_string().contains("29 is not in 30.."), "{refused}");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        assert!(Args::try_parse_from(["holdfast", "credit", "demo", "-1"]).is_err());
        assert!(Args::try_parse_from(["holdfast", "credit", "demo", "1e3"]).is_err());
        assert!(Args::try_parse_from(["holdfast", "serve", "--parameter", "x"]).is_err());
    }
}
