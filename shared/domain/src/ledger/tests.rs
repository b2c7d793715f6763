#![expect(clippy::arithmetic_side_effects, reason = "a test may overflow and fail")]

use proptest::prelude::*;

use super::*;
use crate::{hold::Hold, order::Count};

fn entry(kind: EntryKind) -> Entry {
    Entry { at: Timestamp::from_millis(1), kind }
}

#[test]
fn each_kind_of_entry_has_its_name() {
    let hold = Hold::new(MicroUsd::constant(10), Count::ONE).unwrap();
    let job = JobId::new(Timestamp::from_millis(1), &[0; 10]);
    let amount = hold.amount();
    let resolution = |figures| EntryKind::Resolution { job, figures };
    for (kind, name) in [
        (EntryKind::Credit { id: "c".into(), amount, reference: "r".into() }, "credit"),
        (EntryKind::Hold { job, amount }, "hold"),
        (resolution(*hold.settle(Count::ONE).figures()), "usage"),
        (resolution(*hold.refund().figures()), "refund"),
        (EntryKind::Reversal { job, amount, reason: "x".into() }, "refund"),
    ] {
        assert_eq!(kind.name(), name);
    }
}

proptest! {
    /// Any course of events leaves available + held + charged == credited.
    #[test]
    fn entries_conserve_money(
        credits in prop::collection::vec(1_u64..1_000_000_000, 1..5),
        jobs in prop::collection::vec((1_u64..1_000_000, 1_u8..=4, 0_u8..=4, any::<bool>()), 0..20),
    ) {
        let mut entries = Vec::new();
        for (i, amount) in credits.iter().enumerate() {
            let amount = MicroUsd::constant(*amount);
            entries.push(entry(EntryKind::Credit { id: i.to_string(), amount, reference: i.to_string() }));
        }
        for (i, (price, n, delivered, is_given_back)) in (0..).zip(jobs) {
            let job = JobId::new(Timestamp::from_millis(i), &[0; 10]);
            let hold = Hold::new(MicroUsd::constant(price), n.try_into().unwrap()).unwrap();
            entries.push(entry(EntryKind::Hold { job, amount: hold.amount() }));
            let resolution = match Count::try_from(delivered) {
                Ok(count) => hold.settle(count),
                Err(_) => hold.refund(),
            };
            entries.push(entry(EntryKind::Resolution { job, figures: *resolution.figures() }));
            if let Some(reversal) = resolution.reverse().filter(|_| is_given_back) {
                let (amount, reason) = (reversal.amount(), "a complaint".to_owned());
                entries.push(entry(EntryKind::Reversal { job, amount, reason }));
            }
        }
        let [available, held, charged, credited] = replay(&entries);
        prop_assert_eq!(available + held + charged, credited);
        prop_assert_eq!(held, 0);
        prop_assert!(charged >= 0);
    }
}
