//! Who is connected, and who has to go when there is no place left.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use super::origin::Origin;

/// How many places there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// In all.
    pub connections: usize,
    /// For one address, or one IPv6 network.
    pub per_origin: usize,
}

/// Places for connections, most of which do nothing most of the time.
///
/// Clients keep connections open because they may need them again. That is welcome while there is room; then who has been
/// idle longest goes, so that who works, or has just come, finds a place. Whose request is being answered stays.
///
/// # Shape
/// `H` is whatever ends a connection; it is given back when that one has to go.
///
/// # Invariants
/// Never more seats than there is room for, in all and for each origin.
///
/// # Cost
/// Logarithmic in the seats; linear for a newcomer whose origin has used up its own.
#[derive(Debug)]
pub(super) struct Places<H> {
    room: Room,
    seats: HashMap<SeatId, Seat<H>>,
    /// Idle ones, the longest idle first.
    idle: BTreeMap<Turn, SeatId>,
    origins: HashMap<Origin, usize>,
    turns: Turn,
}

/// Names a seat; never used again.
pub(super) type SeatId = u64;

/// Orders moments.
type Turn = u64;

#[derive(Debug)]
struct Seat<H> {
    origin: Origin,
    handle: H,
    /// Since when nothing was asked, if so.
    idle: Option<Turn>,
}

/// What becomes of somebody who comes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival<H> {
    /// All others are being answered: may wait until one of them ends.
    Full,
    /// All connections of that origin are being answered, and it has as many as it may have.
    OriginFull,
    /// Has a place, idle until it asks for something.
    Seated {
        /// Its seat.
        seat: SeatId,
        /// Who has to go for it; their seat is no more.
        leaves: Option<H>,
    },
}

impl<H> Places<H> {
    /// Nobody is there.
    pub(super) fn new(room: Room) -> Self {
        Self { room, seats: HashMap::new(), idle: BTreeMap::new(), origins: HashMap::new(), turns: 0 }
    }

    /// Somebody comes. The handle is made for who gets a seat.
    pub(super) fn handle_arrival(&mut self, from: IpAddr, handle: impl FnOnce() -> H) -> Arrival<H> {
        let origin = Origin::of(from);
        let of_origin = self.origins.get(&origin).copied().unwrap_or(0);
        let leaves = if of_origin >= self.room.per_origin {
            let Some(seat) = self.idle.values().copied().find(|seat| self.is_of(*seat, origin)) else {
                return Arrival::OriginFull;
            };
            Some(seat)
        } else if self.seats.len() >= self.room.connections {
            let Some(seat) = self.idle.values().next().copied() else { return Arrival::Full };
            Some(seat)
        } else {
            None
        };
        let leaves = leaves.and_then(|seat| self.on_gone(seat));
        let turn = self.next_turn();
        self.seats.insert(turn, Seat { origin, handle: handle(), idle: Some(turn) });
        self.idle.insert(turn, turn);
        *self.origins.entry(origin).or_default() += 1;
        Arrival::Seated { seat: turn, leaves }
    }

    /// A request has come. Who has lost the seat meanwhile is left alone, here and below.
    pub(super) fn on_asked(&mut self, seat: SeatId) {
        if let Some(turn) = self.seats.get_mut(&seat).and_then(|seat| seat.idle.take()) {
            self.idle.remove(&turn);
        }
    }

    /// Its reply is ready.
    pub(super) fn on_answered(&mut self, seat: SeatId) {
        let turn = self.next_turn();
        if let Some(found) = self.seats.get_mut(&seat)
            && found.idle.is_none()
        {
            found.idle = Some(turn);
            self.idle.insert(turn, seat);
        }
    }

    /// A connection is no more, or must not be; gives back its handle.
    pub(super) fn on_gone(&mut self, seat: SeatId) -> Option<H> {
        let gone = self.seats.remove(&seat)?;
        if let Some(turn) = gone.idle {
            self.idle.remove(&turn);
        }
        if let Some(count) = self.origins.get_mut(&gone.origin) {
            *count -= 1;
            if *count == 0 {
                self.origins.remove(&gone.origin);
            }
        }
        Some(gone.handle)
    }

    /// Everybody has to go.
    pub(super) fn clear(&mut self) -> Vec<H> {
        let seats: Vec<SeatId> = self.seats.keys().copied().collect();
        seats.into_iter().filter_map(|seat| self.on_gone(seat)).collect()
    }

    /// Whether nobody is there.
    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    fn is_of(&self, seat: SeatId, origin: Origin) -> bool {
        self.seats.get(&seat).is_some_and(|seat| seat.origin == origin)
    }

    fn next_turn(&mut self) -> Turn {
        self.turns += 1;
        self.turns
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(connections: usize, per_origin: usize) -> Places<&'static str> {
        Places::new(Room { connections, per_origin })
    }

    fn come(places: &mut Places<&'static str>, from: &str, name: &'static str) -> Arrival<&'static str> {
        places.handle_arrival(from.parse().unwrap(), || name)
    }

    #[track_caller]
    fn seated(places: &mut Places<&'static str>, from: &str, name: &'static str) -> SeatId {
        match come(places, from, name) {
            Arrival::Seated { seat, leaves: None } => seat,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn leaves(arrival: Arrival<&'static str>) -> &'static str {
        match arrival {
            Arrival::Seated { leaves: Some(name), .. } => name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn who_has_been_idle_longest_goes_and_who_works_stays() {
        let mut places = places(3, 3);
        let first = seated(&mut places, "192.0.2.1", "first");
        seated(&mut places, "192.0.2.2", "second");
        let third = seated(&mut places, "192.0.2.3", "third");
        places.on_asked(third);
        places.on_asked(first);
        places.on_answered(first);
        assert_eq!(leaves(come(&mut places, "192.0.2.4", "fourth")), "second");
        assert_eq!(leaves(come(&mut places, "192.0.2.5", "fifth")), "first");
        places.on_answered(third);
        assert_eq!(leaves(come(&mut places, "192.0.2.6", "sixth")), "fourth");
        assert_eq!(leaves(come(&mut places, "192.0.2.7", "seventh")), "fifth", "the third asked later");
    }

    #[test]
    fn nobody_goes_while_all_work() {
        let mut places = places(2, 2);
        let seats = ["192.0.2.1", "192.0.2.2"].map(|from| seated(&mut places, from, "busy"));
        seats.iter().for_each(|seat| places.on_asked(*seat));
        assert_eq!(come(&mut places, "192.0.2.3", "late"), Arrival::Full);
        assert_eq!(places.on_gone(seats[0]), Some("busy"));
        seated(&mut places, "192.0.2.3", "late");
    }

    #[test]
    fn an_origin_that_has_its_share_gives_up_its_own() {
        let mut places = places(10, 2);
        seated(&mut places, "192.0.2.9", "other, idle longest");
        let one = seated(&mut places, "2001:db8::1", "one");
        let two = seated(&mut places, "2001:db8::2", "two");
        assert_eq!(leaves(come(&mut places, "2001:db8::3", "three")), "one");
        places.on_asked(two);
        assert_eq!(leaves(come(&mut places, "2001:db8::4", "four")), "three");
        places.on_asked(one);
        let Arrival::Seated { seat: five, .. } = come(&mut places, "2001:db8::5", "five") else { panic!() };
        places.on_asked(five);
        assert_eq!(come(&mut places, "2001:db8::6", "six"), Arrival::OriginFull);
        seated(&mut places, "2001:db8:0:1::6", "another network");
    }

    #[test]
    fn who_lost_the_seat_takes_nobody_elses() {
        let mut places = places(1, 1);
        let lost = seated(&mut places, "192.0.2.1", "lost");
        assert_eq!(leaves(come(&mut places, "192.0.2.2", "new")), "lost");
        places.on_asked(lost);
        places.on_answered(lost);
        assert_eq!(places.on_gone(lost), None);
        assert_eq!(leaves(come(&mut places, "192.0.2.3", "newer")), "new");
        assert_eq!(places.clear(), ["newer"]);
        assert!(places.is_empty() && places.origins.is_empty() && places.idle.is_empty());
    }

    proptest! {
        #[test]
        fn there_are_never_more_than_there_is_room_for(events in prop::collection::vec((0..4u8, 0..8u8), 0..200)) {
            let room = Room { connections: 5, per_origin: 2 };
            let mut places = Places::new(room);
            let mut seats = Vec::new();
            for (event, which) in events {
                let known = seats.get(usize::from(which)).copied().unwrap_or(0);
                match event {
                    0 => {
                        let from = IpAddr::from([192, 0, 2, which]);
                        if let Arrival::Seated { seat, .. } = places.handle_arrival(from, || ()) {
                            seats.push(seat);
                        }
                    }
                    1 => places.on_asked(known),
                    2 => places.on_answered(known),
                    _ => drop(places.on_gone(known)),
                }
                prop_assert!(places.seats.len() <= room.connections);
                prop_assert!(places.origins.values().all(|count| (1..=room.per_origin).contains(count)));
                prop_assert_eq!(places.origins.values().sum::<usize>(), places.seats.len());
                let idle = places.seats.values().filter(|seat| seat.idle.is_some()).count();
                prop_assert_eq!(idle, places.idle.len());
            }
        }
    }
}
