//! Workers die again and again, at points that are drawn by lot, and where it costs most.

use domain::job::{Dispatch, State, Status};
use futures_util::future::{join, join_all};
use rand_pcg::{
    Pcg64,
    rand_core::{Rng, SeedableRng},
};
use testkit::{CrashPoint, Role};

use crate::{
    program::Function,
    traffic::{self, Trap, traps},
    world::{Caller, ORDERING, PRICE, SHORT, World, event},
};

/// Where the lots begin. Each sequence has the next one.
const SEED: u64 = 4_401;
const SEQUENCES: u64 = 8;
/// The most deaths in a row.
const DEATHS: usize = 5;
/// So many points are drawn: some cannot be reached any more.
const DRAWN: usize = 16;

/// Ways to die. The job goes on after each but the last of so many deaths.
fn draw(seed: u64) -> Vec<Trap> {
    let mut chance = Pcg64::seed_from_u64(seed);
    let (traps, mut drawn) = (traps(Role::Generate), Vec::new());
    while drawn.len() < DRAWN {
        let index = usize::try_from(chance.next_u32()).unwrap();
        let trap = &traps[index.checked_rem(traps.len()).unwrap()];
        if trap.point < CrashPoint::Cp10 || drawn.len() > DEATHS {
            drawn.push(trap.clone());
        }
    }
    drawn
}

/// One worker after the other dies, until the job has ended or enough have died. Says where they died, how
/// the job ended, and how many orders there were.
async fn die(name: &str, ways: Vec<Trap>) -> (Vec<CrashPoint>, Status, usize) {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let submit = world.program(Function::Submit).await;
    let job = anna.submit(&submit, "one").await.accepted();
    let message = world.message().await;

    let mut died = Vec::new();
    for way in ways {
        if died.len() == DEATHS || world.has_ended(&anna, &job).await {
            break;
        }
        let is_known = has_task(&world.job(&anna, &job).await.state);
        if is_known && (CrashPoint::Cp3..=CrashPoint::Cp6).contains(&way.point) {
            // No visit comes there again.
            continue;
        }
        // The next visit begins when the lease of this one is over; an order needs time.
        let claims_only = matches!(way.point, CrashPoint::Cp1 | CrashPoint::Cp2);
        let time = if is_known || claims_only { SHORT } else { ORDERING };
        let mut worker = world.program(Function::Generate).await;
        let strike = way.set(&worker.proxy);
        let ended = worker.invoke_until(&event(&message), time, &strike).await;
        if ended.is_killed() {
            way.print();
            died.push(way.point);
        }
        world.is_free(&anna, &job).await;
    }
    world.give_back(&message).await;
    world.run(&anna, &[job]).await;
    let (status, orders) = (world.is_settled(&anna, &job).await, world.orders());
    let names: Vec<_> = died.iter().map(|point| point.name()).collect();
    println!("{name}: {} -> {} with {orders} orders", names.join(" "), status.as_str());
    is_in_order(&world, &anna, status).await;
    assert_eq!(anna.submit(&submit, "one").await.replayed(), job);
    world.finish().await;
    (died, status, orders)
}

/// Whether it was noted what the upstream made of the order.
fn has_task(state: &State) -> bool {
    match state {
        State::Processing(run) => matches!(run.dispatch, Dispatch::Accepted(_)),
        State::Pending
        | State::Succeeded { .. }
        | State::Failed { .. }
        | State::Expired { .. }
        | State::Refunded { .. } => false,
    }
}

/// Charged for what there is, or given back; never more than two orders.
async fn is_in_order(world: &World, caller: &Caller, status: Status) {
    let charged = match status {
        Status::Succeeded => PRICE,
        Status::Failed => 0,
        other @ (Status::Pending | Status::Processing | Status::Expired | Status::Refunded) => {
            panic!("{other:?}")
        }
    };
    assert!(world.orders() <= 2, "{} orders", world.orders());
    assert_eq!(world.held_and_charged(caller).await, (0, charged));
}

/// Twice nobody learned what became of the order: it is given back, and no third one is sent.
async fn is_given_back(point: CrashPoint) {
    let [way] = traffic::of(point).try_into().unwrap();
    // On a busy machine an order is put off; then there is another try.
    let story = die("by choice", vec![way; DRAWN]).await;
    assert_eq!(story, (vec![point; 2], Status::Failed, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_to_five_deaths_in_a_row_end_in_one_charge_or_in_a_refund() {
    let seeds = (0..SEQUENCES).map(|number| SEED.checked_add(number).unwrap());
    let by_lot = seeds.map(async |seed| die(&format!("seed {seed}"), draw(seed)).await.0.len());
    let by_choice = [CrashPoint::Cp4, CrashPoint::Cp5].map(is_given_back);
    let (deaths, _) = join(join_all(by_lot), join_all(by_choice)).await;
    assert!(deaths.iter().all(|deaths| *deaths > 0), "{deaths:?}");
    assert!(deaths.contains(&DEATHS), "{deaths:?}");
}
