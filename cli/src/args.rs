//! The commands and their options.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr, time::Duration};

use clap::{Parser, Subcommand};
use domain::{api_key::KeyId, ids::UserId, money::MicroUsd, scope::Scope};

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
    #[command(subcommand)]
    User(UserCommand),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Add money to an account, once for each reference
    Credit(CreditArgs),
    /// Show what an account has
    Balance(BalanceArgs),
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

/// A time such as `90d`, `12h` or `30m`.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "it should be a whole number of days, hours or minutes, such as 90d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let minutes: u64 = match unit {
        "d" => 24 * 60,
        "h" => 60,
        "m" => 1,
        _ => return Err(wrong()),
    };
    let number = number.parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    Ok(Duration::from_mins(minutes.saturating_mul(number.into())))
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

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and show it, once; an account has two at most, so that one can take the other's place
    Create {
        /// Whose
        user: UserId,
        /// What the key may be used for; may be repeated; everything, if it is not said
        #[arg(long = "scope", value_name = "SCOPE",
              value_parser = Scope::from_str)]
        scopes: Vec<Scope>,
        /// When the key ends, such as 90d, 12h or 30m from now; never, if it is not said
        #[arg(long, value_name = "TIME", value_parser = span)]
        expires_in: Option<Duration>,
    },
    /// List the keys of an account
    List {
        /// Whose
        user: UserId,
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
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct BalanceArgs {
    /// Whose account
    pub(crate) user: UserId,
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
    fn a_time_is_some_days_hours_or_minutes() {
        assert_eq!(span("90d"), Ok(Duration::from_hours(90 * 24)));
        assert_eq!(span("12h"), Ok(Duration::from_hours(12)));
        assert_eq!(span("30m"), Ok(Duration::from_mins(30)));
        for wrong in ["", "d", "90", "0d", "-1d", "1.5h", "90 d", "1w", "99999999999d", "1é"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        assert!(Args::try_parse_from(["holdfast", "credit", "demo", "-1"]).is_err());
        assert!(Args::try_parse_from(["holdfast", "credit", "demo", "1e3"]).is_err());
        assert!(Args::try_parse_from(["holdfast", "serve", "--parameter", "x"]).is_err());
    }
}
