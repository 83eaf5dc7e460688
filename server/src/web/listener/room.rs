//! Who may still connect: so many in all, so many of one address, and a few more who are told that it is full.

use super::Manners;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    /// For those who are told that it is full.
    steps: Arc<Semaphore>,
    most_of_one: usize,
    /// They bring many callers.
    proxies: Arc<[IpNet]>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// What becomes of who connects.
pub(super) enum Entry {
    In(Place),
    /// To be told, and to go.
    Full(OwnedSemaphorePermit),
    /// Not even that.
    Crowded,
}

/// Given back on drop.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    of: Option<(Room, IpAddr)>,
}

impl Room {
    pub fn new(manners: Manners, proxies: Arc<[IpNet]>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(manners.connections)),
            steps: Arc::new(Semaphore::new(manners.told_full)),
            most_of_one: manners.of_one_address,
            proxies,
            by_address: Arc::default(),
        }
    }

    pub fn enter(&self, caller: IpAddr) -> Entry {
        if let Some(place) = self.place(caller) {
            return Entry::In(place);
        }
        Arc::clone(&self.steps).try_acquire_owned().map_or(Entry::Crowded, Entry::Full)
    }

    fn place(&self, caller: IpAddr) -> Option<Place> {
        let caller = caller.to_canonical();
        if self.proxies.iter().any(|proxy| proxy.contains(&caller)) {
            return self.one().map(|place| Place { _place: place, of: None });
        }
        let holder = holder(caller);
        let mut counts = self.counts();
        let count = counts.entry(holder).or_default();
        let place = (*count < self.most_of_one).then(|| self.one()).flatten();
        match place {
            Some(place) => {
                *count += 1;
                Some(Place { _place: place, of: Some((self.clone(), holder)) })
            }
            None => {
                if *count == 0 {
                    counts.remove(&holder);
                }
                None
            }
        }
    }

    fn one(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever has one IPv6 address usually has the other 2⁶⁴ of its network, too.
fn holder(caller: IpAddr) -> IpAddr {
    match caller {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        IpAddr::V4(_) => caller,
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((room, holder)) = self.of.take() else { return };
        let mut counts = room.counts();
        if let Some(count) = counts.get_mut(&holder) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(proxies: &[&str]) -> Room {
        let manners = Manners { connections: 4, of_one_address: 2, told_full: 1, ..Manners::default() };
        Room::new(manners, proxies.iter().map(|proxy| proxy.parse().unwrap()).collect())
    }

    fn enter(room: &Room, caller: &str) -> Entry {
        room.enter(caller.parse().unwrap())
    }

    fn place(room: &Room, caller: &str) -> Place {
        match enter(room, caller) {
            Entry::In(place) => place,
            Entry::Full(_) | Entry::Crowded => panic!("there is no room for {caller}"),
        }
    }

    #[test]
    fn one_address_gets_no_more_than_its_part_and_its_places_back() {
        let room = room(&[]);
        let first = place(&room, "192.0.2.1");
        // The same address, written otherwise.
        let second = place(&room, "::ffff:192.0.2.1");
        assert!(matches!(enter(&room, "192.0.2.1"), Entry::Full(_)));
        let _other = place(&room, "192.0.2.2");
        drop((first, second));
        let _again = place(&room, "192.0.2.1");
        drop(place(&room, "192.0.2.3"));
        assert_eq!(room.counts().len(), 2, "who is gone is forgotten");
    }

    #[test]
    fn one_network_of_ipv6_is_one_caller() {
        let room = room(&[]);
        let _both = (place(&room, "2001:db8::1"), place(&room, "2001:db8::ffff:1"));
        assert!(matches!(enter(&room, "2001:db8::2"), Entry::Full(_)));
        let _other = place(&room, "2001:db8:0:1::1");
    }

    #[test]
    fn a_trusted_proxy_may_fill_the_room() {
        let room = room(&["10.0.0.0/8"]);
        let _all: Vec<Place> = (0..4).map(|_| place(&room, "10.1.2.3")).collect();
        let told = enter(&room, "192.0.2.1");
        assert!(matches!(told, Entry::Full(_)), "somebody is told");
        assert!(matches!(enter(&room, "192.0.2.1"), Entry::Crowded), "but not everybody at once");
        drop(told);
        assert!(matches!(enter(&room, "192.0.2.1"), Entry::Full(_)));
    }
}
