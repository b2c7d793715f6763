//! A job that waits for a turn of its user: nothing is done for it but to look again soon.

use std::time::Duration;

use anyhow::Context;
use domain::{job::Job, schedule, time::Timestamp};
use runtime::queue::Bell;

use crate::App;

/// The shortest pause of a job that waits for a turn. Each is as much longer as luck has it, in whole seconds below
/// [`TURN_PAUSE_SPREAD`], so that no job is always the last to ask.
const TURN_PAUSE_MIN: Duration = Duration::from_secs(2);
/// So many lengths of it there are, a second apart.
const TURN_PAUSE_SPREAD: u8 = 3;

/// Rings again soon for a job that waits for a turn, so that nothing is held up meanwhile. The sweep need not ring for
/// it, too, as long as it is heard of. If it has, because this message was long on its way, the other one is followed
/// by the next, and this one by none.
pub(super) async fn wait(
    app: &App,
    bell: &Bell,
    job: &Job,
    due_at: Option<Timestamp>,
    now: Timestamp,
) -> anyhow::Result<()> {
    if bell.due_at_ms.is_some_and(|known| due_at.is_some_and(|due_at| known < due_at)) {
        return Ok(());
    }
    let [luck] = app.entropy.bytes()?;
    let longer = luck.checked_rem(TURN_PAUSE_SPREAD).unwrap_or_default();
    let pause = TURN_PAUSE_MIN.saturating_add(Duration::from_secs(longer.into()));
    // In good time, so that the sweep does not ring beside this message.
    let soon = now.plus(app.config.reannounce.checked_div(2).unwrap_or_default());
    let later = due_at
        .is_some_and(|due_at| due_at <= soon)
        .then(|| schedule::due_at(now.plus(app.config.reannounce), job.expires_at, now));
    let next = bell.clone().known_due(later.or(due_at));
    app.queue.ring(&next, pause).await.context("nobody is rung for a job that waits")?;
    if let Some(later) = later {
        let _taken = app.store.postpone(job, soon, later).await?;
    }
    Ok(())
}
