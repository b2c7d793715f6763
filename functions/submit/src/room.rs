//! The room in a user's queue, which is told beside the answer to an order. It is read when a user orders, and
//! remembered for a moment: of those who order again and again, not each order is a read more.
//!
//! What is told is a hint, to whoever paces themselves by it. Whether there is room is decided by the condition of T1.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{ids::UserId, time::Timestamp};
use web::Queue;

/// How long what was read is good for. Meanwhile jobs end, and others may order elsewhere for the same user.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// Of how many users it is remembered.
const USERS_MAX: usize = 128;

/// What was read, less what was accepted here since.
#[derive(Debug)]
struct Room {
    queue: Queue,
    read_at: Timestamp,
}

/// The rooms of those who have just ordered.
#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<HashMap<UserId, Room>>);

impl Rooms {
    /// The room of a user who has one more job since a moment ago, if it is known. That there is none is for the tables
    /// to say: whoever hears it stops.
    pub(crate) fn take(&self, user: &UserId, now: Timestamp) -> Option<Queue> {
        let mut rooms = self.lock();
        let room = rooms.get_mut(user)?;
        let left = room.queue.free.saturating_sub(1);
        if left == 0 || now.since(room.read_at) >= GOOD_FOR {
            rooms.remove(user);
            return None;
        }
        room.queue.free = left;
        Some(room.queue)
    }

    /// Remembers what was read.
    pub(crate) fn learn(&self, user: &UserId, queue: Queue, read_at: Timestamp) {
        let mut rooms = self.lock();
        if rooms.len() >= USERS_MAX && !rooms.contains_key(user) {
            rooms.clear();
        }
        rooms.insert(user.clone(), Room { queue, read_at });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_123);

    fn user(name: &str) -> UserId {
        name.parse().unwrap()
    }

    fn free(queue: Option<Queue>) -> Option<u32> {
        queue.map(|queue| queue.free)
    }

    #[test]
    fn each_order_takes_one_until_it_must_be_read_anew() {
        let (rooms, anna) = (Rooms::default(), user("anna"));
        assert_eq!(rooms.take(&anna, NOW), None);
        rooms.learn(&anna, Queue { cap: 6, free: 3 }, NOW);
        assert_eq!(rooms.take(&user("ben"), NOW), None);
        let almost = NOW.plus(GOOD_FOR).minus(Duration::from_millis(1));
        assert_eq!(rooms.take(&anna, NOW), Some(Queue { cap: 6, free: 2 }));
        assert_eq!(free(rooms.take(&anna, almost)), Some(1));
        // That it is full is not concluded.
        assert_eq!(rooms.take(&anna, almost), None);
        assert_eq!(rooms.take(&anna, almost), None);
        rooms.learn(&anna, Queue { cap: 6, free: 0 }, almost);
        assert_eq!(rooms.take(&anna, almost), None);
    }

    #[test]
    fn what_was_read_a_second_ago_is_read_anew() {
        let (rooms, anna) = (Rooms::default(), user("anna"));
        rooms.learn(&anna, Queue { cap: 6, free: 5 }, NOW);
        assert_eq!(rooms.take(&anna, NOW.plus(GOOD_FOR)), None);
        rooms.learn(&anna, Queue { cap: 6, free: 5 }, NOW.plus(GOOD_FOR));
        assert_eq!(free(rooms.take(&anna, NOW.plus(GOOD_FOR))), Some(4));
    }

    #[test]
    fn only_so_many_are_remembered_and_the_last_is_among_them() {
        let rooms = Rooms::default();
        for number in 0..USERS_MAX * 3 {
            let name = user(&format!("user-{number}"));
            rooms.learn(&name, Queue { cap: 6, free: 5 }, NOW);
            assert!(rooms.lock().len() <= USERS_MAX);
            assert_eq!(free(rooms.take(&name, NOW)), Some(4));
            // Who is known already makes nobody forgotten.
            let before = rooms.lock().len();
            rooms.learn(&name, Queue { cap: 6, free: 5 }, NOW);
            assert_eq!(rooms.lock().len(), before);
        }
    }
}
