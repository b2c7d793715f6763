//! Which request is which, and at which of them a process dies.

use testkit::{
    CrashPoint, Role,
    proxy::{Call, Deed, Proxy, Service, Strike},
};

/// A way to die at a point. Some points have two.
#[derive(Clone, Debug)]
pub(crate) struct Trap {
    pub(crate) point: CrashPoint,
    /// What of the point it is, where there are two.
    pub(crate) how: &'static str,
    fits: fn(&Call) -> bool,
    deed: Deed,
}

impl Trap {
    /// Waits for a process to come to the point.
    pub(crate) fn set(&self, proxy: &Proxy) -> Strike {
        proxy.once(self.fits, self.deed.clone())
    }

    /// Says that a process died here.
    pub(crate) fn print(&self) {
        println!("killed at {} ({}{})", self.point, self.point.what(), self.how);
    }
}

/// All ways to die of a function.
pub(crate) fn traps(role: Role) -> Vec<Trap> {
    CrashPoint::of(role).flat_map(of).collect()
}

/// The ways to die at a point.
pub(crate) fn of(point: CrashPoint) -> Vec<Trap> {
    let trap = |how, fits, deed| Trap { point, how, fits, deed };
    let arrives = |fits| vec![trap("", fits, Deed::swallow())];
    let is_done = |fits| vec![trap("", fits, Deed::hush())];
    let either = |fits| {
        vec![
            trap("; it did not arrive", fits, Deed::swallow()),
            trap("; it is written", fits, Deed::hush()),
        ]
    };
    match point {
        CrashPoint::Ap1 => arrives(is_transaction),
        CrashPoint::Ap2 => is_done(is_transaction),
        CrashPoint::Ap3 => arrives(is_ring),
        CrashPoint::Ap4 | CrashPoint::Sp2 => is_done(is_ring),
        CrashPoint::Ap5 | CrashPoint::Cp11 | CrashPoint::Sp4 => arrives(is_answer),
        CrashPoint::Cp1 => arrives(is_claim),
        CrashPoint::Cp2 => is_done(is_claim),
        CrashPoint::Cp3 => arrives(is_order),
        CrashPoint::Cp4 => is_done(is_order),
        CrashPoint::Cp5 => arrives(is_note_of_task),
        CrashPoint::Cp6 => is_done(is_note_of_task),
        CrashPoint::Cp7 => arrives(is_poll),
        CrashPoint::Cp8 => arrives(is_picture),
        CrashPoint::Cp9 => is_done(is_picture),
        CrashPoint::Cp10 | CrashPoint::Sp3 => either(is_transaction),
        // What was answered has been taken.
        CrashPoint::Cp12 => vec![trap("", is_answer, Deed::pass())],
        CrashPoint::Sp1 => arrives(is_look_at_job),
    }
}

/// T1, T2 or T3: each function has one of them, and it writes an entry. What only moves money from one pocket
/// of a balance to another writes none.
pub(crate) fn is_transaction(call: &Call) -> bool {
    let body = call.json();
    let mut items = body["TransactItems"].as_array().into_iter().flatten();
    call.is(Service::DynamoDb, "TransactWriteItems")
        && items.any(|item| {
            let sk = item["Put"]["Item"]["sk"]["S"].as_str();
            sk.is_some_and(|sk| sk.starts_with("entry#"))
        })
}

/// Any request to the tables.
pub(crate) fn is_for_tables(call: &Call) -> bool {
    call.service == Service::DynamoDb
}

pub(crate) fn is_ring(call: &Call) -> bool {
    call.is(Service::Sqs, "SendMessage")
}

/// An update of a row with this placeholder.
fn is_update_with(call: &Call, placeholder: &str) -> bool {
    call.is(Service::DynamoDb, "UpdateItem")
        && !call.json()["ExpressionAttributeValues"][placeholder].is_null()
}

pub(crate) fn is_claim(call: &Call) -> bool {
    is_update_with(call, ":holder")
}

pub(crate) fn is_note_of_task(call: &Call) -> bool {
    is_update_with(call, ":task")
}

fn is_look_at_job(call: &Call) -> bool {
    let key = &call.json()["Key"]["sk"]["S"];
    call.is(Service::DynamoDb, "GetItem") && key.as_str().is_some_and(|key| key.starts_with("job#"))
}

fn is_order(call: &Call) -> bool {
    call.is(Service::Upstream, "POST")
}

fn is_poll(call: &Call) -> bool {
    call.is(Service::Upstream, "GET") && call.path.starts_with("/v1/get_result")
}

fn is_picture(call: &Call) -> bool {
    call.is(Service::S3, "PUT")
}

/// The answer to an event.
fn is_answer(call: &Call) -> bool {
    call.is(Service::Lambda, "POST") && call.path.ends_with("/response")
}

#[test]
fn each_point_has_a_way_to_die_at_it() {
    for point in CrashPoint::ALL {
        assert!(!of(point).is_empty(), "{point}");
        assert!(of(point).iter().all(|trap| trap.point == point));
    }
}
