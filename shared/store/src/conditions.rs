//! Under which condition each write is made: the guards of the product, in one place, each under a
//! name.
//!
//! A write takes its condition from here and from nowhere else, so that whoever checks the rules
//! (the `model` crate does) evaluates these very texts and no copy of them.

/// Defines the conditions once: each with its name and its text.
macro_rules! conditions {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// The condition of a write.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Condition {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Condition {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The expression, as DynamoDB is sent it.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

conditions! {
    /// T1: the idempotency key is new, or past its lifetime.
    AcceptKey = "attribute_not_exists(pk) OR expires_at_ms <= :now",
    /// T1: there is no such job.
    AcceptJob = "attribute_not_exists(pk)",
    /// T1: nothing is held for it.
    AcceptHold = "attribute_not_exists(pk)",
    /// T1: the pocket covers the hold, has a free slot, and orders are accepted at all; the turn that the job
    /// takes, if it takes one, is free, and nobody waits for it.
    AcceptBalance = "available_micros >= :hold AND free_slots >= :one AND \
                     attribute_not_exists(suspended_at_ms) AND \
                     (:turns = :none OR (free_turns >= :turns AND waiting_jobs = :none))",

    /// The first claim: nobody has begun, there is time left, and the job has its turn.
    ClaimBegin = "job_status = :pending AND deadline_at_ms > :overdue AND attribute_exists(turn)",
    /// The first claim of a job that waits: the same, but it takes its turn now.
    ClaimWaiting = "job_status = :pending AND deadline_at_ms > :overdue AND \
                    attribute_not_exists(turn)",
    /// The turn that it takes is free, and the job is counted among those that wait.
    ClaimTurn = "free_turns >= :turns AND waiting_jobs >= :waits",
    /// Any later claim: nobody was quicker since the row was read, and the job is free.
    ClaimAgain = "job_status = :processing AND fence = :fence AND \
                  (attribute_not_exists(lease_until_ms) OR lease_until_ms <= :now)",
    /// An intent is noted by whoever has the job, once: not by a copy of the request that comes late.
    NoteIntent = "job_status = :processing AND fence = :fence AND submits < :submits AND \
                  attribute_exists(lease_until_ms)",
    /// A task is noted by whoever has the job, once for each intent.
    NoteTask = "job_status = :processing AND fence = :fence AND \
                (dispatch = :intended OR task = :task)",
    /// A job is put down by whoever has it.
    PutDown = "job_status = :processing AND fence = :fence",
    /// A job whose order was not taken is put down by whoever has it.
    PutDownUnsent = "job_status = :processing AND fence = :fence",
    /// The sweep looks later at a row that is still due and stands where it was seen.
    Postpone = "attribute_exists(due_shard) AND due_at_ms <= :now AND \
                (fence = :fence OR (attribute_not_exists(fence) AND :fence = :none))",

    /// T2, T3: the hold has no resolution.
    FinishResolution = "attribute_not_exists(pk)",
    /// T2: the job is ours, and not past its hard expiry: from then on it ends without pictures,
    /// however near they were.
    FinishSucceeded = "job_status = :processing AND fence = :fence AND expires_at_ms > :now",
    /// T3 by whoever has the job.
    FinishClaimed = "job_status = :processing AND fence = :fence",
    /// T3 of a job that was never begun.
    FinishPending = "job_status = :pending",
    /// T3 at hard expiry, whoever has the job. One that was seen to wait has taken no turn since.
    FinishOpen = "job_status IN (:pending, :processing) AND expires_at_ms <= :now AND \
                  (:waits = :none OR attribute_not_exists(turn))",
    /// T2, T3: the pocket holds at least what is resolved, and counts the job, also if it waits.
    FinishBalance = "held_micros >= :held AND open_jobs >= :one AND waiting_jobs >= :waits",
    /// T2, T3: the pocket that a turn goes back to is there, where it is not the one that held.
    FinishTurn = "attribute_exists(pk)",
    /// T2, T3: nothing was told of this ending.
    FinishEvent = "attribute_not_exists(pk)",

    /// The account is new.
    OpenAccount = "attribute_not_exists(pk)",
    /// T4: the payment reference is new.
    CreditReference = "attribute_not_exists(pk)",
    /// T4: the entry is new.
    CreditEntry = "attribute_not_exists(pk)",
    /// T4: no other credit came since the tier was worked out.
    CreditBalance = "credited_micros = :seen",

    /// T5: the charge of the job was never given back.
    ReverseEntry = "attribute_not_exists(pk)",
    /// T5: the job has succeeded, and is there.
    ReverseJob = "job_status = :succeeded",
    /// T5: the pocket was charged at least what is given back.
    ReverseBalance = "charged_micros >= :amount",
    /// T5: nothing was told of this.
    ReverseEvent = "attribute_not_exists(pk)",

    /// A pocket gives no more than it has, and nothing while the account is suspended.
    MoveFrom = "available_micros >= :amount AND free_slots >= :slots AND \
                free_turns >= :turns AND attribute_not_exists(suspended_at_ms)",
    /// The pocket that receives is there.
    MoveTo = "attribute_exists(pk)",
    /// The pocket that receives is new.
    MoveToNew = "attribute_not_exists(pk)",

    /// The account is there, to be suspended or resumed.
    Suspend = "attribute_exists(pk)",

    /// An event is looked at later, or not any more, as long as it is due.
    TendEvent = "attribute_exists(due_shard)",
    /// An event is noted as told once.
    NoteTold = "attribute_not_exists(pk)",
    /// A delivery is noted once.
    AddDelivery = "attribute_not_exists(pk)",
    /// An attempt is begun by one, when its time has come.
    BeginAttempt = "delivery_status = :due AND tries = :tries AND next_at_ms <= :now",
    /// An attempt is ended by whoever began it.
    EndAttempt = "delivery_status = :due AND tries = :tries",
    /// The sweep looks later at a delivery that is still due.
    TendDelivery = "attribute_exists(due_shard) AND due_at_ms <= :now",
    /// A delivery is begun anew, unless its next attempt is under way or near.
    Redeliver = "attribute_exists(pk) AND attribute_not_exists(under_way_since_ms) AND \
                 (delivery_status <> :due OR next_at_ms > :soon)",
    /// The user has no endpoint at this URL.
    RegisterEndpoint = "attribute_not_exists(pk)",
    /// There is an endpoint to be opened.
    OpenEndpoint = "attribute_exists(pk)",
    /// There is nothing yet that orders are signed with.
    FirstSecret = "attribute_not_exists(pk)",
    /// There is a secret to be replaced, and it is another one: not by a copy of the request that comes late.
    RotateSecret = "attribute_exists(pk) AND secret <> :secret",
    /// An endpoint is closed while it is open.
    CloseEndpoint = "attribute_exists(pk) AND attribute_not_exists(disabled_at_ms)",

    /// There is no API key of that id.
    AddKey = "attribute_not_exists(pk)",
    /// The API key is there, and goes on for longer than that.
    EndKey = "attribute_exists(pk) AND \
              (attribute_not_exists(expires_at_ms) OR expires_at_ms > :at)",
    /// There is an API key of that id.
    RevokeKey = "attribute_exists(pk)",
}
