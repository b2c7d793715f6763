//! The colours that the commands use.

use anstyle::{AnsiColor, Style};

/// What matters most on a line.
pub(crate) const STRONG: Style = Style::new().bold();
/// What only labels.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What did not.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
