//! How many calls, and how many bytes of theirs, are in the house at once. Who finds it full is told at once to come again,
//! instead of waiting until the house breaks down. No tenant gets more than half of it, so that the others always find room.

use domain::TenantId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const MOST_CALLS: usize = 2_048;
const MOST_BYTES: usize = 64 << 20;

/// Cheap to clone; clones share the room.
#[derive(Clone)]
pub struct Room(Arc<Mutex<Taken>>);

struct Taken {
    most: Used,
    all: Used,
    by_tenant: HashMap<TenantId, Used>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    calls: usize,
    bytes: usize,
}

impl Used {
    fn fits(self, more: Self, most: Self) -> bool {
        self.calls + more.calls <= most.calls && self.bytes + more.bytes <= most.bytes
    }
    fn add(&mut self, more: Self) {
        self.calls += more.calls;
        self.bytes += more.bytes;
    }
    fn sub(&mut self, less: Self) {
        self.calls -= less.calls;
        self.bytes -= less.bytes;
    }
    fn half(self) -> Self {
        Self { calls: self.calls.div_ceil(2), bytes: self.bytes.div_ceil(2) }
    }
}

/// One call's place; given back on drop.
pub struct Place {
    room: Room,
    tenant: TenantId,
    used: Used,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(MOST_CALLS, MOST_BYTES)
    }
}

impl Room {
    fn of(calls: usize, bytes: usize) -> Self {
        let most = Used { calls, bytes };
        Self(Arc::new(Mutex::new(Taken { most, all: Used::default(), by_tenant: HashMap::new() })))
    }

    /// `None`: full.
    pub fn enter(&self, tenant: TenantId) -> Option<Place> {
        let mut place = Place { room: self.clone(), tenant, used: Used::default() };
        place.take(Used { calls: 1, bytes: 0 }).then_some(place)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Makes room for more of its body; `false`: full.
    pub fn hold(&mut self, bytes: usize) -> bool {
        self.take(Used { calls: 0, bytes })
    }

    fn take(&mut self, more: Used) -> bool {
        let mut taken = self.room.taken();
        let (most, all) = (taken.most, taken.all);
        let own = taken.by_tenant.get(&self.tenant).copied().unwrap_or_default();
        if !all.fits(more, most) || !own.fits(more, most.half()) {
            return false;
        }
        taken.all.add(more);
        taken.by_tenant.entry(self.tenant).or_default().add(more);
        self.used.add(more);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        taken.all.sub(self.used);
        if let Some(own) = taken.by_tenant.get_mut(&self.tenant) {
            own.sub(self.used);
            if *own == Used::default() {
                taken.by_tenant.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: u128) -> TenantId {
        TenantId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn one_tenant_gets_half_of_the_calls_and_the_others_find_room() {
        let room = Room::of(4, 100);
        let own: Vec<_> = (0..2).map(|_| room.enter(tenant(1)).expect("room")).collect();
        assert!(room.enter(tenant(1)).is_none());
        let others = [room.enter(tenant(2)), room.enter(tenant(3))];
        assert!(others.iter().all(Option::is_some));
        assert!(room.enter(tenant(4)).is_none(), "full");
        drop(own);
        assert!(room.enter(tenant(1)).is_some(), "given back");
    }

    #[test]
    fn bytes_are_counted_and_given_back() {
        let room = Room::of(10, 100);
        let (mut one, mut two) = (room.enter(tenant(1)).expect("room"), room.enter(tenant(1)).expect("room"));
        assert!(one.hold(30) && two.hold(20));
        assert!(!two.hold(1), "half is used up");
        drop(one);
        assert!(two.hold(30));
        drop(two);
        assert_eq!(room.taken().all, Used::default());
        assert!(room.taken().by_tenant.is_empty());
    }
}
