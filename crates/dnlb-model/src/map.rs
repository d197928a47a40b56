//! Maps of objects of which copies cost nothing.

use std::sync::Arc;

use imbl::ordmap::DiffItem;

/// Objects by their ids. A copy costs nothing and shares all that neither side changes, so that a change of a large region
/// costs what it changes.
pub type Map<K, V> = imbl::OrdMap<K, Arc<V>>;

/// What two maps say differently: each such key with its old and its new object, in the order of the keys.
///
/// # Cost
/// That of what the copies do not share.
pub fn changes<'a, K: Ord, V: PartialEq>(
    old: &'a Map<K, V>,
    new: &'a Map<K, V>,
) -> impl Iterator<Item = (&'a K, Option<&'a Arc<V>>, Option<&'a Arc<V>>)> + use<'a, K, V> {
    old.diff(new).map(|item| match item {
        DiffItem::Add(key, new) => (key, None, Some(new)),
        DiffItem::Remove(key, old) => (key, Some(old), None),
        DiffItem::Update { old: (_, old), new: (key, new) } => (key, Some(old), Some(new)),
    })
}

/// The keys of which two maps say different things, in their order.
///
/// # Cost
/// As of [`changes`].
pub fn changed_keys<'a, K: Ord, V: PartialEq>(
    old: &'a Map<K, V>,
    new: &'a Map<K, V>,
) -> impl Iterator<Item = &'a K> + use<'a, K, V> {
    changes(old, new).map(|(key, ..)| key)
}

/// The objects whose keys begin with `one`, each with the rest of its key, in the order of that.
///
/// # Cost
/// That of these objects, however many others there are.
pub fn objects_of<'a, A: Ord + Clone, B: Ord + Clone + for<'b> From<&'b str>, V>(
    map: &'a Map<(A, B), V>,
    one: &A,
) -> impl Iterator<Item = (&'a B, &'a Arc<V>)> + use<'a, A, B, V> {
    let one = one.clone();
    let first = (one.clone(), B::from(""));
    map.range(first..).take_while(move |((of, _), _)| *of == one).map(|((_, rest), object)| (rest, object))
}

/// Changes the objects of which `which` says so.
pub fn change_where<K: Ord + Clone, V: Clone>(
    map: &mut Map<K, V>,
    which: impl Fn(&V) -> bool,
    mut change: impl FnMut(&mut V),
) {
    let keys: Vec<K> = map.iter().filter(|(_, object)| which(object)).map(|(key, _)| key.clone()).collect();
    for key in keys {
        if let Some(object) = map.get_mut(&key) {
            change(Arc::make_mut(object));
        }
    }
}

/// Removes the objects of which `which` says so.
pub fn remove_where<K: Ord + Clone, V: Clone>(map: &mut Map<K, V>, which: impl Fn(&K, &V) -> bool) {
    let keys: Vec<K> =
        map.iter().filter(|(key, object)| which(key, object)).map(|(key, _)| key.clone()).collect();
    for key in keys {
        map.remove(&key);
    }
}
