//! Names for the few of everything that there are: requests and their jobs, and processes of a kind.

/// One of the requests that the caller sends, and the job that it makes if it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Which {
    First,
    Second,
    Third,
}

/// Something for each request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Each<T>([T; 3]);

impl Which {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::First, Self::Second, Self::Third];
}

impl<T> Each<T> {
    /// One thing for each.
    pub const fn new(each: [T; 3]) -> Self {
        Self(each)
    }

    /// That of one of them.
    pub const fn of(&self, which: Which) -> &T {
        let [first, second, third] = &self.0;
        match which {
            Which::First => first,
            Which::Second => second,
            Which::Third => third,
        }
    }

    pub(crate) const fn of_mut(&mut self, which: Which) -> &mut T {
        let [first, second, third] = &mut self.0;
        match which {
            Which::First => first,
            Which::Second => second,
            Which::Third => third,
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Which, &T)> {
        Which::ALL.into_iter().zip(&self.0)
    }
}

/// One of two processes of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Side {
    Left,
    Right,
}

/// Two processes of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Two<T>([T; 2]);

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

impl<T: Ord> Two<T> {
    /// One of them.
    pub const fn of(&self, side: Side) -> &T {
        let [left, right] = &self.0;
        match side {
            Side::Left => left,
            Side::Right => right,
        }
    }

    pub(crate) const fn of_mut(&mut self, side: Side) -> &mut T {
        let [left, right] = &mut self.0;
        match side {
            Side::Left => left,
            Side::Right => right,
        }
    }

    /// Both, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    pub(crate) fn is_sorted(&self) -> bool {
        self.0.is_sorted()
    }

    pub(crate) fn swap(&mut self) {
        self.0.reverse();
    }
}
