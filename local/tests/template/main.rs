//! What template.yaml promises whoever deploys it: who may do what, what is kept and how, what is watched.
//! Each check is also shown a template that is wrong, so that it is known to see it.

#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may stop at the first surprise"
)]

mod document;
mod hardened;
mod watched;
