//! Waiting for something to be so, with an end.

use std::time::Duration;

/// Pause between two questions: short against what is waited for, long against what a question costs.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks until there is an answer, for as long as `patience`.
///
/// # Panics
/// If there is none by then.
pub async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let answer = tokio::time::timeout(patience, asked).await;
    answer.unwrap_or_else(|_| panic!("it never was so that {what}"))
}
