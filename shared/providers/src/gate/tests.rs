use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_000);
const SHORT: Duration = Duration::from_millis(20);

fn n(n: u8) -> Count {
    n.try_into().unwrap()
}

#[tokio::test]
async fn no_more_pictures_are_under_way_than_there_are_places() {
    let gate = Gate::new(Some(5));
    let Admission::Open(four) = gate.admit(n(4), NOW, SHORT).await else { panic!("four fit") };
    let Admission::Open(one) = gate.admit(n(1), NOW, SHORT).await else { panic!("one more fits") };
    assert!(matches!(gate.admit(n(1), NOW, SHORT).await, Admission::Full));
    drop(one);
    assert!(matches!(gate.admit(n(2), NOW, SHORT).await, Admission::Full));
    drop(four);
    assert!(matches!(gate.admit(n(4), NOW, SHORT).await, Admission::Open(_)));
}

#[tokio::test]
async fn who_waits_has_its_turn() {
    let gate = Gate::new(Some(4));
    let Admission::Open(first) = gate.admit(n(4), NOW, SHORT).await else { panic!("it is open") };
    let second = gate.admit(n(4), NOW, Duration::from_secs(10));
    let (second, ()) = tokio::join!(second, async { drop(first) });
    assert!(matches!(second, Admission::Open(_)));
}

#[tokio::test]
async fn an_upstream_that_wants_to_be_left_alone_is() {
    for gate in [Gate::open(), Gate::new(Some(4))] {
        gate.close(NOW.plus(Duration::from_secs(7)));
        // Somebody else was told less.
        gate.close(NOW.plus(Duration::from_secs(3)));
        let Admission::Closed(again) = gate.admit(n(1), NOW, SHORT).await else {
            panic!("it is closed")
        };
        assert_eq!(again, Duration::from_secs(7));
        let later = NOW.plus(Duration::from_secs(7));
        assert!(matches!(gate.admit(n(1), later, SHORT).await, Admission::Open(_)));
    }
}

#[tokio::test]
async fn who_waited_while_it_was_closed_is_told() {
    let gate = Gate::new(Some(4));
    let Admission::Open(first) = gate.admit(n(4), NOW, SHORT).await else { panic!("it is open") };
    let second = gate.admit(n(4), NOW, Duration::from_secs(10));
    let close = async {
        gate.close(NOW.plus(TROUBLE));
        drop(first);
    };
    let (second, ()) = tokio::join!(second, close);
    assert!(matches!(second, Admission::Closed(TROUBLE)));
    // The places of one that was told are free again.
    let later = NOW.plus(TROUBLE);
    assert!(matches!(gate.admit(n(4), later, SHORT).await, Admission::Open(_)));
}

#[tokio::test]
async fn an_order_that_is_larger_than_the_gate_goes_alone() {
    let gate = Gate::new(Some(2));
    let Admission::Open(small) = gate.admit(n(1), NOW, SHORT).await else { panic!("it is open") };
    assert!(matches!(gate.admit(n(4), NOW, SHORT).await, Admission::Full));
    drop(small);
    let Admission::Open(large) = gate.admit(n(4), NOW, SHORT).await else { panic!("it is free") };
    assert!(matches!(gate.admit(n(1), NOW, SHORT).await, Admission::Full));
    drop(large);
    assert!(matches!(gate.admit(n(2), NOW, SHORT).await, Admission::Open(_)));
}
