//! What becomes of an order, whatever the pockets have.

use proptest::prelude::*;

use super::*;

fn usd(micros: u64) -> MicroUsd {
    MicroUsd::try_from(micros).unwrap()
}

fn has(available: u64, free_slots: u32) -> Balance {
    Balance { available: usd(available), free_slots, ..Balance::default() }
}

fn pockets<const N: usize>(rows: [Balance; N]) -> Pockets {
    let numbered = (0..).map(Pocket).zip(rows).collect();
    Pockets::new(numbered).unwrap()
}

fn moved(from: u8, to: u8, amount: u64, slots: u32) -> Next {
    let (from, to) = (Pocket(from), Pocket(to));
    Next::Move(Move { from, to, is_new: false, amount: usd(amount), slots, turns: 0 })
}

#[test]
fn an_account_without_its_first_pocket_is_none() {
    assert_eq!(Pockets::new(vec![]), None);
    assert_eq!(Pockets::new(vec![(Pocket(1), has(1, 1))]), None);
    assert!(Pockets::new(vec![(Pocket(1), has(1, 1)), (Pocket(0), has(0, 0))]).is_some());
}

#[test]
fn there_are_so_many_pockets_and_no_more() {
    assert_eq!(Pocket::try_from(0), Ok(Pocket::FIRST));
    assert_eq!(Pocket::try_from(7).map(u8::from), Ok(7));
    assert_eq!(Pocket::try_from(8), Err(BadPocket(8)));
}

#[test]
fn the_balance_is_that_of_all_pockets_together() {
    let first =
        Balance { credited: usd(50), queue_cap: 9, held: usd(5), open_jobs: 1, ..has(30, 2) };
    let second = Balance { charged: usd(4), open_jobs: 1, version: 3, ..has(11, 5) };
    let total = pockets([first, second]).total();
    assert_eq!((total.available, total.free_slots, total.open_jobs), (usd(41), 7, 2));
    assert!(total.is_whole());
    assert!(!pockets([first, has(11, 5)]).total().is_whole(), "money is on its way");
    assert!(!pockets([first, Balance { free_slots: 4, ..second }]).total().is_whole());
}

#[test]
fn who_meets_others_goes_to_another_pocket_that_has_enough() {
    let pockets = pockets([has(100, 9), has(9, 9), has(10, 0), has(10, 1), has(50, 5)]);
    let asked = |luck| pockets.next(usd(10), Pocket(0), Met::Others, luck);
    assert_eq!([asked(0), asked(1), asked(2)], [3, 4, 3].map(|n| Next::Ask(Pocket(n))));
}

#[test]
fn who_meets_others_elsewhere_too_makes_another_pocket() {
    let two = pockets([has(400, 40), has(90, 9)]);
    let Next::Move(what) = two.next(usd(10), Pocket(1), Met::Others, 0) else {
        panic!("nothing moves");
    };
    assert_eq!(
        what,
        Move {
            from: Pocket(0),
            to: Pocket(2),
            is_new: true,
            amount: usd(200),
            slots: 20,
            turns: 0
        }
    );
    let small = pockets([has(90, 9), has(90, 9)]);
    assert_eq!(small.next(usd(10), Pocket(1), Met::Others, 0), Next::Ask(Pocket(0)));
}

#[test]
fn a_rich_pocket_where_orders_meet_is_halved() {
    let Next::Move(what) = pockets([has(161, 17)]).next(usd(10), Pocket(0), Met::Others, 0) else {
        panic!("nothing moves");
    };
    assert_eq!(
        what,
        Move { from: Pocket(0), to: Pocket(1), is_new: true, amount: usd(80), slots: 8, turns: 0 }
    );
}

#[test]
fn a_pocket_that_would_not_last_is_not_halved() {
    for small in [has(159, 100), has(1_000, 15), has(0, 0)] {
        assert_eq!(
            pockets([small]).next(usd(10), Pocket(0), Met::Others, 0),
            Next::Wait,
            "{small:?}"
        );
    }
}

#[test]
fn when_there_are_all_pockets_the_poorest_is_filled() {
    let mut rows = [has(5, 9); 8];
    rows[3] = has(1_005, 9);
    rows[6] = has(3, 9);
    // 6 had 3, and is to have as much as 3 then has: 504.
    assert_eq!(pockets(rows).next(usd(10), Pocket(3), Met::Others, 0), moved(3, 6, 501, 0));
}

#[test]
fn a_poor_pocket_is_filled_from_a_rich_one_if_that_lasts() {
    let rich = [has(4, 0), has(400, 40)];
    assert_eq!(pockets(rich).next(usd(10), Pocket(0), Met::TooLittle, 0), moved(1, 0, 198, 20));
    let last = [has(4, 3), has(60, 5)];
    assert_eq!(pockets(last).next(usd(10), Pocket(0), Met::TooLittle, 0), Next::Ask(Pocket(1)));
}

#[test]
fn what_no_pocket_has_alone_is_gathered() {
    let money = [has(6, 1), has(3, 0), has(4, 9)];
    assert_eq!(pockets(money).next(usd(10), Pocket(0), Met::TooLittle, 0), moved(2, 0, 4, 0));
    let slots = [has(50, 0), has(3, 2), has(0, 3)];
    assert_eq!(pockets(slots).next(usd(10), Pocket(0), Met::TooLittle, 0), moved(2, 0, 0, 1));
    let both = [has(8, 0), has(3, 2), has(0, 3)];
    assert_eq!(pockets(both).next(usd(10), Pocket(0), Met::TooLittle, 0), moved(1, 0, 2, 1));
}

#[test]
fn an_order_is_refused_when_all_together_have_too_little() {
    for poor in [[has(4, 3), has(5, 3)], [has(500, 0), has(500, 0)]] {
        assert_eq!(pockets(poor).next(usd(10), Pocket(0), Met::TooLittle, 0), Next::Refuse);
    }
}

fn turns(free_turns: u32, waiting_jobs: u32) -> Balance {
    Balance { free_turns, waiting_jobs, ..has(0, 0) }
}

#[test]
fn a_job_that_waits_takes_a_turn_of_its_own_pocket_or_else_of_any() {
    let three = pockets([turns(0, 1), turns(2, 0), turns(1, 1)]);
    let of = |own| three.turn(Pocket(own), COURTESY);
    assert_eq!([of(0), of(1), of(2)], [1, 1, 2].map(|n| Some(Pocket(n))));
    assert_eq!(pockets([turns(0, 1), turns(0, 1)]).turn(Pocket(1), COURTESY), None);
}

#[test]
fn a_new_job_takes_no_turn_for_which_another_waits() {
    let four = pockets([turns(0, 0), turns(1, 0), turns(1, 1), turns(0, 1)]);
    assert_eq!([0, 1, 2, 3].map(|n| four.offers_turn(Pocket(n))), [false, true, false, false]);
}

#[test]
fn a_new_job_lets_those_go_first_that_have_waited() {
    let one_each = pockets([turns(1, 1), turns(1, 1)]);
    assert_eq!(one_each.turn(Pocket(0), Duration::ZERO), Some(Pocket(0)), "there is one for each");
    let too_few = pockets([turns(1, 1), turns(0, 1)]);
    let new = COURTESY.saturating_sub(Duration::from_millis(1));
    assert_eq!(too_few.turn(Pocket(0), new), None);
    assert_eq!(too_few.turn(Pocket(0), COURTESY), Some(Pocket(0)));
}

#[test]
fn half_of_the_turns_go_along_and_decide_nothing() {
    let rich = |free_turns| Balance { free_turns, ..has(400, 40) };
    for (free, moved) in [(0, 0), (1, 0), (7, 3)] {
        let next = pockets([rich(free)]).next(usd(10), Pocket(0), Met::Others, 0);
        let Next::Move(what) = next else { panic!("nothing moves") };
        assert_eq!((what.turns, what.slots, what.amount), (moved, 20, usd(200)));
    }
    let unlike = [has(400, 40), Balance { free_turns: 9, ..has(400, 40) }];
    assert_eq!(pockets(unlike).next(usd(10), Pocket(0), Met::TooLittle, 1), Next::Ask(Pocket(1)));
}

prop_compose! {
    fn any_pockets()(rows in prop::collection::vec((0_u64..400, 0_u32..20), 1..=8)) -> Pockets {
        let rows = (0..).map(Pocket).zip(rows.into_iter().map(|(money, slots)| has(money, slots)));
        Pockets::new(rows.collect()).unwrap()
    }
}

/// Carries a move out, as its two writes do. `None` if they would be refused.
fn carried_out(Pockets(rows): &Pockets, what: &Move) -> Option<Pockets> {
    let mut rows = rows.clone();
    let from = &mut rows.iter_mut().find(|(pocket, _)| *pocket == what.from)?.1;
    from.available = from.available.checked_sub(what.amount)?;
    from.free_slots = from.free_slots.checked_sub(what.slots)?;
    let given = Balance { available: what.amount, free_slots: what.slots, ..Balance::default() };
    let to = rows.iter_mut().find(|(pocket, _)| *pocket == what.to);
    assert_eq!(to.is_none(), what.is_new);
    match to {
        Some((_, to)) => *to = to.plus(&given),
        None => rows.push((what.to, given)),
    }
    Pockets::new(rows)
}

proptest! {
    /// Whoever follows these steps, alone, has the order accepted or refused after few of them; accepted
    /// exactly if all pockets together have enough. On the way nothing is made and nothing vanishes.
    #[test]
    fn an_order_is_accepted_exactly_if_the_account_can(
        start in any_pockets(),
        amount in 1_u64..500,
        met_others in any::<bool>(),
        luck in any::<u64>(),
    ) {
        let amount = usd(amount);
        let total = start.total();
        let can = total.available >= amount && total.free_slots > 0;
        let (mut pockets, mut asked) = (start, Pocket::FIRST);
        let mut met = if met_others { Met::Others } else { Met::TooLittle };
        for _ in 0..12 {
            match pockets.next(amount, asked, met, luck) {
                Next::Ask(other) => asked = other,
                Next::Move(what) => {
                    pockets = carried_out(&pockets, &what).expect("a move is of what there is");
                    asked = what.to;
                }
                Next::Wait => prop_assert_eq!(met, Met::Others),
                Next::Refuse => {
                    prop_assert!(!can);
                    return Ok(());
                }
            }
            let now = pockets.total();
            prop_assert_eq!((now.available, now.free_slots), (total.available, total.free_slots));
            let pocket = pockets.get(asked);
            if pocket.available >= amount && pocket.free_slots > 0 {
                prop_assert!(can);
                return Ok(());
            }
            met = Met::TooLittle;
        }
        prop_assert!(false, "no end: {pockets:?}");
    }
}
